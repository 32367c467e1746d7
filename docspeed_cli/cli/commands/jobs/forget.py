"""`docspeed jobs forget`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from docspeed_cli.cli.flags import NOTHING, Text, flag, input_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import find_job, read_ids
from docspeed_cli.cli.options import Ids, ServerOptions
from docspeed_cli.core.errors import DocspeedError, NotFound, UsageError
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import OPERATIONS
from docspeed_cli.core.settings import duration
from docspeed_cli.core.timefmt import ago, counted, file_size, rfc3339
from docspeed_cli.jobs.context import Context

_MAX_NAMED = 5
"""Jobs that a line names."""


@guide("docspeed jobs forget job_123 --dry-run", "docspeed jobs forget --finished --older-than 30d --yes")
def forget(
    options: ServerOptions,
    ids: Ids = None,
    finished: Annotated[bool, input_flag("--finished", "jobs that have ended")] = False,
    older_than: Annotated[
        Text, input_flag("--older-than", "jobs submitted longer ago than this", "DURATION", NOTHING)
    ] = None,
    yes: Annotated[bool, flag("-y --yes", "forget without asking", panel="Options")] = False,
    dry_run: Annotated[bool, flag("--dry-run", "only say what would be forgotten", panel="Options")] = False,
) -> Action:
    """Remove jobs and their kept results from this machine.

    The server's jobs and results stay.
    """
    try:
        age = None if older_than is None else duration(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
    if bool(ids) == (finished or age is not None):
        raise UsageError("name job ids, or --finished, --older-than, or both of these")

    def action(context: Context) -> int:
        if ids:
            jobs = [_known_job(context, text) for text in dict.fromkeys(read_ids(ids, context, rows=True))]
        else:
            before = None if age is None else context.environment.now() - age
            # A variable or the config file is enough here: what another server knows must not be forgotten.
            server = None if context.settings.origins["base_url"] == "default" else context.server
            found = context.ledger.listing(older_than=before, server=server)
            jobs = [job for job in found if job.ended or not finished]
        effect = _effect_of(context, jobs)
        if dry_run:
            _show_effect(context, effect)
            return 0
        if jobs and not yes:
            _ask(context, effect)
        context.kept.forget(jobs)
        context.ledger.drop(job.row for job in jobs if job.row is not None)
        context.output.text_or_json({"forgotten": len(jobs)}, f"forgot {counted(len(jobs), 'job')}")
        return 0

    return action


def _known_job(context: Context, text: str) -> Job:
    """A job in the ledger, or one of another machine whose result is kept. NotFound if it is neither."""
    job = find_job(context, text)
    if job.row is None and context.kept.find(job) is None:
        raise NotFound(f"the ledger has no job {text}", hint="`docspeed jobs list`")
    return job


class _Effect(NamedTuple):
    """What forgetting these jobs costs."""

    jobs: list[Job]
    kept: list[Job]
    """The jobs whose results are kept."""
    kept_bytes: int
    payable: int
    """Requests that are paid for again if they are made again."""

    @property
    def running(self) -> list[Job]:
        """The jobs that have not ended."""
        return [job for job in self.jobs if not job.ended and job.row is not None]

    @property
    def newest(self) -> Job:
        """The job that was submitted last."""
        return max(self.jobs, key=lambda job: (job.submitted_at or 0.0, job.row or 0))

    def to_json(self) -> dict[str, Any]:
        """The effect as JSON; the time is RFC 3339."""
        newest = self.newest if self.jobs else None
        return {
            "jobs": len(self.jobs),
            "newest": newest.ref if newest else None,
            "newest_submitted_at": rfc3339(newest.submitted_at) if newest else None,
            "not_ended": len(self.running),
            "payable_again": self.payable,
            "kept_results": [job.ref for job in self.kept],
            "kept_bytes": self.kept_bytes,
        }

    def lines(self, now: float) -> Iterator[str]:
        """The effect in words, a line for each part of it."""
        if not self.jobs:
            yield "there is no job to forget"
            return
        newest, of = self.newest, f" of {self.newest.input}" if self.newest.input else ""
        age = f", submitted {ago(newest.submitted_at, now)}" if newest.submitted_at else ""
        yield f"{counted(len(self.jobs), 'job')}; the newest is {newest.operation} job {newest.ref}{of}{age}"
        if self.running:
            yield f"still running: {_few(self.running)}; the same commands would submit them again"
        if self.kept:
            size = file_size(self.kept_bytes)
            yield f"{counted(len(self.kept), 'kept result')} to delete ({size}): {_few(self.kept)}"
        if self.payable:
            yield f"{counted(self.payable, 'request')} would be paid for again if the same commands ran again"


def _effect_of(context: Context, jobs: list[Job]) -> _Effect:
    found = [(job, row) for job in jobs if (row := context.kept.find(job)) is not None]
    # Equal results share one file, whose size counts once.
    sizes = {row.digest: row.size for _, row in found}
    rows = {job.row for job in jobs}
    payable = {job.request for job in jobs if _answers(job)}
    answered = {
        request
        for request in payable
        if any(_answers(other) and other.row not in rows for other in context.ledger.by_request(request))
    }
    return _Effect(jobs, [job for job, _ in found], sum(sizes.values()), len(payable - answered))


def _answers(job: Job) -> bool:
    """Whether the job keeps its request from being paid for again."""
    operation = OPERATIONS.get(job.operation)
    reusable = operation is not None and operation.reusable
    return reusable and job.state in (State.RUNNING, State.DONE) and job.row is not None


def _ask(context: Context, effect: _Effect) -> None:
    """Ask whether to go on. UsageError without a terminal; DocspeedError if the answer is no."""
    environment = context.environment
    lines = list(effect.lines(environment.now()))
    if not (environment.stdin.isatty() and environment.stderr.isatty()):
        what = f"there is no terminal to ask at; add `--yes` to forget {counted(len(effect.jobs), 'job')}"
        raise UsageError("\n".join([what, *lines]), details=effect.to_json())
    for line in lines:
        context.output.progress(line)
    if not context.output.confirm(f"forget {counted(len(effect.jobs), 'job')}?"):
        raise DocspeedError("nothing was forgotten")


def _show_effect(context: Context, effect: _Effect) -> None:
    if not context.output.human_output:
        context.output.value(effect.to_json())
        return
    for line in effect.lines(context.environment.now()):
        context.output.text(line)


def _few(jobs: Iterable[Job]) -> str:
    refs = [job.ref for job in jobs]
    return ", ".join(refs[:_MAX_NAMED]) + (" …" if len(refs) > _MAX_NAMED else "")
