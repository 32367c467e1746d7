"""Says in our own words what is wrong with a command line, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from docspeed_cli.errors import UsageError
from docspeed_cli.framework import Entry

_NEAR = re.compile(r"[.;]?\s+\(?(?:Possible options:|Did you mean)\s+(?P<words>.*?)\)?\??$")
_WORD = re.compile(r"[^\s,'()?]+")
_VALUE = re.compile(r"invalid value for '(?P<name>[^']+)': ")
_RANGE = re.compile(r"is not in the range (?:(?P<low>\d+)<=)?x(?:>=(?P<least>\d+)|<=(?P<most>\d+))?")


def misunderstood(message: str, argv: Sequence[str], entries: Sequence[Entry]) -> UsageError:
    """The error for what the parser of command lines said."""
    command = _command(argv, entries)
    text = message[:1].lower() + message[1:].rstrip(".")
    near = _NEAR.search(text)
    told = _in_our_words(text[: near.start()] if near else text)
    if len(command) == 1 and "option" in told:
        return UsageError(told, hint="flags come after the command, as in docspeed parse FILE --sandbox")
    meant = _nearest(told, _WORD.findall(near["words"])) if near else None
    help_ = " ".join([*command, "--help"])
    if meant is None:
        return UsageError(told, hint=help_)
    meant = meant if meant.startswith("-") else " ".join([*command, meant])
    return UsageError(told, hint=f"did you mean {meant}? {help_} shows what there is")


def _in_our_words(text: str) -> str:
    text = _VALUE.sub(r"\g<name>: ", text)
    text = re.sub(r"got unexpected extra argument(?:s|\(s\))? \((.*)\)", r"unexpected argument: \1", text)
    text = re.sub(r"is not a valid (int range|int|integer)\b", "is not a whole number", text)
    return _RANGE.sub(_range, text)


def _range(found: re.Match[str]) -> str:
    if found["low"] and found["most"]:
        return f"is not from {found['low']} to {found['most']}"
    return f"is less than {found['least']}" if found["least"] else f"is more than {found['most']}"


def _nearest(told: str, words: Sequence[str]) -> str | None:
    """Of the words that the parser offers, the one most like the wrong one."""
    from difflib import get_close_matches

    wrong = _WORD.findall(told)[-1]
    near = get_close_matches(wrong, words, 1, cutoff=0.0)
    return near[0] if near else None


def _command(argv: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    """The command that is named at the beginning, as far as there is one."""
    names = ["docspeed"]
    for word in argv:
        entry = next((entry for entry in entries if entry.name == word), None)
        if entry is None:
            break
        names.append(word)
        entries = entry.entries
    return names
