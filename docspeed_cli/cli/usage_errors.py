"""Says in our own words what is wrong with a command line, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from docspeed_cli.cli.framework import TOPICS, Entry, group, root
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest

_NEAR = re.compile(r"[.;]?\s+\(?(?:Possible options:|Did you mean)\s+.*$")
_WRONG = re.compile(r"no such (?P<kind>command|option):? '?(?P<word>[^']+?)'?")
_VALUE = re.compile(r"invalid value for '(?P<name>[^']+)': ")
_RANGE = re.compile(r"is not in the range (?:(?P<low>\d+)<=)?x(?:>=(?P<least>\d+)|<=(?P<most>\d+))?")

_NO_KEY_FLAG = "docspeed auth login, or DOCSPEED_API_KEY: each ps would show a flag's value"

_OTHER_WORDS = {
    "ask": "chat",
    "job": "jobs",
    "ls": "jobs list",
    "ocr": "parse",
    "version": "--version",
    "jobs delete": "jobs forget",
    "jobs get": "jobs result",
    "jobs ls": "jobs list",
    "jobs show": "jobs status",
    "config edit": "config path",
    "config get": "config show",
    "config list": "config show",
    "config set": "config path",
}
"""What people call some commands, and what these are called."""


def misunderstood(message: str, argv: Sequence[str], entries: Sequence[Entry]) -> UsageError:
    """The error for what the parser of command lines said."""
    text = message[:1].lower() + message[1:].rstrip(".")
    told = _in_our_words(_NEAR.sub("", text))
    words, below = _command(argv, entries)
    help_ = " ".join(["docspeed", *words, "--help"])
    wrong = _WRONG.fullmatch(told)
    if wrong is None:
        return UsageError(told, hint=help_)
    if wrong["kind"] == "command":
        meant = _meant(wrong["word"], words, entries)
        return UsageError(told, hint=f"did you mean {meant}? {help_} shows what there is" if meant else help_)
    if wrong["word"].startswith("--api-key"):
        return UsageError(told, hint=_NO_KEY_FLAG)
    if below:
        return UsageError(told, hint=_before(wrong["word"], argv, entries))
    near = _nearest(wrong["word"], _flags(words, entries))
    return UsageError(told, hint=f"did you mean {near}? {help_} shows what there is" if near else help_)


def _in_our_words(text: str) -> str:
    text = _VALUE.sub(r"\g<name>: ", text)
    text = re.sub(r"got unexpected extra argument(?:s|\(s\))? \((.*)\)", r"unexpected argument: \1", text)
    text = re.sub(r"is not a valid (int range|int|integer)\b", "is not a whole number", text)
    return _RANGE.sub(_range, text)


def _range(found: re.Match[str]) -> str:
    if found["low"] and found["most"]:
        return f"is not from {found['low']} to {found['most']}"
    return f"is less than {found['least']}" if found["least"] else f"is more than {found['most']}"


# -- commands


def _command(
    argv: Sequence[str], entries: Sequence[Entry], *, anywhere: bool = False
) -> tuple[list[str], Sequence[Entry]]:
    """The words of the command that is named at the beginning, or anywhere, and the commands below it."""
    words = []
    for word in argv:
        entry = next((entry for entry in entries if entry.name == word), None)
        if entry is not None:
            words.append(word)
            entries = entry.entries
        elif not anywhere:
            break
    return words, entries


def _meant(word: str, group: Sequence[str], entries: Sequence[Entry]) -> str | None:
    """The command that a wrong word after a group most probably stands for."""
    here = [*_paths(_command(group, entries)[1], " ".join(group))]
    known: dict[str, str] = {}
    for name, path in (*here, *_paths(entries), *((topic, f"help {topic}") for topic in TOPICS)):
        known.setdefault(name, path)
    word = word.lower()
    other = _OTHER_WORDS.get(" ".join([*group, word])) or known.get(word) or _OTHER_WORDS.get(word)
    meant = other or known.get(nearest(word, known) or "")
    return f"docspeed {meant}" if meant else None


def _paths(entries: Sequence[Entry], before: str = "") -> Iterator[tuple[str, str]]:
    """Each command's name and all its words, those of the commands below it too."""
    for entry in entries:
        path = f"{before} {entry.name}".strip()
        yield entry.name, path
        yield from _paths(entry.entries, path)


# -- flags


def _flags(words: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    """The flags of a command, or of a group itself."""
    built: Any = group("docspeed", "", entries, root)
    for word in words:
        built = built.get_command(None, word)
    params = built.get_params(typer.Context(built, **built.context_settings))
    options = [param for param in params if param.param_type_name == "option" and not param.hidden]
    return [name for option in options for name in (*option.opts, *option.secondary_opts)]


def _before(flag: str, argv: Sequence[str], entries: Sequence[Entry]) -> str:
    """What to say of a flag that stands before the command."""
    words, below = _command(argv, entries, anywhere=True)
    one = [*words, *_first(below)]
    own = _flags((), entries)
    near = _nearest(flag, [*own, *_flags(one, entries)])
    command = " ".join(["docspeed", *words])
    if near is None:
        return f"{command} --help"
    if near in own:
        return f"did you mean {near}? docspeed --help shows what there is"
    version = "; docspeed --version shows the version" if flag == "-v" and not words else ""
    return f"flags come after the command: {command}{' COMMAND' if below else ''} {near}{version}"


def _nearest(flag: str, known: Sequence[str]) -> str | None:
    """The flag that was meant, by its letters: what is the same of all counts for nothing."""
    if flag in known:
        return flag
    near = nearest(flag.lstrip("-"), (name.lstrip("-") for name in known))
    return next((name for name in known if near and name.lstrip("-") == near), None)


def _first(entries: Sequence[Entry]) -> list[str]:
    """The words of the first command there is, which has the flags that all have."""
    return [entries[0].name, *_first(entries[0].entries)] if entries else []
