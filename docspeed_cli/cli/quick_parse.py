"""Parse a plain command line without Typer, whose loading takes longer than the rest of a short command."""

from __future__ import annotations

import getopt
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from docspeed_cli.cli.flags import Count, Flag, Texts
from docspeed_cli.cli.framework import REQUIRED, Description, Parameter
from docspeed_cli.cli.groups import HELP
from docspeed_cli.core.errors import UsageError


def quick_parse(
    description: Description, words: Sequence[str], *, lenient: bool = False
) -> dict[str, Any] | None:
    """Values of a command's parameters by name; None if Typer must parse the words: for help or an error.

    With `lenient`, wrong values are left out.
    """
    flags = description.flags
    found = split_words(flags, words)
    if found is None:
        return None
    values = {parameter.name: parameter.default for parameter in description.parameters}
    for spelling, text in found[0]:
        parameter, on = flags[spelling]
        value = on if parameter.is_switch else _flag_value(parameter, text)
        if value is None:
            if lenient:
                continue
            return None
        before = values[parameter.name] or ()
        values[parameter.name] = [*before, value] if parameter.kind == Texts else value
    complete = _fill(values, description.arguments, found[1]) and REQUIRED not in values.values()
    return values if complete or lenient else None


def readable_values(description: Description, words: Sequence[str]) -> dict[str, Any]:
    """The readable values of a command line with an error, so that other problems are found too."""
    flags = description.flags
    unknown = (
        at for at, word in enumerate(words) if word[:2] == "--" and word.partition("=")[0] not in flags
    )
    at = next(unknown, len(words))
    # A word after an unknown flag may be its value, unless it is a switch.
    known = [*words[:at], *(word for word in words[at:] if word in flags and flags[word][0].is_switch)]
    last = _named_flags(flags, words[at - 1]) if at else []
    if last and not last[-1].is_switch:
        del known[at - 1]
    return quick_parse(description, known, lenient=True) or {}


def check_values(description: Description, words: Sequence[str]) -> None:
    """Check that no flag is taken for the value of the one before. UsageError if one is."""
    flags = description.flags
    for word, following in itertools.pairwise(words):
        if word == "--":
            return
        flag, named = following.partition("=")[0], _named_flags(flags, word)
        is_flag = _named_flags(flags, flag) or flag in HELP[0]
        if is_flag and named and not named[-1].is_switch:
            # Most often a shell variable without quotes was empty, so that no word is left of it.
            raise UsageError(f"{word} has no value: {flag} follows it; is a variable unset?")


def _named_flags(flags: Mapping[str, tuple[Parameter, bool]], word: str) -> list[Parameter]:
    """The flags that a word names: one, or a group such as `-qo`; empty if the word has a value in it."""
    words = [word] if word[:2] == "--" else [f"-{letter}" for letter in word[1:] if word[:1] == "-"]
    named = [flags[each][0] for each in words if each in flags]
    return named if len(named) == len(words) and all(each.is_switch for each in named[:-1]) else []


def split_words(
    flags: Mapping[str, tuple[Parameter, bool]], words: Sequence[str]
) -> tuple[list[tuple[str, str]], list[str]] | None:
    """Flags with their texts, and the other words; None if a word with a dash is not one of the flags."""
    # getopt would take the start of a flag's name for the flag.
    if any(word[:2] == "--" != word and word.partition("=")[0] not in flags for word in words):
        return None
    takes_text = {spelling: not parameter.is_switch for spelling, (parameter, _) in flags.items()}
    short = "".join(name[1] + ":" * takes for name, takes in takes_text.items() if len(name) == 2)
    long = [name[2:] + "=" * takes for name, takes in takes_text.items() if len(name) > 2]
    try:
        found, others = getopt.gnu_getopt(list(words), short, long)
    except getopt.GetoptError:
        return None
    return None if any(word[:1] == "-" != word for word in others) else (found, others)


def _fill(values: dict[str, Any], arguments: Sequence[Parameter], words: Sequence[str]) -> bool:
    """Assign the words to the arguments in order; False if one is wrong or left over."""
    left = list(words)
    for parameter in arguments:
        if not left:
            break
        if parameter.kind == Texts:
            values[parameter.name], left = left, []
        else:
            values[parameter.name] = _flag_value(parameter, left.pop(0))
            if values[parameter.name] is None:
                return False
    return not left


def _flag_value(parameter: Parameter, text: str) -> str | int | None:
    """The value that a text stands for; None for an empty or wrong one."""
    if parameter.kind not in (int, Count):
        return text if text.strip() else None
    if not (text.isascii() and text.isdecimal()):
        return None
    number, flag = int(text), parameter.declared
    return number if isinstance(flag, Flag) and flag.allows(number) else None
