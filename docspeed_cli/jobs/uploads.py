"""Stores documents at the service, each content once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.models import Source
from docspeed_cli.jobs.context import Session
from docspeed_cli.jobs.sources import digest


class Document(NamedTuple):
    """What a source held when it was read: its content's digest, or its id; and by what a change is seen."""

    digest: str
    seen: tuple[int, int] | None = None


class Uploads:
    """The uploads of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def digest(self, source: Source) -> str:
        """What stands for a document's content in a request's identity: its digest, or else its id."""
        return self.read(source).digest

    def read(self, source: Source) -> Document:
        """The document as it is now."""
        if source.path is not None:
            return _read(source, source.path)
        session = self.session
        known = session.ledger.digest_of(session.server, session.fingerprint, str(source.file_id))
        return Document(known or f"id:{source.file_id}")

    def known(self, source: Source) -> str | None:
        """The id under which the service stores the document, as far as this machine knows."""
        session = self.session
        if source.file_id is not None:
            return source.file_id
        return session.ledger.uploaded(session.server, session.fingerprint, self.digest(source))

    def store(self, source: Source, document: Document) -> tuple[str, bool]:
        """The id of the stored document, and whether it was stored before this run."""
        if source.file_id is not None or source.path is None:
            return str(source.file_id), False
        known, entry = self._once(source, document, fresh=False)
        return known or entry["file_id"], known is not None

    def _once(self, source: Source, document: Document, *, fresh: bool) -> tuple[str | None, dict[str, Any]]:
        """The id that this content has already, or the server's entry for it; one upload of it at a time."""
        session = self.session
        turn = hashlib.sha256(
            f"upload {session.server} {session.fingerprint} {document.digest}".encode()
        ).hexdigest()
        with session.locks.holding(turn, session.sleep):
            known = None
            if not fresh:
                known = session.ledger.uploaded(session.server, session.fingerprint, document.digest)
            return (known, {}) if known is not None else (None, self._upload(source, document))

    def _upload(self, source: Source, document: Document) -> dict[str, Any]:
        """Send it, as what was read before; others may have been waited for since then."""
        assert source.path is not None
        _unchanged(source, source.path, document)
        name = source.filename or source.path.name
        entry = self.session.api.upload(source.path, name, source.content_type or "application/octet-stream")
        _unchanged(source, source.path, document)
        self.session.ledger.remember_upload(
            self.session.server, self.session.fingerprint, document.digest, entry["file_id"], name
        )
        return entry

    def upload(self, source: Source, *, fresh: bool) -> dict[str, Any]:
        """Store one document; the server's entry for it, or what the ledger knows of it."""
        known, entry = self._once(source, self.read(source), fresh=fresh)
        if known is None:
            return {**entry, "input": source.label}
        self.session.output.note(f"{source.label}: stored before as {known}; --fresh stores it again")
        return {
            "file_id": known,
            "filename": source.filename,
            "content_type": source.content_type,
            "size": source.size,
            "input": source.label,
            "reused": True,
        }


def _read(source: Source, path: Path) -> Document:
    try:
        seen = _seen(path)
        return Document(digest(path), seen)
    except OSError as error:
        raise DocspeedError(f"{source.label} can't be read: {error.strerror or error}") from None


def _unchanged(source: Source, path: Path, document: Document) -> None:
    try:
        same = _seen(path) == document.seen
    except OSError:
        same = False
    if not same:
        raise DocspeedError(f"{source.label} changed since it was read", hint="run the same command again")


def _seen(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
