"""Limits the rate of all requests of a run: a 429 holds every thread, and then the rate grows back slowly.

Additive increase and multiplicative decrease, as in TCP: the run settles at what the account allows.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable

FIRST_HOLD = 0.5
"""Seconds that all requests are held after a first 429 without `Retry-After`; each further one doubles it."""

LONGEST_HOLD = 30.0
MIN_RATE = 0.2
"""Requests per second that are always tried, however often they are refused."""

_DECREASE = 0.5
_MEASURED_REQUESTS = 64
"""Last requests over which the rate before a refusal is measured."""


class RateLimiter:
    """Decides when the next request may be sent. Safe to use from many threads; it never sleeps itself."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held_until = 0.0
        self._next = 0.0
        self._rate: float | None = None
        """Requests per second; None for no limit."""
        self._step = 0.0
        """What each second without a refusal adds to the rate."""
        self._grown_at = 0.0
        self._refusals = 0
        self._sent: deque[float] = deque(maxlen=_MEASURED_REQUESTS)
        """When the last requests were sent."""

    def delay(self) -> float:
        """Seconds to wait before asking again; 0 is permission to send one request now."""
        with self._lock:
            now = self._monotonic()
            if now < self._held_until:
                return self._held_until - now
            self._grow(now)
            if self._rate is not None:
                if now < self._next:
                    return self._next - now
                self._next = max(self._next, now - 1 / self._rate) + 1 / self._rate
            self._sent.append(now)
            return 0.0

    def refused(self, retry_after: float | None) -> None:
        """Record a refusal for the rate: all requests are held for a while, then sent at half the rate."""
        with self._lock:
            now = self._monotonic()
            # Requests that were under way together are refused together; only the first halves the rate.
            if now >= self._held_until:
                self._slow_down(now)
            hold = retry_after
            if hold is None:
                hold = min(FIRST_HOLD * 2.0 ** (self._refusals - 1), LONGEST_HOLD)
            self._held_until = max(self._held_until, now + hold)
            self._next = max(self._next, self._held_until)
            self._grown_at = self._held_until

    def accepted(self) -> None:
        """Record an answer that was not a refusal."""
        self._refusals = 0

    @property
    def state(self) -> str:
        """What the limiter does, for people; empty if it limits nothing."""
        with self._lock:
            now = self._monotonic()
            if now < self._held_until:
                return f"held for {math.ceil(self._held_until - now)} s by the server"
            return f"slowed to {self._rate:.1f} requests/s" if self._rate is not None else ""

    def _slow_down(self, now: float) -> None:
        self._refusals += 1
        before = self._rate if self._rate is not None else self._measured(now)
        self._rate = max(before * _DECREASE, MIN_RATE)
        self._step = self._step or max(before * 0.05, 0.5)

    def _grow(self, now: float) -> None:
        if self._rate is None or now <= self._grown_at:
            return
        self._rate += self._step * (now - self._grown_at)
        self._grown_at = now
        # A limit far above what the run sends limits nothing, so the measured rate may count again.
        if self._rate > 20 * self._measured(now):
            self._rate = None

    def _measured(self, now: float) -> float:
        """Requests per second over the last ones; at least 1."""
        return max(len(self._sent) / max(now - self._sent[0], 0.05), 1.0) if self._sent else 1.0
