"""The bytes of an answer: in memory up to 256 KiB, in a temporary file beyond that.

A body of up to 256 KiB is parsed once, to see whether it is JSON. Of a larger one only the first and last
bytes are looked at. Nothing else is parsed unless a caller asks for the value.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.files import is_replaced, move_part, new_part, sync, write_whole
from docspeed_cli.core.json_text import TooDeep, read_json

IN_MEMORY = 256 * 1024
"""Largest body in bytes that stays in memory."""

MAX_JSON_SIZE = 64 * 1024 * 1024
"""Largest JSON in bytes that we parse; Python needs about ten times as much memory for the value."""

_CHUNK = 256 * 1024
"""Bytes read from disk at a time."""

_WRITE_BACK = 8 * 1024 * 1024
"""Bytes after which the system is asked to write a file to the disk while more of it arrives."""

_LINE_BREAKS = rb"[\r\n]+[ \t\r\n]*"


class Body:
    """The bytes of one answer: in memory while small, then in a temporary file.

    With `folder` the temporary file is made there, so that `save` need not copy it.
    """

    def __init__(self, content: bytes = b"", folder: Path | None = None) -> None:
        self.size = len(content)
        self._file: IO[bytes] = io.BytesIO()
        self._file.write(content)
        self._folder = folder
        self._part: Path | None = None

    @classmethod
    def at(cls, path: Path) -> Body:
        """A body whose content is in an existing file, which is never removed."""
        return cls.of(path.open("rb"))

    @classmethod
    def of(cls, file: IO[bytes]) -> Body:
        """A body whose content is in an open file; clearing it closes the file."""
        body = cls()
        body.size = file.seek(0, os.SEEK_END)
        body._file = file
        return body

    def write(self, chunk: bytes) -> None:
        """Append bytes; nothing is read before all are there. OSError where the disk does not take them."""
        self.size += len(chunk)
        if self.size > IN_MEMORY and isinstance(self._file, io.BytesIO):
            content = self._file.getvalue()
            self._file = self._temporary_file()
            self._file.write(content)
        self._file.write(chunk)
        if self._part is not None and self.size % _WRITE_BACK < len(chunk):
            _start_write_back(self._file)

    def _temporary_file(self) -> IO[bytes]:
        import tempfile

        if self._folder is None:
            # The file has no name, so not even kill -9 leaves a result behind.
            return tempfile.TemporaryFile()
        self._part, file = new_part(self._folder)
        return file

    def clear(self) -> None:
        """Discard the content."""
        with suppress(OSError):  # a full disk may refuse the last bytes, which we don't want anyway
            self._file.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def chunks(self) -> Iterator[bytes]:
        """The content from the start, in chunks of bounded size."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def save(self, path: Path) -> None:
        """Write the content and a final newline to a file, as `write_whole` does.

        A content in a temporary file of the same folder is moved, and can't be read from here any more.
        """
        part, target = self._part, path.resolve()
        if part is None or part.parent != target.parent or not is_replaced(path):
            write_whole(path, self.lines())
            return
        try:
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")
            sync(self._file)
            self._file.close()  # Windows can't rename an open file
            move_part(part, target)
        finally:
            self.clear()

    def lines(self) -> Iterator[bytes]:
        """The content, with a final newline added if it has none."""
        last = b""
        for chunk in self.chunks():
            yield chunk
            last = chunk
        if not last.endswith(b"\n"):
            yield b"\n"

    def on_one_line(self) -> Iterator[bytes]:
        """The content without its line breaks and byte order mark; the value stays the same.

        JSON has line breaks between tokens only, never inside one, so this needs no parser.
        """
        pending, mark = b"", b"\xef\xbb\xbf"
        for chunk in self.chunks():
            joined, mark = pending + chunk.removeprefix(mark), b""
            ready = joined.rstrip(b" \t\r\n")
            # A line break may go on in the next chunk, so the white space at the end waits for it.
            pending = joined[len(ready) :]
            yield re.sub(_LINE_BREAKS, b"", ready)

    def json(self, limit: int = MAX_JSON_SIZE, what: str = "the answer") -> Any:
        """The parsed content; `what` names it in errors. DocspeedError if it is too large or unreadable."""
        if self.size > limit:
            raise DocspeedError(
                f"the result is {self.size / 1e6:.0f} MB of JSON, too large to be converted",
                code="too_large",
                hint="use `--json` or `-o FILE` to get it unchanged",
            )
        return parsed(b"".join(self.chunks()), what)

    def plausible(self) -> bool:
        """Whether it looks like JSON from its first byte to its last, unlike HTML or a truncated answer."""
        if self.size <= IN_MEMORY:
            try:
                self.json()
                return True
            except DocspeedError as error:
                # JSON that is too deep for us is still the user's result, so its ends decide, as below.
                if error.code == "not_json":
                    return False
        self._file.seek(0)
        head = self._file.read(1024)
        self._file.seek(-1024, os.SEEK_END)
        text = (head + self._file.read()).strip()
        return text[:1] + text[-1:] in (b"{}", b"[]")


def parsed(content: bytes, what: str = "the answer") -> Any:
    """The JSON value in these bytes; `what` names them in errors. Bytes that are not UTF-8 are replaced.

    DocspeedError if they are not JSON, or nested too deeply.
    """
    try:
        try:
            return read_json(content)
        except UnicodeDecodeError:  # a text with a byte of another encoding must not cost a paid result
            return read_json(content.decode("utf-8", "replace"))
    except TooDeep:
        raise DocspeedError(f"{what} is nested too deeply to be read", code="too_deep") from None
    except ValueError as error:
        raise DocspeedError(f"{what} is not JSON: {error}", code="not_json") from None


def _start_write_back(file: IO[bytes]) -> None:
    # Otherwise the final fsync of a large result takes a quarter of the whole time.
    if sys.platform == "linux":
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
