"""Shells at a pseudo-terminal, and what every shell completes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
PROGRAM = Path(sys.executable).with_name("docspeed")
DEADLINE = 120.0
"""Seconds after which a shell counts as hung."""

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
needs_fish = pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
both_ways = pytest.mark.parametrize("how", ["autoloaded", "sourced"])


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


BASHRC = r"""
PS1='READY> '
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind 'set page-completions off'
__show() { printf 'LINE<%s>\n' "$READLINE_LINE"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\C-xl": __show'
"""


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
