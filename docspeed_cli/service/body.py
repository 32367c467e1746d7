"""An answer's bytes, never parsed on the way: in memory while small, beyond that on the disk or passed on."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.service.outlet import HELD_BACK, Outlet

IN_MEMORY = 256 * 1024
_CHUNK = 256 * 1024
_WRITTEN_BACK = 8 * 1024 * 1024
"""Given to the disk while more comes in, so that the `fsync` at the end finds little left to do."""

READABLE = 64 * 1024 * 1024
"""What is parsed at the most; Python needs some ten times a document's size for it."""

MAX_JSON_VALUES = 3_000_000
"""Values that are read at the most, however few bytes they take: each costs some hundred of the memory's."""
_BETWEEN = (b",", b"{", b"[")
_AS_IT_IS = "take it as it is: --json, or -o FILE"

_LEAD, _PART = ".docspeed-", ".part"
_LEFT = 86400.0
"""Seconds after which nobody writes on at a part any more."""

_DEEPEST = 40
_DIGITS = 640
"""Whatever the limit of the interpreter is, it is not below this."""
_OPENING = re.compile(rb"\s*[{\[]")
_LINE_BREAKS = re.compile(rb"[\r\n]+[ \t\r\n]*")


class Body:
    """Bytes as they came. Large ones go to the outlet, or else to a file in `folder`."""

    def __init__(self, folder: Path | None = None, outlet: Outlet | None = None) -> None:
        self._folder = folder
        self._outlet = outlet
        self._further: Callable[[bytes], object] | None = None
        """Takes what comes once there is too much for the memory."""
        self._given_back = 0
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self._ours = False
        self._parsed: tuple[Any] | None = None
        self.size = 0

    @classmethod
    def of(cls, content: bytes) -> Body:
        """A payload with this content."""
        payload = cls()
        payload.write(content)
        return payload

    @classmethod
    def at(cls, path: Path) -> Body:
        """The payload that a file holds; the file stays."""
        payload = cls()
        payload._path = path
        payload.size = path.stat().st_size
        return payload

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        self.size += len(chunk)
        self._parsed = None
        if self._further is not None:
            self._further(chunk)
            return
        self._memory += chunk
        if self.size > (HELD_BACK if self._outlet is not None else IN_MEMORY):
            self._further = self._overflow()
            held, self._memory = bytes(self._memory), bytearray()
            self._further(held)

    def _overflow(self) -> Callable[[bytes], object]:
        """Where the content goes from now on; what does not look like JSON is passed on to nobody."""
        if self._outlet is not None and _OPENING.match(self._memory):
            self._outlet.begin()
            return self._outlet.take
        self._outlet = None
        self._file = self._made()
        self._path, self._ours = Path(self._file.name), True
        return self._spool

    def _spool(self, chunk: bytes) -> None:
        assert self._file is not None
        self._file.write(chunk)
        if self.size - self._given_back >= _WRITTEN_BACK and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(
                self._file.fileno(), self._given_back, self.size - self._given_back, os.POSIX_FADV_DONTNEED
            )
            self._given_back = self.size

    @property
    def _passed_on(self) -> Outlet | None:
        return self._outlet if self._further is not None else None

    def _made(self) -> IO[bytes]:
        """A file in the folder; where there can be none, one in the system's folder for such files."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                return _part(self._folder)
        file = _part(None)
        if os.name == "posix":
            os.unlink(file.name)  # noqa: PTH108 - so that not even kill -9 leaves a result lying about
        return file

    def clear(self) -> None:
        """Throw the content away, when it is of no use or has been used."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk can't take is thrown away anyhow
                self._file.close()
        if self._path is not None and self._ours:
            self._path.unlink(missing_ok=True)
        self.__init__(self._folder, self._outlet)  # type: ignore[misc]

    def chunks(self) -> Iterator[bytes]:
        """The content from the start."""
        if self._path is None:
            yield bytes(self._memory)
            return
        with self._opened() as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def lines(self) -> Iterator[bytes]:
        """The content, as far as it was not passed on, and a final newline whether or not it had one."""
        if self._passed_on is not None:
            yield b"" if self._passed_on.on_a_new_line else b"\n"
            return
        last = b""
        for chunk in self.chunks():
            yield chunk
            last = chunk or last
        if not last.endswith(b"\n"):
            yield b"\n"

    def on_one_line(self) -> Iterator[bytes]:
        """The content on one line: in JSON, line breaks stand between tokens only; nothing else changes."""
        held = b""
        for chunk in self.chunks():
            joined = held + chunk
            body = joined.rstrip(b" \t\r\n")
            held = joined[len(body) :]
            yield _LINE_BREAKS.sub(b"", body)

    def json(self, limit: int = READABLE) -> Any:
        """The parsed content. DocspeedError where it is too large, too deep, or not JSON."""
        if self._parsed is not None:
            return self._parsed[0]
        if self.size > limit:
            raise DocspeedError(
                f"the result is {self.size / 1e6:.0f} MB of JSON, too large to be converted",
                code="too_large",
                hint=_AS_IT_IS,
            )
        content = b"".join(self.chunks())
        if len(content) > IN_MEMORY and sum(map(content.count, _BETWEEN)) > MAX_JSON_VALUES:
            raise DocspeedError(
                f"the result holds more than {MAX_JSON_VALUES / 1e6:.0f} million values,"
                " too many to be converted",
                code="too_large",
                hint=_AS_IT_IS,
            )
        return parsed(content)

    def plausible(self) -> bool:
        """Whether it looks like JSON from its first byte to its last: a cut answer or HTML does not."""
        if self._outlet is not None and (self._outlet.used or self._passed_on):
            return self._passed_on is not None and self._outlet.whole
        if self.size <= IN_MEMORY:
            content = b"".join(self.chunks())
            try:
                self._parsed = (_loaded(content.decode("utf-8-sig", "surrogateescape")),)
            except RecursionError:
                return _bracketed(content)
            except ValueError:
                return False
            return True
        if self._path is None:
            return _bracketed(self._memory)
        with self._opened() as file:
            head = file.read(1024)
            file.seek(-1024, os.SEEK_END)
            return _bracketed(head + file.read())

    def keep(self, path: Path, *, private: bool = False) -> None:
        """Make it a file: whole, or not at all."""
        if self._file is None or self._path is None or self._folder != path.parent or path.is_symlink():
            write_whole(path, self.lines(), private=private)
            if self._ours:
                self.clear()
                self._path, self.size = path, path.stat().st_size
            return
        with self._opened() as file:
            file.seek(-1, os.SEEK_END)
            ended = file.read() == b"\n"
        if not ended:
            self._file.seek(0, os.SEEK_END)
            self._file.write(b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _finish(self._path, path, private=private)
        self._file, self._path, self._ours = None, path, False

    def _opened(self) -> IO[bytes]:
        assert self._path is not None
        if self._file is None:
            return self._path.open("rb")
        self._file.flush()
        again = os.fdopen(os.dup(self._file.fileno()), "rb")
        again.seek(0)
        return again


Into = Callable[[], Body] | None
"""Makes what takes an answer in, anew for each try; None: a plain payload."""


def _bracketed(content: bytes | bytearray) -> bool:
    text = content.strip()
    return text[:1] + text[-1:] in (b"{}", b"[]")


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_INDENT = "  "


def indented(text: str, most: int) -> tuple[str, bool]:
    """JSON laid out for people, and whether it is all there: each number and string as it was written.

    Of what takes more than `most` characters it is the beginning.
    """
    parts: list[str] = []
    depth, before, left = 0, "", most
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
    return "\n" + _INDENT * min(depth, _DEEPEST)


def parsed(content: bytes) -> Any:
    """The JSON value in these bytes. DocspeedError where there is none."""
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
    return json.loads(content, parse_int=_number)  # more digits than Python turns into a number


def _number(digits: str) -> int | str:
    return int(digits) if len(digits) < _DIGITS else digits


def write_whole(path: Path, chunks: Iterable[bytes], *, private: bool = False) -> None:
    """Write a file so that nobody ever sees half of it; a device or a named pipe is written as it is."""
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.writelines(chunks)
        return
    folder = path.resolve().parent if path.is_symlink() else path.parent
    made = _part(folder)
    part = Path(made.name)
    try:
        with made:
            made.writelines(chunks)
            made.flush()
            os.fsync(made.fileno())
        _finish(part, path, private=private)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(folder: Path, now: float) -> None:
    """Remove what killed runs left half written in this folder, long ago: `now` is the time of day."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{_LEAD}*{_PART}"):
            if path.stat().st_mtime < now - _LEFT:
                path.unlink(missing_ok=True)


def _part(folder: Path | None) -> IO[bytes]:
    import tempfile

    return cast(
        IO[bytes],
        tempfile.NamedTemporaryFile(dir=folder, prefix=_LEAD, suffix=_PART, delete=False),
    )


def _finish(part: Path, path: Path, *, private: bool = False) -> None:
    if not private:
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
    part.replace(path.resolve() if path.is_symlink() else path)
