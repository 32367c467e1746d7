"""Tell which files of a searched folder to skip: by their names, or because we wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from docspeed_cli.core.timefmt import counted

_REASONS = {
    "unsupported": "of unsupported type",
    "hidden": "hidden or made by the system",
    "unfinished": "unfinished or kept as a backup",
    "ours": "written by docspeed",
    "absent": "that iCloud has not downloaded",
}

_SYSTEM_FOLDERS = {
    *("__macosx", "@eadir", "#recycle", "@recycle", "$recycle.bin", "system volume information"),
    "lost+found",
}
"""Folders of archives, network storage and systems: thumbnails and deleted files, with documents' names."""

_UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".opdownload", ".download", ".tmp", ".temp")
"""Endings of downloads and copies under way; Safari makes a folder that ends in `.download`."""
_BACKUPS = ("~", ".bak", ".orig")


def why_skipped(path: Path) -> str | None:
    """Why a file in a searched folder is skipped: one of the words of `_REASONS`; else None."""
    from docspeed_cli.jobs.documents.media_types import SUFFIXES

    if path.name.startswith(".") and path.suffix == ".icloud":
        return "absent"
    if is_clutter(path.name):
        return "hidden"
    if path.name.lower().endswith((*_UNFINISHED, *_BACKUPS)):
        return "unfinished"
    if path.suffix.lower() == ".xlsx" and _is_ours(path):
        return "ours"
    return None if path.suffix.lower() in SUFFIXES else "unsupported"


def in_words(skipped: Iterable[Path]) -> str:
    """How many files were skipped for each reason, such as `2 files written by docspeed`."""
    reasons = [why_skipped(path) or "unsupported" for path in skipped]
    listed = [(reasons.count(reason), words) for reason, words in _REASONS.items()]
    return " and ".join(f"{counted(count, 'file')} {words}" for count, words in listed if count)


def _is_ours(path: Path) -> bool:
    """Whether we wrote a workbook: as a document, it would be paid for."""
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(path) as book:
            return b"<dc:creator>docspeed</dc:creator>" in book.read("docProps/core.xml")
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return False


def is_system_folder(name: str) -> bool:
    """Whether a folder is hidden, made by the system, or an unfinished download: it is not searched."""
    return name.startswith(".") or name.lower() in _SYSTEM_FOLDERS or name.lower().endswith(".download")


def is_clutter(name: str) -> bool:
    """Whether a file is hidden, a lock of an Office program, or made by a file manager."""
    return name.startswith((".", "~$")) or name.lower() in ("thumbs.db", "desktop.ini")
