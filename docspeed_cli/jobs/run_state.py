"""What one invocation is sending and waiting for, so that an interrupt can say how to go on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from docspeed_cli.core.models import Job


class RunState:
    """The submissions and jobs of one invocation that are not finished yet.

    `resume_command` is the hint for going on where this one stops, if the same command would not do that.
    `so_far` says in words how far a run over many documents has come; it is None for everything else.
    `result_flags` are the flags with which `docspeed jobs result` would deliver what is waited for; None
    where no result is delivered.
    """

    def __init__(
        self,
        *,
        resume_command: str | None = None,
        result_flags: str | None = None,
        so_far: Callable[[], str] | None = None,
    ) -> None:
        self.resume_command = resume_command
        self.result_flags = result_flags
        self.so_far = so_far
        self.many = so_far is not None
        self._has_begun = False
        self._sending: dict[int, str] = {}
        self._waiting: dict[str, Job] = {}
        self._reused = count(1)
        self._lost = count(1)
        self._sync_only: dict[str, object] = {}

    # Several workers call these at once; each is one operation on a dict or an iterator, which is atomic.

    def begin_sending(self, row: int, label: str) -> None:
        """Note that a submission is under way; `row` is its row in the ledger."""
        self._has_begun = True
        self._sending[row] = label

    def end_sending(self, row: int) -> None:
        """Note that the outcome of a submission is known."""
        self._sending.pop(row, None)

    @property
    def has_begun(self) -> bool:
        """Whether anything was submitted or waited for, or might have been."""
        return self._has_begun

    @property
    def sending(self) -> list[str]:
        """The inputs whose submissions have no known outcome yet."""
        return list(self._sending.values())

    def begin_waiting(self, job: Job) -> None:
        """Note that this job is waited for, or its newest state."""
        self._has_begun = True
        self._waiting[job.ref] = job

    def end_waiting(self, job: Job | None) -> None:
        """Note that this job's outcome was delivered."""
        if job is not None:
            self._waiting.pop(job.ref, None)

    def end_all(self) -> None:
        """Note that every outcome was delivered."""
        self._waiting.clear()

    @property
    def waiting(self) -> list[Job]:
        """The jobs whose outcomes were not delivered yet."""
        return list(self._waiting.values())

    def count_lost(self) -> int:
        """Count one more request whose result is lost; return the number so far."""
        return next(self._lost)

    def begin_sync_only(self, operation: str) -> bool:
        """Note that the service runs this operation only as `sync`; return whether that is new."""
        mark = object()
        # Several workers may be refused at once: only one gets its own mark back, and prints the note.
        return self._sync_only.setdefault(operation, mark) is mark

    def is_sync_only(self, operation: str) -> bool:
        """Whether the service refused this operation as `async`."""
        return operation in self._sync_only

    def count_reused(self) -> int:
        """Count one more reused job; return the number so far."""
        return next(self._reused)
