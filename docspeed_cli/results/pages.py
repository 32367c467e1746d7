"""Alone in reading pages, answers with their citations, and sections from payloads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    VALUES,
    first,
    member,
    page_of,
    regions_of,
    scalar,
    strings,
    unwrap,
    whole,
)

_PAGE = ("markdown", "text", "lines")


class Page(NamedTuple):
    """A page of a parsed document; its number counts from one."""

    number: int
    markdown: str
    text: str
    lines: int
    regions: int
    size: str


class Section(NamedTuple):
    """A part of a packet with its first and last page."""

    name: str
    kind: str
    first: int | None
    last: int | None


class Region(NamedTuple):
    """A place in a document."""

    page: int | None
    region_id: str
    text: str


class Citation(NamedTuple):
    """A document that an answer rests on, and where in it."""

    document: str
    regions: tuple[Region, ...]


# -- pages and answers


def pages(payload: Any) -> list[Page]:
    """The pages of a parsed document."""
    if isinstance(payload, list) and not any(first(item, _PAGE) for item in payload):
        return []
    listed = payload if isinstance(payload, list) else member(payload, "pages")
    if isinstance(listed, dict):
        listed = list(listed.values())
    if isinstance(listed, list):
        found = [_page(number, item) for number, item in enumerate(listed, 1)]
        return [page for page in found if page is not None]
    bare = next((body for body in unwrap(payload) if strings(first(body, ("markdown", "text")))), None)
    page = _page(1, bare) if bare else None
    return [page] if page else []


def _page(position: int, item: Any) -> Page | None:
    if isinstance(item, str):
        return Page(position, item, item, 0, 0, "")
    if not isinstance(item, dict):
        return None
    lines, regions = item.get("lines"), item.get("regions")
    text = item.get("text") if isinstance(item.get("text"), str) else None
    markdown = item.get("markdown") if isinstance(item.get("markdown"), str) else None
    if not text and isinstance(lines, list) and not (text is None and markdown):
        text = "\n".join(filter(None, (_line(line) for line in lines)))
    return Page(
        page_of(item) or position,
        markdown or text or "",
        text or markdown or "",
        len(lines) if isinstance(lines, list) else 0,
        len(regions) if isinstance(regions, list) else 0,
        _size(item),
    )


def _line(line: Any) -> str:
    return line if isinstance(line, str) else scalar(first(line, VALUES))


def _size(page: Mapping[str, Any]) -> str:
    sides = [page.get("width"), page.get("height")]
    if not all(isinstance(side, int | float) and 0 < side < 1e6 for side in sides):
        return ""
    unit = page.get("unit")
    size = " × ".join(f"{float(side):.0f}" for side in sides if side)
    return f"{size} {unit[:12]}" if isinstance(unit, str) else size


def answer(payload: Any) -> str | None:
    """The text of an answer."""
    found = member(payload, "answer")
    if isinstance(found, dict):
        found = first(found, VALUES)
    return found if isinstance(found, str) else None


def citations(payload: Any) -> list[Citation]:
    """What an answer rests on."""
    listed = member(payload, "citations", "sources", "references")
    if not isinstance(listed, list):
        return []
    return [_citation(item) for item in listed if isinstance(item, dict | str)]


def _citation(item: dict[str, Any] | str) -> Citation:
    if isinstance(item, str):
        return Citation("", (Region(None, "", item),))
    named = ("doc_id", "file_id", "document_id", "document", "filename", "source", "name")
    listed = item.get("regions")
    places = listed if isinstance(listed, list) else [item]
    regions = (_region(place) for place in places)
    return Citation(scalar(first(item, named)), tuple(region for region in regions if any(region)))


def _region(place: Any) -> Region:
    if isinstance(place, str):
        return Region(page_of(None, [place]), place, "")
    ids = regions_of(place)
    quote = first(place, ("text", "quote", "snippet", "content"))
    return Region(page_of(place, ids), ids[0] if ids else "", quote if isinstance(quote, str) else "")


# -- sections


def sections(payload: Any) -> list[Section]:
    """The parts of a packet."""
    listed = member(payload, "sections", "segments", "splits", "documents")
    if isinstance(listed, dict):
        listed = [{"name": name, **value} for name, value in listed.items() if isinstance(value, dict)]
    return [_section(item) for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _section(item: Mapping[str, Any]) -> Section:
    start, end = _span(item)
    name = scalar(first(item, ("name", "title", "label", "filename", "section_id")))
    kind = scalar(first(item, ("kind", "type", "doc_class", "category", "class")))
    return Section(name, kind, start, start if end is None else end)


def _span(item: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The first and last page, from one, in whichever way they are told."""
    ways: tuple[tuple[Callable[[], list[int]], int], ...] = (
        (lambda: _numbers([item.get("start_page_index"), item.get("end_page_index")]), 1),
        (lambda: _numbers(first(item, ("page_indexes", "page_indices"))), 1),
        (lambda: _numbers([item.get("start_page"), item.get("end_page")]), 0),
        (lambda: _numbers([item.get("first_page"), item.get("last_page")]), 0),
        (lambda: _numbers(first(item, ("page_range", "pages", "page_ranges"))), 0),
        (lambda: _numbers([page_of(item)]), 0),
    )
    for read, offset in ways:
        if numbers := read():
            return min(numbers) + offset, max(numbers) + offset
    return None, None


def _numbers(value: Any) -> list[int]:
    """The page numbers in a list, a range object, or a text like `3-5`."""
    if isinstance(value, str):
        return [int(found) for found in re.findall(r"\d{1,9}", value)]
    if isinstance(value, dict):
        value = [value.get(name) for name in ("start", "end", "from", "to", "first", "last")]
    if not isinstance(value, list):
        return []
    found = (page_of(item) if isinstance(item, dict) else whole(item) for item in value)
    return [number for number in found if number is not None]
