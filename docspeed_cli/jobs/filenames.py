"""Names the files that results go to: inside their folder, on any system, and never two results in one."""

from __future__ import annotations

import itertools
import os
import re
import string
import unicodedata
from pathlib import Path

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Job, Source

_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?")


class Names:
    """The names in one folder, as `--output-name` has it where that is given."""

    def __init__(self, folder: Path, extension: str, pattern: str | None = None) -> None:
        self._folder = folder
        self._extension = extension
        self._pattern = pattern
        self._taken: set[str] = set()

    def name(self, source: Source | None, operation: str, job: Job | None = None) -> Path:
        """A file for this input: inside the folder, and no other input's; the same on every run."""
        folder = self._folder.joinpath(*_below(source))
        stem = _stem(source, job)
        name = safe_name(stem) + f".{self._extension}"
        if self._pattern is not None:
            original = source.filename if source and source.filename else stem
            parts = {"stem": stem, "name": original, "operation": operation, "ext": self._extension}
            name = safe_name(self._pattern.format_map(parts))
        return self._untaken(folder, name)

    def _untaken(self, folder: Path, name: str) -> Path:
        stem, dot, extension = name.rpartition(".")
        stem, extension = (stem, dot + extension) if stem else (name, "")
        number = 1
        while (key := _alike(folder / name)) in self._taken:
            number += 1
            name = f"{stem}-{number}{extension}"
        self._taken.add(key)
        return folder / name


def _alike(path: Path) -> str:
    """What is equal for names that some system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())


def _below(source: Source | None) -> list[str]:
    """The folders that `--recursive` went through to the input."""
    if source is None or source.below is None or source.path is None:
        return []
    return [safe_name(part) for part in source.path.parent.relative_to(source.below).parts]


def check_pattern(pattern: str, output: str | None) -> None:
    """UsageError where `--output-name` names no files."""
    if output is None:
        raise UsageError("--output-name names the files in a folder; give the folder with -o DIR")
    known = ("stem", "name", "operation", "ext")
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
        unknown = [name for name in used if name not in known]
        pattern.format_map(dict.fromkeys(known, "x"))
    except (ValueError, KeyError, AttributeError, IndexError):
        unknown = [pattern]
    if unknown:
        fields = ", ".join(f"{{{name}}}" for name in known)
        raise UsageError(f"--output-name {pattern}: the fields are {fields}")


def suggested(source: Source | None, job: Job) -> str:
    """A name for the file of this result, which no file here has."""
    stem = f"{safe_name(_stem(source, job))}.{job.operation}"
    names = (f"{stem}-{number}.json" if number > 1 else f"{stem}.json" for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def _stem(source: Source | None, job: Job | None) -> str:
    if source is not None and (source.path is not None or source.filename):
        return Path(source.filename or str(source.path)).name.rsplit(".", 1)[0]
    if source is not None and source.label != source.file_id:
        return Path(source.label).name.rsplit(".", 1)[0]
    if source is not None:
        return source.file_id or "result"
    if job is not None and job.input:
        return Path(job.input).name.rsplit(".", 1)[0]
    return job.ref if job else "result"


def safe_name(text: str) -> str:
    """A file name that stands for this text and leads nowhere else, on any system."""
    name = _UNSAFE.sub("_", text).strip(". ")
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    while len(name.encode("utf-8", "replace")) > 180:
        name = name[:-1]
    return name.strip(". ") or "_"
