"""Unwritable streams: a lost message ends nothing, but a result that can't be written is a failure."""

from __future__ import annotations

import json

import pyte
import pytest

from docspeed_cli import __version__
from tests.fake_service import POLL, SUBMIT, Service
from tests.real.machine import Machine

BIG = json.dumps({"pages": [{"page_index": 0, "text": "x" * 1_000_000}]}).encode()
STDERR_UNWRITABLE = ["2>/dev/full", "2> >(true)", "2>&-"]
FULL = "error: can't write to standard output: No space left on device\n"
CLOSED = "error: can't write to standard output: it is closed\n"


@pytest.mark.parametrize("stderr", STDERR_UNWRITABLE)
def test_stderr_unwritable_result_is_still_whole(machine: Machine, service: Service, stderr: str) -> None:
    done = machine.bash(f"docspeed parse --file-id f --wait --verbose {stderr}")
    assert (done.code, done.out) == (0, service.results["job_1"] + b"\n")
    assert machine.bash(f"docspeed parse missing.pdf {stderr}").code == 2


@pytest.mark.parametrize("stderr", STDERR_UNWRITABLE)
def test_stderr_unwritable_batch_is_still_whole(machine: Machine, service: Service, stderr: str) -> None:
    many = " ".join(f"--file-id f{number}" for number in range(12))
    done = machine.bash(f"docspeed parse {many} --wait --verbose {stderr}")
    assert (done.code, len(done.out.splitlines())) == (0, 12)
    assert all("result" in json.loads(line) for line in done.out.splitlines())


@pytest.mark.parametrize("stderr", ["", *STDERR_UNWRITABLE])
def test_stdout_reader_gone_exits_141(machine: Machine, service: Service, stderr: str) -> None:
    service.payload = lambda operation, body: BIG
    script = f"docspeed parse --file-id f --wait {stderr} | head -c 10; x=${{PIPESTATUS[0]}}; echo; echo $x"
    assert machine.bash(script).out.splitlines() == [BIG[:10], b"141"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_stdout_non_blocking_result_is_still_whole(
    machine: Machine, service: Service, unbuffered: str
) -> None:
    service.payload = lambda operation, body: BIG
    make = "python3 -c 'import os; os.set_blocking(1, False)'"
    script = f"{{ {make}; docspeed parse --file-id f --wait; }} | cat"
    assert machine.bash(script, env={"PYTHONUNBUFFERED": unbuffered}).out == BIG + b"\n"


# -- standard output that is closed, or full


@pytest.mark.parametrize(
    "argv",
    [
        "parse --file-id f --wait",
        "parse --file-id f",
        "parse --file-id f --file-id g --wait",
        "parse --file-id f --file-id g --wait -o out/",
        "chat 'how much?' --file-id f",
        "api POST /api/v1/parse --set a=1",
        "jobs wait job_x",
        "jobs status job_x",
    ],
)
def test_stdout_closed_fails_before_any_request(machine: Machine, service: Service, argv: str) -> None:
    done = machine.bash(f"docspeed {argv} >&-")
    assert (done.code, done.err) == (1, CLOSED)
    assert service.calls == []
    error = json.loads(machine.bash(f"docspeed {argv} --json >&-").err)["error"]
    assert error["code"] == "write_failed"


@pytest.mark.parametrize("argv", ["jobs list", "config show", "--help", "parse --help", "--version"])
def test_stdout_closed_local_command_exits_1(machine: Machine, argv: str) -> None:
    assert machine.here("parse", "--file-id", "f").code == 0
    done = machine.bash(f"docspeed {argv} >&-")
    assert (done.code, done.err) == (1, CLOSED)


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_stdout_closed_with_output_file_succeeds(machine: Machine, service: Service, closed: str) -> None:
    done = machine.bash(f"docspeed parse --file-id f --wait --quiet -o result.json {closed}")
    assert (done.code, done.err) == (0, "")
    assert (machine.folder / "result.json").read_bytes() == service.results["job_1"] + b"\n"
    assert machine.bash(f"docspeed jobs list --json {closed.replace('>&-', '', 1)}").code == 0


@pytest.mark.parametrize(
    "argv", ["--version", "-V", "--help", "parse --help", "help exit-codes", "jobs list"]
)
def test_stdout_full_disk_is_an_error_message(machine: Machine, argv: str) -> None:
    assert machine.here("parse", "--file-id", "f").code == 0
    done = machine.bash(f"docspeed {argv} >/dev/full")
    assert (done.code, done.err) == (1, FULL)


def test_version_with_reader_gone_exits_141(machine: Machine) -> None:
    done = machine.bash("docspeed --version | cat; (sleep 0.2; docspeed --version; echo $? >&2) | true")
    assert (done.out.decode(), done.err) == (f"docspeed {__version__}\n", "141\n")


# -- Ctrl-C at a terminal


@pytest.mark.parametrize("flags", [("--file-id", "g"), ()], ids=["many", "one"])
def test_ctrl_c_twice_clears_the_live_line(
    machine: Machine, service: Service, flags: tuple[str, ...]
) -> None:
    held = service.hold(SUBMIT)
    with machine.terminal("parse", "--file-id", "f", *flags, "--wait", columns=80) as terminal:
        held.wait()
        terminal.until("asking the server" if not flags else "parse: ")
        terminal.type("\x03")
        terminal.until("leave")
        terminal.type("\x03")
        assert terminal.end() == 130
        held.release.set()
    screen = pyte.Screen(80, 40)
    pyte.Stream(screen).feed(terminal.shown)
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert lines[-1] == "[the terminal is as it was]", lines
    assert "finishing" in lines[0] and "━" not in "".join(lines) and len(lines) <= 3
    assert terminal.restored


def test_ctrl_c_message_overwrites_its_echo(machine: Machine, service: Service) -> None:
    service.polls = 10**9
    assert machine.here("parse", "--file-id", "a", "--file-id", "b").code == 0
    with machine.terminal("jobs", "wait", "@1", "@2", columns=80) as terminal:
        service.until(POLL, 2)
        terminal.type("\x03")
        assert terminal.end() == 130, terminal.shown
    screen = pyte.Screen(80, 40)
    pyte.Stream(screen).feed(terminal.shown)
    assert "stopped waiting; 2 jobs go on" in [line.rstrip() for line in screen.display]
