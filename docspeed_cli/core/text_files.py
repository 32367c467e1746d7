"""Read text that users write: in UTF-8 or UTF-16, with lines that end at LF or CRLF."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # The mark of UTF-32 begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the encodings that they announce."""

_CHUNK = 64 * 1024


def read_text(path: Path) -> str:
    """Read a text file. OSError if it can't be read; ValueError says what it is instead of text."""
    return decode_text(path.read_bytes()).replace("\r\n", "\n")


def decode_text(content: bytes) -> str:
    """Decode text, without its byte order mark. ValueError says what it is instead of text."""
    mark, encoding = _mark_of(content)
    if not mark and content[:2].count(0) == 1:  # nothing else has one NUL in its first two bytes
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise ValueError(
            f"it is not {encoding.upper().removesuffix('-LE').removesuffix('-BE')} text"
        ) from None
    if "\0" in text:
        raise ValueError("it is not text: it has NUL characters")
    return text


def read_lines(stream: IO[bytes], end: str = "\n") -> Iterator[str]:
    r"""Yield the lines of a list as they arrive, without their ends; `\n` takes CRLF too.

    Bytes that are not text are kept as `os.fsdecode` keeps them.
    """
    # `read` would wait for a whole chunk, while a program may write its list line by line.
    read = cast(io.BufferedIOBase, stream).read1
    head = read(_CHUNK)
    while len(head) < 4 and any(mark.startswith(head) for mark, _ in _MARKS) and (more := read(_CHUNK)):
        head += more
    mark, encoding = _mark_of(head)
    errors = "replace"
    if not mark:
        # A list without a mark has the names of files as the file system has them.
        encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
    decode = codecs.getincrementaldecoder(encoding)(errors).decode
    parts: list[str] = []  # of a line that goes on in the next chunk
    chunk = head[len(mark) :] or read(_CHUNK)
    while chunk:
        part, *lines = decode(chunk).split(end)
        parts.append(part)
        for line in lines:
            yield _without_return("".join(parts), end)
            parts = [line]
        chunk = read(_CHUNK)
    parts.append(decode(b"", final=True))
    if last := "".join(parts):
        yield _without_return(last, end)


def _mark_of(content: bytes) -> tuple[bytes, str]:
    return next((row for row in _MARKS if content.startswith(row[0])), (b"", "utf-8"))


def _without_return(line: str, end: str) -> str:
    return line.removesuffix("\r") if end == "\n" else line
