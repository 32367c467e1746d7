"""Follow jobs to their end and fetch their results; trouble on the way only delays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docspeed_cli.core.errors import DocspeedError, JobFailed, NotFound, Pending, Rejected, Unavailable
from docspeed_cli.core.models import Job, State, state_of
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.status_words import meaning_of
from docspeed_cli.jobs.absence import Absence
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import WaitOptions
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.service.answers import job_error, job_in, status_word
from docspeed_cli.service.backoff import Schedule
from docspeed_cli.service.body import Body
from docspeed_cli.service.client import Response

_LOOKS_PER_SECOND = 50
"""Most status requests a second, however many jobs run."""

_LAST_LOOKS = 1.0
"""Seconds after the deadline in which jobs are looked at for the last time."""

_TRIES_WITHOUT_ANSWER = 6
"""Looks that may fail before the server has answered anything; after that, trouble only delays."""

_NO_STATUS = "unnamed"
"""Status of a job for which the server names none; as after an unknown word, the job may have ended."""

# An error about `profile` or `filename` is not about a stored file.
_FILE = r"(?<![a-z])file(?!name)"
_NO_FILE = (
    *("not found", "not_found", "unknown", "expired", "no such", "does not exist", "doesn't exist"),
    *("no longer", "deleted"),
)

_MAX_CHECKED = 4096
"""Largest answer in bytes that may be the job instead of its result; we check only those."""


class Follower:
    """Follows the jobs of one run."""

    def __init__(self, context: Context, run: RunState) -> None:
        self.context = context
        self.run = run

    def done_if_result(self, job: Job, deadline: float | None = None) -> Job:
        """The job, marked as done if its status is a word that we don't know and its result is there."""
        known = meaning_of(job.status) is not None
        if known or not self.context.client.has_result(str(job.job_id), deadline):
            return job
        if job.row is not None:
            self.context.ledger.change_soon(job.row, state=State.DONE)
        return job._replace(state=State.DONE)

    def look(self, job: Job, deadline: float | None = None, *, retry: bool = False) -> tuple[Job, Response]:
        """Look at the job; `deadline` is the monotonic time by which the answer must be there.

        With `retry`, an error that is retryable is followed by another try.
        """
        content, response = self.context.client.look(str(job.job_id), deadline, retry=retry)
        return self._updated(job, content), response

    def _updated(self, job: Job, answer: Mapping[str, Any]) -> Job:
        """The job with the status that the server answered, which is recorded if it is new."""
        operation = answer.get("operation")
        name = job.operation or (operation if isinstance(operation, str) else "")
        found = job._replace(operation=name).with_status(status_word(answer) or _NO_STATUS)
        # Its result was there already, which a status that we don't know can't undo.
        if job.state is State.DONE and meaning_of(found.status) is None:
            found = found._replace(state=State.DONE)
        found = found._replace(error=failure_text(answer))
        changed = (found.status, found.state, found.error) != (job.status, job.state, job.error)
        if changed and job.row is not None:
            known = {"status": found.status, "state": found.state, "error": found.error}
            self.context.ledger.change_soon(job.row, **known)
            if found.state is State.FAILED and says_file_is_missing(found.error or ""):
                # Otherwise the next submission would name the file that the server no longer has.
                for file_id in (job.file_id or "").split(", "):
                    self.context.ledger.forget_upload(job.server or "", file_id)
        return found._replace(updated_at=self.context.environment.now()) if changed else found

    def pending(self, job: Job, message: str = "") -> Pending:
        """The error for a job that has not ended."""
        hint = f"`{self.context.wait_command([job])}`"
        message = message or f"job {job.ref} is still {job.status}"
        return Pending(message, job_id=job.job_id, retryable=True, hint=hint)

    def kept(self, job: Job) -> Job | None:
        """Return the job as done if its result is kept: the server need not be asked. None otherwise."""
        row = self.context.kept.find(job)
        if row is None:
            return None
        operation = job.operation or row.operation
        return job._replace(operation=operation, status=row.status, state=State.DONE)

    def open_kept(self, job: Job) -> Body | None:
        """The job's result if it is kept and intact."""
        kept = self.context.kept.open(job)
        if kept is None:
            return None
        if job.server == SANDBOX:
            self.context.note_sandbox()
        return Body.of(kept)

    def keep(self, job: Job, result: Body) -> None:
        """Keep the job's result."""
        # A server may answer with the job while it has no result yet; that must not be kept.
        if result.size > _MAX_CHECKED or job_in(result, sync=True) is None:
            self.context.kept.keep(job, result.chunks(), result.size)

    def with_job(self, error: DocspeedError, job: Job, command: str = "") -> DocspeedError:
        """The error with its job, and the command that goes on afterwards."""
        message, hint = error.message, error.hint
        if isinstance(error, NotFound):
            message = message if job.ref in message else f"job {job.ref}: {message}"
            if job.row is None:
                hint = hint or "`docspeed jobs list` shows the jobs of this machine"
        if command and "the same command" not in (hint or ""):
            hint = f"{hint}, then run `{command}`" if hint else f"`{command}`"
        return error.replace(job_id=job.job_id, message=message, hint=hint)

    def mark_gone(self, job: Job) -> Job:
        """Record that the result is neither kept nor on the server; returns the job with that state."""
        if job.row is not None:
            self.context.ledger.change(job.row, status=State.GONE, state=State.GONE, error=None)
        return job._replace(status=State.GONE, state=State.GONE)


class JobWait:
    """The wait for the end of one job, which begins when this is made.

    `job` is the job as it was at the last look, `response` what the server answered then. With
    `status_is_new` the server has just named the job's status, so the first look comes later.
    """

    def __init__(
        self, follower: Follower, job: Job, options: WaitOptions, *, status_is_new: bool = False
    ) -> None:
        self.job = job
        self.response: Response | None = None
        self._follower = follower
        self._options = options
        environment = follower.context.environment
        self._clock = environment.monotonic
        self._schedule = Schedule(options.poll_interval, environment.random)
        self._started = self._clock()
        self._failures, self._absence = 0, Absence(environment)
        # A job without an id had its result in the answer to its submission: there is nothing to look at.
        self._ended = job.job_id is None or (status_is_new and job.ended)
        self._looks_later = status_is_new
        if not self._ended:
            self._report()

    def step(self) -> float | None:
        """Look at the job: None once it has ended, well or not; else when to look again.

        AuthError, NotFound, Unavailable; Pending at the deadline.
        """
        if self._ended:
            return None
        if self._looks_later:
            self._looks_later = False
            return self._bounded(self._started + self._schedule.delay(0.0))
        waited, failure = self._clock() - self._started, None
        if self._is_too_late():
            raise self._timed_out(self._clock(), None)
        try:
            self._look()
            if self.job.ended:
                return None
            retry_after = self.response.retry_after if self.response is not None else None
        except DocspeedError as error:
            self._tolerate(error)
            failure, retry_after = error, error.retry_after
        now, deadline = self._clock(), self._options.deadline
        if deadline is not None and now >= deadline:
            raise self._timed_out(now, failure)
        # With thousands of jobs the looks are spread out, so that the server is not flooded.
        spacing = len(self._follower.run.waiting) / _LOOKS_PER_SECOND
        delay = self._schedule.delay(waited, retry_after)
        return self._bounded(now + max(delay, spacing, self._absence.pause))

    def succeeded(self) -> Job:
        """The job, which has ended well. JobFailed if it has not."""
        job = self.job
        if job.state is State.FAILED:
            # With such an error the document is at fault: the same request would end the same. A job that is
            # not in the ledger was submitted elsewhere.
            hopeless = (job.error or "").startswith("document_") or job.row is None
            raise job_failed(job, None if hopeless else "run the same command again to submit it again")
        return job

    def _is_too_late(self) -> bool:
        """Whether the deadline is so long over that there is no time for a last look."""
        # All jobs of a run are due at its deadline, and a look at each of thousands takes minutes.
        deadline, known = self._options.deadline, self.response is not None or self._follower.run.many
        return deadline is not None and known and self._clock() >= deadline + _LAST_LOOKS

    def _bounded(self, due: float) -> float:
        deadline = self._options.deadline
        return due if deadline is None else min(due, deadline)

    def _report(self) -> None:
        self._follower.run.begin_waiting(self.job)
        self._options.on_status(self.job)

    def _look(self) -> None:
        """Look at the job once; it counts as ended too if its result is there."""
        before, deadline, follower = self.job.status, self._options.deadline, self._follower
        self.job, self.response = follower.look(self.job, deadline)
        if meaning_of(self.job.status) is None:
            what = f"docspeed does not know the status `{self.job.status}`"
            what = "the server names no status" if self.job.status == _NO_STATUS else what
            follower.context.output.warn(f"{what}; waiting until its result is available")
            if self.job.status == before:
                self.job = follower.done_if_result(self.job, deadline)
        self._report()
        self._failures, self._absence = 0, Absence(follower.context.environment)

    def _tolerate(self, error: DocspeedError) -> None:
        """Report an error that only delays the next look; raise any other."""
        job, follower, unknown = self.job, self._follower, isinstance(error, NotFound)
        self._failures += 1
        if unknown:
            passing = not self._absence.confirm(job)
        else:
            answers = follower.context.client.answered or self._failures < _TRIES_WITHOUT_ANSWER
            passing = error.retryable and answers
        if not passing:
            command = "" if unknown else follower.context.wait_command([job])
            raise follower.with_job(error, job, command) from None
        why = "the server does not know it; asking again" if unknown else error.message
        self._options.on_status(job._replace(status=f"{job.status} ({why})"))

    def _timed_out(self, now: float, failure: DocspeedError | None) -> Pending:
        """The error for a job that has not ended in time; `failure` is that of the last status request."""
        job, pending, deadline = self.job, self._follower.pending, self._options.deadline or now
        after = f" after {max(round(deadline - self._started, 3), round(now - self._started)):g} s"
        if isinstance(failure, NotFound):
            unknown = f"the server does not know job {job.ref}{after}; the job may be too new"
            return pending(job, unknown)
        why = f"; the last status request failed: {failure.message}" if failure else ""
        return pending(job, f"job {job.ref} is still {job.status}{after}; it goes on{why}")


class Confirmation:
    """A look at one job that the server may not know yet; `job` is the job as it is now.

    `response` is the server's answer; None if it does not know the job, and it is too early to call it gone.
    """

    def __init__(self, follower: Follower, job: Job, deadline: float | None = None) -> None:
        self.job = job
        self.response: Response | None = None
        self._follower = follower
        self._deadline = deadline
        self._absence = Absence(follower.context.environment)

    def step(self) -> float | None:
        """Look at the job: None once that is settled; else when to look again. NotFound if it is gone."""
        try:
            self.job, self.response = self._follower.look(self.job, self._deadline, retry=True)
            return None
        except DocspeedError as error:
            absent = isinstance(error, NotFound)
            if absent and self._absence.is_early(self.job):
                return None
            if not absent or self._absence.confirm(self.job):
                raise self._follower.with_job(error, self.job) from None
        due = self._follower.context.environment.monotonic() + self._absence.pause
        return None if self._deadline is not None and due > self._deadline else due


class Fetch:
    """Fetches one job's result, which is then kept.

    With `at_hand`, nothing is fetched. `result` is set once `step` returns None.
    """

    result: Body

    def __init__(
        self, follower: Follower, job: Job, deadline: float | None = None, at_hand: Body | None = None
    ) -> None:
        self._follower = follower
        self._job = job
        self._deadline = deadline
        self._at_hand = at_hand
        environment = follower.context.environment
        self._clock = environment.monotonic
        self._schedule, self._absence = Schedule(random=environment.random), Absence(environment)
        self._attempts = 0

    def step(self) -> float | None:
        """Ask for the result: None once it is there; else when to ask again. NotFound if it is not there."""
        job, follower = self._job, self._follower
        if self._at_hand is not None:
            self.result = self._at_hand
            return None
        if job.job_id is None:
            raise NotFound(
                f"the result of {job.ref} came with the answer to its submission, and is not kept any more"
            )
        try:
            response = follower.context.client.result(job.job_id, self._deadline)
            if response.status != 202:
                self.result = response.body
                follower.keep(job, self.result)
                return None
            error: DocspeedError = Unavailable("the result is not ready (202)", status=202)
        except DocspeedError as failed:
            error = failed
        self._attempts += 1
        # The status may be ahead of the result, so that gets a few tries.
        if isinstance(error, NotFound):
            final = self._absence.confirm(job)
        else:
            final = error.status not in (202, 409) or self._attempts == _TRIES_WITHOUT_ANSWER
        due = self._clock() + (self._absence.pause or self._schedule.backoff(self._attempts - 1))
        if not final and self._deadline is not None and due > self._deadline:
            message = f"the result of job {job.ref} is not there yet ({error.message})"
            error, final = Pending(message, retryable=True), True
        if final:
            refused = isinstance(error, NotFound | Rejected)
            command = "" if refused else follower.context.result_command(job)
            raise follower.with_job(error, job, command) from None
        return due


def job_failed(job: Job, hint: str | None = None) -> JobFailed:
    """The error for a job that has failed."""
    reason = f"ended with status {job.status}" + (f": {job.error}" if job.error else "")
    label = f"{job.input}: " if job.input else ""
    return JobFailed(
        f"{label}{job.operation} job {job.ref} {reason}",
        reason=reason,
        details={"status": job.status, "error": job.error},
        job_id=job.job_id,
        hint=hint,
    )


def says_file_is_missing(text: str) -> bool:
    """Whether an error says that the server does not have a stored file."""
    text = text.lower()
    return bool(re.search(_FILE, text)) and any(word in text for word in _NO_FILE)


def failure_text(answer: Mapping[str, Any]) -> str | None:
    """The server's error code and message for a job that has failed; None if it has not."""
    if state_of(status_word(answer) or "") is not State.FAILED:
        return None
    code, message = job_error(answer)
    return ": ".join(part for part in (code, message) if part) or None
