"""The commands over documents: parse and upload."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from docspeed_cli.documents import Documents
from docspeed_cli.errors import AuthError, DocspeedError, UsageError, worst
from docspeed_cli.flags import (
    CommonFlags,
    InputFlags,
    ManyFlags,
    RequestFlags,
    ResultFlags,
    WaitFlags,
    complete,
    flag,
)
from docspeed_cli.framework import Action, guide
from docspeed_cli.inputs import Skipped, collect
from docspeed_cli.operations import GROUNDINGS, PARSE, PROFILES
from docspeed_cli.runs import Run
from docspeed_cli.session import Session

Grounding = Annotated[
    str | None,
    flag(
        "--grounding",
        about=f"what evidence points at: {', '.join(GROUNDINGS)}, or another name",
        panel="Request",
        metavar="NAME",
        complete=complete(*GROUNDINGS),
    ),
]


def given(**fields: Any) -> dict[str, Any]:
    """The fields of a body that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


@guide(
    "docspeed parse invoice.pdf --sandbox --wait",
    "docspeed parse --file-id file_123 --profile grounded --wait > result.json",
    "docspeed parse scans/ --recursive --wait -o results/",
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
            complete=complete(*PROFILES),
        ),
    ] = None,
    grounding: Grounding = None,
    *,
    inputs: InputFlags,
    request: RequestFlags,
    waiting: WaitFlags,
    many: ManyFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Pages, text, markdown and regions of each document."""
    return Run(PARSE, given(profile=profile, grounding=grounding), inputs, request, results)


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
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Stores files and prints their file ids."""

    def action(session: Session) -> int:
        if results.output is not None:
            raise UsageError(
                "upload prints ids; send them to a file with >", hint="docspeed upload a.pdf > ids.json"
            )
        if not inputs.inputs.given:
            raise UsageError("no file given", hint="docspeed upload FILE, or - for standard input")
        skipped = Skipped([])
        found = collect(inputs.inputs, session.world, skipped)
        first = next(found, None)
        codes: set[int] = set()
        for source in itertools.chain([first] if first else [], found):
            try:
                if isinstance(source, DocspeedError):
                    raise source
                if source.path is None:
                    raise UsageError(f"{source.label} is a stored file already")
                with session.output.live() as say:
                    say(f"upload {source.label}")
                    entry = Documents(session).upload(source, fresh=fresh)
                _show_entry(session, entry)
            except DocspeedError as error:
                session.output.error(error)
                codes.add(error.exit_code)
                if isinstance(error, AuthError):
                    break
        return worst(codes)

    return action


def _show_entry(session: Session, entry: dict[str, Any]) -> None:
    output = session.output
    if output.format == "id":
        output.text(str(entry["file_id"]))
    elif output.human:
        output.text(f"{entry['file_id']}  {entry['input']}")
    else:
        output.value(entry)
