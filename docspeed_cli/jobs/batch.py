"""Run an operation over many documents, each isolated from the others, in the order in which they end."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    Pending,
    Unavailable,
    overall_exit_code,
)
from docspeed_cli.core.json_text import canonical_json
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.operations import Operation
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Outcome, Task
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import RunTasks
from docspeed_cli.jobs.submit import Submitter
from docspeed_cli.jobs.tasks import DocumentTasks, NotStarted, failed_task
from docspeed_cli.service.exchange import MAX_RETRY_AFTER
from docspeed_cli.terminal.progress import BatchProgress

_UNANSWERED = 3
"""Documents that may fail before the server has answered anything: each of them takes all its tries."""


class Batch:
    """A run over many documents: what is sent and waited for, its progress, and when it stops early.

    `total` is the number of documents if it is known.
    """

    def __init__(
        self, context: Context, operation: str, total: int | None, *, waits: bool, max_failures: int | None
    ) -> None:
        self.context = context
        self.progress = BatchProgress(
            context.output,
            operation,
            lambda: len(self.run.waiting),
            lambda: context.rate_limiter.state,
            total=total,
            waits=waits,
        )
        self.run = RunState(context.command, so_far=self.progress.so_far)
        self._max_failures = max_failures

    def perform(
        self, tasks: DocumentTasks, run_tasks: RunTasks, sources: Iterable[Source | DocspeedError]
    ) -> int:
        """Bring every document to its end; returns the exit code."""
        gc.enable()  # `main` turns it off for short commands
        _ = tasks.context.client  # a missing key, or the sandbox's note, comes before any outcome
        if tasks.options.run_id is not None:
            self.context.ledger.start_run(tasks.options.run_id)
        unsaved = self.context.output.human_output and tasks.delivery.target.folder is None
        codes: set[int] = set()
        stopped, late = "", False
        with self.progress.shown():
            for outcome in run_tasks(_tasks_in_time(tasks, sources)):
                if isinstance(outcome.error, NotStarted):
                    late = True
                    continue
                outcome = self._deliver(tasks, outcome)
                codes.add(outcome.error.exit_code if outcome.error else 0)
                reused = bool(outcome.job and outcome.job.reused)
                self.progress.count(outcome.error, reused=reused)
                stopped = self._reason_to_stop(outcome.error, answered=tasks.context.client.answered)
                if stopped:
                    break
        if late and not stopped:
            stopped = "; stopped: --timeout ran out"
            codes.add(Pending.exit_code)
        tasks.delivery.finish()
        self.progress.summary(stopped, unsaved=unsaved)
        self.context.output.bell()
        return overall_exit_code(codes)

    def _deliver(self, tasks: DocumentTasks, outcome: Outcome) -> Outcome:
        """Deliver the outcome; a result that can't be written is this document's failure, not the run's."""
        self.run.end_waiting(outcome.job)
        if outcome.job is not None and outcome.skipped_existing and outcome.source is not None:
            labelled = outcome.job._replace(input=outcome.source.label)
            Submitter(self.context, self.run).reuse.report(labelled, outcome.output)
        try:
            tasks.delivery.deliver(outcome)
        except DocspeedError as error:
            outcome = Outcome(outcome.source, outcome.job, error=error)
            tasks.delivery.deliver(outcome)
        return outcome

    def _reason_to_stop(self, error: DocspeedError | None, *, answered: bool) -> str:
        """Why the run stops here, if it does: nothing else can succeed, or too many have failed."""
        if error is None:
            return ""
        if isinstance(error, AuthError | NoCredits):
            self.context.output.error(error)
            return "; stopped: every other document would fail too"
        if isinstance(error, Unavailable) and not answered and self.progress.failed >= _UNANSWERED:
            return "; stopped: the server does not answer"
        failures = self.progress.failed + self.progress.missing_required
        if self._max_failures is not None and failures >= self._max_failures:
            return f"; stopped at {failures} failures"
        if (error.retry_after or 0) > MAX_RETRY_AFTER:
            return "; stopped: the server asks for a long pause"
        return ""


def _tasks_in_time(
    tasks: DocumentTasks, sources: Iterable[Source | DocspeedError]
) -> Iterator[Task[Outcome]]:
    """The documents' tasks; one that is not started is the last."""
    for source in sources:
        if tasks.is_late():
            yield failed_task(NotStarted(), tasks.operation.name)
            return
        yield tasks.for_source(source)


def run_id_of(server: str, operation: Operation, fields: dict[str, Any], inputs: Inputs) -> str:
    """The id of a run over many documents: the same command, resumed, is the same run."""
    named = [list(inputs.files), list(inputs.file_ids), inputs.listed, inputs.recursive]
    parts = [str(Path.cwd()), server, operation.path, fields, named]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:12]
