"""Decides what an outcome looks like: a view, a job's line, the server's bytes, another format, a file."""

from __future__ import annotations

import errno
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.models import Job, Source
from docspeed_cli.core.timefmt import ago, span
from docspeed_cli.jobs.context import Outcome, Session
from docspeed_cli.jobs.filenames import Names, check_pattern, suggested
from docspeed_cli.jobs.sources import digest, display_path
from docspeed_cli.service.body import Body, sweep, write_whole

_EXTENSIONS = {"json": "json", "markdown": "md", "text": "txt", "csv": "csv"}
_FILES = (".json", ".jsonl", ".md", ".txt", ".csv")
_VIEWABLE = 16 * 1024 * 1024


class Target(NamedTuple):
    """Where results go, and in which format."""

    path: Path | None = None
    many: bool = False
    table: str | None = None
    pattern: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder that takes a file for each input, where there is one."""
        return self.path if self.many else None

    @property
    def spool(self) -> Path | None:
        """Where large results are written at once, so that renaming makes them files."""
        if self.path is None or (self.path.exists() and not self.path.is_file() and not self.path.is_dir()):
            return None
        return self.path if self.many else self.path.parent


def target(
    output: str | None, many: bool, table: str | None = None, pattern: str | None = None, *, make: bool = True
) -> Target:
    """Where `-o` points, made if it is a folder that is not there. UsageError where it can't take results."""
    if pattern is not None:
        check_pattern(pattern, output)
    if output is None or output == "-":
        return Target(None, many, table)
    path = Path(output)
    if many and not path.exists() and path.suffix.lower() in _FILES:
        raise UsageError(
            f"-o {output} looks like a file; the results of many inputs go to a folder",
            hint=f"-o {path.with_suffix('')}/ for a folder, or all of it in one: > {output}",
        )
    if many or path.is_dir() or output.endswith("/"):
        if path.exists() and not path.is_dir():
            raise UsageError(
                f"-o {output} is a file; the results of many inputs go to a folder",
                hint="name a folder, or take the JSON lines: > results.jsonl",
            )
        if make:
            _make_folder(path, f"-o {output}")
        return Target(path, True, table, pattern)
    if not path.parent.is_dir():
        raise UsageError(
            f"-o {output}: the folder {path.parent} does not exist",
            hint=f"mkdir -p {shlex.quote(display_path(path.parent))}",
        )
    return Target(path, False, table)


def result_flags(output: str | None, form: str | None, table: str | None) -> str:
    """The flags with which `jobs result` hands over what these would."""
    named = {"-o": output, "--format": form, "--table": table}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in named.items() if value)


def picked(session: Session, table: str | None) -> None:
    """UsageError where a table is named for a form of the result that holds all of it."""
    if table is not None and session.output.format != "csv":
        raise UsageError(f"--table {table} picks a table for csv", hint="add --format csv")


def _make_folder(path: Path, wanted: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{wanted}: can't make the folder {path}: {error.strerror or error}") from None


class Delivery:
    """Hands outcomes to the user of one session."""

    def __init__(self, session: Session, to: Target) -> None:
        self.session = session
        self.output = session.output
        self.to = to
        if to.path is None or to.many:
            self.output.ready()
        if to.spool is not None:
            sweep(to.spool, session.world.now())
        extension = _EXTENSIONS.get(self.output.format, "json")
        self._names = Names(to.folder, extension, to.pattern) if to.folder is not None else None
        self._heading: list[str] | None = None

    def submitted(self, outcome: Outcome) -> None:
        """A job that is under way and will not be waited for."""
        job = outcome.job
        assert job is not None
        if self.output.format == "id":
            self.output.text(job.ref)
        elif self.output.human_output:
            cells = (job.ref, job.operation, job.status, job.input or "")
            self.output.row(*cells, prose=self._from_before(job), state=2)
        else:
            self.output.value(job.to_json())

    def result(self, outcome: Outcome, *, talks: bool = False) -> None:
        """One result by itself: a view at a terminal, the server's bytes in a pipe, or as the flags say.

        `talks` is whether it is of a conversation that can be continued.
        """
        job, payload = outcome.job, outcome.payload
        assert job is not None and payload is not None
        if self.output.format == "id" and self.to.path is None:
            self.output.text(job.ref)
        elif self.to.path is not None:
            self._say_of_ending(self.to.path)
            self._keep(self.to.path, job, payload)
            self.output.note(f"{job.operation} result of {job.ref} is in {self.to.path}")
        elif self.output.human_output:
            self._view(outcome, talks=talks)
        elif self.output.format == "json":
            self.output.payload(payload)
        else:
            self.output.text(self._converted(job, payload))
        payload.clear()

    def _say_of_ending(self, path: Path) -> None:
        meant = next(
            (form for form, ending in _EXTENSIONS.items() if path.suffix.lower() == f".{ending}"), None
        )
        if meant is not None and meant != self.output.format and self.output.style.format is None:
            self.output.note(f"{path} holds JSON; --format {meant} writes {meant}")

    def answer(self, outcome: Outcome) -> None:
        """One answer of several: a view at a terminal, one value a line in a pipe."""
        assert outcome.job is not None and outcome.payload is not None
        if self.output.human_output:
            self._draw(outcome)
        elif self.output.format == "json":
            self.output.chunks([*outcome.payload.on_one_line(), b"\n"])
        elif self.output.format == "id":
            self.output.text(outcome.job.ref)
        else:
            self.output.text(self._converted(outcome.job, outcome.payload))
        outcome.payload.clear()

    def line(self, outcome: Outcome) -> None:
        """One input of many that has ended, well or not."""
        if outcome.error is not None:
            self._failed_line(outcome, outcome.error)
            return
        job, payload = outcome.job, outcome.payload
        assert job is not None
        if outcome.output is not None:
            self._filed_line(outcome, job)
            return
        assert payload is not None
        if self.output.format == "id":
            self.output.text(job.ref)
        elif self.output.human_output:
            took = f"{span(outcome.seconds):>6}"
            cells = (f"{job.status:<9}", job.ref, took, job.input or "")
            self.output.row(*cells, prose=self._from_before(job), state=0)
        elif self.output.format == "json":
            self.output.line_with(_members(outcome, job.status), "result", payload)
        else:
            self._converted_line(job, payload)
        payload.clear()

    def new_body(self) -> Body:
        """A body for one result; a large one is spooled where it can be renamed to its file."""
        return Body(self.to.spool or self.session.spool_dir)

    # -- pieces

    def _failed_line(self, outcome: Outcome, error: DocspeedError) -> None:
        """The failure; what came all the same (a result that lacks something) stays beside it."""
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
        if outcome.payload is None:
            self.output.text(_compact(line))
        else:
            self.output.line_with(line, "result", outcome.payload)
            outcome.payload.clear()

    def write_result_file(self, outcome: Outcome, path: Path) -> Outcome:
        """Write the result to its file, and put that down. DocspeedError where it can't be written."""
        assert outcome.job is not None and outcome.payload is not None
        _make_folder(path.parent, str(path))
        if path.exists() and not self._ours(outcome.job, outcome.payload, path):
            self.output.note(f"other files of the same names are replaced in {self.to.folder}")
        self._keep(path, outcome.job, outcome.payload)
        outcome.payload.clear()
        if outcome.job.row is not None:
            self.session.ledger.set_output(outcome.job.row, display_path(path.resolve()), self.stamp(path))
        return outcome._replace(payload=None, output=str(path))

    def stamp(self, path: Path) -> str:
        """What tells a result in this form from any other content, wherever it lies and whenever it came."""
        return f"{digest(path)} {self.output.format} {self.to.table or ''}"

    def _ours(self, job: Job, payload: Body, path: Path) -> bool:
        """Whether the file that is there came from the same request, or says the same."""
        if path.is_file() and path.stat().st_size - payload.size in (0, 1):
            with path.open("rb") as file:
                if all(file.read(len(chunk)) == chunk for chunk in payload.lines()):
                    return True
        where = display_path(path.resolve())
        before = self.session.ledger.by_request(job.request) if job.request else [job]
        return any(other.output == where for other in before)

    def _filed_line(self, outcome: Outcome, job: Job) -> None:
        if self.output.human_output:
            cells = (f"{job.status:<9}", job.ref, outcome.output or "")
            self.output.row(*cells, prose=self._from_before(job), state=0)
            return
        self.output.text(_compact({**_members(outcome, job.status), "output": outcome.output}))

    def _from_before(self, job: Job) -> str:
        """How old the job is, where a run over many uses it again."""
        told = self.session.batch and job.reused
        return f"· from {ago(job.submitted_at, self.session.world.now())}" if told else ""

    def _converted_line(self, job: Job, payload: Body) -> None:
        text = self._converted(job, payload)
        name = job.input or job.ref
        if self.output.format == "csv":
            self._csv_lines(name, text)
        elif self.output.format == "markdown":
            self.output.text(f"# {name}\n\n{text.strip()}\n")
        else:
            self.output.text(f"{name}\n{'=' * len(name)}\n\n{text.strip()}\n")

    def _csv_lines(self, name: str, text: str) -> None:
        """One table out of all documents': the input in the first column, a heading only where it changes."""
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
                rows.writerow([escape_formula(name), *row])
            elif row != self._heading:
                self._heading = row
                rows.writerow(["input", *row])
            heading_next = heading_next and not row
        if self.output.environment.stdout.isatty():
            self.output.text(written.getvalue().rstrip("\r\n").replace("\r\n", "\n"))
        else:
            self.output.chunks([written.getvalue().encode("utf-8", "backslashreplace")])

    def _keep(self, path: Path, job: Job, payload: Body) -> None:
        form = self.output.format
        try:
            if form == "json":
                payload.keep(path)
            elif form == "id":
                write_whole(path, [f"{job.ref}\n".encode()])
            else:
                text = self._converted(job, payload)
                write_whole(path, [text.encode("utf-8", "backslashreplace")])
        except OSError as error:
            payload.clear()
            raise DocspeedError(
                f"can't write {path}: {error.strerror or error}",
                code="write_failed",
                job_id=job.job_id,
                hint=f"{_mended(error)}, then: docspeed jobs result {job.shell_ref}{self.session.flags}"
                f" -o {shlex.quote(display_path(path))}",
            ) from None

    def _converted(self, job: Job, payload: Body) -> str:
        from docspeed_cli.results.to_csv import NoSuchTable, to_csv
        from docspeed_cli.results.to_markdown import to_markdown
        from docspeed_cli.results.to_text import NotConvertible, to_text

        content = payload.json()
        try:
            if self.output.format == "csv":
                return to_csv(job.operation, content, self.to.table)
            convert = to_markdown if self.output.format == "markdown" else to_text
            return convert(job.operation, content, self._cited(job))
        except NoSuchTable as error:
            hint = f"docspeed jobs result {job.shell_ref}{self.session.flags} --format csv --table NAME"
            raise DocspeedError(str(error), code="not_convertible", job_id=job.job_id, hint=hint) from None
        except NotConvertible as error:
            hint = f"docspeed jobs result {job.shell_ref}{self.session.flags} --json"
            raise DocspeedError(str(error), code="not_convertible", job_id=job.job_id, hint=hint) from None

    def _view(self, outcome: Outcome, *, talks: bool) -> None:
        job, payload = outcome.job, outcome.payload
        assert job is not None and payload is not None
        again = f"docspeed jobs result {job.shell_ref}{self.session.flags}"
        if payload.size > _VIEWABLE:
            self.output.note(f"the result is {payload.size / 1e6:.0f} MB, too large for a terminal")
            self.output.hint(f"{again} -o {shlex.quote(suggested(outcome.source, job))}")
            return
        self._draw(outcome)
        self.output.blank_line()
        took = f" in {span(outcome.seconds)}" if outcome.seconds and not job.reused else ""
        self.output.progress(
            f"{job.status}{took} · {job.operation} job {job.ref} · {job.input or ''}".rstrip(" ·")
        )
        if talks:
            self.output.hint(f"docspeed chat 'your next question' --continue{self.session.flags}")
        elif job.job_id or job.row:
            self.output.hint(f"{again} -o {shlex.quote(suggested(outcome.source, job))}")

    def _draw(self, outcome: Outcome) -> None:
        from docspeed_cli.terminal.views.operations import result_view

        assert outcome.job is not None and outcome.payload is not None
        names = self._cited(outcome.job)
        self.output.show(result_view(outcome.job.operation, outcome.payload.json(), names=names))

    def name(self, source: Source | None, operation: str, job: Job | None = None) -> Path | None:
        """The file for this input, where results go to files of their own."""
        return self._names.name(source, operation, job) if self._names is not None else None

    def _cited(self, job: Job) -> Mapping[str, str]:
        ids, names = (job.file_id or "").split(", "), (job.input or "").split(", ")
        return dict(zip(ids, names, strict=False)) if len(ids) == len(names) else {}


def _mended(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None), errno.EFBIG)
    return "make room" if full else "see to that place, or name another"


def _members(outcome: Outcome, status: str) -> dict[str, Any]:
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
    import json

    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))
