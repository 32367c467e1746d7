"""Many processes at once: one job for one request, and a ledger row for each different request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.real.machine import Machine

PROCESSES = 20


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
    done = machine.run("jobs", "list", "--format", "id")
    assert set(done.out.decode().split()) == ids
    assert (service.count(UPLOAD), service.count(SUBMIT), len(ids)) == (1, PROCESSES, PROCESSES)


def test_processes_with_same_sync_request_submit_once(machine: Machine, service: Service) -> None:
    printed = run_many(machine, [("parse", "--file-id", "f", "--sync")] * PROCESSES)
    assert len(set(printed)) == 1
    assert service.count(SUBMIT) == 1
