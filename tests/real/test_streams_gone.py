"""Streams that take nothing: what can't be said ends nothing; a result that can't be written is a failure."""

from __future__ import annotations

import json

import pyte
import pytest

from docspeed_cli import __version__
from tests.fake_service import POLL, SUBMIT, Service
from tests.real.machine import Machine

BIG = json.dumps({"pages": [{"page_index": 0, "text": "x" * 1_000_000}]}).encode()
UNHEARD = ["2>/dev/full", "2> >(true)", "2>&-"]
FULL = "error: can't write to standard output: No space left on device\n"
CLOSED = "error: can't write to standard output: it is closed\n"


@pytest.mark.parametrize("flags", ["", "--verbose"])
@pytest.mark.parametrize("unheard", UNHEARD)
def test_a_result_is_whole_though_nobody_hears_the_rest(
    machine: Machine, service: Service, unheard: str, flags: str
) -> None:
    service.polls = 3
    done = machine.bash(f"docspeed parse --file-id f --wait {flags} {unheard}")
    assert (done.code, done.out) == (0, service.results["job_1"] + b"\n")
    assert machine.bash(f"docspeed parse missing.pdf {unheard}").code == 2


@pytest.mark.parametrize("unheard", UNHEARD)
def test_a_run_over_many_is_whole_though_nobody_hears_the_rest(
    machine: Machine, service: Service, unheard: str
) -> None:
    many = " ".join(f"--file-id f{number}" for number in range(12))
    done = machine.bash(f"docspeed parse {many} --wait --verbose {unheard}")
    assert (done.code, len(done.out.splitlines())) == (0, 12)
    assert all("result" in json.loads(line) for line in done.out.splitlines())


@pytest.mark.parametrize("unheard", ["", *UNHEARD])
def test_a_reader_of_the_result_that_leaves_ends_the_run(
    machine: Machine, service: Service, unheard: str
) -> None:
    service.payload = lambda operation, body: BIG
    script = f"docspeed parse --file-id f --wait {unheard} | head -c 10; x=${{PIPESTATUS[0]}}; echo; echo $x"
    assert machine.bash(script).out.splitlines() == [BIG[:10], b"141"]


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
def test_a_closed_standard_output_is_told_before_anything_is_sent(
    machine: Machine, service: Service, argv: str
) -> None:
    done = machine.bash(f"docspeed {argv} >&-")
    assert (done.code, done.err) == (1, CLOSED)
    assert service.calls == []
    error = json.loads(machine.bash(f"docspeed {argv} --json >&-").err)["error"]
    assert error["code"] == "write_failed"


@pytest.mark.parametrize("argv", ["jobs list", "config show", "--help", "parse --help", "--version"])
def test_words_that_a_closed_standard_output_does_not_take(machine: Machine, argv: str) -> None:
    assert machine.run("parse", "--file-id", "f").code == 0
    done = machine.bash(f"docspeed {argv} >&-")
    assert (done.code, done.err) == (1, CLOSED)


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_what_writes_nothing_to_standard_output_does_not_need_it(
    machine: Machine, service: Service, closed: str
) -> None:
    done = machine.bash(f"docspeed parse --file-id f --wait --quiet -o result.json {closed}")
    assert (done.code, done.err) == (0, "")
    assert (machine.folder / "result.json").read_bytes() == service.results["job_1"] + b"\n"
    assert machine.bash(f"docspeed jobs list --json {closed.replace('>&-', '', 1)}").code == 0


@pytest.mark.parametrize(
    "argv", ["--version", "-V", "--help", "parse --help", "help exit-codes", "jobs list"]
)
def test_a_full_disk_is_told_in_words_whatever_is_written(machine: Machine, argv: str) -> None:
    assert machine.run("parse", "--file-id", "f").code == 0
    done = machine.bash(f"docspeed {argv} >/dev/full")
    assert (done.code, done.err) == (1, FULL)


def test_a_version_that_nobody_reads(machine: Machine) -> None:
    done = machine.bash("docspeed --version | cat; (sleep 0.2; docspeed --version; echo $? >&2) | true")
    assert (done.out.decode(), done.err) == (f"docspeed {__version__}\n", "141\n")


# -- a terminal that is left at once


@pytest.mark.parametrize("flags", [("--file-id", "g"), ()], ids=["many", "one"])
def test_a_second_control_c_leaves_nothing_on_the_prompt_s_line(
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


def test_what_is_said_after_control_c_stands_in_the_place_of_its_echo(
    machine: Machine, service: Service
) -> None:
    service.polls = 10**9
    assert machine.run("parse", "--file-id", "a", "--file-id", "b").code == 0
    with machine.terminal("jobs", "wait", "@1", "@2", columns=80) as terminal:
        service.until(POLL, 2)
        terminal.type("\x03")
        assert terminal.end() == 130, terminal.shown
    screen = pyte.Screen(80, 40)
    pyte.Stream(screen).feed(terminal.shown)
    assert "stopped waiting; 2 jobs go on" in [line.rstrip() for line in screen.display]
