"""When to look again: a schedule of delays, `Retry-After`, and a heap of due times. No I/O, no clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

FIRST = 0.5
LONGEST = 15.0
SHARE = 0.2
"""A look comes each fifth of the time waited so far: expected lateness is a tenth of the job's length."""

LONGEST_RETRY_AFTER = 3600.0


class Schedule(NamedTuple):
    """How long to wait before the next look, in seconds."""

    floor: float = 0.0
    random: Callable[[], float] = lambda: 0.5

    def delay(self, waited: float, retry_after: float | None = None) -> float:
        """The delay after `waited` seconds: between FIRST and LONGEST with a tenth of jitter.

        The user's floor and the server's `Retry-After` are never undercut.
        """
        grown = min(max(FIRST, SHARE * waited), LONGEST)
        jittered = grown * (0.9 + 0.2 * self.random())
        return max(min(jittered, LONGEST), self.floor, retry_after or 0.0)

    def backoff(self, attempt: int, retry_after: float | None = None) -> float:
        """The delay before repetition `attempt` (0 is the first) of an exchange that failed."""
        doubled = min(FIRST * 2.0 ** min(attempt, 16), LONGEST)
        return max(doubled * (0.8 + 0.4 * self.random()), retry_after or 0.0)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, given as seconds or as an HTTP date; None if unusable.

    `now` is the time of day in seconds since the epoch. Absurd values are cut to an hour.
    """
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        seconds = float(text)
    else:
        from datetime import UTC
        from email.utils import parsedate_to_datetime

        try:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError, IndexError):
            return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


class DueQueue(Generic[T]):
    """What is due when: one heap for all that waits, however many they are."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._order = itertools.count()

    def add(self, due: float, thing: T) -> None:
        """Put it down for this time; equal times keep the order they came in."""
        heapq.heappush(self._heap, (due, next(self._order), thing))

    def pop(self, now: float) -> T | None:
        """Take the first thing that is due by now, if there is one."""
        if self._heap and self._heap[0][0] <= now:
            return heapq.heappop(self._heap)[2]
        return None

    def next_due(self) -> float | None:
        """When the first thing is due."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
