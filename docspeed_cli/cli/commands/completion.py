"""The command `docspeed completion`: prints the completion script for a shell, or installs it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import docspeed_cli
from docspeed_cli.cli.completion_values import SCRIPTS
from docspeed_cli.cli.flags import Argument, Text, flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.context import Context

_ZSH_LINE = "fpath+={folder}; autoload -U compinit && compinit"


@guide(
    "docspeed completion --install",
    'eval "$(docspeed completion bash)"',
    "docspeed completion powershell | Out-String | Invoke-Expression",
    works_with_bad_settings=True,
)
def completion(
    shell: Annotated[
        Text,
        Argument("[SHELL]", f"{', '.join(SCRIPTS)}; with --install, your own by default", tuple(SCRIPTS)),
    ] = None,
    install: Annotated[
        bool, flag("--install", "write the script to the file where the shell looks", panel="Options")
    ] = False,
    *,
    options: Options,
) -> Action:
    """Print or install the completion script for bash, zsh, fish or powershell."""

    def action(context: Context) -> int:
        chosen = (
            shell if shell is not None or not install else shell_of(context.environment.env, sys.platform)
        )
        if chosen not in SCRIPTS:
            what = "no shell was named" if chosen is None else f"there is no completion script for {chosen}"
            raise UsageError(what, hint=f"the shells are {', '.join(SCRIPTS)}")
        if install:
            _install_script(context, chosen)
        else:
            context.output.text(_script(chosen).removesuffix("\n"))
        return 0

    return action


def _script(shell: str) -> str:
    from importlib.resources import files  # also reads from a zipapp

    inside = files("docspeed_cli").joinpath("completions", SCRIPTS[shell])
    # A wheel has the folder inside the package; in a checkout it stands beside the package.
    beside = Path(docspeed_cli.__file__).parents[1] / "completions" / SCRIPTS[shell]
    return (inside if inside.is_file() else beside).read_text("utf-8")


def shell_of(env: Mapping[str, str], platform: str) -> str:
    """The user's shell. Without SHELL it is PowerShell on Windows, and a UsageError elsewhere."""
    name = Path(env.get("SHELL", "")).stem  # Git for Windows has a bash.exe
    if not name and platform == "win32":
        return "powershell"
    if not name:
        raise UsageError(
            "SHELL is not set, so it is unknown which shell is yours",
            hint="name it, as in `docspeed completion --install bash`",
        )
    return name


def _install_script(context: Context, shell: str) -> None:
    """Write the script where the shell looks, and say what is left to do."""
    from docspeed_cli.core.files import write_errors, write_whole

    output, env = context.output, context.environment.env
    if shell == "powershell":
        raise UsageError(
            "PowerShell has no folder for completion scripts",
            hint="`docspeed completion powershell --help` shows the line for the file that $PROFILE names",
        )
    path = _script_path(shell, env)
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [_script(shell).encode()])
    output.progress(f"wrote {path}")
    if shell == "zsh":
        profile = path.parent.parent / ".zshrc"
        known = profile.read_text("utf-8", "replace") if profile.is_file() else ""
        if path.parent.name not in known:
            output.progress(f"add this line to {profile}: {_ZSH_LINE.format(folder=path.parent)}")
    if shell == "bash":
        output.progress("bash reads it if the package bash-completion is installed")
    output.progress("it works in each new shell")


def _script_path(shell: str, env: Mapping[str, str]) -> Path:
    """The file where a shell looks for our completions."""
    home = Path(env.get("HOME") or Path.home())
    if shell == "zsh":
        return Path(env.get("ZDOTDIR") or home) / ".zfunc" / "_docspeed"
    if shell == "fish":
        return Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "docspeed.fish"
    data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "bash-completion"
    return Path(env.get("BASH_COMPLETION_USER_DIR") or data) / "completions" / "docspeed"
