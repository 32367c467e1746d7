"""Fill a schema's tables of line items from the document's tables, column by column."""

from __future__ import annotations

from dataclasses import dataclass

from docspeed_cli.sandbox.labels import fit, names_of
from docspeed_cli.sandbox.tables import Cell, Table, is_total
from docspeed_cli.sandbox.values import Value, normalise


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
    """Rows of the table whose headings fit best, with its continuation on later pages."""
    mapped = [(_columns(wanted, table), table) for table in tables]
    best = max((_weight(columns) for columns, _ in mapped), default=0.0)
    least = 2 if len(wanted.fields) > 1 else 1
    rows: list[dict[str, object]] = []
    for columns, table in mapped:
        if len(columns) >= least and _weight(columns) >= 0.85 * best:
            rows += _rows(wanted, columns, table)
    return rows


def _weight(columns: dict[str, tuple[int, float]]) -> float:
    return sum(score for _, score in columns.values())


def _columns(wanted: ItemTable, table: Table) -> dict[str, tuple[int, float]]:
    """Column of each field: best fits first, no column used twice."""
    fits = []
    for field in wanted.fields:
        names = names_of(field.key.rpartition(".")[2], field.description, column=True)
        for column, heading in enumerate(table.columns):
            score = fit(names, heading)
            if score >= 0.6:
                fits.append((score, field.key, column))
    chosen: dict[str, tuple[int, float]] = {}
    for score, key, column in sorted(fits, key=lambda found: -found[0]):
        if key not in chosen and all(column != taken for taken, _ in chosen.values()):
            chosen[key] = (column, score)
    return chosen


def _rows(wanted: ItemTable, columns: dict[str, tuple[int, float]], table: Table) -> list[dict[str, object]]:
    rows = []
    for cells in table.rows():
        row = {
            field.key: _cell(field, cells.get(columns.get(field.key, (-1, 0.0))[0]))
            for field in wanted.fields
        }
        filled = sum(cell["value"] is not None for cell in row.values())
        if not is_total(cells, len(table.columns)) and filled >= min(2, len(columns)):
            rows.append(dict[str, object](row))
    return rows


def _cell(field: Field, cell: Cell | None) -> dict[str, object]:
    value: Value = normalise(cell.value, field.type) if cell else None
    return {"value": value, "region_ids": [cell.region_id] if cell and value is not None else []}
