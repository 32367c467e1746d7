"""Write the completions at the cursor as lines for a shell's script.

The lines are: first `none`, or `files` and the file endings that fit; then the part of the word that precedes
each value, such as `--format=`; then a line for each value, with a tab and its description.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from docspeed_cli.cli.groups import Entry
from docspeed_cli.terminal.sanitize import sanitize


class Candidate(NamedTuple):
    """A word that fits at the cursor, and its description."""

    text: str
    about: str = ""


class Completion(NamedTuple):
    """Everything that fits at the cursor."""

    values: tuple[Candidate, ...] = ()
    files: tuple[str, ...] | None = None
    """Endings of the files that fit; empty if any file does, None if no file does. Folders always fit."""
    prefix: str = ""
    """Part of the word that stands before the value, such as `--format=`."""


def described(entries: Iterable[Entry]) -> tuple[Candidate, ...]:
    """The names of commands, with what they do."""
    return tuple(Candidate(entry.name, entry.about) for entry in entries)


def to_lines(found: Completion, incomplete: str) -> str:
    """Write the reply's lines, with only the values that begin with the typed word."""
    kind = "none" if found.files is None else " ".join(("files", *found.files))
    typed = incomplete.removeprefix(found.prefix)
    # A tab or a line break in a value would be read as the start of another one.
    lines = [
        f"{value.text}\t{sanitize(value.about, multiline=False)}"
        for value in found.values
        if value.text.startswith(typed) and value.text.isprintable()
    ]
    return "".join(f"{line}\n" for line in (kind, found.prefix, *lines))
