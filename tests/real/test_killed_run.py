"""A run over many documents that is killed at random moments: nothing lost, nothing paid twice."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fake_service import NO_SUCH_JOB, POLL, SUBMIT, Call, Reply, Service
from tests.real.machine import Machine

DOCUMENTS = 30
AT_A_TIME = 8
KILLS = 4


class Unsteady(Service):
    """A service that does not know a new job at its first looks, behind a gateway with a page of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._looks: Counter[str] = Counter()

    def _next(self, call: Call) -> Reply:
        self._looks[call.path] += call.kind == POLL
        if call.kind == POLL and self._looks[call.path] <= 3:
            return NO_SUCH_JOB
        if call.kind == POLL and self._looks[call.path] == 4:
            return Reply(404, b"<html>404 Not Found</html>", {"Content-Type": "text/html"})
        return super()._next(call)

    def paid(self) -> Counter[bytes]:
        """How many submissions of each content were accepted."""
        return Counter(self.files[body["input"]["file_id"]] for body in self.accepted)

    def contents(self, file_ids: Iterable[str]) -> Counter[bytes]:
        """How often each content is among these files."""
        return Counter(self.files[file_id] for file_id in file_ids)


@pytest.fixture
def service() -> Unsteady:
    return Unsteady()


def folder_of(machine: Machine) -> list[Path]:
    """Thirty documents, two of them with the same content, in three folders."""
    made = []
    for number in range(DOCUMENTS):
        path = machine.folder / "in" / f"box{number % 3}" / f"{number}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.4\n" + str(max(number, 1)).encode() + b"\n%%EOF\n")
        made.append(path)
    return made


def command() -> list[str]:
    return ["parse", "in", "--recursive", "--wait", "-o", "out", "--concurrency", str(AT_A_TIME)]


def whole_outputs(machine: Machine) -> list[Path]:
    """Return the output files; each must be complete, however the run ended."""
    found = list((machine.folder / "out").rglob("*.json"))
    for path in found:
        json.loads(path.read_bytes())
    return found


def rows(machine: Machine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in machine.here("jobs", "list", "--json").out.splitlines()]


def under_way(machine: Machine) -> dict[int, str]:
    """Return the file of each submission that the ledger has no outcome of, by its row."""
    path = machine.folder / "state" / "ledger.db"
    with closing(sqlite3.connect(path)) as db, suppress(sqlite3.OperationalError):  # no table yet
        return dict(db.execute("SELECT row, file_id FROM jobs WHERE state = 'submitting'"))
    return {}


def check_runs(machine: Machine) -> None:
    """Each run is recorded: the last one as finished, the others with what ended before the kill."""
    runs = [json.loads(line) for line in machine.here("runs", "list", "--json").out.splitlines()]
    assert [run["previous"] for run in runs] == [*(run["run"] for run in runs[1:]), None]
    assert (runs[0]["status"], runs[0]["done"]) == ("finished", DOCUMENTS)
    killed = [run for run in runs if run["status"] == "stopped"]
    assert {run["stopped"] for run in killed} == {"the program was killed"}
    assert all(run["done"] + run["running"] + run["unknown"] <= DOCUMENTS for run in killed)
    assert max(run["done"] for run in killed) > 0


def test_kill_9_at_random_moments_pays_again_only_for_what_was_under_way(
    machine: Machine, service: Unsteady
) -> None:
    folder_of(machine)
    chance = random.Random(1)
    killed: dict[int, str] = {}
    for _ in range(KILLS):
        target = len(service.calls) + chance.randrange(1, 40)
        with machine.start(*command()) as running:
            service.until_any(target, running.process.poll)
            with suppress(subprocess.TimeoutExpired):  # a moment between two requests, too
                running.process.wait(chance.random() * 0.03)
            running.send(signal.SIGKILL)
            running.process.wait()
        whole_outputs(machine)
        left = under_way(machine)
        assert len(left) <= AT_A_TIME
        killed |= left
    done = machine.run(*command())
    assert done.code == 0, done.err
    assert len(whole_outputs(machine)) == len(done.out.splitlines()) == DOCUMENTS
    found = rows(machine)
    unknown = {row["row"] for row in found if row["state"] == "unknown"}
    assert unknown == set(killed), "exactly those that were under way are reported as unknown"
    paid, excused = service.paid(), service.contents(killed.values())
    assert len(paid) == DOCUMENTS - 1
    assert not {content: n for content, n in paid.items() if n > 1 + excused[content]}, "paid twice"
    assert len(service.jobs.keys() - {row["job_id"] for row in found}) <= len(unknown), "lost"
    check_runs(machine)


def test_ctrl_c_at_random_moments_resume_submits_nothing_twice(machine: Machine, service: Unsteady) -> None:
    folder_of(machine)
    chance = random.Random(3)
    for _ in range(KILLS):
        target = len(service.calls) + chance.randrange(1, 40)
        with machine.start(*command()) as running:
            service.until_any(target, running.process.poll)
            running.send(signal.SIGINT)
            done = running.end()
            assert done.code in (0, 130), done.err
            assert "Traceback" not in done.err
    done = machine.run(*command())
    assert done.code == 0, done.err
    assert len(whole_outputs(machine)) == DOCUMENTS
    assert service.count(SUBMIT) == DOCUMENTS - 1
    assert not [row for row in rows(machine) if row["state"] == "unknown"]
    assert not list(machine.folder.rglob("*.part"))
