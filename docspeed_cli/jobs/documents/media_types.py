"""Detect a document's type from its content: refuse only what the service can't accept."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

from docspeed_cli.core.errors import InputProblem

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".docx": _DOCX,
    ".xlsx": _XLSX,
}
SUFFIXES = tuple(MEDIA_TYPES)
_SUPPORTED = "PDF, PNG, JPEG, TIFF, WebP, BMP, GIF, DOCX and XLSX"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The beginnings of TIFF and BigTIFF, little-endian and big-endian."""

_RAW_SUFFIXES = frozenset(
    (
        *(".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".k25", ".kdc"),
        *(".mef", ".mos", ".nef", ".nrw", ".pef", ".rwl", ".sr2", ".srf", ".srw"),
    )
)
"""Suffixes of camera raw files that are built like TIFF."""

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
"""Sizes in bytes of the second header of every version of BMP."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The beginning of Microsoft's container file, which holds old and encrypted Office documents."""

_OLE_CONTENTS = (
    ("EncryptedPackage", "it is protected with a password; save a copy without one"),
    ("WordDocument", "it is a Word document in the old format (.doc); save it as .docx or PDF"),
    ("Workbook", "it is an Excel workbook in the old format (.xls); save it as .xlsx or PDF"),
)

_HEAD = 1024
"""Bytes in which PDF readers look for the header, and at the end for the last line."""

_PDF = re.compile(rb"(?:\xef\xbb\xbf)?\s*%PDF-\d")
_LATE_PDF = re.compile(rb"(?<![\"'`])%PDF-\d\.\d[ \t]*[\r\n]")
"""A PDF's header after other bytes; in source code or an article it has a quote before or text after it."""

_PDF_END = re.compile(rb"%%EOF\s*\Z")
_CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")


def media_type_of(path: Path) -> str:
    """The file's media type by its content. InputProblem if it is empty, unreadable or unsupported."""
    try:
        with path.open("rb") as file:
            # A little more than readers search: a header that begins at the last byte is still seen whole.
            head = file.read(_HEAD + 16)
            found = _media_type(path, file, head)
    except OSError as error:
        raise InputProblem(f"can't be read: {error.strerror or error}") from None
    if not head:
        raise InputProblem("it is empty")
    if found is not None:
        return found
    suffix = path.suffix if path.suffix.lower() in SUFFIXES else ""
    named = f"it is named {suffix}, but its content" if suffix else "its content"
    raise InputProblem(f"{named} is not of a supported type ({_SUPPORTED})")


def _media_type(path: Path, file: BinaryIO, head: bytes) -> str | None:
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head.startswith(_TIFF):
        from docspeed_cli.jobs.documents.tiff import is_camera_raw

        if path.suffix.lower() in _RAW_SUFFIXES or is_camera_raw(file):
            raise InputProblem("it is a camera's raw file; export it as JPEG or TIFF")
        return "image/tiff"
    # Two letters are too little evidence: a text may begin with `BM` too.
    if head.startswith(b"BM") and len(head) >= 26 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return "image/bmp"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"PK\x03\x04"):
        return _office_type(path)
    if head.startswith(_OLE):
        raise InputProblem(_ole_problem(file))
    late = _LATE_PDF.search(head)
    is_pdf = _PDF.match(head) or (late and late.start() < _HEAD and _ends_as_pdf(file))
    return "application/pdf" if is_pdf else None


def _ends_as_pdf(file: BinaryIO) -> bool:
    """Whether a file with a PDF's header after other bytes ends like a PDF; text that quotes one does not."""
    file.seek(max(file.seek(0, 2) - _HEAD, 0))
    tail = file.read()
    file.seek(0)
    return bool(_PDF_END.search(tail)) or (b"%%EOF" in tail and not _is_text(file.read(64 * _HEAD)))


def _is_text(content: bytes) -> bool:
    text = content.decode("utf-8", "replace")[:-4]  # a character may be cut at the end
    return "\ufffd" not in text and not _CONTROL.search(text)


def _office_type(path: Path) -> str | None:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.namelist()
    # A damaged or unusual directory can make `zipfile` raise any of these.
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error):
        return None
    # Some programs write backslashes; the names of parts count in any case.
    names = [name.replace("\\", "/").lstrip("/").casefold() for name in listed]
    if "[content_types].xml" not in names:
        return None
    for folder, media_type in (("word/", _DOCX), ("xl/", _XLSX)):
        if any(name.startswith(folder) for name in names):
            return media_type
    return None


def _ole_problem(file: BinaryIO) -> str:
    """Why a container file is unsupported, by the names in its directory, which may be anywhere in it."""
    file.seek(0)
    content = file.read()
    problems = (problem for name, problem in _OLE_CONTENTS if name.encode("utf-16-le") in content)
    return next(problems, f"it is a document in an old format; save it as one of {_SUPPORTED}")
