"""Stores documents at the service, each content once."""

from __future__ import annotations

import hashlib
from typing import Any

from docspeed_cli.errors import DocspeedError
from docspeed_cli.inputs import digest
from docspeed_cli.models import Source
from docspeed_cli.session import Session


class Uploads:
    """The uploads of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def digest(self, source: Source) -> str:
        """What stands for a document's content in a request's identity: its digest, or else its id."""
        if source.path is not None:
            return _digest(source)
        known = self.session.ledger.digest_of(
            self.session.server, self.session.fingerprint, str(source.file_id)
        )
        return known or f"id:{source.file_id}"

    def known(self, source: Source) -> str | None:
        """The id under which the service stores the document, as far as this machine knows."""
        session = self.session
        if source.file_id is not None:
            return source.file_id
        return session.ledger.uploaded(session.server, session.fingerprint, self.digest(source))

    def store(self, source: Source, document: str) -> tuple[str, bool]:
        """The id of the stored document, and whether it was stored before this run."""
        if source.file_id is not None or source.path is None:
            return str(source.file_id), False
        known, entry = self._once(source, document, fresh=False)
        return known or entry["file_id"], known is not None

    def _once(self, source: Source, document: str, *, fresh: bool) -> tuple[str | None, dict[str, Any]]:
        """The id that this content has already, or the server's entry for it; one upload of it at a time."""
        session = self.session
        turn = hashlib.sha256(
            f"upload {session.server} {session.fingerprint} {document}".encode()
        ).hexdigest()
        with session.locks.holding(turn, session.sleep):
            known = None if fresh else session.ledger.uploaded(session.server, session.fingerprint, document)
            return (known, {}) if known is not None else (None, self._upload(source, document))

    def _upload(self, source: Source, document: str) -> dict[str, Any]:
        assert source.path is not None
        before = source.path.stat()
        name = source.filename or source.path.name
        entry = self.session.api.upload(source.path, name, source.content_type or "application/octet-stream")
        after = source.path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise DocspeedError(
                f"{source.label} changed while it was sent", hint="run the same command again"
            )
        self.session.ledger.remember_upload(
            self.session.server, self.session.fingerprint, document, entry["file_id"], name
        )
        return entry

    def upload(self, source: Source, *, fresh: bool) -> dict[str, Any]:
        """Store one document; the server's entry for it, or what the ledger knows of it."""
        known, entry = self._once(source, self.digest(source), fresh=fresh)
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


def _digest(source: Source) -> str:
    assert source.path is not None
    try:
        return digest(source.path)
    except OSError as error:
        raise DocspeedError(f"{source.label} can't be read: {error.strerror or error}") from None
