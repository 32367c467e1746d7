"""The command for the user's shell: the script that completes command lines."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath
from typing import Annotated

import typer

from docspeed_cli.cli.completion import SCRIPTS
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import LocalFlags
from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.context import Session

_KNOWN = "bash, zsh, fish and powershell"


@guide(
    'eval "$(docspeed completion bash)"',
    "mkdir -p ~/.zfunc && docspeed completion zsh > ~/.zfunc/_docspeed",
    "mkdir -p ~/.config/fish/completions &&\n"
    "  docspeed completion fish > ~/.config/fish/completions/docspeed.fish",
    "docspeed completion powershell | Out-String | Invoke-Expression",
    works_with_bad_settings=True,
)
def completion(
    shell: Annotated[
        str | None,
        typer.Argument(
            metavar="[SHELL]",
            help="bash, zsh, fish or powershell; without it the one in $SHELL",
            show_default=False,
        ),
    ] = None,
    *,
    common: LocalFlags,
) -> Action:
    """The completion script for bash, zsh, fish or powershell."""

    def action(session: Session) -> int:
        name = shell or PurePath(session.world.env.get("SHELL", "")).name
        script = SCRIPTS.get({"pwsh": "powershell"}.get(name, name))
        if script is None:
            raise UsageError(
                f"there is no script for {shell}, only for {_KNOWN}"
                if shell
                else f"name a shell; there are scripts for {_KNOWN}",
                hint="docspeed completion bash",
            )
        text = files("docspeed_cli").joinpath("completions", script).read_text("utf-8")
        session.output.text(text.removesuffix("\n"))
        return 0

    return action
