"""List the documents of a job, as far as the ledger knows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.core.models import MAX_LABEL_NAMES, Job
from docspeed_cli.jobs.context import Context


class JobDocument(NamedTuple):
    """A document of a job; its `digest` is None if this machine did not upload it."""

    name: str
    file_id: str
    digest: str | None


def documents_of(context: Context, job: Job) -> Iterator[JobDocument]:
    """Yield the documents of a job in their order."""
    for file_id, name in document_names(context, job):
        yield JobDocument(name, file_id, context.ledger.stored_file(job.server, job.key, file_id)[0])


def document_names(context: Context, job: Job) -> list[tuple[str, str]]:
    """Return the file id and the name of each document of a job; an unknown name is the id."""
    ids, label = (job.file_id or "").split(", "), job.input or ""
    names = label.split(", ") if len(ids) > 1 else [label]
    # The label leaves out some of many names, and can't be split where a name has a comma.
    if len(names) == len(ids) <= MAX_LABEL_NAMES:
        return list(zip(ids, names, strict=True))
    return [(each, context.ledger.stored_file(job.server, job.key, each)[1] or each) for each in ids]


def check_output_of(context: Context, jobs: Iterable[Job], output: Path, *, with_results: bool) -> None:
    """UsageError if `-o` would replace a document of these jobs or, `with_results`, one of their results."""
    for job in jobs:
        results = [job.output] if with_results and (job.output or "").endswith(".json") else []
        for name in (*(name for _, name in document_names(context, job)), *results):
            if name:
                context.files_read.add(Path(name), name)
        # For a job with several documents, the ledger has their digests and not their paths.
        for document in documents_of(context, job) if ", " in (job.file_id or "") else ():
            context.files_read.add_content(document.digest, document.name)
    context.files_read.check_output(output, "-o")
