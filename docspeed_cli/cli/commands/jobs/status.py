"""`docspeed jobs status`."""

from __future__ import annotations

from docspeed_cli.cli.commands.jobs.shared import JobRows, OnStatus, for_each
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import context_for, named_jobs
from docspeed_cli.cli.options import ConcurrencyOptions, Ids, ServerOptions
from docspeed_cli.core.models import Job
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import Confirmation, Follower
from docspeed_cli.jobs.outcome import Outcome, Task
from docspeed_cli.jobs.run_state import RunState


class StatusOptions(ConcurrencyOptions, ServerOptions):
    """The shared options of `jobs status`."""


@guide("docspeed jobs status @last", "docspeed jobs status job_123 | jq -r .status", formats=("json",))
def jobs_status(options: StatusOptions, ids: Ids = None) -> Action:
    """Show the current state of jobs."""

    def action(context: Context) -> int:
        context.output.ready()
        jobs = named_jobs(ids, context)
        at = context_for(context, jobs)
        rows = JobRows(at, jobs)
        code = for_each(at, RunState(), jobs, _look_at_job, rows.show, in_order=True)
        rows.finish()
        return code

    return action


def _look_at_job(follower: Follower, job: Job, on_status: OnStatus) -> Task[Outcome]:
    if job.job_id is None:
        return Outcome(job=job)
    confirmation = Confirmation(follower, job)
    yield from iter(confirmation.step, None)
    answer = confirmation.response
    return Outcome(job=confirmation.job, result=answer.body if answer is not None else None)
