"""Small pieces that all views are made of: safe texts, headings, the line budget, and plain JSON."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from docspeed_cli.core.json_text import INDENTED, json_chunks
from docspeed_cli.core.timefmt import counted
from docspeed_cli.results.values import cell_text
from docspeed_cli.terminal.sanitize import sanitize

_MAX_CELL = 500
"""Characters of a cell or a string that are drawn."""

_LINE = 80
"""Characters that we count as one line, because the terminal's width is not known here."""


@dataclass
class LineBudget:
    """The number of lines that may still be drawn, an estimate; it may become negative."""

    lines: int

    def take(self, lines: int) -> bool:
        """Spend lines. Returns False if none were left."""
        left = self.lines > 0
        self.lines -= lines
        return left

    def cut(self, text: str) -> tuple[str, bool]:
        """Return as much of a text as the budget allows, and whether anything was cut off."""
        kept: list[str] = []
        for line in text[: max(self.lines, 1) * _LINE].split("\n"):
            if self.lines <= 0:
                break
            kept.append(line)
            self.lines -= 1 + len(line) // _LINE
        shown = "\n".join(kept)
        return shown, len(shown) < len(text)


# -- texts


def safe_line(text: str, style: str = "") -> Text:
    """Return a text from a document or the server on one line."""
    # Cut first, then sanitize: cleaning a text of megabytes for a line of it would take seconds.
    return Text(clipped(sanitize(" ".join(text[: 2 * _MAX_CELL].split()), multiline=False)), style=style)


def safe_cell(value: object) -> Text:
    """Return a value from a payload as the text of a cell."""
    text = cell_text(value)
    return Text(clipped(sanitize(text[: 2 * _MAX_CELL]).replace("\t", " ").strip()))


def clipped(text: str, max_length: int = _MAX_CELL) -> str:
    """Return a text, shortened with an ellipsis if it is longer."""
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


def heading(title: Text | str, *details: str) -> Text:
    """Return a line with the title in bold and the details that are not empty after it."""
    text = Text(title) if isinstance(title, str) else title
    text.stylize("bold")
    shown = [detail for detail in details if detail]
    return Text.assemble(text, *(["  " + " · ".join(shown)] if shown else []))


def more_of(count: int, name: str, format_name: str) -> Text:
    """Return a line that says how many things are not drawn, and which flags show them."""
    return Text(f"… {counted(count, f'more {name}')}; `--format {format_name}` or `-o FILE` shows all")


# -- JSON


def draw_json(payload: Any, max_lines: int) -> RenderableType:
    """Return a payload of no known shape as indented JSON in at most `max_lines` lines."""
    # A piece is one line, and a payload may have a million of them.
    lines = "".join(islice(json_chunks(payload, INDENTED), max_lines + 1)).split("\n")
    # Lines that we wrapped could not be copied as JSON, so long lines are the terminal's to wrap.
    shown = [clipped(sanitize(line[: 2 * _MAX_CELL], multiline=False)) for line in lines[:max_lines]]
    more = [Text("… and more; `--json` or `-o FILE` shows all")] if len(lines) > max_lines else []
    # A Group even of one text, because rich wraps a text that is printed on its own.
    return Group(Text("\n".join(shown), no_wrap=True, overflow="ignore"), *more)
