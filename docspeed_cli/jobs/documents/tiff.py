"""Read the directories of a TIFF or BigTIFF: how many pages it has, and whether it is a camera raw file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_SUB_IFDS, _PHOTOMETRIC, _DNG_VERSION = 330, 262, 50706
_SENSOR = (32803, 34892)
"""Photometric interpretations of a sensor's data."""

_KINDS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""The `struct` letters of TIFF's kinds of whole numbers."""

# A damaged BigTIFF may claim billions of either.
_MAX_ENTRIES, _MAX_VALUES = 1000, 8

_DAMAGE_ERRORS = (struct.error, OSError, ValueError, OverflowError)
"""Exceptions that mean that a file is cut short or damaged."""


def tiff_pages(file: BinaryIO) -> int | None:
    """Count the pages: each has a directory. None if the file is damaged."""
    try:
        return sum(1 for _ in _Tiff(file).pages()) or None
    except _DAMAGE_ERRORS:
        return None


def is_camera_raw(file: BinaryIO) -> bool:
    """Whether a file that begins like TIFF holds a sensor's data: in its first image or in those below it."""
    tiff = _Tiff(file)
    if tiff.head[8:10] == b"CR" or tiff.head[8:] in (b"IIII", b"MMMM"):  # Canon's and Phase One's marks
        return True
    try:
        first = tiff.tags(next(tiff.pages(), 0))
        below = (tiff.tags(place) for place in first.get(_SUB_IFDS, []))
        return any(
            _DNG_VERSION in tags or any(value in _SENSOR for value in tags.get(_PHOTOMETRIC, []))
            for tags in (first, *below)
        )
    except _DAMAGE_ERRORS:  # still a TIFF
        return False


class _Tiff:
    """The directories of a file. One of `_DAMAGE_ERRORS` is raised if it is cut short or damaged."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        self.head = file.read(12)
        self._order = "<" if self.head[:2] == b"II" else ">"
        self._is_big = b"+" in self.head[2:4]
        self._count_form, self._entry_size = ("Q", 20) if self._is_big else ("H", 12)
        self._offset = "Q" if self._is_big else "I"

    def pages(self) -> Iterator[int]:
        """Yield the offset of each page's directory."""
        seen: set[int] = set()
        (place,) = self._read(8 if self._is_big else 4, self._offset)
        while place:
            if place in seen:
                raise ValueError("the directories form a circle")
            seen.add(place)
            yield place
            start, count = self._entries(place)
            (place,) = self._read(start + count * self._entry_size, self._offset)

    def tags(self, place: int) -> dict[int, list[int]]:
        """The values of the tags that we use, in the directory at this offset."""
        start, count = self._entries(place)
        found = {}
        for at in range(start, start + min(count, _MAX_ENTRIES) * self._entry_size, self._entry_size):
            tag, kind, length = self._read(at, f"HH{self._offset}")
            if tag in (_SUB_IFDS, _PHOTOMETRIC, _DNG_VERSION):
                values = f"{min(length, _MAX_VALUES)}{_KINDS.get(kind, 'B')}"
                room = struct.calcsize(self._offset)
                inside = at + 4 + room
                # TIFF puts values into the entry if they fit there; otherwise the entry has their place.
                fits = struct.calcsize(f"={values}") <= room
                found[tag] = list(self._read(inside if fits else self._read(inside, self._offset)[0], values))
        return found

    def _entries(self, place: int) -> tuple[int, int]:
        """The offset of a directory's entries, and their number."""
        (count,) = self._read(place, self._count_form)
        return place + struct.calcsize(self._count_form), count

    def _read(self, place: int, form: str) -> tuple[int, ...]:
        self._file.seek(place)
        form = self._order + form
        return struct.unpack(form, self._file.read(struct.calcsize(form)))
