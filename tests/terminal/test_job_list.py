"""The table of jobs: which columns are shown, how wide they are, and the colour of a status."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import pytest
from rich.console import Console

from docspeed_cli.terminal.views.job_list import JobsTable

ROW = {
    "job": "job_1",
    "row": "@1",
    "operation": "parse",
    "status": "queued",
    "input": "scan.pdf",
    "age": "just now",
}
COLUMNS = list(ROW)


def printed(
    rows: Sequence[Mapping[str, str]],
    width: int,
    columns: Sequence[str] = COLUMNS,
    *,
    min_widths: Mapping[str, int] | None = None,
    **environ: str,
) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=bool(environ), _environ=environ)
    console.print(JobsTable(rows, columns, min_widths), crop=False)
    return file.getvalue()


@pytest.mark.parametrize("width", [50, 60, 80])
def test_jobs_table_min_widths_keep_columns_in_place(width: int) -> None:
    long = {**ROW, "job": "job_2", "input": "a folder with a long name/scan.pdf"}
    heads = {
        printed([ROW, {**long, "status": status, "age": age}], width, min_widths={"status": 10, "age": 10})
        .splitlines()[0]
        .rstrip()
        for status, age in (("queued", "just now"), ("processing", "2 s ago"), ("completed", "10 min ago"))
    }
    assert len(heads) == 1


def test_jobs_table_narrow_terminal_leaves_out_columns_by_priority() -> None:
    assert printed([ROW], 60).splitlines()[0].split() == COLUMNS
    texts = {"status": "processing", "input": "a/" * 20, "age": "59 min ago"}
    row = {**ROW, "job": "job_0123456789abcdef0123", "row": "@1234", "operation": "extract", **texts}
    heads = {width: printed([row], width).splitlines()[0].split() for width in (36, 50, 60, 75, 80)}
    assert heads == {
        36: ["job", "status"],
        50: ["job", "status", "input"],
        60: ["job", "operation", "status", "input"],
        75: ["job", "operation", "status", "input", "age"],
        80: COLUMNS,
    }


@pytest.mark.parametrize("width", [40, 60, 80, 120, 160])
def test_jobs_table_any_width_keeps_job_id_whole(width: int) -> None:
    job = "job_01HZX8Y3V5N6P7Q8R9S0T1U2V3W4X5Y6"
    row = {"status": "completed", "job": job, "input": "a" * 200, "age": "3 min ago", "x": "\x1b[31m"}
    shown = printed([row], width, ["job", "status", "input", "age", "x"])
    assert f"{job}  " in shown and "completed" in shown and "\x1b" not in shown
    assert all(len(line) <= width for line in shown.splitlines() if width > len(job) + 11)


def test_jobs_table_too_narrow_terminal_wraps_the_row_itself() -> None:
    assert printed([{"status": "completed", "job": "job_0123456789"}], 10, ["job", "status"]) == (
        "job_0123456789  completed\n"
    )


def test_jobs_table_long_path_keeps_its_end() -> None:
    rows = [{"job": "job_1", "input": "/a/very/long/path/to/the/invoice.pdf"}]
    assert printed(rows, 24, ["job", "input"]).splitlines()[1] == "job_1  …/the/invoice.pdf"


@pytest.mark.parametrize(("status", "code"), [("completed", "32"), ("failed", "31"), ("processing", None)])
def test_jobs_table_status_has_a_standard_colour(status: str, code: str | None) -> None:
    shown = printed([{**ROW, "status": status}], 80, TERM="xterm-256color")
    assert re.findall(rf"\x1b\[(\d+)m{status}", shown) == ([code] if code else [])
    plain = printed([{**ROW, "status": status}], 80, TERM="xterm-256color", NO_COLOR="1")
    assert not re.search(r"\x1b\[3\d", plain) and status in plain
