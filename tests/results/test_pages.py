"""Pages and sections in the shapes that the service may return them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docspeed_cli.results.pages import count_pages, read_answer, read_packet, read_pages


@pytest.mark.parametrize(
    ("operation", "payload", "pages"),
    [
        ("parse", {"page_count": 7, "pages": [{"page_index": 0}]}, 7),
        ("parse", {"pages": [{"page_index": 0, "lines": [{"page_index": 0}]}, {"page_index": 1}]}, 2),
        ("parse", {"pages": [{"page_number": 4, "text": "a"}, {"page": 5, "text": "b"}]}, 2),
        ("parse", {"result": {"pages": [{"page_index": 0}, {"page_index": 0}]}}, 1),
        ("parse", {"pages": [{"text": '"page_count": 9, "page_index": 3,'}]}, None),
        ("parse", {"pages": []}, None),
        ("extract", {"total_pages": 3, "fields": {}}, 3),
        ("extract", {"fields": {"a": {"value": 1, "page_index": 4}}}, None),
        ("split", {"sections": [{"page_count": 2, "end_page_index": 1}, {"end_page_index": 5}]}, 6),
        ("split", {"sections": [{"start_page": 1, "end_page": 3}]}, 3),
        ("split", {"sections": []}, None),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("size", [1, 40, 10**6])
def test_count_pages_in_chunks_of_any_size(
    operation: str, payload: Any, pages: int | None, indent: int | None, size: int
) -> None:
    content = json.dumps(payload, indent=indent).encode()
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    assert count_pages(operation, chunks) == pages


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
    ],
)
def test_read_packet_any_shape_gives_first_and_last_page(section: Any) -> None:
    packet = read_packet({"sections": [section]})
    assert packet and [(found.first, found.last) for found in packet.sections] == [(2, 4)]


def test_read_pages_empty_page_is_a_page() -> None:
    pages = read_pages({"pages": [{"page_index": 3}, None]})
    assert pages and [(page.number, page.text) for page in pages] == [(4, "")]


@pytest.mark.parametrize(
    ("citation", "place"),
    [
        ("as the contract says", (None, "", "as the contract says")),
        ({"regions": ["p2:l3"]}, (2, "p2:l3", "")),
        ({"page_index": 0, "quote": "Total 5"}, (1, "", "Total 5")),
    ],
)
def test_read_answer_any_shape_gives_page_and_text(citation: Any, place: Any) -> None:
    answer = read_answer({"answer": "5", "citations": [citation]})
    assert answer and [found.regions for found in answer.citations] == [(place,)]


@pytest.mark.parametrize("read", [read_pages, read_packet, read_answer])
@pytest.mark.parametrize("payload", [{}, [], [1], "x", {"pages": [1]}, {"sections": ["x"]}, {"answer": 5}])
def test_readers_other_shape_is_none(read: Any, payload: Any) -> None:
    assert read(payload) is None
