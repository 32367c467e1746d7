"""Stop a run before its first upload if it has too many documents or pages."""

from __future__ import annotations

from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.page_count import page_count
from docspeed_cli.jobs.sources import InputSet

_MAX_NAMED = 5
"""Documents that a message names."""

_HINT = "`--dry-run` lists the documents with their pages"


def check_limits(
    found: InputSet, limit: int | None, max_files: int | None, max_pages: int | None
) -> InputSet:
    """Return the documents, all of them read. UsageError if they are too many, or their pages are unknown."""
    documents = tuple(found.documents(limit))
    usable = [source for source in documents if source.problem is None]
    if max_files is not None and len(usable) > max_files:
        raise UsageError(f"--max-files {max_files}: there are {len(usable):,} documents", hint=_HINT)
    if max_pages is not None:
        counts = [page_count(source) for source in usable]
        pages = sum(count for count in counts if count is not None)
        if pages > max_pages:
            raise UsageError(f"--max-pages {max_pages}: the documents have {pages:,} pages", hint=_HINT)
        unknown = [source.label for source, count in zip(usable, counts, strict=True) if count is None]
        if unknown:
            named = ", ".join(unknown[:_MAX_NAMED])
            named += f" and {len(unknown) - _MAX_NAMED} more" if len(unknown) > _MAX_NAMED else ""
            raise UsageError(
                f"--max-pages {max_pages}: the pages of {named} can't be counted",
                hint="leave these documents out, or run it without a limit of pages",
                details=unknown,
            )
    return found._replace(checked=documents, streamed=())
