"""The ledger's promises hold in any order of commands, and wherever the program is killed.

Each event is checked from outside as it happens. A kill restores the state folder as it was at that moment,
so that no clean-up of the program counts.
"""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from docspeed_cli.cli.main import main
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.signals import Interrupts
from tests.fake_service import SUBMIT, Service
from tests.stage import Clock, Ran, Stage, Stream

DOCUMENTS = st.sampled_from(["a", "b", "c"])
MOST_EVENTS = 40
"""Largest number of events before a kill; most of the commands here have fewer."""
UNUSABLE = ("failed", "lost")


def rows_in_file(folder: Path) -> list[tuple[Any, ...]]:
    """Return what another program finds in the ledger now."""
    with closing(sqlite3.connect(folder / "state" / "ledger.db")) as db:
        return db.execute("SELECT state, job_id FROM jobs").fetchall()


class Watched(io.BytesIO):
    """A stream that calls `before_write` ahead of each write."""

    def __init__(self, before_write: Callable[[], None]) -> None:
        super().__init__()
        self._before_write = before_write

    def write(self, chunk: Any) -> int:
        self._before_write()
        return super().write(chunk)


def test_ledger_row_precedes_submission_and_job_id_precedes_output(tmp_path: Path, service: Service) -> None:
    seen: list[tuple[str, list[tuple[Any, ...]]]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(("sent", rows_in_file(tmp_path)))
        inner = service.transport("")
        assert isinstance(inner, httpx.MockTransport)
        return inner.handle_request(request)

    out, clock = Watched(lambda: seen.append(("printed", rows_in_file(tmp_path)))), Clock()
    environment = Environment(
        env=Stage(tmp_path).base(),
        stdin=Stream(),
        stdout=io.TextIOWrapper(out, encoding="utf-8", write_through=True),
        stderr=Stream(),
        interrupts=Interrupts(),
        now=clock.now,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        transport=lambda base_url: httpx.MockTransport(handle),
    )
    assert main(["parse", "--file-id", "f"], environment) == 0
    assert seen[0] == ("sent", [("submitting", None)])
    assert seen[1] == ("printed", [("running", "job_1")])


class Killed(BaseException):
    """Stands for the kill: it unwinds the program from wherever it is."""


class KillingClock(Clock):
    """A clock that kills the program at the n-th event: a reading of the clock, a request or a response."""

    def __init__(self, on_kill: Callable[[], None]) -> None:
        super().__init__()
        self.left = -1
        self._on_kill = on_kill

    def tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._on_kill()
            raise Killed

    def now(self) -> float:
        self.tick()
        return super().now()

    def monotonic(self) -> float:
        self.tick()
        return super().monotonic()


class Promises(RuleBasedStateMachine):
    """One user, three documents, a server, and a program that may be killed at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.service = Service()
        self.clock = KillingClock(self._snapshot)
        self.stage = Stage(self.home, self.service, clock=self.clock, transport=self._transport)
        self.taken: dict[str, set[str]] = {name: set() for name in "abc"}
        """The jobs that the server accepted for each document, without those that the user forgot."""
        self.paid_inline: Counter[str] = Counter()
        self.fates: dict[str, str] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.home)

    # -- the server and the program

    def _transport(self, base_url: str) -> httpx.BaseTransport:
        inner = self.service.transport(base_url)

        def handle(request: httpx.Request) -> httpx.Response:
            self.clock.tick()
            assert isinstance(inner, httpx.MockTransport)
            before = set(self.service.jobs)
            response = inner.handle_request(request)
            self._record(request, set(self.service.jobs) - before)
            self.clock.tick()
            return response

        return httpx.MockTransport(handle)

    def _record(self, request: httpx.Request, new: set[str]) -> None:
        if request.method != "POST":
            return
        body = json.loads(request.content)
        name = body["input"]["file_id"]
        self.taken[name] |= new
        self.paid_inline[name] += not new
        for job_id in new:
            self._set_fate(job_id, "processing")

    def _set_fate(self, job_id: str, fate: str) -> None:
        self.fates[job_id] = fate
        if fate == "lost":
            self.clock.time += 60.0  # a job that is new may be unknown for some seconds
            if self.service.jobs.pop(job_id, None):
                self.service.jobs[f"once {job_id}"] = {}  # so that no other job gets its id
            self.service.results.pop(job_id, None)
        else:
            self.service.has(job_id, fate, result=self.service.results.get(job_id, b"{}"), operation="parse")

    def _snapshot(self) -> None:
        """Copy the state folder as a kill would leave it."""
        shutil.rmtree(self.home / "then", ignore_errors=True)
        state = self.home / "state"
        if state.exists():
            shutil.copytree(state, self.home / "then", ignore=shutil.ignore_patterns("*-shm"))

    def _run(self, *argv: str, dies: int = 0) -> Ran | None:
        """Run the program; return None if it was killed."""
        self.clock.left = dies
        try:
            ran = self.stage.run(*argv)
        except Killed:
            shutil.rmtree(self.home / "state", ignore_errors=True)
            if (self.home / "then").exists():
                (self.home / "then").rename(self.home / "state")
            return None
        finally:
            self.clock.left = -1
        assert ran.code in (0, 5, 6, 8), ran.err
        assert "warning: the ledger" not in ran.err
        return ran

    def _rows(self) -> list[dict[str, Any]]:
        return self.stage.rows()

    def _answered(self, name: str) -> bool:
        """Return whether a job in the ledger still answers this request: its result is kept, or there."""
        rows = [row for row in self._rows() if row["file_id"] == name]
        if {row["job_id"] for row in rows if row["state"] == "done"} & self._kept():
            return True
        known = [row["job_id"] for row in rows if row["job_id"]]
        inline = any(job_id.startswith("@") for job_id in known)
        return inline or any(self.fates.get(job_id) not in (None, *UNUSABLE) for job_id in known)

    def _kept(self) -> set[str]:
        with closing(sqlite3.connect(self.home / "state" / "ledger.db")) as db:
            return {job for (job,) in db.execute("SELECT job FROM kept")}

    # -- events

    @rule(
        name=DOCUMENTS,
        how=st.sampled_from([(), ("--wait", "--timeout", "3"), ("--sync",)]),
        dies=st.integers(1, MOST_EVENTS),
    )
    def submit(self, name: str, how: tuple[str, ...], dies: int) -> None:
        answered, before = self._answered(name), self.service.count(SUBMIT)
        ran = self._run("parse", "--file-id", name, *how, dies=dies)
        paid = self.service.count(SUBMIT) - before
        assert paid <= (0 if answered else 1), "paid twice"
        if ran is not None and ran.code == 0 and not answered:
            assert paid == 1

    @rule(name=DOCUMENTS, dies=st.integers(1, MOST_EVENTS))
    def submit_fresh(self, name: str, dies: int) -> None:
        before = self.service.count(SUBMIT)
        ran = self._run("parse", "--file-id", name, "--fresh", dies=dies)
        assert self.service.count(SUBMIT) - before == 1 or ran is None

    @precondition(lambda self: self.fates)
    @rule(data=st.data(), fate=st.sampled_from(["completed", "failed", "lost"]))
    def server_changes_a_job(self, data: st.DataObject, fate: str) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.fates)))
        if self.fates[job_id] == "processing" or fate == "lost":
            self._set_fate(job_id, fate)

    @rule(name=DOCUMENTS, dies=st.integers(1, MOST_EVENTS))
    def refresh(self, name: str, dies: int) -> None:
        if self.taken[name] & {row["job_id"] for row in self._rows()}:
            self._run("jobs", "list", "--refresh", dies=dies)

    @rule(name=DOCUMENTS)
    def forget(self, name: str) -> None:
        rows = self._rows()
        gone = [row for row in rows if row["file_id"] == name]
        if not gone:
            return
        self._run("jobs", "forget", "--yes", *(row["job_id"] or f"@{row['row']}" for row in gone))
        assert self._rows() == [row for row in rows if row not in gone], "another job was forgotten too"
        self.taken[name].clear()
        self.paid_inline[name] = 0

    # -- promises

    @invariant()
    def every_job_is_known_or_its_submission_is_unknown(self) -> None:
        rows = self._rows()
        for name, taken in self.taken.items():
            here = [row for row in rows if row["file_id"] == name]
            known = {row["job_id"] for row in here}
            inline = sum(row["state"] == "done" and str(row["job_id"]).startswith("@") for row in here)
            unknown = sum(row["state"] == "unknown" for row in here)
            assert len(taken - known) + max(0, self.paid_inline[name] - inline) <= unknown
            assert not [row for row in here if row["state"] == "submitting"]


TestLedgerPromises = Promises.TestCase
TestLedgerPromises.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
