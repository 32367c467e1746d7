"""Tell which files of a searched folder are left out because of their names."""

from __future__ import annotations

from pathlib import Path


def why_skipped(path: Path) -> str | None:
    """Why a file in a searched folder is skipped for its name: `hidden` or `unsupported`; else None."""
    from docspeed_cli.jobs.media_types import SUFFIXES

    if is_clutter(path.name):
        return "hidden"
    return None if path.suffix.lower() in SUFFIXES else "unsupported"


def is_clutter(name: str) -> bool:
    """Whether a file is hidden, a lock of an Office program, or made by a file manager."""
    return name.startswith((".", "~$")) or name.lower() in ("thumbs.db", "desktop.ini")
