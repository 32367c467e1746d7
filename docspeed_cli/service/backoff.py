"""Decides when to look at a job again and when to retry a request. No I/O and no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

FIRST_LOOK = 0.25
"""Seconds from the submission to the first look at the job."""

FIRST_RETRY = 0.5
"""Seconds before the first retry; each further one waits twice as long."""

LONGEST = 15.0
"""Longest delay in seconds that we choose ourselves."""

SHARE = 0.2
"""Delay between looks as a share of the time waited: we see the end a tenth of that time late on average."""

MAX_READ_RETRY_AFTER = 3600.0
"""Longest `Retry-After` in seconds that we believe."""


class Schedule(NamedTuple):
    """Delays in seconds, with jitter so that many programs don't ask in step."""

    floor: float = 0.0
    """Shortest delay between looks, from `--poll-interval`."""
    random: Callable[[], float] = lambda: 0.5

    def delay(self, waited: float, retry_after: float | None = None) -> float:
        """The delay before the next look at a job that we have waited for; never less than `retry_after`."""
        # A fixed share keeps the lateness in proportion: a job of an hour is not asked about every second.
        grown = min(max(FIRST_LOOK, SHARE * waited), LONGEST)
        jittered = grown * (0.9 + 0.2 * self.random())
        return max(min(jittered, LONGEST), self.floor, retry_after or 0.0)

    def backoff(self, attempt: int, retry_after: float | None = None) -> float:
        """The delay before retry `attempt` (0 is the first) of a request; never less than `retry_after`."""
        # The jitter is wider than above, because a server in trouble is retried by everybody at once.
        doubled = min(FIRST_RETRY * 2.0 ** min(attempt, 16), LONGEST)
        return max(doubled * (0.8 + 0.4 * self.random()), retry_after or 0.0)


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for, as a number or as an HTTP date; None if it is neither.

    `now` is in Unix seconds, by the server's clock where its answer has a date.
    More than an hour is taken as an hour.
    """
    text = value.strip()
    if not text:
        return None
    # `isdigit` is true for characters such as ², which `float` refuses.
    if text.isascii() and text.replace(".", "", 1).isdigit():
        seconds = float(text)
    else:
        date = http_date(text)
        if date is None:
            return None
        seconds = date - now
    return min(max(seconds, 0.0), MAX_READ_RETRY_AFTER)


def http_date(text: str) -> float | None:
    """The Unix time of an HTTP date; None if it is not one."""
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(text)
        # A date without a zone, or with -0000, comes back naive: Python would take it for local time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
