"""Text of PDFs that are damaged, turned, typeset in other directions, or without text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox

NOTE = (
    "<< /Type /Annot /Subtype /FreeText /Rect [20 20 300 60] /F 4 /DA (/F1 12 Tf) /Contents (Paid in May)"
    " /AP << /N 7 0 R >> >>"
)
NOTE_LOOK = (
    "<< /Type /XObject /Subtype /Form /BBox [0 0 280 40] /Resources 3 0 R /Length 40 >>\n"
    "stream\nBT /F1 12 Tf 5 10 Td (Paid in May) Tj ET    \nendstream"
)


def parsed(sandbox: Sandbox, document: bytes) -> list[dict[str, Any]]:
    """Pages of a parsed document."""
    pages: list[dict[str, Any]] = sandbox.ask("/api/v1/parse", document)["pages"]
    return pages


def show(*texts: str, at: str = "1 0 0 1 50 300", font: str = "12") -> str:
    """Content stream that shows lines of text; `at` is the text matrix."""
    lines = " 0 -20 Td ".join(f"({text}) Tj" for text in texts)
    return f"BT /F1 {font} Tf {at} Tm {lines} ET\n"


@pytest.mark.parametrize(
    ("matrix", "page"),
    [("0 1 -1 0 300 50", ""), ("0 -1 1 0 300 350", ""), ("1 0 0 1 50 300", "/Rotate 90")],
    ids=["upwards", "downwards", "page turned"],
)
def test_parse_sideways_text_is_in_reading_order(sandbox: Sandbox, matrix: str, page: str) -> None:
    content = show("Total due in May", "Second line of it", at=matrix)
    (found,) = parsed(sandbox, papers.raw_pdf(content, page=page))
    assert found["text"] == "Total due in May\nSecond line of it"
    x0, y0, x1, y1 = found["lines"][0]["bbox"]
    assert 0 < x0 < x1 < found["width"] and 0 < y0 < y1 < found["height"] and y1 - y0 > x1 - x0


def test_parse_slanted_text_is_a_line_after_the_others(sandbox: Sandbox) -> None:
    content = show("Not for sale", at="0.7 0.7 -0.7 0.7 100 50") + show("Upright text of the page", "Two")
    assert parsed(sandbox, papers.raw_pdf(content))[0]["text"].split("\n")[2] == "Not for sale"


def test_parse_vertical_writing_is_read_down_and_then_leftward(sandbox: Sandbox) -> None:
    columns = "".join(
        f"BT /F1 12 Tf 1 0 0 1 {x} {300 - 13 * n} Tm ({c}) Tj ET\n"
        for x, word in ((300, "TALL"), (280, "WORD"))
        for n, c in enumerate(word)
    )
    assert parsed(sandbox, papers.raw_pdf(columns))[0]["text"] == "TALL\nWORD"


def test_parse_narrow_space_without_a_space_character_parts_words(sandbox: Sandbox) -> None:
    narrow = "BT /F1 12 Tf 1 0 0 1 50 300 Tm [(dayly) -150 (later)] TJ ET\n"
    loose = "BT /F1 12 Tf 1 0 0 1 50 200 Tm 1.5 Tc (loosely) Tj ET\n"
    assert parsed(sandbox, papers.raw_pdf(narrow + loose))[0]["text"] == "dayly later\nloosely"


def test_parse_word_drawn_in_pieces_with_letters_set_apart_is_one_word(sandbox: Sandbox) -> None:
    pieces = ((50, "Nort"), (84.7, "h"), (98, "Pie"), (124.4, "r"))
    content = "".join(f"BT /F1 12 Tf 3 Tc 1 0 0 1 {x} 300 Tm ({text}) Tj ET\n" for x, text in pieces)
    content += "".join(f"BT /F1 12 Tf 1 0 0 1 {x} 200 Tm ({text}) Tj ET\n" for x, text in ((50, 1), (65, 2)))
    assert [line["text"] for line in parsed(sandbox, papers.raw_pdf(content))[0]["lines"]] == [
        "North Pier",
        "1 2",
    ]


def test_parse_words_drawn_again_as_a_shadow_are_read_once(sandbox: Sandbox) -> None:
    lines = ["Total due", "9 9", "8", "7", "6", "5", "4", "3", "Total due"]
    content = show(*lines) + show(*lines, at="1 0 0 1 50.6 299.5")
    assert [line["text"] for line in parsed(sandbox, papers.raw_pdf(content))[0]["lines"]] == lines


def test_parse_hyphen_at_line_end_is_kept(sandbox: Sandbox) -> None:
    (page,) = parsed(sandbox, papers.raw_pdf(show("an exam-", "ple of it")))
    assert page["text"] == "an exam-\nple of it"


def test_parse_text_outside_the_page_is_left_out(sandbox: Sandbox) -> None:
    content = show("Seen") + show("Hidden", at="1 0 0 1 50 700")
    (page,) = parsed(sandbox, papers.raw_pdf(content))
    assert page["text"] == "Seen"


def test_parse_text_without_height_does_not_fail(sandbox: Sandbox) -> None:
    content = show("Flat", at="1 0 0 0 50 300") + show("Plain text", at="1 0 0 1 50 200")
    assert "Plain text" in parsed(sandbox, papers.raw_pdf(content))[0]["text"]


def test_parse_annotation_is_text(sandbox: Sandbox) -> None:
    document = papers.raw_pdf(show("Invoice"), page="/Annots [6 0 R]", objects=[NOTE, NOTE_LOOK])
    assert parsed(sandbox, document)[0]["text"] == "Invoice\nPaid in May"


def test_parse_values_without_appearance_are_text(sandbox: Sandbox) -> None:
    field = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada Lovelace) /Rect [200 293 400 313] >>"
    note = "<< /Type /Annot /Subtype /FreeText /Rect [50 200 300 230] /Contents (Paid\\n\\nin May) >>"
    content = show("Name:")
    document = papers.raw_pdf(content, page="/Annots [6 0 R 7 0 R]", objects=[field, note])
    (page,) = parsed(sandbox, document)
    assert page["text"] == "Name:  Ada Lovelace\nPaid\nin May"


def test_parse_user_unit_scales_the_page(sandbox: Sandbox) -> None:
    (page,) = parsed(sandbox, papers.raw_pdf(show("Big"), page="/UserUnit 2"))
    assert (page["width"], page["height"]) == (1200, 800) and page["lines"][0]["bbox"][0] == 100


def test_parse_page_without_text_has_a_notice(sandbox: Sandbox) -> None:
    drawing = "<< /Length 14 >>\nstream\n9 9 50 50 re f\nendstream"
    document = papers.raw_pdf(show("Some text"), objects=[drawing], pages=["4 0 R", "6 0 R", "6 0 R"])
    body = sandbox.ask("/api/v1/parse", document)
    assert body["notices"] == [
        "pages 2-3 have no text layer, as in a scan or a picture; the sandbox finds no text there"
    ]
    answer = sandbox.ask("/api/v1/ask", document, query="What is the total?")["answer"]
    assert answer.endswith("Note: " + body["notices"][0] + ".")


def test_parse_damaged_page_has_a_notice_and_the_others_text(sandbox: Sandbox) -> None:
    document = papers.raw_pdf(show("Good page"), pages=["4 0 R", "4 0 R"])
    broken = document.replace(b"/Kids [6 0 R 7 0 R]", b"/Kids [1 0 R 7 0 R]")
    body = sandbox.ask("/api/v1/parse", broken)
    assert [page["text"] for page in body["pages"]] == ["", "Good page"]
    assert body["notices"] == ["page 1 has damaged content that can't be read"]


def test_parse_pdf_without_pages_after_an_encrypted_one_is_not_called_encrypted(sandbox: Sandbox) -> None:
    for document, code in (
        (papers.encrypted_pdf(), "document_encrypted"),
        (papers.raw_pdf("", pages=[]), "document_unreadable"),
    ):
        response = sandbox.post("/api/v1/parse", {"input": {"file_id": sandbox.file_id(document)}})
        assert sandbox.json(response, 422)["detail"]["code"] == code


def test_parse_damaged_page_of_a_tiff_has_a_notice(sandbox: Sandbox) -> None:
    body = sandbox.ask("/api/v1/parse", papers.rare_tiff((10, 20), (0, 40), (50, 60)))
    assert [page["width"] for page in body["pages"]] == [10, 0, 50]
    assert "page 2 has damaged content that can't be read" in body["notices"]


def test_job_over_unreadable_document_fails_before_it_is_completed(sandbox: Sandbox) -> None:
    broken = papers.raw_pdf(show("x")).replace(b"/Kids [6 0 R]", b"/Kids [1 0 R]")
    job_id = sandbox.submit("/api/v1/parse", broken)
    sandbox.clock.at += 60
    status = sandbox.json(sandbox.get(f"/v1/jobs/{job_id}"))
    assert status["status"] == "failed" and status["error"]["message"].startswith("it is damaged")
    assert (
        sandbox.json(sandbox.get(f"/v1/jobs/{job_id}/result"), 422)["detail"]["code"] == "document_unreadable"
    )
