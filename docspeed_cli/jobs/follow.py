"""Follow jobs to their end and fetch their results; trouble on the way only delays."""

from __future__ import annotations

from typing import Any

from docspeed_cli.core.errors import DocspeedError, JobFailed, NotFound, Pending, Rejected, Unavailable
from docspeed_cli.core.models import Job, State, state_of
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.status_words import meaning_of
from docspeed_cli.jobs.absence import Absence
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Task, WaitOptions
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.service.backoff import Schedule
from docspeed_cli.service.body import Body
from docspeed_cli.service.exchange import Response
from docspeed_cli.service.responses import job_error, job_in, status_word

_LOOKS_PER_SECOND = 50
"""Most status requests a second, however many jobs run."""

_TRIES_WITHOUT_ANSWER = 6
"""Looks that may fail before the server has answered anything; after that, trouble only delays."""


_MAX_CHECKED = 4096
"""Largest answer in bytes that is checked for being a job in place of its result."""


class Follower:
    """Follows the jobs of one run."""

    def __init__(self, context: Context, run: RunState) -> None:
        self.context = context
        self.run = run

    def follow(self, job: Job, options: WaitOptions) -> Task[Job]:
        """Wait until the job has ended well. JobFailed, AuthError, NotFound; Pending at the deadline."""
        job, _ = yield from self.watch(job, options, status_is_new=True)
        if job.state is State.FAILED:
            # With such an error the document is at fault: the same request would end the same. A job that is
            # not in the ledger was submitted elsewhere.
            hopeless = (job.error or "").startswith("document_") or job.row is None
            raise job_failed(job, None if hopeless else "run the same command again to submit it again")
        return job

    def watch(
        self, job: Job, options: WaitOptions, *, status_is_new: bool = False
    ) -> Task[tuple[Job, Response | None]]:
        """Wait until the job has ended, well or not; with the server's last answer.

        With `status_is_new` the server has just named the job's status, so the first look comes later.
        """
        if job.job_id is None or (status_is_new and job.ended):
            return job, None
        monotonic = self.context.environment.monotonic
        schedule = Schedule(options.poll_interval, self.context.environment.random)
        started = monotonic()
        deadline = options.deadline
        self.run.begin_waiting(job)
        options.on_status(job)
        if status_is_new:
            first = started + schedule.delay(0.0)
            yield first if deadline is None else min(first, deadline)
        failures, absence = 0, Absence(self.context.environment)
        while True:
            waited, retry_after = monotonic() - started, None
            failure: DocspeedError | None = None
            try:
                before = job.status
                job, response = self.look(job, deadline)
                job = self._ended_by_result(job, before, deadline)
                self.run.begin_waiting(job)
                options.on_status(job)
                if job.ended:
                    return job, response
                failures, absence = 0, Absence(self.context.environment)
                retry_after = response.retry_after
            except DocspeedError as error:
                failures, failure, retry_after = failures + 1, error, error.retry_after
                if not self._is_passing(error, job, absence, failures):
                    command = "" if isinstance(error, NotFound) else self.context.wait_command([job])
                    raise self._with_job(error, job, command) from None
                unknown = isinstance(error, NotFound)
                why = "the server does not know it; asking again" if unknown else error.message
                options.on_status(job._replace(status=f"{job.status} ({why})"))
            now = monotonic()
            if deadline is not None and now >= deadline:
                waited = max(round(deadline - started, 3), round(now - started))
                raise self._timed_out(job, waited, failure)
            # With thousands of jobs the looks are spread out, so that the server is not flooded.
            spacing = len(self.run.waiting) / _LOOKS_PER_SECOND
            due = now + max(schedule.delay(waited, retry_after), spacing, absence.pause)
            yield due if deadline is None else min(due, deadline)

    def _ended_by_result(self, job: Job, before: str, deadline: float | None) -> Job:
        """The job as done if its status stays a word that we don't know while its result is there."""
        if meaning_of(job.status) is not None:
            return job
        what = f"docspeed does not know the status `{job.status}`"
        self.context.output.warn(f"{what}; waiting until its result is available")
        return job if job.status != before else self.done_if_result(job, deadline)

    def done_if_result(self, job: Job, deadline: float | None = None) -> Job:
        """The job, marked as done if its status is a word that we don't know and its result is there."""
        known = meaning_of(job.status) is not None
        if known or not self.context.client.has_result(str(job.job_id), deadline):
            return job
        if job.row is not None:
            self.context.ledger.change_soon(job.row, state=State.DONE)
        return job._replace(state=State.DONE)

    def look(self, job: Job, deadline: float | None = None) -> tuple[Job, Response]:
        """Look at the job once; `deadline` is the monotonic time by which the answer must be there."""
        content, response = self.context.client.look(str(job.job_id), deadline)
        return self.update(job, content), response

    def look_with_retries(self, job: Job, deadline: float | None = None) -> tuple[Job, Response]:
        """Look at the job; try again while the server is in trouble."""
        try:
            response = self.context.client.status(str(job.job_id), deadline)
        except DocspeedError as error:
            raise self._with_job(error, job) from None
        return self.update(job, response.body.json()), response

    def confirm(self, job: Job, deadline: float | None = None) -> Task[tuple[Job, Response | None]]:
        """Look at the job, with retries: with the answer, or None if the server may not know the job yet.

        NotFound once it is certain that the job is gone.
        """
        absence = Absence(self.context.environment)
        while True:
            try:
                return self.look_with_retries(job, deadline)
            except NotFound:
                if absence.is_early(job):
                    return job, None
                if absence.is_certain(job):
                    raise
            due = self.context.environment.monotonic() + absence.pause
            if deadline is not None and due > deadline:
                return job, None
            yield due

    def update(self, job: Job, content: Any) -> Job:
        """The job with the status that the server answered, which is recorded if it is new."""
        members = content if isinstance(content, dict) else {}
        operation = members.get("operation")
        name = job.operation or (operation if isinstance(operation, str) else "")
        found = job._replace(operation=name).with_status(status_word(members) or job.status)
        if job.state is State.DONE and meaning_of(found.status) is None:
            found = found._replace(state=State.DONE)
        found = found._replace(error=failure_text(members))
        changed = (found.status, found.state, found.error) != (job.status, job.state, job.error)
        if changed and job.row is not None:
            known = {"status": found.status, "state": found.state, "error": found.error}
            self.context.ledger.change_soon(job.row, **known)
        return found._replace(updated_at=self.context.environment.now()) if changed else found

    def _is_passing(self, error: DocspeedError, job: Job, absence: Absence, failures: int) -> bool:
        """Whether an error while polling only delays the next look."""
        if isinstance(error, NotFound):
            return not absence.is_certain(job)
        return error.retryable and (self.context.client.answered or failures < _TRIES_WITHOUT_ANSWER)

    def pending(self, job: Job, message: str = "") -> Pending:
        """The error for a job that has not ended."""
        hint = f"`{self.context.wait_command([job])}`"
        message = message or f"job {job.ref} is still {job.status}"
        return Pending(message, job_id=job.job_id, retryable=True, hint=hint)

    def _timed_out(self, job: Job, waited: float, failure: DocspeedError | None) -> Pending:
        """The error for a job that has not ended in time; `failure` is that of the last status request."""
        after = f" after {waited:g} s"
        if isinstance(failure, NotFound):
            unknown = f"the server does not know job {job.ref}{after}; the job may be too new"
            return self.pending(job, unknown)
        why = f"; the last status request failed: {failure.message}" if failure else ""
        return self.pending(job, f"job {job.ref} is still {job.status}{after}; it goes on{why}")

    def fetch(self, job: Job, deadline: float | None = None) -> Task[Body]:
        """The job's result as the server sends it, which is then kept. NotFound if it is not there."""
        if job.job_id is None:
            raise NotFound(f"the result of {job.ref} came in the answer itself and is not kept any more")
        environment = self.context.environment
        schedule, absence = Schedule(random=environment.random), Absence(environment)
        attempt = 0
        while True:
            try:
                response = self.context.client.result(job.job_id, deadline)
                if response.status != 202:
                    self._keep(job, response.body)
                    return response.body
                error: DocspeedError = Unavailable("the result is not ready (202)", status=202)
            except DocspeedError as failed:
                error = failed
            attempt += 1
            # The status may be ahead of the result, so that gets a few tries.
            if isinstance(error, NotFound):
                final = absence.is_certain(job)
            else:
                final = error.status not in (202, 409) or attempt == _TRIES_WITHOUT_ANSWER
            due = environment.monotonic() + (absence.pause or schedule.backoff(attempt - 1))
            if not final and deadline is not None and due > deadline:
                message = f"the result of job {job.ref} is not there yet ({error.message})"
                error, final = Pending(message, retryable=True), True
            if final:
                refused = isinstance(error, NotFound | Rejected)
                raise self._with_job(
                    error, job, "" if refused else self.context.result_command(job)
                ) from None
            yield due

    def kept(self, job: Job) -> Job | None:
        """The job, which has ended well, if its result is kept: the server need not be asked for it."""
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

    def _keep(self, job: Job, result: Body) -> None:
        # A server may answer with the job while it has no result yet; that must not be kept.
        if result.size > _MAX_CHECKED or job_in(result, sync=True) is None:
            self.context.kept.keep(job, result.chunks(), result.size)

    def _with_job(self, error: DocspeedError, job: Job, command: str = "") -> DocspeedError:
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


def failure_text(content: Any) -> str | None:
    """The server's error code and message for a job that has failed; None if it has not."""
    if not isinstance(content, dict) or state_of(status_word(content) or "") is not State.FAILED:
        return None
    code, message = job_error(content)
    return ": ".join(part for part in (code, message) if part) or None
