"""The live line at the bottom of a terminal, and the bar of a run."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.terminal.live import StatusLine
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.progress import BatchProgress, End
from docspeed_cli.terminal.streams import Style
from tests.stage import Stream

STATUS = "parse a folder/請求書 2026.pdf: processing (job_0123456789abcdef0123)"


def rendered(draw: Callable[[int], Text], width: int, colour: str | None = None) -> str:
    """What a terminal of this width is sent for the drawing."""
    file = io.StringIO()
    system: Any = colour
    Console(file=file, width=width, force_terminal=True, color_system=system, _environ={}).print(draw(width))
    return file.getvalue()


def progress(done: int, total: int | None, seconds: float = 0.0) -> BatchProgress:
    """A run at a terminal that began so many seconds ago."""
    now = [0.0]
    stream = Stream(terminal=True)
    output = Output(Environment({}, stream, stream, stream, Interrupts(), monotonic=lambda: now[0]), Style())
    run = BatchProgress(output, "parse", lambda: 2, lambda: "", total=total)
    for _ in range(done):
        run.count(End.DONE, "a.pdf")
    now[0] = seconds
    return run


def test_progress_jobs_that_still_run_are_no_pace() -> None:
    run = progress(0, 6, 1.0)
    for _ in range(3):
        run.count(End.RUNNING, "a.pdf")
    assert "/s" not in run.line()


@pytest.mark.parametrize("width", [57, 67, 157])
def test_status_line_too_long_keeps_state_and_job_id(width: int) -> None:
    now = 0.0
    status = StatusLine(lambda: now)
    status.update(STATUS, lambda text: None)
    now = 42.0
    line = rendered(status.draw, width)
    assert line.endswith("processing (job_0123456789abcdef0123) 42 s\n")
    assert line.count("\n") == 1 and cell_len(line.rstrip("\n")) <= width
    assert ("parse a folder" in line) == (width > 100)


def test_status_line_before_first_update_says_what_is_asked() -> None:
    assert "asking the server" in rendered(StatusLine(lambda: 0.0).draw, 60)


@pytest.mark.parametrize("width", [1, 5, 20])
def test_live_drawings_at_any_width_are_one_line(width: int) -> None:
    status = StatusLine(lambda: 0.0)
    status.update(STATUS + "\n\x1b[2J", lambda text: None)
    for line in (rendered(status.draw, width), rendered(progress(3, 60).bar, width)):
        assert line.count("\n") == 1 and cell_len(line.rstrip("\n")) <= width and "\x1b" not in line


def test_bar_leaves_before_its_words_are_cut() -> None:
    words = "parse: 30 of 60 done, 2 running"
    assert rendered(progress(30, 60).bar, 77) == "━" * 8 + "─" * 8 + f" {words}\n"
    assert rendered(progress(30, 60).bar, len(words) + 16) == "━" * 4 + "─" * 4 + f" {words}\n"
    assert rendered(progress(30, 60).bar, len(words) + 8) == f"{words}\n"
    assert rendered(progress(30, None).bar, 77) == "parse: 30 done, 2 running\n"


def test_progress_line_jobs_that_still_run_are_no_pace() -> None:
    run = progress(0, 3, 1.0)
    run.count(End.RUNNING, "a.pdf")
    assert run.line() == "parse: 0 of 3 done, 2 running"


def test_progress_line_counts_failed_as_done() -> None:
    run = progress(1, 3)
    run.count(End.FAILED, "a.pdf", "no")
    assert run.line() == "parse: 2 of 3 done (1 failed), 2 running"


@pytest.mark.parametrize(("seconds", "pace"), [(10.0, "3.0/s"), (3000.0, "0.6/min")])
def test_progress_line_slow_run_shows_pace_per_minute(seconds: float, pace: str) -> None:
    assert progress(30, None, seconds).line() == f"parse: 30 done, 2 running, {pace}"


def test_bar_in_a_narrow_window_keeps_the_count_and_the_time_left() -> None:
    run = progress(30, 60, 600.0)
    assert run.line() == "parse: 30 of 60 done, 2 running, 3.0/min, 10 min left"
    assert rendered(run.bar, 37) == "parse: 30 of 60 done, 10 min left\n"
    assert rendered(run.bar, 30) == "30 of 60 done, 10 min left\n"
    assert rendered(run.bar, 15) == "30 of 60 done\n"


def test_bar_of_a_long_run_stands_below_its_last_failures() -> None:
    run = progress(30, 60)
    for number in range(5):
        run.count(End.FAILED, f"in/a rather long folder/{number}.pdf", "it is\x1b[2J empty")
    assert [line.rstrip() for line in rendered(run.bar, 40).splitlines()] == [
        "failed  …g folder/2.pdf: it is␛[2J empty",
        "failed  …g folder/3.pdf: it is␛[2J empty",
        "failed  …g folder/4.pdf: it is␛[2J empty",
        "━━━━──── parse: 35 of 60 done (5 failed)",
    ]


def test_bar_uses_no_colours_but_the_terminal_s_own() -> None:
    assert "38;" not in rendered(progress(30, 60).bar, 77, "truecolor")
