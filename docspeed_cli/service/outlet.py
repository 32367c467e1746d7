"""Passes a large answer on as it comes; an answer that is repeated goes on where the first one was cut."""

from __future__ import annotations

from collections.abc import Callable

from docspeed_cli.core.errors import Unavailable

HELD_BACK = 4 * 1024 * 1024
"""What must have come before any of it is passed on: nearly every result is whole by then."""


class Outlet:
    """Where the bytes of one result go. What was passed on stays so, however often it comes again."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._at = 0
        self._passed = 0
        self._first = b""
        self._last = b""
        """The piece that was passed on last, by which a repeated answer is known to be the same."""

    @property
    def used(self) -> bool:
        """Whether anything was passed on."""
        return self._passed > 0

    @property
    def whole(self) -> bool:
        """Whether the answer that came last brought all that was passed on, and this looks like JSON."""
        return self._at == self._passed and self._first + self._last.rstrip()[-1:] in (b"{}", b"[]")

    @property
    def on_a_new_line(self) -> bool:
        """Whether what was passed on ends its line."""
        return self._last.endswith(b"\n")

    def begin(self) -> None:
        """An answer comes, from its start."""
        self._at = 0

    def take(self, chunk: bytes) -> None:
        """Pass on what was not passed on before. Unavailable where this answer is not the one of before."""
        start, self._at = self._at, self._at + len(chunk)
        known = max(0, min(len(chunk), self._passed - start))
        if chunk[:known] and not self._is_known(start, chunk[:known]):
            raise Unavailable(
                "the result is another one than before its answer was cut", code="result_changed"
            )
        if new := chunk[known:]:
            self._write(new)
            self._first = self._first or new.lstrip()[:1]
            self._passed, self._last = self._at, new

    def _is_known(self, start: int, again: bytes) -> bool:
        """Whether bytes that come again are those of before, as far as these are remembered."""
        remembered = self._passed - len(self._last)
        skipped = min(max(0, remembered - start), len(again))
        place = start + skipped - remembered
        return self._last[place : place + len(again) - skipped] == again[skipped:]
