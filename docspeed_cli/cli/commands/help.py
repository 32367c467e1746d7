"""The command that explains what no single command's help can: exit codes, variables, output, scripting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from docspeed_cli.cli.framework import TOPICS, Action, Entry, guide
from docspeed_cli.cli.options import LocalFlags
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Session

_ALSO = {"variables": "environment", "settings": "environment", "codes": "exit-codes", "errors": "exit-codes"}
"""Other words for some topics."""


@guide(
    "docspeed help exit-codes",
    "docspeed help parse",
    "docspeed help man | man -l -",
    works_with_bad_settings=True,
)
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
    common: LocalFlags,
) -> Action:
    """Explains exit codes, variables, output and scripting, or a command."""

    def action(session: Session) -> int:
        from docspeed_cli.cli import man_page as manual
        from docspeed_cli.cli.commands import COMMANDS

        if topic == "man":
            session.output.text(manual.page(COMMANDS))
            return 0
        named = _ALSO.get(topic or "", topic)
        if named not in TOPICS:
            raise _no_such(topic, COMMANDS)
        session.output.text(manual.explained(named, session.output.columns))
        return 0

    return action


def _no_such(topic: str | None, commands: Sequence[Entry]) -> UsageError:
    there = f"the topics are {', '.join(TOPICS)}, man, and each command"
    if topic is None:
        return UsageError("no topic given", hint=there)
    inner = {below.name: f"{entry.name} {below.name}" for entry in commands for below in entry.entries}
    outer = {name: name for name in (*TOPICS, "man", *(entry.name for entry in commands))}
    known = {**inner, **_ALSO, **outer}
    near = nearest(topic.lower(), known)
    meant = f"did you mean docspeed help {known[near]}? " if near else ""
    return UsageError(f"no such topic: {topic}", hint=meant + there)
