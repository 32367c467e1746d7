"""Write results to files, and recognise those that an earlier run wrote."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from docspeed_cli.core.errors import DocspeedError, UsageError, combine_errors
from docspeed_cli.core.files import display_path, file_digest, write_whole
from docspeed_cli.core.models import Job, Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.filenames import CORRECTIONS, ResultNames
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.output.files_read import digest_or_none, is_same_file, replaces_input
from docspeed_cli.jobs.output.target import Target, check_folder, make_folder, result_flags
from docspeed_cli.jobs.stored.job_documents import document_names
from docspeed_cli.jobs.stored.stored_results import corrections_path
from docspeed_cli.service.body import Body

_EXTENSIONS = {"json": "json", "markdown": "md", "text": "txt", "csv": "csv"}

_MAX_NAMED = 20
"""Most files that one error names."""


class ResultFiles:
    """The files of one command's results, in the format that was asked for."""

    def __init__(self, context: Context, target: Target) -> None:
        self.context = context
        self.target = target
        self.format = context.output.format
        self._names = self._new_names()

    def _new_names(self) -> ResultNames | None:
        folder, pattern = self.target.folder, self.target.pattern
        return ResultNames(folder, _EXTENSIONS.get(self.format, "json"), pattern) if folder else None

    def path_for(self, source: Source | None, operation: str, job: Job | None = None) -> Path | None:
        """The file for this input, if each result goes to its own file."""
        return self._names.name(source, operation, job) if self._names is not None else None

    def check_inputs(self, sources: Iterable[Source] = (), operation: str = "") -> None:
        """UsageError if the result of one of these documents can't go to its file.

        Either a folder above it can't be made or written, or the command reads the file that it replaces.
        """
        path, names, read = self.target.path, self._new_names(), self.context.files_read
        if names is None:
            if path is not None:
                read.check_output(path, "-o")
            return
        outputs = [names.name(source, operation) for source in sources]
        for folder in dict.fromkeys(output.parent for output in outputs):
            check_folder(folder, f"-o {path}")
        found = [(output, label) for output in outputs if (label := read.label_at(output)) is not None]
        if found:
            raise combine_errors([replaces_input(*pair) for pair in found[:_MAX_NAMED]])

    def check_free(self, path: Path, source: Source | None = None) -> None:
        """UsageError if the file is the document itself, or docspeed did not write its content."""
        label = self.context.files_read.label_at(path)
        if label is None and source is not None and source.path and is_same_file(path, source.path):
            label = source.label
        if label is not None:
            raise replaces_input(path, label)
        self._check_ours(path)

    def _check_ours(self, path: Path, content: str = "") -> None:
        """UsageError if the file holds neither a result of ours nor the content with this digest."""
        if self.target.overwrite or not path.exists():
            return
        digest = digest_or_none(path)
        if digest is not None:
            known = self.context.ledger.written_to(display_path(path.resolve()))
            # The start is enough: what follows the digest is only in which form the result was asked for.
            if digest == content or any(content_hash.startswith(digest) for content_hash in known):
                return
            # A job's row names only the last file that its result was written to.
            if self.context.ledger.wrote(digest):
                return
        raise UsageError(
            f"{path} exists, and its content is not a result that docspeed wrote there",
            code="output_exists",
            reason="the output file exists and holds something else; `--overwrite` replaces it",
            hint="move the file away, or add `--overwrite` to replace it",
        )

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

        def record() -> None:
            # Recorded before the file is in place: if killed in between, the next run still knows it as ours.
            self._check_ours(path, digest.hexdigest())
            if job.row is not None:
                content_hash = self._content_hash(digest.hexdigest(), job)
                self._copy_decisions(job, path)
                self.context.ledger.set_output(job.row, where, content_hash, outcome.pages)

        try:
            self._write(path, job, result, digest, record)
        finally:
            result.clear()
        return outcome._replace(result=None, output=str(path))

    def _copy_decisions(self, job: Job, path: Path) -> None:
        """Copy reviewers' decisions beside the new file: we look only beside the job's newest file."""
        if job.output is None or not Path(job.output).is_absolute():
            return
        before = Path(job.output).with_name(Path(job.output).stem + CORRECTIONS)
        copied = path.with_name(path.stem + CORRECTIONS)
        if before.is_file() and not copied.exists():
            write_whole(copied, [before.read_bytes()])

    def written_by(self, jobs: list[Job], path: Path) -> Job | None:
        """The job whose result the file holds unchanged, in the format that is asked for now."""
        try:
            digest = file_digest(path) if jobs else ""
        except OSError:
            return None
        return next((job for job in jobs if job.content_hash == self._content_hash(digest, job)), None)

    def _content_hash(self, digest: str, job: Job) -> str:
        """Return a text that differs as soon as the file is out of date, for example after a correction."""
        rows = self.target.rows
        if rows is None:
            return f"{digest} {self.format} "
        columns = f" {','.join(rows.columns)}" if rows.columns else ""
        bom, reviewed = " bom" if rows.bom else "", ""
        if rows.is_reviewed and (decided := corrections_path(self.context, None, job)):
            reviewed = f" {file_digest(decided)}" if decided.is_file() else ""
        return f"{digest} {self.format} {rows.table or ''}{columns}{bom}{reviewed}"

    def _write(
        self,
        path: Path,
        job: Job,
        result: Body,
        digest: hashlib._Hash | None = None,
        ready: Callable[[], None] | None = None,
    ) -> None:
        """Write the result in its format; `digest` is updated with what is written, then `ready` called."""
        try:
            if self.format == "json" and digest is None:
                # A large result was spooled into this folder, and is moved into place without a copy.
                result.save(path)
                return
            chunks: Iterable[bytes] = result.lines()
            if self.format != "json":
                by_id = self.format == "id"
                text = f"{job.ref}\n" if by_id else convert(self.context, self.target, job, result)
                chunks = [text.encode("utf-8", "backslashreplace")]
            write_whole(path, chunks if digest is None else _hashed(chunks, digest), ready=ready)
        except OSError as error:
            result.clear()
            full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None), errno.EFBIG)
            advice = "make room" if full else "make that path writable, or choose another"
            form = None if self.format == "json" else self.format
            again = self.context.result_command(job, result_flags(display_path(path), form, None))
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
    if target.rows is not None:
        from docspeed_cli.jobs.output.row_output import csv_of_one

        return csv_of_one(context, target.rows, job, result)
    from docspeed_cli.results.to_markdown import to_markdown
    from docspeed_cli.results.to_text import NotConvertible, to_text
    from docspeed_cli.results.values import read_notices

    content = result.json()
    if job.operation != "chat":  # the answer says it itself
        context.output.notices(job.input or job.ref, read_notices(content))
    try:
        write = to_markdown if context.output.format == "markdown" else to_text
        return write(job.operation, content, dict(document_names(context, job)))
    except NotConvertible as error:
        hint = f"`{context.result_command(job, ' --json')}`"
        raise DocspeedError(str(error), code="not_convertible", job_id=job.job_id, hint=hint) from None
