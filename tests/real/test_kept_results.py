"""Kept results are whole or absent wherever the program is killed, and with two processes at once."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import sqlite3
from contextlib import closing

from tests.fake_service import RESULT, SUBMIT, Service
from tests.real.machine import Machine

DOCUMENTS = 24
KILLS = 8
COMMAND = ("parse", "--from", "ids.txt", "--wait", "--concurrency", "6")


def results(out: bytes) -> dict[str, str]:
    """Return the result of each input, as it was printed."""
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["input"]: json.dumps(line["result"]) for line in lines}


def expected(service: Service) -> set[str]:
    return {json.dumps(json.loads(result)) for result in service.results.values()}


def ids_of(machine: Machine, service: Service) -> None:
    """List documents with different results; all together fit into a pipe that is not read."""
    (machine.folder / "ids.txt").write_text("".join(f"f{number}\n" for number in range(DOCUMENTS)))

    def payload(operation: str, body: dict[str, object]) -> bytes:
        text = json.dumps(body["input"])
        return json.dumps({"pages": [text * (20 + len(service.jobs))]}).encode()

    service.payload = payload


def test_kill_9_at_random_moments_hands_over_no_torn_kept_result(machine: Machine, service: Service) -> None:
    ids_of(machine, service)
    chance = random.Random(13)
    for _ in range(KILLS):
        target = len(service.calls) + chance.randrange(1, 25)
        with machine.start(*COMMAND) as running:
            service.until_any(target, running.process.poll)
            running.send(signal.SIGKILL)
            running.process.wait()
    done = machine.run(*COMMAND)
    assert done.code == 0, done.err
    assert set(results(done.out).values()) <= expected(service)
    before = len(service.calls)
    again = machine.run(*COMMAND)
    assert (again.code, results(again.out)) == (0, results(done.out))
    assert len(service.calls) == before, "all results are kept"
    unknown = [row for row in machine.here("jobs", "list", "--json").out.splitlines() if b'"unknown"' in row]
    assert service.count(SUBMIT) <= DOCUMENTS + len(unknown)
    kept = machine.folder / "state" / "kept"
    with closing(sqlite3.connect(machine.folder / "state" / "ledger.db")) as db:
        digests = {digest for (digest,) in db.execute("SELECT digest FROM kept")}
    for digest in digests:
        assert hashlib.sha256((kept / digest[:2] / digest).read_bytes()).hexdigest() == digest


def test_two_processes_at_once_keep_and_evict_the_same_results(machine: Machine, service: Service) -> None:
    ids_of(machine, service)
    env = {"DOCSPEED_KEEP_RESULTS_TOTAL": "10 kB"}
    with machine.start(*COMMAND, env=env) as one, machine.start(*COMMAND, env=env) as other:
        done = [one.end(), other.end()]
    assert [each.code for each in done] == [0, 0], done
    assert results(done[0].out) == results(done[1].out)
    assert service.count(SUBMIT) == DOCUMENTS
    fetched = service.count(RESULT)
    assert results(machine.run(*COMMAND, env=env).out) == results(done[0].out)
    assert DOCUMENTS <= fetched < service.count(RESULT), "some were evicted and are fetched again"
