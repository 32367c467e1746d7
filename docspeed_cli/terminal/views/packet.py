"""Alone in drawing a packet: its sections in a table, and beside it which pages belong where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from docspeed_cli.results.pages import Section
from docspeed_cli.results.to_text import page_range
from docspeed_cli.terminal.views.grid import GAP, Grid
from docspeed_cli.terminal.views.parts import cell, headings

_WIDEST = 60
_NARROWEST = 8
_MOST_GAPS = 10


class SectionsView:
    """Sections with their pages; where there is room, a bar for each of them over all pages."""

    def __init__(self, sections: Sequence[Section], total: int) -> None:
        self.sections = sections
        self.total = total

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = [headings("Section", "Kind", "Pages")]
        rows += [[cell(s.name), cell(s.kind), Text(page_range(s) or "unknown")] for s in self.sections]
        words = Grid(rows)
        taken = sum(min(width, 28) for width in words.natural) + 3 * GAP
        width = 0 if options.ascii_only else bar_width(self.total, options.max_width - taken)
        if width:
            rows[0].append(_ruler(self.total, width))
            for section, row in zip(self.sections, rows[1:], strict=True):
                row.append(bar(section, self.total, width))
        yield Grid(rows, {3: width} if width else None)
        gaps = list(_gaps(self.sections, self.total))
        if gaps:
            listed = ", ".join(gaps[:_MOST_GAPS]) + (", …" if len(gaps) > _MOST_GAPS else "")
            yield Text(f"In no section: page{'' if gaps[0].isdigit() and not gaps[1:] else 's'} {listed}")


def bar_width(total: int, room: int) -> int:
    """How many cells to draw all pages in; 0 where a drawing would say nothing."""
    room = min(room, _WIDEST)
    if total < 2 or room < min(total, _NARROWEST):
        return 0
    return total * min(4, room // total) if total <= room else room


def bar(section: Section, total: int, width: int) -> Text:
    """A line of all pages, with those of the section filled."""
    if section.first is None or section.last is None:
        return Text("·" * width, style="dim")
    before = max(min((section.first - 1) * width // total, width - 1), 0)
    filled = max(-(-section.last * width // total) - before, 1)
    after = max(width - before - filled, 0)
    return Text.assemble(("·" * before, "dim"), "█" * filled, ("·" * after, "dim"))


def _ruler(total: int, width: int) -> Text:
    last = str(total)
    return Text("1" + last.rjust(width - 1)) if width > len(last) + 1 else Text("")


def _gaps(sections: Sequence[Section], total: int) -> Iterator[str]:
    """The pages up to the last one that are in no section."""
    free = 1
    spans = sorted((s.first, s.last) for s in sections if s.first is not None and s.last is not None)
    for first, last in [*spans, (total + 1, total + 1)] if spans else []:
        if first > free:
            yield page_range(Section("", "", free, first - 1))
        free = max(free, last + 1)
