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


class ShownDocument(NamedTuple):
    """A document: the pages of it that are shown, and what there is to say about it."""

    name: str
    note: str
    page_count: int
    pages: tuple[ShownPage, ...]


class PageData(NamedTuple):
    """Everything that one page shows."""

    title: str
    operation: str
    notes: tuple[str, ...]
    documents: tuple[ShownDocument, ...]
    values: tuple[PanelValue, ...]
    blocks: tuple[Block, ...]


def page_json(value: Any) -> Any:
    """Convert a part of the data to objects, lists and rounded numbers, which the page's script reads."""
    if hasattr(value, "_fields"):
        return dict(zip(value._fields, map(page_json, value), strict=True))
    if isinstance(value, tuple):
        return list(map(page_json, value))
    return round(value, 5) if isinstance(value, float) else value
