"""Many processes at once: one job for one request, and a ledger row for each different request."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.real.machine import Machine
from tests.stage import Clock, Stage, file_ids

_HOLDER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.lockf(descriptor, fcntl.LOCK_EX)
print("holding", flush=True)
sys.stdin.read()
"""

PROCESSES = 8


def run_many(machine: Machine, commands: Sequence[tuple[str, ...]]) -> list[bytes]:
    """Run these commands at once and return what each prints."""
    with ExitStack() as stack:
        running = [stack.enter_context(machine.start(*argv)) for argv in commands]
        ended = [one.end() for one in running]
    assert not [done for done in ended if done.code], "a process failed"
    return [done.out for done in ended]


def document(folder: Path) -> str:
    path = folder / "a.pdf"
    path.write_bytes(b"%PDF-1.4\nthe same for all\n%%EOF\n")
    return str(path)


def test_processes_with_same_request_submit_one_job(machine: Machine, service: Service) -> None:
    path = document(machine.folder)
    printed = run_many(machine, [("parse", path)] * PROCESSES)
    jobs = [json.loads(out) for out in printed]
    assert {job["job_id"] for job in jobs} == {"job_1"}
    assert sorted(job.get("reused", False) for job in jobs) == [False] + [True] * (PROCESSES - 1)
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1)


def test_processes_with_different_requests_keep_all_rows(machine: Machine, service: Service) -> None:
    path = document(machine.folder)
    commands = [("parse", path, "--set", f"n={n}") for n in range(PROCESSES)]
    printed = run_many(machine, commands)
    ids = {json.loads(out)["job_id"] for out in printed}
    done = machine.here("jobs", "list", "--format", "id")
    assert set(done.out.decode().split()) == ids
    assert (service.count(UPLOAD), service.count(SUBMIT), len(ids)) == (1, PROCESSES, PROCESSES)


def test_processes_with_same_sync_request_submit_once(machine: Machine, service: Service) -> None:
    printed = run_many(machine, [("parse", "--file-id", "f", "--sync")] * PROCESSES)
    assert len(set(printed)) == 1
    assert service.count(SUBMIT) == 1


def test_processes_with_same_request_on_a_lagging_server_submit_one_job(
    machine: Machine, service: Service
) -> None:
    """The server knows a new job only after a second; no process takes it for gone before."""
    service.lag = 1.0
    printed = run_many(machine, [("parse", "--file-id", "f", "--wait")] * 5)
    assert set(printed) == {service.results["job_1"] + b"\n"}
    assert service.count(SUBMIT) == 1


# -- locks that another process holds


@contextmanager
def every_lock_held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds the lock of every request and upload."""
    path = folder / "state" / "locks"
    path.parent.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "holding\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", [SUBMIT, UPLOAD])
def test_processes_timeout_beside_a_stopped_process_names_it(
    machine: Machine, service: Service, kind: str
) -> None:
    """Without a timeout the command says what it waits for, and goes on once the other one does."""
    path = document(machine.folder)
    other = ("parse", path, "--wait", *(() if kind == SUBMIT else ("--set", "n=1")))
    held = service.hold(kind)
    with machine.start("parse", path) as stopped:
        held.wait()
        stopped.send(signal.SIGSTOP)
        done = machine.run(*other, "--timeout", "0.2s", "--json")
        assert (done.code, done.out) == (8, b"")
        error = json.loads(done.err.splitlines()[-1])["error"]
        assert error["code"] == "pending"
        assert f"while process {stopped.process.pid} " in error["message"]
        with machine.start(*other) as waiting:
            waiting.line_with(f"note: waiting for process {stopped.process.pid}, which ")
            stopped.send(signal.SIGCONT)
            held.release.set()
            assert stopped.end().code == 0
            assert waiting.end().code == 0
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1 if kind == SUBMIT else 2)


def test_processes_timeout_over_many_ends_while_another_process_holds_the_locks(
    stage: Stage, service: Service
) -> None:
    with every_lock_held(stage.folder) as other:
        ran = stage.run("parse", *file_ids("f", "g"), "--wait", "--timeout", "3", "--concurrency", "1")
    assert (ran.code, service.count(SUBMIT)) == (8, 0)
    assert ran.err.count(f"waiting for process {other.pid}") == 1
    assert "--timeout ran out" in ran.err
    assert 3 <= stage.clock.time < 4


class Ending(Clock):
    """A clock that ends a process after half a minute of sleep."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__()
        self.process = process

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.time > 30 and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_processes_upload_says_which_process_it_waits_for(tmp_path: Path, service: Service) -> None:
    with every_lock_held(tmp_path) as other:
        stage = Stage(tmp_path, service, clock=Ending(other))
        ran = stage.run("upload", stage.document("a.pdf"))
    assert (ran.code, service.count(UPLOAD)) == (0, 1)
    assert f"note: waiting for process {other.pid}, which uploads the same document" in ran.err
