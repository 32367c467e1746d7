"""A ledger's file for the tests of the store, and jobs to record in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from docspeed_cli.core.models import Job, State
from docspeed_cli.store.ledger import Ledger

SERVER = "https://api.docspeed.ai"
KEY = "fingerprint"


class LedgerFile:
    """A ledger's file, the warnings that came, and a clock that ticks at each look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._ticks = itertools.count(1_000)

    def open(self, now: Callable[[], float] | None = None) -> Ledger:
        return Ledger(self.path, self.warnings.append, now or (lambda: float(next(self._ticks))))

    @property
    def folder(self) -> set[str]:
        return {path.name for path in self.path.parent.iterdir()}

    @property
    def damaged(self) -> list[Path]:
        """The files that were set aside, without their logs."""
        return list(self.path.parent.glob("ledger.damaged-*.db"))


@pytest.fixture
def file(tmp_path: Path) -> LedgerFile:
    return LedgerFile(tmp_path / "state" / "ledger.db")


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
