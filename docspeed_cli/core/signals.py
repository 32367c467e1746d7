"""Turn Ctrl-C, SIGTERM and SIGHUP into `Interrupted`, once a submission under way has its answer."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

from docspeed_cli.core.errors import Interrupted

GRACE = 30.0
"""Seconds for which a stopped run still waits for answers to submissions: a lost job id may be paid twice."""

_STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_SHOW_CURSOR = "\x1b[?25h"


class Interrupts:
    """Raises `Interrupted` at the first signal, or after a shielded block; a second signal exits at once."""

    def __init__(self) -> None:
        self.pending: int | None = None
        """Number of the first signal, from its arrival on."""
        self.grace = GRACE
        self._live_ending = ""
        """Escape sequence that clears the live area, or moves below it; empty while nothing is drawn."""
        self._handled: list[int] = []
        self._shields = 0
        self._idle = False
        self._stderr: TextIO | None = None

    def install(self, stderr: TextIO) -> None:
        """Handle the signals that ask a program to stop, except those that its parent ignores (`nohup`)."""
        self._stderr = stderr
        for name in _STOP_SIGNALS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle)
                self._handled.append(number)

    def uninstall(self) -> None:
        """Let signals end the program immediately, because nothing is left to save."""
        # Not SIG_DFL: with it, a signal does not end the first process of a container.
        for number in self._handled:
            signal.signal(number, lambda signum, frame: self._exit(signum))

    def handle(self, signum: int, frame: FrameType | None = None) -> None:
        """Raise `Interrupted`, or remember the signal until the shielded block ends; exit at a second one."""
        if self.pending is not None:
            self._exit(signum)
        self.pending = signum
        if self._shields == 0 or self._idle:
            # Python repeats an interrupted system call unless the handler raises, so a flag alone
            # would not end a read that waits for the network or the keyboard.
            raise Interrupted(signum, idle=self._idle)
        text = f"docspeed: finishing the submission to save its job id (at most {self.grace:g} s)"
        self._write(f"{text}; press Ctrl-C again to leave now\n")
        if sys.platform != "win32":  # it has no timer signal
            # `timeout` and CI runners send one signal only; a server that hangs must not hold them up.
            signal.signal(signal.SIGALRM, self._end_grace)
            signal.setitimer(signal.ITIMER_REAL, self.grace)

    def _end_grace(self, signum: int, frame: FrameType | None) -> None:
        # The timer is not stopped at the end of the block, so it may come after that.
        if self._shields and self.pending is not None:
            raise Interrupted(self.pending)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Finish the block before a first signal is raised, for at most `grace` seconds."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._shields == 0 and self.pending is not None:
                raise Interrupted(self.pending)

    def sleep(self, seconds: float) -> None:
        """Sleep between two exchanges; a signal ends this even in a shielded block: nothing is under way."""
        # Set before `pending` is read: a signal that comes between the two must end the sleep as well.
        self._idle = True
        try:
            if self.pending is not None:
                raise Interrupted(self.pending, idle=True)
            time.sleep(seconds)
        finally:
            self._idle = False

    def forgive(self, interrupted: Interrupted) -> bool:
        """Forget a Ctrl-C and return True; return False for any other signal."""
        if interrupted.exit_code != 128 + signal.SIGINT:
            return False
        self.pending = None
        return True

    @contextmanager
    def drawing(self, ending: str) -> Iterator[None]:
        """Clean up a live area, with the escape sequence `ending`, if a signal stops or ends the program."""
        suspend = getattr(signal, "SIGTSTP", None) if self._handled else None  # Windows has no Ctrl-Z
        before = None if suspend is None else signal.signal(suspend, self._suspend)
        self._live_ending = ending + _SHOW_CURSOR
        try:
            yield
        finally:
            self._live_ending = ""
            if suspend is not None:
                signal.signal(suspend, before)

    def _suspend(self, signum: int, frame: FrameType | None) -> None:
        """Give the shell its terminal with a cursor at Ctrl-Z; the next redraw comes after `fg`."""
        self._write("")
        signal.signal(signum, signal.SIG_DFL)
        # Only the default handler stops the process; this call returns after `fg`.
        os.kill(os.getpid(), signum)
        signal.signal(signum, self._suspend)

    def _exit(self, signum: int) -> None:
        # Not sys.exit: threads that wait for the network would hold up the interpreter's own end.
        self._write("")
        os._exit(128 + signum)

    def _write(self, text: str) -> None:
        """Write in place of the live area, or of the ^C that a terminal echoes."""
        # Past all buffers: the signal may have come while one of them was being filled.
        if self._stderr is not None:
            start = (self._live_ending or "\r") if self._stderr.isatty() else ""
            with suppress(OSError):
                os.write(self._stderr.fileno(), f"{start}{text}".encode())
