"""Store documents at the service, each content once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.models import Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.reading import check_unchanged
from docspeed_cli.jobs.lock_wait import LockWait


def stored_id(context: Context, source: Source) -> str | None:
    """The file id of a document that was read, as far as this machine knows."""
    if source.file_id is not None:
        return source.file_id
    return context.ledger.uploaded(context.server, context.fingerprint, str(source.digest))


def upload_once(
    context: Context, source: Source, path: Path, *, fresh: bool = False, deadline: float | None = None
) -> tuple[str, dict[str, Any] | None]:
    """The file id of a document that was read, and the server's entry for it if it was uploaded now.

    With `fresh` it is uploaded in any case. `deadline` is the monotonic time by which that must be done.
    """
    # Duplicates in one folder are common: the second waits here, and finds the first one's id.
    with _take_lock(context, source, deadline):
        known = None if fresh else stored_id(context, source)
        if known is not None:
            return known, None
        # The digest was taken before the lock was waited for: the file may have changed meanwhile.
        check_unchanged(source, path)
        name = source.filename or path.name
        content_type = source.content_type or "application/octet-stream"
        try:
            entry = context.client.upload(path, name, content_type, deadline)
        except DocspeedError:
            # If the file is still being written, say so: it explains more than the server's error.
            check_unchanged(source, path)
            raise
        # Before it is remembered: otherwise this digest would stand for other content from now on.
        check_unchanged(source, path)
        file_id = str(entry["file_id"])
        digest = str(source.digest)
        context.ledger.remember_upload(context.server, context.fingerprint, digest, file_id, name)
        return file_id, entry


def _take_lock(context: Context, source: Source, deadline: float | None) -> LockWait:
    """Take the lock of this document's upload. Pending if the deadline comes first."""
    named = f"upload {context.server} {context.fingerprint} {source.digest}"
    digest = hashlib.sha256(named.encode()).hexdigest()
    wait = LockWait(context, digest, source.label, "uploads the same document", deadline)
    while (due := wait.take()) is not None:
        context.sleep(max(0.0, due - context.environment.monotonic()))
    return wait
