"""Wait for a lock that another command holds: say for which process, and end in time."""

from __future__ import annotations

from docspeed_cli.core.errors import Pending
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Task

_SHORTEST, _LONGEST = 0.05, 1.0
"""Seconds between two tries to get a lock, at first and later."""

_QUIET = 1.0
"""Seconds of waiting before we say for which process."""


def take_lock(context: Context, digest: str, label: str, doing: str, deadline: float | None) -> Task[None]:
    """Wait for the lock and take it. Pending if the deadline (monotonic time) comes first.

    `doing` says what its holder does, for messages about the document `label`.
    """
    monotonic = context.environment.monotonic
    started = monotonic()
    while not context.locks.acquire(digest):
        now = monotonic()
        holder = context.locks.holder(digest)
        if deadline is not None and now >= deadline:
            raise Pending(
                f"{label}: --timeout ran out while {holder or 'this command'} {doing}",
                retryable=True,
                hint="run the same command again later, or with a longer `--timeout`",
            )
        if holder is not None and now - started >= _QUIET:
            context.output.note(f"waiting for {holder}, which {doing}")
        due = now + min(max(_SHORTEST, (now - started) / 10), _LONGEST)
        yield due if deadline is None else min(due, deadline)
