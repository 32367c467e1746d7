"""Fits text to the cells of a terminal, where some characters take two cells and some none."""

from __future__ import annotations

TRAILING_SPACES = r"(?m) +((?:\x1b\[[0-9;]*m)*)$"
"""Padding at the ends of lines, which people would copy with the text; group 1 is the colour's end."""


def keep_tail(text: str, width: int) -> str:
    """The end of a text, at most `width` cells: the end of a path tells more than its beginning."""
    if cell_width(text) <= width:
        return text
    end = text[max(len(text) - width, 0) :] if width > 1 else ""
    while end and cell_width(end) >= width:
        end = end[1:]
    return f"…{end}"


def cell_width(text: str) -> int:
    """How many cells a text takes."""
    if text.isascii():  # spares nearly every command the import of rich
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def colour_of(word: str) -> str:
    """The colour of a state: green if good, red if bad, none otherwise."""
    if word in ("ok", "bad"):
        return "green" if word == "ok" else "red"
    from docspeed_cli.core.models import State, state_of

    return {State.DONE: "green", State.FAILED: "red"}.get(state_of(word), "")
