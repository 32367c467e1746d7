"""A minimal program that puts a folder of extractions into a workbook: XlsxWriter's own `write_row`.

to_xlsx.py FOLDER BOOK
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xlsxwriter


def rows(path: Path) -> Iterator[tuple[str, list[Any]]]:
    """The sheet and the values of each row of one result."""
    found = json.loads(path.read_bytes())
    fields = found["fields"]
    yield "Documents", [path.name, *(field["value"] for field in fields.values())]
    for name, field in fields.items():
        yield (
            "Evidence",
            [path.name, name, field["value"], field["page_index"] + 1, field["text"], *field["region_ids"]],
        )
    for number, row in enumerate(found["line_items"]["line_items"], 1):
        cells = [cell["value"] for cell in row.values()]
        yield "line_items", [path.name, *cells]
        place = next(iter(row.values()))
        shown = "; ".join(map(str, cells))
        yield (
            "Evidence",
            [path.name, f"line_items[{number}]", shown, place["page_index"] + 1, "", *place["region_ids"]],
        )


def main(folder: Path, book: Path) -> None:
    """Write the workbook."""
    workbook = xlsxwriter.Workbook(book, {"constant_memory": True})
    sheets = {name: workbook.add_worksheet(name) for name in ("Documents", "line_items", "Evidence")}
    written = dict.fromkeys(sheets, 0)
    for path in sorted(folder.iterdir()):
        for name, values in rows(path):
            if written[name] == 1_000_000:
                sheets[name] = workbook.add_worksheet(f"{name} 2")
                written[name] = 0
            sheets[name].write_row(written[name], 0, values)
            written[name] += 1
    workbook.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
