"""Stop a run before its first upload if it has too many documents or pages."""

from __future__ import annotations

from collections.abc import Sequence

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Source
from docspeed_cli.jobs.documents.input_set import InputSet, Limits
from docspeed_cli.jobs.documents.page_count import page_count

_MAX_NAMED = 5
"""Documents that a message names."""

_HINT = "`--dry-run` lists the documents with their pages"


def limit_files(found: InputSet, limits: Limits) -> InputSet:
    """Return the documents, with lists read to the end. UsageError if there are too many."""
    documents, most = tuple(found.documents(limits.limit)), limits.max_files
    count = sum(source.problem is None for source in documents)
    if most is not None and count > most:
        raise UsageError(f"--max-files {most}: there are {count:,} documents", hint=_HINT)
    # Counting has read the list, and standard input can't be read again.
    return found._replace(checked=documents, streamed=())


def limit_pages(documents: Sequence[Source], most: int) -> None:
    """UsageError if the documents have too many pages, or an unknown number of them."""
    usable = [source for source in documents if source.problem is None]
    counts = [page_count(source) for source in usable]
    pages = sum(count for count in counts if count is not None)
    if pages > most:
        raise UsageError(f"--max-pages {most}: the documents have {pages:,} pages", hint=_HINT)
    unknown = [source.label for source, count in zip(usable, counts, strict=True) if count is None]
    if unknown:
        named = ", ".join(unknown[:_MAX_NAMED])
        named += f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
        raise UsageError(
            f"--max-pages {most}: the pages of {named} can't be counted",
            hint="leave these documents out, or run it without the limit on pages",
            details=unknown,
        )
