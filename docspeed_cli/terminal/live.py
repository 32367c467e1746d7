"""Redraws lines at the bottom of a terminal while other text is written above them."""

# rich.live was tried in their place: after the window has become narrower it leaves pieces of the old lines
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
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_INTERVAL, _SLOW_INTERVAL = 0.125, 1.0
"""Seconds between two drawings, of progress and of data that stays."""

_ERASE_LINE, _UP = "\r\x1b[2K", "\x1b[1A"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ECHO = 3
"""Cells left free for the ^C that the terminal echoes: it would wrap, and add a row that we don't count."""

_SGR = re.compile(r"\x1b\[[0-9;]*m")


class LiveRegion:
    """Lines drawn again and again while the context lasts; then they are erased, or stay if `stays`."""

    def __init__(self, console: Console, draw: Callable[[], RenderableType], *, stays: bool = False) -> None:
        self._console = console
        self._draw = draw
        self._stays = stays
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._widths: list[int] = []
        """Cells of each line now on the screen."""
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    @property
    def ending(self) -> str:
        """Escape sequence that clears the live area, for a signal handler that must print at once."""
        return "\n" if self._stays else _ERASE_LINE

    def __enter__(self) -> LiveRegion:
        self._write(_HIDE_CURSOR + self._redrawn())
        self._ticker.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._ticker.join()
        with self._lock:
            self._write((self._redrawn() + "\n" if self._stays else self._erased()) + _SHOW_CURSOR)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Erase the lines while something else is written in their place."""
        with self._lock:
            self._write(self._erased())
            try:
                yield
            finally:
                self._write(self._redrawn())

    def _tick(self) -> None:
        while not self._over.wait(_SLOW_INTERVAL if self._stays else _INTERVAL):
            with self._lock:
                self._write(self._redrawn())

    def _redrawn(self) -> str:
        console = self._console
        with console.capture() as capture:
            console.print(self._draw(), end="", width=console.width - (0 if self._stays else _ECHO))
        drawn = TRAILING_SPACES.sub(r"\1", capture.get().removesuffix("\n"))
        erased = self._erased()
        self._widths = [cell_width(_SGR.sub("", line)) for line in drawn.split("\n")]
        return erased + drawn

    def _erased(self) -> str:
        # If the window has become narrower since they were drawn, the terminal has wrapped the lines.
        columns = max(self._console.width, 1)
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        self._widths = []
        return _ERASE_LINE + (_UP + _ERASE_LINE) * (rows - 1)

    def _write(self, text: str) -> None:
        with suppress(OSError):
            self._console.file.write(text)
            self._console.file.flush()


class StatusLine:
    """What a run waits for and for how long, on one line; a long text keeps its end, the job's id."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        from rich.spinner import Spinner

        self._monotonic = monotonic
        self._started = monotonic()
        self._spinner = Spinner("dots")
        self._text = "asking the server"

    def update(self, text: str) -> None:
        """Show this from now on."""
        self._text = sanitize(text, multiline=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        frame = self._spinner.render(console.get_time())
        elapsed = Text(f" {span(self._monotonic() - self._started)}", style="dim")
        text = keep_tail(self._text, options.max_width - elapsed.cell_len - 2)
        yield Text.assemble(f"{frame} {text}", elapsed, no_wrap=True, overflow="crop")
