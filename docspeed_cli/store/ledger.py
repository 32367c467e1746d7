"""Records jobs, uploads and conversations, so that no job is lost and no request is paid for twice.

This module knows what the rows mean; `sqlite` and `postgres` know how they get into a database. What the
server can't repeat is on disk before a method returns.
"""

# typing and the models would cost more to import than the rest of the ledger; see `sqlite`.
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from docspeed_cli.store.database import readable_text, repaired_row, upsert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from docspeed_cli.core.models import Conversation, Job
    from docspeed_cli.store.database import Database
    from docspeed_cli.store.runs import Runs

_COLUMNS = (
    "row, submitted_at, updated_at, request, server, key, operation, status, state, job_id, input, file_id,"
    " output, error, run, token, content_hash, pages"
)
_NAMES = _COLUMNS.split(", ")
_NEW = _NAMES[1:]
"""A new job's columns: the database numbers the row."""
_INSERT = f"INSERT INTO jobs ({', '.join(_NEW)}) VALUES ({', '.join('?' * len(_NEW))})"
_SAVE_UPLOAD = upsert(
    "uploads",
    ("server", "key", "digest", "file_id", "filename", "created_at"),
    ("server", "key", "digest"),
)
_SAVE_CONVERSATION = upsert(
    "conversations",
    ("session_id", "server", "key", "documents", "file_ids", "names", "updated_at"),
    ("server", "key", "session_id"),
)
_PRUNE_EVERY = 1000
"""Prune at the end of a command that recorded a job in a row divisible by this."""
_MAX_INTEGER = 2**63 - 1
"""The largest number that the databases store."""


_STORED_FILE = (
    "SELECT max(digest), max(filename), (SELECT max(row) FROM jobs WHERE job_id = ?1) FROM uploads"
    " WHERE file_id = ?1 AND server = ?2 AND key = ?3"
)


def _text_if_any(value: Any) -> str | None:
    """The text; None if there is none, or damage made it something else."""
    return value if isinstance(value, str) else None


class Ledger:
    """The ledger in a database, by default the SQLite file at `path`.

    `warn` is called where rows can't be kept, and the work goes on.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        warn: Callable[[str], None],
        now: Callable[[], float],
        database: Database | None = None,
    ) -> None:
        if database is None:
            from docspeed_cli.store.sqlite import SqliteDatabase

            database = SqliteDatabase(os.fspath(path), warn, now)
        self.database = database
        """For the index of kept results."""
        self._warn = warn
        self._now = now
        self._prune_due = False
        self._runs: Runs | None = None

    @property
    def is_persistent(self) -> bool:
        """Whether rows outlive the process."""
        return self.database.is_persistent

    @property
    def runs(self) -> Runs:
        """The runs over many inputs."""
        if self._runs is None:
            from docspeed_cli.store.runs import Runs

            self._runs = Runs(self.database, self._now)
        return self._runs

    def close(self) -> None:
        """Write what is deferred, prune now and then, and close the file."""
        if self._prune_due and self.is_persistent:
            from contextlib import suppress

            from docspeed_cli.core.errors import LedgerUnavailable
            from docspeed_cli.store.cleanup import prune

            with suppress(LedgerUnavailable):  # another command does it
                prune(self.database, self._now())
        self.database.close()

    def health(self) -> tuple[int, str]:
        """Return the number of jobs, and what is wrong with the database; "" if nothing is."""
        ((rows,),) = self.database.read("SELECT count(*) FROM jobs")
        return rows, self.database.health()

    def begin(self, job: Job) -> int:
        """Record a submission that is about to be sent; return its row."""
        row = self.database.insert(_INSERT, [getattr(job, name) for name in _NEW], job.request)
        self._prune_due = self._prune_due or row % _PRUNE_EVERY == 0
        return row

    def change(self, row: int, **members: Any) -> None:
        """Record what has become known of a submission."""
        changed = self.database.write(*self._update(row, members))
        if changed == 0 and members.get("job_id"):
            # Somebody deleted the state folder or this row, or damage hit it after the submission.
            self._warn(f"row {row} is no longer in the ledger; keep the job id {members['job_id']}")

    def change_soon(self, row: int, **members: Any) -> None:
        """Record what the server would say again, with the next write or at the end."""
        self.database.write_later(*self._update(row, members))

    def set_output(self, row: int, output: str, content_hash: str, pages: int | None = None) -> None:
        """Record the file that holds the result, and the result's pages if they are known."""
        members = {"output": output, "content_hash": content_hash, "pages": pages}
        self.database.write(*self._update(row, members), sync=False)

    def written_to(self, output: str) -> list[str]:
        """Return the content hashes of all results that were written to this file."""
        sql = "SELECT content_hash FROM jobs WHERE output = ? AND content_hash IS NOT NULL"
        return [readable_text(content_hash) for (content_hash,) in self.database.read(sql, [output])]

    def wrote(self, digest: str) -> bool:
        """Return whether a result was written to any file with this digest; reads the whole table."""
        sql = "SELECT 1 FROM jobs WHERE substr(content_hash, 1, ?) = ? LIMIT 1"
        return bool(self.database.read(sql, [len(digest), digest]))

    def drop(self, rows: Iterable[int]) -> int:
        """Delete these rows; return how many there were."""
        return self.database.write_many("DELETE FROM jobs WHERE row = ?", ([row] for row in rows))

    def by_request(self, request: str) -> list[Job]:
        """Return the last jobs of this request, newest first."""
        # No flush: a run asks this before each submission, and each flush is a commit.
        return self._jobs("WHERE request = ? ORDER BY row DESC LIMIT 20", [request], flush=False)

    def by_id(self, job_id: str) -> list[Job]:
        """Return the job with this id; more than one if several servers gave the same id."""
        return self._jobs("WHERE job_id = ? ORDER BY row DESC", [job_id])

    def by_row(self, row: int) -> Job | None:
        """Return the job in this row."""
        return next(iter(self._jobs("WHERE row = ?", [row])), None)

    def output_folders(self, operation: str) -> list[str]:
        """Return the folders of the files with this operation's results."""
        sql = (
            "SELECT DISTINCT rtrim(output, replace(output, ?, '')) FROM jobs"
            " WHERE operation = ? AND output IS NOT NULL"
        )
        return [readable_text(folder) for (folder,) in self.database.read(sql, [os.sep, operation])]

    def of_output(self, output: str) -> Job | None:
        """Return the job whose result was written to this file last."""
        return next(iter(self._jobs("WHERE output = ? ORDER BY updated_at DESC LIMIT 1", [output])), None)

    def of_file(self, file_id: str) -> Job | None:
        """Return the newest job over this stored file, alone or among others."""
        # Not `instr`, which PostgreSQL lacks.
        among = "replace(', ' || file_id || ', ', ', ' || ? || ', ', '') != ', ' || file_id || ', '"
        return next(iter(self._jobs(f"WHERE {among} ORDER BY row DESC LIMIT 1", [file_id])), None)

    def newest(self, server: str | None = None) -> Job | None:
        """Return the job that was submitted last, to this server or to any."""
        return next(iter(self.listing(server=server, limit=1)), None)

    def listing(
        self,
        *,
        status: str | None = None,
        operation: str | None = None,
        run: str | None = None,
        server: str | None = None,
        older_than: float | None = None,
        since: float | None = None,
        input_glob: str | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Return jobs, newest first.

        `status` is the server's word or a state, in any case; `older_than` and `since` are in seconds since
        1970. `input_glob` fits the whole input, or the part after its last slash.
        """
        like, pattern = self.database.glob(f"*/{input_glob}")
        # The marks have numbers because some values are used twice.
        tests = {
            "(lower(status) = lower(?{0}) OR state = lower(?{0}))": status,
            "operation = ?{0}": operation,
            "(run = ?{0} OR row IN (SELECT job_row FROM run_items WHERE run = ?{0}))": run,
            "coalesce(submitted_at, 0) < ?{0}": older_than,
            "server = ?{0}": server,
            "submitted_at >= ?{0}": since,
            f"'/' || input {like} ?{{0}}": None if input_glob is None else pattern,
        }
        used = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join(test.format(number) for number, test in enumerate(used, 1))
        most = _MAX_INTEGER if limit is None else min(limit, _MAX_INTEGER)
        tail = f"WHERE {where or '1 = 1'} ORDER BY row DESC LIMIT ?{len(used) + 1}"
        return self._jobs(tail, [*used.values(), most])

    def operations(self) -> list[str]:
        """Return the operations of the jobs here."""
        return [readable_text(name) for (name,) in self.database.read("SELECT DISTINCT operation FROM jobs")]

    def statuses(self) -> list[tuple[str, str]]:
        """Return the states of the jobs here, each with the server's words for it in lower case."""
        found = self.database.read("SELECT DISTINCT state, lower(status) FROM jobs ORDER BY state")
        return [(readable_text(state), readable_text(status)) for state, status in found]

    def uploaded(self, server: str, key: str, digest: str) -> str | None:
        """Return the id of a document that this key has stored on this server."""
        sql = "SELECT max(file_id) FROM uploads WHERE server = ? AND key = ? AND digest = ?"
        return _text_if_any(self.database.read(sql, [server, key, digest])[0][0])

    def stored_file(self, server: str, key: str, file_id: str) -> tuple[str | None, str | None, Job | None]:
        """Return a stored file's digest and name if this machine uploaded it, and the job with this id."""
        found = self.database.read(_STORED_FILE, [file_id, server, key])[0]
        job = None if found[2] is None else self.by_row(found[2])
        return _text_if_any(found[0]), _text_if_any(found[1]), job

    def remember_upload(self, server: str, key: str, digest: str, file_id: str, filename: str | None) -> None:
        """Record that a document is stored; the next submission syncs it."""
        values = [server, key, digest, file_id, filename, self._now()]
        self.database.write(_SAVE_UPLOAD, values, sync=False)

    def forget_upload(self, server: str, file_id: str) -> None:
        """Delete an upload that the server no longer has."""
        self.database.write("DELETE FROM uploads WHERE server = ? AND file_id = ?", [server, file_id])

    def reset_server(self, server: str) -> None:
        """Record that a server has forgotten everything: jobs are gone but for those whose result is kept."""
        from docspeed_cli.store.cleanup import IS_KEPT

        for table in ("uploads", "conversations"):
            self.database.write(f"DELETE FROM {table} WHERE server = ?", [server])
        self.database.write(
            "UPDATE jobs SET state = 'gone', status = 'gone' WHERE server = ? AND state != 'failed'"
            f" AND NOT (state = 'done' AND {IS_KEPT})",
            [server],
        )

    def remember_conversation(self, server: str, key: str, conversation: Conversation) -> None:
        """Record a chat session that a later question may continue."""
        import json

        session_id, *lists = conversation
        values = [session_id, server, key, *map(json.dumps, lists), self._now()]
        self.database.write(_SAVE_CONVERSATION, values)

    def last_conversation(
        self, server: str, key: str, documents: Sequence[str] | None = None
    ) -> Conversation | None:
        """Return the last conversation over these documents in this order; over any if None are given."""
        import json

        from docspeed_cli.core.models import Conversation

        sql = (
            "SELECT session_id, documents, file_ids, names FROM conversations WHERE server = ? AND key = ?"
            " AND documents = coalesce(?, documents) ORDER BY updated_at DESC LIMIT 1"
        )
        wanted = None if documents is None else json.dumps(list(documents))
        rows = self.database.read(sql, [server, key, wanted])
        try:
            for session_id, *lists in rows:
                return Conversation(str(session_id), *(tuple(map(str, json.loads(part))) for part in lists))
        except (ValueError, TypeError):  # damage inside a value
            pass
        return None

    def _update(self, row: int, members: dict[str, Any]) -> tuple[str, list[Any]]:
        members["updated_at"] = self._now()
        sets = ", ".join(f"{name} = ?" for name in members)
        return f"UPDATE jobs SET {sets} WHERE row = ?", [*members.values(), row]

    def _jobs(self, tail: str, values: Sequence[Any], *, flush: bool = True) -> list[Job]:
        if flush:
            self.database.flush()
        rows = self.database.read(f"SELECT {_COLUMNS} FROM jobs {tail}", values)
        if not rows:
            return []
        from docspeed_cli.core.models import Job, State

        states = {state.value: state for state in State}
        named = (dict(zip(_NAMES, repaired_row(_NAMES, row), strict=True)) for row in rows)
        # Of a job whose state is damaged, or is a newer docspeed's word, the server knows the state.
        other = {True: State.RUNNING, False: State.UNKNOWN}
        known = ((job, states.get(job["state"], other[bool(job["job_id"])])) for job in named)
        return [Job(**{**job, "state": state}) for job, state in known]
