"""Records runs over many inputs: when each one ran, and what became of every input."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from docspeed_cli.core.models import Job, State
from docspeed_cli.store.database import Database, repaired_row, upsert

_FLUSH_INTERVAL = 1.0
"""Most seconds until an ended input is in the file, so that `kill -9` loses only the last ones."""

_CODE = "CASE j.state WHEN 'failed' THEN 'job_failed' END"
_REASON = (
    "CASE j.state WHEN 'failed' THEN 'ended with status ' || j.status || coalesce(': ' || j.error, '')"
    " ELSE j.error END"
)
# A job that was not waited for, or no longer, goes on after the run: the ledger knows its state now. Jobs of
# a killed run that were under way have no item yet.
_ITEMS = f"""
    SELECT position, i.input, job_row, i.job_id, coalesce(j.state, i.state) AS state,
        coalesce(j.status, i.status) AS status, coalesce(i.code, {_CODE}) AS code,
        coalesce(i.reason, {_REASON}) AS reason, reused,
        coalesce(i.output, j.output) AS output, coalesce(i.pages, j.pages) AS pages, seconds
    FROM run_items AS i LEFT JOIN jobs AS j ON i.state = 'running' AND j.row = i.job_row
    WHERE i.run = ?1
    UNION ALL
    SELECT NULL, input, row, job_id, state, status, {_CODE}, {_REASON}, 0, output, pages, NULL FROM jobs AS j
    WHERE run = ?1 AND input NOT IN (SELECT input FROM run_items WHERE run = ?1 AND input IS NOT NULL)
"""


class RunRecord(NamedTuple):
    """One command over many inputs. Times are in seconds since 1970."""

    run: str
    name: str | None = None
    command_hash: str | None = None
    """Equal for the runs of one command, so that a resumed run finds the one before it."""
    operation: str | None = None
    server: str | None = None
    started_at: float | None = None
    ended_at: float | None = None
    """None while it runs, and for ever if the program was killed."""
    stopped: str | None = None
    """Why it ended before all of its inputs did."""
    previous: str | None = None
    """The run of the same command before this one."""
    results: str | None = None
    """Folder with a file for each result, or the file with all of them."""
    total: int | None = None
    """Number of inputs, where it was known at the start."""
    schema: str | None = None
    """JSON of the schema of an extraction; it names the columns of the results."""


class RunItem(NamedTuple):
    """What became of one input of a run."""

    position: int | None
    """Its place among the inputs, from 0; None if the program was killed before the input ended."""
    input: str | None
    job_row: int | None = None
    job_id: str | None = None
    state: str = State.DONE
    """A job's state, or how the input ended."""
    status: str | None = None
    code: str | None = None
    """The error's code."""
    reason: str | None = None
    """The error without the input's name."""
    reused: bool = False
    output: str | None = None
    pages: int | None = None
    seconds: float | None = None


class RunCounts(NamedTuple):
    """The inputs of a run by state, how many of those that are done were reused, and their pages."""

    states: Counter[str]
    reused: int
    pages: int | None
    """Pages of the results whose number of pages is known; None if none is."""


_RUN_COLUMNS = ", ".join(RunRecord._fields)
_SAVE_RUN = upsert("runs", RunRecord._fields, ("run",))
_SAVE_ITEM = upsert("run_items", ("run", *RunItem._fields), ("run", "position"))


def run_lock(run: str) -> str:
    """The digest under which a run's process holds a lock while it runs."""
    return hashlib.sha256(f"run {run}".encode()).hexdigest()


class Runs:
    """The runs in a ledger's database."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._flushed_at = 0.0

    def start(self, run: RunRecord) -> RunRecord:
        """Record that a run starts; returns it with its id, its start and the run before it."""
        # By `rowid`, not by time: the clock may have been set back since.
        sql = "SELECT run FROM runs WHERE command_hash = ? ORDER BY rowid DESC LIMIT 1"
        before = self._database.read(sql, [run.command_hash])
        previous = str(before[0][0]) if before else None
        run = run._replace(run=os.urandom(4).hex(), started_at=self._now(), previous=previous)
        self._database.write(_SAVE_RUN, run, sync=False)
        return run

    def record(self, run: str, item: RunItem) -> None:
        """Record what became of an input, with the next write or within a second."""
        self._database.write_later(_SAVE_ITEM, [run, *item])
        now = self._now()
        # Less than 0: the clock was set back, and no record may wait until it has caught up.
        if not 0 <= now - self._flushed_at < _FLUSH_INTERVAL:
            self._database.flush()
            self._flushed_at = now

    def join(self, run: str, position: int, job: Job) -> None:
        """Record that a run waits for a job that another one submitted."""
        self.record(
            run, RunItem(position, job.input, job.row, job.job_id, job.state, job.status, reused=True)
        )

    def end(self, run: str, stopped: str | None) -> None:
        """Record that a run ended; `stopped` says why, if inputs were left."""
        sql = "UPDATE runs SET ended_at = ?, stopped = ? WHERE run = ?"
        self._database.write(sql, [self._now(), stopped, run], sync=False)

    def find(self, text: str, server: str | None = None) -> RunRecord | None:
        """Return the run with this id, or the newest of this name; `@last` is the newest of all."""
        if text == "@last":
            return next(iter(self.listing(server, limit=1)), None)
        order = "ORDER BY run = ?1 DESC, rowid DESC LIMIT 1"
        return next(iter(self._runs(f"WHERE run = ?1 OR name = ?1 {order}", [text])), None)

    def listing(self, server: str | None = None, limit: int | None = None) -> list[RunRecord]:
        """Return the runs on this server or on any, newest first."""
        largest = 2**63 - 1
        most = largest if limit is None else min(limit, largest)
        where = "WHERE server = coalesce(?, server) OR server IS NULL"
        return self._runs(f"{where} ORDER BY rowid DESC LIMIT ?", [server, most])

    def counts(self, run: str) -> RunCounts:
        """Count a run's inputs."""
        self._database.flush()
        counted = "state, count(*), coalesce(sum(reused), 0), sum(pages)"
        sql = f"SELECT {counted} FROM ({_ITEMS}) AS items GROUP BY state"
        states: Counter[str] = Counter()
        reused, pages = 0, None
        for state, count, reused_here, pages_here in self._database.read(sql, [run]):
            states[str(state)] += count
            reused += int(reused_here) if state == State.DONE else 0
            pages = pages if pages_here is None else (pages or 0) + int(pages_here)
        return RunCounts(states, reused, pages)

    def items(self, run: str, states: Iterable[str] = ()) -> list[RunItem]:
        """Return a run's inputs in their order, only those in these states if any are given."""
        self._database.flush()
        wanted = list(states)
        where = f"WHERE state IN ({', '.join('?' * len(wanted))})" if wanted else ""
        # SQLite puts NULL first and PostgreSQL puts it last, unless the order says where.
        sql = f"SELECT * FROM ({_ITEMS}) AS items {where} ORDER BY position IS NULL, position, job_row"
        rows = [repaired_row(RunItem._fields, row) for row in self._database.read(sql, [run, *wanted])]
        return [RunItem(*row)._replace(reused=bool(row[8])) for row in rows]

    def _runs(self, tail: str, values: Sequence[Any]) -> list[RunRecord]:
        self._database.flush()
        found = self._database.read(f"SELECT {_RUN_COLUMNS} FROM runs {tail}", values)
        return [RunRecord(*repaired_row(RunRecord._fields, row)) for row in found]
