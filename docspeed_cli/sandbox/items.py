"""Fill a schema's tables of line items from the document's tables, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docspeed_cli.sandbox.labels import fit, names_of
from docspeed_cli.sandbox.tables import Cell, Table, is_total
from docspeed_cli.sandbox.values import normalise


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a schema."""

    key: str
    description: str = ""
    type: str = "string"
    array: bool = False


@dataclass(frozen=True, slots=True)
class ItemTable:
    """A table of a schema."""

    key: str
    fields: tuple[Field, ...]


def line_items(wanted: ItemTable, tables: list[Table]) -> list[dict[str, object]]:
    """Rows of the tables whose headings fit best; a table may continue on later pages."""
    mapped = [(*_fitting_columns(wanted, table), table) for table in tables]
    best = max((weight for weight, _, _ in mapped), default=0.0)
    least = 2 if len(wanted.fields) > 1 else 1
    return [
        row
        for weight, columns, table in mapped
        if len(columns) >= least and weight >= 0.85 * best
        for row in _item_rows(wanted, columns, table)
    ]


def _fitting_columns(wanted: ItemTable, table: Table) -> tuple[float, dict[str, int]]:
    """Sum of the fits, and each field's column: best fits first, no column used twice."""
    fits = []
    for field in wanted.fields:
        names = names_of(field.key.rpartition(".")[2], field.description, column=True)
        fits += [(fit(names, heading), field.key, column) for column, heading in enumerate(table.columns)]
    chosen: dict[str, int] = {}
    weight = 0.0
    for score, key, column in sorted(fits, key=lambda found: -found[0]):
        if score >= 0.6 and key not in chosen and column not in chosen.values():
            chosen[key] = column
            weight += score
    return weight, chosen


def _item_rows(wanted: ItemTable, columns: dict[str, int], table: Table) -> Iterator[dict[str, object]]:
    for cells in table.rows():
        row = {field.key: _cell(field, cells.get(columns.get(field.key, -1))) for field in wanted.fields}
        filled = sum(cell["value"] is not None for cell in row.values())
        if not is_total(cells, len(table.columns)) and filled >= min(2, len(columns)):
            yield dict(row)


def _cell(field: Field, cell: Cell | None) -> dict[str, object]:
    value = normalise(cell.value, field.type) if cell else None
    return {"value": value, "region_ids": [cell.region_id] if cell and value is not None else []}
