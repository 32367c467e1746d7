"""The bytes of an answer: in memory up to 256 KiB, in a file on disk beyond that.

A body of up to 256 KiB is parsed once, to see whether it is JSON. Of a larger one only the first and last
bytes are looked at. Nothing else is parsed unless a caller asks for the value.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from docspeed_cli.core.errors import DocspeedError

if TYPE_CHECKING:
    import hashlib

IN_MEMORY = 256 * 1024
"""Largest body in bytes that stays in memory."""

MAX_JSON_SIZE = 64 * 1024 * 1024
"""Largest JSON in bytes that we parse; Python needs about ten times as much memory for the value."""

MAX_JSON_VALUES = 3_000_000
"""Most JSON values we parse; each takes about 100 bytes of memory, however few it takes in the text."""

_CHUNK = 256 * 1024
"""Bytes read from disk at a time."""

_PART_PREFIX, _PART_SUFFIX = ".docspeed-", ".part"
_PART_LIFETIME = 86400.0
"""Seconds after which a partly written file must be the leftover of a killed process."""

_MAX_INDENT = 40
_MAX_INT_DIGITS = 640
"""Longest integer in digits that Python converts under any setting of its limit."""

_LINE_BREAKS = re.compile(rb"[\r\n]+[ \t\r\n]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Body:
    """The bytes of one answer: in memory while small, then in a file of `folder` (or of the system's)."""

    def __init__(self, folder: Path | None = None, *, hashed: bool = False) -> None:
        self.size = 0
        self._folder = folder
        self._memory = bytearray()
        self._spool: IO[bytes] | None = None
        """The temporary file that holds the content, open for reading and writing."""
        self._path: Path | None = None
        """The name of the file that holds the content, if it has one."""
        self._parsed: tuple[Any] | None = None
        self._hash = _new_hash() if hashed else None
        """The SHA-256 of what was written so far, for a file that must not be read again to be hashed."""
        self._ends_line = False

    @classmethod
    def of(cls, content: bytes) -> Body:
        """A body with this content."""
        body = cls()
        body.write(content)
        return body

    @classmethod
    def at(cls, path: Path) -> Body:
        """A body whose content is in an existing file, which is never removed."""
        body = cls()
        body._path = path
        body.size = path.stat().st_size
        return body

    def write(self, chunk: bytes) -> None:
        """Append bytes. OSError where the disk does not take them."""
        self.size += len(chunk)
        self._parsed = None
        if self._hash is not None:
            self._hash.update(chunk)
            self._ends_line = chunk.endswith(b"\n")
        if self._spool is not None:
            self._spool.write(chunk)
            return
        self._memory += chunk
        if self.size > IN_MEMORY:
            self._spool = self._new_spool()
            self._spool.write(self._memory)
            self._memory = bytearray()

    def _new_spool(self) -> IO[bytes]:
        """A temporary file in the folder, or in the system's one if that folder can't be written."""
        if self._folder is not None:
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                file = _new_part(self._folder)
                self._path = Path(file.name)
                return file
        self._folder = None
        file = _new_part(None)
        if os.name == "posix":
            os.unlink(file.name)  # noqa: PTH108 - without a name, not even kill -9 leaves a result behind
        else:
            self._path = Path(file.name)
        return file

    def clear(self) -> None:
        """Discard the content."""
        if self._spool is not None:
            with suppress(OSError):  # a full disk may refuse the last bytes, which we don't want anyway
                self._spool.close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)
        self._memory = bytearray()
        self._spool = self._path = self._parsed = None
        self.size = 0

    def chunks(self) -> Iterator[bytes]:
        """The content from the start, in chunks of bounded size."""
        if self._spool is None and self._path is None:
            yield bytes(self._memory)
            return
        with self._reader() as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def lines(self) -> Iterator[bytes]:
        """The content, with a final newline added if it has none."""
        last = b""
        for chunk in self.chunks():
            yield chunk
            last = chunk or last
        if not last.endswith(b"\n"):
            yield b"\n"

    def sha256(self) -> str:
        """The SHA-256 of what `lines` yields, in hexadecimal; a `hashed` body need not be read for it."""
        if self._hash is None:
            found = _new_hash()
            for chunk in self.lines():
                found.update(chunk)
        else:
            found = self._hash.copy()
            found.update(b"" if self._ends_line else b"\n")
        return found.hexdigest()

    def on_one_line(self) -> Iterator[bytes]:
        """The content without its line breaks; the value stays the same.

        JSON has line breaks between tokens only, never inside one, so this needs no parser.
        """
        pending = b""
        for chunk in self.chunks():
            joined = pending + chunk
            ready = joined.rstrip(b" \t\r\n")
            # A line break may go on in the next chunk, so the white space at the end waits for it.
            pending = joined[len(ready) :]
            yield _LINE_BREAKS.sub(b"", ready)

    def json(self, limit: int = MAX_JSON_SIZE) -> Any:
        """The parsed content. DocspeedError if it is too large, too deep, or not JSON."""
        if self._parsed is not None:
            return self._parsed[0]
        if self.size > limit:
            raise _too_large(f"is {self.size / 1e6:.0f} MB of JSON, too large")
        content = b"".join(self.chunks())
        # Commas and brackets inside strings count too: the number is an upper bound, and takes no parsing.
        if len(content) > IN_MEMORY and sum(map(content.count, (b",", b"{", b"["))) > MAX_JSON_VALUES:
            raise _too_large(f"holds more than {MAX_JSON_VALUES / 1e6:.0f} million values, too many")
        return parsed(content)

    def plausible(self) -> bool:
        """Whether it looks like JSON from its first byte to its last, unlike HTML or a truncated answer."""
        if self.size > IN_MEMORY:
            with self._reader() as file:
                head = file.read(1024)
                file.seek(-1024, os.SEEK_END)
                return _bracketed(head + file.read())
        content = b"".join(self.chunks())
        try:
            self._parsed = (_loaded(content.decode("utf-8-sig", "surrogateescape")),)
        except RecursionError:
            return _bracketed(content)
        except ValueError:
            return False
        return True

    def keep(self, path: Path, *, private: bool = False) -> None:
        """Write it to a file, whole or not at all; `private` is for the user's eyes only. OSError."""
        if self._spool is None or self._path is None or self._folder != path.parent or path.is_symlink():
            write_whole(path, self.lines(), private=private)
            return
        # The temporary file is in the right folder already: renaming it saves writing the content again.
        with self._reader() as file:
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._spool.close()
        _move_into_place(self._path, path, private=private)
        self._spool, self._path = None, path

    def _reader(self) -> AbstractContextManager[IO[bytes]]:
        if self._spool is None:
            assert self._path is not None
            return self._path.open("rb")
        self._spool.flush()
        self._spool.seek(0)
        return nullcontext(self._spool)


NewBody = Callable[[], Body] | None
"""Makes the body for an answer, once for each try; None makes one that spools to the system's folder."""


def _new_hash() -> hashlib._Hash:
    import hashlib

    return hashlib.sha256()


def _too_large(what: str) -> DocspeedError:
    hint = "take it unchanged: `--json`, or `-o FILE`"
    return DocspeedError(f"the result {what} to be converted", code="too_large", hint=hint)


def _bracketed(content: bytes | bytearray) -> bool:
    text = content.strip()
    return text[:1] + text[-1:] in (b"{}", b"[]")


def indented(text: str, max_chars: int) -> tuple[str, bool]:
    """JSON indented for people, and whether all of it fits; numbers and strings stay as written.

    Longer output ends after about `max_chars` characters.
    """
    parts: list[str] = []
    depth, before, left = 0, "", max_chars
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in "]}":
            depth -= 1
            lead = "" if before in ("[", "{") else _line_at(depth)
        else:
            lead = _line_at(depth) if before in ("[", "{", ",") and before else ""
        if token in "[{":
            depth += 1
        parts.append(lead + (": " if token == ":" else token))
        left -= len(parts[-1])
        if left < 0:
            return "".join(parts), False
        before = token
    return "".join(parts), True


def _line_at(depth: int) -> str:
    return "\n" + "  " * min(depth, _MAX_INDENT)


def parsed(content: bytes) -> Any:
    """The JSON value in these bytes. DocspeedError if they are not JSON, or nested too deeply."""
    try:
        return _loaded(content)
    except RecursionError:
        raise DocspeedError("the answer is nested too deeply to be read", code="too_deep") from None
    except ValueError as error:
        raise DocspeedError(f"the answer is not JSON: {error}", code="not_json") from None


def _loaded(content: str | bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
            raise
    # Python refuses to convert very long integers; we keep those as text, since a result is paid for.
    return json.loads(content, parse_int=_number)


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) < _MAX_INT_DIGITS else digits


def write_whole(path: Path, chunks: Iterable[bytes], *, private: bool = False) -> None:
    """Write a file so that no reader ever sees half of it; devices and named pipes are written directly."""
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.writelines(chunks)
        return
    # A link stays a link: its target is replaced, and the temporary file must be on the target's disk.
    made = _new_part(path.resolve().parent if path.is_symlink() else path.parent)
    part = Path(made.name)
    try:
        with made:
            made.writelines(chunks)
            made.flush()
            os.fsync(made.fileno())
        _move_into_place(part, path, private=private)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(folder: Path, now: float) -> None:
    """Remove the partly written files that killed processes left in a folder; `now` is in Unix seconds."""
    with suppress(OSError):
        for path in folder.glob(f"{_PART_PREFIX}*{_PART_SUFFIX}"):
            if path.stat().st_mtime < now - _PART_LIFETIME:
                path.unlink(missing_ok=True)


def _new_part(folder: Path | None) -> IO[bytes]:
    import tempfile

    return cast(
        IO[bytes],
        tempfile.NamedTemporaryFile(dir=folder, prefix=_PART_PREFIX, suffix=_PART_SUFFIX, delete=False),
    )


def _move_into_place(part: Path, path: Path, *, private: bool = False) -> None:
    """Rename a finished temporary file; unless private, it gets the mode that a plain `open` would give."""
    if not private:
        mask = os.umask(0)  # the only way to read the umask is to set it
        os.umask(mask)
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
    part.replace(path.resolve() if path.is_symlink() else path)
