"""`docspeed jobs watch`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from docspeed_cli.cli.commands.jobs.listing import jobs_table, refresh
from docspeed_cli.cli.commands.jobs.shared import hint_results
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ConcurrencyOptions, ServerOptions
from docspeed_cli.core.errors import Interrupted, UsageError
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.settings import flag_for_server
from docspeed_cli.jobs.context import Context

if TYPE_CHECKING:
    from rich.console import RenderableType

_INTERVAL = 2.0
"""Seconds between two looks at the jobs."""

_STEADY_WIDTHS = {"status": len("processing"), "age": len("59 min ago")}
"""Least widths of the columns whose texts change, so that the other columns don't move."""


class WatchOptions(ConcurrencyOptions, ServerOptions):
    """The shared options of `jobs watch`."""


@guide("docspeed jobs watch", "docspeed jobs watch --sandbox")
def watch(options: WatchOptions) -> Action:
    """Show a live table of the running jobs; Ctrl-C leaves."""

    def action(context: Context) -> int:
        if not context.output.human_output:
            raise UsageError(
                "watch is for a terminal", hint="`docspeed jobs wait ID` follows jobs in a script"
            )
        running = context.ledger.listing(status=State.RUNNING)
        here = [job for job in running if job.job_id and job.server == context.server]
        if not here:
            context.output.note(_nothing_runs(context, running))
            return 0
        try:
            _keep_watching(context, here)
        except Interrupted as interrupted:
            if not context.environment.interrupts.forgive(interrupted):
                raise
        _hint_next_step(context, here)
        return 0

    return action


def _nothing_runs(context: Context, running: list[Job]) -> str:
    elsewhere = sorted({job.server for job in running if job.job_id})
    if not elsewhere:
        return "no jobs are running; `docspeed jobs list` shows those that have ended"
    flag = flag_for_server(elsewhere[0])
    return f"no jobs are running at {context.server}, but some elsewhere: `docspeed jobs watch {flag}`"


def _keep_watching(context: Context, jobs: list[Job]) -> None:
    """Look again and again, until every job has ended or was forgotten; `jobs` keeps what was seen last."""
    _ = context.client  # a missing key or the sandbox's note comes before the table is drawn
    with context.output.redrawn(lambda: _screen(context, jobs)):
        while True:
            refresh(context, [job for job in jobs if not job.ended], retry_rate_limits=True)
            rows = (context.ledger.by_row(job.row or 0) for job in jobs)
            jobs[:] = [job for job in rows if job is not None]
            if all(job.ended for job in jobs):
                return
            context.environment.sleep(_INTERVAL)


def _hint_next_step(context: Context, jobs: list[Job]) -> None:
    """Show the command for the jobs that go on, or for those that have ended."""
    flags = context.settings.server_flags
    done = [job for job in jobs if job.state is State.DONE]
    if not all(job.ended for job in jobs):
        context.output.hint(f"the jobs go on; `docspeed jobs watch{flags}` shows them again")
    elif done:
        hint_results(context, done)
    elif jobs:
        context.output.hint(f"`docspeed jobs list --status failed{flags}`")


def _screen(context: Context, jobs: list[Job]) -> RenderableType:
    """The jobs that fit on the screen, running ones first, and a line with the counts of all."""
    from rich.console import Group
    from rich.text import Text

    lines = max(context.output.console().height - 3, 3)
    ended = Counter(job.state for job in jobs if job.ended)
    running = f"{len(jobs) - ended.total()} running"
    counts = ", ".join([running, *(f"{count} {state}" for state, count in sorted(ended.items()))])
    hidden = f"; {len(jobs) - lines} of them not shown" if len(jobs) > lines else ""
    shown = sorted(jobs, key=lambda job: job.ended)[:lines]
    return Group(jobs_table(context, shown, _STEADY_WIDTHS), Text(counts + hidden))
