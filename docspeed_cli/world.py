"""The outside in one frozen value: environment, streams, clock, chance, transport, signals."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, TextIO, cast

from docspeed_cli.errors import Interrupted

if TYPE_CHECKING:
    import httpx

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """Turns a first signal into `Interrupted`, at once or behind a shield; a second one ends the program."""

    def __init__(self) -> None:
        self.pending: int | None = None
        self.grace = 10.0
        """Seconds that a submission is given to end once a signal has come."""
        self._shields = 0
        self._idle = False
        self._woken = threading.Event()
        self._stderr: TextIO | None = None

    def install(self, stderr: TextIO) -> None:
        """Take over the signals that ask a program to stop."""
        self._stderr = stderr
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.pending is not None:
            self._leave(signum)
        self.pending = signum
        self._woken.set()
        if self._shields and not self._idle:
            self._say(
                "docspeed: finishing the submission first, so that the job's id is kept"
                f" ({self.grace:g} s at most); again to leave now\n"
            )
            self._leave_later()
            return
        raise Interrupted(signum, idle=self._idle)

    def _leave_later(self) -> None:
        """Whoever sends one signal only, as `timeout` does, is not kept waiting by a server that hangs."""
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._patience_over)
            signal.setitimer(signal.ITIMER_REAL, self.grace)

    def _patience_over(self, signum: int, frame: FrameType | None) -> None:
        if self._shields and self.pending is not None:
            raise Interrupted(self.pending)

    def forgive(self, interrupted: Interrupted) -> bool:
        """Go on after a Ctrl-C that meant less than the whole program; False for any other signal."""
        if interrupted.exit_code != 128 + signal.SIGINT:
            return False
        self.pending = None
        self._woken.clear()
        return True

    def sleep(self, seconds: float) -> None:
        """Sleep between two exchanges, where a signal may end the program even behind a shield."""
        self._idle = True
        try:
            self._woken.wait(seconds)
        finally:
            self._idle = False

    def _leave(self, signum: int) -> None:
        if self._stderr is not None and self._stderr.isatty():
            self._say(_SHOW_CURSOR)
        os._exit(128 + signum)

    def _say(self, text: str) -> None:
        if self._stderr is not None:
            os.write(self._stderr.fileno(), text.encode())

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Let what is inside come to its end before a first signal is heard."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._shields == 0 and self.pending is not None:
                raise Interrupted(self.pending)


def _nowhere(mode: str) -> TextIO:
    """In the place of a stream that the shell has closed."""
    return cast(TextIO, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123


def _chance() -> float:
    import random

    return random.random()


@dataclass(frozen=True)
class World:
    """Everything that the program may look at or touch outside itself."""

    env: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Condition, float], object] = threading.Condition.wait
    """Waits for a change or for so many seconds, with the condition's lock held."""
    random: Callable[[], float] = _chance
    transport: Callable[[str], httpx.BaseTransport] | None = None
    """Stands in for the network; called with the base URL."""
    interrupts: Interrupts = field(default_factory=Interrupts)

    @classmethod
    def real(cls) -> World:
        """This process's own."""
        stdin, stdout, stderr = (
            sys.stdin or _nowhere("r"),
            sys.stdout or _nowhere("w"),
            sys.stderr or _nowhere("w"),
        )
        interrupts = Interrupts()
        interrupts.install(stderr)
        return cls(os.environ, stdin, stdout, stderr, sleep=interrupts.sleep, interrupts=interrupts)

    @property
    def debug(self) -> bool:
        """Whether tracebacks are wanted."""
        return self.env.get("DOCSPEED_DEBUG", "") not in ("", "0")
