"""Bring requests to their outcomes, by the same task for one document and for each of many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.core.errors import ClaimLost, DocspeedError, NotFound, Pending, Unavailable
from docspeed_cli.core.models import Job, Request, Source, State
from docspeed_cli.core.operations import Operation
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.documents.input_set import invalid_input
from docspeed_cli.jobs.documents.reading import read_documents
from docspeed_cli.jobs.follow import Fetch, Follower, JobWait
from docspeed_cli.jobs.outcome import Outcome, Task, WaitOptions, ignore_status
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.submit import Submission
from docspeed_cli.jobs.uploads import stored_id
from docspeed_cli.service.body import Body

if TYPE_CHECKING:
    from docspeed_cli.jobs.checking import ResultChecks


_MAX_CLAIMS_LOST = 3
"""Connections to a shared ledger that one request may lose before it fails."""


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

    def request(self, *sources: Source) -> Request:
        """The request for these documents."""
        return Request(self.operation, sources, self.fields, sync=self.sync)

    def in_run(self, run_id: str) -> DocumentTasks:
        """The same tasks, whose jobs belong to this run."""
        return self._replace(options=self.options._replace(run_id=run_id))

    def for_source(self, source: Source) -> Task[Outcome]:
        """The task of one document of many; its file's name is settled here, in the order of the inputs."""
        path = None
        if source.problem is None:
            path = self.delivery.files.path_for(source, self.operation.name)
        return RequestTask(self, self.request(source), path).run()

    def is_late(self, delay: float = 0.0) -> bool:
        """Whether the run's time is over after this delay: nothing more is submitted then."""
        deadline = self.options.deadline
        return deadline is not None and self.context.environment.monotonic() + delay >= deadline

    def existing_result(self, identity: str, path: Path | None) -> Job | None:
        """The request's job whose result is in its file already, so that nothing needs to be done."""
        reusable = self.operation.reusable and not self.options.fresh
        if path is None or not reusable or not path.is_file():
            return None
        if self.checks is not None and self.delivery.output.format != "json":
            return None  # requirements can be checked in JSON only
        known = self.context.ledger.by_request(identity)
        # A file with the result is as good as the server's copy, even if the server has forgotten the job.
        gone = [job.with_status("completed") if job.state is State.GONE else job for job in known]
        done = [job._replace(reused=True) for job in gone if job.state is State.DONE and job.content_hash]
        return self.delivery.files.written_by(done, path)

    def checked(self, outcome: Outcome) -> Outcome:
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


class RequestTask:
    """One request on its way to its outcome; its result goes to the file `path` if that is given."""

    def __init__(self, tasks: DocumentTasks, request: Request, path: Path | None = None) -> None:
        self._tasks = tasks
        self._context = tasks.context
        self._clock = tasks.context.environment.monotonic
        self.request = request
        """The request, from the start of `run` with its documents as they were when they were read."""
        self._path = path
        self._source = next(iter(request.sources), None)
        self._follower = Follower(tasks.context, tasks.run)
        self._claims_lost = 0
        self._job: Job | None = None
        """The job once its outcome is known."""

    def run(self, on_status: Callable[[Job], None] = ignore_status) -> Task[Outcome]:
        """Bring the request to its outcome: the one generator on a document's way.

        `on_status` is called with the job after each look at it. No DocspeedError is raised: it is in the
        outcome.
        """
        follower, started = self._follower, self._clock()
        options = self._tasks.options.begun(started)._replace(on_status=on_status)
        try:
            outcome = self._prepare(options.deadline)
            while outcome is None:
                job: Job | None = None
                try:
                    submission = Submission(self._context, self._tasks.run, self.request, options)
                    with submission:
                        yield from iter(submission.step, None)
                    job, result = submission.job, submission.result
                    assert job is not None
                    if options.wait or result is not None:
                        job_wait = JobWait(follower, job, options, status_is_new=True)
                        yield from iter(job_wait.step, None)
                        job = job_wait.succeeded()
                        at_hand = follower.open_kept(job) if job.reused else result
                        fetch = Fetch(follower, job, options.deadline, at_hand)
                        yield from iter(fetch.step, None)
                        result = fetch.result
                    outcome = self._finish(job, result, self._clock() - started)
                except (ClaimLost, NotFound) as error:
                    self._begin_again(error, job)
            return outcome
        except DocspeedError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - a bug met by one document must not end the others
            unforeseen = self._context.output.unexpected(error)
            if self._tasks.run.many:
                self._context.output.warn(f"{unforeseen.message}; {unforeseen.hint}")
            return Outcome(self._source, self._job, error=unforeseen, operation=self.request.operation.name)

    def _prepare(self, deadline: float | None) -> Outcome | None:
        """Read the documents; returns the outcome if the result is in its file already."""
        tasks, path = self._tasks, self._path
        for source in self.request.sources:
            if source.problem is not None:
                raise invalid_input(source)
        self._download(deadline)
        self.request = read_documents(self._context, self.request)
        existing = tasks.existing_result(self.request.identity, path)
        if existing is not None:
            pages = existing.pages
            outcome = Outcome(self._source, existing, output=str(path), skipped_existing=True, pages=pages)
            return tasks.checked(outcome)
        if path is not None:
            tasks.delivery.files.check_free(path, self._source)
        # Only now: a result that is in its file already costs no time.
        if tasks.is_late():
            raise NotStarted
        return None

    def _download(self, deadline: float | None) -> None:
        """Download the request's documents from the web, unless the run has done that before."""
        sources, context = self.request.sources, self._context
        if any(source.url and source.path is None for source in sources):
            local = (context.downloads.document(each, context.sleep, deadline) for each in sources)
            self.request = self.request._replace(sources=tuple(local))

    def _begin_again(self, error: ClaimLost | NotFound, job: Job | None) -> None:
        """Let the request be claimed again where that costs nothing; else raise the error."""
        if isinstance(error, ClaimLost):  # nothing was sent
            self._claims_lost += 1
            if self._claims_lost > _MAX_CLAIMS_LOST:
                raise error
        elif job is not None and job.reused:
            # A reused job may be gone by the time its result is fetched; a new one can't be.
            self._follower.mark_gone(job)
        else:
            raise error

    def _finish(self, job: Job, result: Body | None, seconds: float) -> Outcome:
        """The outcome of a job that succeeded, with its result checked and in its file."""
        self._job = job
        outcome = Outcome(self._source, job, result, seconds=seconds)
        if result is not None and self._tasks.run.many:
            from docspeed_cli.results.pages import count_pages

            outcome = outcome._replace(pages=count_pages(self.request.operation.name, result.chunks()))
        outcome = self._tasks.checked(outcome)
        if self._path is not None and outcome.result is not None:
            outcome = self._tasks.delivery.files.write_and_record(outcome, self._path)
        return outcome

    def _failed(self, error: DocspeedError) -> Outcome:
        """The outcome of a request that failed, with its job and its file's id as far as they are known."""
        context, job, source = self._context, self._job, self._source
        refused = isinstance(error, Unavailable | Pending) and error.retryable and error.job_id is None
        if job is None and refused and self._tasks.is_late(error.retry_after or 0.0):
            error = NotStarted()  # a retry would come after the run's deadline
        if job is None and error.job_id is not None:
            known = context.ledger.by_id(error.job_id)
            job = next((found for found in known if found.server == context.server), None)
        if job is None and source is not None and self.request.identity:
            source = source._replace(file_id=stored_id(context, self.request.sources[0]))
        return Outcome(source, job, error=error, operation=self.request.operation.name)


def late_task(source: Source, operation: str) -> Task[Outcome]:
    """The task of a document for which the run has no time left."""
    yield from ()
    return Outcome(source, error=NotStarted(), operation=operation)
