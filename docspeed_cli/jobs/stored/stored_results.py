"""Find existing results: in files and folders, in lines of JSON, and among the kept results."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError, NotFound, UsageError
from docspeed_cli.core.files import display_path
from docspeed_cli.core.json_text import read_json
from docspeed_cli.core.models import Job
from docspeed_cli.core.text_files import decode_text
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.named_documents import is_document
from docspeed_cli.jobs.filenames import CORRECTIONS
from docspeed_cli.jobs.job_names import LAST, named_job
from docspeed_cli.service.body import Body

if TYPE_CHECKING:
    from docspeed_cli.results.decisions import Decisions
    from docspeed_cli.store.runs import RunRecord


class StoredResult(NamedTuple):
    """An existing result, under the name of its document or its file; or why it can't be read."""

    label: str
    payload: Any = None
    path: Path | None = None
    job: Job | None = None
    error: DocspeedError | None = None

    def check(self) -> None:
        """Raise the error, with the result's name, if the result can't be read."""
        if self.error is not None:
            raise self.error.replace(message=f"{self.label}: {self.error.message}")


def corrections_path(context: Context, path: Path | None, job: Job | None) -> Path | None:
    """Return the file of a result's corrections: beside the result's file, or else in the state folder.

    None for a result that has neither a file nor a job.
    """
    output = path or (Path(job.output) if job is not None and job.output else None)
    beside = output.with_name(output.stem + CORRECTIONS) if output is not None else None
    if job is None or (beside is not None and beside.exists()):
        return beside
    name = hashlib.sha256(f"{job.server} {job.job_id or job.token}".encode()).hexdigest()[:32]
    kept = context.settings.state_dir / "corrections" / f"{name}{CORRECTIONS}"
    has_file = output is not None and output.suffix.lower() == ".json" and output.is_file()
    # A result may get its file after it was reviewed.
    return beside if has_file and not kept.exists() else kept


def decisions_about(context: Context, path: Path | None, job: Job | None) -> Decisions:
    """Return the reviewers' decisions about a result. DocspeedError if they can't be read."""
    from docspeed_cli.review.decision_file import DecisionFile

    file = corrections_path(context, path, job)
    return {} if file is None else DecisionFile(file).read()


def read_again(context: Context, result: StoredResult) -> Any:
    """Return the payload of a result whose file or job is known. DocspeedError if it is gone."""
    if result.path is not None:
        found = read_result_file(result.label, result.path)
    else:
        found = _kept(context, result.label, result.job, None, None)
    if found.error is not None:
        raise found.error
    return found.payload


def stored_results(context: Context, names: Iterable[str]) -> Iterator[StoredResult]:
    """Yield the results that have these names: files, folders, runs, job ids, `-` for lines of JSON.

    No request is sent. UsageError or NotFound for a name without a result.
    """
    for name in names:
        path = Path(name)
        if name == "-":
            yield from _from_lines("standard input", context.environment.stdin.buffer)
        elif path.is_dir():
            yield from _from_folder(path)
        elif path.is_file():
            yield from _from_file(path, path.name)
        else:
            yield from _from_ledger(context, name)


def result_files(folder: Path) -> list[Path]:
    """Return the files in a folder and below it that may be results, sorted."""
    return sorted(
        path
        for path in folder.rglob("*.json")
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(CORRECTIONS)
    )


def read_result_file(label: str, path: Path) -> StoredResult:
    """Read one file."""
    try:
        return StoredResult(label, _read_json(Body.at(path), "it"), path)
    except OSError as error:
        why = DocspeedError(f"can't be read: {error.strerror or error}")
    except DocspeedError as error:
        document = "it is a document, not a result; name its result, its job or its run"
        why = DocspeedError(document) if is_document(path) else error
    return StoredResult(label, path=path, error=why)


def _read_json(body: Body, what: str = "the answer") -> Any:
    """The value of a result whose file is then closed: Windows does not replace an open one."""
    try:
        return body.json(what=what)
    finally:
        body.clear()


def _from_folder(folder: Path) -> Iterator[StoredResult]:
    paths = result_files(folder)
    if not paths:
        raise UsageError(
            f"{display_path(folder)}: no results (*.json) in this folder; a command with `-o DIR` writes them"
        )
    for path in paths:
        yield read_result_file(display_path(path.relative_to(folder)), path)


def _from_file(path: Path, label: str) -> Iterator[StoredResult]:
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        with path.open("rb") as file:
            yield from _from_lines(label, file)
    else:
        yield read_result_file(display_path(path), path)


def _from_lines(label: str, stream: IO[bytes]) -> Iterator[StoredResult]:
    """Yield the results in lines of JSON, as a run over many documents prints them; or a single result."""
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            members = read_json(decode_text(line))
        except ValueError as error:
            why = UsageError(f"{label}, line {number}: it is not JSON: {error}")
            raise why from None
        if isinstance(members, dict) and "input" in members and ("result" in members or "error" in members):
            yield _from_line(members, f"{label}, line {number}")
        elif isinstance(members, dict) and "output" in members and "job_id" in members:
            yield read_result_file(
                str(members.get("input") or members["output"]), Path(str(members["output"]))
            )
        else:
            yield StoredResult(f"{label}, line {number}" if number > 1 else label, members)


def _from_line(members: dict[str, Any], place: str) -> StoredResult:
    label = str(members["input"] or place)
    if "result" in members:
        return StoredResult(label, members["result"])
    error = members["error"]
    message = str(error.get("message") if isinstance(error, dict) else error)
    return StoredResult(label, error=DocspeedError(message))


def _from_ledger(context: Context, name: str) -> Iterator[StoredResult]:
    """Yield the kept results of a run or a job."""
    run = context.ledger.runs.find(name, context.settings.named_server)
    job = named_job(context, name)
    if run is not None and not (name == LAST and _is_newer(job, run)):
        for item in context.ledger.runs.items(run.run):
            row = context.ledger.by_row(item.job_row) if item.job_row is not None else None
            label = str(item.input or item.job_id)
            reason = DocspeedError(item.reason) if item.reason else None
            output = Path(item.output) if item.output else None
            yield _kept(context, label, row, output, reason)
    elif job is not None:
        output = Path(job.output) if job.output else None
        yield _kept(context, job.input or job.ref, job, output, None)
    else:
        raise NotFound(
            f"{name}: no such file, folder, run or job on this machine",
            hint="`docspeed runs list` and `docspeed jobs list` show what there is",
        )


def _is_newer(job: Job | None, run: RunRecord) -> bool:
    """Whether a job was submitted after the newest run had started, and not by it."""
    return job is not None and job.run != run.run and (job.submitted_at or 0) > (run.started_at or 0)


def _kept(
    context: Context, label: str, job: Job | None, output: Path | None, reason: DocspeedError | None
) -> StoredResult:
    if job is not None and (kept := context.kept.open(job)) is not None:
        try:
            return StoredResult(label, _read_json(Body.of(kept)), job=job)
        except DocspeedError as error:
            return StoredResult(label, job=job, error=error)
    if output is not None and output.is_file() and output.suffix.lower() == ".json":
        return read_result_file(label, output)._replace(job=job)
    if reason is None:
        command = context.result_command(job) if job is not None else None
        reason = NotFound("the result is not on this machine", hint=command and f"`{command}`")
    return StoredResult(label, job=job, error=reason)
