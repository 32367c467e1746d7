"""`jobs watch` at a pseudo-terminal: one table, with messages above it."""

from __future__ import annotations

from pathlib import Path

import pyte
import pytest

from tests.fake_service import POLL, Service
from tests.real.machine import Machine

INVOICE = Path(__file__).parents[2] / "examples" / "invoice.pdf"


def screen(shown: str, columns: int) -> list[str]:
    """The lines on the screen at the end."""
    terminal = pyte.Screen(columns, 60)
    pyte.Stream(terminal).feed(shown)
    return [line.rstrip() for line in terminal.display if line.strip()]


def tables(lines: list[str]) -> list[int]:
    """The numbers of the lines at which a table of jobs begins."""
    return [number for number, line in enumerate(lines) if line.startswith("job ")]


@pytest.mark.parametrize("columns", [60, 80])
def test_watch_messages_appear_above_the_single_table(
    machine: Machine, service: Service, columns: int
) -> None:
    service.polls = 2
    assert machine.here("parse", "--file-id", "a", "--file-id", "b").code == 0
    with machine.terminal("jobs", "watch", "--verbose", columns=columns) as terminal:
        assert terminal.end() == 0, terminal.shown
    lines = screen(terminal.shown, columns)
    (start,) = tables(lines)
    assert [line[:21] for line in lines[:start]] == ["http: GET /v1/jobs/jo"] * 4
    assert sorted(line.split()[0] for line in lines[start + 1 : start + 3]) == ["job_1", "job_2"]
    assert lines[start + 3] == "0 running, 2 done"
    assert lines[start + 4].startswith("hint: docspeed jobs result job_")
    assert lines[start + 5 :] == ["[the terminal is as it was]"]
    assert terminal.restored


def test_watch_note_is_not_overwritten_by_the_table(tmp_path: Path) -> None:
    sandbox = Machine(tmp_path, "sandbox")
    assert sandbox.run("parse", str(INVOICE)).code == 0
    with sandbox.terminal("jobs", "watch", columns=80) as terminal:
        assert terminal.end() == 0, terminal.shown
    lines = screen(terminal.shown, 80)
    assert lines[0] == "note: the sandbox reads text by simple rules, not with the service's models"
    assert tables(lines) == [1]


def test_watch_ctrl_c_leaves_the_last_table(machine: Machine, service: Service) -> None:
    service.polls = 10**9
    assert machine.here("parse", "--file-id", "a").code == 0
    with machine.terminal("jobs", "watch", columns=80) as terminal:
        service.until(POLL, 1)
        terminal.until("processing")
        terminal.type("\x03")
        assert terminal.end() == 0, terminal.shown
    lines = screen(terminal.shown, 80)
    assert tables(lines) == [0]
    assert lines[2] == "1 running" and "^C" not in "".join(lines)
    assert lines[3] == "hint: the jobs go on; `docspeed jobs watch` shows them again"
    assert terminal.restored
