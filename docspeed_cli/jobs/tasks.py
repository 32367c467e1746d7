"""The tasks of a command's requests: the same for one document and for many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError, Pending, Unavailable
from docspeed_cli.core.models import Job, Request, Source, State
from docspeed_cli.core.operations import Operation
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.outcome import Outcome, Task, WaitOptions
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.sources import invalid_input
from docspeed_cli.jobs.submit import Submitter
from docspeed_cli.jobs.uploads import PreparedRequest
from docspeed_cli.service.body import Body

if TYPE_CHECKING:
    from docspeed_cli.jobs.checking import ResultChecks


class NotStarted(Pending):
    """Nothing was sent for this document: the run's time was over."""

    def __init__(self) -> None:
        super().__init__("--timeout ran out")


class DocumentTasks(NamedTuple):
    """Makes the task of each document: skip it, or get its job and result, and write its file.

    No task raises a DocspeedError: it is in the task's outcome.
    """

    context: Context
    run: RunState
    operation: Operation
    fields: dict[str, Any]
    sync: bool
    options: WaitOptions
    delivery: Delivery
    checks: ResultChecks | None = None

    def reporting(self, on_status: Callable[[Job], None]) -> DocumentTasks:
        """The same tasks, which call this with the job after each look at it."""
        return self._replace(options=self.options._replace(on_status=on_status))

    def request(self, *sources: Source) -> Request:
        """The request for these documents."""
        return Request(self.operation, sources, self.fields, sync=self.sync)

    def in_run(self, run_id: str) -> DocumentTasks:
        """The same tasks, whose jobs belong to this run."""
        return self._replace(options=self.options._replace(run_id=run_id))

    def for_source(self, source: Source) -> Task[Outcome]:
        """The task of one document of many; its file's name is settled here, in the order of the inputs."""
        if source.problem is not None:
            return failed_task(source, invalid_input(source), self.operation.name)
        path = self.delivery.files.path_for(source, self.operation.name)
        return self.for_request(self.request(source), path)

    def for_request(self, request: Request, path: Path | None = None) -> Task[Outcome]:
        """The task of one request, whose result goes to the file `path` if that is given."""
        source = next(iter(request.sources), None)
        submitter = Submitter(self.context, self.run)
        prepared: PreparedRequest | None = None
        job: Job | None = None
        try:
            request = self._downloaded(request)
            prepared = submitter.uploads.prepare(request)
            existing = self.existing_result(prepared, path)
            if existing is not None:
                pages = existing.pages
                outcome = Outcome(source, existing, output=str(path), skipped_existing=True, pages=pages)
                return self._checked(outcome)
            if path is not None:
                self.delivery.files.check_free(path, source)
            if self.is_late():
                raise NotStarted
            outcome = yield from submitter.obtain(prepared, self.options)
            job = outcome.job
            if self.run.many and outcome.result is not None:
                from docspeed_cli.results.pages import count_pages

                outcome = outcome._replace(pages=count_pages(request.operation.name, outcome.result.chunks()))
            outcome = self._checked(outcome)
            if path is not None and outcome.result is not None:
                outcome = self.delivery.files.write_and_record(outcome, path)
            return outcome
        except DocspeedError as error:
            refused = isinstance(error, Unavailable | Pending) and error.retryable and error.job_id is None
            if job is None and refused and self.is_late(error.retry_after or 0.0):
                error = NotStarted()  # a retry would come after the run's deadline
            if job is None and error.job_id is not None:
                known = self.context.ledger.by_id(error.job_id)
                job = next((found for found in known if found.server == self.context.server), None)
            if job is None and source is not None and prepared is not None:
                source = source._replace(file_id=submitter.uploads.stored_id(prepared.documents[0]))
            return Outcome(source, job, error=error, operation=self.operation.name)
        except Exception as error:  # noqa: BLE001 - a bug met by one document must not end the others
            unforeseen = self.context.output.unexpected(error)
            if self.run.many:
                self.context.output.warn(f"{unforeseen.message}; {unforeseen.hint}")
            return Outcome(source, job, error=unforeseen, operation=self.operation.name)

    def is_late(self, delay: float = 0.0) -> bool:
        """Whether the run's time is over after this delay: nothing more is submitted then."""
        deadline = self.options.deadline
        return deadline is not None and self.context.environment.monotonic() + delay >= deadline

    def _downloaded(self, request: Request) -> Request:
        """The request with its documents from the web downloaded, unless they were before the run."""
        if not any(source.url and source.path is None for source in request.sources):
            return request
        context, deadline = self.context, self.options.deadline
        local = (context.downloads.document(each, context.sleep, deadline) for each in request.sources)
        return request._replace(sources=tuple(local))

    def existing_result(self, prepared: PreparedRequest, path: Path | None) -> Job | None:
        """The job whose result is in its file already, so that nothing needs to be done."""
        reusable = prepared.request.operation.reusable and not self.options.fresh
        if path is None or not reusable or not path.is_file():
            return None
        if self.checks is not None and self.delivery.output.format != "json":
            return None  # what is required can be checked in JSON alone
        known = self.context.ledger.by_request(prepared.identity)
        # A file that holds the result is as good as the server's, also when that has forgotten the job.
        gone = [job.with_status("completed") if job.state is State.GONE else job for job in known]
        done = [job._replace(reused=True) for job in gone if job.state is State.DONE and job.content_hash]
        return self.delivery.files.written_by(done, path)

    def _checked(self, outcome: Outcome) -> Outcome:
        """The outcome with what `--require` and `--check` find in its result."""
        job = outcome.job
        result = Body.at(Path(outcome.output)) if outcome.output is not None else outcome.result
        if self.checks is None or job is None or result is None:
            return outcome
        document = outcome.source.label if outcome.source else job.ref
        try:
            found, error = self.checks.check(result.json(), document)
        except DocspeedError as unreadable:
            return outcome._replace(error=unreadable)
        outcome = outcome._replace(checks=found if self.checks.rules is not None else None)
        if error is None:
            return outcome
        label = f"{document}: " if outcome.source and not self.run.many else ""
        return outcome._replace(error=error.replace(job_id=job.job_id, message=label + error.message))


def failed_task(source: Source, error: DocspeedError, operation: str) -> Task[Outcome]:
    """The task of an input that can't be used, or that comes too late."""
    yield from ()
    return Outcome(source, error=error, operation=operation)
