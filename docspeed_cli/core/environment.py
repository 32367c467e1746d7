"""The outside world in one frozen value: variables, streams, clock, randomness, network, signals."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, cast

from docspeed_cli.core.signals import Interrupts

if TYPE_CHECKING:
    import httpx
    from _typeshed import ReadableBuffer

_RETRY_WRITE = 0.01
"""Seconds between attempts to write to a non-blocking terminal that is full."""


def _random() -> float:
    import random  # loads hashlib and more; only retries and polling need it

    return random.random()


@dataclass(frozen=True)
class Environment:
    """Everything outside the program that it may look at or touch."""

    env: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Condition, float], object] = threading.Condition.wait
    """Waits for a notification of a locked condition, or for so many seconds."""
    random: Callable[[], float] = _random
    transport: Callable[[str], httpx.BaseTransport] | None = None
    """Makes a transport for a base URL, in place of the network."""
    interrupts: Interrupts = field(default_factory=Interrupts)

    @classmethod
    def real(cls) -> Environment:
        """Environment of this process, with its signals handled."""
        stdin = sys.stdin or _open_devnull("r")
        stdout = sys.stdout or _unwritable()
        stderr = _dropping(sys.stderr) if sys.stderr else _open_devnull("w")
        interrupts = Interrupts()
        interrupts.install(stderr)
        return cls(os.environ, stdin, stdout, stderr, sleep=interrupts.sleep, interrupts=interrupts)

    @property
    def debug(self) -> bool:
        """True if the user asked for tracebacks."""
        return self.env.get("DOCSPEED_DEBUG", "") not in ("", "0")


class DroppingStderr(io.RawIOBase):
    """stderr that drops output silently once its reader has gone."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._reader_gone = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as many bytes as the stream takes, or drop them all; returns their number."""
        try:
            while not self._reader_gone:
                taken = self._stream.write(data)
                if taken is not None:
                    return taken
                # Another program on this terminal made it non-blocking.
                time.sleep(_RETRY_WRITE)
        except OSError:
            # A lost progress line must not end a run that pays for documents.
            self._reader_gone = True
        return memoryview(data).nbytes

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


def _open_devnull(mode: str) -> TextIO:
    """Replace a stream that the shell has closed, so that no file of the program gets its number."""
    return cast(TextIO, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123


def _unwritable() -> TextIO:
    """Replace a standard output that the shell has closed by one that fails: results must not vanish."""
    return cast(TextIO, open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8"))  # noqa: PTH123
