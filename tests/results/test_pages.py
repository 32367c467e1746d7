"""Pages and sections in the shapes that the service may return them in."""

from __future__ import annotations

from typing import Any

import pytest

from docspeed_cli.results.pages import read_citations, read_pages, read_sections


@pytest.mark.parametrize(
    "section",
    [
        {"start_page_index": 1, "end_page_index": 3},
        {"start_page": 2, "end_page": 4},
        {"page_range": [2, 4]},
        {"page_range": {"start": 2, "end": 4}},
        {"page_range": "2-4"},
        {"pages": [2, 3, 4]},
        {"pages": [{"page_index": 1}, {"page_index": 3}]},
        {"page_indices": [1, 2, 3]},
    ],
)
def test_read_sections_any_shape_gives_first_and_last_page(section: Any) -> None:
    assert [(s.first, s.last) for s in read_sections({"sections": [section]})] == [(2, 4)]


def test_read_pages_empty_page_is_a_page() -> None:
    assert [(p.number, p.text) for p in read_pages({"pages": [{"page_index": 3}, None]})] == [(4, "")]


@pytest.mark.parametrize(
    ("citation", "place"),
    [
        ("as the contract says", (None, "", "as the contract says")),
        ({"regions": ["p2:l3"]}, (2, "p2:l3", "")),
        ({"page_index": 0, "quote": "Total 5"}, (1, "", "Total 5")),
    ],
)
def test_read_citations_any_shape_gives_page_and_text(citation: Any, place: Any) -> None:
    (found,) = read_citations({"citations": [citation]})
    assert found.regions == (place,)
