"""Apply reviewers' decisions about one result to it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from docspeed_cli.results.decisions import CORRECTED, REJECTED, Decision, Decisions
from docspeed_cli.results.fields import PayloadPlace, read_places
from docspeed_cli.results.tables import CellPlace, read_tables
from docspeed_cli.results.values import (
    VALUE_NAMES,
    cell_text,
    grounded_value,
    is_described,
    is_grounded,
    unwrap,
)

_CELL = re.compile(r"tables\[(\d+)\]\[(\d+)\]\.(.+)", re.DOTALL)
"""The key of a cell in a table that is not line items, such as `tables[1][2].Tax`."""

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class CorrectedResult(NamedTuple):
    """A result with its corrections."""

    payload: Any
    corrections: list[Decision]
    """The corrections that were applied."""
    lost: list[Decision]
    """The corrections whose old value is not in the result."""

    def problems(self) -> Iterator[str]:
        """Say which corrections are lost."""
        for each in self.lost:
            yield (
                f"{each.field} no longer has the value that was corrected, so its correction is left out;"
                " review the result again"
            )


def rejection_among(decisions: Decisions) -> str:
    """Return who rejected the document and why, in words, or an empty text."""
    made, note = decisions.get(("", False)), decisions.get(("", True))
    if made is None or made.decision != REJECTED:
        return ""
    by = f" by {made.reviewer}" if made.reviewer else ""
    return f"rejected{by}" + (f": {note.value}" if note is not None and note.value else "")


def corrected(payload: Any, decisions: Iterable[Decision]) -> CorrectedResult:
    """Apply the corrections among these decisions; the given payload does not change."""
    listed = [each for each in decisions if each.decision == CORRECTED]
    if not listed:
        return CorrectedResult(payload, [], [])
    changed, made, lost = copy.deepcopy(payload), [], []
    # All places are found before any is changed: the first row, which may change, names the columns.
    cells, places = cells_of(changed, [each.field for each in listed]), read_places(changed)
    for each in listed:
        found = places.get(each.field) or (_path_places(changed, each.field) if not places else [])
        cell = cells.get(each.field)
        if cell is not None and _is_of(each, cell.value):
            cell.put(_with_value(cell.content, each.value))
        # If two values have this key, it is unknown which one was corrected.
        elif cell is None and len(found) == 1 and _is_of(each, _value_at(*found[0])):
            _put(*found[0], each.value)
        else:
            lost.append(each)
            continue
        made.append(each)
    return CorrectedResult(changed, made, lost)


def _is_of(correction: Decision, value: Any) -> bool:
    """Whether this is the value that was corrected: in a newer result, a row may have another number."""
    # A result that already has the new value needs no correction, so none is lost.
    return cell_text(value) in (cell_text(correction.old), cell_text(correction.value))


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


def _path_places(payload: Any, key: str) -> list[PayloadPlace]:
    """Return where a payload without fields has the member of this path, such as `pages[2].lines[3]`."""
    steps = [name or int(index) - 1 for name, index in _STEP.findall(key)]
    for body in unwrap(payload):
        place: PayloadPlace | None = None
        value: Any = body
        for step in steps:
            is_there = step in value if isinstance(value, dict) else _has_item(value, step)
            if not is_there:
                break
            place, value = (value, step), value[step]
        else:
            return [place] if place is not None else []
    return []


def _has_item(value: Any, step: str | int) -> bool:
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def _value_at(container: Any, name: Any) -> Any:
    value: Any = container.get(name) if isinstance(container, dict) else container[name]
    return grounded_value(value) if _has_name_or_evidence(value) else value


def _put(container: Any, name: Any, new: Any) -> None:
    """Set the value at a place; a cell that its row lacks gets the form of the others."""
    if isinstance(container, dict) and name not in container:
        container[name] = {"value": new} if any(map(is_grounded, container.values())) else new
    else:
        container[name] = _with_value(container[name], new)


def _with_value(old: Any, new: Any) -> Any:
    """Return the new value for the old one's place, beside the old one's evidence and name if it has them."""
    if not _has_name_or_evidence(old):
        return new
    name = next((name for name in VALUE_NAMES if name in old), "value")
    return {**old, name: new}


def _has_name_or_evidence(value: Any) -> bool:
    return isinstance(value, dict) and ("key" in value or is_described(value))
