"""Alone in the small things that all views are made of: clean texts, headings, and the room that is left."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from docspeed_cli.results.values import scalar
from docspeed_cli.terminal.sanitize import sanitize

CELL = 500
"""Characters of a cell that are drawn; no one reads more of them in a table."""

_LINE = 80


@dataclass
class Room:
    """Lines that may still be drawn, more or less: how texts wrap is not known here."""

    lines: int

    def take(self, lines: int) -> bool:
        """Use lines up. False where none were left."""
        left = self.lines > 0
        self.lines -= lines
        return left

    def cut(self, text: str) -> tuple[str, bool]:
        """As much of a text as there is room for, and whether that is less than all of it."""
        kept: list[str] = []
        for line in text[: max(self.lines, 1) * _LINE].split("\n"):
            if self.lines <= 0:
                break
            kept.append(line)
            self.lines -= 1 + len(line) // _LINE
        shown = "\n".join(kept)
        return shown, len(shown) < len(text)


def line(text: str, style: str = "") -> Text:
    """A foreign text on one line."""
    return Text(clipped(sanitize(" ".join(text[: 2 * CELL].split()), multiline=False)), style=style)


def cell(value: object, style: str = "") -> Text:
    """A foreign value in a cell."""
    text = scalar(value)
    return Text(clipped(sanitize(text[: 2 * CELL]).replace("\t", " ").strip()), style=style)


def clipped(text: str, most: int = CELL) -> str:
    """A text, shortened if it is long."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def headings(*names: str) -> list[Text]:
    """The first row of a grid."""
    return [Text(name) for name in names]


def heading(title: Text | str, *details: str) -> Text:
    """A line above what follows: the title bold, the details not."""
    text = Text(title) if isinstance(title, str) else title
    text.stylize("bold")
    shown = [detail for detail in details if detail]
    return Text.assemble(text, *(["  " + " · ".join(shown)] if shown else []))


def counted(count: int, name: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def more(count: int, name: str, formats: str) -> Text:
    """What is not drawn, and how to get at it."""
    return Text(f"… {counted(count, f'more {name}')}; for all: {formats} or -o FILE")


def goes_on(what: str) -> Text:
    """What is drawn in part, and how to get at all of it."""
    return Text(f"… {what} goes on; for all: --format markdown or -o FILE")
