"""Kept results: the bytes that were kept or none at all, within the limits, for this user alone."""

from __future__ import annotations

import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from docspeed_cli.core.models import State
from docspeed_cli.store.kept_results import KeepLimits, KeptResults
from docspeed_cli.store.ledger import Ledger
from tests.store.conftest import SERVER, LedgerFile, Store, job

DAY = 86400.0


class Keeping:
    """A ledger with its kept results, and a clock that a test moves."""

    def __init__(self, store: Store, each: int = 10_000, total: int = 100_000) -> None:
        self.store = store
        self.limits = KeepLimits(each, total)
        self.time = 1_000 * DAY
        self.ledger: Ledger
        self.kept: KeptResults
        self.open()

    def open(self) -> None:
        self.ledger = self.store.open(lambda: self.time)
        self.kept = KeptResults(
            self.ledger.database, self.limits, self.store.warnings.append, lambda: self.time
        )

    def end(self) -> None:
        """End the command and start the next one, a day later."""
        self.kept.close()
        self.ledger.close()
        self.time += DAY
        self.open()

    def keep(self, name: str, content: bytes, server: str = SERVER) -> None:
        done = job(name, server=server, state=State.DONE, status="completed")
        self.kept.keep(done, [content[:5], content[5:]], len(content))
        self.ledger.database.flush()

    def read(self, name: str, server: str = SERVER) -> bytes | None:
        file = self.kept.open(job(name, server=server))
        return None if file is None else file.read()

    @property
    def folder(self) -> Path:
        assert isinstance(self.store, LedgerFile)
        return self.store.path.parent / "kept"

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def count(self) -> int:
        """Count the contents that are stored, each once however many results have it."""
        if isinstance(self.store, LedgerFile):
            return len(self.files())
        ((count,),) = self.ledger.database.read("SELECT count(DISTINCT digest) FROM contents")
        return int(count)


@pytest.fixture
def keeping(file: LedgerFile) -> Keeping:
    return Keeping(file)


def test_kept_result_comes_back_byte_for_byte_in_the_next_command(store: Store) -> None:
    keeping = Keeping(store)
    keeping.keep("job_1", b'{"a": 1.0}\r\n ')
    keeping.end()
    assert keeping.read("job_1") == b'{"a": 1.0}\r\n '
    assert keeping.read("job_1", "sandbox") is None
    row = keeping.kept.find(job("job_1"))
    assert row is not None and (row.operation, row.status) == ("parse", "completed")


def test_kept_result_file_is_private_whatever_the_umask(keeping: Keeping) -> None:
    before = os.umask(0)
    try:
        keeping.keep("job_1", b"{}")
    finally:
        os.umask(before)
    (path,) = keeping.files()
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, keeping.folder)]
    assert modes == [0o600, 0o700, 0o700]


def test_kept_result_torn_by_a_kill_is_replaced(keeping: Keeping) -> None:
    keeping.keep("job_1", b"content")
    keeping.ledger.database.write("DELETE FROM kept", [])
    (path,) = keeping.files()
    path.write_bytes(b"cont")
    keeping.keep("job_1", b"content")
    assert keeping.read("job_1") == b"content"
    assert keeping.files() == [path]


@pytest.mark.parametrize("size", [20, 300_000])
@pytest.mark.parametrize("damage", ["truncated", "longer", "flipped", "deleted"])
def test_kept_result_damaged_counts_as_not_kept_and_is_removed(
    file: LedgerFile, size: int, damage: str
) -> None:
    keeping = Keeping(file, each=10**6, total=10**7)
    content = b"x" * size
    keeping.keep("job_1", content)
    (path,) = keeping.files()
    if damage == "deleted":
        path.unlink()
    else:
        changed = {"truncated": content[:-1], "longer": content + b" ", "flipped": content[:-1] + b"y"}
        path.write_bytes(changed[damage])
    assert keeping.read("job_1") is None
    keeping.keep("job_1", content)
    assert keeping.read("job_1") == content
    assert len(keeping.files()) == 1
    assert file.warnings == []


def test_kept_result_over_the_limit_for_each_is_not_kept(store: Store) -> None:
    keeping = Keeping(store, each=10)
    keeping.keep("small", b"x" * 10)
    keeping.keep("large", b"x" * 11)
    assert (keeping.read("small"), keeping.read("large")) == (b"x" * 10, None)
    assert keeping.count() == 1


def test_kept_results_over_the_total_evict_the_least_recently_used(store: Store) -> None:
    keeping = Keeping(store, total=30)
    for name in ("a", "b", "c"):
        keeping.keep(name, name.encode() * 10)
        keeping.end()
    assert keeping.read("a") == b"a" * 10
    keeping.end()
    keeping.keep("d", b"d" * 10)
    keeping.end()
    assert [keeping.read(name) is not None for name in "abcd"] == [True, False, True, True]
    assert keeping.count() == 3


def test_kept_results_with_the_same_bytes_are_stored_once_until_the_last_goes(store: Store) -> None:
    keeping = Keeping(store)
    for name in ("a", "b"):
        keeping.keep(name, b"same")
    assert keeping.count() == 1
    keeping.kept.forget([job("a")])
    assert (keeping.read("a"), keeping.read("b")) == (None, b"same")
    keeping.kept.forget([job("b"), job("never kept")])
    assert keeping.count() == 0


def test_kept_results_folder_that_can_not_be_written_warns_and_goes_on(keeping: Keeping) -> None:
    keeping.folder.write_text("in the way")
    keeping.keep("job_1", b"{}")
    assert keeping.read("job_1") is None
    (warning,) = keeping.store.warnings
    assert f"results can't be kept in {keeping.folder}" in warning


def test_kept_results_damaged_digest_in_the_index_touches_no_other_file(keeping: Keeping) -> None:
    keeping.keep("job_1", b"{}")
    victim = keeping.folder.parent / "victim"
    victim.write_bytes(b"{}")
    keeping.ledger.database.write("UPDATE kept SET digest = '../victim'", [])
    assert keeping.read("job_1") is None
    keeping.kept.forget([job("job_1")])
    keeping.limits = KeepLimits(10, 0)
    keeping.end()
    keeping.keep("job_2", b"{}")
    keeping.end()
    assert victim.exists()


def test_kept_result_of_16_mb_takes_no_second_copy_in_memory(file: LedgerFile) -> None:
    keeping = Keeping(file, each=10**8, total=10**9)
    chunk = b"x" * 250_000
    tracemalloc.start()
    keeping.kept.keep(job("job_1"), (chunk for _ in range(64)), 16_000_000)
    keeping.ledger.database.flush()
    read = keeping.kept.open(job("job_1"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read is not None and read.seek(0, os.SEEK_END) == 16_000_000
    assert peak < 2_000_000
