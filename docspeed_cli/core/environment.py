"""The outside world in one frozen value: variables, streams, clock, randomness, network, signals."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, cast

from docspeed_cli.core.signals import Interrupts

if TYPE_CHECKING:
    import httpx
    from _typeshed import ReadableBuffer, WriteableBuffer


def _run_command(command: str, content: bytes, output: TextIO) -> int:
    import subprocess

    # The command writes past our buffer, so its output would come before what we wrote earlier.
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
    """Runs a shell command: the bytes are its input, the stream takes its output; returns the exit code."""

    @classmethod
    def real(cls) -> Environment:
        """Environment of this process, with its signals handled."""
        # Replace closed streams, or our next file would get their number. A closed stdout stays unwritable:
        # results must not vanish.
        stdin = sys.stdin or _open_text(os.devnull, "r")
        if sys.stdin and not stdin.isatty():  # readline works with Python's own stream only
            stdin = _through(PatientStdin, stdin)
        closed = None if sys.stdout else os.open(os.devnull, os.O_RDONLY)
        stdout = _through(WholeStdout, sys.stdout) if closed is None else _open_text(closed, "w")
        stderr = _through(DroppingStderr, sys.stderr) if sys.stderr else _open_text(os.devnull, "w")
        interrupts = Interrupts()
        interrupts.install(stderr)
        return cls(os.environ, stdin, stdout, stderr, interrupts, sleep=interrupts.sleep)


def allow_open_files(count: int) -> None:
    """Raise this process's own limit on open files if it is lower; macOS begins with 256."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            with suppress(OSError, ValueError):  # a container may forbid it
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _UnbufferedStream(io.RawIOBase):
    """One of the process's streams, without Python's own buffer."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return self._stream.readable()

    def writable(self) -> bool:
        return self._stream.writable()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


class PatientStdin(_UnbufferedStream):
    """stdin that waits for its bytes, also in a pipe that its owner made non-blocking, as Node.js does."""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some bytes, once there are any; returns their number, and 0 at the end."""
        while (count := self._stream.readinto(buffer)) is None:
            import select

            select.select([self._stream], [], [])
        return int(count)


class WholeStdout(_UnbufferedStream):
    """stdout that takes everything, also through a pipe that its owner made non-blocking."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some bytes, once the stream takes any; returns their number."""
        while (taken := self._stream.write(data)) is None:
            import select

            select.select([], [self._stream], [])
        return taken


class DroppingStderr(_UnbufferedStream):
    """stderr that drops output silently once its reader has gone."""

    def __init__(self, stream: io.RawIOBase) -> None:
        super().__init__(stream)
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


def _through(kind: type[_UnbufferedStream], stream: TextIO) -> TextIO:
    # With PYTHONUNBUFFERED, as in many images, Python's own stream would drop what is not taken at once.
    unbuffered: Any = getattr(stream.buffer, "raw", stream.buffer)
    raw: Any = kind(unbuffered)
    buffer = io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)
    buffered = bool(stream.line_buffering)
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=buffered)


def _open_text(file: str | int, mode: str) -> TextIO:
    return cast(TextIO, open(file, mode, encoding="utf-8"))  # noqa: PTH123
