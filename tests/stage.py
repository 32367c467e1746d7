"""Run the whole program in one process against a service in memory, with a fake clock."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import httpx

from docspeed_cli.cli.main import main
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.signals import Interrupts
from tests.fake_service import KEY, Service

START = 1_800_000_000.0
MAX_SLEEPS = 20_000
"""Sleeps after which a test fails, so that an endless wait does not hang it."""


class Clock:
    """A clock that only sleeping and waiting move."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        assert len(self.slept) < MAX_SLEEPS, "the program waits without end"
        self._pass(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Advance the clock, unless another thread ends the wait within a real millisecond."""
        if not condition.wait(min(seconds, 0.001)):
            self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.time += seconds

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return START + self.time


class Stream(io.TextIOWrapper):
    """A text stream over bytes that can claim to be a terminal."""

    def __init__(self, content: bytes = b"", *, terminal: bool = False) -> None:
        self.bytes = io.BytesIO(content)
        super().__init__(self.bytes, encoding="utf-8", errors="surrogateescape", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@dataclass(frozen=True)
class Ran:
    """The exit code and output of a run, and the seconds that it slept."""

    code: int
    out: str
    err: str
    raw: bytes
    slept: list[float]


@dataclass
class Stage:
    """One user's machine: a state folder, an environment, and a service in place of the network."""

    folder: Path
    service: Service = field(default_factory=Service)
    env: dict[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    transport: Callable[[str], httpx.BaseTransport] | None = None
    columns: int = 100
    commands: list[tuple[str, Any]] = field(default_factory=list)
    """The shell's commands that the program ran, each with the JSON on its standard input."""
    command_code: int = 0
    """The exit code of such a command."""

    def run(
        self,
        *argv: str,
        stdin: bytes = b"",
        terminal: bool = False,
        typing: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run the program; `terminal` makes stdout and stderr a terminal, `typing` stdin."""
        out, err = Stream(terminal=terminal), Stream(terminal=terminal)
        before = len(self.clock.slept)
        environment = Environment(
            env={**self.base(), **self.env, **(env or {})},
            stdin=Stream(stdin, terminal=typing),
            stdout=out,
            stderr=err,
            interrupts=Interrupts(),
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            sleep=self.clock.sleep,
            wait=self.clock.wait,
            random=lambda: 0.5,
            transport=self.transport or self.service.transport,
            run_command=self._run_command,
        )
        code = main(list(argv), environment)
        raw = out.bytes.getvalue()
        return Ran(
            code,
            raw.decode("utf-8", "replace"),
            err.bytes.getvalue().decode(),
            raw,
            self.clock.slept[before:],
        )

    def _run_command(self, command: str, content: bytes, output: TextIO) -> int:
        self.commands.append((command, json.loads(content)))
        return self.command_code

    def base(self) -> dict[str, str]:
        """Return the environment of a user with a key and an empty config file."""
        config = self.folder / "config" / "config.toml"
        if not config.exists():
            config.parent.mkdir(exist_ok=True)
            config.touch()
        return {
            "DOCSPEED_API_KEY": KEY,
            "DOCSPEED_STATE_DIR": str(self.folder / "state"),
            "DOCSPEED_CONFIG": str(config),
            "COLUMNS": str(self.columns),
            "TERM": "xterm-256color",
        }

    def configure(self, content: str | bytes) -> Path:
        """Write the config file, and return its path."""
        path = self.folder / "config" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def submit(self, number: int) -> None:
        """Put `number` running jobs into the ledger: job_1 for file f1, and so on."""
        for n in range(1, number + 1):
            assert self.run("parse", "--file-id", f"f{n}").code == 0

    def rows(self, *flags: str) -> list[dict[str, Any]]:
        """Return the rows of `jobs list`, newest first."""
        ran = self.run("jobs", "list", "--json", *flags)
        assert ran.code == 0, ran.err
        return [json.loads(line) for line in lines(ran.out)]

    def states(self) -> list[str]:
        """Return the states of the jobs in the ledger, newest first."""
        return [row["state"] for row in self.rows()]

    def document(self, name: str, text: str = "") -> str:
        """Make a file whose content looks like a PDF, and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.4\n" + (text or name).encode() + b"\n%%EOF\n")
        return str(path)


def lines(text: str) -> Sequence[str]:
    """Return the lines that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


def by_input(ran: Ran) -> dict[str, dict[str, Any]]:
    """Return the JSON lines of a run over many documents, by their input."""
    found = [json.loads(line) for line in lines(ran.out)]
    return {line["input"]: line for line in found}


def file_ids(*names: str) -> list[str]:
    """Return the options that name these stored files."""
    return [part for name in names for part in ("--file-id", name)]
