"""Signals and kills at every moment: the job goes on, and the next run knows of it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from docspeed_cli.core.environment import Interrupts
from docspeed_cli.core.errors import Interrupted
from tests.fake_service import POLL, RESULT, SUBMIT, UPLOAD, Service
from tests.real.machine import Machine

PARSE = ("parse", "--file-id", "f")
FOR_EVER = 10**9


def rows(machine: Machine) -> list[dict[str, object]]:
    """What `jobs list` holds."""
    done = machine.run("jobs", "list", "--json")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def hint_of(err: str) -> list[str]:
    """The command that the last hint names, word for word."""
    (*_, line) = [line for line in err.splitlines() if line.startswith("hint: ")]
    return shlex.split(line.removeprefix("hint: "))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("argv", [(*PARSE, "--wait"), ("jobs", "wait", "@last")], ids=" ".join)
def test_a_signal_stops_the_wait_and_never_the_job(
    machine: Machine, service: Service, number: signal.Signals, code: int, argv: tuple[str, ...]
) -> None:
    service.polls = FOR_EVER
    if argv[0] == "jobs":
        assert machine.run(*PARSE).code == 0
    with machine.start(*argv) as running:
        service.until(POLL, 1)
        running.send(number)
        done = running.end()
    assert (done.code, done.out) == (code, b"")
    assert "Traceback" not in done.err
    command = hint_of(done.err)
    assert command == ["docspeed", "jobs", "wait", "job_1"]
    service.polls = 1
    again = machine.bash(shlex.join(command))
    assert again.code == 0, again.err
    assert json.loads(again.out)["status"] == "completed"
    assert service.count(SUBMIT) == 1


def test_a_signal_stops_the_wait_for_many(machine: Machine, service: Service) -> None:
    service.polls = FOR_EVER
    with machine.start("parse", "--file-id", "a", "--file-id", "b", "--file-id", "c", "--wait") as running:
        service.until(POLL, 3)
        running.send(signal.SIGINT)
        done = running.end()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert len(rows(machine)) == service.count(SUBMIT) == 3
    command = hint_of(done.err)
    said = "docspeed parse --file-id a --file-id b --file-id c --wait"
    assert shlex.join(command) == said, "the command that takes up the run again"
    service.polls = 1
    again = machine.bash(said)
    assert (again.code, len(again.out.splitlines())) == (0, 3)
    assert service.count(SUBMIT) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_submission_loses_no_id(
    machine: Machine, service: Service, number: signal.Signals, code: int
) -> None:
    held = service.hold(SUBMIT)
    with machine.start(*PARSE) as running:
        held.wait()
        running.send(number)
        running.line_with("again to leave now")
        held.release.set()
        done = running.end()
    assert done.code == code
    (row,) = rows(machine)
    assert (row["job_id"], row["state"]) == ("job_1", "running")
    assert hint_of(done.err) == ["docspeed", "jobs", "wait", "job_1"]


STAGES = {UPLOAD: [], SUBMIT: ["running"], POLL: ["running"], RESULT: ["done"]}
"""What the ledger holds of a document whose run was stopped in the midst of this exchange."""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
@pytest.mark.parametrize("kind", STAGES)
def test_a_signal_in_the_midst_of_any_exchange(
    machine: Machine, service: Service, kind: str, number: signal.Signals, code: int
) -> None:
    (machine.folder / "a.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    held = service.hold(kind)
    with machine.start("parse", "a.pdf", "--wait") as running:
        held.wait()
        running.send(number)
        if kind == SUBMIT:
            running.line_with("again to leave now")
            held.release.set()
        done = running.end()
    held.release.set()
    assert (done.code, done.out, "Traceback" in done.err) == (code, b"", False)
    assert [row["state"] for row in rows(machine)] == STAGES[kind]
    assert not list(machine.folder.rglob("*.part"))
    again = machine.run("parse", "a.pdf", "--wait")
    assert again.code == 0, again.err
    assert service.count(SUBMIT) == 1


@pytest.mark.parametrize(
    "argv",
    [
        (*PARSE, "--wait", "-o", "r.json"),
        ("jobs", "result", "@last", "-o", "r.json"),
        ("chat", "how much?", "a.pdf"),
    ],
    ids=" ".join,
)
def test_a_signal_while_the_result_is_fetched_names_what_brings_it(
    machine: Machine, service: Service, argv: tuple[str, ...]
) -> None:
    (machine.folder / "a.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    if argv[0] == "jobs":
        assert machine.run(*PARSE).code == 0
    held = service.hold(RESULT)
    with machine.start(*argv) as running:
        held.wait()
        running.send(signal.SIGINT)
        done = running.end()
    held.release.set()
    assert (done.code, done.out) == (130, b"")
    assert "job job_1 has ended" in done.err
    to = ["-o", "r.json"] if "-o" in argv else []
    assert hint_of(done.err) == ["docspeed", "jobs", "result", "job_1", *to]
    assert machine.bash(shlex.join(hint_of(done.err))).code == 0
    assert service.count(SUBMIT) == 1


def test_a_signal_ends_a_look_at_many_within_a_second(machine: Machine, service: Service) -> None:
    """What only reads leaves nothing behind that were worth the 30 seconds a submission gets."""
    held = [service.hold(POLL) for _ in range(3)]
    with machine.start("jobs", "status", "job_1", "job_2", "job_3") as running:
        for one in held:
            one.wait()
        running.send(signal.SIGINT)
        done = running.end()
    for one in held:
        one.release.set()
    assert (done.code, "finishing" in done.err) == (130, False)


def test_a_run_that_is_stopped_says_how_far_it_has_come(machine: Machine, service: Service) -> None:
    held = service.hold(RESULT)
    with machine.start("parse", "--file-id", "a", "--file-id", "b", "--file-id", "c", "--wait") as running:
        held.wait()
        running.out_line()
        running.out_line()
        running.send(signal.SIGINT)
        held.release.set()
        done = running.end()
    assert done.code == 130
    assert re.search(r"stopped; [12] of 3 done, [12] more ha(s|ve) ended\n", done.err), done.err


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_a_signal_tells_a_script_too_how_to_go_on(machine: Machine, service: Service, flag: str) -> None:
    service.polls = FOR_EVER
    with machine.start(*PARSE, "--wait", flag) as running:
        service.until(POLL, 1)
        running.send(signal.SIGTERM)
        done = running.end()
    assert (done.code, done.out) == (143, b"")
    if flag == "--quiet":
        assert done.err == "hint: docspeed jobs wait job_1\n"
        return
    error = json.loads(done.err)["error"]
    assert (error["code"], error["job_id"], error["hint"]) == (
        "interrupted",
        "job_1",
        "docspeed jobs wait job_1",
    )


def test_a_signal_during_the_submissions_of_many_loses_no_id(machine: Machine, service: Service) -> None:
    held = [service.hold(SUBMIT) for _ in range(3)]
    with machine.start("parse", "--file-id", "a", "--file-id", "b", "--file-id", "c") as running:
        for one in held:
            one.wait()
        running.send(signal.SIGINT)
        for one in held:
            one.release.set()
        done = running.end()
    assert done.code == 130, done
    assert sorted(str(row["job_id"]) for row in rows(machine)) == ["job_1", "job_2", "job_3"]


_HANGING = """
import os, signal, sys, threading
from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.environment import Interrupts

interrupts = Interrupts()
interrupts.grace = 0.05
interrupts.install(sys.stderr)
try:
    with interrupts.shielded():
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait()
except Interrupted as interrupted:
    sys.exit(interrupted.exit_code)
"""


def test_a_submission_that_hangs_is_not_waited_for_without_end() -> None:
    done = subprocess.run([sys.executable, "-c", _HANGING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (143, 1)
    assert "(0.05 s at most)" in done.stderr


def test_a_second_signal_leaves_at_once(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    with machine.start(*PARSE) as running:
        held.wait()
        running.send(signal.SIGINT)
        running.line_with("again to leave now")
        running.send(signal.SIGINT)
        done = running.end()
        assert not held.release.is_set(), "the server has not answered yet"
        held.release.set()
    assert done.code == 130
    (row,) = rows(machine)
    assert (row["job_id"], row["state"]) == (None, "unknown")


def test_killed_during_the_submission(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    with machine.start(*PARSE, "--wait") as running:
        held.wait()
        running.send(signal.SIGKILL)
        running.end()
    held.release.set()
    (row,) = rows(machine)
    assert (row["job_id"], row["state"], row["status"]) == (None, "unknown", "unknown")
    again = machine.run(*PARSE, "--wait")
    assert again.code == 0
    assert "unknown outcome" in again.err and "again" in again.err
    tokens = {call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT}
    assert (service.count(SUBMIT), len(tokens)) == (2, 1)
    assert machine.run(*PARSE, "--wait").out == again.out
    assert service.count(SUBMIT) == 2


def test_killed_while_waiting(machine: Machine, service: Service) -> None:
    service.polls = FOR_EVER
    with machine.start(*PARSE, "--wait") as running:
        service.until(POLL, 1)
        running.send(signal.SIGKILL)
        running.end()
    service.polls = 1
    again = machine.run(*PARSE, "--wait")
    assert again.code == 0, again.err
    assert again.out == service.results["job_1"] + b"\n"
    assert service.count(SUBMIT) == 1


def test_killed_while_it_submits_many(machine: Machine, service: Service) -> None:
    argv = ["parse", "--wait", "--concurrency", "4", "-o", "out"]
    for n in range(20):
        argv += ["--file-id", f"f{n}"]
    service.polls = 2
    with machine.start(*argv) as running:
        service.until(SUBMIT, 7)
        running.send(signal.SIGKILL)
        running.end()
    known = rows(machine)
    assert len(known) >= len(service.jobs), "each job the server took is here, by its id or as unknown"
    lost = len([row for row in known if row["state"] == "unknown"])
    again = machine.run(*argv)
    assert again.code == 0, again.err
    assert len(list((machine.folder / "out").iterdir())) == 20
    assert len(service.jobs) <= 20 + lost
    assert lost <= 4


def test_a_wait_for_another_process_can_be_stopped(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    with machine.start(*PARSE) as first:
        held.wait()
        with machine.start(*PARSE, "--file-id", "g") as second:
            service.until(SUBMIT, 2)
            second.send(signal.SIGTERM)
            assert second.end().code == 143
        held.release.set()
        assert first.end().code == 0
    assert service.count(SUBMIT) == 2, "the other process's request was not submitted again"


_STUCK = """
import os, signal, sqlite3, sys
from docspeed_cli.core.environment import Interrupts

interrupts = Interrupts()
interrupts.install(sys.stderr)
with interrupts.shielded():
    db = sqlite3.connect(sys.argv[1], timeout=600, isolation_level=None)
    print("ready", flush=True)
    db.execute("BEGIN IMMEDIATE")
"""


def test_a_second_signal_is_heard_where_the_first_one_is_not(tmp_path: Path) -> None:
    """While SQLite waits for a lock, or the system for a name, Python hears nothing."""
    path = tmp_path / "held.db"
    held = sqlite3.connect(path, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    with subprocess.Popen([sys.executable, "-c", _STUCK, str(path)], stdout=subprocess.PIPE) as stuck:
        assert stuck.stdout is not None and stuck.stdout.readline() == b"ready\n"
        stuck.send_signal(signal.SIGINT)
        stuck.send_signal(signal.SIGTERM)
        assert stuck.wait(60) in (130, 143)
    held.close()


def test_a_forgiven_signal_is_not_the_first_of_two() -> None:
    interrupts = Interrupts()
    for _ in range(3):
        with pytest.raises(Interrupted) as caught:
            interrupts._handle(signal.SIGINT, None)
        assert interrupts.forgive(caught.value)


def test_a_signal_before_a_pause_ends_it_at_once() -> None:
    interrupts = Interrupts()
    with pytest.raises(Interrupted), interrupts.shielded():
        interrupts.pending = signal.SIGINT
        interrupts.sleep(600)


_MISSED = """
import os, signal, sys, threading
from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.environment import Interrupts
interrupts = Interrupts()
interrupts.install(sys.stderr)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    os.read(0, 1)
except Interrupted as interrupted:
    print(interrupted.exit_code)
"""


def test_a_signal_that_a_read_has_missed_ends_it_all_the_same() -> None:
    """Another thread gets it, as if it had come between the main thread's last look and its read."""
    with subprocess.Popen(
        [sys.executable, "-c", _MISSED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "130\n"
