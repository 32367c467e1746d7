"""Read documents, and store them at the service, each content once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.files import file_digest
from docspeed_cli.core.models import Request, Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.lock_wait import LockWait


class Uploads:
    """The uploads of one context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def read(self, source: Source) -> Source:
        """The document with its digest. DocspeedError if it can't be read, or if its id is a job's."""
        if source.path is None:
            if source.digest is not None:
                return source
            context, file_id = self.context, str(source.file_id)
            digest, job = context.ledger.stored_file(context.server, context.fingerprint, file_id)
            # A server may number its files and its jobs alike.
            if job is not None and digest is None and not file_id.isdecimal():
                why, hint = "it is a job, not a file", f"its result: `{context.result_command(job)}`"
                raise UsageError(f"{source.label}: {why}", code="invalid_input", reason=why, hint=hint)
            return source._replace(digest=digest or f"id:{file_id}")
        try:
            version = _version_of(source.path)
            return source._replace(digest=file_digest(source.path), version=version)
        except OSError as error:
            raise DocspeedError(f"{source.label} can't be read: {error.strerror or error}") from None

    def read_all(self, request: Request) -> Request:
        """The request with its documents' digests and its identity. DocspeedError if one can't be read."""
        request = request._replace(sources=tuple(map(self.read, request.sources)))
        return request.identified(self.context.server, self.context.fingerprint)

    def stored_id(self, source: Source) -> str | None:
        """The file id of a document that was read, as far as this machine knows."""
        if source.file_id is not None:
            return source.file_id
        context = self.context
        return context.ledger.uploaded(context.server, context.fingerprint, str(source.digest))

    def store(
        self, source: Source, *, fresh: bool = False, deadline: float | None = None
    ) -> tuple[str, dict[str, Any] | None]:
        """The file id of a document that was read, and the server's entry for it if it was uploaded now.

        With `fresh` it is uploaded in any case. `deadline` is the monotonic time by which that must be done.
        """
        context = self.context
        if source.path is None:
            return str(source.file_id), None
        # Duplicates in one folder are common: the second waits here, and finds the first one's id.
        with self._take_lock(source, deadline):
            known = None if fresh else self.stored_id(source)
            if known is not None:
                return known, None
            # The digest was taken before the lock was waited for: the file may have changed meanwhile.
            _check_unchanged(source, source.path)
            name = source.filename or source.path.name
            content_type = source.content_type or "application/octet-stream"
            try:
                entry = context.client.upload(source.path, name, content_type, deadline)
            except DocspeedError:
                # If the file is still being written, say so: it explains more than the server's error.
                _check_unchanged(source, source.path)
                raise
            # Before it is remembered: otherwise this digest would stand for other content from now on.
            _check_unchanged(source, source.path)
            file_id = entry["file_id"]
            digest = str(source.digest)
            context.ledger.remember_upload(context.server, context.fingerprint, digest, file_id, name)
            return file_id, entry

    def _take_lock(self, source: Source, deadline: float | None) -> LockWait:
        """Take the lock of this document's upload. Pending if the deadline comes first."""
        context = self.context
        upload = f"upload {context.server} {context.fingerprint} {source.digest}"
        digest = hashlib.sha256(upload.encode()).hexdigest()
        wait = LockWait(context, digest, source.label, "uploads the same document", deadline)
        while (due := wait.take()) is not None:
            context.sleep(max(0.0, due - context.environment.monotonic()))
        return wait

    def upload(self, source: Source, *, fresh: bool) -> dict[str, Any]:
        """Upload one document; returns the server's entry for it, or the ledger's for an earlier upload."""
        file_id, entry = self.store(self.read(source), fresh=fresh)
        if entry is not None:
            return {**entry, "input": source.label}
        self.context.output.note(f"{source.label}: uploaded before as {file_id}; `--fresh` uploads it again")
        return {
            "file_id": file_id,
            "filename": source.filename,
            "content_type": source.content_type,
            "size": source.size,
            "input": source.label,
            "reused": True,
        }


def _check_unchanged(source: Source, path: Path) -> None:
    try:
        unchanged = _version_of(path) == source.version
    except OSError:
        unchanged = False
    if not unchanged:
        raise DocspeedError(f"{source.label} changed since it was read", hint="run the same command again")


def _version_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
