"""The command `docspeed completion`: prints the completion script for a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import docspeed_cli
from docspeed_cli.cli.completion_values import SCRIPTS
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.context import Context


@guide(
    'eval "$(docspeed completion bash)"',
    "mkdir -p ~/.zfunc && docspeed completion zsh > ~/.zfunc/_docspeed",
    "mkdir -p ~/.config/fish/completions &&\n"
    "  docspeed completion fish > ~/.config/fish/completions/docspeed.fish",
    "docspeed completion powershell | Out-String | Invoke-Expression",
    works_with_bad_settings=True,
)
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help=", ".join(SCRIPTS), show_default=False)],
    *,
    options: Options,
) -> Action:
    """Print the completion script for bash, zsh, fish or powershell."""

    def action(context: Context) -> int:
        if shell not in SCRIPTS:
            shells = ", ".join(SCRIPTS)
            raise UsageError(f"there is no completion script for {shell}", hint=f"the shells are {shells}")
        package = Path(docspeed_cli.__file__).parent
        # A wheel has the folder inside the package; in a checkout it stands beside the package.
        folder = next(place for place in (package, package.parent) if (place / "completions").is_dir())
        script = (folder / "completions" / SCRIPTS[shell]).read_text("utf-8")
        context.output.text(script.removesuffix("\n"))
        return 0

    return action
