"""Deliver outcomes: a view, a job's line, the server's bytes, another format, or a file."""

from __future__ import annotations

import errno
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.models import Job, Source
from docspeed_cli.core.timefmt import ago, span
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.filenames import Names, suggested
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.sources import digest, display_path
from docspeed_cli.jobs.target import Target, make_folder
from docspeed_cli.service.body import Body, sweep, write_whole

_EXTENSIONS = {"json": "json", "markdown": "md", "text": "txt", "csv": "csv"}

_MAX_VIEW = 16 * 1024 * 1024
"""Largest result in bytes that is drawn at a terminal."""


class Delivery:
    """Delivers the outcomes of one command: one result by itself, or a line (or file) for each of many."""

    def __init__(self, context: Context, target: Target) -> None:
        self.context = context
        self.output = context.output
        self.target = target
        if target.path is None or target.many:
            self.output.ready()
        if target.spool_dir is not None:
            sweep(target.spool_dir, context.environment.now())
        extension = _EXTENSIONS.get(self.output.format, "json")
        self._names = Names(target.folder, extension, target.pattern) if target.folder is not None else None
        self._csv_heading: list[str] | None = None

    def new_body(self) -> Body:
        """A body for one result; a large one is spooled where renaming makes it the result's file."""
        return Body(self.target.spool_dir or self.context.spool_dir)

    def path_for(self, source: Source | None, operation: str, job: Job | None = None) -> Path | None:
        """The file for this input, if results go to files of their own."""
        return self._names.name(source, operation, job) if self._names is not None else None

    def deliver(self, outcome: Outcome) -> None:
        """Deliver an outcome. Of one document, its error is raised; of many, it becomes its line."""
        if self.target.many:
            if outcome.error is None and outcome.result is None and outcome.output is None:
                self._deliver_job(outcome, many=True)
            else:
                self._deliver_line(outcome)
            return
        if outcome.result is not None:
            self.deliver_result(outcome)
        elif outcome.error is None:
            self._deliver_job(outcome, many=False)
        if outcome.error is not None:
            raise outcome.error

    # -- one

    def _deliver_job(self, outcome: Outcome, *, many: bool) -> None:
        """Print a job that is not waited for."""
        job = outcome.job
        assert job is not None
        if self.output.format == "id":
            self.output.text(job.ref)
        elif self.output.human_output:
            cells = (job.ref, job.operation, job.status, job.input or "")
            self.output.row(*cells, prose=self._age_if_reused(job, many=many), state=2)
            if not many:
                command = self.context.result_command(job) if job.ended else self.context.wait_command([job])
                self.output.hint(f"`{command}`")
        else:
            self.output.value(job.to_json())

    def deliver_result(self, outcome: Outcome, *, continues: bool = False) -> None:
        """Deliver one result by itself; `continues` says that its conversation can go on."""
        job, result = outcome.job, outcome.result
        assert job is not None and result is not None
        if self.output.format == "id" and self.target.path is None:
            self.output.text(job.ref)
        elif self.target.path is not None:
            self._note_other_suffix(self.target.path)
            self._write(self.target.path, job, result)
            self.output.note(f"{job.operation} result of {job.ref} is in {self.target.path}")
        elif self.output.human_output:
            self._view(outcome, continues=continues)
        elif self.output.format == "json":
            self.output.payload(result)
        else:
            self.output.text(self._converted(job, result))
        result.clear()

    def _note_other_suffix(self, path: Path) -> None:
        suffix = path.suffix.lower()
        named = next((form for form, extension in _EXTENSIONS.items() if suffix == f".{extension}"), None)
        if named is not None and named != self.output.format and self.output.style.format is None:
            self.output.note(f"{path} holds JSON; `--format {named}` writes {named}")

    def deliver_answer(self, outcome: Outcome) -> None:
        """Deliver one answer of a conversation: a view at a terminal, one value a line in a pipe."""
        assert outcome.job is not None and outcome.result is not None
        if self.output.human_output:
            self._draw(outcome)
        elif self.output.format == "json":
            self.output.chunks([*outcome.result.on_one_line(), b"\n"])
        elif self.output.format == "id":
            self.output.text(outcome.job.ref)
        else:
            self.output.text(self._converted(outcome.job, outcome.result))
        outcome.result.clear()

    def _view(self, outcome: Outcome, *, continues: bool) -> None:
        job, result = outcome.job, outcome.result
        assert job is not None and result is not None
        save = f"`{self.context.result_command(job)} -o {shlex.quote(suggested(outcome.source, job))}`"
        if result.size > _MAX_VIEW:
            self.output.note(f"the result is {result.size / 1e6:.0f} MB, too large for a terminal")
            self.output.hint(save)
            return
        self._draw(outcome)
        self.output.blank_line()
        took = f" in {span(outcome.seconds)}" if outcome.seconds and not job.reused else ""
        self.output.progress(
            f"{job.status}{took} · {job.operation} job {job.ref} · {job.input or ''}".rstrip(" ·")
        )
        if continues:
            self.output.hint(f"`docspeed chat 'your next question' --continue{self.context.server_flags}`")
        elif job.job_id or job.row:
            self.output.hint(save)

    def _draw(self, outcome: Outcome) -> None:
        from docspeed_cli.terminal.views.operations import result_view

        assert outcome.job is not None and outcome.result is not None
        names = _document_names(outcome.job)
        self.output.show(result_view(outcome.job.operation, outcome.result.json(), names=names))

    # -- many

    def _deliver_line(self, outcome: Outcome) -> None:
        """Print the line of one input of many that has ended, well or not."""
        if outcome.error is not None:
            self._deliver_failure(outcome, outcome.error)
            return
        job, result = outcome.job, outcome.result
        assert job is not None
        if outcome.output is not None:
            self._deliver_file(outcome, job)
            return
        assert result is not None
        if self.output.format == "id":
            self.output.text(job.ref)
        elif self.output.human_output:
            cells = (f"{job.status:<9}", job.ref, f"{span(outcome.seconds):>6}", job.input or "")
            self.output.row(*cells, prose=self._age_if_reused(job, many=True), state=0)
        elif self.output.format == "json":
            self.output.line_with(_members(outcome, job.status), "result", result)
        else:
            self._deliver_converted(job, result)
        result.clear()

    def _deliver_failure(self, outcome: Outcome, error: DocspeedError) -> None:
        """Print a failure; a result that came all the same, but lacks something, stays beside it."""
        if self.output.human_output or self.output.format in ("markdown", "text", "csv", "id"):
            label = outcome.source.label if outcome.source else outcome.job.input if outcome.job else None
            known = label is None or not error.job_id or error.job_id in f"{label} {error.reason}"
            what = error.reason if known else f"{error.reason} ({error.job_id})"
            self.output.failure(f"{label}: {what}" if label else error.message)
            return
        members = _members(outcome, outcome.job.status if outcome.job else "failed")
        self.output.annotate(f"{members['input']}: {error.reason}" if members["input"] else error.message)
        line = {**members, "error": error.to_json()}
        if outcome.output is not None:
            line["output"] = outcome.output
        if outcome.result is None:
            self.output.text(_compact(line))
        else:
            self.output.line_with(line, "result", outcome.result)
            outcome.result.clear()

    def _deliver_file(self, outcome: Outcome, job: Job) -> None:
        if self.output.human_output:
            cells = (f"{job.status:<9}", job.ref, outcome.output or "")
            self.output.row(*cells, prose=self._age_if_reused(job, many=True), state=0)
            return
        self.output.text(_compact({**_members(outcome, job.status), "output": outcome.output}))

    def _age_if_reused(self, job: Job, *, many: bool) -> str:
        """How old a reused job is, in a run over many documents; elsewhere a note says it."""
        reused = many and job.reused
        return f"· from {ago(job.submitted_at, self.context.environment.now())}" if reused else ""

    def _deliver_converted(self, job: Job, result: Body) -> None:
        text = self._converted(job, result)
        label = job.input or job.ref
        if self.output.format == "csv":
            self._deliver_csv(label, text)
        elif self.output.format == "markdown":
            self.output.text(f"# {label}\n\n{text.strip()}\n")
        else:
            self.output.text(f"{label}\n{'=' * len(label)}\n\n{text.strip()}\n")

    def _deliver_csv(self, label: str, text: str) -> None:
        """Print the rows of one document with its label in the first column; a heading only if it changes."""
        import csv
        import io

        from docspeed_cli.results.to_csv import escape_formula

        written = io.StringIO(newline="")
        rows = csv.writer(written, lineterminator="\r\n")
        heading_next = True
        for row in csv.reader(io.StringIO(text, newline="")):
            if not row:
                heading_next = True
            elif not heading_next:
                rows.writerow([escape_formula(label), *row])
            elif row != self._csv_heading:
                self._csv_heading = row
                rows.writerow(["input", *row])
            heading_next = heading_next and not row
        if self.output.environment.stdout.isatty():
            self.output.text(written.getvalue().rstrip("\r\n").replace("\r\n", "\n"))
        else:
            self.output.chunks([written.getvalue().encode("utf-8", "backslashreplace")])

    # -- files

    def write_result_file(self, outcome: Outcome, path: Path) -> Outcome:
        """Write the result to its file and record that. DocspeedError if it can't be written."""
        assert outcome.job is not None and outcome.result is not None
        make_folder(path.parent, str(path))
        if path.exists() and not self._is_ours(outcome.job, outcome.result, path):
            self.output.note(f"other files of the same names are replaced in {self.target.folder}")
        self._write(path, outcome.job, outcome.result)
        outcome.result.clear()
        if outcome.job.row is not None:
            self.context.ledger.set_output(
                outcome.job.row, display_path(path.resolve()), self.content_hash(path)
            )
        return outcome._replace(result=None, output=str(path))

    def content_hash(self, path: Path) -> str:
        """What tells this content, in this format, from any other; the file's name and time don't matter."""
        return f"{digest(path)} {self.output.format} {self.target.table or ''}"

    def _is_ours(self, job: Job, result: Body, path: Path) -> bool:
        """Whether the file came from the same request, or has the same content."""
        if path.is_file() and path.stat().st_size - result.size in (0, 1):
            with path.open("rb") as file:
                if all(file.read(len(chunk)) == chunk for chunk in result.lines()):
                    return True
        where = display_path(path.resolve())
        earlier = self.context.ledger.by_request(job.request) if job.request else [job]
        return any(other.output == where for other in earlier)

    def _write(self, path: Path, job: Job, result: Body) -> None:
        form = self.output.format
        try:
            if form == "json":
                result.keep(path)
            elif form == "id":
                write_whole(path, [f"{job.ref}\n".encode()])
            else:
                text = self._converted(job, result)
                write_whole(path, [text.encode("utf-8", "backslashreplace")])
        except OSError as error:
            result.clear()
            again = f"{self.context.result_command(job)} -o {shlex.quote(display_path(path))}"
            raise DocspeedError(
                f"can't write {path}: {error.strerror or error}",
                code="write_failed",
                job_id=job.job_id,
                hint=f"{_write_advice(error)}, then `{again}`",
            ) from None

    def _converted(self, job: Job, result: Body) -> str:
        """The result in the format that was asked for. DocspeedError if it has not the shape for it."""
        from docspeed_cli.results.to_csv import NoSuchTable, to_csv
        from docspeed_cli.results.to_markdown import to_markdown
        from docspeed_cli.results.to_text import NotConvertible, to_text

        content = result.json()
        try:
            if self.output.format == "csv":
                return to_csv(job.operation, content, self.target.table)
            convert = to_markdown if self.output.format == "markdown" else to_text
            return convert(job.operation, content, _document_names(job))
        except NoSuchTable as error:
            hint = f"`{self.context.result_command(job)} --format csv --table NAME`"
            raise DocspeedError(str(error), code="not_convertible", job_id=job.job_id, hint=hint) from None
        except NotConvertible as error:
            hint = f"`{self.context.result_command(job)} --json`"
            raise DocspeedError(str(error), code="not_convertible", job_id=job.job_id, hint=hint) from None


def _document_names(job: Job) -> Mapping[str, str]:
    """The documents' names by their file ids."""
    ids, names = (job.file_id or "").split(", "), (job.input or "").split(", ")
    return dict(zip(ids, names, strict=False)) if len(ids) == len(names) else {}


def _write_advice(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None), errno.EFBIG)
    return "make room" if full else "make that path writable, or choose another"


def _members(outcome: Outcome, status: str) -> dict[str, Any]:
    """The members of a line of a run over many documents, except its result, output or error."""
    job, source = outcome.job, outcome.source
    return {
        "input": source.label if source else job.input if job else None,
        "file_id": job.file_id if job else source.file_id if source else None,
        "job_id": job.job_id if job else outcome.error.job_id if outcome.error else None,
        "operation": (job.operation if job else None) or outcome.operation,
        "status": status,
        **({"reused": True} if job and job.reused else {}),
    }


def _compact(members: Mapping[str, Any]) -> str:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))
