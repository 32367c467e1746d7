"""Signals and kills during each exchange: the job goes on, and the next run knows of it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, UPLOAD, Service
from tests.real.machine import Machine

PARSE = ("parse", "--file-id", "f")
FOR_EVER = 10**9


def rows(machine: Machine) -> list[dict[str, object]]:
    """Lines of `docspeed jobs list`."""
    done = machine.here("jobs", "list", "--json")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def hint_of(err: str) -> list[str]:
    """Words of the command in the last hint."""
    (*_, line) = [line for line in err.splitlines() if line.startswith("hint: ")]
    return shlex.split(line.removeprefix("hint: "))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("argv", [(*PARSE, "--wait"), ("jobs", "wait", "@last")], ids=" ".join)
def test_signal_while_waiting_stops_the_wait_not_the_job(
    machine: Machine, service: Service, number: signal.Signals, code: int, argv: tuple[str, ...]
) -> None:
    service.polls = FOR_EVER
    if argv[0] == "jobs":
        assert machine.here(*PARSE).code == 0
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


def test_signal_while_waiting_for_many_names_the_resume_command(machine: Machine, service: Service) -> None:
    service.polls = FOR_EVER
    with machine.start("parse", "--file-id", "a", "--file-id", "b", "--file-id", "c", "--wait") as running:
        service.until(POLL, 3)
        running.send(signal.SIGINT)
        done = running.end()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert len(rows(machine)) == service.count(SUBMIT) == 3
    command = shlex.join(hint_of(done.err))
    assert command == "docspeed parse --file-id a --file-id b --file-id c --wait"
    service.polls = 1
    again = machine.bash(command)
    assert (again.code, len(again.out.splitlines())) == (0, 3)
    assert service.count(SUBMIT) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_during_submission_keeps_the_job_id(
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
"""States in the ledger after a signal during this exchange."""


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        *((kind, signal.SIGINT, 130) for kind in STAGES),
        (SUBMIT, signal.SIGTERM, 143),
        (RESULT, signal.SIGTERM, 143),
        (UPLOAD, signal.SIGHUP, 129),
        (POLL, signal.SIGHUP, 129),
    ],
    ids=str,
)
def test_signal_during_any_exchange_leaves_a_resumable_ledger(
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
    again = machine.here("parse", "a.pdf", "--wait")
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
def test_signal_during_download_hints_at_jobs_result(
    machine: Machine, service: Service, argv: tuple[str, ...]
) -> None:
    (machine.folder / "a.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    if argv[0] == "jobs":
        assert machine.here(*PARSE).code == 0
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


@pytest.mark.parametrize("argv", [(*PARSE, "--wait"), ("jobs", "result", "@last")], ids=" ".join)
def test_signal_while_the_result_is_written_hints_at_jobs_result(
    machine: Machine, service: Service, argv: tuple[str, ...]
) -> None:
    service.payload = lambda operation, body: b'{"pages": ["' + b"x" * 1_000_000 + b'"]}'
    if argv[0] == "jobs":
        assert machine.here(*PARSE).code == 0
    with machine.start(*argv) as running:
        assert running.process.stdout is not None
        running.process.stdout.read(1)  # the rest does not fit into the pipe
        running.send(signal.SIGINT)
        done = running.end()
    assert done.code == 130
    assert hint_of(done.err) == ["docspeed", "jobs", "result", "job_1"]


def test_signal_during_jobs_status_of_many_exits_promptly(machine: Machine, service: Service) -> None:
    """Commands that only read lose nothing, so they get no 30 seconds of grace."""
    held = [service.hold(POLL) for _ in range(3)]
    with machine.start("jobs", "status", "job_1", "job_2", "job_3") as running:
        for one in held:
            one.wait()
        running.send(signal.SIGINT)
        done = running.end()
    for one in held:
        one.release.set()
    assert (done.code, "finishing" in done.err) == (130, False)


def test_signal_during_run_prints_counts_of_done_and_ended(machine: Machine, service: Service) -> None:
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
def test_signal_with_json_or_quiet_prints_the_hint(machine: Machine, service: Service, flag: str) -> None:
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


def test_signal_during_concurrent_submissions_keeps_all_job_ids(machine: Machine, service: Service) -> None:
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
from docspeed_cli.core.signals import Interrupts

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


def test_signal_during_hanging_submission_exits_after_grace() -> None:
    done = subprocess.run([sys.executable, "-c", _HANGING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (143, 1)
    assert "(at most 0.05 s)" in done.stderr


def test_second_signal_during_submission_exits_at_once(machine: Machine, service: Service) -> None:
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


def test_kill_during_submission_next_run_resubmits(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    with machine.start(*PARSE, "--wait") as running:
        held.wait()
        running.send(signal.SIGKILL)
        running.end()
    held.release.set()
    (row,) = rows(machine)
    assert (row["job_id"], row["state"], row["status"]) == (None, "unknown", "unknown")
    again = machine.here(*PARSE, "--wait")
    assert again.code == 0
    assert "unknown outcome" in again.err and "again" in again.err
    tokens = {call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT}
    assert (service.count(SUBMIT), len(tokens)) == (2, 1)
    assert machine.here(*PARSE, "--wait").out == again.out
    assert service.count(SUBMIT) == 2


def test_kill_while_waiting_next_run_reuses_the_job(machine: Machine, service: Service) -> None:
    service.polls = FOR_EVER
    with machine.start(*PARSE, "--wait") as running:
        service.until(POLL, 1)
        running.send(signal.SIGKILL)
        running.end()
    service.polls = 1
    again = machine.here(*PARSE, "--wait")
    assert again.code == 0, again.err
    assert again.out == service.results["job_1"] + b"\n"
    assert service.count(SUBMIT) == 1


def test_kill_during_run_next_run_resumes_it(machine: Machine, service: Service) -> None:
    argv = ["parse", "--wait", "--concurrency", "4", "-o", "out"]
    for n in range(20):
        argv += ["--file-id", f"f{n}"]
    service.polls = 2
    with machine.start(*argv) as running:
        service.until(SUBMIT, 7)
        running.send(signal.SIGKILL)
        running.end()
    known = rows(machine)
    assert len(known) >= len(service.jobs), "a row for each job that the server took"
    lost = len([row for row in known if row["state"] == "unknown"])
    again = machine.here(*argv)
    assert again.code == 0, again.err
    assert len(list((machine.folder / "out").iterdir())) == 20
    assert len(service.jobs) <= 20 + lost
    assert lost <= 4


def test_signal_while_waiting_for_another_process_exits(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    with machine.start(*PARSE) as first:
        held.wait()
        with machine.start(*PARSE, "--file-id", "g") as second:
            service.until(SUBMIT, 2)
            second.send(signal.SIGTERM)
            assert second.end().code == 143
        held.release.set()
        assert first.end().code == 0
    assert service.count(SUBMIT) == 2, "the request of the first process is not submitted twice"


_LIKE_WINDOWS = """
import os, signal, sys
from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.signals import Interrupts

sys.platform = "win32"
for name in ("SIGHUP", "SIGTSTP", "SIGALRM", "setitimer"):
    delattr(signal, name)
interrupts = Interrupts()
interrupts.install(sys.stderr)
done = False
try:
    with interrupts.drawing("<ending>"), interrupts.shielded():
        os.kill(os.getpid(), signal.SIGINT)
        done = True
except Interrupted as interrupted:
    print(done, interrupted.exit_code)
interrupts.uninstall()
"""


_BEFORE_AND_AFTER = """
import os, signal, sys
from docspeed_cli.cli import main
from docspeed_cli.core.signals import Interrupts

main._exit_at_signals()
if sys.argv[1] == "after":
    interrupts = Interrupts()
    interrupts.install(sys.stderr)
    interrupts.uninstall()
os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_without_our_handlers_exits_with_its_code(when: str, number: int, code: int) -> None:
    command = [sys.executable, "-c", _BEFORE_AND_AFTER, when, str(int(number))]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", "")


def test_signal_on_windows_still_waits_for_the_shield() -> None:
    """Windows has no SIGHUP, no SIGTSTP and no timer signal."""
    ran = subprocess.run([sys.executable, "-c", _LIKE_WINDOWS], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.returncode) == ("True 130\n", 0)
    assert "again to leave now" in ran.stderr


_IGNORED = """
import os, signal, sys
from docspeed_cli.core.environment import Environment
environment = Environment.real()
os.kill(os.getpid(), signal.SIGHUP)
print("goes on", flush=True)
"""


def test_signal_ignored_by_the_shell_stays_ignored() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _IGNORED],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None,
    )
    assert (ran.returncode, ran.stdout) == (0, "goes on\n")
