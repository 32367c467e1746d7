"""System calls that fail for the ledger lose no job: its id is printed, and no older row is lost.

The kernel itself fails them: as on a disk that is full from some byte on, in a folder that can only be read,
or in folders without locks or shared memory.
"""

from __future__ import annotations

import json
import shlex
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.fake_service import POLL, SUBMIT, Service
from tests.real import refusing
from tests.real.machine import Done, Machine

pytestmark = pytest.mark.skipif(not refusing.possible(), reason="this system can't be made to refuse calls")

NO_LOCKS = ("fcntl:1==6:ENOLCK", "fcntl:1==7:ENOLCK", "flock:ENOLCK")
NO_SHARED_MEMORY = ("mmap:3&1:ENODEV",)
READ_ONLY = ("openat:2&3:EROFS", "openat:2&64:EROFS", "mkdir:EROFS")


def full_from(page: int) -> str:
    """Return the rule for a disk with room for so many pages of the log: a row needs 5, its id 2 more."""
    return f"pwrite64:2>=24,3>={32 + page * (4096 + 24)}:ENOSPC"


def refused(machine: Machine, rules: tuple[str, ...], *argv: str) -> Done:
    """Run the program where these system calls fail."""
    program = [sys.executable, str(Path(refusing.__file__)), *rules, "--", "docspeed", *argv]
    return machine.bash(shlex.join(program))


def warnings(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("warning: ")]


def states(machine: Machine) -> dict[str | None, str]:
    """Return the state of each job in `jobs list`."""
    listed = machine.here("jobs", "list", "--json")
    assert (listed.code, listed.err) == (0, "")
    return {job["job_id"]: job["state"] for job in map(json.loads, listed.out.splitlines())}


@pytest.mark.parametrize("pages", [0, 4, 5, 6, 7, 8])
def test_ledger_disk_full_prints_the_job_id(machine: Machine, service: Service, pages: int) -> None:
    assert machine.here("parse", "--file-id", "before").code == 0
    done = refused(machine, (full_from(pages),), "parse", "--file-id", "f")
    assert done.code == 0, done.err
    assert json.loads(done.out)["job_id"] == "job_2"
    assert [("full" in warning) for warning in warnings(done)] == [True] * (pages < 7)
    after = states(machine)
    assert after.pop("job_1") == "running"
    assert after == ({} if pages < 5 else {None: "unknown"} if pages < 7 else {"job_2": "running"})


@pytest.mark.parametrize("pages", [0, 3, 6])
def test_ledger_disk_full_wait_names_the_job(machine: Machine, service: Service, pages: int) -> None:
    assert machine.here("parse", "--file-id", "before").code == 0
    done = refused(machine, (full_from(pages),), "parse", "--file-id", "f", "--wait")
    assert (done.code, done.out) == (0, service.results["job_2"] + b"\n"), done.err
    assert [("job_2 of f" in warning) for warning in warnings(done)] == [False, True]
    assert states(machine)["job_1"] == "running"


@pytest.mark.parametrize("flags", [("--json",), ("--quiet",), ("--file-id", "g")], ids=" ".join)
def test_ledger_unusable_names_the_job_before_a_kill_can_end_its_wait(
    machine: Machine, service: Service, flags: tuple[str, ...]
) -> None:
    service.polls = 10**9
    (machine.folder / "state" / "ledger.db").mkdir(parents=True)
    jobs = 1 + flags.count("g")
    with machine.start("parse", "--file-id", "f", "--wait", *flags) as running:
        service.until(POLL, jobs)
        running.send(signal.SIGKILL)
        done = running.end()
    assert [f"job_{number}" in done.err for number in range(1, jobs + 1)] == [True] * jobs


def test_ledger_unusable_interrupted_run_hints_at_waiting_for_its_jobs(
    machine: Machine, service: Service
) -> None:
    service.polls = 10**9
    (machine.folder / "state" / "ledger.db").mkdir(parents=True)
    with machine.start("parse", "--file-id", "f", "--file-id", "g", "--wait") as running:
        service.until(POLL, 2)
        running.send(signal.SIGINT)
        done = running.end()
    (hint,) = [line for line in done.err.splitlines() if line.startswith("hint: ")]
    assert sorted(hint.split()[-2:]) == ["job_1", "job_2"] and "jobs wait" in hint


def test_ledger_sync_fails_job_id_is_printed(machine: Machine) -> None:
    assert machine.here("parse", "--file-id", "before").code == 0
    done = refused(machine, ("fdatasync:EIO", "fsync:EIO"), "parse", "--file-id", "f")
    assert (done.code, json.loads(done.out)["job_id"]) == (0, "job_2"), done.err
    (warning,) = warnings(done)
    assert "disk I/O error" in warning
    assert states(machine)["job_1"] == "running"


def test_ledger_disk_full_at_first_start_job_id_is_printed(machine: Machine) -> None:
    done = refused(machine, ("pwrite64:ENOSPC",), "parse", "--file-id", "f")
    assert (done.code, json.loads(done.out)["job_id"]) == (0, "job_1"), done.err
    assert len(warnings(done)) == 1
    assert machine.here("parse", "--file-id", "g").err == ""


def test_ledger_disk_full_sync_result_is_printed(machine: Machine, service: Service) -> None:
    assert machine.here("parse", "--file-id", "before").code == 0
    payload = json.dumps({"pages": ["x" * 60_000]}).encode()
    service.payload = lambda operation, body: payload
    done = machine.bash("ulimit -f 48; docspeed parse --file-id f --sync")
    assert (done.code, done.out) == (0, payload + b"\n"), done.err
    assert len(warnings(done)) == 1
    assert states(machine) == {"job_1": "running", "@2": "done"}
    assert not list((machine.folder / "state").rglob("*.part"))


def test_ledger_disk_full_large_sync_result_is_an_unknown_outcome(machine: Machine, service: Service) -> None:
    """The server has done the work: the next run must say that it submits again."""
    service.payload = lambda operation, body: json.dumps({"pages": ["x" * 900_000]}).encode()
    done = machine.bash("ulimit -f 200; docspeed parse --file-id f --sync")
    assert (done.code, done.out) == (1, b""), done.err
    assert "error: the answer can't be stored" in done.err
    assert states(machine) == {None: "unknown"}
    again = machine.here("parse", "--file-id", "f", "--sync")
    assert again.code == 0
    assert "unknown outcome" in again.err


@pytest.mark.parametrize("there", [True, False], ids=["with a ledger", "without"])
def test_ledger_read_only_folder_is_still_read(machine: Machine, service: Service, there: bool) -> None:
    if there:
        assert machine.here("parse", "--file-id", "f").code == 0
    before = content(machine)
    done = refused(machine, READ_ONLY, "parse", "--file-id", "f")
    assert (done.code, json.loads(done.out)["job_id"]) == (0, "job_1"), done.err
    assert any("ledger" in warning for warning in warnings(done))
    assert service.count(SUBMIT) == 1, "the ledger can still be read"
    other = refused(machine, READ_ONLY, "parse", "--file-id", "g")
    assert (other.code, json.loads(other.out)["job_id"]) == (0, "job_2"), other.err
    assert content(machine) == before


def test_ledger_read_only_with_a_log_is_reported_by_doctor(machine: Machine) -> None:
    """SQLite can read such a file, with the log that another process has open, but not write it."""
    assert machine.here("parse", "--file-id", "f").code == 0
    with closing(sqlite3.connect(machine.folder / "state" / "ledger.db")) as other:
        other.execute("SELECT count(*) FROM jobs").fetchall()
        done = refused(machine, READ_ONLY, "doctor", "--json")
    checks = map(json.loads, done.out.splitlines())
    assert [check["ok"] for check in checks if check["check"] == "ledger"] == [False], done.out


def content(machine: Machine) -> dict[str, bytes]:
    state = machine.folder / "state"
    return {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()}


def test_ledger_folder_without_locks_job_ids_are_printed(machine: Machine, service: Service) -> None:
    assert machine.here("parse", "--file-id", "f").code == 0
    before = content(machine)
    done = refused(machine, NO_LOCKS, "parse", "--file-id", "f", "--file-id", "g")
    assert done.code == 0, done.err
    assert {json.loads(line)["job_id"] for line in done.out.splitlines()} == {"job_1", "job_2"}
    assert sorted("can't lock" in warning for warning in warnings(done)) == [False, True]
    assert service.count(SUBMIT) == 2
    assert content(machine) == before
    assert states(machine) == {"job_1": "running"}


def test_ledger_folder_without_shared_memory_keeps_rows(machine: Machine) -> None:
    """In some network folders SQLite can't have a write-ahead log; it has a rollback journal instead."""
    for number in (1, 2):
        done = refused(machine, NO_SHARED_MEMORY, "parse", "--file-id", f"f{number}")
        assert (done.code, done.err) == (0, "")
        assert json.loads(done.out)["job_id"] == f"job_{number}"
    again = refused(machine, NO_SHARED_MEMORY, "parse", "--file-id", "f1")
    assert json.loads(again.out)["reused"] is True
    assert states(machine) == {"job_1": "done", "job_2": "running"}


def test_ledger_moved_to_folder_without_shared_memory_is_read(machine: Machine) -> None:
    assert machine.here("parse", "--file-id", "f").code == 0
    again = refused(machine, NO_SHARED_MEMORY, "parse", "--file-id", "f")
    assert json.loads(again.out)["reused"] is True
    assert not warnings(again)
    assert states(machine) == {"job_1": "done"}
