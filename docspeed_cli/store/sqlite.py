"""The ledger's file: its layout, what is done about damage, and going on in memory where there is no file.

A file that is damaged is set aside and a new one started with whatever can still be read. Nothing is
ever deleted, and no trouble with the file stops the work.
"""

# pathlib would cost more to load than all that is done here.
# ruff: noqa: PTH101, PTH103, PTH104, PTH110, PTH113, PTH116, PTH120, PTH122
from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from itertools import chain, count

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False  # typing and contextlib would cost as much as all that is done here
if TYPE_CHECKING:
    from typing import Literal

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        row INTEGER PRIMARY KEY AUTOINCREMENT,
        request TEXT NOT NULL, server TEXT NOT NULL, key TEXT NOT NULL,
        operation TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL,
        job_id TEXT, input TEXT, file_id TEXT, submitted_at REAL, updated_at REAL,
        output TEXT, error TEXT, batch TEXT, token TEXT
    );
    CREATE INDEX jobs_by_request ON jobs (request, row);
    CREATE INDEX jobs_by_id ON jobs (job_id);
    CREATE INDEX jobs_by_batch ON jobs (batch);
    CREATE TABLE uploads (
        server TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL,
        file_id TEXT NOT NULL, filename TEXT, created_at REAL,
        PRIMARY KEY (server, key, digest)
    ) WITHOUT ROWID;
    CREATE INDEX uploads_by_id ON uploads (file_id);
    CREATE TABLE conversations (
        session_id TEXT NOT NULL, server TEXT NOT NULL, key TEXT NOT NULL,
        documents TEXT NOT NULL, file_ids TEXT NOT NULL, names TEXT NOT NULL, updated_at REAL NOT NULL,
        PRIMARY KEY (server, key, session_id)
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE jobs ADD COLUMN stamp TEXT",
    """
    CREATE TABLE runs (batch TEXT PRIMARY KEY, begun_at REAL);
    INSERT INTO runs SELECT batch, max(submitted_at) FROM jobs WHERE batch IS NOT NULL GROUP BY batch
    """,
)

_PATIENCE, _HASTE = 20.0, 1.0
"""Seconds to wait for another process; where locks don't work at all, each of them would be for nothing."""
_ATTEMPTS = 200


TROUBLE = (sqlite3.Error, UnicodeDecodeError)
"""What a file is to blame for; of damage in a name, Python 3.11 can't even read what SQLite says."""


class _Newer(Exception):
    """The file was written by a newer version of the program."""


class LedgerFile:
    """A connection that works: to the file at `path`, or in memory, which `warn` is told."""

    def __init__(self, path: str, warn: Callable[[str], None], now: Callable[[], float]) -> None:
        self.path = path
        self.on_disk = True
        self._folder = os.path.dirname(path) or "."
        self._warn = warn
        self._now = now
        self._identity: tuple[int, int] | None = None
        self._synced = True
        self.db = self._working(self._connected)

    def sync(self, wanted: bool) -> None:
        """Whether a write is on the disk when it returns, or only safe from this process's end."""
        if wanted != self._synced:
            self.db.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")
            self._synced = wanted

    def moved(self) -> bool:
        """Whether another file, or none, is in the place of the one that is open."""
        return self.on_disk and _identity(self.path) != self._identity

    def follow(self) -> None:
        """Go on with the file that is in the place now."""
        self.db.close()
        self.db = self._working(self._connected)

    def give_way(self, error: Exception) -> bool:
        """Go on with a ledger that works after this error; False if it came out of memory."""
        if not self.on_disk:
            return False
        if _is_damage(error):
            self.db.close()
            self.db = self._working(lambda: self._replaced(error))
            return True
        failing, self.db = self.db, self._in_memory([self.db])
        failing.close()
        self._warn(f"the ledger {self.path} can't be written ({error}); keep the job ids that are printed")
        return True

    def _working(self, connected: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        self._synced = True
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            if os.path.exists(self.path) and not os.path.isfile(self.path):
                raise OSError("it is no file")
            try:
                return connected()
            except TROUBLE as error:
                if not _is_damage(error):
                    raise
                return self._replaced(error)
        except _Newer as error:
            self._warn(f"the ledger {self.path} {error}; it is left alone, keep the job ids that are printed")
            return self._in_memory([])
        except (OSError, sqlite3.Error) as error:
            self._warn(f"the ledger {self.path} can't be used ({error}); keep the job ids that are printed")
            from docspeed_cli.store.salvage import read_only

            return self._in_memory(read_only(self.path))

    def _connected(self) -> sqlite3.Connection:
        with _FolderHeld(self._folder) as held:
            try:
                return connect(self.path, _PATIENCE if held else _HASTE)
            finally:
                self._identity = _identity(self.path)

    def _replaced(self, error: Exception) -> sqlite3.Connection:
        """The sound file that another process has put in the place of this one, or else a new one.

        Nobody opens the ledger meanwhile, so nobody starts a log beside a file that is about to move.
        """
        from docspeed_cli.store.salvage import salvage

        with _FolderHeld(self._folder, alone=True):
            if _identity(self.path) == self._identity:
                aside = self._set_aside()
                db = connect(self.path, _PATIENCE)
                kept = salvage(aside, db)
                self._warn(
                    f"the ledger was damaged ({error}); it is kept as {aside}, and a new one is started"
                    + (f" with the {kept} jobs that could be read" if kept else "")
                )
            else:
                db = connect(self.path, _PATIENCE)
            self._identity = _identity(self.path)
        return db

    def _set_aside(self) -> str:
        """Move the file under a new name; its log goes first, or it would be taken for a new file's."""
        stem, suffix = os.path.splitext(self.path)
        stem = f"{stem}.damaged-{int(self._now())}"
        names = (f"{stem}{number}{suffix}" for number in chain([""], (f"-{n}" for n in count(2))))
        aside = next(name for name in names if not os.path.lexists(name))
        for part in ("-wal", "-shm", "-journal", ""):
            if os.path.lexists(self.path + part):
                os.rename(self.path + part, aside + part)
        return aside

    def _in_memory(self, sources: Iterable[sqlite3.Connection]) -> sqlite3.Connection:
        """A ledger in memory with what can be read, so that nothing already paid for is submitted again."""
        from docspeed_cli.store.salvage import copy_rows

        self.on_disk = False
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        _migrate(db)
        for source in sources:
            if copy_rows(source, db):
                break
        return db


def connect(path: str, patience: float) -> sqlite3.Connection:
    """A connection to the file, which is made, or brought to this version's layout, where it has to be."""
    try:
        return _prepared(path, patience)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_IOERR_SHMMAP":
            raise
    return _prepared(path, patience, shared=False)


def _prepared(path: str, patience: float, *, shared: bool = True) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=patience, check_same_thread=False, isolation_level=None)
    try:
        if not shared:
            _leave_log(db)
        db.execute("PRAGMA synchronous = FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version < len(MIGRATIONS):
            os.chmod(path, 0o600)
            if shared:
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                _patiently(lambda: db.execute("PRAGMA journal_mode = WAL"))
            _patiently(lambda: _migrate(db))
        elif version > len(MIGRATIONS):
            raise _Newer(f"was written by a newer docspeed (version {version} of its layout)")
    except BaseException:
        db.close()
        raise
    return db


def _leave_log(db: sqlite3.Connection) -> None:
    """Use a journal instead of a log: some network folders have no memory that processes could share."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("PRAGMA locking_mode = NORMAL")
    db.execute("SELECT count(*) FROM sqlite_master").fetchall()


def _patiently(step: Callable[[], object]) -> None:
    """Try again while another process is at it: SQLite's own waiting does not cover a first start."""
    for attempt in count(1):
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _ATTEMPTS:
                raise
            time.sleep(0.05)


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the layout to this version in one transaction; a second process finds it done."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for script in MIGRATIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _is_damage(error: Exception) -> bool:
    if isinstance(error, UnicodeDecodeError):
        return True
    name, text = getattr(error, "sqlite_errorname", ""), str(error)
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return True
    lacking = text.startswith("no such ") or "has no column named" in text
    return (name == "SQLITE_ERROR" and lacking) or text.startswith("Could not decode")


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is in this place."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class _FolderHeld:
    """Hold a folder together with others, or `alone`, while the block lasts; False where that can't be."""

    def __init__(self, folder: str, *, alone: bool = False) -> None:
        self._folder = folder
        self._alone = alone
        self._fd: int | None = None

    def __enter__(self) -> bool:
        if fcntl is None:
            return False
        try:
            self._fd = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._fd, fcntl.LOCK_EX if self._alone else fcntl.LOCK_SH)
        except OSError:
            return False
        return True

    def __exit__(self, *_: object) -> Literal[False]:
        if self._fd is not None:
            os.close(self._fd)
        return False
