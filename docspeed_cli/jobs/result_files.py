"""Write results to files, and recognise those that an earlier run wrote."""

from __future__ import annotations

import errno
import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.models import Job, Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.filenames import ResultNames
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.sources import display_path, file_digest
from docspeed_cli.jobs.target import Target, make_folder
from docspeed_cli.service.body import Body, write_whole

_EXTENSIONS = {"json": "json", "markdown": "md", "text": "txt", "csv": "csv"}


class ResultFiles:
    """The files of one command's results, in the format that was asked for."""

    def __init__(self, context: Context, target: Target) -> None:
        self.context = context
        self.target = target
        self.format = context.output.format
        self._names: ResultNames | None = None
        if target.folder is not None:
            self._names = ResultNames(target.folder, _EXTENSIONS.get(self.format, "json"), target.pattern)

    def path_for(self, source: Source | None, operation: str, job: Job | None = None) -> Path | None:
        """The file for this input, if each result goes to its own file."""
        return self._names.name(source, operation, job) if self._names is not None else None

    def write_one(self, path: Path, job: Job, result: Body) -> None:
        """Write the only result. DocspeedError if it can't be converted or written."""
        self._write(path, job, result)
        self.context.output.note(f"{job.operation} result of {job.ref} is in {path}")

    def write_and_record(self, outcome: Outcome, path: Path) -> Outcome:
        """Write one of many results and record its file in the ledger. DocspeedError as above."""
        job, result = outcome.job, outcome.result
        assert job is not None and result is not None
        make_folder(path.parent, str(path))
        where = display_path(path.resolve())
        earlier = self.context.ledger.by_request(job.request) if job.request else [job]
        if path.exists() and not any(other.output == where for other in earlier):
            self.context.output.note(f"other files of the same names are replaced in {self.target.folder}")
        digest = hashlib.sha256()
        self._write(path, job, result, digest)
        result.clear()
        if job.row is not None:
            self.context.ledger.set_output(job.row, where, self._content_hash(digest.hexdigest()))
        return outcome._replace(result=None, output=str(path))

    def written_by(self, jobs: list[Job], path: Path) -> Job | None:
        """The job whose result the file holds unchanged, in the format that is asked for now."""
        try:
            content_hash = self._content_hash(file_digest(path)) if jobs else ""
        except OSError:
            return None
        return next((job for job in jobs if job.content_hash == content_hash), None)

    def _content_hash(self, digest: str) -> str:
        return f"{digest} {self.format} {self.target.table or ''}"

    def _write(self, path: Path, job: Job, result: Body, digest: hashlib._Hash | None = None) -> None:
        """Write the result in its format; `digest` is updated with what is written."""
        try:
            if self.format == "json" and digest is None:
                result.save(path)
                return
            chunks: Iterable[bytes] = result.lines()
            if self.format != "json":
                by_id = self.format == "id"
                text = f"{job.ref}\n" if by_id else convert(self.context, self.target, job, result)
                chunks = [text.encode("utf-8", "backslashreplace")]
            write_whole(path, chunks if digest is None else _hashed(chunks, digest))
        except OSError as error:
            result.clear()
            full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None), errno.EFBIG)
            advice = "make room" if full else "make that path writable, or choose another"
            again = f"{self.context.result_command(job)} -o {shlex.quote(display_path(path))}"
            raise DocspeedError(
                f"can't write {path}: {error.strerror or error}",
                code="write_failed",
                job_id=job.job_id,
                hint=f"{advice}, then run `{again}`",
            ) from None


def _hashed(chunks: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def convert(context: Context, target: Target, job: Job, result: Body) -> str:
    """The result in a format other than JSON. DocspeedError if it can't be converted to that."""
    from docspeed_cli.results.to_csv import NoSuchTable, to_csv
    from docspeed_cli.results.to_markdown import to_markdown
    from docspeed_cli.results.to_text import NotConvertible, to_text

    content = result.json()
    try:
        if context.output.format == "csv":
            return to_csv(job.operation, content, target.table)
        write = to_markdown if context.output.format == "markdown" else to_text
        return write(job.operation, content, document_names(job))
    except (NoSuchTable, NotConvertible) as error:
        flags = " --format csv --table NAME" if isinstance(error, NoSuchTable) else " --json"
        hint = f"`{context.result_command(job, flags)}`"
        raise DocspeedError(str(error), code="not_convertible", job_id=job.job_id, hint=hint) from None


def document_names(job: Job) -> Mapping[str, str]:
    """The documents' names by their file ids."""
    ids, names = (job.file_id or "").split(", "), (job.input or "").split(", ")
    return dict(zip(ids, names, strict=False)) if len(ids) == len(names) else {}
