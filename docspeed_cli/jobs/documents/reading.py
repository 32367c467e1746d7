"""Read documents: the digest of a local file, and what is known about a file that the service stores."""

from __future__ import annotations

from pathlib import Path

from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.files import file_digest
from docspeed_cli.core.models import Request, Source
from docspeed_cli.jobs.context import Context


def read_document(context: Context, source: Source) -> Source:
    """The document with its digest. DocspeedError if it can't be read, or if its id is a job's."""
    if source.path is None:
        return _read_stored(context, source, str(source.file_id))
    try:
        version = _version_of(source.path)
        return source._replace(digest=file_digest(source.path), version=version)
    except OSError as error:
        raise DocspeedError(f"{source.label} can't be read: {error.strerror or error}") from None


def _read_stored(context: Context, source: Source, file_id: str) -> Source:
    digest, _, job = context.ledger.stored_file(context.server, context.fingerprint, file_id)
    # A server may number its files and its jobs alike.
    if job is not None and digest is None and not file_id.isdecimal():
        why, hint = "it is a job, not a file", f"its result: `{context.result_command(job)}`"
        raise UsageError(f"{source.label}: {why}", code="invalid_input", reason=why, hint=hint)
    return source._replace(digest=digest or f"id:{file_id}")


def read_documents(context: Context, request: Request) -> Request:
    """The request with its documents' digests and its identity. DocspeedError if one can't be read."""
    sources = (each if each.digest is not None else read_document(context, each) for each in request.sources)
    return request._replace(sources=tuple(sources)).identified(context.server, context.fingerprint)


def check_unchanged(source: Source, path: Path) -> None:
    """DocspeedError if the file has changed since the document was read."""
    try:
        unchanged = _version_of(path) == source.version
    except OSError:
        unchanged = False
    if not unchanged:
        raise DocspeedError(f"{source.label} changed since it was read", hint="run the same command again")


def _version_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
