"""Locks by digest: one command at a time works on one request, among threads and among processes.

One file has a byte for each digest. The system frees the locks of a process that ends, so a killed command
leaves none behind. Two digests that share a byte only wait for each other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LOCKABLE_BYTES = 2**31 - 1
"""Bytes that can be locked everywhere; the file itself stays empty."""
_guard = Lock()
_held: set[tuple[Path, int]] = set()
"""The bytes that this process has locked: to the system, all its threads and descriptors are one owner."""


class Locks:
    """Locks by digest in the file at `path`.

    Where the file can't be locked, `warn` is called once, and only this process's threads exclude each other.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path = path
        self._warn = warn
        self._descriptor: int | None = None
        self._works = True

    def acquire(self, digest: str) -> bool:
        """Take the lock if it is free; False if another thread or process holds it."""
        byte = _byte_of(digest)
        with _guard:
            if (self._path, byte) in _held or not self._lock_among_processes(byte):
                return False
            _held.add((self._path, byte))
            return True

    def release(self, digest: str) -> None:
        """Release a lock that `acquire` took."""
        byte = _byte_of(digest)
        with _guard:
            _held.discard((self._path, byte))
            if self._descriptor is not None:
                _set_lock(self._descriptor, byte, locked=False)

    def free(self, digest: str) -> bool:
        """Return whether no command works on this request now."""
        if not self.acquire(digest):
            return False
        self.release(digest)
        return True

    def holder(self, digest: str) -> str | None:
        """Name the other process that holds the lock; None if this process holds it, or none does."""
        byte = _byte_of(digest)
        with _guard:
            if (self._path, byte) in _held or self._descriptor is None:
                return None
            return _holder_of(self._descriptor, byte)

    def close(self) -> None:
        """Close the file, unless this process still holds a lock on it."""
        with _guard:
            # POSIX: closing any descriptor of a file gives up all locks that the process has on it.
            if self._descriptor is not None and not any(path == self._path for path, _ in _held):
                os.close(self._descriptor)
                self._descriptor = None

    def _lock_among_processes(self, byte: int) -> bool:
        if not self._works:
            return True
        try:
            if self._descriptor is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            return _set_lock(self._descriptor, byte, locked=True)
        except OSError as error:  # a read-only folder, or a network folder without locks
            self._works, self._descriptor = False, None
            self._warn(
                f"can't lock {self._path} ({error.strerror}); "
                "don't run the same command twice at once, or it may be paid for twice"
            )
            return True


@contextmanager
def whole_file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file, after waiting for its holder. OSError if the folder has no locks.

    Each use opens the file again, so threads exclude each other too.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _byte_of(digest: str) -> int:
    # 48 bits of the digest are more than there are bytes to lock.
    return int(digest[:12], 16) % _LOCKABLE_BYTES


def _set_lock(descriptor: int, byte: int, *, locked: bool) -> bool:
    """Lock or unlock a byte; False if another process holds it. OSError if the folder has no locks."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, byte, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK if locked else msvcrt.LK_UNLCK, 1)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if locked else fcntl.LOCK_UN, 1, byte)
    # Windows and some POSIX systems say EACCES for a byte that is locked, not EAGAIN.
    except (BlockingIOError, PermissionError):
        return False
    return True


def _holder_of(descriptor: int, byte: int) -> str | None:
    """Name the process that has locked a byte; None if it is free now. Windows does not say which it is."""
    if sys.platform == "win32":
        return "another process"
    else:  # noqa: RET505 - mypy knows what Windows lacks only where it stands in a branch
        import struct

        # `struct flock`: the BSDs and macOS begin with the range, Linux with the type of the lock.
        linux = sys.platform == "linux"
        form = "hhqqi" if linux else "qqihh"
        start = (os.SEEK_SET, byte, 1, 0)
        members = (fcntl.F_WRLCK, *start) if linux else (*start[1:], fcntl.F_WRLCK, os.SEEK_SET)
        try:
            found = struct.unpack(form, fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(form, *members)))
        except OSError:
            return "another process"
        kind, number = (found[0], found[4]) if linux else (found[3], found[2])
        if kind == fcntl.F_UNLCK:
            return None
        # In a shared folder it may be a process of another machine or container, which has no number here.
        return f"process {number}" if number > 0 else "another process"
