"""Names of result files: inside their folder, valid on any system, never the same for two results."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from pathlib import Path

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Job, Source

_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?")
"""Names that Windows takes for devices."""

_MAX_NAME_SIZE = 180
"""Longest name in UTF-8 bytes: file systems allow 255, and a number and an extension may follow."""

CORRECTIONS = ".corrections.json"
"""End of the name of the file with a reviewer's corrections of a result."""

_PATTERN_FIELDS = ("stem", "name", "operation", "ext")


class ResultNames:
    """Names the files of one folder, by the pattern of `--output-name` if there is one."""

    def __init__(self, folder: Path, extension: str, pattern: str | None = None) -> None:
        self._folder = folder
        self._extension = extension
        self._pattern = pattern
        self._taken: set[str] = set()

    def name(self, source: Source | None, operation: str, job: Job | None = None) -> Path:
        """The file for this input: unique, and the same on every run over the same inputs."""
        folder = self._folder
        if source is not None and source.below is not None and source.path is not None:
            parts = source.path.parent.relative_to(source.below).parts
            folder = folder.joinpath(*map(safe_filename, parts))
        stem = _stem(source, job)
        name = f"{safe_filename(stem)}.{self._extension}"
        if self._pattern is not None:
            original = source.filename if source and source.filename else stem
            fields = {"stem": stem, "name": original, "operation": operation, "ext": self._extension}
            name = safe_filename(self._pattern.format_map(fields))
        if name.casefold().endswith(CORRECTIONS):  # a file of this name has reviewers' decisions
            name = f"{name[: -len(CORRECTIONS)]}_corrections.json"
        path, number = folder / name, 1
        while (key := comparable(path)) in self._taken:
            number += 1
            path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        self._taken.add(key)
        return path


def comparable(path: Path) -> str:
    """The path in a form that is equal for names that some file system takes for the same."""
    # Decomposed first, as Unicode's rule for caseless matching has it: folding changes some composed
    # characters in another way than their parts.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", str(path)).casefold())


def check_pattern(pattern: str, output: str | None) -> None:
    """UsageError if `--output-name` can't name files."""
    if output is None:
        raise UsageError("--output-name names the files in a folder; add `-o DIR` to name the folder")
    if any(separator in pattern for separator in "/\\") or not pattern.strip(". "):
        raise UsageError(f"--output-name {pattern}: it names files in the folder of `-o`, without a path")
    try:
        pattern.format_map(dict.fromkeys(_PATTERN_FIELDS, "x"))
    except (ValueError, KeyError, AttributeError, IndexError):
        known = ", ".join(f"{{{name}}}" for name in _PATTERN_FIELDS)
        raise UsageError(f"--output-name {pattern}: the only placeholders are {known}") from None


def suggested_filename(source: Source | None, job: Job) -> str:
    """A name for this result's file that is free in the current folder."""
    stem = f"{safe_filename(_stem(source, job))}.{job.operation}"
    names = (f"{stem}-{number}.json" if number > 1 else f"{stem}.json" for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))


def _stem(source: Source | None, job: Job | None) -> str:
    if source is not None and source.file_id is not None and source.label == source.file_id:
        return source.file_id
    label = source.filename or source.label if source is not None else job.input if job else None
    if not label:
        return job.ref if job else "result"
    return Path(label).name.rsplit(".", 1)[0]


def safe_filename(text: str) -> str:
    """A file name for this text that leads to no other folder, on any system."""
    name = _UNSAFE.sub("_", text).strip(". ")
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    # The cut may go through a character, whose first bytes are then dropped.
    name = name.encode("utf-8", "replace")[:_MAX_NAME_SIZE].decode("utf-8", "ignore")
    # The cut may also leave a dot or a blank at the end, where Windows drops them.
    return name.strip(". ") or "_"
