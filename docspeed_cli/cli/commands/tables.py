"""`docspeed tables`."""

from __future__ import annotations

from docspeed_cli.cli.commands.common import ColumnsFlag, GroundingFlag, TableFlag, fixed_fields
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Bom, DocumentOptions
from docspeed_cli.core.operations import TABLES


@guide(
    "docspeed tables invoice.pdf --sandbox --wait",
    "docspeed tables invoice.pdf --wait --format csv --table 1 > items.csv",
    formats=TABLES.formats,
)
def tables(
    options: DocumentOptions,
    grounding: GroundingFlag = None,
    table: TableFlag = None,
    columns: ColumnsFlag = None,
    bom: Bom = False,
) -> Action:
    """Extract the tables of each document, cell by cell."""
    from docspeed_cli.cli.run import Run

    return Run(TABLES, fixed_fields(grounding=grounding or "cell"), options, table, columns, bom).perform
