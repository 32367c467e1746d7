"""Decide when to believe a server that does not know a job: one given up too early is paid for twice."""

from __future__ import annotations

import math

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.models import Job

_REPLICATION_LAG = 15.0
"""Seconds in which some machines of the service may not yet know of a job's latest change."""

_PAUSE = 2.0
"""Seconds before the server is asked again about a job that it does not know."""

_TIMES = 2
"""Answers in a row that are believed: a single one may come from a server that lags or restarts."""


class Absence:
    """Counts the "not found" answers in a row for a job or its result; early ones don't count."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._started = environment.monotonic()
        self._counted = 0
        self._counted_at = -math.inf

    def is_early(self, job: Job) -> bool:
        """Whether some machines of the service may not yet know of the job's latest change."""
        known_at = job.updated_at or job.submitted_at or 0.0
        # The second clock can't be set back, which would make a lost job look recent forever.
        recent = self._environment.monotonic() - self._started < _REPLICATION_LAG
        return recent and self._environment.now() - known_at < _REPLICATION_LAG

    def confirm(self, job: Job) -> bool:
        """Count one more "not found", ignoring early ones; return whether the job is gone for good."""
        now = self._environment.monotonic()
        if not self.is_early(job) and now - self._counted_at >= _PAUSE:
            self._counted, self._counted_at = self._counted + 1, now
        return self._counted >= _TIMES

    @property
    def pause(self) -> float:
        """Least seconds until the next look."""
        return _PAUSE if self._counted else 0.0
