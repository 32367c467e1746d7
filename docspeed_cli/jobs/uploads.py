"""Store documents at the service, each content once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.models import Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.sources import digest


class Document(NamedTuple):
    """A source as it was when it was read.

    `digest` is its content's SHA-256, or `id:` and its file id where the content is unknown. `version` is the
    file's size in bytes and its modification time in nanoseconds; None for a stored file.
    """

    digest: str
    version: tuple[int, int] | None = None


class Uploads:
    """The uploads of one context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def read(self, source: Source) -> Document:
        """Hash the document. DocspeedError if it can't be read."""
        if source.path is not None:
            return _read_file(source, source.path)
        context = self.context
        known = context.ledger.digest_of(context.server, context.fingerprint, str(source.file_id))
        return Document(known or f"id:{source.file_id}")

    def stored_id(self, source: Source, document: Document) -> str | None:
        """The file id of the document, as far as this machine knows."""
        if source.file_id is not None:
            return source.file_id
        context = self.context
        return context.ledger.uploaded(context.server, context.fingerprint, document.digest)

    def store(self, source: Source, document: Document) -> tuple[str, bool]:
        """The document's file id, and whether it was stored before this run."""
        if source.file_id is not None or source.path is None:
            return str(source.file_id), False
        known, entry = self._upload_once(source, document, fresh=False)
        return known or entry["file_id"], known is not None

    def upload(self, source: Source, *, fresh: bool) -> dict[str, Any]:
        """Upload one document: the server's entry for it, or what the ledger knows of an earlier upload."""
        known, entry = self._upload_once(source, self.read(source), fresh=fresh)
        if known is None:
            return {**entry, "input": source.label}
        self.context.output.note(f"{source.label}: uploaded before as {known}; `--fresh` uploads it again")
        return {
            "file_id": known,
            "filename": source.filename,
            "content_type": source.content_type,
            "size": source.size,
            "input": source.label,
            "reused": True,
        }

    def _upload_once(
        self, source: Source, document: Document, *, fresh: bool
    ) -> tuple[str | None, dict[str, Any]]:
        """The id that this content has already, or the server's entry for it."""
        context = self.context
        request = f"upload {context.server} {context.fingerprint} {document.digest}"
        # Duplicates in one folder are common: whoever comes second waits and finds the first one's id.
        with context.locks.holding(hashlib.sha256(request.encode()).hexdigest(), context.sleep):
            known = None if fresh else self.stored_id(source, document)
            return (known, {}) if known is not None else (None, self._send(source, document))

    def _send(self, source: Source, document: Document) -> dict[str, Any]:
        assert source.path is not None
        # The digest was taken before others were waited for; check on both sides of the upload that it holds.
        _check_unchanged(source, source.path, document)
        name = source.filename or source.path.name
        content_type = source.content_type or "application/octet-stream"
        entry = self.context.client.upload(source.path, name, content_type)
        _check_unchanged(source, source.path, document)
        context = self.context
        context.ledger.remember_upload(
            context.server, context.fingerprint, document.digest, entry["file_id"], name
        )
        return entry


def _read_file(source: Source, path: Path) -> Document:
    try:
        version = _version(path)
        return Document(digest(path), version)
    except OSError as error:
        raise DocspeedError(f"{source.label} can't be read: {error.strerror or error}") from None


def _check_unchanged(source: Source, path: Path, document: Document) -> None:
    try:
        unchanged = _version(path) == document.version
    except OSError:
        unchanged = False
    if not unchanged:
        raise DocspeedError(f"{source.label} changed since it was read", hint="run the same command again")


def _version(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
