"""Keep results under the SHA-256 of their bytes, with an index in the ledger.

Each result is verified when it is read. One that is missing, torn or changed counts as not kept: it is
removed, and the server is asked instead. So a kill or a loss of power at any moment does no harm, and most
writes need no fsync.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import IO, NamedTuple

from docspeed_cli.core.errors import LedgerUnavailable
from docspeed_cli.core.models import Job
from docspeed_cli.store.contents import DIGEST
from docspeed_cli.store.database import Database, upsert

_USE_INTERVAL = 3600.0
"""Seconds within which a second use is not recorded: a run over kept results would write a row for each."""
_EVICT_AT_A_TIME = 500
"""Rows that are read at a time to find the least recently used results."""
_COLUMNS = ("server", "job", "digest", "size", "operation", "status", "used_at")
SAVE_KEPT = upsert("kept", _COLUMNS, ("server", "job"))
"""The statement that records a kept result."""


class KeepLimits(NamedTuple):
    """The most that is kept, in bytes."""

    each: int
    """Largest result; less than 0 keeps none."""
    total: int
    """All results together."""


class KeptResult(NamedTuple):
    """A row of the index."""

    digest: str
    size: int
    operation: str
    status: str
    """The server's word for the end of the job."""
    used_at: float


class KeptResults:
    """The results that the ledger's database keeps; `warn` is called if that fails.

    A result is found by its job's server and id, or by the submission's token if it came inline.
    """

    def __init__(
        self,
        database: Database,
        limits: KeepLimits,
        warn: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._contents = database.contents()
        self._limits = limits
        self._warn = warn
        self._now = now
        self._kept_some = False

    def keep(self, job: Job, chunks: Iterable[bytes], size: int) -> bool:
        """Keep a job's result of `size` bytes.

        Return False if it is too large, or, after a warning, if it can't be written.
        """
        if size > self._limits.each:
            return False
        try:
            # An inline result can't be fetched again, so it must survive a loss of power.
            digest = self._contents.write(chunks, synced=job.job_id is None)
        except OSError as error:
            if self._database.is_persistent:  # else the ledger has warned about this folder
                self._warn(f"results can't be kept in {self._contents.where} ({error.strerror or error})")
            return False
        self._kept_some = True
        self._database.write_later(
            SAVE_KEPT,
            [job.server, _name_of(job), digest, size, job.operation, job.status, self._now()],
        )
        return True

    def find(self, job: Job) -> KeptResult | None:
        """Return what the index says of a job's result, if its file is there; its content is not verified."""
        row = self._row(job)
        try:
            return row if row is not None and self._contents.size(row.digest) == row.size else None
        except OSError:
            return None

    def open(self, job: Job) -> IO[bytes] | None:
        """Open a job's result, verified, at its first byte; None if it is not kept."""
        row = self.find(job)
        if row is None:
            return None
        try:
            file = self._contents.verified(row.digest, row.size)
        except OSError:
            return None
        if file is None:
            self._discard([[job.server, _name_of(job), row.digest]])
        elif self._now() - row.used_at > _USE_INTERVAL:
            self._database.write_later(
                "UPDATE kept SET used_at = ? WHERE server = ? AND job = ?",
                [self._now(), job.server, _name_of(job)],
            )
        return file

    def named(self, digests: Sequence[str]) -> list[tuple[str, str]]:
        """Return the server and id of each job whose kept result has one of these digests."""
        marks = ", ".join("?" * len(digests))
        found = self._database.read(f"SELECT server, job FROM kept WHERE digest IN ({marks})", digests)
        return [(str(server), str(name)) for server, name in found]

    def forget(self, jobs: Iterable[Job]) -> None:
        """Delete the results of these jobs."""
        # The row of a result that this command kept may still wait for its write.
        self._database.flush()
        kept = [(job, row) for job in jobs if (row := self._row(job)) is not None]
        self._discard([[job.server, _name_of(job), row.digest] for job, row in kept])

    def close(self) -> None:
        """Delete the least recently used results while all together are too large."""
        if self._kept_some:
            with suppress(LedgerUnavailable):  # another command does it
                self._evict()

    def _evict(self) -> None:
        self._database.flush()
        # Where rows can't be deleted now the excess stays: without `freed`, this would never end.
        freed = 1
        while freed and (excess := self._excess()) > 0:
            sql = "SELECT server, job, digest, size FROM kept ORDER BY used_at LIMIT ?"
            oldest = []
            for *row, size in self._database.read(sql, [_EVICT_AT_A_TIME]):
                if excess > 0:
                    oldest.append(row)
                    excess -= int(size)
            freed = self._discard(oldest)

    def _excess(self) -> int:
        """Return how many bytes the results take beyond the limit."""
        ((size,),) = self._database.read("SELECT coalesce(sum(size), 0) FROM kept")
        return int(size) - self._limits.total

    def _row(self, job: Job) -> KeptResult | None:
        sql = "SELECT digest, size, operation, status, used_at FROM kept WHERE server = ? AND job = ?"
        for row in self._database.read(sql, [job.server, _name_of(job)]):
            found = KeptResult(*row)
            if all(map(isinstance, found, (str, int, str, str, float))) and DIGEST.fullmatch(found.digest):
                return found
        return None  # a damaged digest must not lead to another file, which would be removed

    def _discard(self, rows: Sequence[Sequence[str]]) -> int:
        """Delete rows (server, name, digest), and contents that no other row names; return how many rows."""
        # Rows first: a kill in between leaves a content that no row names, which pruning deletes.
        keys = [row[:2] for row in rows]
        deleted = self._database.write_many("DELETE FROM kept WHERE server = ? AND job = ?", keys)
        for digest in {str(row[2]) for row in rows}:
            shared = self._database.read("SELECT 1 FROM kept WHERE digest = ? LIMIT 1", [digest])
            if not shared and DIGEST.fullmatch(digest):
                self._contents.delete(digest)
        return deleted


def _name_of(job: Job) -> str:
    return job.job_id or str(job.token)
