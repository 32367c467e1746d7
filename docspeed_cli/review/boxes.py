"""Read the boxes of a result: in points, pixels or fractions, as corners, sizes or polygons."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from docspeed_cli.results.values import is_number, page_of
from docspeed_cli.review.model import Box

_BOX_NAMES = (
    *("bbox", "box", "bounding_box", "boundingBox", "bounds", "rect"),
    *("polygon", "quad", "vertices", "points"),
)
"""Members that hold a box."""

_CORNERS = (
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("l", "t", "r", "b"),
)
_SIZES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "width", "height"),
    ("Left", "Top", "Width", "Height"),
)
_SCALES = tuple(dpi / 72 for dpi in (72, 96, 100, 144, 150, 200, 300, 400, 600))
"""Units of a box for each point of the page: points themselves, or pixels of a scan at a usual resolution."""
_TOLERANCE = 1.01
"""How far a box may reach, as a share of the page: some reach a little beyond its edge."""
_USUAL_SIZES = ((595.0, 842.0), (612.0, 792.0), (842.0, 595.0), (792.0, 612.0))
"""A4 and US Letter in points, upright and lying."""
_MIN_SIDE = 0.002
"""Least side of a box as a share of the page, so that a box without height can still be seen."""


class PageSize(NamedTuple):
    """The width and height of a page as people see it, in points or pixels."""

    width: float
    height: float


class Shape(NamedTuple):
    """The sides of a box in the numbers of the result."""

    x0: float
    y0: float
    x1: float
    y1: float
    is_upward: bool = False
    """Whether its top has the larger number, so that the origin is the bottom left corner."""


def read_shape(value: Any) -> Shape | None:
    """Return the box beside a value or region; None where it has none that we understand."""
    if not isinstance(value, dict):
        return None
    for name in _BOX_NAMES:
        if name in value and (shape := _shape(value[name])) is not None:
            return shape
    return None


def _shape(value: Any) -> Shape | None:
    if isinstance(value, dict):
        for names in _CORNERS:
            if (numbers := _numbers_by_name(value, names)) is not None:
                return _from_corners(*numbers)
        for names in _SIZES:
            if (numbers := _numbers_by_name(value, names)) is not None:
                x, y, width, height = numbers
                return _from_points([(x, y), (x + width, y + height)])
        return next((found for name in _BOX_NAMES if (found := _shape(value.get(name))) is not None), None)
    if not isinstance(value, list):
        return None
    if len(value) == 4 and (numbers := _numbers(value)) is not None:
        return _from_corners(*numbers)
    if len(value) >= 6 and len(value) % 2 == 0 and (numbers := _numbers(value)) is not None:
        return _from_points(list(zip(numbers[::2], numbers[1::2], strict=True)))
    points = [_point(item) for item in value]
    return _from_points([point for point in points if point]) if len(points) > 1 and all(points) else None


def _point(item: Any) -> tuple[float, float] | None:
    numbers = _numbers_by_name(item, ("x", "y")) if isinstance(item, dict) else _numbers(item)
    return (numbers[0], numbers[1]) if numbers is not None and len(numbers) == 2 else None


def _numbers_by_name(value: dict[str, Any], names: Sequence[str]) -> list[float] | None:
    return _numbers([value.get(name) for name in names])


def _numbers(values: Any) -> list[float] | None:
    """Return the numbers in a list if it holds nothing else."""
    if not isinstance(values, list) or not all(map(is_number, values)):
        return None
    numbers = [float(value) for value in values]
    return numbers if all(map(math.isfinite, numbers)) else None


def _from_corners(x0: float, y0: float, x1: float, y1: float) -> Shape | None:
    # Only a list of x, y, width and height has a "right" side that is left of its left one.
    if x1 < x0:
        return _from_points([(x0, y0), (x0 + x1, y0 + y1)]) if min(x1, y1) >= 0 else None
    return Shape(x0, min(y0, y1), x1, max(y0, y1), is_upward=y0 > y1)


def _from_points(points: list[tuple[float, float]]) -> Shape:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Shape(min(xs), min(ys), max(xs), max(ys))


class Units:
    """What the numbers of all boxes of a document mean.

    `stated` are the pages' sizes by the result, `actual` those of the document, each by the page's number.
    """

    def __init__(
        self,
        shapes: Iterable[tuple[int, Shape]],
        stated: Mapping[int, PageSize],
        actual: Mapping[int, PageSize],
    ) -> None:
        listed = list(shapes)
        self._stated, self._actual = stated, actual
        self.is_upward = 2 * sum(shape.is_upward for _, shape in listed) > len(listed)
        """Whether the boxes count from the bottom of the page."""
        self._extents: dict[int, PageSize] = {}
        for page, shape in listed:
            before = self._extents.get(page, PageSize(0, 0))
            self._extents[page] = PageSize(max(before.width, shape.x1), max(before.height, shape.y1))
        sides = [side for extent in self._extents.values() for side in extent]
        self._are_fractions = 0 < max(sides, default=0) <= _TOLERANCE
        self._scale = self._scale_of_all()

    def _scale_of_all(self) -> float:
        """Return the smallest usual scale at which every box is on its page; 0 where none is."""
        pairs = [(self._extents[page], size) for page, size in self._actual.items() if page in self._extents]
        for scale in _SCALES:
            room = scale * _TOLERANCE
            if all(e.width <= size.width * room and e.height <= size.height * room for e, size in pairs):
                return scale
        return 0

    def size(self, page: int) -> PageSize:
        """Return the size of a page in the unit of its boxes."""
        if self._are_fractions:
            return PageSize(1, 1)
        stated, actual = self._stated.get(page), self._actual.get(page)
        if stated is not None:
            return stated
        if actual is not None and self._scale:
            return PageSize(actual.width * self._scale, actual.height * self._scale)
        width, height = self._extents.get(page, PageSize(0, 0))
        usual = (size for size in _USUAL_SIZES if width <= size[0] and height <= size[1])
        return PageSize(*next(usual, (width * 1.05 or 595, height * 1.05 or 842)))

    def drawn_size(self, page: int) -> PageSize:
        """Return the size at which to draw a page that has no picture."""
        size = self._stated.get(page) or self.size(page)
        return PageSize(*_USUAL_SIZES[0]) if size == (1, 1) else size

    def box(self, page: int, shape: Shape, *, is_upward: bool = False) -> Box | None:
        """Return a box as fractions of the page; None if it is outside the page."""
        width, height = self.size(page)
        x0, y0, x1, y1 = shape.x0 / width, shape.y0 / height, shape.x1 / width, shape.y1 / height
        return on_page((x0, 1 - y1, x1, 1 - y0) if is_upward else (x0, y0, x1, y1))


def on_page(box: Box) -> Box | None:
    """Return the part of a box that is on the page, never too thin to be seen; None if there is none."""
    x0, y0, x1, y1 = (min(max(side, 0.0), 1.0) for side in box)
    if (x1 <= x0 and box[2] > box[0]) or (y1 <= y0 and box[3] > box[1]):
        return None
    return x0, y0, max(x1, x0 + _MIN_SIDE), max(y1, y0 + _MIN_SIDE)


def boxed_objects(payload: Any) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """Yield every object of a payload that has a box, with its page."""
    # Not recursive, because the server decides how deeply a value is nested.
    inside: list[tuple[int | None, Any]] = [(None, payload)]
    while inside:
        page, value = inside.pop()
        if isinstance(value, dict):
            page = page_of(value) or page
            if any(name in value for name in _BOX_NAMES):
                yield page, value
        members = value.values() if isinstance(value, dict) else value
        inside += [(page, item) for item in members if isinstance(item, dict | list)]
