"""The files that a command reads, so that none of its results replaces one of them."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.files import file_digest
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.jobs.filenames import CORRECTIONS

Identity = tuple[int, int] | tuple[int, int, str]
"""Device and inode of a file; of a file that does not exist yet, those of its folder, and its name."""


class FilesRead:
    """The files that one command has read, by whatever path or link it reached them."""

    def __init__(self, settings_files: Iterable[Path] = (), stdin: TextIO | None = None) -> None:
        self._new: list[tuple[Path, str]] = [(path, str(path)) for path in settings_files]
        self._labels: dict[Identity, str] = {}
        self._missing: set[object] = set()
        """Names of files that would be read if they existed."""
        self._contents: dict[str, str] = {}
        found = _stdin_identity(stdin) if stdin is not None else None
        if found is not None:
            self._labels[found] = "the file on standard input"

    def add(self, path: Path, label: str) -> None:
        """Record that the command reads this file; `label` is what the user called it."""
        self._new.append((path, label))

    def add_content(self, digest: str | None, label: str) -> None:
        """Record that the command reads a file with this content, wherever it is."""
        if digest is not None:
            self._contents[digest] = label

    def add_inputs(self, inputs: Inputs, sources: Iterable[Source]) -> None:
        """Record the documents that are local files, and the list that names them."""
        if inputs.listed not in (None, "-"):
            self.add(Path(str(inputs.listed)), str(inputs.listed))
        self._new += [(source.path, source.label) for source in sources if source.path]

    def label_at(self, output: Path) -> str | None:
        """Return the label of the input, or of the decisions, that this output would replace; else None."""
        for path, label in self._new:
            found = _file_identity(path)
            if found is not None:
                self._labels.setdefault(found, label)
                self._missing.update(found[2:])
        self._new.clear()
        if output.name.casefold().endswith(CORRECTIONS) and os.path.isfile(output):  # noqa: PTH113
            return f"the reviewers' decisions in {output}"
        same = self._contents.get(digest_or_none(output) or "") if self._contents else None
        if same is not None:
            return same
        # A run has thousands of new files: only one with such a name, or a link, is worth resolving.
        new = not os.path.lexists(output)
        found = None if new and _folded(output.name) not in self._missing else _file_identity(output)
        return self._labels.get(found) if found is not None else None

    def check_output(self, output: Path, flag: str) -> None:
        """UsageError if a result at this path, which this flag names, would replace a file that is read."""
        label = self.label_at(output)
        if label is not None:
            raise replaces_input(output, label, flag)


def replaces_input(output: Path, label: str, flag: str = "") -> UsageError:
    """The error for a result that would replace the file that the user named so."""
    what = "a file that this command reads" if label == str(output) else f"{label}, which this command reads"
    return UsageError(f"{flag} {output} would replace {what}".strip(), hint="choose another place for it")


def digest_or_none(path: Path) -> str | None:
    """The digest of a file's content; None for a folder, a device, or a file that can't be read."""
    try:
        return file_digest(path) if path.is_file() else None
    except OSError:
        return None


def is_same_file(path: Path, other: Path) -> bool:
    """Whether both paths lead to one file."""
    found = _file_identity(path)
    return found is not None and found == _file_identity(other)


def _file_identity(path: Path) -> Identity | None:
    """What tells this file from every other; None for a device, a pipe or a folder: no result replaces it."""
    try:
        return _regular(path.stat())
    except (OSError, ValueError):
        pass
    try:
        path = path.resolve()
        folder = path.parent.stat()
    except (OSError, ValueError, RuntimeError):
        return None
    # File systems differ in which names they take for the same, so the most tolerant rule is applied.
    return folder.st_dev, folder.st_ino, _folded(path.name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _stdin_identity(stdin: TextIO) -> Identity | None:
    try:
        return _regular(os.fstat(stdin.fileno()))
    except (OSError, ValueError):  # closed, or not a stream of the operating system
        return None


def _regular(found: os.stat_result) -> Identity | None:
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
