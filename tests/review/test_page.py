from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.results.facts import Facts
from docspeed_cli.review.html import IndexRow, index_page, page_chunks
from docspeed_cli.review.model import PageData
from docspeed_cli.review.page import DocumentFile, ResultPage
from docspeed_cli.review.panel import MAX_VALUES
from tests.review.papers import MARK, pdf

HOSTILE = "</script><img src=x onerror=alert(1)>\u202egnp.exe{{script}}\ud800"


def shown(payload: Any, *files: DocumentFile, operation: str = "", pages: int = 50) -> PageData:
    with ResultPage(payload, operation, "title", files, pages) as page:
        return page.data


def paper(tmp_path: Path, *texts: str, **options: Any) -> DocumentFile:
    return DocumentFile("a.pdf", pdf(tmp_path / "a.pdf", list(texts) or None, **options), "file_1")


def html(data: PageData) -> str:
    return b"".join(page_chunks(data, [])).decode()


# -- values and their places


def test_value_with_a_box_of_its_region_is_there(tmp_path: Path) -> None:
    payload = {
        "fields": {"total": {"value": "1240.5", "region_ids": ["p1:l1"]}},
        "regions": [{"region_id": "p1:l1", "bbox": [100, 180, 240, 210]}],
    }
    (value,) = shown(payload, paper(tmp_path)).values
    ((place),) = value.places
    assert (place.page, place.is_found) == (1, False)
    (box,) = place.boxes
    assert box == pytest.approx((100 / 600, 180 / 800, 240 / 600, 210 / 800))


def test_value_without_a_box_is_found_by_its_quote_or_its_number(tmp_path: Path) -> None:
    payload = {
        "fields": {
            "label": {"value": "total", "page_index": 1, "text": "Total 1,240.50"},
            "sum": {"value": 1240.5, "page_index": 1},
            "other": {"value": "nowhere", "page_index": 1},
        }
    }
    label, number, other = shown(payload, paper(tmp_path, "nothing", MARK)).values
    assert [[(p.page, len(p.boxes), p.is_found) for p in v.places] for v in (label, number, other)] == [
        [(2, 1, True)],
        [(2, 1, True)],
        [(2, 0, False)],
    ]
    assert number.places[0].boxes[0][0] > label.places[0].boxes[0][0]


def test_cells_of_a_row_are_found_beside_each_other(tmp_path: Path) -> None:
    from fpdf import FPDF

    sheet = FPDF(unit="pt", format=(600, 800))
    sheet.set_font("helvetica", size=12)
    sheet.add_page()
    for line, name in enumerate(("Beaker", "Flask", "Burette 18 mm", "Pipette", "Tube"), 1):
        sheet.text(50, 100 * line, name)
        sheet.text(300, 100 * line, "18.00")
    sheet.output(str(tmp_path / "a.pdf"))
    rows = [
        {"name": {"value": "Burette 18 mm"}, "tax": {"value": 18}},
        {"name": {"value": "Flask"}, "tax": {"value": 18.0}},
    ]
    data = shown({"line_items": rows}, DocumentFile("a.pdf", tmp_path / "a.pdf"))
    assert [value.key for value in data.values[:2]] == ["line_items[1].name", "line_items[1].tax"]
    tops = [round(value.places[0].boxes[0][3] * 8) for value in data.values]
    assert tops == [3, 3, 2, 2]
    assert [len(value.places[0].boxes) for value in data.values] == [1, 1, 1, 1]


@pytest.mark.parametrize("rotation", [0, 90])
def test_boxes_that_count_from_the_files_own_corner_are_recognised_by_their_texts(
    tmp_path: Path, rotation: int
) -> None:
    """The box is in PDF coordinates: from the bottom left of the page before it is turned and cropped."""
    line = {"region_id": "p1:l1", "text": MARK, "bbox": [100, 595, 228, 619]}
    file = paper(tmp_path, rotation=rotation, cropped=True)
    (value,) = shown({"pages": [{"page_index": 0, "lines": [line]}]}, file).values
    found = shown({"fields": {"a": {"value": MARK, "page_index": 0}}}, file).values[0]
    assert value.places[0].boxes[0] == pytest.approx(found.places[0].boxes[0], abs=0.02)


def test_chat_documents_have_their_own_places(tmp_path: Path) -> None:
    payload = {
        "answer": "Both.",
        "citations": [
            {"doc_id": "file_2", "regions": [{"page_index": 0, "text": "second"}]},
            {"doc_id": "file_1", "regions": [{"page_index": 0, "bbox": [0.1, 0.1, 0.2, 0.2], "text": "x"}]},
        ],
    }
    files = [
        DocumentFile(f"{name}.pdf", pdf(tmp_path / f"{name}.pdf", [name]), f"file_{number}")
        for number, name in enumerate(("first", "second"), 1)
    ]
    data = shown(payload, *files)
    assert [(v.places[0].document, v.places[0].is_found) for v in data.values] == [(1, True), (0, False)]
    assert [block.title for block in data.blocks] == ["Answer", "second.pdf", "first.pdf"]


def test_result_without_its_document_shows_texts_in_their_boxes() -> None:
    line = {"text": "hello", "region_id": "p1:l1", "bbox": [0.1, 0.1, 0.5, 0.2]}
    data = shown(
        {"pages": [{"page_index": 0, "lines": [line], "width": 200, "height": 100}, {"text": "plain"}]}
    )
    first, second = data.documents[0].pages
    assert (first.image, first.pieces[0][1], second.text) == ("", "hello", "plain")
    assert (first.width, first.height) == (200, 100)


@pytest.mark.parametrize(
    ("payload", "operation", "kinds"),
    [
        ({"fields": {"a": {"value": 1}}, "line_items": [{"b": 2}]}, "extract", ["fields", "table"]),
        ({"tables": [{"cells": [{"value": "a", "row_index": 0, "col_index": 0}]}]}, "tables", ["table"]),
        ({"sections": [{"name": "a", "start_page_index": 0, "end_page_index": 1}]}, "split", ["sections"]),
        ({"answer": "yes", "citations": []}, "chat", ["text"]),
        ({"pages": [{"text": "a\nb"}]}, "parse", ["lines"]),
        ({"fields": [{"key": "a", "type": "string"}], "tables": []}, "schema", ["fields"]),
        ({"what": "ever"}, "", ["text"]),
        ([1, 2], "", ["text"]),
    ],
)
def test_blocks_fit_the_operation(payload: Any, operation: str, kinds: list[str]) -> None:
    data = shown(payload)
    assert (data.operation, [block.kind for block in data.blocks]) == (operation, kinds)


@pytest.mark.parametrize("headings", [{}, {"columns": ["Tax", "Tax"]}])
def test_keys_of_cells_are_those_of_rules_and_differences(headings: dict[str, Any]) -> None:
    rows = [["3", "4", "5"]] if headings else [["Tax", "Tax"], ["3", "4", "5"]]
    payload = {"tables": [{**headings, "rows": rows}]}
    (cells,) = (row.values() for row in Facts(payload).tables["tables[1]"][1:])
    known = {value.key: value.text for value in shown(payload).values}
    assert {cell.key: cell.value for cell in cells}.items() <= known.items()
    assert list(known)[-3:] == ["tables[1][2].Tax", "tables[1][2].Tax 2", "tables[1][2].3"]


# -- bounds


def test_pages_that_values_point_at_come_before_the_others(tmp_path: Path) -> None:
    payload = {"fields": {"a": {"value": "x", "page_index": 8}}}
    (document,) = shown(payload, paper(tmp_path, *[f"page {n}" for n in range(1, 11)]), pages=3).documents
    assert [page.number for page in document.pages] == [1, 2, 9]
    assert document.note == "3 of 10 pages are shown; `--pages 10` shows all."


def test_page_of_too_many_regions_shows_the_first() -> None:
    lines = [{"text": "x", "bbox": [0, 0, 1, 1], "region_id": f"p1:l{n}"} for n in range(MAX_VALUES + 1)]
    data = shown({"pages": [{"page_index": 0, "lines": lines}]})
    assert len(data.values) == MAX_VALUES
    assert data.notes == (f"The page shows the first {MAX_VALUES:,} values.",)
    assert len(html(data)) < 20_000_000


def test_page_of_values_with_too_many_boxes_shows_some() -> None:
    boxes = [{"bbox": [n / 1000, 0, 1, 1], "page": 1} for n in range(1000)]
    data = shown({"fields": {f"f{n}": {"value": "x", "evidence": boxes} for n in range(100)}})
    assert sum(len(place.boxes) for value in data.values for place in value.places) <= 40_000


# -- HTML


def test_html_hostile_texts_cannot_leave_their_element() -> None:
    payload = {"fields": {HOSTILE: {"value": HOSTILE, "text": HOSTILE}}, "doc_class": HOSTILE}
    data = shown(payload, DocumentFile(HOSTILE, problem=HOSTILE))._replace(title=HOSTILE)
    text = b"".join(page_chunks(data, [("#picture-0-1", HOSTILE)])).decode()
    assert "<img" not in text
    (inside,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert json.loads(inside)["values"][0]["text"] == HOSTILE.replace("\ud800", "?")
    assert text.count("<script") == text.count("</script>") == 3


def test_html_policy_allows_our_own_script_and_style_only() -> None:
    text = html(shown({"answer": "yes"}))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    for kind, pattern in (
        ("script", r'<script type="module">(.*?)</script>'),
        ("style", r"<style>(.*?)</style>"),
    ):
        (source,) = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy


def test_html_refers_to_nothing_outside() -> None:
    assert (
        re.findall(r"https?:|//[a-z]+\.|\bimport\b.*from|@import|url\(", html(shown({"answer": "yes"}))) == []
    )


def test_index_escapes_names_and_problems() -> None:
    text = index_page(HOSTILE, [IndexRow(HOSTILE, "a.html", problem=HOSTILE)]).decode()
    assert "<img" not in text and text.count("<script") == 0
