"""Pair expected results with actual ones by name, and replace the expected ones with them."""

from __future__ import annotations

import shlex
import unicodedata
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.files import display_path, write_whole
from docspeed_cli.core.json_text import json_file, read_json
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.stored.stored_results import (
    StoredResult,
    decisions_about,
    read_result_file,
    result_files,
)
from docspeed_cli.results.corrections import corrected


class Pair(NamedTuple):
    """An expected and an actual result of one name; one of them may be missing."""

    name: str
    expected: Path | None
    actual: Path | None
    target: Path
    """Where the expected result is, or would be."""

    def problem(self) -> str | None:
        """Return what prevents the comparison, if anything does."""
        if self.expected is None:
            return "there is no expected result of this name"
        return "the actual result is missing" if self.actual is None else None

    def read(self) -> tuple[StoredResult, StoredResult]:
        """Read both results."""
        return read_result_file(self.name, Path(str(self.expected))), read_result_file(
            self.name, Path(str(self.actual))
        )


def pairs_of(expected: Path, actual: Path, *, to_update: bool = False) -> list[Pair]:
    """Return the pairs of two files, or of two folders by the names in them. UsageError if there are none.

    With `to_update`, the folder of expected results need not exist yet.
    """
    for path in (expected, actual):
        if not path.exists() and not (to_update and path is expected and actual.is_dir()):
            first = path is expected and actual.is_dir()
            names = shlex.join(map(display_path, (expected, actual)))
            hint = f"`docspeed diff {names} --update --yes` takes the actual results as the expected ones"
            raise UsageError(f"{display_path(path)}: no such file or folder", hint=hint if first else None)
    if expected.is_dir() != actual.is_dir() and expected.exists():
        raise UsageError(
            f"{display_path(expected)} and {display_path(actual)}: compare two files, or two folders"
        )
    if not actual.is_dir():
        return [Pair(display_path(actual), expected, actual, expected)]
    sides = [{_name_in(folder, path): path for path in result_files(folder)} for folder in (expected, actual)]
    found = sorted({*sides[0], *sides[1]})
    if not found:
        raise UsageError(f"{display_path(expected)} and {display_path(actual)} have no results (*.json)")
    return [
        Pair(display_path(name), sides[0].get(name), sides[1].get(name), sides[0].get(name, expected / name))
        for name in found
    ]


def _name_in(folder: Path, path: Path) -> Path:
    """The name of a result, with its accents in one form, so that names can be compared."""
    return Path(unicodedata.normalize("NFC", str(path.relative_to(folder))))


def update_expected(context: Context, pair: Pair) -> None:
    """Make the actual result, with its corrections, the expected one; warn about corrections that are lost.

    DocspeedError if it can't be read or written.
    """
    actual = Path(str(pair.actual))
    decisions = decisions_about(context, actual, None)
    try:
        content = actual.read_bytes()
        found = corrected(read_json(content), decisions.values())
        pair.target.parent.mkdir(parents=True, exist_ok=True)
        # Without corrections, the bytes are copied: writing the JSON again would change its layout.
        write_whole(pair.target, json_file(found.payload) if found.corrections else [content])
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DocspeedError(f"{pair.name} can't be updated: {reason}", code="write_failed") from None
    for problem in found.problems():
        context.output.warn(f"{pair.name}: {problem}")
