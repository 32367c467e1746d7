"""`docspeed help`: exit codes, variables, output, scripting and schemas, which concern all commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from docspeed_cli.cli.framework import TOPICS, Action, Entry, guide
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Context

_SYNONYMS = {
    "variables": "environment",
    "settings": "environment",
    "codes": "exit-codes",
    "errors": "exit-codes",
}


@guide("docspeed help exit-codes", "docspeed help parse", works_with_bad_settings=True)
def help_(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="[TOPIC]", help=f"{', '.join(TOPICS)}, or a command", show_default=False),
    ] = None,
    *,
    options: Options,
) -> Action:
    """Explain exit codes, variables, output, scripting, or a command."""

    def action(context: Context) -> int:
        from docspeed_cli.cli.help_topics import topic_text

        name = _SYNONYMS.get(topic or "", topic)
        if name not in TOPICS:
            from docspeed_cli.cli.commands import COMMANDS

            raise _unknown_topic(topic, COMMANDS)
        columns = context.output.console().width if context.output.human_output else None
        context.output.text(topic_text(name, columns))
        return 0

    return action


def _unknown_topic(topic: str | None, commands: Sequence[Entry]) -> UsageError:
    choices = f"the topics are {', '.join(TOPICS)}, and each command"
    if topic is None:
        return UsageError("no topic given", hint=choices)
    if topic == "man":
        return UsageError("no such topic: man", hint="`man docspeed` shows the manual page")
    subcommands = {below.name: f"{entry.name} {below.name}" for entry in commands for below in entry.entries}
    names = {name: name for name in (*TOPICS, *(entry.name for entry in commands))}
    known = {**subcommands, **_SYNONYMS, **names}
    near = nearest(topic.lower(), known)
    suggestion = f"did you mean `docspeed help {known[near]}`? " if near else ""
    return UsageError(f"no such topic: {topic}", hint=suggestion + choices)
