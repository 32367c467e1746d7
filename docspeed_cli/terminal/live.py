"""Keeps lines at the bottom of a terminal, and lets everything else be written above them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.text_width import PADDING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_EVERY, _SLOWLY = 0.125, 1.0
_ERASE, _UP = "\r\x1b[2K", "\x1b[1A"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_ECHO = 3
"""Room for the ^C that the terminal echoes, which must not wrap."""

_SGR = re.compile(r"\x1b\[[0-9;]*m")


class LiveRegion:
    """Lines that are drawn again and again while the context lasts; afterwards they are gone, or stay."""

    def __init__(self, console: Console, draw: Callable[[], RenderableType], *, stays: bool = False) -> None:
        self._console = console
        self._draw = draw
        self._stays = stays
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._cells: list[int] = []
        """How many cells each of the lines takes that are there."""
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    @property
    def ending(self) -> str:
        """What makes room for other words, for those who can't wait till it is drawn anew."""
        return "\n" if self._stays else _ERASE

    def __enter__(self) -> LiveRegion:
        self._write(_HIDE + self._redrawn())
        self._ticker.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._ticker.join()
        with self._lock:
            self._write((self._redrawn() + "\n" if self._stays else self._erased()) + _SHOW)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the lines away while something else is written where they stand."""
        with self._lock:
            self._write(self._erased())
            try:
                yield
            finally:
                self._write(self._redrawn())

    def _tick(self) -> None:
        while not self._over.wait(_SLOWLY if self._stays else _EVERY):
            with self._lock:
                self._write(self._redrawn())

    def _redrawn(self) -> str:
        from rich.cells import cell_len

        console = self._console
        with console.capture() as capture:
            console.print(self._draw(), end="", width=console.width - (0 if self._stays else _ECHO))
        drawn = PADDING.sub(r"\1", capture.get().removesuffix("\n"))
        erased = self._erased()
        self._cells = [cell_len(_SGR.sub("", line)) for line in drawn.split("\n")]
        return erased + drawn

    def _erased(self) -> str:
        """What erases the lines; in a window that has become narrower since, they have been broken."""
        width = max(self._console.width, 1)
        rows = sum(max(1, -(-cells // width)) for cells in self._cells)
        self._cells = []
        return _ERASE + (_UP + _ERASE) * (rows - 1)

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._console.file.write(text)
            self._console.file.flush()


class Waited:
    """What is waited for, and for how long. Its end, a job's state and id, is shown before its beginning."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        from rich.spinner import Spinner

        self._monotonic = monotonic
        self._started = monotonic()
        self._spinner = Spinner("dots")
        self._said = "asking the server"

    def say(self, text: str) -> None:
        """This is going on now."""
        self._said = sanitize(text, multiline=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        from docspeed_cli.terminal.text_width import keep_tail

        frame = self._spinner.render(console.get_time())
        took = Text(f" {lasting(self._monotonic() - self._started)}", style="dim")
        said = keep_tail(self._said, options.max_width - took.cell_len - 2)
        shown = f"{frame} {said}"
        yield Text.assemble(shown, took, no_wrap=True, overflow="crop")


def lasting(seconds: float) -> str:
    """A length of time that is seen to go on: `7 s`, `3 min 07 s`, `2 h 03 min`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
