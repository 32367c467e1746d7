"""The command that explains what no single command's help can: exit codes, variables, output, scripting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from docspeed_cli.errors import EXITS, SEVERITY, UsageError
from docspeed_cli.flags import CommonFlags
from docspeed_cli.framework import Action, guide
from docspeed_cli.session import Session

_OUTPUT = """\
stdout is data; notes, progress, hints and errors go to stderr.
At a terminal results are drawn for people; in a pipe or a file they are JSON, the server's own bytes.
--json        JSON anywhere; an error is one JSON line on stderr
--format F    markdown, text, csv or id, where the command has it
-o PATH       to a file, whole or not at all; with many inputs to a file for each in this folder
--quiet       no notes, no progress        --verbose   a line for each HTTP exchange
NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS are honoured."""

_SCRIPTING = """\
job=$(docspeed parse scan.pdf --format id)            a job's id and nothing else
docspeed jobs wait "$job" --timeout 30m               exit 8 if it still runs: call it again later
docspeed jobs result "$job" -o scan.json              whole, or not there

Run the same command again after any failure: what is done is not paid twice, what runs is joined.
Branch on the exit code (docspeed help exit-codes); read .error.code of the line that --json gives."""


def _exit_codes() -> str:
    rows = [f"{row.code:>3}  {row.name:<12} {row.when}" for row in EXITS]
    first = ", ".join(str(code) for code in SEVERITY)
    return "\n".join([*rows, "", f"Of several jobs, the first of {first} that any of them met."])


def _environment() -> str:
    from docspeed_cli.settings import VARIABLES

    rows = [f"{name:<24} {about}" for name, about in VARIABLES]
    more = "HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR are honoured."
    return "\n".join([*rows, "", "A flag wins over a variable, a variable over config.toml.", more])


TOPICS: dict[str, Callable[[], str]] = {
    "exit-codes": _exit_codes,
    "environment": _environment,
    "output": lambda: _OUTPUT,
    "scripting": lambda: _SCRIPTING,
}


@guide("docspeed help exit-codes", "docspeed help parse")
def help_(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help=f"{', '.join(TOPICS)}, or a command")
    ] = "exit-codes",
    *,
    common: CommonFlags,
) -> Action:
    """Explains exit codes, variables, output and scripting, or a command."""

    def action(session: Session) -> int:
        if topic not in TOPICS:
            raise UsageError(f"no such topic: {topic}", hint=f"the topics are {', '.join(TOPICS)}")
        session.output.text(TOPICS[topic]())
        return 0

    return action
