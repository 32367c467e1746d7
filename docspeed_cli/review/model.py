"""The data that a page shows: documents and their pages, values, and where on the pages each value stands.

`page` makes it from a result and its documents; the JavaScript in `assets/` reads it as JSON, from the page
itself or from a server.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, right and bottom as fractions of the page as people see it, from its top left corner."""


class Place(NamedTuple):
    """An area of a page; without boxes it is the whole page."""

    document: int
    page: int
    """Counts from 1."""
    boxes: tuple[Box, ...] = ()
    is_found: bool = False
    """Whether the boxes were found by the value's text, because the result has none."""

    def to_json(self) -> dict[str, Any]:
        """Write the place as the page's script reads it."""
        boxes = [[round(side, 5) for side in box] for box in self.boxes]
        return {"document": self.document, "page": self.page, "boxes": boxes, "found": self.is_found}


class PanelValue(NamedTuple):
    """A text that can be selected, and the places that it was read from."""

    key: str
    """Where it stands in the result, such as `invoice_number` or `line_items[3].amount`, rows from 1."""
    label: str
    text: str
    is_missing: bool = False
    places: tuple[Place, ...] = ()
    quote: str = ""
    """The text in the document that the value was read from, where the result has it."""

    def to_json(self) -> dict[str, Any]:
        """Write the value as the page's script reads it."""
        return {
            "key": self.key,
            "label": self.label,
            "text": self.text,
            "missing": self.is_missing,
            "quote": self.quote,
            "places": [place.to_json() for place in self.places],
        }


class Block(NamedTuple):
    """A part of the list of values: `fields`, `lines`, `sections` and `sources` have a value in each row."""

    kind: str
    """`fields`, `lines`, `sections`, `sources`, `table`, or `text`, which has no values."""
    title: str
    detail: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[int | None, ...], ...] = ()
    """Values by their number in the page's list; None for a cell that a row does not have."""
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write the block as the page's script reads it."""
        return self._asdict()


class ShownPage(NamedTuple):
    """A page of a document: its size in points or pixels, and the address of its picture."""

    number: int
    width: float
    height: float
    image: str = ""
    """`#id` of an element of the page that holds the picture, a URL of the server, or empty."""
    text: str = ""
    """What stands on the page, if there is neither a picture nor a box with text."""
    pieces: tuple[tuple[Box, str], ...] = ()
    """Texts with their boxes, in place of a picture."""

    def to_json(self) -> dict[str, Any]:
        """Write the page as the page's script reads it."""
        pieces = [[[round(side, 5) for side in box], text] for box, text in self.pieces]
        size = {"width": round(self.width, 2), "height": round(self.height, 2)}
        return {**self._asdict(), **size, "pieces": pieces}


class ShownDocument(NamedTuple):
    """A document: the pages of it that are shown, and what there is to say about it."""

    name: str
    note: str
    page_count: int
    pages: tuple[ShownPage, ...]

    def to_json(self) -> dict[str, Any]:
        """Write the document as the page's script reads it."""
        return {**self._asdict(), "pages": [page.to_json() for page in self.pages]}


class PageData(NamedTuple):
    """Everything that one page shows."""

    title: str
    operation: str
    notes: tuple[str, ...]
    documents: tuple[ShownDocument, ...]
    values: tuple[PanelValue, ...]
    blocks: tuple[Block, ...]

    def to_json(self) -> dict[str, Any]:
        """Write the data as the page's script reads it."""
        return {
            "title": self.title,
            "operation": self.operation,
            "notes": list(self.notes),
            "documents": [document.to_json() for document in self.documents],
            "values": [value.to_json() for value in self.values],
            "blocks": [block.to_json() for block in self.blocks],
        }
