"""Lets one command at a time work on one request, among the threads of a process and among processes.

One file holds a byte for each possible digest; the system frees a lock with the process that held it,
so a killed command leaves nothing behind. Two digests that share a byte only wait for each other.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TYPE_CHECKING = False  # typing (and threading, above its own _thread) would cost more than what is done here
if TYPE_CHECKING:
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_SPACE = 2**31 - 1
_guard = allocate_lock()
_open: set[Locks] = set()
"""All of this process: the system gives up all its locks on a file when any of its descriptors is closed."""


def _lock_byte(fd: int, offset: int) -> bool:
    if fcntl is None:
        import msvcrt

        os.lseek(fd, offset, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except PermissionError:
            return False
        return True
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _unlock_byte(fd: int, offset: int) -> None:
    if fcntl is None:
        import msvcrt

        os.lseek(fd, offset, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.lockf(fd, fcntl.LOCK_UN, 1, offset)


class Locks:
    """Locks by digest. Where a folder knows none, `warn` is told, and threads still exclude each other."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._held: set[int] = set()
        self._fd: int | None = None
        self._broken = False

    def acquire(self, digest: str) -> bool:
        """Take the lock if it is free; False if somebody else holds it."""
        offset = int(digest[:12], 16) % _SPACE
        with _guard:
            if offset in self._held:
                return False
            if not self._across_processes(offset):
                return False
            self._held.add(offset)
            return True

    def release(self, digest: str) -> None:
        """Give back a lock that `acquire` took."""
        offset = int(digest[:12], 16) % _SPACE
        with _guard:
            self._held.discard(offset)
            if self._fd is not None:
                _unlock_byte(self._fd, offset)

    def close(self) -> None:
        """Close the file, unless locks of this process would be lost by that: those end with it."""
        with _guard:
            if self._fd is not None and not any(it._held for it in _open if it._path == self._path):
                os.close(self._fd)
                _open.discard(self)
                self._fd = None

    def free(self, digest: str) -> bool:
        """Whether nobody works on this request now."""
        if not self.acquire(digest):
            return False
        self.release(digest)
        return True

    @contextmanager
    def holding(self, digest: str, sleep: Callable[[float], None]) -> Iterator[None]:
        """Wait for the lock and hold it."""
        while not self.acquire(digest):
            sleep(0.05)
        try:
            yield
        finally:
            self.release(digest)

    def _across_processes(self, offset: int) -> bool:
        if self._broken:
            return True
        try:
            if self._fd is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
                _open.add(self)
            return _lock_byte(self._fd, offset)
        except OSError as error:
            self._broken = True
            self._fd = None
            self._warn(
                f"can't lock {self._path} ({error.strerror}); "
                "don't run the same command twice at once, it might be paid for twice"
            )
            return True
