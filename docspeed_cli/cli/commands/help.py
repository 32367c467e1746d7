"""The command `docspeed help`: prints a topic. For `docspeed help COMMAND`, see `cli.main`."""

from __future__ import annotations

from typing import Annotated

import typer

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Context


@guide("docspeed help exit-codes", "docspeed help parse", works_with_bad_settings=True)
def help_(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help=f"{', '.join(TOPICS)}, or a command", show_default=False)
    ],
    *,
    options: Options,
) -> Action:
    """Explain exit codes, variables, output, scripting, or a command."""

    def action(context: Context) -> int:
        from docspeed_cli.cli.commands import COMMANDS
        from docspeed_cli.cli.help_topics import topic_text

        if topic not in TOPICS:
            near = nearest(topic.lower(), (*TOPICS, *(entry.name for entry in COMMANDS)))
            suggestion = f"did you mean `docspeed help {near}`? " if near else ""
            hint = f"{suggestion}the topics are {', '.join(TOPICS)}, and each command"
            raise UsageError(f"no such topic: {topic}", hint=hint)
        columns = context.output.console().width if context.output.human_output else None
        context.output.text(topic_text(topic, columns))
        return 0

    return action
