"""Completion in real shells: bash and zsh at a pseudo-terminal, fish through `complete -C`."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.cli.completion_values import SCRIPTS
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import GROUNDINGS
from docspeed_cli.store.ledger import Ledger
from tests.stage import Stage

TOP = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("docspeed")
DEADLINE = 120.0
"""Seconds after which a shell counts as hung."""

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
needs_fish = pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")


class Terminal:
    """A shell at a pseudo-terminal; tests wait for its output and never sleep."""

    def __init__(self, argv: list[str], env: Mapping[str, str], folder: Path) -> None:
        self.output = ""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 200, 0, 0))
            os.chdir(folder)
            os.execvpe(argv[0], argv, dict(env))

    def send(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def until(self, pattern: str) -> re.Match[str]:
        """Read until the pattern appears, and drop the output up to its end."""
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self.output, flags=re.DOTALL)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not appear in {self.output!r}"
            if select.select([self._fd], [], [], left)[0]:
                self.output += self._read()
        self.output = self.output[found.end() :]
        return found

    def _read(self) -> str:
        try:
            return os.read(self._fd, 65536).decode("utf-8", "replace")
        except OSError:
            raise AssertionError(f"the shell is gone; it printed {self.output!r}") from None

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)

    def completed(self, line: str) -> str:
        """Return the line after TAB; Ctrl-X L is bound to print it and to empty it."""
        self.send(f"{line}\t\x18l")
        return self.until(r"LINE<(.*?)>")[1]


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


def answers(expected: Mapping[str, str], shell: Terminal) -> dict[str, str]:
    """Complete each of these lines and return the results."""
    return {line: shell.completed(line) for line in expected}


def run(argv: list[str], env: Mapping[str, str], folder: Path | None = None) -> str:
    ran = subprocess.run(
        argv,
        env=dict(env),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


# -- bash

BASHRC = r"""
PS1='READY> '
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind 'set page-completions off'
__show() { printf 'LINE<%s>\n' "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\C-xl": __show'
"""


@pytest.fixture
def bash(tmp_path: Path, env: Mapping[str, str], work: Path) -> Iterator[Terminal]:
    """An interactive bash without the bash-completion package that loads the script at start-up."""
    rc = tmp_path / "bashrc"
    rc.write_text(BASHRC + 'eval "$(docspeed completion bash)"\n')
    with closing(Terminal(["bash", "--noprofile", "--rcfile", str(rc), "-i"], env, work)) as shell:
        shell.until("READY> ")
        yield shell


WORDS = {
    "docspeed par": "docspeed parse ",
    "docspeed jobs wai": "docspeed jobs wait ",
    "docspeed jobs no": "docspeed jobs no",
    "docspeed parse --gro": "docspeed parse --grounding ",
    "docspeed parse --grounding reg": "docspeed parse --grounding regions ",
    "docspeed parse --grounding=reg": "docspeed parse --grounding=regions ",
    "docspeed parse a.pdf --format=mark": "docspeed parse a.pdf --format=markdown ",
    "docspeed parse --dry-run --format c": "docspeed parse --dry-run --format curl ",
    "docspeed parse --quiet --qui": "docspeed parse --quiet --qui",
    "docspeed jobs list --status run": "docspeed jobs list --status running ",
    "docspeed completion zs": "docspeed completion zsh ",
    "docspeed api PO": "docspeed api POST ",
}
"""Lines, and what every shell completes them to."""


@needs_bash
def test_completion_bash_completes_words(bash: Terminal) -> None:
    expected = {
        **WORDS,
        "true && docspeed   par": "true && docspeed   parse ",
        "X=1 docspeed spl": "X=1 docspeed split ",
    }
    assert answers(expected, bash) == expected


@needs_bash
def test_completion_bash_completes_files(bash: Terminal) -> None:
    expected = {
        "docspeed parse my": r"docspeed parse my\ file.pdf ",
        r"docspeed parse my\ f": r"docspeed parse my\ file.pdf ",
        "docspeed parse 'my f": "docspeed parse 'my file.pdf' ",
        'docspeed parse "my f': 'docspeed parse "my file.pdf" ',
        "docspeed parse SC": "docspeed parse SCAN.PDF ",
        "docspeed parse x.pdf sub": r"docspeed parse x.pdf sub\ dir/",
        r"docspeed parse sub\ dir/": r"docspeed parse sub\ dir/inner.tiff ",
        r"docspeed parse \$p": r"docspeed parse \$price\ \(1\).png ",
        "docspeed parse ~/work/SC": "docspeed parse ~/work/SCAN.PDF ",
        "docspeed parse -- my": r"docspeed parse -- my\ file.pdf ",
        "docspeed chat my": r"docspeed chat my\ file.pdf ",
        "docspeed chat 'what?' my": r"docspeed chat 'what?' my\ file.pdf ",
        "docspeed extract --schema f": "docspeed extract --schema form.json ",
        "docspeed extract --schema=f": "docspeed extract --schema=form.json ",
        r"docspeed parse -o my\ n": r"docspeed parse -o my\ notes.txt ",
        r"docspeed parse --output=my\ n": r"docspeed parse --output=my\ notes.txt ",
        "docspeed parse --output='my n": "docspeed parse --output='my notes.txt' ",
        "docspeed schema --instructions @fo": r"docspeed schema --instructions \@form.json ",
        r"docspeed schema --instructions \@fo": r"docspeed schema --instructions \@form.json ",
        "docspeed parse a:b": r"docspeed parse a:b\@c\=d.pdf ",
        "docspeed parse --timeout my": "docspeed parse --timeout my",
    }
    assert answers(expected, bash) == expected


@needs_bash
def test_completion_bash_lists_descriptions(bash: Terminal) -> None:
    bash.send("docspeed auth \t\t")
    bash.until(r"login +Save an API key for the server\.\s+status +Show which API key")


@needs_bash
def test_completion_bash_in_mid_line_completes_the_word(bash: Terminal) -> None:
    bash.send("docspeed par a.pdf" + "\x02" * 6 + "\t\x18l")
    assert bash.until(r"LINE<(.*?)>")[1] in ("docspeed parse a.pdf", "docspeed parse  a.pdf")


@needs_bash
@pytest.mark.parametrize("less", ["=", ":@", "=:@"])
def test_completion_bash_with_other_wordbreaks_completes(bash: Terminal, less: str) -> None:
    bash.send(f'COMP_WORDBREAKS=${{COMP_WORDBREAKS//[x{less}]/}}; printf "%s\\n" set\n')
    bash.until("\nset\r?\nREADY> ")
    expected = {
        "docspeed parse --format=ma": "docspeed parse --format=markdown ",
        "docspeed extract --schema=f": "docspeed extract --schema=form.json ",
        "docspeed parse a:b": "docspeed parse a:b@c=d.pdf ",
        "docspeed schema --instructions=@fo": "docspeed schema --instructions=@form.json ",
    }
    found = answers(expected, bash)
    assert {line: text.replace("\\", "") for line, text in found.items()} == expected


ASKED = r"""
eval "$(docspeed completion bash)"
complete -p docspeed
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_docspeed docspeed "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@needs_bash
def test_completion_bash_function_without_terminal_replies(env: Mapping[str, str], work: Path) -> None:
    def asked(line: str, *words: str) -> list[str]:
        printed = run(["bash", "--norc", "--noprofile", "-c", ASKED, "bash", line, *words], env, work)
        registered, *found = printed.splitlines()
        assert registered == "complete -F _docspeed docspeed"
        return found

    assert asked("docspeed jobs ", "docspeed", "jobs", "")[:3] == ["status", "wait", "result"]
    assert asked("docspeed parse --grounding=", "docspeed", "parse", "--grounding", "=") == [*GROUNDINGS]
    assert asked("docspeed extract --schema f", "docspeed", "extract", "--schema", "f") == ["form.json"]


# -- zsh

ZSHRC = r"""
PS1='READY> '
unsetopt prompt_sp
fpath=($ZDOTDIR/functions $fpath)
autoload -Uz compinit && compinit -u
__show() { zle -I; print -r -- "LINE<$BUFFER>"; BUFFER= }
zle -N __show
bindkey -e
bindkey '^Xl' __show
"""


@pytest.fixture
def how() -> str:
    """How zsh and fish load the script, unless a test says otherwise."""
    return "autoloaded"


both_ways = pytest.mark.parametrize("how", ["autoloaded", "sourced"])


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


@needs_zsh
@both_ways
def test_completion_zsh_first_tab_completes(zsh: Terminal) -> None:
    assert zsh.completed("docspeed par") == "docspeed parse "


@needs_zsh
def test_completion_zsh_completes_words(zsh: Terminal) -> None:
    assert answers(WORDS, zsh) == WORDS


@needs_zsh
def test_completion_zsh_completes_files(zsh: Terminal) -> None:
    expected = {
        "docspeed parse my": r"docspeed parse my\ file.pdf ",
        r"docspeed parse my\ f": r"docspeed parse my\ file.pdf ",
        "docspeed parse 'my f": "docspeed parse 'my file.pdf' ",
        "docspeed parse SC": "docspeed parse SCAN.PDF ",
        "docspeed parse x.pdf sub": r"docspeed parse x.pdf sub\ dir/",
        r"docspeed parse sub\ dir/": r"docspeed parse sub\ dir/inner.tiff ",
        r"docspeed parse \$p": r"docspeed parse \$price\ \(1\).png ",
        "docspeed parse ~/work/SC": "docspeed parse ~/work/SCAN.PDF ",
        "docspeed chat my": r"docspeed chat my\ file.pdf ",
        "docspeed extract --schema f": "docspeed extract --schema form.json ",
        "docspeed extract --schema=f": "docspeed extract --schema=form.json ",
        r"docspeed parse --output=my\ n": r"docspeed parse --output=my\ notes.txt ",
        "docspeed schema --instructions @fo": "docspeed schema --instructions @form.json ",
        "docspeed parse a:b": "docspeed parse a:b@c=d.pdf ",
        "docspeed parse --timeout my": "docspeed parse --timeout my",
    }
    assert answers(expected, zsh) == expected


@needs_zsh
def test_completion_zsh_lists_all_files_for_a_list_file(zsh: Terminal) -> None:
    """A single folder among the files must not be completed at once."""
    zsh.send("docspeed parse --from \t\t")
    zsh.until(r"SCAN\.PDF.*form\.json.*my\\? notes\.txt.*sub\\? dir")


@needs_zsh
def test_completion_zsh_lists_descriptions(zsh: Terminal) -> None:
    zsh.send("docspeed auth \t\t")
    zsh.until(r"login +-- Save an API key for the server\.\s+status +-- Show which API key")


# -- fish


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


@needs_fish
@both_ways
def test_completion_fish_completes_words(fish: Any) -> None:
    assert fish("docspeed par") == ["parse\tRead the pages, text, markdown and regions of each document."]
    assert fish("docspeed jobs ")[:2] == [
        "status\tShow the current state of jobs.",
        "wait\tFollow jobs to their end.",
    ]
    assert "--grounding\twhat evidence points to: ocr_lines, regions, cell, or another name" in fish(
        "docspeed parse --gr"
    )
    assert fish("docspeed parse --grounding ") == ["ocr_lines", "regions", "cell"]
    assert fish("docspeed parse --grounding=reg") == ["--grounding=regions"]
    assert fish("docspeed parse --dry-run --format ") == [
        "json",
        "curl",
    ]
    assert fish("docspeed parse --timeout ") == []


@needs_fish
@both_ways
def test_completion_fish_replaces_completions_from_the_manual_page(fish: Any, tmp_path: Path) -> None:
    generated = tmp_path / "data" / "fish" / "generated_completions"
    generated.mkdir(parents=True)
    generated.joinpath("docspeed.fish").write_text("complete -c docspeed -l qzqz -d 'of a page'\n")
    assert fish("docspeed parse --qz") == []
    assert fish("docspeed par") == ["parse\tRead the pages, text, markdown and regions of each document."]


@needs_fish
def test_completion_fish_completes_files(fish: Any) -> None:
    assert set(fish("docspeed parse ")) == {
        "$price (1).png",
        "SCAN.PDF",
        "a:b@c=d.pdf",
        "my file.pdf",
        "sub dir/",
    }
    assert fish("docspeed parse my") == ["my file.pdf"]
    assert fish("docspeed parse my\\ f") == ["my file.pdf"]
    assert fish("docspeed parse 'my f") == ["my file.pdf"]
    assert fish("docspeed parse x.pdf sub\\ dir/") == ["sub dir/inner.tiff"]
    assert fish("docspeed parse ~/work/SC") == ["~/work/SCAN.PDF"]
    assert fish("docspeed extract --schema fo") == ["form.json"]
    assert fish("docspeed extract --schema=fo") == ["--schema=form.json"]
    assert fish("docspeed schema --instructions @fo") == ["@form.json"]
    assert fish("docspeed parse -o my\\ n") == ["my notes.txt"]


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
