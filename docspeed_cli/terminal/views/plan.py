"""Lay out what a run would do as rows with aligned columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from docspeed_cli.core.timefmt import file_size
from docspeed_cli.terminal.text_width import cell_width, keep_tail

_HEADINGS = ("document", "type", "pages", "size", "action")
_MAX_DOCUMENT = 48
_TYPES = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
}


def plan_rows(lines: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Yield the headings, then a row for each document of a dry run; pages that can't be counted are `?`."""
    rows = [_HEADINGS, *map(_plan_cells, lines)]
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    for document, kind, pages, size, action in rows:
        name = document + " " * (widths[0] - cell_width(document))
        yield name, kind.ljust(widths[1]), pages.rjust(widths[2]), size.rjust(widths[3]), action


def _plan_cells(line: Mapping[str, Any]) -> tuple[str, ...]:
    kind = line.get("type") or ""
    pages = ("?" if line["pages"] is None else f"{line['pages']:,}") if "pages" in line else ""
    size = file_size(line["size"]) if line.get("size") is not None else ""
    return (
        keep_tail(line["input"], _MAX_DOCUMENT),
        _TYPES.get(kind, kind.rpartition("/")[2].upper()),
        pages,
        size,
        _action_in_words(line),
    )


def _action_in_words(line: Mapping[str, Any]) -> str:
    """Return what would happen to a document, and why, in words."""
    reason = line["error"]["message"] if "error" in line else line.get("reason")
    job = f"{line['action']} {line['job_id']}" if line.get("job_id") else line["action"]
    same = f"same content as {line['duplicate_of']}" if "duplicate_of" in line else ""
    return " · ".join(filter(None, (job, same, reason)))
