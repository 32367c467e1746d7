"""Store documents at the service, each content once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.models import Request, Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.named_documents import file_digest
from docspeed_cli.jobs.turn import Turn


class Document(NamedTuple):
    """A source as it was when it was read.

    `digest` is its content's SHA-256, or `id:` and its file id where the content is unknown. `version` is the
    file's size in bytes and its modification time in nanoseconds; None for a stored file.
    """

    source: Source
    digest: str
    version: tuple[int, int] | None = None


class PreparedRequest(NamedTuple):
    """A request whose documents were read once, and the digest that identifies it."""

    request: Request
    documents: tuple[Document, ...]
    identity: str


class Uploads:
    """The uploads of one context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def read(self, source: Source) -> Document:
        """Hash the document. DocspeedError if it can't be read."""
        if source.path is not None:
            try:
                version = _version_of(source.path)
                return Document(source, file_digest(source.path), version)
            except OSError as error:
                raise DocspeedError(f"{source.label} can't be read: {error.strerror or error}") from None
        context = self.context
        known = context.ledger.digest_of(context.server, context.fingerprint, str(source.file_id))
        return Document(source, known or f"id:{source.file_id}")

    def prepare(self, request: Request) -> PreparedRequest:
        """Read the request's documents. DocspeedError if one can't be read."""
        documents = tuple(self.read(source) for source in request.sources)
        digests = [document.digest for document in documents]
        identity = request.identity(digests, self.context.server, self.context.fingerprint)
        return PreparedRequest(request, documents, identity)

    def stored_id(self, document: Document) -> str | None:
        """The file id of the document, as far as this machine knows."""
        if document.source.file_id is not None:
            return document.source.file_id
        context = self.context
        return context.ledger.uploaded(context.server, context.fingerprint, document.digest)

    def store(
        self, document: Document, *, fresh: bool = False, deadline: float | None = None
    ) -> tuple[str, dict[str, Any] | None]:
        """The document's file id, and the server's entry for it if it was uploaded now.

        With `fresh` it is uploaded in any case. `deadline` is the monotonic time by which that must be done.
        """
        context, source = self.context, document.source
        if source.path is None:
            return str(source.file_id), None
        # Duplicates in one folder are common: the second waits here, and finds the first one's id.
        with self._take_turn(document, deadline):
            known = None if fresh else self.stored_id(document)
            if known is not None:
                return known, None
            # The digest was taken before the lock was waited for: the file may have changed meanwhile.
            _check_unchanged(document, source.path)
            name = source.filename or source.path.name
            content_type = source.content_type or "application/octet-stream"
            try:
                entry = context.client.upload(source.path, name, content_type, deadline)
            except DocspeedError:
                # If the file is still being written, say so: it explains more than the server's error.
                _check_unchanged(document, source.path)
                raise
            # Before it is remembered: otherwise this digest would stand for other content from now on.
            _check_unchanged(document, source.path)
            file_id = entry["file_id"]
            context.ledger.remember_upload(
                context.server, context.fingerprint, document.digest, file_id, name
            )
            return file_id, entry

    def _take_turn(self, document: Document, deadline: float | None) -> Turn:
        """Take the lock of this document's upload. Pending if the deadline comes first."""
        context = self.context
        upload = f"upload {context.server} {context.fingerprint} {document.digest}"
        lock = hashlib.sha256(upload.encode()).hexdigest()
        turn = Turn(context, lock, document.source.label, "uploads the same document", deadline)
        while (due := turn.take()) is not None:
            context.sleep(max(0.0, due - context.environment.monotonic()))
        return turn

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


def _check_unchanged(document: Document, path: Path) -> None:
    try:
        unchanged = _version_of(path) == document.version
    except OSError:
        unchanged = False
    if not unchanged:
        label = document.source.label
        raise DocspeedError(f"{label} changed since it was read", hint="run the same command again")


def _version_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
