"""One command at a time works on one request: among threads, among processes, and after a kill."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docspeed_cli.store.locks import Locks

A, B = (hashlib.sha256(text.encode()).hexdigest() for text in "ab")

_HOLDER = """
import sys
from pathlib import Path
from docspeed_cli.store.locks import Locks

locks = Locks(Path(sys.argv[1]), print)
for digest in sys.argv[2:]:
    assert locks.acquire(digest)
print("holding", flush=True)
for line in sys.stdin:
    locks.release(line.strip())
    print("released", flush=True)
"""

_TAKER = """
import sys
from pathlib import Path
from docspeed_cli.store.locks import Locks

print(Locks(Path(sys.argv[1]), print).acquire(sys.argv[2]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "locks"


def quiet(path: Path) -> Locks:
    """Locks that must not warn."""
    return Locks(path, pytest.fail)


@contextmanager
def holder(path: Path, *digests: str) -> Iterator[subprocess.Popen[str]]:
    """Run another process that holds these locks."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), *digests],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        try:
            yield process
        finally:
            process.kill()


def taken_elsewhere(path: Path, digest: str) -> bool:
    """Return whether the lock is held for another process."""
    found = subprocess.run(
        [sys.executable, "-c", _TAKER, str(path), digest], capture_output=True, text=True, check=True
    )
    return {"True": False, "False": True}[found.stdout.strip()]


# -- in one process


def test_locks_acquire_succeeds_once_until_released(path: Path) -> None:
    locks = quiet(path)
    assert locks.acquire(A)
    assert not locks.acquire(A)
    assert locks.acquire(B)
    locks.release(A)
    assert locks.acquire(A)
    assert not locks.acquire(B)


def test_locks_free_takes_no_lock(path: Path) -> None:
    locks = quiet(path)
    assert locks.free(A)
    assert locks.acquire(A)
    assert not locks.free(A)
    assert not locks.acquire(A)
    locks.release(A)
    assert locks.free(A)
    assert not taken_elsewhere(path, A)


def test_locks_concurrency_one_of_eight_threads_acquires(path: Path) -> None:
    locks, start = quiet(path), threading.Barrier(8)
    took: list[bool] = []

    def work() -> None:
        start.wait()
        took.append(locks.acquire(A))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(took) == [False] * 7 + [True]


def test_locks_holder_is_no_other_process_if_this_one_holds_the_lock_or_none_does(path: Path) -> None:
    locks = quiet(path)
    assert locks.holder(A) is None
    locks.acquire(A)
    assert locks.holder(A) is None
    locks.release(A)
    assert locks.holder(A) is None


def test_locks_file_is_private_and_stays_empty(path: Path) -> None:
    locks = quiet(path)
    for n in range(100):
        assert locks.acquire(hashlib.sha256(bytes([n])).hexdigest())
    assert path.stat().st_size == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


# -- among processes


def test_locks_concurrency_processes_exclude_each_other(path: Path) -> None:
    locks = quiet(path)
    with holder(path, A) as other:
        assert not locks.acquire(A)
        assert locks.holder(A) == f"process {other.pid}"
        assert not locks.free(A)
        assert locks.acquire(B)
        assert locks.holder(B) is None
        assert taken_elsewhere(path, B)


def test_locks_release_lets_another_process_acquire(path: Path) -> None:
    locks = quiet(path)
    with holder(path, A, B) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdin.write(f"{A}\n")
        other.stdin.flush()
        assert other.stdout.readline() == "released\n"
        assert locks.acquire(A)
        assert not locks.acquire(B)
        locks.release(A)
        assert not taken_elsewhere(path, A)


def test_locks_of_a_killed_process_are_free(path: Path) -> None:
    locks = quiet(path)
    with holder(path, A) as other:
        assert not locks.acquire(A)
        other.kill()
        other.wait()
        assert locks.acquire(A)


def test_locks_free_on_a_held_lock_keeps_it(path: Path) -> None:
    locks = quiet(path)
    locks.acquire(A)
    assert not locks.free(A)
    assert taken_elsewhere(path, A)


def test_locks_of_one_process_survive_the_end_of_another_object(path: Path) -> None:
    """A run that uses a second server opens the same file again, and may close it sooner."""
    first, second = quiet(path), quiet(path)
    first.acquire(A)
    second.acquire(B)
    second.release(B)
    del second
    assert taken_elsewhere(path, A)


def test_locks_close_keeps_other_locks_and_leaves_no_descriptor(path: Path) -> None:
    first, second = quiet(path), quiet(path)
    first.acquire(A)
    second.acquire(B)
    second.release(B)
    second.close()
    assert taken_elsewhere(path, A)
    first.release(A)
    first.close()
    second.close()
    assert first.acquire(A), "a closed object opens the file again"
    first.release(A)
    first.close()
    if Path("/proc/self/fd").exists():
        opened = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        assert path not in opened


# -- no file can be locked


@pytest.mark.parametrize("obstacle", ["folder in the file's place", "file in the folder's place"])
def test_locks_without_a_file_warn_and_exclude_threads(path: Path, obstacle: str) -> None:
    if obstacle.startswith("folder"):
        path.mkdir(parents=True)
    else:
        path.parent.write_text("a file")
    warnings: list[str] = []
    locks = Locks(path, warnings.append)
    assert locks.acquire(A)
    assert not locks.acquire(A)
    assert locks.acquire(B)
    locks.release(A)
    assert locks.acquire(A)
    (warning,) = warnings
    assert str(path) in warning
