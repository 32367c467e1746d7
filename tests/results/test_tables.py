"""Tables in the shapes that the service may return them in, as grids."""

from __future__ import annotations

from typing import Any

import pytest

from docspeed_cli.results.tables import read_tables


def grids(payload: Any) -> list[list[list[str]]]:
    return [table.grid for table in read_tables(payload) or []]


@pytest.mark.parametrize(
    "table",
    [
        {
            "cells": [
                {"value": t, "row_index": r, "col_index": c}
                for r, c, t in [(0, 0, "a"), (0, 1, "b"), (1, 1, "d")]
            ]
        },
        {"cells": [{"text": t, "row": r, "col": c} for r, c, t in [(1, 1, "d"), (0, 0, "a"), (0, 1, "b")]]},
        {"cells": [["a", "b"], [{"value": None}, {"value": "d"}]]},
        {"rows": [["a", "b"], [None, "d"]]},
        {"columns": ["a", "b"], "rows": [["", "d"]]},
        {"headers": [{"name": "a"}, {"name": "b"}], "rows": [{"cells": ["", "d"]}]},
        {"rows": [{"a": None, "b": "d"}]},
        {"columns": ["a", "b"], "cells": [{"value": "d", "row_index": 1, "col_index": 1}]},
    ],
)
def test_read_tables_any_shape_gives_a_grid(table: Any) -> None:
    assert grids({"tables": [table]}) == [[["a", "b"], ["", "d"]]]


def test_read_tables_on_pages_have_the_page() -> None:
    found = read_tables({"pages": [{"page_index": 4, "tables": [{"rows": [["x"]]}]}]})
    assert found and [(table.page, table.grid) for table in found] == [(5, [["x"]])]


@pytest.mark.parametrize("index", [10**9, 10**15, 10**30])
def test_read_tables_huge_index_takes_no_memory(index: int) -> None:
    cells = [
        {"value": "a", "row_index": index, "col_index": 0},
        {"value": "b", "row_index": 0, "col_index": index},
    ]
    (grid,) = grids({"tables": [{"cells": cells}]})
    assert sorted(text for row in grid for text in row if text) == ["a", "b"]


def test_read_tables_sparse_grid_has_no_empty_places() -> None:
    cells = [{"value": "x", "row_index": n, "col_index": n} for n in range(20_000)]
    assert sum(map(len, grids({"tables": [{"cells": cells}]})[0])) == 20_000


@pytest.mark.parametrize(
    ("payload", "tables"),
    [({"tables": []}, []), ({"pages": [{"text": "a"}]}, None), ([1], None), ("x", None)],
)
def test_read_tables_other_shape_is_none(payload: Any, tables: Any) -> None:
    assert read_tables(payload) == tables
