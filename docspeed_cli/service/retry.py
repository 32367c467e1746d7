"""Retry what failed for a moment, with growing delays and within a deadline."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.service.backoff import MAX_READ_RETRY_AFTER, Schedule

T = TypeVar("T")

MAX_TRIES = 6
MAX_RETRY_AFTER = 120.0
"""Longest `Retry-After` in seconds that we wait for; a longer one is reported."""


class Retries(NamedTuple):
    """How calls are retried."""

    environment: Environment
    sleep: Callable[[float], None]
    report: Callable[[DocspeedError, float], None] | None = None
    """Called before each further try with the error, and the seconds until then."""
    rate_limited_tries: int = MAX_TRIES
    """Most tries if they end with a 429."""

    def call(self, send: Callable[[], T], deadline: float | None) -> T:
        """Return what `send` returns; it is called again after an error that is `retryable`.

        `deadline` is the monotonic time after which there is no further try.
        """
        schedule = Schedule(random=self.environment.random)
        for attempt in itertools.count():
            try:
                return send()
            except DocspeedError as error:
                # Whether a retry is safe was decided where the error was made, since it depends on the call.
                if not error.retryable:
                    raise
                asked = error.retry_after or 0
                if asked > MAX_RETRY_AFTER:
                    # A longer time was read as this maximum, which may not be long enough.
                    more = " or more" if asked >= MAX_READ_RETRY_AFTER else ""
                    message = f"{error.message}; the server asks to wait {asked:.0f} s{more}"
                    hint = "run the same command again after that; nothing is lost"
                    raise error.replace(message=message, reason=message, hint=hint) from None
                delay = schedule.backoff(attempt, error.retry_after)
                late = deadline is not None and self.environment.monotonic() + delay > deadline
                limit = self.rate_limited_tries if error.status == 429 else MAX_TRIES
                if late or attempt + 1 >= limit:
                    raise
                if self.report:
                    self.report(error, delay)
            self.sleep(delay)
        raise AssertionError("unreachable")
