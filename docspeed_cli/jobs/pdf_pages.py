"""Count the pages of a PDF by its tree of pages. Objects are looked up by its cross-reference table alone."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import accumulate, islice
from operator import add
from typing import Any, NamedTuple

_MAX_STREAM = 16 * 1024 * 1024
"""Bytes of the longest stream that we unpack."""

_MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes that we unpack of one document: a few kilobytes can hold a stream of the longest kind."""

_MAX_NODES = 100_000
"""Nodes of the tree of pages that we visit: many may have the same ones below them."""


_SPACE = rb"\0\t\n\f\r "
_TOKEN = re.compile(
    rb"(?>(?:[" + _SPACE + rb"]|%[^\r\n]*)*)"
    rb"(<<|>>|[\[\]{}]|/[^" + _SPACE + rb"()<>\[\]{}/%]*|\(|<[0-9A-Fa-f" + _SPACE + rb"]*>|"
    rb"[^" + _SPACE + rb"()<>\[\]{}/%]+)"
)
_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_OBJECT = re.compile(rb"[" + _SPACE + rb"]*(\d{1,10})[" + _SPACE + rb"]+(\d{1,5})[" + _SPACE + rb"]+obj\b")
_ENTRY = re.compile(rb"[" + _SPACE + rb"]*(\d{10})[ ](\d{5})[ ]([nf])")
_REFERENCE = re.compile(rb"[" + _SPACE + rb"]+\d{1,5}[" + _SPACE + rb"]+R(?![^" + _SPACE + rb"()<>\[\]{}/%])")
_STREAM = re.compile(rb"[" + _SPACE + rb"]*stream(?:\r\n|\n|\r)")
_TABLE = re.compile(rb"[" + _SPACE + rb"]*xref\b")
_START = re.compile(rb"startxref[" + _SPACE + rb"]+(\d{1,15})")
_NUMBER = re.compile(rb"[+-]?\d{1,15}")


class _Ref(NamedTuple):
    number: int


class _Place(NamedTuple):
    """Where an object is: at an offset, or at a position in an object stream."""

    offset: int
    stream: int = 0
    position: int = 0


def pdf_pages(content: Any, max_nodes: int = _MAX_NODES) -> int:
    """Return the number of pages of the PDF in these bytes (or this map). ValueError if it does not tell."""
    try:
        return _Pdf(content).pages(max_nodes)
    except (AttributeError, LookupError, RecursionError, TypeError, zlib.error) as error:
        # Damage turns an object into another kind than the one that it is used as.
        raise ValueError(f"it is damaged: {error}") from None
    except (MemoryError, OverflowError):
        raise ValueError("it is damaged: a number in it is too large") from None


class _Pdf:
    """The objects of a PDF. Where it is damaged, any of the errors that `pdf_pages` catches is raised."""

    def __init__(self, content: Any) -> None:
        self._content = content
        self._base = max(content.find(b"%PDF-", 0, 1024), 0)
        self._places: dict[int, _Place | None] = {}
        self._unpacked: dict[int, tuple[bytes, list[tuple[int, int]]]] = {}
        self._trailer: dict[bytes, Any] = {}
        self._left = _MAX_UNPACKED
        self._read_sections()

    def pages(self, max_nodes: int) -> int:
        """Count the leaves of the tree of pages. ValueError if its own count is another."""
        if b"Encrypt" in self._trailer:
            raise ValueError("it is encrypted")
        root = self._resolved(self._trailer[b"Root"])
        top = self._resolved(root[b"Pages"])
        counted = sum(islice(self._leaves(top), max_nodes))
        if counted != self._resolved(top[b"Count"]):
            raise ValueError("its pages are not as many as it says")
        return counted

    def _leaves(self, node: dict[bytes, Any]) -> Iterator[int]:
        """Yield 1 for each leaf and 0 for each other node, this one included."""
        kids = self._resolved(node.get(b"Kids"))
        if node.get(b"Type") == b"/Page" or kids is None:
            yield 1
            return
        yield 0
        for kid in kids:
            yield from self._leaves(self._resolved(kid))

    # -- objects

    def _resolved(self, value: Any) -> Any:
        return self._resolved(self._object(value.number)) if isinstance(value, _Ref) else value

    def _object(self, number: int) -> Any:
        place = self._places.get(number)
        if place is None:
            return None
        if not place.stream:
            parser = self._at(place.offset, number)
            return parser.value()
        if place.stream not in self._unpacked:
            self._unpacked[place.stream] = self._objects_in(place.stream)
        data, places = self._unpacked[place.stream]
        found, offset = places[place.position]
        if found != number:
            raise ValueError("an object is not at its place")
        return _Parser(data, offset).value()

    def _at(self, offset: int, number: int | None = None) -> _Parser:
        """Return what reads the object at an offset."""
        parser = _Parser(self._content, self._base + offset)
        found = int(parser.take(_OBJECT)[1])
        if number not in (None, found):
            raise ValueError("an object is not at its place")
        return parser

    def _stream(self, offset: int) -> tuple[dict[bytes, Any], bytes]:
        """Return the dictionary of the stream at an offset, and its unpacked content."""
        parser = self._at(offset)
        found = parser.value()
        length = self._resolved(found[b"Length"])
        if not 0 <= length <= _MAX_STREAM:
            raise ValueError("a stream is too long")
        start = parser.take(_STREAM).end()
        return found, self._unfiltered(found, bytes(self._content[start : start + length]))

    def _unfiltered(self, stream: dict[bytes, Any], packed: bytes) -> bytes:
        names, settings = (self._resolved(stream.get(name)) for name in (b"Filter", b"DecodeParms"))
        if names in (None, []):
            return packed
        if names not in (b"/FlateDecode", b"/Fl", [b"/FlateDecode"], [b"/Fl"]):
            raise ValueError("a stream has another compression")
        unpacked = zlib.decompressobj().decompress(packed, _MAX_STREAM)
        self._left -= len(unpacked)
        if self._left < 0:
            raise ValueError("its streams are too long")
        settings = self._resolved(settings[0] if isinstance(settings, list) else settings) or {}
        if settings.get(b"Predictor", 1) == 1:
            return unpacked
        columns = (
            settings.get(b"Columns", 1) * settings.get(b"Colors", 1) * settings.get(b"BitsPerComponent", 8)
        )
        return _unpredicted(unpacked, columns // 8)

    def _objects_in(self, number: int) -> tuple[bytes, list[tuple[int, int]]]:
        """Return the content of an object stream, and the number and the offset of each object in it."""
        place = self._places[number] or _Place(0)
        stream, data = self._stream(place.offset)
        first, count = (self._resolved(stream[name]) for name in (b"First", b"N"))
        numbers = [int(found) for found in data[:first].split()[: 2 * count]]
        offsets = [first + offset for offset in numbers[1::2]]
        return data, list(zip(numbers[::2], offsets, strict=True))

    # -- the cross-reference table

    def _read_sections(self) -> None:
        last = _Parser(self._content, max(self._content.rfind(b"startxref"), 0))
        following = [int(last.take(_START)[1])]
        place = self._base + following[0]
        if not (_TABLE.match(self._content, place) or _OBJECT.match(self._content, place)):
            self._base = 0  # some programs count the bytes before the header too
        seen: set[int] = set()
        while following:
            offset = following.pop()
            if offset in seen:  # two tables may share a stream
                continue
            seen.add(offset)
            trailer = self._read_section(offset)
            for name, value in trailer.items():
                self._trailer.setdefault(name, value)
            # The section before this one comes last: newer places win.
            following += [trailer[name] for name in (b"Prev", b"XRefStm") if name in trailer]

    def _read_section(self, offset: int) -> Any:
        parser = _Parser(self._content, self._base + offset)
        if parser.match(_TABLE) is None:
            return self._read_stream_section(offset)
        while (word := parser.token()) != b"trailer":
            first, count = int(word), int(parser.token())
            for number in range(first, first + count):
                entry = parser.take(_ENTRY)
                self._places.setdefault(number, _Place(int(entry[1])) if entry[3] == b"n" else None)
        return parser.value()

    def _read_stream_section(self, offset: int) -> dict[bytes, Any]:
        stream, data = self._stream(offset)
        widths: list[int] = stream[b"W"]
        index = stream.get(b"Index") or [0, stream[b"Size"]]
        numbers = (
            number
            for first, count in zip(index[::2], index[1::2], strict=True)
            for number in range(first, first + count)
        )
        size = sum(widths)
        for row, number in zip(range(0, len(data) - size + 1, size), numbers, strict=False):
            ends = zip(widths, accumulate(widths), strict=True)
            fields = [int.from_bytes(data[row + end - width : row + end]) for width, end in ends]
            kind = fields[0] if widths[0] else 1
            in_stream = _Place(0, fields[1], fields[2]) if kind == 2 else None
            self._places.setdefault(number, _Place(fields[1]) if kind == 1 else in_stream)
        return stream


class _Parser:
    """Reads values from an offset on. ValueError where there is none."""

    def __init__(self, content: Any, at: int) -> None:
        self._content = content
        self._at = at

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Return what is matched here, and go on behind it."""
        found = pattern.match(self._content, self._at)
        self._at = self._at if found is None else found.end()
        return found

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Return what is matched here, which must be there, and go on behind it."""
        found = self.match(pattern)
        if found is None:
            raise ValueError("an object is damaged")
        return found

    def token(self) -> bytes:
        return self.take(_TOKEN)[1]

    def value(self) -> Any:
        """Return the next value: a dict, a list, a number, a reference, or the token of anything else."""
        return self._value_of(self.token())

    def _value_of(self, token: bytes) -> Any:
        if token == b"<<":
            members = {}
            while (name := self.token()) != b">>":
                members[name[1:]] = self.value()
            return members
        if token == b"[":
            items = []
            while (inner := self.token()) != b"]":
                items.append(self._value_of(inner))
            return items
        if token == b"(":
            self._skip_string()
            return b"()"
        if _NUMBER.fullmatch(token):
            return int(token) if self.match(_REFERENCE) is None else _Ref(int(token))
        return None if token == b"null" else token

    def _skip_string(self) -> None:
        depth = 1
        while depth:
            found = _PARENTHESIS.search(self._content, self._at)
            if found is None:
                raise ValueError("a string has no end")
            self._at = found.end()
            depth += {b"(": 1, b")": -1}.get(found[0], 0)


_SUM = bytes(n & 0xFF for n in range(2 * 256))


def _unpredicted(data: bytes, width: int) -> bytes:
    """Undo PNG's prediction by the byte above, with which programs write cross-reference streams."""
    rows = bytearray()
    above = bytearray(width)
    for start in range(0, len(data), width + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + width])
        if kind not in (0, 2):
            raise ValueError("a stream has another prediction")
        if kind == 2:
            row = bytearray(map(_SUM.__getitem__, map(add, row, above)))
        rows += row
        above = row + bytearray(width - len(row))
    return bytes(rows)
