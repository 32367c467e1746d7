"""`docspeed schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.commands.common import read_text_flag
from docspeed_cli.cli.flags import Text, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import CombineOptions
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.operations import SCHEMA

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context


@guide(
    "docspeed schema invoice.pdf --sandbox --wait -o schema.json",
    "docspeed schema --instructions 'invoice number, date, line items' --wait",
    "docspeed schema a.pdf b.pdf --wait | docspeed extract c.pdf --schema - --wait",
    formats=SCHEMA.formats,
)
def schema(
    options: CombineOptions,
    instructions: Annotated[
        Text,
        request_flag(
            "--instructions",
            "what the schema is for, in words, or @FILE; required without a document",
            "TEXT|@FILE",
            "instructions",
        ),
    ] = None,
) -> Action:
    """Build a schema for extract from documents, instructions, or both."""

    def fields(context: Context) -> dict[str, Any]:
        if instructions is None:
            return {}
        from_file = instructions.startswith("@")
        text = read_text_flag(context, instructions[1:], "--instructions") if from_file else instructions
        if not text.strip():
            raise UsageError("--instructions has no words")
        return {"instructions": text}

    if instructions is None and not options.inputs.given:
        raise UsageError(
            "a schema needs documents, or --instructions, or both",
            hint="`docspeed schema --instructions 'invoice number, date, total due' --wait`",
        )
    from docspeed_cli.cli.run import Run

    return Run(SCHEMA, fields, options, needs_inputs=False).perform
