"""Count the pages of a PDF by its tree of pages. Objects are looked up by its cross-reference table alone."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import add
from typing import Any, NamedTuple

_MAX_STREAM = 16 * 1024 * 1024
"""Bytes of the longest stream that we unpack."""

_MAX_SECTIONS = 10_000
"""Cross-reference sections that we follow: each change of a document may add one."""

_MAX_PAGES = 1_000_000
_MAX_DEPTH = 100
_TAIL = 2048

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
_NUMBER = re.compile(rb"[+-]?\d{1,15}")


class Unreadable(ValueError):
    """The document is encrypted, damaged, or of a form that we don't read."""


class _Ref(NamedTuple):
    number: int


class _Place(NamedTuple):
    """Where an object is: at an offset, or at a position in an object stream."""

    offset: int
    stream: int = 0
    position: int = 0


def pdf_pages(content: Any) -> int:
    """Return the number of pages of the PDF in these bytes (or this map). ValueError if it does not tell."""
    try:
        return _Pdf(content).pages()
    except (RecursionError, zlib.error, IndexError, KeyError, TypeError) as error:
        raise Unreadable(str(error)) from None


class _Pdf:
    def __init__(self, content: Any) -> None:
        self._content = content
        self._base = max(content.find(b"%PDF-", 0, 1024), 0)
        self._places: dict[int, _Place | None] = {}
        self._unpacked: dict[int, tuple[bytes, list[tuple[int, int]]]] = {}
        self._trailer: dict[bytes, Any] = {}
        self._read_sections()

    def pages(self) -> int:
        """Count the leaves of the tree of pages. Unreadable if its own count is another."""
        if b"Encrypt" in self._trailer:
            raise Unreadable("it is encrypted")
        root = self._dictionary(self._trailer.get(b"Root"))
        top = self._dictionary(root.get(b"Pages"))
        counted = sum(1 for _ in islice(self._leaves(top, set(), 0), _MAX_PAGES))
        if counted != self._resolved(top.get(b"Count")):
            raise Unreadable("its pages are not as many as it says")
        return counted

    def _leaves(self, node: dict[bytes, Any], above: set[int], depth: int) -> Iterator[None]:
        kids = self._resolved(node.get(b"Kids"))
        if node.get(b"Type") == b"/Page" or kids is None:
            yield None
            return
        if not isinstance(kids, list) or depth > _MAX_DEPTH:
            raise Unreadable("the tree of pages is damaged")
        for kid in kids:
            if not isinstance(kid, _Ref) or kid.number in above:
                raise Unreadable("the tree of pages is damaged")
            yield from self._leaves(self._dictionary(kid), above | {kid.number}, depth + 1)

    # -- objects

    def _dictionary(self, value: Any) -> dict[bytes, Any]:
        found = self._resolved(value)
        if not isinstance(found, dict):
            raise Unreadable("an object is missing")
        return found

    def _resolved(self, value: Any) -> Any:
        for _ in range(_MAX_DEPTH):
            if not isinstance(value, _Ref):
                return value
            value = self._object(value.number)
        raise Unreadable("objects refer to each other")

    def _object(self, number: int) -> Any:
        place = self._places.get(number)
        if place is None:
            return None
        if place.stream:
            if place.stream not in self._unpacked:
                self._unpacked[place.stream] = self._objects_in(place.stream)
            data, places = self._unpacked[place.stream]
            found, offset = places[place.position]
            if found != number:
                raise Unreadable("an object is not at its place")
            return _Parser(data, offset).value()
        return self._at(place.offset, number)[0]

    def _at(self, offset: int, number: int | None = None) -> tuple[Any, int]:
        """Return the object at an offset, and the offset after it."""
        start = self._base + offset
        head = _OBJECT.match(self._content, start)
        if head is None or (number is not None and int(head[1]) != number):
            raise Unreadable("an object is not at its place")
        parser = _Parser(self._content, head.end())
        return parser.value(), parser.at

    def _stream(self, offset: int) -> tuple[dict[bytes, Any], bytes]:
        """Return the dictionary of the stream at an offset, and its unpacked content."""
        found, at = self._at(offset)
        if not isinstance(found, dict):
            raise Unreadable("a stream is missing")
        start = _STREAM.match(self._content, at)
        length = self._resolved(found.get(b"Length"))
        if start is None or not isinstance(length, int) or not 0 <= length <= _MAX_STREAM:
            raise Unreadable("a stream is damaged")
        packed = bytes(self._content[start.end() : start.end() + length])
        return found, self._unfiltered(found, packed)

    def _unfiltered(self, stream: dict[bytes, Any], packed: bytes) -> bytes:
        names, settings = (self._resolved(stream.get(name)) for name in (b"Filter", b"DecodeParms"))
        names = names if isinstance(names, list) else [] if names is None else [names]
        settings = settings[0] if isinstance(settings, list) and settings else settings
        if names == []:
            return packed
        if names not in ([b"/FlateDecode"], [b"/Fl"]):
            raise Unreadable("a stream has another compression")
        unpacked = zlib.decompressobj().decompress(packed, _MAX_STREAM)
        settings = self._resolved(settings) or {}
        if settings.get(b"Predictor", 1) == 1:
            return unpacked
        columns = (
            settings.get(b"Columns", 1) * settings.get(b"Colors", 1) * settings.get(b"BitsPerComponent", 8)
        )
        return _unpredicted(unpacked, columns // 8)

    def _objects_in(self, number: int) -> tuple[bytes, list[tuple[int, int]]]:
        """Return the content of an object stream, and the number and the offset of each object in it."""
        place = self._places.get(number)
        if place is None or place.stream:
            raise Unreadable("an object stream is missing")
        stream, data = self._stream(place.offset)
        first, count = (self._resolved(stream.get(name)) for name in (b"First", b"N"))
        numbers = [int(found) for found in data[:first].split()[: 2 * count]]
        offsets = [first + offset for offset in numbers[1::2]]
        return data, list(zip(numbers[::2], offsets, strict=True))

    # -- the cross-reference table

    def _read_sections(self) -> None:
        tail = bytes(self._content[-_TAIL:])
        starts = re.findall(rb"startxref[" + _SPACE + rb"]+(\d{1,15})", tail)
        if not starts:
            raise Unreadable("it has no cross-reference table")
        following: list[int] = [int(starts[-1])]
        seen: set[int] = set()
        while following:
            offset = following.pop()
            if offset in seen or len(seen) > _MAX_SECTIONS:
                raise Unreadable("its cross-reference sections form a circle")
            seen.add(offset)
            trailer = self._read_section(offset)
            for name, value in trailer.items():
                self._trailer.setdefault(name, value)
            # The section before this one comes last: newer places win.
            following += [
                trailer[name] for name in (b"Prev", b"XRefStm") if isinstance(trailer.get(name), int)
            ]

    def _read_section(self, offset: int) -> dict[bytes, Any]:
        start = self._base + offset
        table = _TABLE.match(self._content, start)
        if table is None:
            return self._read_stream_section(offset)
        parser = _Parser(self._content, table.end())
        while (word := parser.token()) != b"trailer":
            first, count = _whole(word), _whole(parser.token())
            for number in range(first, first + count):
                entry = parser.match(_ENTRY)
                if entry is None:
                    raise Unreadable("its cross-reference table is damaged")
                self._places.setdefault(number, _Place(int(entry[1])) if entry[3] == b"n" else None)
        trailer = parser.value()
        if not isinstance(trailer, dict):
            raise Unreadable("it has no trailer")
        return trailer

    def _read_stream_section(self, offset: int) -> dict[bytes, Any]:
        stream, data = self._stream(offset)
        widths = [_whole_number(width) for width in stream[b"W"]]
        index = stream.get(b"Index") or [0, stream[b"Size"]]
        numbers = (
            number
            for first, count in zip(index[::2], index[1::2], strict=True)
            for number in range(first, first + count)
        )
        size = sum(widths)
        for row, number in zip(range(0, len(data) - size + 1, size), numbers, strict=False):
            fields = list(_fields(data[row : row + size], widths))
            kind = fields[0] if widths[0] else 1
            in_stream = _Place(0, fields[1], fields[2]) if kind == 2 else None
            self._places.setdefault(number, _Place(fields[1]) if kind == 1 else in_stream)
        return stream


class _Parser:
    """Reads values from an offset on."""

    def __init__(self, content: Any, at: int) -> None:
        self._content = content
        self.at = at

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Return what is matched here, and go on behind it."""
        found = pattern.match(self._content, self.at)
        self.at = self.at if found is None else found.end()
        return found

    def token(self) -> bytes:
        found = self.match(_TOKEN)
        if found is None:
            raise Unreadable("an object is damaged")
        return found[1]

    def value(self, depth: int = 0) -> Any:
        """Return the next value: a dict, a list, a number, a reference, or the token of anything else."""
        return self._value_of(self.token(), depth)

    def _value_of(self, token: bytes, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise Unreadable("it is nested too deeply")
        if token == b"<<":
            return self._dictionary(depth)
        if token == b"[":
            items = []
            while (inner := self.token()) != b"]":
                items.append(self._value_of(inner, depth + 1))
            return items
        if token == b"(":
            self._skip_string()
            return b"()"
        if _NUMBER.fullmatch(token):
            return self._number_or_reference(token)
        return None if token == b"null" else token

    def _dictionary(self, depth: int) -> dict[bytes, Any]:
        found: dict[bytes, Any] = {}
        while (name := self.token()) != b">>":
            if not name.startswith(b"/"):
                raise Unreadable("an object is damaged")
            found[name[1:]] = self.value(depth + 1)
        return found

    def _number_or_reference(self, token: bytes) -> int | _Ref:
        return int(token) if self.match(_REFERENCE) is None else _Ref(int(token))

    def _skip_string(self) -> None:
        depth = 1
        while depth:
            found = _PARENTHESIS.search(self._content, self.at)
            if found is None:
                raise Unreadable("a string has no end")
            self.at = found.end()
            depth += {b"(": 1, b")": -1}.get(found[0], 0)


def _whole(token: bytes) -> int:
    if not token.isdigit():
        raise Unreadable("its cross-reference table is damaged")
    return int(token)


def _whole_number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= 8:
        raise Unreadable("its cross-reference table is damaged")
    return value


def _fields(row: bytes, widths: Sequence[int]) -> Iterator[int]:
    at = 0
    for width in widths:
        yield int.from_bytes(row[at : at + width])
        at += width


_SUM = bytes(n & 0xFF for n in range(2 * 256))


def _unpredicted(data: bytes, width: int) -> bytes:
    """Undo PNG prediction with one byte for each pixel's component, as cross-reference streams have it."""
    rows = bytearray()
    above = bytearray(width)
    for start in range(0, len(data), width + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + width])
        if kind == 2:  # what most programs write
            row = bytearray(map(_SUM.__getitem__, map(add, row, above)))
        for place, byte in enumerate(row if kind not in (0, 2) else b""):
            left = row[place - 1] if place else 0
            corner = above[place - 1] if place else 0
            predicted = (
                0,
                left,
                above[place],
                (left + above[place]) // 2,
                _paeth(left, above[place], corner),
            )
            row[place] = (byte + predicted[kind]) & 0xFF
        rows += row
        above = row + bytearray(width - len(row))
    return bytes(rows)


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda byte: abs(guess - byte))
