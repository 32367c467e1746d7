"""`docspeed extract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.commands.common import Columns, Grounding, Table, read_stdin, read_text
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import DocumentOptions, output_flag, request_flag
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.operations import EXTRACT

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context
    from docspeed_cli.results.requirements import Requirements


@guide(
    "docspeed extract invoice.pdf --schema invoice.schema.json --sandbox --wait",
    "docspeed schema a.pdf --wait | docspeed extract b.pdf --schema - --wait",
    "docspeed extract a.pdf --schema s.json --wait --require due_date,grand_total",
    "docspeed extract invoices/ --recursive --schema s.json --wait -o extracted/",
    "docspeed extract invoices/ --recursive --schema s.json --wait --format xlsx \\\n  -o invoices.xlsx",
    formats=EXTRACT.formats,
)
def extract(
    options: DocumentOptions,
    schema: Annotated[
        str | None,
        request_flag(
            "--schema", "what to extract: a file, - for standard input, or JSON (required)", "FILE|-|JSON"
        ),
    ] = None,
    grounding: Grounding = None,
    table: Table = None,
    columns: Columns = None,
    require: Annotated[
        list[str] | None,
        output_flag(
            "--require",
            "exit 5 if a field has no value or no evidence, a table has no row, or a TABLE.COLUMN has a gap",
            "KEY,KEY",
        ),
    ] = None,
    require_all: Annotated[
        bool, output_flag("--require-all", "require every field and table of the schema")
    ] = False,
) -> Action:
    """Extract fields and line items of each document by a schema."""
    from docspeed_cli.cli.run import Run

    def fields(context: Context) -> dict[str, Any]:
        from docspeed_cli.results.requirements import check_names, parse_required

        if schema is None:
            raise UsageError(
                "--schema is missing",
                hint="`docspeed schema FILE --wait -o schema.json` makes one from a document",
            )
        if schema == "-" and ("-" in (options.files or ()) or options.from_ == "-"):
            raise UsageError("standard input can be read once only: the schema, or a document, or a list")
        checked = _checked_schema(context, schema)
        check_names(checked, parse_required(require), table)
        return {"grounding": grounding or "cell", "schema": checked}

    def requirements(fields: dict[str, Any]) -> Requirements | None:
        if not require and not require_all:
            return None
        from docspeed_cli.results.requirements import Requirements, expand_groups, parse_required

        named = fields.get("schema")
        return Requirements(expand_groups(parse_required(require), named), named if require_all else None)

    return Run(EXTRACT, fields, options, table, columns, requirements=requirements).perform


def _checked_schema(context: Context, text: str) -> Any:
    """The schema as it was given, once it was checked. UsageError with every problem."""
    from docspeed_cli.results.schema import check_schema

    where = "--schema"
    if text == "-":
        if context.environment.stdin.isatty():
            raise UsageError("--schema -: standard input is the terminal; pipe a schema in, or name a file")
        content = read_stdin(context, "--schema")
    elif text.lstrip()[:1] in ("{", "["):
        content = text
    else:
        content, where = read_text(context, text, "--schema"), text
    checked = check_schema(content)
    if checked.faults:
        listed = "".join(f"\n  {fault}" for fault in checked.faults)
        one = len(checked.faults) == 1
        raise UsageError(
            f"{where}: {checked.faults[0]}" if one else f"{where}: {len(checked.faults)} problems{listed}",
            code="invalid_schema",
            details=list(checked.faults),
        )
    for note in checked.notes:
        context.output.note(f"{where}: {note}")
    return checked.schema
