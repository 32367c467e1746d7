"""The installed program at a pseudo-terminal: live line, view, signals, and a restored terminal."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import KEY, POLL, RESULT, SUBMIT, UPLOAD, Service
from tests.real.machine import Machine

PAGE = {"page_index": 0, "markdown": "# Heading\n\nsome text", "text": "Heading\nsome text"}


@pytest.fixture(autouse=True)
def _a_page(service: Service) -> None:
    service.payload = lambda operation, body: json.dumps({"pages": [PAGE]}).encode()


def test_wait_at_terminal_shows_live_line_then_view(machine: Machine, service: Service) -> None:
    service.polls = 3
    with machine.terminal("parse", "--file-id", "f", "--wait") as terminal:
        assert terminal.end() == 0, terminal.shown
    assert "\x1b[?25l" in terminal.shown
    assert "queued" in terminal.shown
    assert "some text" in terminal.shown
    assert "page_index" not in terminal.shown
    assert "docspeed jobs result job_1" in terminal.shown
    assert terminal.restored


def test_ctrl_c_while_waiting_exits_130_and_names_jobs_wait(machine: Machine, service: Service) -> None:
    service.polls = 10**9
    with machine.terminal("parse", "--file-id", "f", "--wait") as terminal:
        service.until(POLL, 2)
        terminal.until("queued")
        terminal.type("\x03")
        assert terminal.end() == 130, terminal.shown
    assert "docspeed jobs wait job_1" in terminal.shown
    assert "Traceback" not in terminal.shown
    assert terminal.restored


@pytest.mark.parametrize("kind", [UPLOAD, SUBMIT, POLL, RESULT])
def test_ctrl_c_during_any_exchange_exits_130(machine: Machine, service: Service, kind: str) -> None:
    (machine.folder / "a.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    held = service.hold(kind)
    with machine.terminal("parse", "a.pdf", "--wait") as terminal:
        held.wait()
        terminal.type("\x03")
        if kind == SUBMIT:
            terminal.until("again to leave now")
            held.release.set()
        assert terminal.end() == 130, terminal.shown
    held.release.set()
    assert "Traceback" not in terminal.shown
    assert terminal.restored


def test_ctrl_c_twice_during_submission_leaves_at_once(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    with machine.terminal("parse", "--file-id", "f", "--wait") as terminal:
        held.wait()
        terminal.type("\x03")
        terminal.until("again to leave now")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert terminal.restored
        held.release.set()


def test_failed_job_restores_terminal(machine: Machine, service: Service) -> None:
    service.final = "failed"
    with machine.terminal("parse", "--file-id", "f", "--wait") as terminal:
        assert terminal.end() == 5
    assert "failed" in terminal.shown
    assert terminal.restored


def test_batch_at_terminal_shows_a_line_for_each_job(machine: Machine, service: Service) -> None:
    with machine.terminal("parse", "--file-id", "f", "--file-id", "g", "--wait") as terminal:
        assert terminal.end() == 0, terminal.shown
    assert "job_1" in terminal.shown and "job_2" in terminal.shown
    assert terminal.restored


def test_auth_login_typed_key_is_not_shown(machine: Machine, service: Service) -> None:
    with machine.terminal("auth", "login", env={"DOCSPEED_API_KEY": ""}) as terminal:
        terminal.until("not shown")
        terminal.type(f"{KEY}\n")
        assert terminal.end() == 0, terminal.shown
    assert KEY not in terminal.shown
    assert terminal.restored
    assert machine.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": ""}).code == 0


def test_auth_login_ctrl_c_at_prompt_exits_130(machine: Machine) -> None:
    with machine.terminal("auth", "login", env={"DOCSPEED_API_KEY": ""}) as terminal:
        terminal.until("not shown")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    assert terminal.restored


NAME = "a-name-that-is-as-long-as-what-is-in-it-was-important-to-someone.pdf"


def test_dumb_terminal_width_is_asked_of_the_terminal(machine: Machine) -> None:
    (machine.folder / NAME).write_bytes(b"%PDF-1.4\n%%EOF\n")
    assert machine.here("parse", NAME).code == 0
    with machine.terminal("jobs", "list", env={"TERM": "dumb"}, columns=130) as terminal:
        assert terminal.end() == 0
    assert NAME in terminal.shown
    with machine.terminal("jobs", "list", env={"TERM": "dumb"}, columns=60) as terminal:
        assert terminal.end() == 0
    rows = [line for line in terminal.shown.splitlines() if not line.startswith("hint: ")]
    assert all(len(line.rstrip()) <= 60 for line in rows)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminal_without_utf8_gets_escapes_and_no_live_line(
    machine: Machine, service: Service, encoding: str
) -> None:
    page = {"page_index": 0, "markdown": "₹ 12 für 漢字", "text": ""}
    service.payload = lambda operation, body: json.dumps({"pages": [page]}).encode()
    service.polls = 2
    env = {"PYTHONIOENCODING": encoding}
    with machine.terminal("parse", "--file-id", "f", "--wait", env=env) as terminal:
        assert terminal.end() == 0, terminal.shown
    assert r"\u20b9 12 f" in terminal.shown and "\x1b[?25l" not in terminal.shown
    for flags in (("--format", "markdown"), ("--format", "text"), ("--json",)):
        done = machine.run("jobs", "result", "@last", *flags, env=env)
        assert done.code == 0, done.err
        assert ("₹".encode() in done.out) is (flags != ("--json",))


def test_ctrl_z_shows_cursor(machine: Machine, service: Service) -> None:
    service.polls = 10**9
    with machine.terminal("parse", "--file-id", "f", "--wait") as terminal:
        service.until(POLL, 1)
        terminal.until("queued")
        terminal.type("\x1a")
        terminal.until("\x1b[?25h")
        terminal.type("\x03")
        assert terminal.end() == 130, terminal.shown
    assert terminal.restored
