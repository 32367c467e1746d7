"""Count the pages of a PDF by its tree of pages.

The file is searched for its objects, not read by its cross-reference table: a changed file has the new
versions of its objects behind the old ones, so the last object of a number counts.
"""

from __future__ import annotations

import re
import zlib
from functools import cache
from typing import Any

_OBJECT = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+obj$")
_REFERENCE = re.compile(rb"\s*(\d{1,10})\s+\d{1,5}\s+R\b")
_ROOT = re.compile(rb"/Root\s+(\d{1,10})\s+\d{1,5}\s+R\b")
_ENCRYPTED = re.compile(rb"/Encrypt\s*(\d|<<)")
_LEAF = re.compile(rb"/Type\s*/Page\b")
_STREAM = re.compile(rb"stream\r?\n")
_FIRST = re.compile(rb"/First\s+(\d{1,10})\b")

_NAME, _HEAD = 24, 512
"""Bytes in which an object is named, and in which an object stream has its members."""

_MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes of all object streams that are unpacked."""


def pdf_pages(content: Any) -> int:
    """Return the number of pages of the PDF in these bytes (or this map). ValueError if it does not tell."""
    if content.rfind(b"startxref") < 0 or _ENCRYPTED.search(content):
        raise ValueError("it is cut off or encrypted")
    if content.find(b"%PDF-") != content.rfind(b"%PDF-"):
        raise ValueError("another PDF is attached to it uncompressed, and the objects of both look the same")
    try:
        return _Pdf(content).pages()
    except (LookupError, RecursionError, zlib.error) as error:
        raise ValueError(f"it is damaged: {error}") from None


class _Pdf:
    """The objects of a PDF. Where it is damaged, any of the errors that `pdf_pages` catches is raised."""

    def __init__(self, content: Any) -> None:
        self._content = content
        self._pages_below = cache(self._count)  # a damaged tree may lead to one node in many ways
        self._room = _MAX_UNPACKED
        self._places: dict[int, tuple[Any, int, int]] = {}
        """What holds an object, and where it begins and ends in there; 0 for the file's own `endobj`."""
        for found in re.finditer(rb"obj\b", content):
            start = found.end()
            named = _OBJECT.search(content[max(start - _NAME, 0) : start])
            if named is not None:
                self._places[int(named[1])] = (content, start, 0)
                members = content[start : start + _HEAD].partition(b"stream")[0]
                if b"/ObjStm" in members and b"endobj" not in members:
                    self._unpack(start)

    def _unpack(self, start: int) -> None:
        """Find the objects in the object stream that begins here."""
        begin = _matched(_STREAM, self._content, start).end()
        members = self._content[start:begin]
        data = self._content[begin : self._content.find(b"endstream", begin)]
        if b"/Fl" in members:
            # To zlib, 0 means that there is no limit.
            data = zlib.decompressobj().decompress(data, max(self._room, 1))
            self._room -= len(data)
        first = int(_matched(_FIRST, members)[1])
        numbers = [int(number) for number in data[:first].split()]
        offsets = [first + offset for offset in numbers[1::2]]
        for number, at, end in zip(numbers[::2], offsets, [*offsets[1:], len(data)], strict=True):
            self._places[number] = (data, at, end)

    def pages(self) -> int:
        """Count the leaves of the tree of pages. ValueError if its own count is another."""
        # Each change to the file adds a trailer; the last one counts.
        *_, root = _ROOT.finditer(self._content)
        top = int(_matched(_REFERENCE, _after(b"/Pages", self._text(int(root[1]))))[1])
        counted = self._pages_below(top)
        if not re.match(rb"\s*%d\b" % counted, self._member(b"/Count", self._text(top))):
            raise ValueError("it does not have as many pages as it says")
        return counted

    def _count(self, number: int) -> int:
        node = self._text(number)
        if _LEAF.search(node) or b"/Kids" not in node:
            return 1
        kids = self._member(b"/Kids", node).partition(b"]")[0]
        return sum(self._pages_below(int(kid)) for kid in _REFERENCE.findall(kids))

    def _member(self, name: bytes, text: bytes) -> bytes:
        """Return the text from a member's value on; that of the object if the value is a reference."""
        value = _after(name, text)
        reference = _REFERENCE.match(value)
        return value if reference is None else self._text(int(reference[1]))

    def _text(self, number: int) -> bytes:
        holder, start, end = self._places[number]
        return bytes(holder[start : end or holder.find(b"endobj", start)])


def _after(name: bytes, text: bytes) -> bytes:
    return text[text.index(name) + len(name) :]


def _matched(pattern: re.Pattern[bytes], text: Any, start: int = 0) -> re.Match[bytes]:
    found = pattern.search(text, start)
    if found is None:
        raise ValueError("it is damaged")
    return found
