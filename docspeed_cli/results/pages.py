"""Read pages, answers with their citations, and the sections of a packet.

Each reader returns None for a payload of another shape, and an empty value for an empty result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from docspeed_cli.results.values import (
    VALUE_NAMES,
    cell_text,
    find_member,
    first_filled,
    list_of_texts,
    page_of,
    regions_of,
    unwrap,
    whole_number,
)

_TEXTS = ("markdown", "text")

# The quotes of a text inside JSON are escaped, so these find members only. The comma or bracket at the end
# shows that the number is whole.
_PAGE_COUNT = re.compile(rb'"(?:page_count|num_pages|total_pages)"\s*:\s*(\d{1,9})\s*[,}]')
_PAGE = re.compile(rb'"page(_index|_number|)"\s*:\s*(\d{1,9})\s*[,}]')
_SECTION_END = re.compile(rb'"(?:end_page(_index|)|last_page)"\s*:\s*(\d{1,9})\s*[,}]')
_MAX_MEMBER = 64
"""Bytes of the longest member that we search for, with some white space in it."""


class Page(NamedTuple):
    """A page of a parsed document; its number counts from 1."""

    number: int
    markdown: str
    text: str
    lines: int
    regions: int


class Section(NamedTuple):
    """A part of a packet with its first and last page, counted from 1."""

    name: str
    kind: str
    first: int | None
    last: int | None

    @property
    def page_range(self) -> str:
        """The pages as people write them: `3` or `3–5`; empty if they are not known."""
        if self.first is None or self.last is None:
            return ""
        return str(self.first) if self.first == self.last else f"{self.first}–{self.last}"


class Packet(NamedTuple):
    """The sections of a file that holds several documents, and its number of pages, 0 if unknown."""

    sections: list[Section]
    page_count: int


class CitedRegion(NamedTuple):
    """A place in a document, with the text that is quoted from it."""

    page: int | None
    region_id: str
    text: str


class Citation(NamedTuple):
    """A document that an answer cites, by its file id or name, and the places in it."""

    document: str
    regions: tuple[CitedRegion, ...]


class Answer(NamedTuple):
    """The text of an answer, and what it cites."""

    text: str
    citations: list[Citation]

    def with_names(self, names: Mapping[str, str]) -> Answer:
        """Return the answer with the names of the documents in place of their file ids."""
        return Answer(self.text, [Citation(names.get(id_, id_), regions) for id_, regions in self.citations])


# -- pages


def read_pages(payload: Any) -> list[Page] | None:
    """Return the pages of a parsed document."""
    listed = find_member(payload, "pages")
    if listed is None:
        # A single page may come without a list around it.
        listed = next(([body] for body in unwrap(payload) if list_of_texts(first_filled(body, _TEXTS))), None)
    if not isinstance(listed, list):
        return None
    pages = [page for number, item in enumerate(listed, 1) if (page := _page(number, item))]
    return pages if pages or not listed else None


def _page(position: int, item: Any) -> Page | None:
    if isinstance(item, str):
        return Page(position, item, item, 0, 0)
    if not isinstance(item, dict):
        return None
    lines, regions = (item[name] if isinstance(item.get(name), list) else [] for name in ("lines", "regions"))
    markdown, text = (item[name] if isinstance(item.get(name), str) else "" for name in _TEXTS)
    # Lines stand in for a text that is empty, and for one that is missing unless there is markdown.
    if not text and not (markdown and "text" not in item):
        texts = (line if isinstance(line, str) else first_filled(line, VALUE_NAMES) for line in lines)
        text = "\n".join(filter(None, map(cell_text, texts)))
    number = page_of(item) or position
    return Page(number, markdown or text, text or markdown, len(lines), len(regions))


def count_pages(operation: str, chunks: Iterable[bytes]) -> int | None:
    """Count the pages of a result in its JSON; None if it does not tell them.

    It is searched, not parsed: that takes a fourth of the time for 20 kB, a seventh for 8 MB, and no memory.
    """
    pattern = {"parse": _PAGE, "split": _SECTION_END}.get(operation)
    numbers: set[int] = set()
    for window in _overlapping(chunks):
        # A packet's sections have counts of their own.
        if operation != "split" and (found := _PAGE_COUNT.search(window)):
            return int(found[1])
        if pattern is not None:
            # The regions of a page name it again and again.
            found_here = set(pattern.findall(window))
            numbers.update(int(number) + (kind == b"_index") for kind, number in found_here)
    if not numbers:
        return None
    return max(numbers) if operation == "split" else len(numbers)


def _overlapping(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks, each after the end of the one before, so that no member is cut in two."""
    end = b""
    for chunk in chunks:
        window = end + chunk if end else chunk
        yield window
        end = window[-_MAX_MEMBER:]


# -- answers


def read_answer(payload: Any) -> Answer | None:
    """Return an answer with the documents and places that it cites."""
    text = find_member(payload, "answer")
    listed = find_member(payload, "citations")
    citations = listed if isinstance(listed, list) else []
    if not isinstance(text, str):
        return None
    return Answer(text, [_citation(item) for item in citations if isinstance(item, dict | str)])


def _citation(item: dict[str, Any] | str) -> Citation:
    if isinstance(item, str):
        return Citation("", (CitedRegion(None, "", item),))
    listed = item.get("regions")
    regions = map(_region, listed if isinstance(listed, list) else [item])
    return Citation(cited_document(item), tuple(region for region in regions if any(region)))


def cited_document(item: Any) -> str:
    """Return the document that a citation names, by its file id or name."""
    return cell_text(first_filled(item, ("doc_id", "file_id", "filename")))


def _region(place: Any) -> CitedRegion:
    if isinstance(place, str):
        return CitedRegion(page_of(None, [place]), place, "")
    ids = regions_of(place)
    quote = first_filled(place, ("text", "quote"))
    return CitedRegion(page_of(place, ids), ids[0] if ids else "", quote if isinstance(quote, str) else "")


# -- sections


def read_packet(payload: Any) -> Packet | None:
    """Return the sections of a packet in the payload's order."""
    listed = find_member(payload, "sections", "segments", "documents")
    if not isinstance(listed, list):
        return None
    sections = [_section(item) for item in listed if isinstance(item, dict)]
    page_count = whole_number(find_member(payload, "page_count")) or 0
    return Packet(sections, page_count) if sections or not listed else None


def _section(item: Mapping[str, Any]) -> Section:
    name = cell_text(first_filled(item, ("name", "title", "label", "section_id")))
    kind = cell_text(first_filled(item, ("kind", "type", "doc_class")))
    # An index counts from 0, unlike a number.
    for member, last_member, offset in (
        ("start_page_index", "end_page_index", 1),
        ("start_page", "end_page", 0),
        ("first_page", "last_page", 0),
    ):
        first, last = whole_number(item.get(member)), whole_number(item.get(last_member))
        if first is not None:
            return Section(name, kind, first + offset, max(first if last is None else last, first) + offset)
    if numbers := _page_numbers(first_filled(item, ("page_range", "pages"))):
        return Section(name, kind, min(numbers), max(numbers))
    return Section(name, kind, page_of(item), page_of(item))


def _page_numbers(value: Any) -> list[int]:
    """Return the page numbers in a list, in a range object, or in a text such as `3-5`."""
    if isinstance(value, str):
        return [int(found) for found in re.findall(r"\d{1,9}", value)]
    items = [value.get("start"), value.get("end")] if isinstance(value, dict) else value
    listed = items if isinstance(items, list) else []
    found = (page_of(item) if isinstance(item, dict) else whole_number(item) for item in listed)
    return [number for number in found if number is not None]
