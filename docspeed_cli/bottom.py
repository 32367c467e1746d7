"""Keeps one line at the bottom of a terminal, and lets everything else be written above it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from docspeed_cli.harmless import clean

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

_EVERY = 0.125
_ERASE = "\r\x1b[2K"


class Bottom:
    """A line that is drawn again and again while the context lasts, and is gone afterwards."""

    def __init__(self, console: Console, draw: Callable[[], RenderableType]) -> None:
        from rich.live import Live

        self._console = console
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._live = Live(
            console=console,
            get_renderable=draw,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Bottom:
        self._live.start(refresh=True)
        self._ticker.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._ticker.join()
        self._live.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away while something else is written where it stands."""
        with self._lock:
            self._console.file.write(_ERASE)
            self._console.file.flush()
            try:
                yield
            finally:
                self._live.refresh()

    def _tick(self) -> None:
        while not self._over.wait(_EVERY):
            with self._lock:
                self._live.refresh()


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
        self._said = clean(text, multiline=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        from docspeed_cli.cells import ended

        frame = self._spinner.render(console.get_time())
        took = Text(f" {lasting(self._monotonic() - self._started)}", style="dim")
        said = ended(self._said, options.max_width - took.cell_len - 2)
        shown = f"{frame} {said}"
        yield Text.assemble(shown, took, no_wrap=True, overflow="crop")


def lasting(seconds: float) -> str:
    """A length of time that is seen to go on: `7 s`, `3 min 07 s`, `2 h 03 min`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
