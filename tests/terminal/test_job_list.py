"""The table of jobs: which columns are there, where they stand, and what colour a state has."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from docspeed_cli.terminal.views import jobs_table

ROW = {
    "job": "job_1",
    "row": "@1",
    "operation": "parse",
    "status": "queued",
    "input": "scan.pdf",
    "age": "just now",
}
COLUMNS = list(ROW)
STEADY = {"status": 10, "age": 10}


def printed(rows: list[dict[str, str]], width: int, steady: dict[str, int] | None = None, **more: str) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=bool(more), _environ=more or {})
    console.print(jobs_table(rows, COLUMNS, steady))
    return file.getvalue()


@pytest.mark.parametrize("width", [50, 60, 80])
def test_columns_stay_where_they_are_when_a_state_and_an_age_change(width: int) -> None:
    long = {**ROW, "job": "job_2", "input": "a folder with a long name/scan.pdf"}
    heads = {
        printed([ROW, {**long, "status": status, "age": age}], width, STEADY).splitlines()[0].rstrip()
        for status, age in (("queued", "just now"), ("processing", "2 s ago"), ("completed", "10 min ago"))
    }
    assert len(heads) == 1


def test_a_column_leaves_only_where_there_is_no_room_for_it() -> None:
    assert printed([ROW], 60).splitlines()[0].split() == COLUMNS
    longer = {**ROW, "job": "job_0123456789abcdef0123", "age": "59 min ago"}
    assert printed([longer], 63).splitlines()[0].split() == ["job", "row", "operation", "status", "input"]
    assert printed([longer], 69).splitlines()[0].split() == ["job", "operation", "status", "input", "age"]


@pytest.mark.parametrize(("status", "code"), [("completed", "32"), ("failed", "31"), ("processing", None)])
def test_a_state_s_word_has_a_colour_that_any_terminal_has(status: str, code: str | None) -> None:
    shown = printed([{**ROW, "status": status}], 80, TERM="xterm-256color")
    assert re.findall(rf"\x1b\[(\d+)m{status}", shown) == ([code] if code else [])
    plain = printed([{**ROW, "status": status}], 80, TERM="xterm-256color", NO_COLOR="1")
    assert not re.search(r"\x1b\[3\d", plain) and status in plain
