"""Read image headers: the format, and each page's size in pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from docspeed_cli.sandbox.errors import Unreadable

MAX_FRAMES = 500
MAX_HEADER = 16 << 20  # bytes read to find the size; a TIFF may keep it at its end

Size = tuple[float, float]


def content_type(head: bytes) -> str | None:
    """Content type by the first bytes; None if it is not an image."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _MARKS if head.startswith(mark)), None)


def page_sizes(path: Path) -> list[Size]:
    """Width and height of each page; only a TIFF can have several. `Unreadable` for a damaged image."""
    with path.open("rb") as file:
        data = file.read(MAX_HEADER)
    reader = _READERS.get(content_type(data) or "", _unknown)
    try:
        sizes = reader(data)
    except (struct.error, IndexError):
        sizes = []
    if not sizes or any(not w or not h for w, h in sizes):
        raise Unreadable("document_unreadable", "the image is damaged: its size can't be read")
    return sizes


def _unknown(_: bytes) -> list[Size]:
    return []


def _png(data: bytes) -> list[Size]:
    width, height = struct.unpack(">II", data[16:24])
    return [(width, height)]


def _gif(data: bytes) -> list[Size]:
    width, height = struct.unpack("<HH", data[6:10])
    return [(width, height)]


def _bmp(data: bytes) -> list[Size]:
    if struct.unpack("<I", data[14:18])[0] == 12:
        narrow, low = struct.unpack("<HH", data[18:22])
        return [(narrow, low)]
    width, height = struct.unpack("<ii", data[18:26])
    return [(abs(width), abs(height))]


def _jpeg(data: bytes) -> list[Size]:
    at = 2
    while at < len(data):
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return [(width, height)]
        at += (
            2
            if marker == 0x01 or 0xD0 <= marker <= 0xD8
            else 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        )
    return []


def _webp(data: bytes) -> list[Size]:
    kind = data[12:16]
    if kind == b"VP8X":
        return [(1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))]
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return [(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))]
    width, height = struct.unpack("<HH", data[26:30])
    return [(width & 0x3FFF, height & 0x3FFF)]


def _tiff(data: bytes) -> list[Size]:
    order = "<" if data[:2] == b"II" else ">"
    sizes: list[Size] = []
    (at,) = struct.unpack(order + "I", data[4:8])
    while at and len(sizes) < MAX_FRAMES:
        size, at = _tiff_frame(data, at, order)
        sizes.append(size)
    return sizes


def _tiff_frame(data: bytes, at: int, order: str) -> tuple[Size, int]:
    """Size in one image file directory, and the offset of the next directory."""
    (count,) = struct.unpack(order + "H", data[at : at + 2])
    tags = {256: 0, 257: 0}
    for entry in range(at + 2, at + 2 + 12 * min(count, 256), 12):
        tag, kind = struct.unpack(order + "HH", data[entry : entry + 4])
        if tag in tags:
            form = "H" if kind == 3 else "I"
            tags[tag] = struct.unpack_from(order + form, data, entry + 8)[0]
    (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    return (tags[256], tags[257]), following


_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_READERS: dict[str, Callable[[bytes], list[Size]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/tiff": _tiff,
    "image/webp": _webp,
    "image/bmp": _bmp,
    "image/gif": _gif,
}
