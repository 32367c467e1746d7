"""Find the job that answers a request already, so that nothing is paid for twice."""

from __future__ import annotations

from collections import deque

from docspeed_cli.core.errors import NotFound, Pending, Unavailable
from docspeed_cli.core.models import Job, Request, State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import Confirmation, Follower
from docspeed_cli.jobs.outcome import WaitOptions
from docspeed_cli.jobs.run_state import RunState

_MAX_NAMED = 10
"""Reused jobs that a run over many documents names in notes."""


def report_reuse(context: Context, run: RunState, job: Job, file: str | None = None) -> None:
    """Name a reused job; `file` is where its result is already. Of many, only the first are named."""
    output = context.output
    if run.many and output.human_output:
        return  # the rows that people read say it themselves
    number = run.count_reused()
    if run.many and number > _MAX_NAMED:
        if number == _MAX_NAMED + 1:
            output.note("more jobs are reused")
        return
    when = ago(job.submitted_at, context.environment.now())
    used = f"{file} already holds the result of" if file else "reusing"
    status = "" if job.ended else f" ({job.status})"  # a job that has ended is printed next
    output.note(
        f"{job.input}: {used} {job.operation} job {job.ref}, submitted {when}{status};"
        " `--fresh` submits again"
    )


class Search:
    """The search for the job that answers a request, whose lock must be held.

    At its end it has the `job`, or else the request's submissions whose outcome is `unknown`.
    """

    def __init__(self, context: Context, run: RunState, request: Request, options: WaitOptions) -> None:
        self.job: Job | None = None
        self.unknown: list[Job] = []
        self._context = context
        self._run = run
        self._follower = Follower(context, run)
        self._request = request
        self._options = options
        self._confirmation: Confirmation | None = None
        self._lost: list[Job] = []
        """Jobs that were accepted, and can't be used."""
        self._left: deque[Job] = deque()
        """Jobs that were accepted, newest first."""
        if request.operation.reusable and not options.fresh:
            self._sort(context.ledger.by_request(request.identity))

    def _sort(self, known: list[Job]) -> None:
        """Sort the request's rows into jobs, and submissions of unknown outcome."""
        if known and known[0].state is State.FAILED:
            why = f"{known[0].status}: {known[0].error}" if known[0].error else known[0].status
            ended = f"job {known[0].ref} ended with status {why}"
            self._context.output.note(f"{self._request.label}: {ended}; submitting again")
        # An unknown submission is sent again under its own token, so the answer to that settles both rows.
        answered = {job.token for job in known if job.state not in (State.SUBMITTING, State.UNKNOWN)}
        for job in known:
            if job.state is State.SUBMITTING and job.row is not None:
                # We hold the lock that its process held, so that process has ended.
                self._context.ledger.change(job.row, state=State.UNKNOWN, status=State.UNKNOWN)
            if job.state not in (State.SUBMITTING, State.UNKNOWN):
                self._left.append(job)
            elif job.token not in answered:
                self.unknown.append(job)

    def step(self) -> float | None:
        """Go one step on: None at the end; else when to ask the server again about a job.

        NotFound if the request may have been paid for and is not to be resubmitted.
        """
        while self._left:
            job = self._left[0]
            if job.state in (State.RUNNING, State.DONE):
                found = self._as_it_is_now(job)
                if not isinstance(found, Job):
                    return found
                job = found
            self._left.popleft()
            if job.state in (State.RUNNING, State.DONE):
                self._use(job)
                return None
            self._lost.append(job)
        self._report_resubmission()
        return None

    def _use(self, job: Job) -> None:
        self.job = job = job._replace(input=self._request.label or job.input, reused=True)
        if self._options.run_id is not None and job.state is State.RUNNING:
            position = self._request.sources[0].position
            self._context.ledger.runs.join(self._options.run_id, position, job)
        report_reuse(self._context, self._run, job)

    def _as_it_is_now(self, job: Job) -> Job | float:
        """Return the job in its present state, or the time at which to ask the server again.

        While the server is in trouble, a command that waits takes the job as it was: its wait tolerates that.
        """
        follower = self._follower
        kept = follower.kept(job)
        if kept is not None:
            return kept
        if job.job_id is None:
            return follower.mark_gone(job)
        confirmation = self._confirmation or Confirmation(follower, job, self._options.deadline)
        self._confirmation = None
        try:
            due = confirmation.step()
        except NotFound:
            return follower.mark_gone(job)
        except (Unavailable, Pending) as error:
            if not (self._options.wait and error.retryable and self._context.client.answered):
                raise
            return job
        if due is None:
            return confirmation.job
        self._confirmation = confirmation
        return due

    def _report_resubmission(self) -> None:
        """Say that a request is submitted again that may have been paid for; NotFound with --no-resubmit."""
        output, now = self._context.output, self._context.environment.now()
        lost = self._lost[0] if self._lost and self._lost[0].state is State.GONE else None
        if lost is not None:
            of = f"{lost.operation} job {lost.ref}, submitted {ago(lost.submitted_at, now)}"
            what = f"{self._request.label}: the result of {of}, is neither kept nor on the server"
        elif self.unknown:
            newest = self.unknown[0]
            when, why = ago(newest.submitted_at, now), newest.error or "the program was stopped"
            what = f"{newest.input}: a submission {when} has an unknown outcome ({why})"
        else:
            return
        if self._options.no_resubmit:
            raise NotFound(f"{what}; leave out `--no-resubmit` to pay again", job_id=lost and lost.job_id)
        if lost is None:
            output.warn(f"{what}; submitting again")
        elif (number := self._run.count_lost()) <= _MAX_NAMED:
            output.warn(f"{what}; submitting it again, which is paid for again")
        elif number == _MAX_NAMED + 1:
            output.warn("more results are lost like this; submitting their requests again too")
