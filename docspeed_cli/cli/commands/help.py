"""The command `docspeed help`: prints a topic, or JSON for programs. `cli.main` answers `help COMMAND`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from docspeed_cli.cli.flags import Argument, Texts
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.groups import Called, find
from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Context

SKILL = "skill"
"""Name of the topic that coding agents read."""


@guide(
    "docspeed help exit-codes",
    "docspeed help parse",
    "docspeed help --json | jq -r '.commands[].command'",
    works_with_bad_settings=True,
)
def help_(
    topic: Annotated[
        Texts, Argument("[TOPIC]...", f"{', '.join(TOPICS)}, {SKILL}, or a command", "topics")
    ] = None,
    *,
    options: Options,
) -> Action:
    """Explain exit codes, variables, output, scripting, or a command."""

    def action(context: Context) -> int:
        words = topic or []
        if not all(word.strip() for word in words):
            raise UsageError("TOPIC is empty; is a variable unset?")
        if options.json:
            context.output.value(_help_for_programs(words))
        elif words == [SKILL]:
            context.output.text(_skill())
        else:
            from docspeed_cli.cli.help_topics import topic_text

            name = _topic(words)
            columns = context.output.console().width if context.output.human_output else None
            context.output.text(topic_text(name, columns))
        return 0

    return action


def _skill() -> str:
    from importlib.resources import files  # also reads from a zipapp

    return files("docspeed_cli").joinpath("SKILL.md").read_text("utf-8").removesuffix("\n")


def _help_for_programs(words: Sequence[str]) -> dict[str, object]:
    """The help for programs: on everything, a command, or a topic. UsageError for an unknown one."""
    from docspeed_cli.cli.machine_help import describe_command, describe_program

    if not words:
        return describe_program()
    if (called := _command(words)) is not None:
        return describe_command(called)
    if list(words) == [SKILL]:
        return {"topic": SKILL, "text": _skill()}
    from docspeed_cli.cli.help_topics import topic_text

    name = _topic(words)
    return {"topic": name, "text": topic_text(name)}


def _command(words: Sequence[str]) -> Called | None:
    """The command or group of this name."""
    from docspeed_cli.cli.commands import PROGRAM

    called = find(words, PROGRAM)
    return called if not called.rest else None


def _topic(words: Sequence[str]) -> str:
    """The topic of this name. UsageError if there is none."""
    from docspeed_cli.cli.commands import COMMANDS

    name = " ".join(words)
    if name in TOPICS:
        return name
    near = nearest(name.lower(), (*TOPICS, *(entry.name for entry in COMMANDS)))
    suggestion = f"did you mean `docspeed help {near}`? " if near else ""
    hint = f"{suggestion}the topics are {', '.join(TOPICS)}, {SKILL}, and each command"
    raise UsageError(f"no such topic: {name}", hint=hint)
