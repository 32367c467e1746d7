"""Wait for a lock that another command holds: say for which process, and end in time."""

from __future__ import annotations

from docspeed_cli.core.errors import Pending
from docspeed_cli.jobs.context import Context

_SHORTEST, _LONGEST = 0.05, 1.0
"""Seconds between two tries to get a lock, at first and later."""

_QUIET = 1.0
"""Seconds of waiting before we say for which process."""


class LockWait:
    """The wait for the lock of `digest`; as a context manager it releases the lock at the end, if taken.

    `doing` says what its holder does, for messages about the document `label`.
    """

    def __init__(self, context: Context, digest: str, label: str, doing: str, deadline: float | None) -> None:
        self._context = context
        self._digest = digest
        self._label = label
        self._doing = doing
        self._deadline = deadline
        self._started = context.environment.monotonic()
        self._taken = False

    def take(self) -> float | None:
        """Take the lock: None once it is held, else when to try again. Pending if the deadline has passed."""
        context, doing = self._context, self._doing
        if context.locks.acquire(self._digest):
            self._taken = True
            return None
        now = context.environment.monotonic()
        holder = context.locks.holder(self._digest)
        if self._deadline is not None and now >= self._deadline:
            raise Pending(
                f"{self._label}: --timeout ran out while {holder or 'this command'} {doing}",
                retryable=True,
                hint="run the same command again later, or with a longer `--timeout`",
            )
        waited = now - self._started
        # It is None where a thread of this very command has the lock: there is no process to name.
        if holder is not None and waited >= _QUIET:
            context.output.note(f"waiting for {holder}, which {doing}")
        due = now + min(max(_SHORTEST, waited / 10), _LONGEST)
        return due if self._deadline is None else min(due, self._deadline)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        if self._taken:
            self._context.locks.release(self._digest)
