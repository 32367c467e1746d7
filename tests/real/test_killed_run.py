"""A run over many documents that is killed at random moments: nothing lost, nothing paid twice."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, Service
from tests.real.machine import Machine

DOCUMENTS = 60
AT_A_TIME = 8
KILLS = 6


def folder_of(machine: Machine) -> list[Path]:
    """Sixty documents, two of them with the same content, in three folders."""
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


def rows(machine: Machine) -> list[dict[str, object]]:
    return [json.loads(line) for line in machine.run("jobs", "list", "--json").out.splitlines()]


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_at_random_moments_resume_completes_the_run(
    machine: Machine, service: Service, seed: int
) -> None:
    folder_of(machine)
    chance = random.Random(seed)
    for _ in range(KILLS):
        target = len(service.calls) + chance.randrange(1, 40)
        with machine.start(*command()) as running:
            service.until_any(target, running.process.poll)
            running.send(signal.SIGKILL)
            running.process.wait()
        whole_outputs(machine)
    done = machine.run(*command())
    assert done.code == 0, done.err
    assert len(whole_outputs(machine)) == DOCUMENTS
    assert len(done.out.splitlines()) == DOCUMENTS
    unknown = [row for row in rows(machine) if row["state"] == "unknown"]
    different = DOCUMENTS - 1
    assert different <= service.count(SUBMIT) <= different + len(unknown)
    assert len(unknown) <= KILLS * AT_A_TIME


def test_ctrl_c_at_random_moments_resume_submits_nothing_twice(machine: Machine, service: Service) -> None:
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
