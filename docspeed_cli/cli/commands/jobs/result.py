"""`docspeed jobs result`."""

from __future__ import annotations

from typing import Annotated

from docspeed_cli.cli.commands.common import ColumnsFlag, TableFlag
from docspeed_cli.cli.commands.jobs.shared import OnStatus, for_each, require_job_id
from docspeed_cli.cli.flags import Texts
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import context_for, named_jobs, named_run
from docspeed_cli.cli.options import JOB_IDS, Bom, ConcurrencyOptions, OutputOptions, ServerOptions
from docspeed_cli.cli.run_names import find_run, jobs_of_run, schema_of_run
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import FORMATS, operation_named
from docspeed_cli.core.signals import GRACE
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.follow import Confirmation, Fetch, Follower, job_failed
from docspeed_cli.jobs.outcome import Outcome, Task
from docspeed_cli.jobs.output.target import (
    RowOptions,
    Target,
    make_folder,
    result_flags,
    row_options,
    target,
)
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import READ_GRACE

_Ids = Annotated[Texts, JOB_IDS._replace(completes="jobs and runs")]


class JobResultOptions(OutputOptions, ConcurrencyOptions, ServerOptions):
    """The shared options of `jobs result`."""


@guide(
    "docspeed jobs result @last",
    "docspeed jobs result job_123 -o result.json",
    "docspeed jobs result @march --format xlsx -o march.xlsx",
    "docspeed jobs list --status done --format id |\n  docspeed jobs result - -o results/",
    formats=FORMATS,
)
def result(
    options: JobResultOptions,
    ids: _Ids = None,
    table: TableFlag = None,
    columns: ColumnsFlag = None,
    bom: Bom = False,
) -> Action:
    """Print the results of jobs that have ended.

    @NAME and @RUN stand for all inputs of a run, such as one with --name march.
    """

    def action(context: Context) -> int:
        name = named_run(ids)
        of_run = find_run(context, name) if name is not None else None
        jobs = named_jobs(ids, context) if of_run is None else list(jobs_of_run(context, of_run))
        about = operation_named(next((job.operation for job in jobs if job.operation), ""))
        rows = row_options(context.output.format, about.name, table, columns, schema_of_run(of_run), bom=bom)
        if rows is not None:
            rows = _checked_rows(context, rows, jobs, to_file=options.output not in (None, "-"))
        where = (options.output, len(jobs) > 1 or of_run is not None)
        to = target(*where, overwrite=options.overwrite, rows=rows, formats=about.formats)
        _check_output(context, to, jobs)
        if to.folder is not None:
            make_folder(to.folder, f"-o {options.output}")
        at = context_for(context, jobs).with_client(spool_dir=to.spool_dir)
        delivery = Delivery(at, to)
        flags = result_flags(options.output, options.format, table, columns, bom=bom)
        paths = {job.ref: delivery.files.path_for(None, job.operation, job) for job in jobs}

        def fetch(follower: Follower, job: Job, on_status: OnStatus) -> Task[Outcome]:
            outcome = yield from _fetch(follower, job)
            path = paths[job.ref]
            return delivery.files.write_and_record(outcome, path) if path is not None else outcome

        code = for_each(
            at,
            RunState(result_flags=flags),
            jobs,
            fetch,
            delivery.deliver,
            in_order=rows is not None and to.folder is None,
            one_thread=_one_thread_is_enough(context, to, jobs),
            grace=GRACE if to.many else READ_GRACE,
        )
        delivery.finish()
        return code

    return action


def _one_thread_is_enough(context: Context, to: Target, jobs: list[Job]) -> bool:
    """Whether more threads would save no time, because the results are kept on this machine."""
    # A shared ledger keeps results in its database, and each file in a folder waits for the disk.
    if context.settings.ledger is not None or to.folder is not None:
        return False
    return all(map(context.kept.find, jobs))


def _check_output(context: Context, to: Target, jobs: list[Job]) -> None:
    """UsageError if the results would replace a document, or rows a result."""
    if to.path is not None and to.folder is None:
        from docspeed_cli.jobs.stored.job_documents import check_output_of

        check_output_of(context, jobs, to.path, with_results=to.rows is not None)


def _checked_rows(context: Context, rows: RowOptions, jobs: list[Job], *, to_file: bool) -> RowOptions:
    """Return the options for these jobs' rows. DocspeedError if they can't be written."""
    from docspeed_cli.jobs.output.row_output import check_rows, with_decisions

    _check_one_operation(jobs)
    rows = with_decisions(context, rows, jobs)
    check_rows(context, rows, to_file=to_file)
    return rows


def _check_one_operation(jobs: list[Job]) -> None:
    """UsageError if the jobs are of several operations, whose results have no columns in common."""
    names = list(dict.fromkeys(job.operation for job in jobs if job.operation))
    if len(names) > 1:
        raise UsageError(
            f"rows need jobs of one operation, and these are of {' and '.join(names)}",
            hint=f"`docspeed jobs list --operation {names[0]} --format id` prints the ids of one",
        )


def _fetch(follower: Follower, job: Job) -> Task[Outcome]:
    """The job's result. Pending if it has not ended, JobFailed if it has no result."""
    kept = follower.kept(job)
    if kept is not None:
        job = kept
    else:
        require_job_id(follower.context, job)
        if job.job_id is not None:
            confirmation = Confirmation(follower, job)
            yield from iter(confirmation.step, None)
            job = confirmation.job
    if not job.ended and job.job_id is not None:
        job = follower.done_if_result(job)
    if not job.ended:
        raise follower.pending(job)
    if job.state is State.FAILED:
        raise job_failed(job)
    follower.run.begin_waiting(job)
    fetch = Fetch(follower, job, at_hand=follower.open_kept(job) if kept is not None else None)
    yield from iter(fetch.step, None)
    return Outcome(job=job, result=fetch.result)
