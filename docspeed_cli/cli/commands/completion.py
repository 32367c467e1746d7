"""The command `docspeed completion`: prints the completion script for a shell."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Annotated

import typer

import docspeed_cli
from docspeed_cli.cli.completion import SCRIPTS
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.context import Context

_SHELLS = "bash, zsh, fish or powershell"


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
        typer.Argument(metavar="[SHELL]", help=f"{_SHELLS} (default: from $SHELL)", show_default=False),
    ] = None,
    *,
    options: Options,
) -> Action:
    """Print the completion script for bash, zsh, fish or powershell."""

    def action(context: Context) -> int:
        name = shell or PurePath(context.environment.env.get("SHELL", "")).name
        script = SCRIPTS.get({"pwsh": "powershell"}.get(name, name))
        if script is None:
            problem = f"there is no completion script for {shell}" if shell else "the shell is not known"
            raise UsageError(f"{problem}; name {_SHELLS}", hint="docspeed completion bash")
        context.output.text(_read_script(script).removesuffix("\n"))
        return 0

    return action


def _read_script(name: str) -> str:
    package = Path(docspeed_cli.__file__).parent
    # A wheel has the folder inside the package; in a checkout it stands beside the package.
    folder = next(place for place in (package, package.parent) if (place / "completions").is_dir())
    return (folder / "completions" / name).read_text("utf-8")
