"""A ledger in each of its engines for the tests of the store, and jobs to record in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from docspeed_cli.core.ledger_address import ledger_address
from docspeed_cli.core.models import Job, State
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.postgres import PostgresDatabase
from tests.postgres import Server

SERVER = "https://api.docspeed.ai"
KEY = "fingerprint"


class Store:
    """A place for ledgers, the warnings that came, and a clock that ticks at each look."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._ticks = itertools.count(1_000)

    def open(self, now: Callable[[], float] | None = None) -> Ledger:
        raise NotImplementedError

    def skip_rows(self, last: int) -> None:
        """Let the next job have the row after this one."""
        raise NotImplementedError

    def tick(self) -> float:
        return float(next(self._ticks))


class LedgerFile(Store):
    """A ledger's file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def open(self, now: Callable[[], float] | None = None) -> Ledger:
        return Ledger(self.path, self.warnings.append, now or self.tick)

    def skip_rows(self, last: int) -> None:
        ledger = self.open()
        ledger.database.write("UPDATE sqlite_sequence SET seq = ? WHERE name = 'jobs'", [last])
        ledger.close()

    @property
    def folder(self) -> set[str]:
        return {path.name for path in self.path.parent.iterdir()}

    @property
    def damaged(self) -> list[Path]:
        """The files that were set aside, without their logs."""
        return list(self.path.parent.glob("ledger.damaged-*.db"))


class PostgresStore(Store):
    """A ledger in a database; pauses between tries to connect are counted, not slept."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.pauses: list[float] = []

    def open(self, now: Callable[[], float] | None = None) -> Ledger:
        return Ledger("", self.warnings.append, now or self.tick, self.connect(now))

    def skip_rows(self, last: int) -> None:
        database = self.connect()
        database.read("SELECT setval(pg_get_serial_sequence('jobs', 'row'), ?)", [last])
        database.close()

    def connect(self, now: Callable[[], float] | None = None) -> PostgresDatabase:
        address = ledger_address(self.url)
        assert address is not None
        return PostgresDatabase(address, self.warnings.append, now or self.tick, self.pauses.append)


@pytest.fixture
def file(tmp_path: Path) -> LedgerFile:
    return LedgerFile(tmp_path / "state" / "ledger.db")


@pytest.fixture
def postgres(postgres_server: Server) -> PostgresStore:
    """A database without tables."""
    postgres_server.empty()
    return PostgresStore(postgres_server.url())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.real)])
def store(request: pytest.FixtureRequest) -> Store:
    """Each engine in turn."""
    found: Store = request.getfixturevalue({"sqlite": "file"}.get(request.param, request.param))
    return found


def job(job_id: str | None = None, *, operation: str = "parse", **members: object) -> Job:
    plain = Job(
        operation=operation,
        status="submitting",
        state=State.SUBMITTING,
        job_id=job_id,
        request="digest",
        server=SERVER,
        key=KEY,
        input="a.pdf",
        submitted_at=1.0,
        token="token",
    )
    return plain._replace(**members)  # type: ignore[arg-type]


def ids(jobs: list[Job]) -> list[str | None]:
    return [found.job_id for found in jobs]
