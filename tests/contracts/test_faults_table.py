"""The README's table of faults is the one that the tests hold the program to.

After a change that is meant, `DOCSPEED_WRITE_README=1 pytest tests/contracts/test_faults_table.py` writes it
anew between its markers; the difference is then for the reader of the change to judge.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.real.faults import HEAD, KINDS, TABLE, as_markdown

README = Path(__file__).parents[2] / "README.md"
START = (
    "<!-- from tests/real/faults.py: DOCSPEED_WRITE_README=1 pytest tests/contracts/test_faults_table.py -->"
)
END = "<!-- end of the table of faults -->"
WRITE = bool(os.environ.get("DOCSPEED_WRITE_README"))


def parted(text: str) -> tuple[str, str, str]:
    """The README before the table, the table, and what follows it."""
    assert (text.count(START), text.count(END)) == (1, 1), "each marker stands in the README once"
    before, _, rest = text.partition(START)
    table, _, after = rest.partition(END)
    return before, table, after


def test_the_readme_s_table_is_made_from_the_matrix() -> None:
    before, table, after = parted(README.read_text("utf-8"))
    made = f"\n\n{as_markdown()}\n\n"
    if WRITE and table != made:
        README.write_text(f"{before}{START}{made}{END}{after}", "utf-8")
        table = made
    assert table == made


def test_the_table_can_be_read() -> None:
    rows = [line.strip("| ").split(" | ") for line in as_markdown().splitlines()]
    assert {len(row) for row in rows} == {len(HEAD)}
    assert 10 <= len(rows) - 2 <= 16
    assert max(len(cell) for row in rows for cell in row[1:]) <= 40


def test_every_fault_has_a_name_and_cells_of_its_own_kind() -> None:
    names = [fault.name for fault in TABLE]
    assert len(set(names)) == len(names)
    for fault in TABLE:
        for kind in KINDS:
            cell = fault.at(kind)
            assert (cell.code is None) == (cell.exit == 0)
            assert not (kind != "submit" and cell.code == "outcome_unknown"), (
                "only a submission costs anything"
            )
