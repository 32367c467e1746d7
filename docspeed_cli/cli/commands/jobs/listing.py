"""What `jobs list` and `jobs watch` share: the table of jobs, and asking the server about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from docspeed_cli.core.errors import DocspeedError, NotFound
from docspeed_cli.core.models import Job
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Context

if TYPE_CHECKING:
    from rich.console import RenderableType

    from docspeed_cli.jobs.follow import Follower
    from docspeed_cli.jobs.outcome import Task


def jobs_table(context: Context, jobs: list[Job], widths: Mapping[str, int] | None = None) -> RenderableType:
    """The table of these jobs; `widths` are the least widths of columns."""
    from docspeed_cli.terminal.views.job_list import JobsTable

    now = context.environment.now()
    rows = [
        {
            "job": job.ref,
            "row": f"@{job.row}",
            "operation": job.operation,
            "status": job.status,
            "input": job.input or "",
            "age": ago(job.submitted_at, now),
            "server": job.server.partition("://")[2] or job.server,
        }
        for job in jobs
    ]
    columns = ["job", "row", "operation", "status", "input", "age"]
    if len({job.server for job in jobs}) > 1:
        columns.append("server")
    return JobsTable(rows, columns, widths)


def refresh(context: Context, jobs: list[Job], *, retry_rate_limits: bool = False) -> None:
    """Ask the server about the jobs that have an id, and record its answers in the ledger."""
    from docspeed_cli.jobs.follow import Follower
    from docspeed_cli.jobs.run_state import RunState
    from docspeed_cli.jobs.scheduler import workers

    running = [job for job in jobs if job.job_id]
    for server in {job.server for job in running}:
        # The key goes to the server that it belongs to; the sandbox needs none.
        if server != context.server and not (server == SANDBOX and context.settings.named_server is None):
            continue
        at = context if server == context.server else context.with_server(server)
        with workers(at, retry_rate_limits=retry_rate_limits) as (at, run_tasks):
            follower = Follower(at, RunState())
            for _ in run_tasks(_refresh_job(follower, job) for job in running if job.server == server):
                pass


def _refresh_job(follower: Follower, job: Job) -> Task[None]:
    from docspeed_cli.jobs.follow import Confirmation

    try:
        yield from iter(Confirmation(follower, job).step, None)
    except NotFound:
        follower.mark_gone(job)
    except DocspeedError as error:
        follower.context.output.warn(f"{job.ref}: {error.message}")
