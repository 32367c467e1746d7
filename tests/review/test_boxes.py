from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.review.boxes import PageSize, Shape, Units, boxed_objects, read_shape

A4 = PageSize(595, 842)


@pytest.mark.parametrize(
    ("member", "box"),
    [
        ("bbox", [10, 20, 110, 40]),
        ("bbox", {"x": 10, "y": 20, "w": 100, "h": 20}),
        ("bounding_box", {"x": 10, "y": 20, "width": 100, "height": 20}),
        ("box", {"x0": 10, "y0": 20, "x1": 110, "y1": 40}),
        ("bounds", {"left": 10, "top": 20, "right": 110, "bottom": 40}),
        ("boundingBox", {"Left": 10, "Top": 20, "Width": 100, "Height": 20}),
        ("polygon", [10, 20, 110, 20, 110, 40, 10, 40]),
        ("polygon", [[10, 22], [110, 20], [110, 38], [10, 40]]),
        ("boundingBox", {"vertices": [{"x": 10, "y": 20}, {"x": 110, "y": 20}, {"x": 110, "y": 40}]}),
    ],
)
def test_read_shape_every_form_gives_the_same_box(member: str, box: Any) -> None:
    assert read_shape({member: box}) == Shape(10, 20, 110, 40)


def test_read_shape_list_with_a_left_right_side_is_x_y_width_height() -> None:
    assert read_shape({"bbox": [300, 20, 100, 15]}) == Shape(300, 20, 400, 35)


@pytest.mark.parametrize(
    "box",
    [
        None,
        [],
        [1, 2, 3],
        [1, 2, "3", 4],
        [1, True, 3, 4],
        [float("nan"), 0, 1, 1],
        [0, 0, float("inf"), 1],
        "x",
        {},
    ],
)
def test_read_shape_anything_else_is_no_box(box: Any) -> None:
    assert read_shape({"bbox": box}) is None


@pytest.mark.parametrize(
    ("shape", "stated"),
    [
        (Shape(59.5, 84.2, 297.5, 421), {}),  # points
        (Shape(0.1, 0.1, 0.5, 0.5), {}),  # fractions
        (Shape(248, 351, 1240, 1754), {}),  # pixels at 300 dpi
        (Shape(100, 100, 500, 500), {1: PageSize(1000, 1000)}),  # in what the result says of the page
    ],
)
def test_units_points_pixels_and_fractions_give_the_same_box(
    shape: Shape, stated: dict[int, PageSize]
) -> None:
    units = Units(
        [(1, shape), (1, Shape(0, 0, *(2479, 3508) if shape.x1 > 600 else shape[2:]))], stated, {1: A4}
    )
    assert units.box(1, shape) == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=0.001)


def test_units_without_a_document_take_the_usual_paper() -> None:
    units = Units([(1, Shape(59.5, 84.2, 297.5, 421))], {}, {})
    assert units.box(1, Shape(59.5, 84.2, 297.5, 421)) == pytest.approx((0.1, 0.1, 0.5, 0.5))


def test_units_box_outside_the_page_is_none() -> None:
    units = Units([(1, Shape(0, 0, 100, 100))], {1: PageSize(100, 100)}, {})
    assert units.box(1, Shape(200, 10, 300, 20)) is None
    assert units.box(1, Shape(90, 90, 300, 300)) == (0.9, 0.9, 1, 1)


def test_units_boxes_whose_top_has_the_larger_number_count_upwards() -> None:
    shape = read_shape({"bbox": [10, 90, 20, 80]})
    assert shape is not None
    units = Units([(1, shape)], {1: PageSize(100, 100)}, {})
    assert units.is_upward
    assert units.box(1, shape, is_upward=True) == pytest.approx((0.1, 0.1, 0.2, 0.2))


def test_boxed_objects_looks_at_any_depth() -> None:
    deep: Any = {"bbox": [0, 0, 1, 1]}
    for _ in range(100_000):
        deep = [deep]
    assert len(list(boxed_objects(deep))) == 1


NAMES = st.sampled_from(["bbox", "x", "y", "w", "h", "polygon"])
PAYLOADS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(PAYLOADS)
def test_read_shape_never_fails(value: Any) -> None:
    shape = read_shape({"bbox": value})
    assert shape is None or (shape.x0 <= shape.x1 and shape.y0 <= shape.y1)
