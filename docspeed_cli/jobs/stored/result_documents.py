"""Find the local documents that a result was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.files import display_path, file_digest
from docspeed_cli.core.models import Job
from docspeed_cli.core.urls import is_url
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.stored.job_documents import JobDocument, documents_of
from docspeed_cli.jobs.stored.stored_results import StoredResult, decisions_about
from docspeed_cli.results.corrections import corrected
from docspeed_cli.results.pages import cited_document
from docspeed_cli.results.values import find_member
from docspeed_cli.review.page import DocumentFile

ADVICE = "; name it after the result to see its pages"
_FOLDERS_ABOVE = 3
"""Folders above a result in which its document is looked for."""

_MAX_CITATIONS = 1000


def named_documents(paths: Sequence[str]) -> list[Path]:
    """Return the documents that the command line names. UsageError if one is not a file."""
    for text in paths:
        if not Path(text).is_file():
            raise UsageError(f"{text}: {'it is a folder' if Path(text).is_dir() else 'no such file'}")
    return list(map(Path, paths))


def result_documents(
    context: Context, result: StoredResult, named: Sequence[Path], advice: str = ADVICE
) -> list[DocumentFile]:
    """Return the documents of a result: those that are named, or else those that the ledger knows.

    A file that is not the one that was uploaded is left out, and its entry says so, with `advice`. These
    files and the result's own are noted in the context, so that no output replaces them.
    """
    known = list(_known(context, result))
    if named:
        files = [_as_named(path, known[n] if n < len(known) else None) for n, path in enumerate(named)]
    elif known:
        folders = list(_folders(result))
        files = [_downloaded(context, each) or _located(each, folders, advice) for each in known]
    else:
        files = [DocumentFile(result.label, problem=f"The ledger does not know the document{advice}.")]
    for document in known:
        context.files_read.add_content(document.digest, document.name)
    for path in (result.path, *(file.path for file in files)):
        if path is not None:
            context.files_read.add(path, str(path))
    return files


def operation_of(context: Context, result: StoredResult) -> str:
    """Return the operation that a result comes from, as far as the ledger can tell, or an empty text."""
    job = job_of(context, result)
    return job.operation if job is not None else ""


def job_of(context: Context, result: StoredResult) -> Job | None:
    """Return the job that brought a result, as far as the ledger can tell."""
    if result.job is not None or result.path is None:
        return result.job
    return context.ledger.of_output(display_path(result.path.resolve())) or _job_with(context, result.path)


def _job_with(context: Context, path: Path) -> Job | None:
    """Return the only job whose kept result equals the file, except for the line break at its end."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digests = [hashlib.sha256(text).hexdigest() for text in (content, content.removesuffix(b"\n"))]
    found = context.kept.named(digests)
    jobs = [job for server, name in found for job in context.ledger.by_id(name) if job.server == server]
    return jobs[0] if len(jobs) == 1 else None


def corrected_payload(context: Context, result: StoredResult) -> Any:
    """Return a result's payload with its reviewers' corrections. DocspeedError if these can't be read."""
    decisions = decisions_about(context, result.path, job_of(context, result))
    return corrected(result.payload, decisions.values()).payload


def _known(context: Context, result: StoredResult) -> Iterator[JobDocument]:
    """Yield the documents of the job that brought a result, or those whose file ids the result has."""
    job = job_of(context, result)
    if job is not None and job.file_id:
        yield from documents_of(context, job)
        return
    for file_id in dict.fromkeys(_file_ids(result.payload)):
        found = context.ledger.of_file(file_id)
        if found is not None:
            yield from (each for each in documents_of(context, found) if each.file_id == file_id)


def _file_ids(payload: Any) -> Iterator[str]:
    file_id = find_member(payload, "file_id")
    if isinstance(file_id, str):
        yield file_id
    citations = find_member(payload, "citations")
    for item in citations[:_MAX_CITATIONS] if isinstance(citations, list) else []:
        if cited := cited_document(item):
            yield cited


def _as_named(path: Path, known: JobDocument | None) -> DocumentFile:
    problem = ""
    if known is not None and known.digest is not None and file_digest(path) != known.digest:
        problem = "This is not the file that the result was made from: its content is different."
    return DocumentFile(path.name, path, known.file_id if known is not None else "", problem)


def _folders(result: StoredResult) -> Iterator[Path]:
    yield Path()
    if result.path is not None:
        yield from result.path.resolve().parents[:_FOLDERS_ABOVE]


def _downloaded(context: Context, known: JobDocument) -> DocumentFile | None:
    """Return a document from the web, if its download is still kept."""
    if known.digest is None or not is_url(known.name):
        return None
    path = context.downloads.kept(known.digest)
    return None if path is None else DocumentFile(Path(known.name).name, path, known.file_id)


def _located(known: JobDocument, folders: Sequence[Path], advice: str) -> DocumentFile:
    """Return the document at its path, or beside the result; only with the content that was uploaded."""
    path = Path(known.name)
    found = [at for folder in folders for at in (folder / path, folder / path.name) if at.is_file()]
    entry = DocumentFile(path.name or known.file_id, file_id=known.file_id)
    for at in dict.fromkeys(found):
        if known.digest is None or file_digest(at) == known.digest:
            return entry._replace(path=at)
    if found:
        why = "has changed since the result was made, so only the text of the result is shown."
        return entry._replace(problem=f"{known.name} {why}")
    why = f"is not here, so only the text of the result is shown{advice}."
    return entry._replace(problem=f"{known.name or 'The document'} {why}")
