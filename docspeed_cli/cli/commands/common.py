"""What several commands over documents share: flags, and files that are read for a request's body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.flags import Text, output_flag, request_flag
from docspeed_cli.core import text_files
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.operations import GROUNDINGS, PROFILES

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context
    from docspeed_cli.results.rules import Rules

GroundingFlag = Annotated[
    Text,
    request_flag(
        "--grounding",
        f"what evidence points to: {', '.join(GROUNDINGS)}, or another name",
        "NAME",
        GROUNDINGS,
    ),
]
TableFlag = Annotated[
    Text,
    output_flag("--table", "for csv, the rows of this table; `fields` means the fields", "NAME", "tables"),
]
ColumnsFlag = Annotated[
    Text,
    output_flag("--columns", "for csv and xlsx, only these columns, in this order", "NAME,NAME", "columns"),
]


def fixed_fields(**fields: Any) -> Callable[[Context], dict[str, Any]]:
    """The body's fields that have a value."""
    present = {name: value for name, value in fields.items() if value is not None}

    def noted(context: Context) -> dict[str, Any]:
        note_unknown_names(context, present)
        return present

    return noted


def note_unknown_names(context: Context, fields: Mapping[str, Any]) -> None:
    """Suggest a known name for one that looks like it; it is sent, because the service may have new names."""
    for name, known in (("profile", PROFILES), ("grounding", GROUNDINGS)):
        value = fields.get(name)
        if value is not None and value not in known:
            from docspeed_cli.core.suggest import CLOSE, nearest

            if near := nearest(value, known, CLOSE):
                context.output.note(
                    f"--{name} {value} is sent as it is, but is not a known name; did you mean {near}?"
                )


def read_text_flag(context: Context, path: str, flag_name: str) -> str:
    """A text file that a flag names, which no result may replace. UsageError if it can't be read."""
    context.files_read.add(Path(path), path)
    try:
        return text_files.read_text(Path(path))
    except (OSError, ValueError) as error:
        raise UsageError(f"{flag_name}: can't read {path}: {_why_unreadable(Path(path), error)}") from None


def _why_unreadable(path: Path, error: OSError | ValueError) -> str:
    from docspeed_cli.jobs.documents.named_documents import is_document, why_absent

    if path.is_dir():
        return "it is a folder; name a file in it"
    if isinstance(error, FileNotFoundError):
        return why_absent(path)
    if isinstance(error, ValueError) and is_document(path):
        return "it is a document"
    return getattr(error, "strerror", None) or str(error)


def read_stdin(context: Context, flag_name: str) -> str:
    """The text on standard input. UsageError if it is not text."""
    try:
        return text_files.decode_text(context.environment.stdin.buffer.read())
    except ValueError as error:
        raise UsageError(f"{flag_name} -: {error}") from None


def checked_schema(context: Context, text: str, where: str = "--schema") -> Any:
    """Check a schema and return it unchanged. UsageError with every problem."""
    from docspeed_cli.results.schema import check_schema

    if text == "-":
        if context.environment.stdin.isatty():
            raise UsageError(f"{where} -: standard input is the terminal; pipe a schema in, or name a file")
        content = read_stdin(context, where)
    elif text.lstrip()[:1] in ("{", "["):
        content = text
    else:
        content, where = read_text_flag(context, text, where), text
    checked = check_schema(content)
    if checked.faults:
        listed = "".join(f"\n  {fault}" for fault in checked.faults)
        one = len(checked.faults) == 1
        raise UsageError(
            f"{where}: {checked.faults[0]}" if one else f"{where}: {len(checked.faults)} problems{listed}",
            code="invalid_schema",
            hint="docspeed help schemas",
            details=list(checked.faults),
        )
    for note in checked.notes:
        context.output.note(f"{where}: {note}")
    return checked.schema


def read_rules(context: Context, path: str, flag_name: str, schema: Any = None) -> Rules:
    """The rules in a file that a flag names. UsageError with every problem."""
    from docspeed_cli.results.rules import names_of, parse_rules

    return parse_rules(
        read_text_flag(context, path, flag_name), path, None if schema is None else names_of(schema)
    )
