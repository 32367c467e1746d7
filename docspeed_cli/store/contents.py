"""Hold the bytes of kept results under their SHA-256: here in files, in `postgres_contents` in a table."""

from __future__ import annotations

import hashlib
import io
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO

from docspeed_cli.core.files import sync_descriptor

IN_MEMORY = 256 * 1024
"""Largest result in bytes that is read at once."""
DIGEST = re.compile(r"[0-9a-f]{64}")
"""The form of a digest: a damaged one must not lead to another file."""
# Without O_BINARY, Windows writes a carriage return before each line feed.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_HASHED_AT_ONCE = 2047
"""Most bytes that hashlib hashes without giving up the interpreter's lock, which would take longer."""
MAX_PART_AGE = 7 * 86400.0
"""Seconds after which no process is still writing a content, or the row that names it."""


class ContentStore(ABC):
    """The contents of kept results. OSError if they can't be read or written."""

    where: str
    """Folder or address."""

    @abstractmethod
    def write(self, chunks: Iterable[bytes], *, synced: bool) -> str:
        """Write a content and return its digest. With `synced` it survives a loss of power."""

    @abstractmethod
    def size(self, digest: str) -> int | None:
        """Return the size in bytes of the content with this digest; None if there is none."""

    @abstractmethod
    def verified(self, digest: str, size: int) -> IO[bytes] | None:
        """Open a content at its first byte; None if something else is there under its digest."""

    @abstractmethod
    def delete(self, digest: str) -> None:
        """Delete a content."""

    @abstractmethod
    def sweep(self, named: Callable[[str], set[str]], now: float) -> None:
        """Delete what killed commands left behind: contents that are not `named`.

        `named` returns the digests with this beginning that a row of the ledger names.
        """


class ResultFolder(ContentStore):
    """The contents in a folder. Threads and processes share it."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._folder = folder
        self._prefix = os.urandom(8).hex()
        self._numbers = count()

    def write(self, chunks: Iterable[bytes], *, synced: bool) -> str:
        """Write a file aside, rename it to its digest, and return that."""
        # Few calls and no Path: in a run, each one gives up the interpreter's lock to 32 other threads.
        part = f"{self._folder}/{self._prefix}-{next(self._numbers)}.part"
        try:
            try:
                descriptor = os.open(part, _NEW_FILE, 0o600)
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(part, _NEW_FILE, 0o600)
            try:
                digest = _copy(chunks, descriptor)
                if synced:
                    sync_descriptor(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.replace(part, f"{self._folder}/{digest[:2]}/{digest}")  # noqa: PTH105
            except FileNotFoundError:
                self._path(digest).parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(part, self._path(digest))  # noqa: PTH105
        except BaseException:
            with suppress(OSError):
                os.unlink(part)  # noqa: PTH108
            raise
        return digest

    def size(self, digest: str) -> int | None:
        """Return the size of the file; None if there is none."""
        try:
            return os.stat(f"{self._folder}/{digest[:2]}/{digest}").st_size  # noqa: PTH116
        except FileNotFoundError:
            return None

    def verified(self, digest: str, size: int) -> IO[bytes] | None:
        """Open the file; None if it holds something else."""
        file = self._path(digest).open("rb")
        try:
            if size <= IN_MEMORY:
                content = file.read(size + 1)
                file.close()
                return io.BytesIO(content) if hashlib.sha256(content).hexdigest() == digest else None
            if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                file.seek(0)
                return file
        except BaseException:
            file.close()
            raise
        file.close()
        return None

    def delete(self, digest: str) -> None:
        """Delete a file."""
        with suppress(OSError):  # on Windows another process may be reading it
            self._path(digest).unlink()

    def sweep(self, named: Callable[[str], set[str]], now: float) -> None:
        """Delete files that are not named and that were written over a week ago."""
        with suppress(OSError):
            for entry in self._folder.iterdir():
                files = entry.iterdir() if entry.is_dir() else [entry]
                wanted = named(entry.name)
                for file in files:
                    if file.name not in wanted and file.stat().st_mtime < now - MAX_PART_AGE:
                        file.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder.joinpath(digest[:2], digest)


def _copy(chunks: Iterable[bytes], descriptor: int) -> str:
    """Write the chunks to an open file and return their digest."""
    digest = hashlib.sha256()
    for chunk in chunks:
        left = memoryview(chunk)
        for start in range(0, len(left), _HASHED_AT_ONCE):
            digest.update(left[start : start + _HASHED_AT_ONCE])
        while left:
            left = left[os.write(descriptor, left) :]
    return digest.hexdigest()
