"""Views of results: readable at any width, limited in lines, and safe whatever a document holds."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from docspeed_cli.terminal.views.grid import fitted_widths
from docspeed_cli.terminal.views.operations import result_view
from tests.results.payloads import (
    CHAT,
    EXTRACT,
    HOSTILE,
    OLDER_SCHEMA,
    OPERATIONS,
    PARSE,
    SAMPLES,
    SCHEMA,
    SPLIT,
    TABLES,
    any_json,
    nested,
    with_texts,
)

WIDTHS = (40, 60, 80, 120, 160)
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printed(drawing: Any, width: int, *, colour: bool = False) -> str:
    file = io.StringIO()
    system: Any = "standard" if colour else None
    console = Console(file=file, width=width, force_terminal=True, color_system=system, _environ={})
    console.print(drawing, crop=False)
    return file.getvalue()


def lines(operation: str, payload: Any, width: int = 80, **more: Any) -> list[str]:
    return [line.rstrip() for line in printed(result_view(operation, payload, **more), width).splitlines()]


def assert_harmless(text: str) -> None:
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]
    assert not BIDI & set(text)


# -- one view of each kind


def test_view_parse_draws_pages() -> None:
    shown = lines("parse", PARSE)
    assert shown[0].startswith("Page 1 of 2  2 lines · 1 region ───")
    assert shown[1:7] == ["Tax Invoice", "", "Item  Qty", "─────────", "Bolt   10", ""]
    assert shown[7].startswith("Page 2 of 2  2 lines ───")
    assert shown[8:] == ["only", "lines"]


def test_view_extract_draws_fields_and_line_items() -> None:
    assert lines("extract", EXTRACT) == [
        "invoice  4 fields · 1 not found",
        "Field           Value      Page  Read from",
        "──────────────────────────────────────────",
        "invoice.number  INV-1         2  No INV-1",
        "total           -12.5         1  p1:l9",
        "po              not found",
        "tags            a; b",
        "",
        "line_items  2 rows",
        "description  qty  amount",
        "────────────────────────",
        "Bolt, M6      10",
        "=cmd()               5.0",
    ]


def test_view_tables_draws_grids() -> None:
    assert lines("tables", TABLES) == [
        "Items  page 1 · 2 rows × 2 columns · p1:t1",
        "No  Item",
        "────────",
        " 1  Bolt",
        "    Nut",
        "",
        "Table 2  page 2 · 1 row × 2 columns · p2:t1",
        "a  b",
        "──────",
        "c  d|e",
    ]


def test_view_split_draws_page_bars() -> None:
    assert lines("split", SPLIT) == [
        "Section   Kind      Pages  1                              8",
        "───────────────────────────────────────────────────────────",
        "Invoice   invoice   1–3    ████████████····················",
        "Letter    letter    5      ················████············",
        "Contract  contract  7–8    ························████████",
        "In no section: pages 4, 6",
    ]


def test_view_schema_draws_tree() -> None:
    assert lines("schema", SCHEMA) == [
        "invoice  2 fields · 1 table",
        "├── invoice.number  string  Invoice number",
        "├── tags  list of string",
        "└── line_items  One row each",
        "    └── qty  number",
    ]
    assert "    └── name  string  Who sells" in "\n".join(lines("schema", OLDER_SCHEMA)).replace("│", " ")


def test_view_chat_draws_answer_and_sources() -> None:
    assert lines("chat", CHAT, names={"f1": "invoice.pdf"}) == [
        "The total is 5.",
        "",
        "Sources",
        "1. invoice.pdf",
        "   page 2: “Total 5”",
        "2. f2",
        "   page 1",
        "   page 4: “five”",
    ]


def test_view_unknown_shape_draws_json() -> None:
    shown = lines("layout", {"a": [1, {"b": "\x1b"}], "c": {}, "d": None})
    assert shown == [
        "{",
        '  "a": [',
        "    1,",
        "    {",
        '      "b": "\\u001b"',
        "    }",
        "  ],",
        '  "c": {},',
        '  "d": null',
        "}",
    ]


def test_view_other_shape_is_drawn_as_what_it_is() -> None:
    assert lines("extract", CHAT)[0] == "The total is 5."
    assert lines("split", {"status": "odd"})[0] == "{"


@pytest.mark.parametrize(
    ("operation", "payload", "message"),
    [
        ("parse", {"pages": []}, "No pages."),
        ("parse", {"pages": [{}]}, "(no text on this page)"),
        ("tables", {"tables": []}, "No tables."),
        ("split", {"sections": []}, "No sections."),
        ("extract", {"fields": {}}, "Fields  0 fields"),
        ("chat", {"answer": ""}, "(no answer)"),
    ],
)
def test_view_empty_result_says_so(operation: str, payload: Any, message: str) -> None:
    assert message in lines(operation, payload)


# -- markdown


def test_view_markdown_hides_nothing_and_links_nothing() -> None:
    source = (
        "[text](http://a.b/c) ![logo](d.png) <http://e.f> <b>bold</b>\nnext line\n\n<div>block</div>\n\n"
        "<!-- note -->\n\n`code` [red]x[/red] :smile: &#8238;\n\n```py\nx = 1\n```\n"
    )
    shown = "\n".join(lines("parse", {"pages": [{"markdown": source}]}))
    for visible in (
        "text (http://a.b/c) [image: logo] (d.png) http://e.f <b>bold</b>\nnext line",
        "<div>block</div>",
        "<!-- note -->",
        "code [red]x[/red] :smile: \\u202e",
        "    x = 1",
    ):
        assert visible in shown
    assert "\x1b]8" not in printed(result_view("parse", {"pages": [{"markdown": source}]}), 80, colour=True)


@pytest.mark.parametrize(
    "bomb", ["[" * 30_000, "> " * 9000, "- " * 9000, "*a " * 9000, "</kbd>", "|a" * 9000, "`" * 9000]
)
def test_view_pathological_markdown_is_drawn_in_few_lines(bomb: str) -> None:
    wide_table = f"|{'a|' * 99}\n|{'-|' * 99}\n|{'b|' * 99}"
    assert len(lines("parse", {"pages": [{"markdown": bomb}, {"markdown": wide_table}]})) < 900


# -- width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("operation", [name for name in SAMPLES if name != "layout"])
def test_view_any_width_has_no_wider_line(operation: str, width: int) -> None:
    for text in ("some words", "漢字" * 30, "one-long-word" * 9):
        for line in lines(operation, with_texts(SAMPLES[operation], text), width):
            assert cell_len(line) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_view_wide_table_is_drawn_in_bands_with_whole_numbers(width: int) -> None:
    grid = [[f"{row},{column:03}.00" for column in range(20)] for row in range(1, 4)]
    shown = "\n".join(lines("tables", {"tables": [{"rows": grid}]}, width))
    for cell in (cell for row in grid for cell in row):
        assert re.search(rf"(?<![\d,]){re.escape(cell)}(?!\d)", shown)
    assert ("columns 1–" in shown) == (width < 20 * 10)


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(1, 24)), min_size=1, max_size=12), st.integers(1, 200)
)
def test_fitted_widths_any_columns_fit(sizes: list[tuple[int, int]], max_width: int) -> None:
    natural = [full for full, _ in sizes]
    least = [min(pair) for pair in sizes]
    widths = fitted_widths(natural, least, max_width)
    gaps = 2 * (len(sizes) - 1)
    assert sum(widths) <= max(max_width - gaps, len(sizes))
    assert all(1 <= width <= full for width, full in zip(widths, natural, strict=True))
    if sum(least) + gaps <= max_width:
        assert all(width >= small for width, small in zip(widths, least, strict=True))


def test_view_extract_narrow_terminal_folds_words_instead_of_bands() -> None:
    fields = {
        "invoice.place_of_supply": {
            "value": "Karnataka",
            "page_index": 0,
            "region_ids": ["p1:l25", "p1:l26"],
        },
        "invoice.po_number": {
            "value": "SIAS/PO/2026/0117",
            "page_index": 0,
            "region_ids": ["p1:l1", "p1:l22"],
        },
    }
    assert "SIAS/PO/2026/0117" in "\n".join(lines("extract", {"fields": fields}, 60))
    narrow = lines("extract", {"fields": fields}, 40)
    assert "SIAS/PO/2026/0117" not in "\n".join(narrow) and "column 1" not in "\n".join(narrow)


def test_view_markdown_list_keeps_its_numbers() -> None:
    source = "".join(f"{number}. item\n" for number in range(8, 12))
    shown = lines("parse", {"pages": [{"markdown": source}]})
    assert shown[2:] == [" 8. item", " 9. item", "10. item", "11. item"]


def test_view_json_long_lines_are_left_to_the_terminal() -> None:
    payload = {"job_id": "job_" + "0" * 60, "words": "word " * 30}
    assert json.loads(printed(result_view("layout", payload), 40)) == payload


def test_view_long_heading_breaks_at_its_joints() -> None:
    items = [{"description": "twenty letters or so " * 3, "taxable_value": 1, "gst.percent": 2}]
    shown = lines("extract", {"fields": {}, "line_items": {"x": items}}, 40)
    assert [line.split()[-2:] for line in shown[1:3]] == [["taxable_", "gst."], ["value", "percent"]]


# -- limits


@pytest.mark.parametrize(
    ("operation", "payload", "message"),
    [
        (
            "parse",
            {"pages": [{"markdown": "line\n\n" * 50}] * 500},
            r"… 4\d\d more pages; `--format markdown` or `-o FILE` shows all",
        ),
        (
            "parse",
            {"pages": [{"markdown": "x" * 10_000_000}]},
            "… page 1 continues; `--format markdown` or `-o FILE` shows all of it",
        ),
        (
            "tables",
            {"tables": [{"rows": [["a", "b"]] * 100}] * 100},
            r"… \d\d more tables; `--format csv`",
        ),
        (
            "tables",
            {"tables": [{"rows": [["a", "b"]] * 100_000}]},
            r"… 99,\d\d\d more rows; `--format csv`",
        ),
        ("tables", {"tables": [{"rows": [["a"] * 5000] * 50}]}, "… 4,940 more columns"),
        ("extract", {"fields": {str(n): n for n in range(20_000)}}, r"… 19,\d\d\d more fields"),
        ("extract", {"fields": {}, "line_items": {"x": [{"a": 1}] * 9999}}, r"… 9,\d\d\d more rows"),
        ("split", {"sections": [{"start_page": n} for n in range(1, 9000)]}, r"… 8,\d\d\d more sections"),
        ("schema", {"fields": [{"key": str(n)} for n in range(9000)]}, r"… 8,\d\d\d more keys"),
        ("chat", {"answer": "word " * 1_000_000, "citations": []}, "… the answer continues"),
        ("chat", {"answer": "x", "citations": [{"doc_id": "f"}] * 9999}, r"… 9,\d\d\d more sources"),
        ("layout", {"x": [[1, 2]] * 1_000_000}, "… and more; `--json` or `-o FILE` shows all"),
    ],
)
def test_view_large_result_is_drawn_in_part(operation: str, payload: Any, message: str) -> None:
    shown = lines(operation, payload)
    assert re.search(message, "\n".join(shown))
    assert len(shown) < 900


def test_view_max_lines_limits_the_drawing() -> None:
    shown = lines("parse", {"pages": [{"markdown": "a  \n" * 50}] * 9}, max_lines=20)
    assert len(shown) < 30 and shown[-1].startswith("… 8 more pages")


# -- anything


@pytest.mark.parametrize("width", [20, 80])
@pytest.mark.parametrize("operation", [*SAMPLES, "ask"])
def test_view_hostile_text_is_harmless_everywhere(operation: str, width: int) -> None:
    sample = SAMPLES["chat" if operation == "ask" else operation]
    for payload in (with_texts(sample, HOSTILE), with_texts(OLDER_SCHEMA, HOSTILE)):
        drawing = result_view(operation, payload, names={HOSTILE: HOSTILE})
        assert_harmless(printed(drawing, width))
        styled = printed(result_view(operation, payload), width, colour=True)
        assert_harmless(re.sub(r"\x1b\[[\d;]*m", "", styled))


@pytest.mark.parametrize("operation", SAMPLES)
def test_view_colours_are_few_and_without_background(operation: str) -> None:
    styled = printed(result_view(operation, SAMPLES[operation]), 80, colour=True)
    codes = {code for found in re.findall(r"\x1b\[([\d;]*)m", styled) for code in found.split(";")}
    assert codes <= {"0", "1", "2", "3", "4", "35"}, "what can be read on white and on black"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(OPERATIONS),
    any_json(st.text(max_size=5) | st.just(HOSTILE)),
    st.sampled_from([1, 10, 80]),
)
def test_view_any_payload_is_drawn(operation: str, payload: Any, width: int) -> None:
    assert_harmless(printed(result_view(operation, payload), width))


@settings(deadline=None)
@given(st.text(st.sampled_from("#*_-`>|[]()<!1.\n \\&;~=+:ab\x1b\u202e"), max_size=60))
def test_view_any_markdown_is_drawn(source: str) -> None:
    assert_harmless(printed(result_view("parse", {"pages": [{"markdown": source}]}), 30))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "name", [None, "fields", "tables", "value", "cells", "pages", "result", "items", "x"]
)
def test_view_deep_nesting_does_not_crash(operation: str, name: str | None) -> None:
    for payload in (
        nested(950, name),
        {name or "fields": nested(950, None)},
        {"fields": {"a": nested(950, name)}},
    ):
        printed(result_view(operation, payload), 80)


@pytest.mark.parametrize(
    ("numbers", "drawn"),
    [
        (["1,240.50", "5", "-3.125"], ["1,240.50 ", "    5    ", "   -3.125"]),
        (["1.240,50", "12,5", "7 %"], ["1.240,50", "   12,5 ", "    7 % "]),
        (["(7.5)", "1,23,456", "0.25"], ["      (7.5)", "1,23,456   ", "       0.25"]),
        (["1,240", "12"], ["1,240", "   12"]),
        (["1.240", "12"], [" 1.240", "12    "]),
    ],
)
def test_view_numbers_of_a_column_have_their_decimal_points_in_line(
    numbers: list[str], drawn: list[str]
) -> None:
    payload = {"tables": [{"columns": ["n", "text"], "rows": [[number, "x"] for number in numbers]}]}
    shown = lines("tables", payload)[-len(numbers) :]
    assert [line.removesuffix("  x") for line in shown] == drawn


def test_view_field_stands_beside_the_text_it_was_read_from() -> None:
    quoted = {"value": 5, "page_index": 1, "text": "Total\n due:  5", "region_ids": ["p2:l1"]}
    payload = {
        "fields": {"total": quoted, "other": {"value": "x", "region_ids": ["p1:l1", "p1:l2", "p1:l3"]}}
    }
    assert lines("extract", payload)[3:] == [
        "total  5         2  Total due: 5",
        "other  x         1  p1:l1 p1:l2 +1",
    ]
