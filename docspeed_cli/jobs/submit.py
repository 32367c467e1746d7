"""Get the job of a request: reuse the one there is, or submit. Never guess a submission's outcome."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from docspeed_cli.core.errors import DocspeedError, Interrupted, NotFound, OutcomeUnknown, Rejected
from docspeed_cli.core.models import Job, Request, State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import Follower, failure_text
from docspeed_cli.jobs.outcome import Outcome, Task, WaitOptions
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.uploads import Document, Uploads
from docspeed_cli.service.body import Body
from docspeed_cli.service.exchange import Response
from docspeed_cli.service.responses import is_result, job_in, status_word

_NAMED_REUSED = 10
"""Reused jobs that a run over many documents names in notes."""

_LOCK_INTERVAL = 0.05
"""Seconds between two tries to get a request's lock."""

_FILE = re.compile(r"(?<![a-z])file(?!name)")
_NO_FILE = ("not found", "not_found", "unknown", "expired", "no such", "does not exist", "doesn't exist")


class PreparedRequest(NamedTuple):
    """A request whose documents were read once: their digests, and the digest that identifies it all."""

    request: Request
    documents: tuple[Document, ...]
    identity: str


class Submitter:
    """Gets jobs for the requests of one run."""

    def __init__(self, context: Context, run: RunState) -> None:
        self.context = context
        self.run = run
        self.uploads = Uploads(context)
        self.follower = Follower(context, run)

    def prepare(self, request: Request) -> PreparedRequest:
        """Read the request's documents. DocspeedError if one can't be read."""
        documents = tuple(self.uploads.read(source) for source in request.sources)
        digests = [document.digest for document in documents]
        identity = request.identity(digests, self.context.server, self.context.fingerprint)
        return PreparedRequest(request, documents, identity)

    def obtain(self, prepared: PreparedRequest, options: WaitOptions) -> Task[Outcome]:
        """The request's job, reused or submitted; with `options.wait` also its result.

        DocspeedError for whatever prevents that.
        """
        monotonic = self.context.environment.monotonic
        started = monotonic()
        sources = prepared.request.sources
        source = sources[0] if sources else None
        while True:
            job, result = yield from self._get_job(prepared, options)
            if options.wait or result is not None:
                try:
                    job = yield from self.follower.follow(job, options)
                    result = result or (yield from self.follower.fetch(job, options.new_body))
                except NotFound:
                    # A reused job may expire before its result is fetched; a new one can't have.
                    if not job.reused:
                        raise
                    self.follower.mark_gone(job)
                    continue
            return Outcome(source, job, result, seconds=monotonic() - started)

    def foresee(self, prepared: PreparedRequest, options: WaitOptions) -> tuple[Job | None, bool]:
        """The job that would be reused, as far as the ledger knows; and whether all documents are stored."""
        request = prepared.request
        stored = all(
            self.uploads.stored_id(source, document)
            for source, document in zip(request.sources, prepared.documents, strict=True)
        )
        if options.fresh or not request.operation.reusable:
            return None, stored
        known = self.context.ledger.by_request(prepared.identity)
        return next((job for job in known if job.state in (State.RUNNING, State.DONE)), None), stored

    # -- reuse

    def _get_job(self, prepared: PreparedRequest, options: WaitOptions) -> Task[tuple[Job, Body | None]]:
        """The reused or submitted job, and its result if it came inline.

        One command at a time works on one request: the lock is held until the job's id is in the ledger.
        """
        while not self.context.locks.acquire(prepared.identity):
            yield self.context.environment.monotonic() + _LOCK_INTERVAL
        try:
            unknown: list[Job] = []
            if not options.fresh and prepared.request.operation.reusable:
                job, unknown = self._find_reusable(prepared, options.run_id)
                if job is not None:
                    return job, None
            # The same Idempotency-Key as before: a server that knows such keys won't do the work twice.
            token = (unknown[0].token if unknown else None) or os.urandom(16).hex()
            job, result = self._submit(prepared, options, token)
            for earlier in unknown:
                why = f"{earlier.error or 'the program was ended'}; submitted again as {job.ref}"
                self.context.ledger.change_soon(earlier.row or 0, error=why)
            return job, result
        finally:
            self.context.locks.release(prepared.identity)

    def _find_reusable(self, prepared: PreparedRequest, run_id: str | None) -> tuple[Job | None, list[Job]]:
        """The job that answers this request; or else the submissions whose outcome is unknown."""
        label = prepared.request.label
        known = self.context.ledger.by_request(prepared.identity)
        if known and known[0].state is State.FAILED:
            why = f"{known[0].status}: {known[0].error}" if known[0].error else known[0].status
            self.context.output.note(f"{label}: job {known[0].ref} ended as {why}; submitting again")
        answered = {job.token for job in known if job.state not in (State.SUBMITTING, State.UNKNOWN)}
        unknown: list[Job] = []
        for job in known:
            if job.state in (State.SUBMITTING, State.UNKNOWN):
                self._mark_abandoned(job)
                if job.token not in answered:
                    unknown.append(job)
            elif job.state in (State.RUNNING, State.DONE):
                found = self._confirm_with_server(job)
                if found is not None:
                    found = found._replace(input=label or found.input)
                    self.assign_to_run(found, run_id)
                    self.report_reuse(found)
                    return found, []
        if unknown:
            when = ago(unknown[0].submitted_at, self.context.environment.now())
            self.context.output.note(
                f"{unknown[0].input}: a submission {when} has an unknown outcome"
                f" ({unknown[0].error or 'the program was ended'}); submitting again"
            )
        return None, unknown

    def _mark_abandoned(self, job: Job) -> None:
        """Mark a submission as unknown whose process has ended: we hold the lock that it held."""
        if job.state is State.SUBMITTING and job.row is not None:
            self.context.ledger.change(job.row, state=State.UNKNOWN, status=State.UNKNOWN)

    def _confirm_with_server(self, job: Job) -> Job | None:
        """The job as the server knows it now; None if it is gone or has failed."""
        if job.job_id is None:
            return job.as_reused() if self.context.cached_result_path(job).exists() else None
        try:
            response = self.context.client.status(job.job_id)
        except NotFound:
            self.follower.mark_gone(job)
            return None
        found = self.follower.update(job, response.body.json()).as_reused()
        return None if found.state is State.FAILED else found

    def assign_to_run(self, job: Job, run_id: str | None) -> None:
        """Record that a reused job belongs to this run now."""
        if run_id is not None and job.row is not None and job.run != run_id:
            self.context.ledger.change_soon(job.row, run=run_id)

    def report_reuse(self, job: Job, file: str | None = None) -> None:
        """Name a reused job; `file` is where its result is already. Of many, only the first are named."""
        output = self.context.output
        if self.run.many and output.human_output:
            return  # the lines that people read say it themselves
        number = self.run.count_reused()
        if self.run.many and number > _NAMED_REUSED:
            if number == _NAMED_REUSED + 1:
                lines = '; their lines say "reused": true' if output.format == "json" else ""
                output.note(f"more jobs are reused{lines}")
            return
        when = ago(job.submitted_at, self.context.environment.now())
        used = f"{file} is there already, from" if file else "reusing"
        output.note(
            f"{job.input}: {used} {job.operation} job {job.ref}, submitted {when} ({job.status});"
            " `--fresh` submits again"
        )

    # -- submission

    def _submit(self, prepared: PreparedRequest, options: WaitOptions, token: str) -> tuple[Job, Body | None]:
        for last in (False, True):
            stored = [
                self.uploads.store(source, document)
                for source, document in zip(prepared.request.sources, prepared.documents, strict=True)
            ]
            try:
                return self._send(prepared, [file_id for file_id, _ in stored], options, token)
            except (NotFound, Rejected) as error:
                reused = [file_id for file_id, known in stored if known]
                if last or not reused or not _is_about_a_file(error):
                    raise
                # The server has forgotten a file: upload it again, once.
                for file_id in reused:
                    self.context.ledger.forget_upload(self.context.server, file_id)
        raise AssertionError("unreachable")

    def _send(
        self, prepared: PreparedRequest, file_ids: Sequence[str], options: WaitOptions, token: str
    ) -> tuple[Job, Body | None]:
        """Record the submission, send it, and record what became of it."""
        request = prepared.request
        job = self._new_job(prepared, file_ids, options, token)
        client = self.context.client
        client.connect()  # a proxy or certificate that can't be used must not leave a row behind
        row = self.context.ledger.begin(job)
        job = job._replace(row=row)
        self.run.begin_sending(row, job.input or "the request")
        with self._shield_from_signals(request):
            try:
                response = client.submit(
                    request.operation.method,
                    request.operation.path,
                    request.body(file_ids),
                    token,
                    lambda: Body(self.context.spool_dir),
                    allow_empty=request.operation.raw,
                )
                accepted = self._record_answer(job, response, request)
            except Interrupted as interrupted:
                if interrupted.idle:  # between two tries: the server has taken none of them
                    self.context.ledger.drop([row])
                    self.run.end_sending(row)
                else:
                    self._mark_unknown(job, "interrupted while it was sent")
                raise
            except DocspeedError as error:
                self.run.end_sending(row)
                if isinstance(error, OutcomeUnknown):
                    self._mark_unknown(job, error.message)
                    raise _explain_unknown(error, job) from None
                if error.code == "write_failed":  # an answer came, and this disk can't hold it
                    self._mark_unknown(job, error.message)
                else:
                    self.context.ledger.drop([row])
                raise
            self.run.end_sending(row)
            if options.wait and not self.context.ledger.is_persistent:
                self._print_unrecorded(accepted[0])
            return accepted

    def _new_job(
        self, prepared: PreparedRequest, file_ids: Sequence[str], options: WaitOptions, token: str
    ) -> Job:
        request = prepared.request
        return Job(
            operation=request.operation.name,
            status=State.SUBMITTING,
            state=State.SUBMITTING,
            request=prepared.identity,
            server=self.context.server,
            key=self.context.fingerprint,
            input=request.label or None,
            file_id=", ".join(file_ids) or None,
            submitted_at=self.context.environment.now(),
            run=options.run_id,
            token=token,
        )

    def _print_unrecorded(self, job: Job) -> None:
        """Print the id of a job that no ledger holds, before anything else can end this run."""
        if job.job_id is not None:
            label = job.input or "the request"
            self.context.output.warn(f"job {job.job_id} of {label} is not in a ledger; keep its id")

    @contextmanager
    def _shield_from_signals(self, request: Request) -> Iterator[None]:
        """Let a short submission finish before a signal ends it; a sync one takes as long as its job."""
        if request.sync or threading.current_thread() is not threading.main_thread():
            yield
            return
        with self.context.environment.interrupts.shielded():
            yield

    def _mark_unknown(self, job: Job, why: str) -> None:
        self.context.ledger.change(job.row or 0, state=State.UNKNOWN, status=State.UNKNOWN, error=why)

    def _record_answer(self, job: Job, response: Response, request: Request) -> tuple[Job, Body | None]:
        """Record the job, or the inline result, that the server answered with, before anything else."""
        answer = job_in(response.body, sync=request.sync)
        if answer is not None:
            response.body.clear()
            job = job.with_status(status_word(answer) or "submitted")
            job = job._replace(job_id=str(answer["job_id"]), error=failure_text(answer))
            known = {"status": job.status, "state": job.state, "error": job.error}
            self.context.ledger.change(job.row or 0, job_id=job.job_id, **known)
            self.run.begin_waiting(job)
            return job, None
        if not request.operation.raw and not is_result(response.body, sync=request.sync):
            response.body.clear()
            what = "the answer has neither a job id nor a result"
            raise OutcomeUnknown(what, code="unexpected_answer", status=response.status)
        job = job.with_status("completed")
        try:
            self.context.results_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            response.body.keep(self.context.cached_result_path(job), private=True)
        except OSError as error:
            self.context.output.warn(f"the result can't be kept for another run ({error.strerror or error})")
        self.context.ledger.change(job.row or 0, status=job.status, state=job.state)
        return job, response.body


def _explain_unknown(error: OutcomeUnknown, job: Job) -> OutcomeUnknown:
    details = {"code": error.code, "details": error.details}
    return OutcomeUnknown(
        f"{error.message}. Whether the server accepted {job.input or 'the request'} is unknown",
        status=error.status,
        request_id=error.request_id,
        details=details if error.code != OutcomeUnknown.code else error.details,
        hint="run the same command again: it submits under the same Idempotency-Key; a server that"
        " accepted the first submission and ignores such keys charges twice",
        reason=f"{error.message}; whether the server accepted it is unknown",
    )


def _is_about_a_file(error: DocspeedError) -> bool:
    """Whether the server refused a request because it does not know one of its files."""
    if isinstance(error, NotFound):
        return True
    text = f"{error.code} {error.message}".lower()
    return bool(_FILE.search(text)) and any(word in text for word in _NO_FILE)
