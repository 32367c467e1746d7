"""Machines with empty disks and one ledger, killed at random moments: nothing lost, nothing paid twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fake_service import SUBMIT, Service
from tests.postgres import Server
from tests.real.machine import DOCSPEED, Machine

MACHINES = int(os.environ.get("FLEET_MACHINES", "3"))
DOCUMENTS = int(os.environ.get("FLEET_DOCUMENTS", "24"))
KILLS = int(os.environ.get("FLEET_KILLS", "5"))


class Member:
    """One machine of the fleet, with a process group that can be killed."""

    def __init__(self, machine: Machine, ledger: str, documents: Path) -> None:
        self.machine = machine
        self.env = {"DOCSPEED_LEDGER": ledger}
        # One request at a time: a kill leaves no more than one submission under way.
        self.argv = ["parse", str(documents), "--recursive", "--wait", "-o", "out/", "--concurrency", "1"]
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the run, or start it again where it was killed: on an empty disk."""
        self.machine.folder.mkdir(parents=True, exist_ok=True)
        with (self.machine.folder / "err").open("ab") as err:
            return subprocess.Popen(
                [str(DOCSPEED), *self.argv],
                env=self.machine.env(self.env),
                cwd=self.machine.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                start_new_session=True,
            )

    def kill(self) -> bool:
        """Kill the whole group; False if it had ended."""
        if self.process.poll() is not None:
            return False
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = self.start()
        return True


@contextmanager
def fleet(tmp_path: Path, base_url: str, ledger: str) -> Iterator[list[Member]]:
    documents = tmp_path / "documents"
    documents.mkdir()
    for number in range(DOCUMENTS):
        (documents / f"{number}.pdf").write_bytes(b"%PDF-1.4\n" + str(number).encode() + b"\n%%EOF\n")
    members = [
        Member(Machine(tmp_path / f"machine{number}", base_url), ledger, documents)
        for number in range(MACHINES)
    ]
    try:
        yield members
    finally:
        for member in members:
            member.process.kill()
            member.process.wait()


def test_fleet_killed_at_random_moments_pays_once_for_each_document(
    tmp_path: Path, service: Service, postgres_server: Server
) -> None:
    postgres_server.empty()
    chance, killed = random.Random(7), 0
    ledger = postgres_server.url()
    with service.listening() as base_url, fleet(tmp_path, base_url, ledger) as members:
        for _ in range(KILLS):
            target = len(service.calls) + chance.randrange(1, 3 * DOCUMENTS // KILLS)
            service.until_any(target, lambda: next((m.process.poll() for m in members), None))
            killed += chance.choice(members).kill()
        assert [member.process.wait() for member in members] == [0] * MACHINES
        listed = members[0].machine.run("jobs", "list", "--json", env={"DOCSPEED_LEDGER": ledger})
    rows = [json.loads(line) for line in listed.out.splitlines()]
    unknown = [row for row in rows if row["state"] == "unknown"]
    assert killed and len(unknown) <= killed
    paid = Counter(service.files[body["input"]["file_id"]] for body in service.accepted)
    assert len(paid) == DOCUMENTS
    assert service.count(SUBMIT) <= DOCUMENTS + len(unknown), "one more for each unknown outcome"
    assert len(service.jobs.keys() - {row["job_id"] for row in rows}) <= len(unknown), "lost"
    for member in members:
        results = list((member.machine.folder / "out").glob("*.json"))
        assert len(results) == DOCUMENTS
        assert all(json.loads(path.read_bytes()) for path in results)
        assert b"Traceback" not in (member.machine.folder / "err").read_bytes()
