"""`docspeed extract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.commands.common import (
    ColumnsFlag,
    GroundingFlag,
    TableFlag,
    checked_schema,
    note_unknown_names,
    read_rules,
)
from docspeed_cli.cli.flags import Files, Text, Texts, output_flag, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Bom, DocumentOptions
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.operations import EXTRACT

if TYPE_CHECKING:
    from docspeed_cli.jobs.checking import ResultChecks
    from docspeed_cli.jobs.context import Context

_Require = Annotated[
    Texts,
    output_flag(
        "--require",
        "exit 10 if a field has no value or no evidence, a table has no row, or a TABLE.COLUMN has a gap",
        "KEY,KEY",
        "fields",
    ),
]


@guide(
    "docspeed extract invoice.pdf --schema invoice.schema.json --sandbox --wait",
    "docspeed schema a.pdf --wait | docspeed extract b.pdf --schema - --wait",
    "docspeed extract a.pdf --schema s.json --wait --require due_date,grand_total",
    "docspeed extract a.pdf --schema s.json --wait --check rules.toml",
    "docspeed extract invoices/ --recursive --schema s.json --wait -o extracted/",
    "docspeed extract invoices/ --recursive --schema s.json --wait --format xlsx \\\n  -o invoices.xlsx",
    formats=EXTRACT.formats,
)
def extract(
    options: DocumentOptions,
    schema: Annotated[
        Text,
        request_flag(
            "--schema",
            "what to extract: a file, - for standard input, or JSON (required)",
            "FILE|-|JSON",
            Files((".json",)),
            topics=("schemas",),
        ),
    ] = None,
    grounding: GroundingFlag = None,
    table: TableFlag = None,
    columns: ColumnsFlag = None,
    bom: Bom = False,
    require: _Require = None,
    require_all: Annotated[
        bool, output_flag("--require-all", "require every field and table of the schema")
    ] = False,
    check: Annotated[
        Text,
        output_flag(
            "--check", "exit 10 if a result fails a rule of this file (TOML)", "FILE", Files((".toml",))
        ),
    ] = None,
    strict: Annotated[bool, output_flag("--strict", "fail on warnings too")] = False,
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
        checked = checked_schema(context, schema)
        check_names(checked, parse_required(require), table)
        note_unknown_names(context, {"grounding": grounding})
        return {"grounding": grounding or "cell", "schema": checked}

    def checks(context: Context, fields: dict[str, Any]) -> ResultChecks | None:
        return _checks(context, fields.get("schema"), require or [], check, require_all, strict)

    return Run(EXTRACT, fields, options, table, columns, bom, checks=checks).perform


def _checks(
    context: Context, schema: Any, keys: list[str], rules: str | None, complete: bool, strict: bool
) -> ResultChecks | None:
    """The checks that results must pass, if there are any. UsageError for invalid rules."""
    if not keys and not complete and rules is None:
        return None
    from docspeed_cli.jobs.checking import ResultChecks
    from docspeed_cli.results.requirements import Requirements, expand_groups, parse_required

    requirements = None
    if keys or complete:
        requirements = Requirements(expand_groups(parse_required(keys), schema), schema if complete else None)
    known = None if rules is None else read_rules(context, rules, "--check", schema)
    return ResultChecks(requirements, known, strict)
