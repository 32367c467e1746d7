"""The commands over documents: parse, extract, split, tables, schema and upload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import (
    BatchFlags,
    CommonFlags,
    FormatFlags,
    InputFlags,
    ManyFlags,
    ModeFlags,
    PollFlags,
    RequestFlags,
    ResultFlags,
    WaitFlags,
    flag,
)
from docspeed_cli.core.errors import AuthError, DocspeedError, UsageError, overall_exit_code
from docspeed_cli.core.operations import EXTRACT, GROUNDINGS, PARSE, SCHEMA, SPLIT, TABLES

if TYPE_CHECKING:
    from docspeed_cli.core.models import Source
    from docspeed_cli.jobs.context import Session
    from docspeed_cli.results.requirements import Requirements

Grounding = Annotated[
    str | None,
    flag(
        "--grounding",
        about=f"what evidence points at: {', '.join(GROUNDINGS)}, or another name",
        panel="Request",
        metavar="NAME",
    ),
]
Table = Annotated[
    str | None,
    flag(
        "--table",
        about="for csv, this table only: its name or number; fields are extract's fields",
        panel="Output",
        metavar="NAME",
    ),
]


def given(**fields: Any) -> Callable[[Session], dict[str, Any]]:
    """The fields of a body that have a value."""
    present = {name: value for name, value in fields.items() if value is not None}
    return lambda session: present


@guide(
    "docspeed parse invoice.pdf --sandbox --wait",
    "docspeed parse --file-id file_123 --profile grounded --wait > result.json",
    "docspeed parse scans/ --recursive --wait -o parsed/",
    formats=PARSE.formats,
)
def parse(
    profile: Annotated[
        str | None,
        flag(
            "--profile",
            about="how to parse: grounded, or another name",
            panel="Request",
            metavar="NAME",
        ),
    ] = None,
    grounding: Grounding = None,
    *,
    inputs: InputFlags,
    request: RequestFlags,
    mode: ModeFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    many: ManyFlags,
    batch: BatchFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Pages, text, markdown and regions of each document."""
    from docspeed_cli.cli.run import Run

    return Run(PARSE, given(profile=profile, grounding=grounding), inputs, request, mode, results, batch)


@guide(
    "docspeed extract invoice.pdf --schema invoice.schema.json --sandbox --wait",
    "docspeed schema a.pdf --wait | docspeed extract b.pdf --schema - --wait",
    "docspeed extract a.pdf --schema s.json --wait --require due_date,grand_total",
    "docspeed extract invoices/ --recursive --schema s.json --wait -o extracted/",
    formats=EXTRACT.formats,
)
def extract(
    schema: Annotated[
        str | None,
        flag(
            "--schema",
            about="what to extract: a file, - for standard input, or JSON (required)",
            panel="Request",
            metavar="FILE|-|JSON",
        ),
    ] = None,
    grounding: Grounding = None,
    table: Table = None,
    require: Annotated[
        list[str] | None,
        flag(
            "--require",
            about="exit 5 where one of these fields has no value or evidence, a table no row, or a"
            " TABLE.COLUMN a gap",
            panel="Output",
            metavar="KEY,KEY",
        ),
    ] = None,
    require_all: Annotated[
        bool, flag("--require-all", about="the same for every field and table of the schema", panel="Output")
    ] = False,
    *,
    inputs: InputFlags,
    request: RequestFlags,
    mode: ModeFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    many: ManyFlags,
    batch: BatchFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Fields and line items of each document, by a schema."""
    from docspeed_cli.cli.run import Run
    from docspeed_cli.results.requirements import Requirements, check_names, expand_groups, parse_required

    def fields(session: Session) -> dict[str, Any]:
        if schema is None:
            raise UsageError(
                "--schema is missing",
                hint="docspeed schema FILE --wait -o schema.json makes one from a document",
            )
        if schema == "-" and ("-" in (inputs.files or ()) or inputs.from_ == "-"):
            raise UsageError("standard input can be read once only: the schema, or a document, or a list")
        checked = _schema(session, schema)
        check_names(checked, parse_required(require), table)
        return {"grounding": grounding or "cell", "schema": checked}

    def requirements(fields: dict[str, Any]) -> Requirements | None:
        keys = parse_required(require)
        if not keys and not require_all:
            return None
        named = fields.get("schema")
        return Requirements(expand_groups(keys, named), named if require_all else None)

    return Run(EXTRACT, fields, inputs, request, mode, results, batch, table, requirements=requirements)


@guide(
    "docspeed tables invoice.pdf --sandbox --wait",
    "docspeed tables invoice.pdf --wait --format csv --table 1 > items.csv",
    formats=TABLES.formats,
)
def tables(
    grounding: Grounding = None,
    table: Table = None,
    *,
    inputs: InputFlags,
    request: RequestFlags,
    mode: ModeFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    many: ManyFlags,
    batch: BatchFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Tables of cells in each document."""
    from docspeed_cli.cli.run import Run

    return Run(TABLES, given(grounding=grounding or "cell"), inputs, request, mode, results, batch, table)


@guide(
    "docspeed split packet.pdf --sandbox --wait",
    "docspeed split packet.pdf --wait | jq -r '.sections[].name'",
    formats=SPLIT.formats,
)
def split(
    *,
    inputs: InputFlags,
    request: RequestFlags,
    mode: ModeFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    many: ManyFlags,
    batch: BatchFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """The sections of a packet, with their page ranges."""
    from docspeed_cli.cli.run import Run

    return Run(SPLIT, given(), inputs, request, mode, results, batch)


@guide(
    "docspeed schema invoice.pdf --sandbox --wait -o schema.json",
    "docspeed schema --instructions 'invoice number, date, line items' --wait",
    "docspeed schema a.pdf b.pdf --wait | docspeed extract c.pdf --schema - --wait",
    formats=SCHEMA.formats,
)
def schema(
    instructions: Annotated[
        str | None,
        flag(
            "--instructions",
            about="what the schema is for, in words, or @FILE; required without a document",
            panel="Request",
            metavar="TEXT|@FILE",
        ),
    ] = None,
    *,
    inputs: InputFlags,
    request: RequestFlags,
    mode: ModeFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """A schema for extract, from no document, one, or many."""

    def fields(session: Session) -> dict[str, Any]:
        if instructions is None:
            return {}
        text = _read(instructions[1:], "--instructions") if instructions.startswith("@") else instructions
        if not text.strip():
            raise UsageError("--instructions holds no words")
        return {"instructions": text}

    if instructions is None and not inputs.inputs.given:
        raise UsageError(
            "a schema needs documents, or --instructions, or both",
            hint="docspeed schema --instructions 'invoice number, date, total due' --wait",
        )
    from docspeed_cli.cli.run import Run

    return Run(SCHEMA, fields, inputs, request, mode, results, needs_inputs=False)


def _schema(session: Session, text: str) -> Any:
    """The checked schema, as it was given. UsageError with every fault."""
    from docspeed_cli.results.schema import check_schema

    where = "--schema"
    if text == "-":
        if session.world.stdin.isatty():
            raise UsageError("--schema -: standard input is the terminal; pipe a schema in, or name a file")
        content = session.world.stdin.read()
    elif text.lstrip()[:1] in ("{", "["):
        content = text
    else:
        content, where = _read(text, "--schema"), text
    checked = check_schema(content)
    if checked.faults:
        faults = "".join(f"\n  {fault}" for fault in checked.faults)
        one = len(checked.faults) == 1
        raise UsageError(
            f"{where}: {checked.faults[0]}" if one else f"{where}: {len(checked.faults)} faults{faults}",
            code="invalid_schema",
            details=list(checked.faults),
        )
    for warning in checked.warnings:
        session.output.warn(f"{where}: {warning}")
    for note in checked.notes:
        session.output.note(f"{where}: {note}")
    return checked.schema


def _read(path: str, flag_name: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{flag_name}: can't read {path}: {reason}") from None


@guide(
    "docspeed upload invoice.pdf --sandbox",
    "docspeed upload *.pdf --format id | docspeed parse --from - --wait",
    formats=("json", "id"),
)
def upload(
    fresh: Annotated[
        bool, flag("--fresh", about="store even what is stored already", panel="Request")
    ] = False,
    *,
    inputs: InputFlags,
    results: FormatFlags,
    common: CommonFlags,
) -> Action:
    """Stores files and prints their file ids."""

    def action(session: Session) -> int:
        if not inputs.inputs.given:
            raise UsageError("no file given", hint="docspeed upload FILE, or - for standard input")
        return _upload_all(session, inputs, fresh)

    return action


def _upload_all(session: Session, inputs: InputFlags, fresh: bool) -> int:
    from docspeed_cli.jobs.sources import collect

    codes: set[int] = set()
    for source in collect(inputs.inputs, session.world):
        try:
            _show_entry(session, _uploaded(session, source, fresh))
        except DocspeedError as error:
            session.output.error(error)
            codes.add(error.exit_code)
            if isinstance(error, AuthError):
                break
    return overall_exit_code(codes)


def _uploaded(session: Session, source: Source | DocspeedError, fresh: bool) -> dict[str, Any]:
    from docspeed_cli.jobs.sources import discard
    from docspeed_cli.jobs.uploads import Uploads

    if isinstance(source, DocspeedError):
        raise source
    if source.path is None:
        raise UsageError(f"{source.label} is a stored file already")
    try:
        with session.output.live() as say:
            say(f"upload {source.label}")
            return Uploads(session).upload(source, fresh=fresh)
    finally:
        discard([source])


def _show_entry(session: Session, entry: dict[str, Any]) -> None:
    output = session.output
    if output.format == "id":
        output.text(str(entry["file_id"]))
    elif output.human_output:
        output.text(f"{entry['file_id']}  {entry['input']}")
    else:
        output.value(entry)
