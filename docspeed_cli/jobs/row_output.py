"""Write the rows of a command's results to standard output or to one file."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.row_writers import BookRows, CsvRows, RowOptions
from docspeed_cli.results.layout import Document
from docspeed_cli.results.rows import NoSuchTable
from docspeed_cli.results.to_text import NotConvertible
from docspeed_cli.service.body import write_whole

_CHUNK = 256 * 1024
"""Bytes copied at a time."""


class RowOutput:
    """Takes the outcomes of a command in the order of its rows.

    CSV goes to standard output as it comes. A file, and any workbook, is written whole or not at all.
    """

    def __init__(self, context: Context, options: RowOptions, path: Path | None) -> None:
        self._context = context
        self._output = context.output
        self._path = path
        self._count = 0
        self._whole = None
        self._rows: CsvRows | BookRows
        if path is not None or self._output.format == "xlsx":
            self._whole = tempfile.TemporaryFile()  # noqa: SIM115
        if self._output.format == "xlsx" and self._whole is not None:
            self._rows = BookRows(options, self._whole)
        else:
            self._rows = CsvRows(options)

    def add(self, outcome: Outcome) -> None:
        """Write the rows of an outcome. DocspeedError if its result has none."""
        payload = None if outcome.result is None else outcome.result.json()
        try:
            self._write(self._rows.add(document_of(outcome), payload))
        except (NoSuchTable, NotConvertible) as error:
            table = " --table NAME" if isinstance(error, NoSuchTable) else ""
            flags = f" --format {self._output.format}{table}" if table else " --json"
            command = self._context.result_command(outcome.job, flags) if outcome.job else ""
            raise DocspeedError(
                str(error),
                code="not_convertible",
                job_id=outcome.job.job_id if outcome.job else None,
                hint=f"`{command}`",
            ) from None
        self._count += 1

    def finish(self) -> None:
        """Write the rows that waited, and the file. DocspeedError if it can't be written."""
        for text in self._rows.finish(self._output.warn):
            self._write(text)
        if self._whole is None:
            return
        self._whole.seek(0)
        chunks = iter(partial(self._whole.read, _CHUNK), b"")
        if self._path is None:
            self._output.chunks(chunks)
            return
        try:
            write_whole(self._path, chunks)
        except OSError as error:
            raise DocspeedError(
                f"can't write {self._path}: {error.strerror or error}",
                code="write_failed",
                hint="make room or choose another file, and run the command again; nothing is paid twice",
            ) from None
        documents = "1 document" if self._count == 1 else f"{self._count:,} documents"
        self._output.note(f"the rows of {documents} are in {self._path}")

    def _write(self, text: str) -> None:
        content = text.encode("utf-8", "backslashreplace")
        if not text:
            return
        if self._whole is not None:
            self._whole.write(content)
        elif self._output.environment.stdout.isatty():
            self._output.text(text.rstrip("\r\n").replace("\r\n", "\n"))
        else:
            self._output.chunks([content])


def document_of(outcome: Outcome) -> Document:
    """What a row says of a document besides its result."""
    source, job, error = outcome.source, outcome.job, outcome.error
    label = source.label if source is not None else job.input if job is not None else None
    job_id = (job.job_id if job is not None else None) or (error.job_id if error is not None else None)
    status = job.status if job is not None else "failed"
    code, reason = (error.code, error.reason) if error is not None else ("", "")
    return Document(label or "", job_id or "", status, code, reason)


def check_extra(form: str) -> None:
    """DocspeedError if the format needs a library that is not installed."""
    import importlib.util

    if form == "xlsx" and importlib.util.find_spec("xlsxwriter") is None:
        raise DocspeedError(
            "a workbook needs the library XlsxWriter, which is not installed",
            code="no_xlsx",
            hint="`pip install 'docspeed-cli[xlsx]'`",
        )
