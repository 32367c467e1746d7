"""Find the job that answers a request already, so that nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Sequence

from docspeed_cli.core.errors import NotFound, Pending, Unavailable
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import Follower
from docspeed_cli.jobs.outcome import Task, WaitOptions
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.uploads import PreparedRequest

_MAX_NAMED = 10
"""Reused jobs that a run over many documents names in notes."""


class Reuse:
    """Finds the jobs that one run reuses."""

    def __init__(self, context: Context, run: RunState, follower: Follower) -> None:
        self.context = context
        self.run = run
        self.follower = follower

    def find(self, prepared: PreparedRequest, options: WaitOptions) -> Task[tuple[Job | None, Sequence[Job]]]:
        """The job that answers this request; or else its submissions whose outcome is unknown.

        The request's lock must be held. NotFound if it may have been paid for and is not to be resubmitted.
        """
        label, note = prepared.request.label, self.context.output.note
        known = self.context.ledger.by_request(prepared.identity)
        if known and known[0].state is State.FAILED:
            why = f"{known[0].status}: {known[0].error}" if known[0].error else known[0].status
            note(f"{label}: job {known[0].ref} ended with status {why}; submitting again")
        answered = {job.token for job in known if job.state not in (State.SUBMITTING, State.UNKNOWN)}
        unknown: list[Job] = []
        accepted: list[Job] = []
        for job in known:
            if job.state is State.SUBMITTING and job.row is not None:
                # We hold the lock that its process held, so that process has ended.
                self.context.ledger.change(job.row, state=State.UNKNOWN, status=State.UNKNOWN)
            if job.state in (State.SUBMITTING, State.UNKNOWN):
                if job.token not in answered:
                    unknown.append(job)
                continue
            if job.state in (State.RUNNING, State.DONE):
                job = (yield from self._confirm(job, options))._replace(reused=True)
                if job.state in (State.RUNNING, State.DONE):
                    job = job._replace(input=label or job.input)
                    if options.run_id is not None and job.state is State.RUNNING:
                        position = prepared.request.sources[0].position
                        self.context.ledger.runs.join(options.run_id, position, job)
                    self.report(job)
                    return job, ()
            accepted.append(job)
        self._report_resubmission(prepared, unknown, accepted, options)
        return None, unknown

    def _confirm(self, job: Job, options: WaitOptions) -> Task[Job]:
        """The job as it is now: done if its result is kept; else as the server knows it, or gone.

        While the server is in trouble, a command that waits takes the job as it was: its looks only delay.
        """
        kept = self.follower.kept(job)
        if kept is not None:
            return kept
        if job.job_id is None:
            return self.follower.mark_gone(job)
        try:
            job, _ = yield from self.follower.confirm(job, options.deadline)
        except NotFound:
            return self.follower.mark_gone(job)
        except (Unavailable, Pending) as error:
            if not (options.wait and error.retryable and self.context.client.answered):
                raise
        return job

    def _report_resubmission(
        self,
        prepared: PreparedRequest,
        unknown: Sequence[Job],
        accepted: Sequence[Job],
        options: WaitOptions,
    ) -> None:
        """Say that a request is submitted again that may have been paid for; NotFound with --no-resubmit."""
        label, now = prepared.request.label, self.context.environment.now()
        lost = accepted[0] if accepted and accepted[0].state is State.GONE else None
        if lost is not None:
            when = ago(lost.submitted_at, now)
            of = f"{lost.operation} job {lost.ref}, submitted {when}"
            what = f"{label}: the result of {of}, is neither kept nor on the server"
        elif unknown:
            when, why = ago(unknown[0].submitted_at, now), unknown[0].error or "the program was stopped"
            what = f"{unknown[0].input}: a submission {when} has an unknown outcome ({why})"
        else:
            return
        if options.no_resubmit:
            raise NotFound(f"{what}; leave out `--no-resubmit` to pay again", job_id=lost and lost.job_id)
        if lost is None:
            self.context.output.note(f"{what}; submitting again")
        elif (number := self.run.count_lost()) <= _MAX_NAMED:
            self.context.output.warn(f"{what}; submitting it again, to be paid for again")
        elif number == _MAX_NAMED + 1:
            self.context.output.warn("more results are lost like this; submitting their requests again too")

    def report(self, job: Job, file: str | None = None) -> None:
        """Name a reused job; `file` is where its result is already. Of many, only the first are named."""
        output = self.context.output
        if self.run.many and output.human_output:
            return  # the rows that people read say it themselves
        number = self.run.count_reused()
        if self.run.many and number > _MAX_NAMED:
            if number == _MAX_NAMED + 1:
                output.note("more jobs are reused")
            return
        when = ago(job.submitted_at, self.context.environment.now())
        used = f"{file} already holds the result of" if file else "reusing"
        status = "" if job.ended else f" ({job.status})"  # what is printed next tells of one that has ended
        output.note(
            f"{job.input}: {used} {job.operation} job {job.ref}, submitted {when}{status};"
            " `--fresh` submits again"
        )
