"""The command that explains what no single command's help can: exit codes, variables, output, scripting."""

from __future__ import annotations

from typing import Annotated

import typer

from docspeed_cli.errors import UsageError
from docspeed_cli.flags import CommonFlags
from docspeed_cli.framework import TOPICS, Action, guide
from docspeed_cli.session import Session

_ALSO = {"variables": "environment", "settings": "environment", "codes": "exit-codes", "errors": "exit-codes"}
"""Other words for some topics."""


@guide("docspeed help exit-codes", "docspeed help parse", "docspeed help man | man -l -")
def help_(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="[TOPIC]",
            help=f"{', '.join(TOPICS)}, a command, or man: all of it, as man reads it",
            show_default=False,
        ),
    ] = None,
    *,
    common: CommonFlags,
) -> Action:
    """Explains exit codes, variables, output and scripting, or a command."""

    def action(session: Session) -> int:
        from docspeed_cli import manual
        from docspeed_cli.commands import COMMANDS

        if topic == "man":
            session.output.text(manual.page(COMMANDS))
            return 0
        named = _ALSO.get(topic or "", topic)
        if named not in TOPICS:
            what = "no topic given" if topic is None else f"no such topic: {topic}"
            raise UsageError(what, hint=f"the topics are {', '.join(TOPICS)}, man, and each command")
        session.output.text(manual.explained(named))
        return 0

    return action
