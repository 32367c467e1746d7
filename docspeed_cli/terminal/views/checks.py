"""Draw failed checks, and the differences between expected and actual results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from docspeed_cli.core.timefmt import percent
from docspeed_cli.results.to_markdown import markdown_table
from docspeed_cli.results.values import cell_text
from docspeed_cli.terminal.views.parts import clipped, heading, safe_cell, safe_line

if TYPE_CHECKING:
    from docspeed_cli.results.compare import Difference, RowScore, Score
    from docspeed_cli.results.rules import Check

_MAX_SHOWN = 50
"""Most failed rules or differences of one document that are drawn."""
_MAX_ROWS = 3
"""Most rows that are drawn for one rule."""
_MAX_VALUES = 4
"""Most values of one check that are drawn; a sum may look at hundreds."""

_NUMERIC = ("right", "of", "accuracy", "row precision", "row recall", "page", "row", "difference")

_ACCURACY = ["key", "right", "of", "accuracy"]
_ROWS_FOUND = ["table", "row precision", "row recall"]

_COLOURS = {"error": "red", "warning": "yellow"}


def checks_view(label: str, checks: Sequence[Check]) -> RenderableType:
    """Return the failed checks of a document as a table, each with the values that the rule looked at."""
    by_rule: dict[str, list[Check]] = {}
    for found in checks:
        by_rule.setdefault(found.rule, []).append(found)
    table = _checks_grid(["", "rule", "row", "problem", "difference"], ())
    for rows in list(by_rule.values())[:_MAX_SHOWN]:
        for found in rows[:_MAX_ROWS]:
            word = "unreadable" if found.outcome == "unreadable" else found.severity
            row = str(found.row) if found.row is not None else ""
            problem = Text("\n").join([safe_line(found.message), *_checked_values(found)])
            difference = safe_line(found.difference or "")
            table.add_row(
                safe_line(word, _COLOURS[found.severity]), safe_line(found.rule), row, problem, difference
            )
        if len(rows) > _MAX_ROWS:
            more = f"… and {len(rows) - _MAX_ROWS} more rows; `--json` shows all"
            table.add_row("", safe_line(rows[0].rule), "", Text(more, style="dim"), "")
    return Group(heading(safe_line(label)), table, Text())


def _checked_values(found: Check) -> Iterator[Text]:
    """Yield the values that a rule looked at, each with its page and the text that it was read from."""
    for field in found.values[:_MAX_VALUES]:
        place = f"page {field.page}" if field.page else ""
        quoted = f"“{clipped(field.quoted_text, 60)}”" if field.quoted_text else ""
        about = "  ".join(part for part in (place, quoted) if part)
        yield Text.assemble(
            safe_line(field.key), "  ", safe_cell(field.value), (f"  {safe_line(about).plain}", "dim")
        )
    if len(found.values) > _MAX_VALUES:
        yield Text(f"… and {len(found.values) - _MAX_VALUES} more values", style="dim")


def differences_view(label: str, differences: Sequence[Difference]) -> RenderableType:
    """Return the differences of one result as a table."""
    rows = map(_difference_row, differences[:_MAX_SHOWN])
    parts: list[RenderableType] = [heading(safe_line(label))]
    parts.append(_checks_grid(["key", "kind", "expected", "actual", "page"], rows))
    if len(differences) > _MAX_SHOWN:
        parts.append(Text(f"… and {len(differences) - _MAX_SHOWN} more; `--json` shows all"))
    return Group(*parts, Text())


def differences_markdown(label: str, differences: Sequence[Difference]) -> str:
    """Return the differences of one result as markdown."""
    headings = ["key", "difference", "expected", "actual", "page"]
    return f"## {label}\n\n{markdown_table([headings, *map(_difference_row, differences)])}\n"


def accuracy_view(keys: Mapping[str, Score], rows: Mapping[str, RowScore]) -> RenderableType:
    """Return the accuracy of each key over several results, the worst first, and how many rows were found."""
    worst = sorted(keys.items(), key=lambda item: (item[1].accuracy, item[0]))
    parts: list[RenderableType] = [_checks_grid(_ACCURACY, starmap(_score_row, worst))]
    if rows:
        parts += [Text(), _checks_grid(_ROWS_FOUND, starmap(_row_score_row, rows.items()))]
    return Group(*parts)


def accuracy_markdown(keys: Mapping[str, Score], rows: Mapping[str, RowScore]) -> str:
    """Return the accuracy of each key over several results as markdown, and how many rows were found."""
    parts = ["## Accuracy", markdown_table([_ACCURACY, *starmap(_score_row, sorted(keys.items()))])]
    if rows:
        parts.append(markdown_table([_ROWS_FOUND, *starmap(_row_score_row, sorted(rows.items()))]))
    return "\n\n".join(parts) + "\n"


def _difference_row(each: Difference) -> list[str]:
    return [each.key, each.kind, cell_text(each.expected), cell_text(each.actual), str(each.page or "")]


def _score_row(key: str, score: Score) -> list[str]:
    return [key, str(score.right), str(score.total), percent(score.accuracy)]


def _row_score_row(table: str, score: RowScore) -> list[str]:
    return [table, percent(score.precision), percent(score.recall)]


def _checks_grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in headings:
        table.add_column(name, overflow="fold", justify="right" if name in _NUMERIC else "left")
    for row in rows:
        table.add_row(*map(safe_cell, row))
    return table
