"""Find where on its document's pages each value of a result stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from docspeed_cli.results.fields import Field
from docspeed_cli.results.values import (
    find_member,
    first_filled,
    is_number,
    list_of_texts,
    page_of,
    regions_of,
)
from docspeed_cli.review.boxes import PageSize, Shape, Units, boxed_objects, read_shape
from docspeed_cli.review.documents import Document
from docspeed_cli.review.model import Box, Place
from docspeed_cli.review.page_text import Match, PageText, fold_text

_MAX_BOXES = 20_000
"""Most regions of one result that are drawn; more would cover each other."""

_MAX_MATCHES = 3
"""Most places at which a text is marked; if there are more, only the page is marked."""

_MAX_CANDIDATES = 200
"""Places of one cell that are compared with those of the other cells of its row."""

_MAX_SEARCHES = 100_000
"""Pages that are searched for all values of a result, some of them often: a few seconds."""

_MAX_REGIONS = 100
"""Regions of one value that are shown."""

_CHECKED = 12
"""Regions with a text by which the origin of their boxes is checked."""

_MIN_LETTERS = 3
_EVIDENCE = ("evidence", "regions", "citations", "locations", "spans")


class Region(NamedTuple):
    """A region of the result: its page, its box in the result's numbers, and its text."""

    page: int
    shape: Shape
    text: str


class Wanted(NamedTuple):
    """A value whose places are wanted: the parts of the payload with its evidence, its text and its quote."""

    sources: tuple[Any, ...]
    text: str
    quote: str = ""
    page: int | None = None
    is_number: bool = False


class Locator:
    """Finds the places of a result's values in one document; without it, by the result's own boxes."""

    def __init__(self, payload: Any, document: Document | None, index: int = 0, max_pages: int = 50) -> None:
        self._document, self.index = document, index
        self._max_pages = max_pages
        self._pages_read: set[int] = set()
        self._regions: dict[str, Region] = {}
        self._searches = 0
        self._stated = dict(_stated_sizes(payload))
        self.listed: list[Region] = []
        """The regions that have a box, in no order."""
        for page, item in boxed_objects(payload):
            if len(self.listed) == _MAX_BOXES:
                break
            self._register(page, item)

    def _register(self, page: int | None, item: dict[str, Any]) -> None:
        shape = read_shape(item)
        ids = list_of_texts(first_filled(item, ("region_id", "id", "region_ids", "table_id")))
        number = page_of(item, ids) or page
        if shape is None or number is None:
            return
        text = first_filled(item, ("text", "value", "quote"))
        region = Region(number, shape, text if isinstance(text, str) else "")
        self.listed.append(region)
        for region_id in ids[:1]:
            self._regions.setdefault(region_id, region)

    # -- places

    def places(self, wanted: Wanted) -> tuple[Place, ...]:
        """Return the places of a value."""
        return self._places_by_boxes(wanted) or self._found(wanted, self._matches(wanted, _MAX_MATCHES))

    def places_of_row(self, cells: Sequence[Wanted]) -> list[tuple[Place, ...]]:
        """Return the places of the cells of a row: those that have no box stand beside each other."""
        known = [self._places_by_boxes(cell) for cell in cells]
        if all(known) or self._document is None:
            return [places or self._found(cell, []) for places, cell in zip(known, cells, strict=True)]
        found = [
            [] if at else self._matches(cell, _MAX_CANDIDATES) for at, cell in zip(known, cells, strict=True)
        ]
        band = _band(known, found)
        chosen = _apart([_in_band(matches, band) for matches in found])
        pairs = zip(known, chosen, cells, strict=True)
        return [places or self._found(cell, matches) for places, matches, cell in pairs]

    def page_place(self, page: int) -> Place:
        """Return a whole page as a place."""
        return Place(self.index, page)

    def _places_by_boxes(self, wanted: Wanted) -> tuple[Place, ...]:
        boxes: dict[int, list[Box]] = {}
        for page, shape in self._shapes(wanted):
            box = self.box(page, shape)
            if box is not None and box not in boxes.setdefault(page, []):
                boxes[page].append(box)
        return tuple(Place(self.index, page, tuple(listed)) for page, listed in boxes.items())

    def _shapes(self, wanted: Wanted) -> Iterator[tuple[int, Shape]]:
        """Yield the boxes beside a value or in its evidence, or else those of the regions that it names."""
        for source in wanted.sources[:_MAX_REGIONS]:
            own, ids = read_shape(source), regions_of(source)
            page = page_of(source, ids) or wanted.page
            if own is not None and page is not None:
                yield page, own
                continue
            listed = first_filled(source, _EVIDENCE)
            for item in listed[:_MAX_REGIONS] if isinstance(listed, list) else [listed]:
                shape, on = read_shape(item), page_of(item, regions_of(item)) or page
                if shape is not None and on is not None:
                    yield on, shape
            for region_id in ids[:_MAX_REGIONS]:
                if (region := self._regions.get(region_id)) is not None:
                    yield region.page, region.shape

    def _found(self, wanted: Wanted, matches: Sequence[tuple[int, Match]]) -> tuple[Place, ...]:
        """Return the places of matches; without any, the page of the value where it is known."""
        if not matches:
            return (self.page_place(wanted.page),) if wanted.page is not None else ()
        pages: dict[int, list[Box]] = {}
        for page, match in matches:
            pages.setdefault(page, []).extend(match)
        return tuple(Place(self.index, page, tuple(boxes), is_found=True) for page, boxes in pages.items())

    # -- by text

    def _matches(self, wanted: Wanted, most: int) -> list[tuple[int, Match]]:
        """Return where the quoted text or the value itself stands, with pages."""
        if self._document is None or not (wanted.quote or wanted.text) or self._searches > _MAX_SEARCHES:
            return []
        last = min(self._document.page_count, self._max_pages)
        pages = [wanted.page] if wanted.page else range(1, last + 1)
        self._searches += len(pages)
        texts = [(page, text) for page in pages if (text := self._text(page)) is not None]
        for needle, as_number in (
            (wanted.quote, False),
            (wanted.text, wanted.is_number),
            (wanted.text, False),
        ):
            if not needle:
                continue
            found = [
                (page, match)
                for page, text in texts
                for match in (text.find_number if as_number else text.find)(needle, most)
            ]
            if 0 < len(found) <= most:
                return found
        return []

    def _text(self, page: int) -> PageText | None:
        """Return the text of a page, of no more pages than are shown: reading one takes milliseconds."""
        assert self._document is not None
        if len(self._pages_read) < self._max_pages:
            self._pages_read.add(page)
        is_there = 1 <= page <= self._document.page_count and page in self._pages_read
        return self._document.text(page) if is_there else None

    # -- by numbers

    def box(self, page: int, shape: Shape) -> Box | None:
        """Return a box of the result as fractions of its page."""
        return self._box_from(self._origin, page, shape)

    def drawn_size(self, page: int) -> PageSize:
        """Return the size at which to draw a page that has no picture."""
        return self._units.drawn_size(page)

    @cached_property
    def _units(self) -> Units:
        pages = {region.page for region in self.listed}
        count = self._document.page_count if self._document is not None else 0
        sizes: Mapping[int, PageSize] = {}
        if self._document is not None:
            sizes = {page: self._document.size(page) for page in pages if 1 <= page <= count}
        return Units(((region.page, region.shape) for region in self.listed), self._stated, sizes)

    @cached_property
    def _origin(self) -> str:
        """The origin of the boxes: `top` or `bottom` of the page as people see it, or that of the `file`.

        The texts in the boxes decide; without texts, the direction in which the boxes count.
        """
        usual = "bottom" if self._units.is_upward else "top"
        if self._document is None:
            return usual
        # The usual origin comes first, because `max` takes the first of equal scores.
        scores = dict.fromkeys((usual, "top", "bottom", "file"), 0)
        for region in [region for region in self.listed if len(region.text) >= _MIN_LETTERS][:_CHECKED]:
            page = self._text(region.page)
            if page is None:
                continue
            for origin in scores:
                box = self._box_from(origin, region.page, region.shape)
                scores[origin] += box is not None and fold_text(region.text)[:40] in page.inside(box)
        return max(scores, key=lambda origin: scores[origin])

    def _box_from(self, origin: str, page: int, shape: Shape) -> Box | None:
        if origin == "file" and self._document is not None:
            return self._document.from_points(page, (shape.x0, shape.y0, shape.x1, shape.y1))
        return self._units.box(page, shape, is_upward=origin == "bottom")


def _stated_sizes(payload: Any) -> Iterator[tuple[int, PageSize]]:
    """Yield the sizes of the pages that a result states, with their numbers."""
    listed = find_member(payload, "pages")
    for position, item in enumerate(listed if isinstance(listed, list) else [], 1):
        sides = [item.get(name) for name in ("width", "height")] if isinstance(item, dict) else []
        numbers = [float(side) for side in sides if isinstance(side, int | float) and 0 < side < 1e9]
        if len(numbers) == 2:
            yield page_of(item) or position, PageSize(*numbers)


def wanted(source: Any, text: str, page: int | None = None, quote: str = "") -> Wanted:
    """Return what to look for, from the part of a payload that a value was read from."""
    if not quote:
        evidence = first_filled(source, _EVIDENCE)
        first = evidence[0] if isinstance(evidence, list) and evidence else evidence
        found = first_filled(source, ("quote",)) or first_filled(first, ("text", "quote"))
        quote = found if isinstance(found, str) else ""
        page = page or page_of(first)
    value = source.get("value") if isinstance(source, dict) else source
    page = page_of(source, regions_of(source)) or page
    return Wanted((source,), text, quote, page, is_number(value))


def wanted_field(field: Field, text: str) -> Wanted:
    """Return what to look for of a field."""
    found = wanted(field.sources[0] if field.sources else None, text, field.page, field.quoted_text)
    return found._replace(sources=field.sources, is_number=is_number(field.value))


# -- rows


def _band(
    known: Sequence[tuple[Place, ...]], found: Sequence[Sequence[tuple[int, Match]]]
) -> tuple[int, float, float] | None:
    """Return the page, top and bottom of a row: those of the cell that stands at the fewest places."""
    for places in known:
        for place in places:
            return place.page, min(b[1] for b in place.boxes), max(b[3] for b in place.boxes)
    certain = sorted((matches for matches in found if matches), key=len)
    if not certain or len(certain[0]) > _MAX_MATCHES:
        return None
    best: tuple[int, tuple[int, float, float]] | None = None
    for page, match in certain[0]:
        band = page, min(box[1] for box in match), max(box[3] for box in match)
        beside = sum(bool(_in_band(matches, band)) for matches in certain)
        if best is None or beside > best[0]:
            best = beside, band
    return best[1] if best else None


def _apart(chosen: Sequence[list[tuple[int, Match]]]) -> list[list[tuple[int, Match]]]:
    """Leave out matches inside a longer text of the row: `18 mm` does not have the quantity 18."""
    certain = [matches[0][1][0] for matches in chosen if len(matches) == 1]
    return [
        [(page, match) for page, match in matches if not any(_inside(match[0], box) for box in certain)]
        if len(matches) > 1
        else matches
        for matches in chosen
    ]


def _inside(box: Box, other: Box) -> bool:
    middle = (box[1] + box[3]) / 2
    return other[0] <= box[0] and box[2] <= other[2] and other[1] <= middle <= other[3]


def _in_band(
    matches: Sequence[tuple[int, Match]], band: tuple[int, float, float] | None
) -> list[tuple[int, Match]]:
    """Return the matches in a row's band; without a band, all of them if they are few."""
    if band is None:
        return list(matches) if len(matches) <= _MAX_MATCHES else []
    page, top, bottom = band
    beside = [
        (number, match)
        for number, match in matches
        if number == page and top <= (match[0][1] + match[0][3]) / 2 <= bottom
    ]
    return beside if len(beside) <= _MAX_MATCHES else []
