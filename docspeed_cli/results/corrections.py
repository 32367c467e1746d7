"""Find a reviewer's corrections of one result, and apply them to it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from docspeed_cli.results.decisions import CORRECTED, REJECTED, Decisions
from docspeed_cli.results.tables import CellPlace, read_tables
from docspeed_cli.results.values import VALUE_NAMES, find_member, is_grounded, unwrap

_CELL = re.compile(r"tables\[(\d+)\]\[(\d+)\]\.(.+)", re.DOTALL)
"""The key of a cell in a table that is not line items, such as `tables[1][2].Tax`."""

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Correction(NamedTuple):
    """One corrected value; `field` is its key: `total`, `line_items[3].amount` or `tables[1][2].Tax`."""

    field: str
    old: Any = None
    new: Any = None
    reviewer: str | None = None
    time: str | None = None
    """When it was made, as RFC 3339."""


def corrections_among(decisions: Decisions) -> list[Correction]:
    """Return the corrections among the decisions about a result."""
    made = (each for each in decisions.values() if each.decision == CORRECTED)
    return [Correction(each.field, each.old, each.value, each.reviewer, each.time) for each in made]


def rejection_among(decisions: Decisions) -> str:
    """Return who rejected the document and why, in words, or an empty text."""
    made, note = decisions.get(("", False)), decisions.get(("", True))
    if made is None or made.decision != REJECTED:
        return ""
    by = f" by {made.reviewer}" if made.reviewer else ""
    return f"rejected{by}" + (f": {note.value}" if note is not None and note.value else "")


def corrected(payload: Any, corrections: Iterable[Correction]) -> tuple[Any, list[Correction]]:
    """Return a copy of a payload with the new values, and the corrections whose place is not in it."""
    changed = copy.deepcopy(payload)
    listed = list(corrections)
    # All cells are found before any is changed: the first row, which may change, names the columns.
    cells = cells_of(changed, [correction.field for correction in listed])
    return changed, [each for each in listed if not _correct(changed, each, cells.get(each.field))]


def cells_of(payload: Any, keys: Iterable[str]) -> dict[str, CellPlace]:
    """Return where a payload has the cells with these keys, of tables that are not line items."""
    asked = [(key, parts) for key in keys if (parts := cell_key(key))]
    tables = (read_tables(payload) or []) if asked else []
    found: dict[str, CellPlace] = {}
    for number in {at for _, (at, _, _) in asked if 0 < at <= len(tables)}:
        table = tables[number - 1]
        columns, places = {name: at for at, name in enumerate(table.names)}, table.places()
        for key, (at, row, name) in asked:
            place = places.get((row - 1, columns.get(name, -1))) if at == number else None
            if place is not None:
                found[key] = place
    return found


def cell_key(key: str) -> tuple[int, int, str] | None:
    """Return the table, the row and the column of such a cell's key; the numbers count from 1."""
    found = _CELL.fullmatch(key)
    return (int(found[1]), int(found[2]), found[3]) if found else None


def _correct(payload: Any, correction: Correction, cell: CellPlace | None) -> bool:
    if cell is not None:
        cell.put(_with_value(cell.content, correction.new))
        return True
    steps = [name or int(index) - 1 for name, index in _STEP.findall(correction.field)]
    return any(_set(root, steps, correction.new) for root in _roots(payload))


def _roots(payload: Any) -> list[Any]:
    """Return the places where fields and tables are: the members for them, and what wraps the payload."""
    members = (
        find_member(payload, name)
        for name in ("fields", "invoice_level_fields", "line_items", "line_item_structures", "tables")
    )
    return [*(member for member in members if member is not None), *unwrap(payload)]


def _set(value: Any, steps: Sequence[str | int], new: Any) -> bool:
    """Set the value at the end of these steps; a step may be a dotted key, or the name in a list's item."""
    if isinstance(value, dict) and len(steps) > 0:
        for count in range(len(steps), 0, -1):
            if not all(isinstance(step, str) for step in steps[:count]):
                continue
            name = ".".join(map(str, steps[:count]))
            if name in value:
                if count == len(steps):
                    value[name] = _with_value(value[name], new)
                    return True
                return _set(value[name], steps[count:], new)
        return any(
            _set(value[inner], steps, new) for inner in ("fields", "rows", "items", "cells") if inner in value
        )
    if isinstance(value, list) and steps:
        return _set_in_list(value, steps, new)
    return False


def _set_in_list(items: list[Any], steps: Sequence[str | int], new: Any) -> bool:
    first = steps[0]
    if isinstance(first, int):
        if not 0 <= first < len(items):
            return False
        if len(steps) == 1:
            items[first] = _with_value(items[first], new)
            return True
        return _set(items[first], steps[1:], new) or _add_cell(items, first, steps[1:], new)
    for count in range(len(steps), 0, -1):
        name = ".".join(map(str, steps[:count]))
        for index, item in enumerate(items):
            if isinstance(item, dict) and name in (item.get("key"), item.get("name")):
                if count == len(steps):
                    items[index] = _with_value(item, new)
                    return True
                return _set(item, steps[count:], new)
    return False


def _add_cell(rows: list[Any], at: int, steps: Sequence[str | int], new: Any) -> bool:
    """Add a cell that a row lacks, but another row of its table has."""
    name = ".".join(map(str, steps))
    cells = [row["cells"] if isinstance(row, dict) and "cells" in row else row for row in rows]
    like = next((row[name] for row in cells if isinstance(row, dict) and name in row), None)
    if like is None or not isinstance(cells[at], dict):
        return False
    cells[at][name] = {"value": new} if is_grounded(like) else new
    return True


def _with_value(old: Any, new: Any) -> Any:
    """Return what stands in the old value's place: its evidence stays beside the new one."""
    if not isinstance(old, dict) or not (is_grounded(old) or any(name in old for name in VALUE_NAMES)):
        return new
    name = next((name for name in VALUE_NAMES if name in old), "value")
    return {**old, name: new}
