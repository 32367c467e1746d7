"""Follows jobs to their end and fetches their results; trouble on the way only delays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docspeed_cli.core.errors import (
    DocspeedError,
    JobFailed,
    NotFound,
    Pending,
    Rejected,
    Unavailable,
)
from docspeed_cli.core.models import Job, State, state_of
from docspeed_cli.core.operations import job_path
from docspeed_cli.jobs.context import Session, Task, WaitOptions
from docspeed_cli.service.backoff import FIRST_LOOK, Schedule
from docspeed_cli.service.body import Body, NewBody
from docspeed_cli.service.exchange import Response
from docspeed_cli.service.responses import job_error, status_word

LOOKS_A_SECOND = 50
"""However many jobs run, the server is not asked more often than this."""

UNREACHED = 6
"""Looks that may fail before the server has answered anything; after that, trouble only delays."""

_LEAST = 1.0
"""Seconds that a look is given even where the wait is all but over."""

_JUST_NOW = 15.0
"""A job this young may not be known everywhere at the server yet: a 404 on it is no verdict."""


class Following:
    """What can be done with jobs of one session that the server has taken."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def follow(self, job: Job, waiting: WaitOptions) -> Task[Job]:
        """Look at the job until it has ended well. JobFailed, AuthError, NotFound; Pending at the limit."""
        ended, _ = yield from self.watch(job, waiting)
        if ended.state is State.FAILED:
            reason = f"ended as {ended.status}" + (f": {ended.error}" if ended.error else "")
            named = f"{ended.input}: " if ended.input else ""
            raise JobFailed(
                f"{named}{ended.operation} job {ended.ref} {reason}",
                reason=reason,
                details={"status": ended.status, "error": ended.error},
                job_id=ended.job_id,
                hint=None if _hopeless(ended) else "run the same command again to submit it anew",
            )
        return ended

    def watch(self, job: Job, waiting: WaitOptions) -> Task[tuple[Job, Response | None]]:
        """Look at the job until it has ended, however it ends; with the server's last answer."""
        if job.job_id is None:
            return job, None
        schedule = Schedule(waiting.floor, self.session.world.random)
        started = self.session.world.monotonic()
        deadline = waiting.until
        if deadline is None and waiting.timeout is not None:
            deadline = started + waiting.timeout
        self.session.waited_for[job.job_id] = job
        failures = 0
        failed: DocspeedError | None = None
        self.session.progress(job)

        def next_look(waited: float, asked: float | None) -> float:
            pause = max(schedule.delay(waited, asked), len(self.session.waited_for) / LOOKS_A_SECOND)
            due = self.session.world.monotonic() + pause
            return due if deadline is None else min(due, deadline)

        # A job that was just submitted is hardly ever done yet; an older one may be, so it is looked at now.
        if not job.ended and self.session.world.now() - (job.submitted_at or 0) < FIRST_LOOK:
            yield next_look(0.0, None)
        while True:
            waited, asked = self.session.world.monotonic() - started, None
            try:
                left = None if deadline is None else deadline - self.session.world.monotonic()
                job, answer = self.look(job, None if left is None else max(left, _LEAST))
                self.session.waited_for[job.job_id or ""] = job
                failures, asked, failed = 0, answer.retry_after, None
                if job.ended:
                    self.session.progress(job)
                    return job, answer
                self.session.progress(job)
            except DocspeedError as trouble:
                failures, failed = failures + 1, trouble
                if not self._passing(trouble, job, failures):
                    lost = isinstance(trouble, NotFound)
                    raise self._of(trouble, job, "" if lost else "wait") from None
                asked = trouble.retry_after
                self.session.progress(job._replace(status=f"{job.status} ({trouble.message})"))
            now = self.session.world.monotonic()
            if deadline is not None and now >= deadline:
                raise self._pending(job, max(round(deadline - started, 3), round(now - started)), failed)
            yield next_look(waited, asked)

    def look(self, job: Job, within: float | None = None) -> tuple[Job, Response]:
        """One look at the job, `within` so many seconds; the ledger learns what has changed."""
        content, answer = self.session.api.look(str(job.job_id), within)
        return self.seen(job, content), answer

    def look_patiently(self, job: Job) -> tuple[Job, Response]:
        """One look that is repeated while the server is in trouble."""
        try:
            answer = self.session.api.status(str(job.job_id))
        except DocspeedError as error:
            raise self._of(error, job) from None
        return self.seen(job, answer.body.json()), answer

    def seen(self, job: Job, content: Any) -> Job:
        """The job as the server describes it; the ledger learns what has changed."""
        members = content if isinstance(content, dict) else {}
        operation = members.get("operation")
        name = job.operation or (operation if isinstance(operation, str) else "")
        found = job._replace(operation=name).with_status(status_word(members) or job.status)
        found = found._replace(error=_failure_text(members))
        changed = (found.status, found.state, found.error) != (job.status, job.state, job.error)
        if changed and job.row is not None:
            known = {"status": found.status, "state": found.state, "error": found.error}
            self.session.ledger.change_soon(job.row, **known)
        return found

    def _passing(self, trouble: DocspeedError, job: Job, failures: int) -> bool:
        """Whether trouble while polling only delays the next look."""
        if isinstance(trouble, NotFound):
            young = job.row is not None and self.session.world.now() - (job.submitted_at or 0) < _JUST_NOW
            return young and not job.reused and failures < UNREACHED
        return trouble.retryable and (self.session.api.answered or failures < UNREACHED)

    def _pending(self, job: Job, waited: float, trouble: DocspeedError | None) -> Pending:
        why = f"; the last look failed: {trouble.message}" if trouble else ""
        return Pending(
            f"job {job.ref} is still {job.status} after {waited:g} s; it goes on{why}",
            job_id=job.job_id,
            retryable=True,
            hint=self.session.resume_command([job]),
        )

    def fetch(self, job: Job, new_body: NewBody = None) -> Task[Body]:
        """The job's payload, as the server sends it. NotFound where the server no longer has it."""
        if job.job_id is None:
            if not self.session.cached_result_path(job).exists():
                raise NotFound(f"the result of {job.ref} is no longer kept", hint="run its command again")
            return Body.at(self.session.cached_result_path(job))
        schedule = Schedule(random=self.session.world.random)
        attempt = 0
        while True:
            try:
                answer = self.session.api.get(job_path(job.job_id) + "/result", new_body=new_body)
                if answer.status != 202:
                    return answer.body
                error: DocspeedError = Unavailable("the result is not ready (202)", job_id=job.job_id)
            except (NotFound, Rejected) as refused:
                error = refused
                if job.reused or refused.status not in (404, 409):
                    raise self._of(refused, job) from None
            except DocspeedError as failed:
                raise self._of(failed, job, "result") from None
            attempt += 1
            if attempt == UNREACHED:
                raise self._of(error, job)
            yield self.session.world.monotonic() + schedule.backoff(attempt - 1)

    def _of(self, error: DocspeedError, job: Job, again: str = "") -> DocspeedError:
        """The error with the job that it is about, and the command that goes on `again` afterwards."""
        error.job_id = job.job_id
        if isinstance(error, NotFound) and job.ref not in error.message:
            error.message = f"job {job.ref}: {error.message}"
        if isinstance(error, NotFound) and job.row is None:
            error.hint = error.hint or "docspeed jobs list shows those of this machine"
        if again and "the same command" not in (error.hint or ""):
            flags = self.session.flags
            then = f"docspeed jobs {again} {job.shell_ref}{flags}"
            first = f"{error.hint}{flags}" if (error.hint or "").startswith("docspeed") else error.hint
            error.hint = f"{first}, then {then}" if first else then
        return error

    def gone(self, job: Job) -> None:
        """The server no longer knows the job."""
        self._settle(job, State.GONE, State.GONE)

    def forget(self, jobs: Sequence[Job]) -> int:
        """Take jobs out of the ledger, with what was kept of them; how many there were."""
        for job in jobs:
            if job.job_id is None:
                self.session.cached_result_path(job).unlink(missing_ok=True)
        return self.session.ledger.drop(job.row for job in jobs if job.row is not None)

    def _settle(self, job: Job, status: str, state: State, error: str | None = None) -> None:
        if job.row is not None:
            self.session.ledger.change(job.row, status=status, state=state, error=error)


def _hopeless(job: Job) -> bool:
    """Whether the document is what is wrong, so that the same again would end the same."""
    return (job.error or "").startswith("document_")


def _failure_text(content: Any) -> str | None:
    if not isinstance(content, dict) or state_of(status_word(content) or "") is not State.FAILED:
        return None
    code, message = job_error(content)
    return ": ".join(part for part in (code, message) if part) or None
