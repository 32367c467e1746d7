"""`docspeed jobs wait`."""

from __future__ import annotations

from typing import Annotated

from docspeed_cli.cli.commands.jobs.shared import JobRows, OnStatus, for_each, require_job_id
from docspeed_cli.cli.flags import waiting_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import context_for, named_jobs
from docspeed_cli.cli.options import ConcurrencyOptions, Ids, PollOptions, ServerOptions
from docspeed_cli.core.errors import NotFound, Unavailable
from docspeed_cli.core.models import Job, State
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import Follower, JobWait, job_failed
from docspeed_cli.jobs.outcome import Outcome, Task, WaitOptions
from docspeed_cli.jobs.run_state import RunState


class JobWaitOptions(PollOptions, ConcurrencyOptions, ServerOptions):
    """The shared options of `jobs wait`."""


@guide(
    "docspeed jobs wait @last",
    "docspeed parse a.pdf --sandbox | jq -r .job_id | docspeed jobs wait -",
    "docspeed jobs wait job_1 job_2 --any --timeout 10m",
    formats=("json", "id"),
)
def wait(
    options: JobWaitOptions,
    ids: Ids = None,
    any_: Annotated[bool, waiting_flag("--any", "stop when the first job ends")] = False,
) -> Action:
    """Follow jobs to their end."""

    def action(context: Context) -> int:
        context.output.ready()
        jobs = named_jobs(ids, context)
        settings = context.settings
        wait_options = WaitOptions(
            wait=True, timeout=settings.timeout, poll_interval=settings.poll_interval or 0.0
        ).begun(context.environment.monotonic())

        def wait_for(follower: Follower, job: Job, on_status: OnStatus) -> Task[Outcome]:
            require_job_id(context, job)
            try:
                job_wait = JobWait(follower, job, wait_options._replace(on_status=on_status))
                yield from iter(job_wait.step, None)
                job, response = job_wait.job, job_wait.response
            except (NotFound, Unavailable):
                # A job whose result is kept has ended, whatever became of the server or the network.
                kept = follower.kept(job)
                if kept is None:
                    raise
                job, response = kept, None
            error = job_failed(job) if job.state is State.FAILED else None
            return Outcome(job=job, result=response.body if response is not None else None, error=error)

        at = context_for(context, jobs)
        rows = JobRows(at, jobs)
        code = for_each(at, RunState(), jobs, wait_for, rows.show, first_only=any_)
        rows.finish()
        return code

    return action
