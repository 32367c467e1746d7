"""What the commands over jobs share: a task for each job, and how jobs are shown."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from docspeed_cli.cli.job_ids import mark_abandoned
from docspeed_cli.core.errors import AuthError, DocspeedError, NoCredits, OutcomeUnknown, overall_exit_code
from docspeed_cli.core.models import Job, Source, State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import Follower
from docspeed_cli.jobs.interrupts import resumable
from docspeed_cli.jobs.outcome import Outcome, Task, ignore_status
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import READ_GRACE, RunTasks, run_alone, workers

OnStatus = Callable[[Job], None]
JobTask = Callable[[Follower, Job, OnStatus], Task[Outcome]]
"""Makes the task of one job."""

_MAX_NAMED = 10
"""Jobs that one hint names: a longer command would not be read."""

_MAX_COLUMN = 40
"""Width beyond which no text widens its column."""


def for_each(
    context: Context,
    run: RunState,
    jobs: list[Job],
    make_task: JobTask,
    show: Callable[[Outcome], Outcome],
    *,
    first_only: bool = False,
    in_order: bool = False,
    one_thread: bool = False,
    grace: float = READ_GRACE,
) -> int:
    """Perform a task for every job and show its outcome, as it ends or in order; returns the exit code.

    `show` returns the outcome as it was shown. With `one_thread` the jobs are worked on one after another.
    """
    codes: set[int] = set()
    with (
        resumable(context, run),
        workers(context, total=1 if one_thread else len(jobs), grace=grace) as (context, run_tasks),
    ):
        outcomes: Iterable[Outcome]
        if len(jobs) == 1:
            outcomes = [
                run_alone(
                    context,
                    lambda on_status: _isolated(Follower(context, run), jobs[0], on_status, make_task),
                )
            ]
        else:
            follower = Follower(context, run)
            tasks = (_isolated(follower, job, ignore_status, make_task) for job in jobs)
            outcomes = _in_order(run_tasks, tasks) if in_order else run_tasks(tasks)
        for outcome in outcomes:
            context.report.add_job(outcome.job)
            error = show(outcome).error
            # Only after `show`: a Ctrl-C while it writes a result must still say how to get it.
            run.end_waiting(outcome.job)
            if error is not None:
                codes.add(error.exit_code)
            if first_only or isinstance(error, AuthError | NoCredits):
                break
    context.output.bell()
    return overall_exit_code(codes)


def _isolated(follower: Follower, job: Job, on_status: OnStatus, make_task: JobTask) -> Task[Outcome]:
    try:
        return (yield from make_task(follower, job, on_status))
    except DocspeedError as error:
        return Outcome(job=job, error=error)


def _in_order(run_tasks: RunTasks, tasks: Iterable[Task[Outcome]]) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks."""
    from docspeed_cli.jobs.output.ordered import InOrder

    def placed(position: int, task: Task[Outcome]) -> Task[Outcome]:
        outcome = yield from task
        label = outcome.job.input if outcome.job is not None else None
        return outcome._replace(source=Source(label or "", position=position))

    order = InOrder()
    for outcome in run_tasks(placed(*each) for each in enumerate(tasks)):
        yield from order.add(outcome)
    yield from order.rest()


def require_job_id(context: Context, job: Job) -> None:
    """OutcomeUnknown if the job has no id, because the outcome of its submission is not known."""
    job = mark_abandoned(context, job)
    if job.job_id is None and job.state in (State.SUBMITTING, State.UNKNOWN):
        what = "is being submitted now" if job.state is State.SUBMITTING else "has an unknown outcome"
        raise OutcomeUnknown(
            f"{job.operation} of {job.input or 'the request'} {what}; it has no job id",
            hint="run its original command again, without `--fresh`: it joins the job or submits the"
            " request again",
        )


class JobRows:
    """Shows jobs: to people in rows with aligned columns, and one hint for all of them at the end."""

    def __init__(self, context: Context, jobs: list[Job]) -> None:
        self._context = context
        self._done: list[Job] = []
        # A row is printed before the others' answers are there, so usual words get room from the start.
        rows = [*map(_job_cells, jobs), ("", "extract", "processing", "")]
        self._widths = [min(max(map(len, column)), _MAX_COLUMN) for column in zip(*rows, strict=True)]

    def show(self, outcome: Outcome) -> Outcome:
        """Show a job, or the server's answer about it, and its error."""
        if outcome.error is None or outcome.result is not None:
            self._show(outcome)
        if outcome.error is not None:
            self._context.output.error(outcome.error)
        return outcome

    def _show(self, outcome: Outcome) -> None:
        output, job, answer = self._context.output, outcome.job, outcome.result
        assert job is not None
        if output.format == "id":
            output.text(job.ref)
        elif output.human_output:
            self._show_row(job, outcome.error)
        elif answer is None:
            output.value(job.to_full_json())
        elif output.environment.stdout.isatty():
            output.payload(answer)
        else:
            output.chunks(itertools.chain(answer.on_one_line(), [b"\n"]))

    def _show_row(self, job: Job, error: DocspeedError | None) -> None:
        output, now = self._context.output, self._context.environment.now()
        age = f"submitted {ago(job.submitted_at, now)}" if job.submitted_at else ""
        cells = (text.ljust(width) for text, width in zip(_job_cells(job), self._widths, strict=True))
        output.row(*cells, prose=age, state=2)
        if job.error and error is None:
            output.row(prose=f"  {job.error}")
        if job.state is State.DONE:
            self._done.append(job)

    def finish(self) -> None:
        """Show the command that fetches the results."""
        hint_results(self._context, self._done)


def hint_results(context: Context, done: Sequence[Job]) -> None:
    """Show the command that fetches the results of these jobs."""
    runs = {job.run for job in done}
    named = " ".join(job.shell_ref for job in done)
    if len(done) > _MAX_NAMED:
        # A command with so many ids is hard to read; a run's name stands for all of its jobs.
        named = f"@{runs.pop()}" if len(runs) == 1 and None not in runs else ""
    if named:
        folder = " -o results/" if len(done) > 1 else ""
        context.output.hint(f"`docspeed jobs result {named}{context.settings.server_flags}{folder}`")


def _job_cells(job: Job) -> tuple[str, ...]:
    return job.ref, job.operation, job.status, job.input or ""
