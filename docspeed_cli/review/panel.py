"""List the values of a result in blocks: fields, rows, lines, sections, or an answer with its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any

from docspeed_cli.core.json_text import INDENTED, json_chunks
from docspeed_cli.core.timefmt import counted
from docspeed_cli.results.fields import Extraction, Field, read_row
from docspeed_cli.results.pages import Answer, Packet, Page, cited_document
from docspeed_cli.results.schema import Node, Schema, walk_nodes
from docspeed_cli.results.shape import guess_operation, read_payload
from docspeed_cli.results.tables import CellPlace, Table, read_tables
from docspeed_cli.results.values import (
    VALUE_NAMES,
    cell_text,
    find_member,
    first_filled,
    page_of,
    regions_of,
)
from docspeed_cli.review.model import Block, PanelValue, Place
from docspeed_cli.review.places import Locator, wanted, wanted_field

MAX_VALUES = 20_000
"""Most values on one page: a browser takes a second for these."""

_MAX_BOXES = 40_000
"""Most boxes on the pages of one result."""

_MAX_TEXT = 5_000
"""Characters of one value that are shown."""

_MAX_PLAIN = 200_000
"""Characters of one text block."""

_MAX_COLUMNS = 200
_MAX_PAGES = 200
"""Pages of one section that are marked."""


class Panel:
    """The blocks of one result, and their values in one list."""

    def __init__(
        self, payload: Any, operation: str, locators: Mapping[str, Locator], names: Mapping[str, str]
    ) -> None:
        self.values: list[PanelValue] = []
        self.blocks: list[Block] = []
        self._boxes = 0
        self.is_cut = False
        """Whether the result has more values than fit."""
        self._payload = payload
        self._locators = locators
        self._names = names
        guessed = guess_operation(payload)
        shape, value = read_payload(operation or guessed, payload)
        if shape is None:
            shape, value = read_payload(guessed, payload)
        self.operation: str | None = shape
        fills: dict[str | None, Callable[[Any], None]] = {
            "extract": self._fill_with_extraction,
            "tables": self._fill_with_tables,
            "parse": self._fill_with_pages,
            "split": self._fill_with_sections,
            "chat": self._fill_with_answer,
            "schema": self._fill_with_schema,
        }
        fills.get(shape, self._fill_with_json)(value)

    def _locator(self, document: str = "") -> Locator:
        return self._locators.get(document) or next(iter(self._locators.values()))

    # -- adding

    def _add(self, value: PanelValue) -> int | None:
        """Add a value and return its number; None when the page is full."""
        if len(self.values) >= MAX_VALUES:
            self.is_cut = True
            return None
        self._boxes += sum(len(place.boxes) for place in value.places)
        if self._boxes > _MAX_BOXES:
            value = value._replace(places=tuple(place._replace(boxes=()) for place in value.places))
        self.values.append(value)
        return len(self.values) - 1

    def _add_block(
        self,
        kind: str,
        title: str,
        values: Iterable[PanelValue],
        detail: str = "",
    ) -> None:
        """Add a block with a value in each row; the values are taken one by one, until the page is full."""
        numbers = list(takewhile(lambda number: number is not None, map(self._add, values)))
        if numbers or kind == "fields":
            self.blocks.append(Block(kind, title, detail, rows=tuple((number,) for number in numbers)))

    def _add_table(
        self, title: str, detail: str, columns: Sequence[str], rows: Iterator[list[PanelValue]]
    ) -> None:
        """Add a table; the rows are taken one by one, until the page is full."""
        listed: list[tuple[int | None, ...]] = []
        for row in rows:
            listed.append(tuple(self._add(cell) for cell in row))
            if self.is_cut:
                break
        self.blocks.append(Block("table", title, detail, tuple(columns), tuple(listed)))

    # -- operations

    def _fill_with_extraction(self, extraction: Extraction) -> None:
        fields, tables = extraction.fields, extraction.line_items
        missing = sum(field.value in (None, []) for field in fields)
        detail = counted(len(fields), "field") + (f", {missing} not found" if missing else "")
        prefix = _shared_prefix([field.key for field in fields])
        if fields or not tables:
            self._add_block(
                "fields",
                extraction.doc_class or "Fields",
                (self._field(field, prefix) for field in fields),
                detail,
            )
        for name, rows in tables.items():
            read = [read_row(row) for row in rows[:MAX_VALUES]]
            columns = list(dict.fromkeys(cell.key for row in read for cell in row))[:_MAX_COLUMNS]
            cells = (self._row(name, number, row, columns) for number, row in enumerate(read, 1))
            self._add_table(name, counted(len(rows), "row"), columns, cells)

    def _field(self, field: Field, prefix: str) -> PanelValue:
        text = _shorten_value(cell_text(field.value))
        want = wanted_field(field, text)
        is_missing = field.value in (None, [])
        places = () if is_missing and not field.has_evidence else self._locator().places(want)
        label = field.key.removeprefix(prefix)
        return PanelValue(field.key, label, text, is_missing, places, _shorten_value(field.quoted_text))

    def _row(self, table: str, number: int, row: Sequence[Field], columns: Sequence[str]) -> list[PanelValue]:
        """Return the cells of a row, in the order of the columns."""
        named = {cell.key: cell for cell in row}
        cells = [named.get(column) or Field(column, None) for column in columns]
        texts = [_shorten_value(cell_text(cell.value)) for cell in cells]
        wants = [wanted_field(cell, text) for cell, text in zip(cells, texts, strict=True)]
        places = self._locator().places_of_row(wants)
        return [
            PanelValue(f"{table}[{number}].{cell.key}", cell.key, text, cell.value in (None, []), at)
            for cell, text, at in zip(cells, texts, places, strict=True)
        ]

    def _fill_with_tables(self, tables: Sequence[Table]) -> None:
        for index, table in enumerate(tables, 1):
            columns = table.grid[0][:_MAX_COLUMNS] if table.headed else []
            width = min(_MAX_COLUMNS, max(map(len, table.grid), default=0))
            names = table.names[:width]
            places = table.places()
            shown = list(islice(enumerate(table.grid, 1), int(table.headed), MAX_VALUES))
            key = f"tables[{index}]"
            rows = (self._grid_row(key, table.page, names, places, number, texts) for number, texts in shown)
            title = table.title.strip() or f"Table {index}"
            detail = counted(len(table.grid) - table.headed, "row")
            self._add_table(title, f"page {table.page}, {detail}" if table.page else detail, columns, rows)
        if not tables:
            self.blocks.append(Block("text", "Tables", text="No tables."))

    def _grid_row(
        self,
        table: str,
        page: int | None,
        names: Sequence[str],
        places: Mapping[tuple[int, int], CellPlace],
        number: int,
        texts: Sequence[str],
    ) -> list[PanelValue]:
        """Return the cells of a row of a table, counted from 1."""
        texts = [_shorten_value(text) for text in texts[:_MAX_COLUMNS]]
        at = [places.get((number - 1, column)) for column in range(len(texts))]
        sources = [place and place.content for place in at]
        wants = [wanted(source, text, page) for source, text in zip(sources, texts, strict=True)]
        found = self._locator().places_of_row(wants)
        return [
            PanelValue(f"{table}[{number}].{name}", name, text, False, shown if text else ())
            for name, text, shown in zip(names, texts, found, strict=False)
        ]

    def _fill_with_pages(self, pages: Sequence[Page]) -> None:
        listed = find_member(self._payload, "pages")
        items = listed if isinstance(listed, list) else [self._payload]
        readable = [item for item in items if isinstance(item, dict | str)]
        for page, item in zip(pages, readable, strict=False):
            self._add_block("lines", f"Page {page.number}", self._lines(page, item))
        if tables := read_tables(self._payload) if isinstance(listed, list) else None:
            self._fill_with_tables(tables)

    def _lines(self, page: Page, item: Any) -> Iterator[PanelValue]:
        """Yield the regions of a page, or its lines, or the lines of its text."""
        name = next((name for name in ("regions", "lines") if _has_texts(item, name)), "")
        parts = item[name] if name else [line for line in page.text.splitlines() if line.strip()]
        for number, part in enumerate(parts, 1):
            text = part if isinstance(part, str) else cell_text(first_filled(part, VALUE_NAMES))
            kind = cell_text(first_filled(part, ("type", "kind"))) if name == "regions" else ""
            want = wanted(part, text, page.number, "" if name else text)
            places = self._locator().places(want) if text.strip() else ()
            yield PanelValue(
                f"pages[{page.number}].{name or 'lines'}[{number}]", kind, _shorten_value(text), False, places
            )

    def _fill_with_sections(self, packet: Packet) -> None:
        def values() -> Iterator[PanelValue]:
            for number, section in enumerate(packet.sections, 1):
                first, last = section.first or 0, section.last or 0
                pages = range(max(first, 1), min(last, first + _MAX_PAGES) + 1)
                places = tuple(self._locator().page_place(page) for page in pages)
                yield PanelValue(
                    f"sections[{number}]", section.kind, _shorten_value(section.name), False, places
                )

        self._add_block("sections", "Sections", values(), counted(len(packet.sections), "section"))

    def _fill_with_answer(self, answer: Answer) -> None:
        self.blocks.append(Block("text", "Answer", text=answer.text[:_MAX_PLAIN]))
        listed = find_member(self._payload, "citations")
        for number, item in enumerate(listed if isinstance(listed, list) else [], 1):
            document = cited_document(item)
            regions = item.get("regions") if isinstance(item, dict) else None
            places = regions if isinstance(regions, list) else [item]
            values = (
                self._source(document, f"citations[{number}].regions[{n}]", place)
                for n, place in enumerate(places, 1)
            )
            self._add_block("sources", self._names.get(document, document), values)

    def _source(self, document: str, key: str, place: Any) -> PanelValue:
        quote = place if isinstance(place, str) else first_filled(place, ("text", "quote"))
        text = quote if isinstance(quote, str) else ""
        page = page_of(place, regions_of(place))
        places = self._locator(document).places(wanted(place, "", page, text))
        shown = text or (f"page {page}" if page else "; ".join(regions_of(place)))
        return PanelValue(key, "", _shorten_value(shown), False, places)

    def _fill_with_schema(self, schema: Schema) -> None:
        self._add_block(
            "fields",
            schema.doc_class or "Fields",
            _nodes(schema.fields),
            counted(len(schema.fields), "field"),
        )
        for table in schema.tables:
            self._add_block("fields", table.key, _nodes(table.children), table.description)

    def _fill_with_json(self, _: Any) -> None:
        text, left = [], _MAX_PLAIN
        for chunk in json_chunks(self._payload, INDENTED):
            text.append(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                self.is_cut = True
                break
        self.blocks.append(Block("text", "Result", text="".join(text)))


def _shared_prefix(keys: Sequence[str]) -> str:
    """Return what stands before the first dot, with it, if all of several keys have the same."""
    starts = {key.partition(".")[0] + "." for key in keys}
    start = next(iter(starts), "")
    return start if len(keys) > 1 and len(starts) == 1 and all(key.startswith(start) for key in keys) else ""


def _has_texts(item: Any, name: str) -> bool:
    listed = item.get(name) if isinstance(item, dict) else None
    return isinstance(listed, list) and any(
        isinstance(part, str) or first_filled(part, VALUE_NAMES) is not None for part in listed[:100]
    )


def _nodes(nodes: Sequence[Node]) -> Iterator[PanelValue]:
    for path, node in walk_nodes(nodes):
        key = ".".join(path)
        yield PanelValue(key, key, "  ".join(filter(None, (node.type, node.description))))


def is_shortened(text: str) -> bool:
    """Whether a value's text on the page is only the beginning of it."""
    return len(text) > _MAX_TEXT


def _shorten_value(text: str) -> str:
    return text if not is_shortened(text) else f"{text[:_MAX_TEXT]}…"


def pages_of(values: Iterable[PanelValue], document: int) -> Iterator[int]:
    """Yield the pages of a document that values point at."""
    places: Iterator[Place] = (place for value in values for place in value.places)
    yield from (place.page for place in places if place.document == document)
