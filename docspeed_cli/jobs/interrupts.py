"""Say what an interrupted command leaves behind, and which command goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.models import Job, State
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.run_state import RunState

_MAX_NAMED = 20
"""Most jobs that one command names."""


class ReportedInterrupt(Interrupted):
    """An interrupt whose message was printed already."""


class InterruptSummary(NamedTuple):
    """What an interrupted command prints: its lines, the command that goes on, and its only job's id."""

    lines: list[str]
    command: str | None = None
    job_id: str | None = None


@contextmanager
def resumable(context: Context, run: RunState) -> Iterator[None]:
    """Print how to go on if a signal ends the block."""
    try:
        yield
    except ReportedInterrupt:
        raise
    except Interrupted as interrupted:
        context.output.stopped(*summarize_interrupt(context, run))
        raise ReportedInterrupt(interrupted.exit_code - 128) from None


@contextmanager
def interruptible_download(context: Context) -> Iterator[None]:
    """Print how to go on if a signal ends the downloads in the block."""
    try:
        yield
    except Interrupted as interrupted:
        kept = "; complete downloads are kept" if context.settings.keep_results else ""
        line = f"stopped while downloading; nothing was sent to the service{kept}"
        context.output.stopped([line], context.output.again().hint, None)
        raise ReportedInterrupt(interrupted.exit_code - 128) from None


def summarize_interrupt(context: Context, run: RunState) -> InterruptSummary:
    """What this run leaves behind."""
    jobs = [job for job in run.waiting if not job.ended]
    ended = [job for job in run.waiting if job.ended]
    resume = run.resume_command or context.output.again().hint
    if run.so_far is not None:
        return _summarize_batch(context, run, run.so_far(), jobs, ended)
    if not run.has_begun:
        return InterruptSummary(["stopped before anything was submitted"], resume)
    # There is no job id to wait for yet; the same command finds the submission's row in the ledger.
    if run.sending:
        lines = [f"stopped; it is unknown whether the server accepted {run.sending[0]}"]
        return InterruptSummary(lines, resume)
    if len(jobs) > 1:
        lines = [f"stopped waiting; {len(jobs)} jobs go on"]
        return InterruptSummary(lines, context.wait_command(jobs[:_MAX_NAMED]))
    if jobs or len(ended) == 1:
        return _summarize_one(context, run, (jobs or ended)[0])
    return InterruptSummary(["stopped"], resume if ended else None)


def _summarize_batch(
    context: Context, run: RunState, so_far: str, jobs: list[Job], ended: list[Job]
) -> InterruptSummary:
    parts = [f"stopped; {so_far}"]
    if ended:
        parts.append(f", {len(ended)} more {'has' if len(ended) == 1 else 'have'} ended")
    if jobs:
        parts.append(f", {len(jobs)} job{' goes' if len(jobs) == 1 else 's go'} on")
    if run.sending:
        parts.append(f"; it is unknown whether the server accepted {len(run.sending)} more")
    # Without a ledger the same command would know nothing of these jobs.
    remembered = context.ledger.is_persistent or not jobs
    return InterruptSummary(
        ["".join(parts)], context.output.again().hint if remembered else context.wait_command(jobs)
    )


def _summarize_one(context: Context, run: RunState, job: Job) -> InterruptSummary:
    result = context.result_command(job, run.result_flags or "")
    if job.ended and job.state is not State.DONE:
        return InterruptSummary(
            [f"stopped; job {job.ref} has ended with status {job.status}"], None, job.job_id
        )
    if job.ended:
        return InterruptSummary(
            [f"stopped; job {job.ref} has ended, and its result can be fetched"], result, job.job_id
        )
    lines = [f"stopped waiting; job {job.ref} goes on"]
    if run.result_flags is not None:
        lines.append(f"its result, when it has ended: `{result}`")
    return InterruptSummary(lines, context.wait_command([job]), job.job_id)
