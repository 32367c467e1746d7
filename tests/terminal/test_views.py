"""Views are readable at any width, bounded, and nothing in them comes from a document as it was."""

from __future__ import annotations

import io
import json
import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from docspeed_cli.terminal.views import jobs_table, view
from docspeed_cli.terminal.views.grid import fitted
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
    return [line.rstrip() for line in printed(view(operation, payload, **more), width).splitlines()]


def assert_harmless(text: str) -> None:
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]
    assert not BIDI & set(text)


# -- one view of each kind


def test_parse() -> None:
    shown = lines("parse", PARSE)
    assert shown[0].startswith("Page 1 of 2  595 × 842 · 2 lines · 1 region ───")
    assert shown[1:7] == ["Tax Invoice", "", "Item  Qty", "─────────", "Bolt   10", ""]
    assert shown[7].startswith("Page 2 of 2  2 lines ───")
    assert shown[8:] == ["only", "lines"]


def test_extract() -> None:
    assert lines("extract", EXTRACT) == [
        "invoice  4 fields · 1 not found",
        "Field           Value      Evidence",
        "─────────────────────────────────────────",
        "invoice.number  INV-1      page 2 · p2:l3",
        "total           -12.5      page 1 · p1:l9",
        "po              not found",
        "tags            a; b",
        "",
        "line_items  2 rows",
        "description  qty  amount",
        "────────────────────────",
        "Bolt, M6      10",
        "=cmd()               5.0",
    ]


def test_tables() -> None:
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


def test_split() -> None:
    assert lines("split", SPLIT) == [
        "Section   Kind      Pages  1                              8",
        "───────────────────────────────────────────────────────────",
        "Invoice   invoice   1–3    ████████████····················",
        "Letter    letter    5      ················████············",
        "Contract  contract  7–8    ························████████",
        "In no section: pages 4, 6",
    ]


def test_schema() -> None:
    assert lines("schema", SCHEMA) == [
        "invoice  2 fields · 1 table",
        "├── invoice.number  string  Invoice number",
        "├── tags            list of string",
        "└── line_items  One row each",
        "    └── qty  number",
    ]
    assert "    └── name  string  Who sells" in "\n".join(lines("schema", OLDER_SCHEMA)).replace("│", " ")


def test_chat() -> None:
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


def test_a_payload_of_no_known_shape_is_json() -> None:
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


def test_a_wrong_shape_is_shown_as_what_it_is() -> None:
    assert lines("extract", CHAT)[0] == "The total is 5."
    assert lines("split", {"status": "odd"})[0] == "{"


@pytest.mark.parametrize(
    ("operation", "payload", "said"),
    [
        ("parse", {"pages": []}, "No pages."),
        ("parse", {"pages": [{}]}, "(no text on this page)"),
        ("tables", {"tables": []}, "No tables."),
        ("split", {"sections": []}, "No sections."),
        ("extract", {"fields": {}}, "Fields  0 fields"),
        ("chat", {"answer": ""}, "(no answer)"),
    ],
)
def test_nothing_is_said_in_words(operation: str, payload: Any, said: str) -> None:
    assert said in lines(operation, payload)


# -- markdown


def test_markdown_hides_nothing_and_links_nothing() -> None:
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
    assert "\x1b]8" not in printed(view("parse", {"pages": [{"markdown": source}]}), 80, colour=True)


@pytest.mark.parametrize(
    "bomb", ["[" * 30_000, "> " * 9000, "- " * 9000, "*a " * 9000, "</kbd>", "|a" * 9000, "`" * 9000]
)
def test_odd_markdown_is_drawn_quickly(bomb: str) -> None:
    started = time.perf_counter()
    lines("parse", {"pages": [{"markdown": bomb}, {"markdown": f"|{'a|' * 99}\n|{'-|' * 99}\n|{'b|' * 99}"}]})
    assert time.perf_counter() - started < 5


# -- width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("operation", [name for name in SAMPLES if name != "layout"])
def test_no_line_is_wider_than_the_terminal(operation: str, width: int) -> None:
    for text in ("some words", "漢字" * 30, "one-long-word" * 9):
        for line in lines(operation, with_texts(SAMPLES[operation], text), width):
            assert cell_len(line) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_wide_table_is_drawn_in_bands_with_no_number_cut(width: int) -> None:
    grid = [[f"{row},{column:03}.00" for column in range(20)] for row in range(1, 4)]
    shown = "\n".join(lines("tables", {"tables": [{"rows": grid}]}, width))
    for cell in (cell for row in grid for cell in row):
        assert re.search(rf"(?<![\d,]){re.escape(cell)}(?!\d)", shown)
    assert ("columns 1–" in shown) == (width < 20 * 10)


@given(
    st.lists(st.tuples(st.integers(1, 200), st.integers(1, 24)), min_size=1, max_size=12), st.integers(1, 200)
)
def test_columns_fill_no_more_than_the_room(sizes: list[tuple[int, int]], room: int) -> None:
    natural = [full for full, _ in sizes]
    least = [min(pair) for pair in sizes]
    widths = fitted(natural, least, room)
    gaps = 2 * (len(sizes) - 1)
    assert sum(widths) <= max(room - gaps, len(sizes))
    assert all(1 <= width <= full for width, full in zip(widths, natural, strict=True))
    if sum(least) + gaps <= room:
        assert all(width >= small for width, small in zip(widths, least, strict=True))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_jobs_id_is_never_cut(width: int) -> None:
    job = "job_01HZX8Y3V5N6P7Q8R9S0T1U2V3W4X5Y6"
    rows = [{"status": "completed", "job": job, "input": "a" * 200, "age": "3 min ago", "x": "\x1b[31m"}]
    shown = printed(jobs_table(rows, ["job", "status", "input", "age", "x"]), width)
    assert f"{job}  " in shown and "completed" in shown
    assert_harmless(shown)
    assert all(len(line) <= width for line in shown.splitlines() if width > len(job) + 11)
    assert printed(jobs_table(rows, ["status", "job"]), 10) == f"{job}  completed\n", "the terminal wraps it"


def test_what_tells_least_of_a_job_gives_way_first() -> None:
    job = "job_0123456789abcdef0123"
    texts = {
        "row": "@1234",
        "operation": "extract",
        "status": "processing",
        "input": "a/" * 20,
        "age": "59 min ago",
    }
    columns = ["job", *texts]
    heads = {
        width: printed(jobs_table([{"job": job, **texts}], columns), width).split("\n")[0].split()
        for width in (36, 50, 60, 75, 80)
    }
    assert heads == {
        36: ["job", "status"],
        50: ["job", "status", "input"],
        60: ["job", "operation", "status", "input"],
        75: ["job", "operation", "status", "input", "age"],
        80: columns,
    }


def test_a_value_s_words_are_whole_where_the_width_allows() -> None:
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
    narrow = lines("extract", {"fields": fields}, 50)
    assert "SIAS/PO/2026/0117" not in "\n".join(narrow) and "column 1" not in "\n".join(narrow)


def test_a_list_s_numbers_are_the_document_s() -> None:
    source = "".join(f"{number}. item\n" for number in range(8, 12))
    shown = lines("parse", {"pages": [{"markdown": source}]})
    assert shown[2:] == [" 8. item", " 9. item", "10. item", "11. item"]


def test_json_is_not_broken_where_the_terminal_can_wrap_it() -> None:
    payload = {"job_id": "job_" + "0" * 60, "words": "word " * 30}
    assert json.loads(printed(view("layout", payload), 40)) == payload


def test_a_path_keeps_its_end_and_a_heading_breaks_at_its_joints() -> None:
    rows = [{"job": "job_1", "input": "/a/very/long/path/to/the/invoice.pdf"}]
    assert printed(jobs_table(rows, ["job", "input"]), 24).splitlines()[1] == "job_1  …/the/invoice.pdf"
    items = [{"description": "twenty letters or so " * 3, "taxable_value": 1, "gst.percent": 2}]
    shown = lines("extract", {"fields": {}, "line_items": {"x": items}}, 40)
    assert [line.split()[-2:] for line in shown[1:3]] == [["taxable_", "gst."], ["value", "percent"]]


# -- bounds


@pytest.mark.parametrize(
    ("operation", "payload", "said"),
    [
        (
            "parse",
            {"pages": [{"markdown": "line\n\n" * 50}] * 500},
            r"… 4\d\d more pages; for all: --format markdown or -o FILE",
        ),
        ("parse", {"pages": [{"markdown": "x" * 10_000_000}]}, "… page 1 goes on; for all"),
        (
            "tables",
            {"tables": [{"rows": [["a", "b"]] * 100}] * 100},
            r"… \d\d more tables; for all: --format csv",
        ),
        (
            "tables",
            {"tables": [{"rows": [["a", "b"]] * 100_000}]},
            r"… 99,\d\d\d more rows; for all: --format csv",
        ),
        ("tables", {"tables": [{"rows": [["a"] * 5000] * 50}]}, "… 4,940 more columns"),
        ("extract", {"fields": {str(n): n for n in range(20_000)}}, r"… 19,\d\d\d more fields"),
        ("extract", {"fields": {}, "line_items": {"x": [{"a": 1}] * 9999}}, r"… 9,\d\d\d more rows"),
        ("split", {"sections": [{"start_page": n} for n in range(1, 9000)]}, r"… 8,\d\d\d more sections"),
        ("schema", {"fields": [{"key": str(n)} for n in range(9000)]}, r"… 8,\d\d\d more keys"),
        ("chat", {"answer": "word " * 1_000_000, "citations": []}, "… the answer goes on"),
        ("chat", {"answer": "x", "citations": [{"doc_id": "f"}] * 9999}, r"… 9,\d\d\d more sources"),
        ("layout", {"x": [[1, 2]] * 1_000_000}, "… and more; for all: --json or -o FILE"),
    ],
)
def test_what_is_large_is_drawn_in_part_and_quickly(operation: str, payload: Any, said: str) -> None:
    started = time.perf_counter()
    shown = lines(operation, payload)
    assert time.perf_counter() - started < 10
    assert re.search(said, "\n".join(shown))
    assert len(shown) < 900


def test_max_lines() -> None:
    shown = lines("parse", {"pages": [{"markdown": "a  \n" * 50}] * 9}, max_lines=20)
    assert len(shown) < 30 and shown[-1].startswith("… 8 more pages")


# -- anything


@pytest.mark.parametrize("width", [20, 80])
@pytest.mark.parametrize("operation", [*SAMPLES, "ask"])
def test_hostile_text_is_harmless_in_every_place(operation: str, width: int) -> None:
    sample = SAMPLES["chat" if operation == "ask" else operation]
    for payload in (with_texts(sample, HOSTILE), with_texts(OLDER_SCHEMA, HOSTILE)):
        drawing = view(operation, payload, names={HOSTILE: HOSTILE})
        assert_harmless(printed(drawing, width))
        styled = printed(view(operation, payload), width, colour=True)
        assert_harmless(re.sub(r"\x1b\[[\d;]*m", "", styled))


@pytest.mark.parametrize("operation", SAMPLES)
def test_few_colours_and_no_background(operation: str) -> None:
    styled = printed(view(operation, SAMPLES[operation]), 80, colour=True)
    codes = {code for found in re.findall(r"\x1b\[([\d;]*)m", styled) for code in found.split(";")}
    assert codes <= {"0", "1", "2", "3", "4", "35"}, "what can be read on white and on black"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(OPERATIONS),
    any_json(st.text(max_size=5) | st.just(HOSTILE)),
    st.sampled_from([1, 10, 80]),
)
def test_no_payload_is_too_strange(operation: str, payload: Any, width: int) -> None:
    assert_harmless(printed(view(operation, payload), width))


@settings(deadline=None)
@given(st.text(st.sampled_from("#*_-`>|[]()<!1.\n \\&;~=+:ab\x1b\u202e"), max_size=60))
def test_no_markdown_is_too_strange(source: str) -> None:
    assert_harmless(printed(view("parse", {"pages": [{"markdown": source}]}), 30))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "name", [None, "fields", "tables", "value", "cells", "pages", "result", "items", "x"]
)
def test_nesting_is_no_crash(operation: str, name: str | None) -> None:
    for payload in (
        nested(950, name),
        {name or "fields": nested(950, None)},
        {"fields": {"a": nested(950, name)}},
    ):
        printed(view(operation, payload), 80)
