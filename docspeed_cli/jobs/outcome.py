"""Values that say how to get a request's result, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from docspeed_cli.core.models import Job, Source

if TYPE_CHECKING:
    from docspeed_cli.core.errors import DocspeedError
    from docspeed_cli.results.rules import Check
    from docspeed_cli.service.body import Body

T = TypeVar("T")

Task = Generator[float, None, T]
"""A piece of work that yields the time (monotonic clock) at which it wants to go on.

So one thread can drive one job and a few threads ten thousand, with the same code. Each wait on the way
(for a lock, a job, a result) is an object with a method that goes one step on. It returns when to call it
again, or None once the wait is over: a task drives it by `yield from iter(method, None)`.
"""


def ignore_status(job: Job) -> None:
    """Report no change of status."""


class WaitOptions(NamedTuple):
    """How to get a job and how to wait for it. Times are in seconds."""

    wait: bool = False
    timeout: float | None = None
    """Longest time for one job, with its upload and submission."""
    deadline: float | None = None
    """Monotonic time at which the wait ends; wins over `timeout`."""
    poll_interval: float = 0.0
    fresh: bool = False
    no_resubmit: bool = False
    """Fail rather than submit a request again that may have been paid for."""
    run_id: str | None = None
    on_status: Callable[[Job], None] = ignore_status
    """Called after each look at a job."""

    def begun(self, now: float) -> WaitOptions:
        """The same options with a deadline, if they wait and have a timeout."""
        if not self.wait or self.timeout is None or self.deadline is not None:
            return self
        return self._replace(deadline=now + self.timeout)


class Outcome(NamedTuple):
    """What became of one input: its job, its result if it was waited for, or its error."""

    source: Source | None = None
    job: Job | None = None
    result: Body | None = None
    """The server's answer about the job, for a command that looks at the job and not at its result."""
    error: DocspeedError | None = None
    output: str | None = None
    """Path of the file that holds the result."""
    skipped_existing: bool = False
    """Whether that file was there before this run."""
    operation: str | None = None
    seconds: float = 0.0
    pages: int | None = None
    """Pages of the result, if it tells them; counted only in runs over many inputs."""
    checks: tuple[Check, ...] | None = None
    """What the rules of `--check` found in the result."""
