"""The tree of commands: finds the one that a command line names, without loading its module or Typer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

HELP = (("-h", "--help"), "Show this message and exit.")
VERSION = (("-V", "--version"), "Show the version and exit.")


class Entry(NamedTuple):
    """A command whose module is not loaded yet, or a group of commands."""

    name: str
    about: str
    where: str = ""
    """Its module below `docspeed_cli.cli.commands`, a colon, and its function."""
    entries: tuple[Entry, ...] = ()
    """The commands of a group."""
    examples: tuple[str, ...] = ()
    """Example commands of a group; those of a command are in its guide."""


class Called(NamedTuple):
    """A command or group that a command line names: its words, its entry, and the words after them."""

    path: str
    entry: Entry
    rest: tuple[str, ...]

    @property
    def flags(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """Flags of a group, with their descriptions."""
        return (VERSION, HELP) if self.path == self.entry.name else (HELP,)


def find(argv: Sequence[str], program: Entry, *, past_flags: bool = False) -> Called:
    """Find the command that a command line names; the innermost group if it goes no further.

    A flag ends the search, unless `past_flags` skips those before the command.
    """
    path, found, rest = program.name, program, tuple(argv)
    while True:
        words = rest
        while past_flags and words and words[0].startswith("-"):
            words = words[1:]
        entry = next((entry for entry in found.entries if words and entry.name == words[0]), None)
        if entry is None:
            return Called(path, found, rest)
        path, found, rest = f"{path} {entry.name}", entry, words[1:]


def commands(entry: Entry, path: str) -> Iterator[Called]:
    """Yield every command and group below this one."""
    for below in entry.entries:
        called = Called(f"{path} {below.name}", below, ())
        yield called
        yield from commands(below, called.path)
