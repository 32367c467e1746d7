"""A document on its way to the service: exactly the content that was read before, or an error."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import IO, NamedTuple, cast

from docspeed_cli.core.errors import DocspeedError


class Upload(NamedTuple):
    """A file to store: its path, and its size in bytes and SHA-256 when it was read."""

    path: Path
    size: int
    digest: str
    filename: str
    content_type: str

    def open(self) -> IO[bytes]:
        """Open the file. DocspeedError if it can't be opened."""
        try:
            return cast("IO[bytes]", _UnchangedFile(self.path.open("rb"), self))
        except OSError as error:
            raise DocspeedError(f"{self.filename} can't be read: {error.strerror or error}") from None

    @property
    def changed(self) -> DocspeedError:
        """The error for content that is not what was read before."""
        return DocspeedError(f"{self.filename} changed since it was read", hint="run the same command again")


class _UnchangedFile(io.RawIOBase):
    """A file that is read to the length it had at first, whatever its length is now.

    An upload names its length first, so a file that grows or shrinks meanwhile would break the exchange.
    """

    def __init__(self, file: IO[bytes], upload: Upload) -> None:
        self._file = file
        self._upload = upload
        self._sum = hashlib.sha256()

    def close(self) -> None:
        self._file.close()
        super().close()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to the start, or as far as the end that the file had."""
        self._sum = hashlib.sha256()
        return self._file.seek(self._upload.size if whence == os.SEEK_END else offset)

    def read(self, size: int = -1, /) -> bytes:
        """Read the next bytes. DocspeedError in place of the last ones if the content has changed."""
        left = self._upload.size - self._file.tell()
        try:
            piece = self._file.read(left if size < 0 else min(size, left))
        except OSError as error:
            name = self._upload.filename
            raise DocspeedError(f"{name} can't be read: {error.strerror or error}") from None
        self._sum.update(piece)
        ended = len(piece) == left
        if (left and not piece) or (ended and left and self._sum.hexdigest() != self._upload.digest):
            raise self._upload.changed
        return piece
