"""The installed program as a process: run to its end, watched while it runs, or at a pseudo-terminal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from docspeed_cli.cli.main import main
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.signals import Interrupts
from tests.fake_service import KEY, PATIENCE
from tests.stage import Stream

if sys.platform != "win32":
    import pty
    import termios

DOCSPEED = Path(sys.executable).with_name("docspeed")

_RESTORED = "[the terminal is as it was]"
_AT_A_TERMINAL = f"""
import os, signal, subprocess, sys, termios
os.login_tty(0)
before = termios.tcgetattr(0)
for number in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, lambda *_: None)
code = subprocess.call(sys.argv[1:])
if termios.tcgetattr(0) == before:
    os.write(1, b"{_RESTORED}")
sys.exit(code)
"""


class Done(NamedTuple):
    """What a process left behind."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True)
class Machine:
    """A user's machine: a folder, a server, and the installed program."""

    folder: Path
    base_url: str = ""

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a user with a key, without the settings of this process."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder),
            "SHELL": "/bin/bash",
            "PATH": f"{DOCSPEED.parent}{os.pathsep}{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "COLUMNS": "100",
            "DOCSPEED_API_KEY": KEY,
            "DOCSPEED_STATE_DIR": str(self.folder / "state"),
            **({"DOCSPEED_BASE_URL": self.base_url} if self.base_url else {}),
            **(more or {}),
        }

    def run(
        self, *argv: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, stdout: Any = None
    ) -> Done:
        """Run the program to its end."""
        return self._run([str(DOCSPEED), *argv], stdin, env, stdout)

    def here(self, *argv: str) -> Done:
        """Run the program in this process, with a tenth of the work: to prepare a test, or to look around."""
        out, err = Stream(), Stream()
        # The config file of the user who runs the tests is not this user's.
        config = self.folder / "config.toml"
        config.touch()
        env = {**self.env(), "DOCSPEED_CONFIG": str(config)}
        with chdir(self.folder):
            code = main(list(argv), Environment(env, Stream(), out, err, Interrupts()))
        return Done(code, out.bytes.getvalue(), err.bytes.getvalue().decode())

    def bash(self, script: str, *, env: Mapping[str, str] | None = None) -> Done:
        """Run a shell script that calls the program."""
        return self._run(["bash", "-c", script], b"", env, None)

    def _run(self, argv: Sequence[str], stdin: bytes, env: Mapping[str, str] | None, stdout: Any) -> Done:
        done = subprocess.run(
            argv,
            input=stdin,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env(env),
            cwd=self.folder,
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.returncode, done.stdout or b"", done.stderr.decode())

    @contextmanager
    def start(self, *argv: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
        """Start the program; killed at the end if it still runs."""
        process = subprocess.Popen(
            [str(DOCSPEED), *argv],
            bufsize=0,  # `select` would not report bytes that a buffer already holds
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env(env),
            cwd=self.folder,
        )
        try:
            yield Running(process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.communicate()

    @contextmanager
    def terminal(
        self, *argv: str, env: Mapping[str, str] | None = None, columns: int = 100
    ) -> Iterator[Terminal]:
        """Start the program at a new pseudo-terminal."""
        assert sys.platform != "win32"
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, columns))
        process = subprocess.Popen(
            [sys.executable, "-ISEc", _AT_A_TERMINAL, str(DOCSPEED), *argv],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={name: text for name, text in self.env(env).items() if name != "COLUMNS"},
            cwd=self.folder,
        )
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(PATIENCE)
            os.close(ours)


@dataclass(frozen=True)
class Running:
    """The program while it runs."""

    process: subprocess.Popen[bytes]

    def line_with(self, text: str) -> str:
        """Wait for a line on stderr that holds this text."""
        return _line_with(self.process.stderr, text)

    def out_line(self) -> str:
        """Wait for a line on stdout."""
        return _line_with(self.process.stdout, "")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> Done:
        """Wait for the end."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return Done(self.process.returncode, out, err.decode())


def _line_with(stream: IO[bytes] | None, text: str) -> str:
    assert stream is not None
    seen = []
    while select.select([stream], [], [], PATIENCE)[0]:
        line = stream.readline().decode()
        if not line:
            break
        seen.append(line)
        if text in line:
            return line
    raise AssertionError(f"no line with {text!r} came: {seen}")


@dataclass
class Terminal:
    """The program at a pseudo-terminal."""

    process: subprocess.Popen[bytes]
    ours: int
    shown: str = ""

    def until(self, text: str) -> None:
        """Wait until the terminal has shown this text."""
        while text not in self.shown:
            assert self._more(), f"{text!r} was not shown: {self.shown!r}"

    def type(self, text: str) -> None:
        """Type this text."""
        os.write(self.ours, text.encode())

    def end(self) -> int:
        """Read the terminal until the program ends, and return the exit code."""
        while self._more():
            pass
        return self.process.wait(PATIENCE)

    def _more(self) -> bool:
        """Read the next output; return False at the end."""
        assert select.select([self.ours], [], [], PATIENCE)[0], f"nothing more was shown: {self.shown!r}"
        try:
            chunk = os.read(self.ours, 65536)
        except OSError:
            return False
        self.shown += chunk.decode("utf-8", "replace")
        return bool(chunk)

    @property
    def restored(self) -> bool:
        """Whether the terminal has its old modes and shows the cursor."""
        hidden, shown = self.shown.rfind("\x1b[?25l"), self.shown.rfind("\x1b[?25h")
        return _RESTORED in self.shown and shown >= hidden
