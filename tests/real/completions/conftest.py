"""A user of each shell, with this program on the PATH."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.real.completions.shells import BASHRC, PROGRAM, TOP, ZSHRC, Terminal, run


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with a fresh home folder and this program on the PATH."""
    (tmp_path / "work").mkdir()
    return {
        "PATH": f"{PROGRAM.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "ZDOTDIR": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "DOCSPEED_STATE_DIR": str(tmp_path / "state"),
        "DOCSPEED_CONFIG": str(tmp_path / "config.toml"),
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
    }


@pytest.fixture
def work(tmp_path: Path, env: Mapping[str, str]) -> Path:
    """The current folder, with files whose names need quoting."""
    folder = tmp_path / "work"
    names = ("my file.pdf", "my notes.txt", "SCAN.PDF", "$price (1).png", "form.json", "a:b@c=d.pdf")
    for name in names:
        folder.joinpath(name).write_text("x")
    folder.joinpath("sub dir").mkdir()
    folder.joinpath("sub dir", "inner.tiff").write_text("x")
    return folder


@pytest.fixture
def bash(tmp_path: Path, env: Mapping[str, str], work: Path) -> Iterator[Terminal]:
    """An interactive bash without the bash-completion package that loads the script at start-up."""
    rc = tmp_path / "bashrc"
    rc.write_text(BASHRC + 'eval "$(docspeed completion bash)"\n')
    with closing(Terminal(["bash", "--noprofile", "--rcfile", str(rc), "-i"], env, work)) as shell:
        shell.until("READY> ")
        yield shell


@pytest.fixture
def how() -> str:
    """How zsh and fish load the script, unless a test says otherwise."""
    return "autoloaded"


@pytest.fixture
def zsh(how: str, tmp_path: Path, env: Mapping[str, str], work: Path) -> Iterator[Terminal]:
    """An interactive zsh in a fresh home folder, with the script in fpath or evaluated."""
    rc = ZSHRC
    if how == "autoloaded":
        tmp_path.joinpath("functions").mkdir()
        shutil.copy(TOP / "completions" / "_docspeed", tmp_path / "functions" / "_docspeed")
    else:
        rc += 'eval "$(docspeed completion zsh)"\n'
    tmp_path.joinpath(".zshrc").write_text(rc)
    with closing(Terminal(["zsh", "-d", "-i"], env, work)) as shell:
        shell.until("READY> ")
        yield shell


@pytest.fixture
def fish(how: str, tmp_path: Path, env: dict[str, str], work: Path) -> Any:
    """Return a function that asks fish for completions: values, each with a description after a tab."""
    first = ""
    if how == "autoloaded":
        folder = tmp_path / "share" / "fish" / "vendor_completions.d"
        folder.mkdir(parents=True)
        shutil.copy(TOP / "completions" / "docspeed.fish", folder)
        env["XDG_DATA_DIRS"] = f"{tmp_path / 'share'}:/usr/share"
    else:
        first = "docspeed completion fish | source; "

    def asked(line: str) -> list[str]:
        return run(["fish", "-c", f"{first}complete -C $argv[1]", line], env, work).splitlines()

    return asked
