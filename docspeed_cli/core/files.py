"""Writes files whole or not at all, and names and digests them."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.urls import is_url, shown_url

_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""Errors of file systems that do not support `fsync`, as some network ones do not."""


def display_path(name: str | os.PathLike[str]) -> str:
    """A name as text for JSON: a URL without its secrets, and escapes for bytes that are not UTF-8."""
    if isinstance(name, str) and is_url(name):
        return shown_url(name)
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(
    path: Path, chunks: Iterable[bytes], *, private: bool = False, ready: Callable[[], None] | None = None
) -> None:
    """Write a file so that no reader ever sees half of it; devices and named pipes are written directly.

    Unless it is private, it gets the mode that a plain `open` would give it. `ready` is called when all is
    written and the old file is still in its place, where it stays if that raises.
    """
    if not is_replaced(path):
        with path.open("wb") as file:
            file.writelines(chunks)
        if ready is not None:
            ready()
        return
    # A link stays a link: its target is replaced, and the temporary file must be on the target's disk.
    path = path.resolve()
    part, opened = new_part(path.parent)
    try:
        with opened:
            opened.writelines(chunks)
            sync(opened)
        if ready is not None:
            ready()
        move_part(part, path, private=private)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def write_errors(path: Path, *, code: str | None = None, hint: str | None = None) -> Iterator[None]:
    """Turn an OSError into the DocspeedError for a file that can't be written."""
    try:
        yield
    except OSError as error:
        raise DocspeedError(f"can't write {path}: {error.strerror or error}", code=code, hint=hint) from None


def is_replaced(path: Path) -> bool:
    """Whether a new file takes the place of what is at this path, if anything is."""
    return not path.exists() or path.is_file()


def new_part(folder: Path) -> tuple[Path, IO[bytes]]:
    """A new file, readable by the user alone, that becomes another one when it is complete."""
    import tempfile

    number, name = tempfile.mkstemp(prefix=".docspeed-", suffix=".part", dir=folder)
    return Path(name), os.fdopen(number, "w+b")


def sync(file: IO[bytes]) -> None:
    # A file that is renamed before its content is on the disk can be empty after a loss of power.
    file.flush()
    sync_descriptor(file.fileno())


def sync_descriptor(descriptor: int) -> None:
    """Write an open file from the system's memory to the disk, if the file system supports that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def set_mode(path: str | os.PathLike[str], mode: int) -> None:
    """Set a file's mode, except on disks where modes can't be changed: SMB, exFAT, or WSL's /mnt/c."""
    with suppress(PermissionError):
        os.chmod(path, mode)  # noqa: PTH101


def move_part(part: Path, path: Path, *, private: bool = False) -> None:
    if not private:
        mask = os.umask(0)  # the only way to read the umask is to set it
        os.umask(mask)
        set_mode(part, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
    part.replace(path)
