"""`completion --install`: the script where the shell looks, and what is left to do."""

from __future__ import annotations

import pytest

from docspeed_cli.cli.commands.completion import shell_of
from docspeed_cli.core.errors import UsageError
from tests.stage import Ran, Stage


def install(stage: Stage, *argv: str, **env: str) -> Ran:
    """Install for a user whose home is `home`."""
    return stage.run("completion", "--install", *argv, env={"HOME": str(stage.folder / "home"), **env})


def test_install_on_windows_is_for_powershell_unless_a_shell_is_set() -> None:
    assert shell_of({}, "win32") == "powershell"
    assert shell_of({"SHELL": "/usr/bin/bash.exe"}, "win32") == "bash"
    with pytest.raises(UsageError):
        shell_of({}, "darwin")


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", "home/.local/share/bash-completion/completions/docspeed"),
        ("zsh", "home/.zfunc/_docspeed"),
        ("fish", "home/.config/fish/completions/docspeed.fish"),
    ],
)
def test_install_writes_the_script_where_the_shell_looks(stage: Stage, shell: str, place: str) -> None:
    named, guessed = install(stage, shell), install(stage, SHELL=f"/usr/bin/{shell}")
    for ran in (named, guessed):
        assert (ran.code, ran.out) == (0, "")
        assert f"wrote {stage.folder / place}\n" in ran.err
    assert (stage.folder / place).read_text() == stage.run("completion", shell).out


def test_install_follows_the_variables_of_the_shell(stage: Stage) -> None:
    base = stage.folder / "x"
    variables = ("BASH_COMPLETION_USER_DIR", "ZDOTDIR", "XDG_CONFIG_HOME")
    for shell in ("bash", "zsh", "fish"):
        install(stage, shell, **dict.fromkeys(variables, str(base)))
    assert {str(path.relative_to(base)) for path in base.rglob("*") if path.is_file()} == {
        "completions/docspeed",
        ".zfunc/_docspeed",
        "fish/completions/docspeed.fish",
    }


def test_install_zsh_prints_the_line_that_is_missing_in_zshrc(stage: Stage) -> None:
    folder = stage.folder / "home" / ".zfunc"
    line = f"fpath+={folder}; autoload -U compinit && compinit"
    assert f"add this line to {folder.parent / '.zshrc'}: {line}\n" in install(stage, "zsh").err
    (folder.parent / ".zshrc").write_text(f"{line}\n")
    assert "add this line" not in install(stage, "zsh").err


@pytest.mark.parametrize(
    ("argv", "env", "message"),
    [
        (("tcsh",), {}, "there is no completion script for tcsh"),
        ((), {"SHELL": "/bin/dash"}, "there is no completion script for dash"),
        ((), {}, "SHELL is not set"),
        (("powershell",), {}, "$PROFILE"),
    ],
)
def test_install_for_another_shell_is_a_usage_error(
    stage: Stage, argv: tuple[str, ...], env: dict[str, str], message: str
) -> None:
    ran = install(stage, *argv, **env)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert not (stage.folder / "home").exists()
