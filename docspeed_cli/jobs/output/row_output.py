"""Write the rows of a command's results to standard output or to one file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.extras import check_extra
from docspeed_cli.core.files import write_errors, write_whole
from docspeed_cli.core.models import Job
from docspeed_cli.core.timefmt import counted
from docspeed_cli.jobs.checking import describe_check
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.filenames import CORRECTIONS
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.output.row_writers import BookRows, CsvRows, check_columns
from docspeed_cli.jobs.output.target import RowOptions
from docspeed_cli.jobs.output.temporary import TemporaryDisk, temporary_file
from docspeed_cli.jobs.stored.stored_results import decisions_about
from docspeed_cli.results.corrections import corrected, rejection_among
from docspeed_cli.results.layout import DocumentOutcome
from docspeed_cli.results.rows import NoSuchTable
from docspeed_cli.results.to_text import NotConvertible
from docspeed_cli.results.values import read_notices
from docspeed_cli.service.body import Body

_MAX_KEYS = 10
"""Most keys that a problem names."""

_CHUNK = 256 * 1024
"""Bytes copied at a time."""


class RowOutput:
    """Takes the outcomes of a command in the order of its rows.

    CSV goes to standard output as it comes. A file, and any workbook, is written whole or not at all.
    """

    def __init__(self, context: Context, options: RowOptions, path: Path | None) -> None:
        self._context = context
        self._options = options
        self._output = context.output
        self._path = path
        self._count = 0
        self._disk = TemporaryDisk()
        self._whole = None
        self._rows: CsvRows | BookRows
        if path is not None or options.is_book:
            self._whole = temporary_file()
        if options.is_book and self._whole is not None:
            self._rows = BookRows(options, self._whole)
        else:
            self._rows = CsvRows(options)

    def add(self, outcome: Outcome) -> None:
        """Write the rows of an outcome. DocspeedError if its result has none."""
        with self._disk:
            self._write(_added(self._context, self._options, self._rows, outcome))
        self._count += 1

    def finish(self) -> None:
        """Write the rows that waited, and the file. DocspeedError if it can't be written."""
        with self._disk:
            for text in self._rows.finish(self._output.warn):
                self._write(text)
            if self._whole is None:
                return
            self._whole.seek(0)
        chunks = iter(partial(self._whole.read, _CHUNK), b"")
        if self._path is None:
            self._output.chunks(chunks)
            return
        hint = "make room or choose another file, and run the command again; nothing is paid twice"
        with write_errors(self._path, code="write_failed", hint=hint):
            write_whole(self._path, chunks)
        self._output.note(f"the rows of {counted(self._count, 'document')} are in {self._path}")

    def _write(self, text: str) -> None:
        if self._whole is not None:
            self._whole.write(text.encode("utf-8", "backslashreplace"))
        elif text:
            self._output.csv(text)


def with_decisions(context: Context, options: RowOptions, jobs: Iterable[Job] | None = None) -> RowOptions:
    """Return the options with `is_reviewed`: whether reviewers decided about these jobs, or about any.

    DocspeedError if the decisions about these jobs can't be read.
    """
    if jobs is None:
        folders = {
            context.settings.state_dir / "corrections",
            *map(Path, context.ledger.output_folders(options.operation)),
        }
        is_reviewed = any(any(folder.glob(f"*{CORRECTIONS}")) for folder in folders)
    else:
        decided = [decisions_about(context, None, job) for job in jobs]
        is_reviewed = any(decided)
    return options._replace(is_reviewed=is_reviewed)


def document_of(outcome: Outcome) -> DocumentOutcome:
    """What a row says of a document besides its result."""
    source, job, error = outcome.source, outcome.job, outcome.error
    label = source.label if source is not None else job.input if job is not None else None
    job_id = (job.job_id if job is not None else None) or (error.job_id if error is not None else None)
    status = job.status if job is not None else "failed"
    code, reason = (error.code, error.reason) if error is not None else ("", "")
    return DocumentOutcome(label or "", job_id or "", status, code, reason, _problems(outcome))


def _problems(outcome: Outcome) -> tuple[tuple[str, str, str], ...]:
    """The failed checks, as rows of the sheet for problems."""
    failed = [found for found in outcome.checks or () if found.failed]
    return tuple(
        (
            "check_failed" if found.severity == "error" else "check_warning",
            ", ".join(field.key for field in found.values[:_MAX_KEYS]),
            describe_check(found),
        )
        for found in failed
    )


def csv_of_one(context: Context, options: RowOptions, job: Job, result: Body) -> str:
    """Return the rows of one result as CSV. DocspeedError if it has none."""
    rows = CsvRows(options._replace(operation=job.operation))
    text = _added(context, options, rows, Outcome(job=job, result=result))
    return "".join([text, *rows.finish(context.output.warn)])


def _added(context: Context, options: RowOptions, rows: CsvRows | BookRows, outcome: Outcome) -> str:
    """Add an outcome to the rows, and return the text that can be written now. DocspeedError as above."""
    payload = None if outcome.result is None else outcome.result.json()
    document = document_of(outcome)
    context.output.notices(document.input, read_notices(payload))
    if options.is_reviewed and payload is not None:
        document, payload = _reviewed(context, outcome, document, payload)
    try:
        return rows.add(document, payload)
    except (NoSuchTable, NotConvertible) as error:
        assert outcome.job is not None
        flags = " --format csv --table NAME" if isinstance(error, NoSuchTable) else " --json"
        hint = f"`{context.result_command(outcome.job, flags)}`"
        raise DocspeedError(
            str(error), code="not_convertible", job_id=outcome.job.job_id, hint=hint
        ) from None


def _reviewed(
    context: Context, outcome: Outcome, document: DocumentOutcome, payload: Any
) -> tuple[DocumentOutcome, Any]:
    """Return the document and its result with the reviewers' decisions applied."""
    decisions = decisions_about(context, None, outcome.job)
    found = corrected(payload, decisions.values())
    for problem in found.problems():
        context.output.warn(f"{document.input}: {problem}")
    made, rejected = tuple(found.corrections), rejection_among(decisions)
    return document._replace(corrections=made, rejected=rejected), found.payload


def check_rows(context: Context, options: RowOptions, *, to_file: bool) -> None:
    """Check before anything is sent that the rows can be written. Raises DocspeedError."""
    check_columns(options)
    if not options.is_book:
        return
    if not to_file and context.environment.stdout.isatty():
        raise UsageError("a workbook can't be shown at a terminal", hint="add `-o FILE.xlsx`")
    check_extra("xlsx", "a workbook needs the library XlsxWriter, which is not installed", code="no_xlsx")
