"""The ledger's promises, whatever is done in whatever order, and wherever the program is killed in between.

What is promised of an order is looked at from outside, at the very moment. A kill is the state folder as it
is then: whatever the program does on its way out is undone.
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
from tests.fake_service import SUBMIT, Service
from tests.stage import Clock, Ran, Stage, Stream

DOCUMENTS = st.sampled_from(["a", "b", "c"])
LATE = 40
"""Few commands here look at the outside so often; a kill beyond a command's end is no kill."""
HOPELESS = ("failed", "lost")


def in_the_file(folder: Path) -> list[tuple[Any, ...]]:
    """What another program finds in the ledger now."""
    with closing(sqlite3.connect(folder / "state" / "ledger.db")) as db:
        return db.execute("SELECT state, job_id FROM jobs").fetchall()


class Watched(io.BytesIO):
    """Bytes of which each write is told, before it is done."""

    def __init__(self, told: Callable[[], None]) -> None:
        super().__init__()
        self._told = told

    def write(self, chunk: Any) -> int:
        self._told()
        return super().write(chunk)


def test_the_row_comes_before_the_submission_and_the_id_before_anything_is_printed(
    tmp_path: Path, service: Service
) -> None:
    seen: list[tuple[str, list[tuple[Any, ...]]]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(("sent", in_the_file(tmp_path)))
        inner = service.transport("")
        assert isinstance(inner, httpx.MockTransport)
        return inner.handle_request(request)

    out, clock = Watched(lambda: seen.append(("printed", in_the_file(tmp_path)))), Clock()
    world = Environment(
        env=Stage(tmp_path).base(),
        stdin=Stream(),
        stdout=io.TextIOWrapper(out, encoding="utf-8", write_through=True),
        stderr=Stream(),
        now=clock.now,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        transport=lambda base_url: httpx.MockTransport(handle),
    )
    assert main(["parse", "--file-id", "f"], world) == 0
    assert seen[0] == ("sent", [("submitting", None)])
    assert seen[1] == ("printed", [("running", "job_1")])


class Killed(BaseException):
    """The program has been killed."""


class Mortal(Clock):
    """A clock at whose n-th look, counting requests and answers too, the program dies."""

    def __init__(self, dies: Callable[[], None]) -> None:
        super().__init__()
        self.left = -1
        self._dies = dies

    def tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._dies()
            raise Killed

    def now(self) -> float:
        self.tick()
        return super().now()

    def monotonic(self) -> float:
        self.tick()
        return super().monotonic()


class Promises(RuleBasedStateMachine):
    """One user, three documents, a server, and a machine that may go down at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.service = Service()
        self.clock = Mortal(self._remember)
        self.stage = Stage(self.home, self.service, clock=self.clock, transport=self._transport)
        self.taken: dict[str, set[str]] = {name: set() for name in "abc"}
        """The jobs that the server has accepted for each document, and nobody has forgotten."""
        self.paid_inline: Counter[str] = Counter()
        self.fates: dict[str, str] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.home)

    # -- the world

    def _transport(self, base_url: str) -> httpx.BaseTransport:
        inner = self.service.transport(base_url)

        def handle(request: httpx.Request) -> httpx.Response:
            self.clock.tick()
            assert isinstance(inner, httpx.MockTransport)
            before = set(self.service.jobs)
            response = inner.handle_request(request)
            self._took(request, set(self.service.jobs) - before)
            self.clock.tick()
            return response

        return httpx.MockTransport(handle)

    def _took(self, request: httpx.Request, new: set[str]) -> None:
        if request.method != "POST":
            return
        body = json.loads(request.content)
        name = body["input"]["file_id"]
        self.taken[name] |= new
        self.paid_inline[name] += not new
        for job_id in new:
            self._let(job_id, "processing")

    def _let(self, job_id: str, fate: str) -> None:
        self.fates[job_id] = fate
        if fate == "lost":
            if self.service.jobs.pop(job_id, None):
                self.service.jobs[f"once {job_id}"] = {}  # so that its id is given to no other
            self.service.results.pop(job_id, None)
        else:
            self.service.has(job_id, fate, result=self.service.results.get(job_id, b"{}"), operation="parse")

    def _remember(self) -> None:
        """The state folder as a kill would leave it."""
        shutil.rmtree(self.home / "then", ignore_errors=True)
        state = self.home / "state"
        if state.exists():
            shutil.copytree(state, self.home / "then", ignore=shutil.ignore_patterns("*-shm"))

    def _run(self, *argv: str, dies: int = 0) -> Ran | None:
        """Run the program; None if it was killed."""
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
        """Whether the ledger holds something that answers this request, by the server's own account."""
        rows = [row for row in self._rows() if row["file_id"] == name]
        known = [row["job_id"] for row in rows if row["job_id"]]
        inline = any(job_id.startswith("@") for job_id in known)
        return inline or any(self.fates.get(job_id) not in (None, *HOPELESS) for job_id in known)

    # -- what happens

    @rule(
        name=DOCUMENTS,
        how=st.sampled_from([(), ("--wait", "--timeout", "3"), ("--sync",)]),
        dies=st.integers(1, LATE),
    )
    def submit(self, name: str, how: tuple[str, ...], dies: int) -> None:
        answered, before = self._answered(name), self.service.count(SUBMIT)
        ran = self._run("parse", "--file-id", name, *how, dies=dies)
        paid = self.service.count(SUBMIT) - before
        assert paid <= (0 if answered else 1), "nothing is paid for twice"
        if ran is not None and ran.code == 0 and not answered:
            assert paid == 1

    @rule(name=DOCUMENTS, dies=st.integers(1, LATE))
    def submit_afresh(self, name: str, dies: int) -> None:
        before = self.service.count(SUBMIT)
        ran = self._run("parse", "--file-id", name, "--fresh", dies=dies)
        assert self.service.count(SUBMIT) - before == 1 or ran is None

    @precondition(lambda self: self.fates)
    @rule(data=st.data(), fate=st.sampled_from(["completed", "failed", "lost"]))
    def the_server_goes_on(self, data: st.DataObject, fate: str) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.fates)))
        if self.fates[job_id] == "processing" or fate == "lost":
            self._let(job_id, fate)

    @rule(name=DOCUMENTS, dies=st.integers(1, LATE))
    def look(self, name: str, dies: int) -> None:
        if self.taken[name] & {row["job_id"] for row in self._rows()}:
            self._run("jobs", "list", "--refresh", dies=dies)

    @rule(name=DOCUMENTS)
    def forget(self, name: str) -> None:
        rows = self._rows()
        gone = [row for row in rows if row["file_id"] == name]
        if not gone:
            return
        self._run("jobs", "forget", *(row["job_id"] or f"@{row['row']}" for row in gone))
        assert self._rows() == [row for row in rows if row not in gone], "and nothing else is forgotten"
        self.taken[name].clear()
        self.paid_inline[name] = 0

    # -- what is promised

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


TestPromises = Promises.TestCase
TestPromises.settings = settings(
    max_examples=60, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
