"""Keeps one line at the bottom of a terminal, and lets everything else be written above it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

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
