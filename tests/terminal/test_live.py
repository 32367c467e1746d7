"""The line at the bottom: it is one line, and its end is what is kept of it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.models import Style
from docspeed_cli.terminal.live import Waited, lasting
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.progress import Bar, BatchProgress
from docspeed_cli.terminal.text_width import keep_tail

SAID = "parse a folder/請求書 2026.pdf: processing (job_0123456789abcdef0123)"


def drawn(drawing: Any, width: int, colour: str | None = None) -> str:
    file = io.StringIO()
    system: Any = colour
    Console(file=file, width=width, force_terminal=True, color_system=system, _environ={}).print(drawing)
    return file.getvalue()


@pytest.mark.parametrize("width", [57, 77, 157])
def test_a_job_s_state_and_id_stay_on_the_line(width: int) -> None:
    now = 0.0
    waited = Waited(lambda: now)
    waited.say(SAID)
    now = 187.0
    line = drawn(waited, width)
    assert line.endswith("processing (job_0123456789abcdef0123) 3 min 07 s\n")
    assert line.count("\n") == 1 and cell_len(line.rstrip("\n")) <= width
    assert ("parse a folder" in line) == (width > 100)


def test_there_are_words_before_anything_is_known() -> None:
    assert "asking the server" in drawn(Waited(lambda: 0.0), 60)


@pytest.mark.parametrize("width", [1, 5, 20])
def test_it_is_one_line_at_any_width(width: int) -> None:
    waited = Waited(lambda: 0.0)
    waited.say(SAID + "\n\x1b[2J")
    for line in (drawn(waited, width), drawn(Bar(tally(3, 60)), width)):
        assert line.count("\n") == 1 and cell_len(line.rstrip("\n")) <= width and "\x1b" not in line


@pytest.mark.parametrize("room", range(12))
def test_a_text_s_end(room: int) -> None:
    shown = keep_tail("ab漢字cd漢字", room)
    assert cell_len(shown) <= max(room, 1)
    assert shown == "ab漢字cd漢字"[-len(shown) + 1 :].join(["…", ""]) or len(shown) == 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7384, "2 h 03 min")],
)
def test_a_time_that_goes_on(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def tally(ended: int, total: int | None, seconds: float = 0.0) -> BatchProgress:
    """A run that began so many seconds ago."""
    now = [0.0]
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8")
    world = Environment({}, stream, stream, stream, monotonic=lambda: now[0])
    counted = BatchProgress(Output(world, Style(quiet=True)), "parse", lambda: 2, lambda: "")
    counted.done, counted.total, now[0] = ended, total, seconds
    return counted


def test_the_words_of_a_run_come_before_its_bar() -> None:
    words = "parse: 30/60 done, 2 running"
    assert drawn(Bar(tally(30, 60)), 77) == "━" * 8 + "─" * 8 + f" {words}\n"
    assert drawn(Bar(tally(30, 60)), len(words) + 11) == "━" * 5 + "─" * 5 + f" {words}\n"
    assert drawn(Bar(tally(30, 60)), len(words) + 4) == f"{words}\n"
    assert drawn(Bar(tally(30, None)), 77) == "parse: 30 done, 2 running\n"


@pytest.mark.parametrize(("seconds", "pace"), [(10.0, "3.0/s"), (3000.0, "0.6/min")])
def test_a_pace_is_never_nothing(seconds: float, pace: str) -> None:
    assert tally(30, None, seconds).line() == f"parse: 30 done, 2 running, {pace}"


def test_the_colours_of_a_run_are_the_terminal_s() -> None:
    assert "38;" not in drawn(Bar(tally(30, 60)), 77, "truecolor")
