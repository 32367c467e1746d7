"""Run an operation over many documents, each isolated from the others, in the order in which they end."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    LedgerUnavailable,
    NoCredits,
    NotAsRequired,
    Pending,
    Unavailable,
    overall_exit_code,
)
from docspeed_cli.core.files import display_path
from docspeed_cli.core.json_text import canonical_json, to_json
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.operations import Operation
from docspeed_cli.core.timefmt import counted
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Outcome, Task
from docspeed_cli.jobs.output.failures import FailuresFile
from docspeed_cli.jobs.reuse import report_reuse
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import RunTasks
from docspeed_cli.jobs.tasks import DocumentTasks, NotStarted, late_task
from docspeed_cli.service.retry import MAX_RETRY_AFTER
from docspeed_cli.store.runs import RunItem, RunRecord, run_lock
from docspeed_cli.terminal.progress import BatchProgress, End, Ending

if TYPE_CHECKING:
    from docspeed_cli.jobs.output.ordered import InOrder

_UNANSWERED = 3
"""Documents that may fail before the server has answered anything: each of them takes all its tries."""

_MAX_REASON = 500
"""Characters of a failure's reason that the ledger keeps."""


class Plan(NamedTuple):
    """The plan of a run over many documents: everything but the tasks of its documents."""

    command_hash: str
    total: int | None
    """The number of documents, if it is known."""
    name: str | None = None
    max_failures: int | None = None
    ordered: bool = False
    failures: FailuresFile | None = None
    empty_message: str = "no documents found"
    """The message if there is nothing to do."""


class Batch:
    """A run over many documents: what is sent and waited for, its progress, and when it stops early."""

    def __init__(self, tasks: DocumentTasks, plan: Plan) -> None:
        self.context = tasks.context
        self.plan = plan
        # A document is done when its job has ended, or, without `--wait`, as soon as it is submitted.
        self.progress = BatchProgress(
            self.context.output,
            tasks.operation.name,
            lambda: len(self.run.waiting),
            lambda: self.context.rate_limiter.state,
            total=plan.total,
            waits=tasks.options.wait,
            as_rows=tasks.delivery.target.rows is not None,
        )
        self.run = RunState(so_far=self.progress.so_far)
        self._tasks = tasks._replace(run=self.run)
        self._in_order: InOrder | None = None
        if plan.ordered:
            from docspeed_cli.jobs.output.ordered import InOrder

            self._in_order = InOrder()
        self._codes: set[int] = set()

    def perform(self, context: Context, run_tasks: RunTasks, documents: Iterable[Source]) -> int:
        """Run each document's task to its end; `context` is the one made with `run_tasks`.

        Returns the exit code.
        """
        gc.enable()  # `main` turns it off for short commands
        _ = context.client  # a missing key, or the sandbox's note, comes before any outcome
        delivery = self._tasks.delivery
        results = delivery.target.path
        unsaved = self.context.output.human_output and results is None
        run = self._start(results)
        self._tasks = self._tasks.in_run(run)._replace(context=context)
        stopped = "it was interrupted"
        try:
            stopped = self._end_all(run_tasks, documents)
            delivery.finish()
        finally:
            failures = self._write_failures()
            # Recorded before the lock is free: a run with neither an end nor a lock counts as killed.
            self.context.ledger.runs.end(run, stopped or None)
            self.context.locks.release(run_lock(run))
        if not self.progress.ended and not stopped:
            self.context.output.note(self.plan.empty_message)
        else:
            where = str(results) if results is not None else None
            ending = Ending(run, self.plan.name, stopped, where, failures, unsaved)
            self.progress.summary(ending)
        self.context.output.bell()
        return overall_exit_code(self._codes)

    def _start(self, results: Path | None) -> str:
        """Record the run in the ledger, and hold its lock, which tells that it runs; returns its id."""
        plan, tasks = self.plan, self._tasks
        where = display_path(results.resolve()) if results is not None else None
        schema = to_json(tasks.fields["schema"]) if "schema" in tasks.fields else None
        record = RunRecord("", plan.name, plan.command_hash, tasks.operation.name, self.context.server)
        run = self.context.ledger.runs.start(
            record._replace(results=where, total=plan.total, schema=schema)
        ).run
        self.context.locks.acquire(run_lock(run))
        self.context.report.add_run(run)
        return run

    def _end_all(self, run_tasks: RunTasks, documents: Iterable[Source]) -> str:
        """Bring every document to its end; returns why the run stopped before that, or an empty text."""
        stopped, late = "", False
        with self.progress.shown():
            for outcome in run_tasks(self._tasks_in_time(documents)):
                # Not tried is not failed: `runs show` counts these apart, and the same command does them.
                if isinstance(outcome.error, NotStarted):
                    late = True
                    continue
                # `--ordered` may deliver it much later; progress and the ledger say what has ended.
                self._count(outcome)
                stopped = self._reason_to_stop(outcome.error, answered=self._tasks.context.client.answered)
                for ready in [outcome] if self._in_order is None else self._in_order.add(outcome):
                    self._deliver(ready)
                stopped = stopped or self._too_many_failures()
                if stopped:
                    break
            for ready in [] if self._in_order is None else self._in_order.rest():
                self._deliver(ready)
        if late and not stopped:
            self._codes.add(Pending.exit_code)
            return "--timeout ran out"
        return stopped

    def _tasks_in_time(self, documents: Iterable[Source]) -> Iterator[Task[Outcome]]:
        """Yield the documents' tasks; once the run's time is over, a late task is the last."""
        tasks = self._tasks
        for source in documents:
            if self.plan.failures is not None:
                self.plan.failures.begin(source)
            if tasks.is_late():
                # A task and not a plain end: its outcome tells the caller's thread that inputs are left.
                yield late_task(source, tasks.operation.name)
                return
            yield tasks.for_source(source)

    def _count(self, outcome: Outcome) -> None:
        """Count an outcome, and record it in the ledger."""
        source, job, error = outcome.source, outcome.job, outcome.error
        run_id = self._tasks.options.run_id
        assert source is not None and run_id is not None
        self.run.end_waiting(job)
        end = _end_of(error)
        # `reason` leaves out ids and names, so that the same failure of many documents is one line.
        reason = error.reason.partition("\n")[0] if error is not None else ""
        self.progress.count(end, source.label, reason, reused=bool(job and job.reused), pages=outcome.pages)
        self._codes.add(error.exit_code if error is not None else 0)
        if self.plan.failures is not None and error is None:
            self.plan.failures.succeed(source)
        self.context.ledger.runs.record(run_id, _item(source, outcome, end, reason))

    def _deliver(self, outcome: Outcome) -> None:
        """Deliver the outcome; one that can't be delivered counts as failed."""
        if outcome.job is not None and outcome.skipped_existing and outcome.source is not None:
            labelled = outcome.job._replace(input=outcome.source.label)
            report_reuse(self.context, self.run, labelled, outcome.output)
        delivered = self._tasks.delivery.deliver(outcome, listed=self.progress.lists_each)
        if delivered.error is not None and outcome.error is None:
            self.progress.take_back(reused=bool(outcome.job and outcome.job.reused), pages=outcome.pages)
            self._count(delivered)

    def _reason_to_stop(self, error: DocspeedError | None, *, answered: bool) -> str:
        """Why the run stops here, if it does: nothing else can succeed."""
        if error is None:
            return ""
        if isinstance(error, AuthError | NoCredits):
            self.context.output.error(error)
            return "every other document would fail too"
        if isinstance(error, LedgerUnavailable):
            return "the ledger can't be used"
        # Another site failed, not the service: documents from elsewhere can still succeed.
        if error.code == "download_failed":
            return ""
        if isinstance(error, Unavailable) and not answered and self.progress.failed >= _UNANSWERED:
            return "the server does not answer"
        if (error.retry_after or 0) > MAX_RETRY_AFTER:
            return "the server asks for a long pause"
        return ""

    def _too_many_failures(self) -> str:
        failures, most = self.progress.failed + self.progress.incomplete, self.plan.max_failures
        return counted(failures, "failure") if most is not None and failures >= most else ""

    def _write_failures(self) -> str | None:
        """Write the list of failed inputs; returns where it is and how to read it."""
        failures = self.plan.failures
        if failures is None:
            return None
        try:
            count, by_nul = failures.write()
        except DocspeedError as error:
            self.context.output.error(error)
            self._codes.add(error.exit_code)
            return None
        if not count:
            return None
        return f"{failures.path} (read it with `--null`)" if by_nul else str(failures.path)


def _item(source: Source, outcome: Outcome, end: End, reason: str) -> RunItem:
    """What the ledger keeps of an outcome."""
    job, error = outcome.job, outcome.error
    failed = error is not None and end is not End.RUNNING
    output = None if outcome.output is None else display_path(Path(outcome.output).absolute())
    return RunItem(
        source.position,
        source.label,
        job_row=job.row if job else None,
        job_id=job.job_id if job else None,
        state=job.state if job and error is None else end,
        status=job.status if job else None,
        code=error.code if error and failed else None,
        reason=reason[:_MAX_REASON] if failed else None,
        reused=bool(job and job.reused),
        output=output,
        pages=outcome.pages,
        seconds=round(outcome.seconds, 3) or None,
    )


def _end_of(error: DocspeedError | None) -> End:
    if error is None:
        return End.DONE
    if isinstance(error, Pending):
        return End.RUNNING
    return End.INCOMPLETE if isinstance(error, NotAsRequired) else End.FAILED


def run_hash(server: str, operation: Operation, fields: dict[str, Any], inputs: Inputs) -> str:
    """A digest that is equal for the runs of one command, so that a resumed run finds the one before it."""
    named = [list(inputs.files), list(inputs.file_ids), inputs.listed, inputs.recursive, list(inputs.exclude)]
    if inputs.shard is not None:
        # Only where it is given, so that runs from before there were shards keep their hash.
        named.append(inputs.shard)
    parts = [str(Path.cwd()), server, operation.path, fields, named]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:12]
