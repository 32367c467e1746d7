"""The outside world in one frozen value: variables, streams, clock, randomness, network, signals."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, cast

from docspeed_cli.core.signals import Interrupts

if TYPE_CHECKING:
    import httpx
    from _typeshed import ReadableBuffer


def _run_command(command: str, content: bytes, output: TextIO) -> int:
    import subprocess

    output.flush()
    # With a shell, as users expect of a command in one argument; no text of ours is part of it.
    return subprocess.run(
        command, shell=True, input=content, stdout=output, stderr=output, check=False
    ).returncode


def _random() -> float:
    import random  # loads hashlib and more; only retries and polling need it

    return random.random()


class Environment(NamedTuple):
    """Everything outside the program that it may look at or touch."""

    env: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    interrupts: Interrupts
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Condition, float], object] = threading.Condition.wait
    """Waits for a notification of a locked condition, or for so many seconds."""
    random: Callable[[], float] = _random
    transport: Callable[[str], httpx.BaseTransport] | None = None
    """Makes a transport for a base URL, in place of the network."""
    run_command: Callable[[str, bytes, TextIO], int] = _run_command
    """Runs a shell's command with these bytes as its input, and its output to the stream; the exit code."""

    @classmethod
    def real(cls) -> Environment:
        """Environment of this process, with its signals handled."""
        # A stream that the shell has closed is replaced, so that no file of ours gets its number; standard
        # output by one that can't be written, because results must not vanish.
        stdin = sys.stdin or _open_text(os.devnull, "r")
        stdout = sys.stdout or _open_text(os.open(os.devnull, os.O_RDONLY), "w")
        stderr = _dropping(sys.stderr) if sys.stderr else _open_text(os.devnull, "w")
        interrupts = Interrupts()
        interrupts.install(stderr)
        return cls(os.environ, stdin, stdout, stderr, interrupts, sleep=interrupts.sleep)


class DroppingStderr(io.RawIOBase):
    """stderr that drops output silently once its reader has gone."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._reader_gone = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as many bytes as the stream takes, or drop them all; returns their number."""
        taken = None
        if not self._reader_gone:
            try:
                taken = self._stream.write(data)
            except OSError:
                # A lost progress line must not end a run that pays for documents.
                self._reader_gone = True
        # A terminal that another program made non-blocking takes nothing while it is full.
        return memoryview(data).nbytes if taken is None else taken

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def _dropping(stderr: TextIO) -> TextIO:
    raw: Any = getattr(stderr.buffer, "raw", stderr.buffer)
    buffer = io.BufferedWriter(DroppingStderr(raw))
    return io.TextIOWrapper(buffer, stderr.encoding, stderr.errors, line_buffering=True)


def _open_text(file: str | int, mode: str) -> TextIO:
    return cast(TextIO, open(file, mode, encoding="utf-8"))  # noqa: PTH123
