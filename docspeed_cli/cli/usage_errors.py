"""Error messages for command lines that can't be parsed: what is wrong, and the nearest correct spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from docspeed_cli.cli.framework import Entry
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest

_SUGGESTED = re.compile(r"\.?\s+\(?(?:Possible options:|Did you mean)\s+(.*)$")
_UNKNOWN = re.compile(r"no such (?P<kind>command|option):? '?(?P<word>[^']+?)'?")

_REWORDED = (
    (re.compile(r"invalid value for '([^']+)': "), r"\1: "),
    (re.compile(r"got unexpected extra argument(?:s|\(s\))? \((.*)\)"), r"unexpected argument: \1"),
    (re.compile(r"is not a valid (?:int range|int|integer)\b"), "is not a whole number"),
    (re.compile(r"is not in the range (\d+)<=x<=(\d+)"), r"is not from \1 to \2"),
    (re.compile(r"is not in the range x>=(\d+)"), r"is less than \1"),
)
"""Typer's phrases, and what they are replaced with."""


def explain_usage_error(message: str, argv: Sequence[str], entries: Sequence[Entry]) -> UsageError:
    """Turn Typer's message into an error whose hint is the nearest correct spelling, or the help to read."""
    suggested = _SUGGESTED.search(message)
    text = _SUGGESTED.sub("", message[:1].lower() + message[1:]).rstrip(".")
    for pattern, replacement in _REWORDED:
        text = pattern.sub(replacement, text)
    called, below = _called_command(argv, entries)
    hint = f"{called} --help"
    unknown = _UNKNOWN.fullmatch(text)
    if unknown is None:
        return UsageError(text, hint=hint)
    word, near = unknown["word"], None
    if unknown["kind"] == "command":
        near = _nearest_command(word, called, below, entries)
    elif word.startswith("--api-key"):
        # Everyone can read the value of a flag with `ps`, so there is no flag for the key.
        return UsageError(text, hint="use `docspeed auth login` or DOCSPEED_API_KEY")
    else:
        # The parser stops at an unknown flag, so the command may come after it.
        command, _ = _called_command(argv, entries, skip_others=True)
        if below and (command != called or not suggested):
            return UsageError(text, hint=f"flags come after the command; `{command} --help` lists them")
        # Compared without the dashes, which make all flags look alike.
        names = re.findall(r"--([\w-]+)", suggested[1]) if suggested else []
        if near := nearest(word.lstrip("-"), names):
            near = f"--{near}"
    return UsageError(text, hint=f"did you mean `{near}`? `{hint}` lists them all" if near else hint)


def _called_command(
    argv: Sequence[str], entries: Sequence[Entry], *, skip_others: bool = False
) -> tuple[str, Sequence[Entry]]:
    """Return the command that `argv` begins with, and the commands below it."""
    command = "docspeed"
    for word in argv:
        entry = next((entry for entry in entries if entry.name == word), None)
        if entry is not None:
            command, entries = f"{command} {word}", entry.entries
        elif not skip_others:
            break
    return command, entries


def _nearest_command(word: str, group: str, below: Sequence[Entry], entries: Sequence[Entry]) -> str | None:
    """Return the command with the nearest name."""
    found = [*_all_commands(below, group), *_all_commands(entries, "docspeed")]
    # Of several with the same name, such as `status`, the first is meant: the group's own, if it has one.
    commands = dict(reversed(found))
    return commands.get(nearest(word.lower(), commands) or "")


def _all_commands(entries: Sequence[Entry], group: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the full command of each entry and of those below it."""
    for entry in entries:
        command = f"{group} {entry.name}"
        yield entry.name, command
        yield from _all_commands(entry.entries, command)
