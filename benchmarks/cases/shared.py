"""The ledger in PostgreSQL: a cluster of the benchmark's own, with fsync, on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.cases.case import Case, Figure, Variant, over
from benchmarks.cases.many import parse_listed
from benchmarks.measure import Failed, Sample, Stand, measure

_ROOT = Path(__file__).parents[2]
_JOBS = 1000
_CLIENTS, _JOBS_EACH = 32, 150


@contextmanager
def _ledger() -> Iterator[str]:
    """The address of an empty ledger. Failed where PostgreSQL or what speaks to it is not installed."""
    try:
        import pytest

        from tests.postgres import Server
    except ImportError as error:
        raise Failed(f"left out: {error.name} is not installed") from None
    try:
        server = Server("fsync=on")
    except pytest.skip.Exception as error:
        raise Failed(f"left out: {error}") from None
    try:
        yield server.url()
    finally:
        server.delete()


def _run(stand: Stand, **settings: str) -> Sample:
    state = {**stand.state("shared"), **settings}
    shutil.rmtree(state["DOCSPEED_STATE_DIR"], ignore_errors=True)
    with stand.exactly(_JOBS):
        return measure(parse_listed(stand), state, stdin=stand.listed(_JOBS), jobs=_JOBS)


def _shared_run(stand: Stand) -> Sample:
    with _ledger() as url:
        return _run(stand, DOCSPEED_LEDGER=url)


def _clients(stand: Stand) -> Sample:
    with _ledger() as url:
        env = {**stand.env, "PYTHONPATH": str(_ROOT), "DOCSPEED_LEDGER": url}
        argv = [stand.python, "-m", "benchmarks.clients", str(_CLIENTS), str(_JOBS_EACH)]
        return measure(argv, env, jobs=_CLIENTS * _JOBS_EACH)


def _variants(stand: Stand) -> dict[str, Variant]:
    return {"PostgreSQL": partial(_shared_run, stand), "SQLite": partial(_run, stand)}


SHARED_RUN = Case(
    "shared-run",
    "1,000 jobs at concurrency 32, with the ledger in PostgreSQL on loopback and in SQLite",
    7,
    _variants,
    (Figure("1,000 jobs, PostgreSQL / SQLite", over("PostgreSQL", "SQLite"), 1.3),),
    warm=False,
)
SHARED_CLIENTS = Case(
    "shared-clients",
    "32 processes that record whole jobs in one ledger in PostgreSQL, without a server for documents",
    5,
    lambda stand: {"32 clients": partial(_clients, stand)},
    (
        Figure(
            "jobs recorded by 32 clients of one ledger",
            lambda found, cost: found["32 clients"].jobs / cost(found["32 clients"]),
            300,
            unit="/s",
            at_least=True,
            timed=False,
        ),
    ),
    warm=False,
)
