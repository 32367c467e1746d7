"""Error messages for command lines that can't be parsed: what is wrong, and the nearest correct spelling."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

from docspeed_cli.cli.groups import Called, Entry, commands, find
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import CLOSE, nearest

_SUGGESTED = re.compile(r"\.?\s+\(?(?:Possible options:|Did you mean)\s+(.*)$")
_UNKNOWN = re.compile(r"no such option: '?([^']+?)'?")

_MAX_COMMANDS = 3
"""Most commands that are named for one flag."""

_REWORDED = (
    (re.compile(r"invalid value for '([^']+)': "), r"\1: "),
    (re.compile(r"got unexpected extra argument(?:s|\(s\))? \((.*)\)"), r"unexpected argument: \1"),
    (re.compile(r"is not a valid (?:int range|int|integer)\b"), "is not a whole number"),
    (re.compile(r"is not in the range (\d+)<=x<=(\d+)"), r"is not from \1 to \2"),
    (re.compile(r"is not in the range x>=(\d+)"), r"is less than \1"),
)
"""Typer's phrases, and what they are replaced with."""


_OTHER_WORDS = {
    "logs": ("watch",),
    "tail": ("watch",),
    "follow": ("watch",),
    "ls": ("list", "show"),
    "ps": ("list",),
    "list": ("show",),
    "show": ("status",),
    "get": ("result", "show"),
    "fetch": ("result",),
    "download": ("result",),
    "rm": ("forget", "logout"),
    "delete": ("forget", "logout"),
    "signin": ("login",),
    "whoami": ("status",),
}
"""Words of other programs for our commands; of several, the first that the group has is suggested."""


def explain_usage_error(message: str, command: str, words: Sequence[str] = ()) -> UsageError:
    """Turn Typer's message into an error whose hint is the nearest correct spelling, or the help to read."""
    suggested = _SUGGESTED.search(message)
    text = _SUGGESTED.sub("", message[:1].lower() + message[1:]).rstrip(".")
    for pattern, replacement in _REWORDED:
        text = pattern.sub(replacement, text)
    unknown = _UNKNOWN.fullmatch(text)
    if unknown is None:
        return UsageError(text, hint=f"{command} --help")
    file = next((word for word in words if word.startswith("-") and os.path.lexists(word)), None)
    if file is not None:
        return UsageError(text, hint=f"for the file, write `./{file}`")
    others = _commands_with(unknown[1]) if len(unknown[1]) > 2 else []
    if others:
        owners = f"{unknown[1]} is a flag of {_commands_in_words(others)}"
        return UsageError(text, hint=f"{owners}; `{command} --help` lists the flags of this command")
    return _unknown_option(unknown[1], command, re.findall(r"--([\w-]+)", suggested[1]) if suggested else [])


def _commands_with(flag: str) -> list[str]:
    """The commands that have this flag."""
    from docspeed_cli.cli.commands import PROGRAM
    from docspeed_cli.cli.framework import describe

    every = (called for called in commands(PROGRAM, PROGRAM.name) if not called.entry.entries)
    return [each.path for each in every if flag in describe(each.entry).flags]


def _commands_in_words(paths: Sequence[str]) -> str:
    named = [path.partition(" ")[2] for path in paths[:_MAX_COMMANDS]]
    if len(paths) > _MAX_COMMANDS:
        return f"{', '.join(named)} and others"
    return " and ".join([*filter(None, [", ".join(named[:-1])]), named[-1]])


def unknown_group_option(option: str, called: Called) -> UsageError:
    """The error for a flag before a command, which most often belongs after it."""
    below = find(called.rest, called.entry, past_flags=True)
    after = called.path.removesuffix(called.entry.name) + below.path
    names = [spellings[-1].lstrip("-") for spellings, _ in called.flags]
    near = nearest(option.lstrip("-"), names)
    if option.startswith("--api-key") or (near and below.entry is called.entry):
        return _unknown_option(option, called.path, names)
    hint = f"flags come after the command; `{after} --help` lists them"
    return UsageError(f"no such option: {option}", hint=hint)


def unknown_command(word: str, called: Called, program: Entry) -> UsageError:
    """The error for a command that a group lacks."""
    near = _nearest_command(word.lower(), called, program)
    return UsageError(f"no such command '{word}'", hint=_nearest_hint(near, called.path))


def _nearest_command(word: str, called: Called, program: Entry) -> str | None:
    """The full command that is meant: by its very name, by another program's word for it, or misspelt."""
    own = {entry.name: f"{called.path} {entry.name}" for entry in called.entry.entries}
    # Of several with the same name, such as `status`, the first is meant.
    everywhere = {each.entry.name: each.path for each in reversed(tuple(commands(program, program.name)))}
    words, at_top = _OTHER_WORDS.get(word, ()), called.entry is program
    for names, meant in ((own, words), (everywhere, (word, *words) if at_top else (word,))):
        for name in meant:
            if name in names:
                return names[name]
    if near := nearest(word, own):
        return own[near]
    # What is only similar is looked for nearby: `jobs lgin` is a command over jobs, not `auth login`.
    others = everywhere if at_top else [entry.name for entry in program.entries]
    return everywhere.get(nearest(word, others, CLOSE) or "")


def _unknown_option(option: str, command: str, names: Iterable[str]) -> UsageError:
    text = f"no such option: {option}"
    if option.startswith("--api-key"):
        # Everyone can read the value of a flag with `ps`, so there is no flag for the key.
        return UsageError(text, hint="use `docspeed auth login` or DOCSPEED_API_KEY")
    # Compared without the dashes, which make all flags look alike.
    near = nearest(option.lstrip("-"), names)
    return UsageError(text, hint=_nearest_hint(near and f"--{near}", command))


def _nearest_hint(near: str | None, command: str) -> str:
    return f"did you mean `{near}`? `{command} --help` lists them all" if near else f"{command} --help"
