"""Texts in the cells of a terminal, of which some characters take two and some none; where lines end."""

from __future__ import annotations

import re

from docspeed_cli.core.models import State, state_of

_WORD = r"""(?:'[^']*'|"[^"]*"|[^\s'"])+"""
_AFTER = "or|then|asks|brings|empties|follows|makes|says|shows|tells|works|writes"
"""What goes on after a command in a text: the command is what asks, or makes one."""

_COMMAND = rf"(?<![^\s(])(?:docspeed|pip|mkdir|chmod)(?:(?<![;:?)]) (?!(?:{_AFTER})\b){_WORD})+"


PADDING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)
"""Blanks at the ends of lines, which would be copied with them."""


def keep_tail(text: str, room: int) -> str:
    """As much of a text's end as there is room for: a path's tells more than its beginning."""
    if _cells(text) <= room:
        return text
    end = text[max(len(text) - room, 0) :] if room > 1 else ""
    while end and _cells(end) >= room:
        end = end[1:]
    return f"…{end}"


def wrapped(text: str, width: int, *, lead: int = 0, indent: str = "  ") -> str:
    """The text on lines of so many cells, broken between words; a command that one may copy stays whole.

    `lead` is how many cells are taken before the first word; `indent` stands before what goes on. What is
    longer than a line is the terminal's to break.
    """
    lines = text.split("\n")
    return "\n".join(_broken(line, width, 0 if number else lead, indent) for number, line in enumerate(lines))


def _broken(line: str, width: int, lead: int, indent: str) -> str:
    if lead + _cells(line) <= width:
        return line
    below = line[: len(line) - len(line.lstrip())] + indent
    done, room = "", width - lead
    for piece in re.finditer(rf"(\s*)({_COMMAND}|· \S+|\S+)", line):
        gap, word = piece.groups()
        taken = _cells(gap) + _cells(word)
        if done and taken > room:
            done += f"\n{below}{word}"
            room = width - len(below) - _cells(word)
        else:
            done += gap + word
            room -= taken
    return done


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def colour_of(word: str) -> str:
    """The colour of a state: green where it is well, red where it is not, none while nobody knows."""
    if word in ("ok", "bad"):
        return "green" if word == "ok" else "red"
    return {State.DONE: "green", State.FAILED: "red"}.get(state_of(word), "")
