"""Completion of jobs in real shells, with a program that fails, and the scripts themselves."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.cli.completion_values import SCRIPTS
from docspeed_cli.core.models import Job, State
from docspeed_cli.store.ledger import Ledger
from tests.real.completions.shells import (
    BASHRC,
    TOP,
    WORDS,
    Terminal,
    answers,
    needs_bash,
    needs_fish,
    needs_zsh,
    run,
)
from tests.stage import Stage

# -- jobs of the ledger


@pytest.fixture
def jobs(tmp_path: Path, env: Mapping[str, str]) -> list[str]:
    """The ids of two jobs in the ledger, newest first."""
    stage = Stage(tmp_path)
    for name in ("a.pdf", "b.pdf"):
        assert stage.run("parse", stage.document(name)).code == 0
    return [row["job_id"] for row in stage.rows()]


@needs_bash
def test_completion_bash_completes_jobs(jobs: list[str], bash: Terminal) -> None:
    assert bash.completed("docspeed jobs wait @l") == "docspeed jobs wait @last "
    newest, other = jobs
    assert bash.completed(f"docspeed jobs wait {newest} jo") == f"docspeed jobs wait {newest} {other} "
    bash.send("docspeed jobs result \t\t")
    bash.until(rf"@last +the newest job\s+{jobs[0]} +parse, .*b\.pdf, .*{jobs[1]} +parse, .*a\.pdf, ")


@needs_zsh
def test_completion_zsh_completes_jobs(jobs: list[str], zsh: Terminal) -> None:
    assert zsh.completed("docspeed jobs wait @l") == "docspeed jobs wait @last "
    zsh.send("docspeed jobs result \t\t")
    zsh.until(rf"@last +-- the newest job\s+{jobs[0]} +-- parse, .*b\.pdf, .*{jobs[1]} +-- parse, .*a\.pdf, ")


@needs_fish
def test_completion_fish_completes_jobs(jobs: list[str], fish: Any) -> None:
    lines = fish("docspeed jobs result ")
    assert [line.split("\t")[0] for line in lines] == ["@last", *jobs]
    assert "b.pdf" in lines[1]


STRANGE = "job_x$(touch pwned) 'q' \"r\" @1:2=3;`id`"
"""A job id with characters that are special in shells."""


@pytest.fixture
def strange(tmp_path: Path, env: Mapping[str, str]) -> None:
    """A ledger with a job of this id."""
    ledger = Ledger(tmp_path / "state" / "ledger.db", pytest.fail, lambda: 0.0)
    ledger.begin(Job("parse", "queued", State.RUNNING, job_id=STRANGE))
    ledger.close()


@needs_bash
def test_completion_bash_quotes_special_characters(strange: None, bash: Terminal, work: Path) -> None:
    assert shlex.split(bash.completed("docspeed jobs wait job")) == ["docspeed", "jobs", "wait", STRANGE]
    assert not work.joinpath("pwned").exists()


@needs_zsh
def test_completion_zsh_quotes_special_characters(strange: None, zsh: Terminal, work: Path) -> None:
    assert shlex.split(zsh.completed("docspeed jobs wait job")) == ["docspeed", "jobs", "wait", STRANGE]
    assert not work.joinpath("pwned").exists()


@needs_fish
def test_completion_fish_receives_special_characters_unquoted(strange: None, fish: Any) -> None:
    assert fish("docspeed jobs wait job")[0].split("\t")[0] == STRANGE


# -- when docspeed fails


@pytest.fixture
def broken(env: dict[str, str], tmp_path: Path) -> None:
    """A program that writes to stderr and fails, in place of docspeed; the scripts are already loaded."""
    folder = tmp_path / "broken"
    folder.mkdir()
    folder.joinpath("docspeed").write_text("#!/bin/sh\necho BROKEN >&2\nexit 1\n")
    folder.joinpath("docspeed").chmod(0o755)
    env["PATH"] = f"{folder}:{env['PATH']}"


def said_besides(text: str) -> str:
    """Strip bells and the sequences that switch bracketed paste."""
    return re.sub(r"\x07|\x1b\[\?2004[hl]", "", text).strip()


@needs_bash
@pytest.mark.parametrize("options", ["", "set -u; shopt -s failglob nocasematch"])
def test_completion_bash_with_failing_program_prints_nothing(
    broken: None, options: str, tmp_path: Path, env: Mapping[str, str]
) -> None:
    rc = tmp_path / "bashrc"
    rc.write_text(f"{BASHRC}\nsource {TOP}/completions/docspeed.bash\n{options}\n")
    with closing(Terminal(["bash", "--noprofile", "--rcfile", str(rc), "-i"], env, tmp_path)) as shell:
        shell.until("READY> ")
        shell.send("docspeed par\t\t\x18l")
        assert said_besides(shell.until(r"(.*)LINE<docspeed par>")[1]) in ("docspeed par", "")


@needs_bash
def test_completion_bash_under_strict_options_completes(bash: Terminal) -> None:
    bash.send("set -u; shopt -s failglob nullglob nocasematch extglob\n")
    bash.until("READY> ")
    expected = {line: WORDS[line] for line in list(WORDS)[:7]} | {
        "docspeed parse SC": "docspeed parse SCAN.PDF "
    }
    assert answers(expected, bash) == expected


@needs_zsh
def test_completion_zsh_with_failing_program_prints_nothing(broken: None, zsh: Terminal) -> None:
    zsh.send("docspeed par\t\t\x18l")
    assert said_besides(zsh.until(r"(.*)LINE<docspeed par>")[1]) in ("docspeed par", "")


@needs_fish
def test_completion_fish_with_failing_program_prints_nothing(broken: None, fish: Any) -> None:
    assert fish("docspeed par") == []


# -- the scripts


@pytest.mark.parametrize("shell", SCRIPTS)
def test_completion_command_prints_the_file(shell: str, tmp_path: Path, stage: Stage) -> None:
    ran = stage.run("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert ran.raw == TOP.joinpath("completions", SCRIPTS[shell]).read_bytes()


def test_completion_zsh_script_begins_with_compdef() -> None:
    text = TOP.joinpath("completions", "_docspeed").read_text("utf-8")
    assert text.splitlines()[0] == "#compdef docspeed"


@pytest.mark.parametrize(
    ("name", "check"),
    [
        pytest.param("docspeed.bash", ["bash", "-n"], marks=needs_bash),
        pytest.param("_docspeed", ["zsh", "-n"], marks=needs_zsh),
        pytest.param("docspeed.fish", ["fish", "-n"], marks=needs_fish),
    ],
)
def test_completion_script_has_valid_syntax(name: str, check: list[str], env: Mapping[str, str]) -> None:
    assert run([*check, str(TOP / "completions" / name)], env) == ""


def test_completion_powershell_script_sets_the_variable() -> None:
    """Without a PowerShell to run it, only the text is checked."""
    text = TOP.joinpath("completions", "docspeed.ps1").read_text("utf-8")
    assert "Register-ArgumentCompleter -Native -CommandName" in text
    assert "$env:_DOCSPEED_COMPLETE = 'powershell'" in text
    assert "Remove-Item -Path Env:_DOCSPEED_COMPLETE" in text
    for left, right in ("()", "{}", "[]"):
        assert text.count(left) == text.count(right)
