"""Redraws lines at the bottom of a terminal while other text is written above them."""

# We tried rich.live instead: after the window has become narrower, it leaves pieces of the old lines
# behind and erases text above them, and Ctrl-Z gives the shell a terminal without a cursor.

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from docspeed_cli.core.timefmt import span
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.text_width import TRAILING_SPACES, cell_width, keep_tail

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    Draw = Callable[[int], RenderableType]  # for a terminal of so many columns

_INTERVAL, _SLOW_INTERVAL = 0.125, 1.0
"""Seconds between two drawings, of progress and of data that stays."""

_ERASE_LINE, _UP = "\r\x1b[2K", "\x1b[1A"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SGR = r"\x1b\[[0-9;]*m"


class LiveRegion:
    """Lines drawn again and again while they are shown; then they are erased, or stay if `stays`."""

    def __init__(self, console: Console, draw: Draw, *, stays: bool = False) -> None:
        self._console = console
        self._draw = draw
        self._stays = stays
        self.ending = "\n" if stays else _ERASE_LINE
        """Escape sequence that clears the live area, for a signal handler that must print at once."""
        # Reentrant, because `hidden` draws the lines again while it holds the lock.
        self._lock = threading.RLock()
        self._widths: list[int] = []
        """Cells of each line now on the screen."""

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the lines on the screen, and up to date, during the block."""
        self._write(_HIDE_CURSOR)
        self._redraw()
        try:
            with repeating(self._redraw, _SLOW_INTERVAL if self._stays else _INTERVAL):
                yield
        finally:
            with self._lock:
                if self._stays:
                    self._redraw()
                self._write(("\n" if self._stays else self._erased()) + _SHOW_CURSOR)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Erase the lines while something else is written in their place."""
        with self._lock:
            self._write(self._erased())
            try:
                yield
            finally:
                self._redraw()

    def _redraw(self) -> None:
        console = self._console
        # Cells stay free for the ^C that the terminal echoes: it would wrap, and add a row not counted here.
        width = console.width - (0 if self._stays else 3)
        with self._lock:
            with console.capture() as capture:
                console.print(self._draw(width), end="", width=width)
            drawn = re.sub(TRAILING_SPACES, r"\1", capture.get().removesuffix("\n"))
            self._write(self._erased() + drawn)
            self._widths = [cell_width(re.sub(_SGR, "", line)) for line in drawn.split("\n")]

    def _erased(self) -> str:
        # If the window has become narrower since they were drawn, the terminal has wrapped the lines.
        columns = max(self._console.width, 1)
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        self._widths = []
        return _ERASE_LINE + (_UP + _ERASE_LINE) * (rows - 1)

    def _write(self, text: str) -> None:
        # A terminal that went away must not end a run whose jobs are paid for.
        with suppress(OSError):
            self._console.file.write(text)
            self._console.file.flush()


@contextmanager
def repeating(work: Callable[[], None], interval: float) -> Iterator[None]:
    """Do the work in a thread, every `interval` seconds during the block."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(interval):
            work()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class StatusLine:
    """One line: what a run waits for, and for how long. A long text keeps its end, the job's id."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._text = "asking the server"

    def update(self, text: str, log: Callable[[str], None] = lambda text: None) -> None:
        """Show this from now on, and log it if it is new."""
        if text != self._text:
            self._text = text
            log(text)

    def draw(self, width: int) -> Text:
        """The line for a terminal of this width."""
        from rich.text import Text

        seconds = self._monotonic() - self._started
        frame, elapsed = _SPINNER[int(8 * seconds) % len(_SPINNER)], f" {span(seconds)}"
        text = keep_tail(sanitize(self._text, multiline=False), width - len(elapsed) - 2)
        line = Text.assemble(f"{frame} {text}", (elapsed, "dim"))
        # In a window of a few columns, even the time alone is too wide.
        line.truncate(width)
        return line
