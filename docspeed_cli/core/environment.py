"""The outside in one frozen value: environment, streams, clock, chance, transport, signals."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO, cast

from docspeed_cli.core.errors import Interrupted

if TYPE_CHECKING:
    import httpx
    from _typeshed import ReadableBuffer

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
GRACE = 30.0
"""Seconds that exchanges under way are given to end once the run is to stop: a lost id may be paid twice."""

_HEARING = 0.2
"""Seconds that the main thread is given to hear a signal."""

_SHOW_CURSOR = "\x1b[?25h"
_FULL = 0.01
"""Seconds until a terminal that does not block is tried again."""


class Interrupts:
    """Turns a first signal into `Interrupted`, at once or behind a shield; a second one ends the program."""

    def __init__(self) -> None:
        self.pending: int | None = None
        self.grace = GRACE
        self.ending = ""
        """What takes away what is drawn at the bottom of the terminal, or goes below it."""
        self._taken: list[int] = []
        self._shields = 0
        self._idle = False
        self._handled = 0
        self._stderr: TextIO | None = None

    def install(self, stderr: TextIO) -> None:
        """Take over the signals that ask a program to stop."""
        self._stderr = stderr
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
                self._taken.append(number)
        if os.name == "posix":
            signal.signal(signal.SIGURG, lambda number, frame: None)
            arriving, tell = os.pipe()
            os.set_blocking(tell, False)
            signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
            threading.Thread(target=self._watch, args=(arriving,), daemon=True).start()

    def uninstall(self) -> None:
        """Nothing is left to be saved: what asks to stop now just stops the program."""
        for number in self._taken:
            signal.signal(number, signal.SIG_DFL)

    def _watch(self, arriving: int) -> None:
        """Leave at a second signal where the main thread hears none: it waits for a lock, or for a name."""
        arrived = 0
        while signals := os.read(arriving, 64):
            heard = [number for number in signals if number in self._taken]
            arrived += len(heard)
            time.sleep(_HEARING)
            unheard = arrived - self._handled
            if heard and unheard == 1 and self.pending is None:
                # It came just before a read that goes on until a key is pressed: anything ends that.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)
            if heard and (unheard > 1 or (unheard == 1 and self.pending is not None)):
                self._leave(heard[-1])

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self._handled += 1
        if self.pending is not None:
            self._leave(signum)
        self.pending = signum
        if self._shields and not self._idle:
            self._tell(
                "docspeed: finishing the submission, to keep the job's id"
                f" ({self.grace:g} s at most); again to leave now"
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

    @contextmanager
    def drawing(self, ending: str) -> Iterator[None]:
        """Something is drawn that `ending` takes away, for whatever ends or stops the program meanwhile."""
        stops = getattr(signal, "SIGTSTP", None) if self._taken else None
        stops = None if stops is None or signal.getsignal(stops) is signal.SIG_IGN else stops
        before = None if stops is None else signal.signal(stops, self._pause)
        self.ending = ending
        try:
            yield
        finally:
            self.ending = ""
            if stops is not None:
                signal.signal(stops, before)

    def _pause(self, signum: int, frame: FrameType | None) -> None:
        """Ctrl-Z: the shell gets its terminal with a cursor, and what was drawn is drawn anew afterwards."""
        self._write(self.ending + _SHOW_CURSOR)
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
        signal.signal(signum, self._pause)

    def forgive(self, interrupted: Interrupted) -> bool:
        """Go on after a Ctrl-C that meant less than the whole program; False for any other signal."""
        if interrupted.exit_code != 128 + signal.SIGINT:
            return False
        self.pending = None
        return True

    def sleep(self, seconds: float) -> None:
        """Sleep between two exchanges, where a signal may end the program even behind a shield."""
        self._idle = True
        try:
            if self.pending is not None:
                raise Interrupted(self.pending, idle=True)
            time.sleep(seconds)
        finally:
            self._idle = False

    def _leave(self, signum: int) -> None:
        if self._stderr is not None and self._stderr.isatty():
            self._write(self.ending + _SHOW_CURSOR if self.ending else "\n")
        os._exit(128 + signum)

    def _tell(self, text: str) -> None:
        """Say this in the place of the ^C that the terminal has echoed, and of what is drawn there."""
        if self._stderr is not None and self._stderr.isatty():
            text = (self.ending or "\r") + text
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        """Write past all buffers, for a signal may come while one of them is filled."""
        if self._stderr is not None:
            with suppress(OSError):
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


class DroppingStderr(io.RawIOBase):
    """Standard error as long as somebody takes it: what can't be said must not end what is done."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._on_exchange = True

    def write(self, data: ReadableBuffer, /) -> int:
        """As many bytes as were taken; all of them once nobody takes any."""
        try:
            while self._on_exchange:
                taken = self._stream.write(data)
                if taken is not None:
                    return taken
                time.sleep(_FULL)
        except OSError:
            self._on_exchange = False
        return memoryview(data).nbytes

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def _while_on_exchange(stderr: TextIO) -> TextIO:
    raw: Any = getattr(stderr.buffer, "raw", stderr.buffer)
    buffer = io.BufferedWriter(DroppingStderr(raw))
    return io.TextIOWrapper(buffer, stderr.encoding, stderr.errors, line_buffering=True)


def _nowhere(mode: str) -> TextIO:
    """In the place of a stream that the shell has closed, so that no file of the program gets its number."""
    return cast(TextIO, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123


def _closed() -> TextIO:
    """In the place of a standard output that the shell has closed: what is written to it fails."""
    return cast(TextIO, open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8"))  # noqa: PTH123


def _chance() -> float:
    import random

    return random.random()


@dataclass(frozen=True)
class Environment:
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
    def real(cls) -> Environment:
        """This process's own."""
        stdin, stdout, stderr = (
            sys.stdin or _nowhere("r"),
            sys.stdout or _closed(),
            _while_on_exchange(sys.stderr) if sys.stderr else _nowhere("w"),
        )
        interrupts = Interrupts()
        interrupts.install(stderr)
        return cls(os.environ, stdin, stdout, stderr, sleep=interrupts.sleep, interrupts=interrupts)

    @property
    def debug(self) -> bool:
        """Whether tracebacks are wanted."""
        return self.env.get("DOCSPEED_DEBUG", "") not in ("", "0")
