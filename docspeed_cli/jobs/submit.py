"""Get the job of a request: reuse the one there is, or submit. Never guess a submission's outcome."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from docspeed_cli.core.errors import DocspeedError, Interrupted, NotFound, OutcomeUnknown, Rejected
from docspeed_cli.core.models import Job, Request, State
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.follow import failure_text, says_file_is_missing
from docspeed_cli.jobs.lock_wait import LockWait
from docspeed_cli.jobs.outcome import WaitOptions
from docspeed_cli.jobs.reuse import Search
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.uploads import upload_once
from docspeed_cli.service.answers import error_as_result, is_result, job_in, status_word
from docspeed_cli.service.body import Body
from docspeed_cli.service.client import Response

_MODE = r"execution.?mode|\basync"


class Submission:
    """One request, whose documents were read, on its way to its job: the one to reuse, or a new one.

    As a context manager it releases the request's lock at the end: one command at a time works on a request,
    until its job's id is in the ledger.
    """

    job: Job | None = None
    """The job, once `step` has returned None."""
    result: Body | None = None
    """Its result, if the server answered with that at once."""

    def __init__(self, context: Context, run: RunState, request: Request, options: WaitOptions) -> None:
        self._context = context
        self._run = run
        self._request = request
        self._options = options
        self._label = request.label or "the request"
        doing = "works on the same request"
        self._lock_wait = LockWait(context, request.identity, self._label, doing, options.deadline)
        self._search: Search | None = None
        self._file_ids: list[str] = []
        self._token = ""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        self._lock_wait.__exit__(*error)

    def step(self) -> float | None:
        """Go one step on: None once there is a job, else when to go on. DocspeedError if there is none."""
        if self._search is None:
            due = self._lock_wait.take()
            if due is not None:
                return due
            self._search = Search(self._context, self._run, self._request, self._options)
        due = self._search.step()
        if due is not None:
            return due
        self.job = self._search.job
        if self.job is None:
            self._submit(self._search.unknown)
        return None

    def _submit(self, unknown: Sequence[Job]) -> None:
        """Submit the request; `unknown` are its earlier submissions whose outcome is not known."""
        # The same Idempotency-Key as before: a server that knows such keys won't do the work twice.
        self._token = (unknown[0].token if unknown else None) or os.urandom(16).hex()
        uploaded_before = self._store_documents()
        try:
            self._send()
        except (NotFound, Rejected) as error:
            if not uploaded_before or not is_about_a_file(error):
                raise
            # The server has forgotten a file that was uploaded before this run: upload it again, once.
            for file_id in uploaded_before:
                self._context.ledger.forget_upload(self._context.server, file_id)
            self._store_documents()
            self._send()
        for earlier in unknown:
            now = self.job.ref if self.job is not None else ""
            why = f"{earlier.error or 'the program was stopped'}; submitted again as {now}"
            self._context.ledger.change_soon(earlier.row or 0, error=why)

    def _store_documents(self) -> list[str]:
        """Upload the documents; returns the ids of those that were uploaded before."""
        self._file_ids, uploaded_before = [], []
        for source in self._request.sources:
            file_id = str(source.file_id)
            if source.path is not None:
                deadline = self._options.deadline
                file_id, entry = upload_once(self._context, source, source.path, deadline=deadline)
                if entry is None:
                    uploaded_before.append(file_id)
            self._file_ids.append(file_id)
        return uploaded_before

    def _send(self) -> None:
        """Send the submission; as `sync` where the service refuses `async` for this operation."""
        operation = self._request.operation.name
        in_sync = self._request._replace(sync=True)
        if not self._run.is_sync_only(operation):
            try:
                return self._send_as_is()
            except Rejected as error:
                # A body without a mode would be the same again, and be refused again.
                same = in_sync.content(self._file_ids) == self._request.content(self._file_ids)
                if same or not _is_about_the_mode(error):
                    raise
            if self._run.begin_sync_only(operation):
                self._context.output.note(
                    f"the service has no jobs for {operation}; asking for the result at once"
                )
        self._request = in_sync
        return self._send_as_is()

    def _send_as_is(self) -> None:
        """Record the submission, send it, and record what became of it."""
        ledger = self._context.ledger
        # A proxy or certificate that can't be used must not leave a row behind.
        self._context.client.connect()
        job = self._begin()
        row = job.row or 0
        with self._shielded():
            try:
                self._accept(job, self._post())
            except Interrupted as interrupted:
                if interrupted.idle:  # between two tries: the server has taken none of them
                    ledger.drop([row])
                    self._run.end_sending(row)
                else:  # without `end_sending`, so that the interrupt's message calls it unknown
                    self._mark_unknown(row, "interrupted while it was sent")
                raise
            except OutcomeUnknown as error:
                self._run.end_sending(row)
                self._mark_unknown(row, error.message)
                raise _explain_unknown(error, self._label, self._request) from None
            except DocspeedError as error:
                self._run.end_sending(row)
                if error.code == "write_failed":  # an answer came, and this disk can't hold it
                    self._mark_unknown(row, error.message)
                else:
                    ledger.drop([row])
                raise
            self._run.end_sending(row)
            job_id = self.job.job_id if self.job is not None else None
            if self._options.wait and job_id is not None and not ledger.is_persistent:
                # Said now, before anything can end this run: only this process knows of the job.
                self._context.output.warn(f"job {job_id} of {self._label} is not in a ledger; keep its id")

    def _begin(self) -> Job:
        """The submission as a job, recorded in the ledger."""
        context, request = self._context, self._request
        job = Job(
            operation=request.operation.name,
            status=State.SUBMITTING,
            state=State.SUBMITTING,
            request=request.identity,
            server=context.server,
            key=context.fingerprint,
            input=request.label or None,
            file_id=", ".join(self._file_ids) or None,
            submitted_at=context.environment.now(),
            run=self._options.run_id,
            token=self._token,
        )
        job = job._replace(row=context.ledger.begin(job))
        self._run.begin_sending(job.row or 0, self._label)
        return job

    def _shielded(self) -> AbstractContextManager[object]:
        """Let a short submission finish before a signal ends it; a sync one takes as long as its job."""
        # Signals reach the main thread only; in a run, the scheduler gives its workers `GRACE` instead.
        if self._request.sync or threading.current_thread() is not threading.main_thread():
            return nullcontext()
        return self._context.environment.interrupts.shielded()

    def _mark_unknown(self, row: int, why: str) -> None:
        self._context.ledger.change(row, state=State.UNKNOWN, status=State.UNKNOWN, error=why)

    def _post(self) -> Response:
        """Send the submission; returns the server's answer."""
        operation = self._request.operation
        return self._context.client.submit(
            operation.method,
            operation.path,
            self._request.content(self._file_ids),
            self._token,
            allow_empty=operation.raw,
            deadline=self._options.deadline,
        )

    def _accept(self, job: Job, response: Response) -> None:
        """Record the job or the inline result that the server answered with."""
        context, request = self._context, self._request
        answer = job_in(response.body, sync=request.sync, exact=request.operation.raw)
        if answer is not None:
            response.body.clear()
            job = job.with_status(status_word(answer) or "submitted")
            job = self.job = job._replace(
                job_id=str(answer["job_id"]),
                error=failure_text(answer),
                updated_at=context.environment.now(),
            )
            known = {"status": job.status, "state": job.state, "error": job.error}
            # Not `change_soon`: from here on a program that is killed must not forget this id.
            context.ledger.change(job.row or 0, job_id=job.job_id, **known)
            self._run.begin_waiting(job)
            return
        refusal = error_as_result(response.body)
        if not request.operation.raw and (refusal or not is_result(response.body, sync=request.sync)):
            response.body.clear()
            what = "the answer has neither a job id nor a result"
            what += f", but an error: {refusal}" if refusal else ""
            raise OutcomeUnknown(what, code="unexpected_answer", status=response.status)
        self.job, self.result = job.with_status("completed"), response.body
        # Before the row says that it is done: an inline result can't be fetched again.
        context.kept.keep(self.job, response.body.chunks(), response.body.size)
        context.ledger.change(job.row or 0, status=self.job.status, state=self.job.state)


def _explain_unknown(error: OutcomeUnknown, label: str, request: Request) -> OutcomeUnknown:
    known = error.code == OutcomeUnknown.code
    hint = "run the same command again; a server that accepted the first submission charges twice"
    if request.operation.reusable:
        hint = (
            "run the same command again: it submits under the same Idempotency-Key; a server that"
            " accepted the first submission and ignores such keys charges twice"
        )
    details = error.details if known else {"code": error.code, "details": error.details}
    return error.replace(
        message=f"{error.message}. Whether the server accepted {label} is unknown",
        code=OutcomeUnknown.code,
        retryable=False,
        details=details,
        hint=hint,
        reason=f"{error.message}; whether the server accepted it is unknown",
    )


def _is_about_the_mode(error: DocspeedError) -> bool:
    """Whether the server refused a request because it is to run as a job."""
    text = f"{error.code} {error.message} {error.details}".lower()
    return error.status in (400, 422) and bool(re.search(_MODE, text))


def is_about_a_file(error: DocspeedError) -> bool:
    """Whether the server refused a request because it does not know one of its files."""
    if isinstance(error, NotFound):
        return not is_about_a_session(error)
    return says_file_is_missing(f"{error.code} {error.message}")


def is_about_a_session(error: DocspeedError) -> bool:
    """Whether the server refused a question because it does not know its conversation."""
    return isinstance(error, NotFound | Rejected) and "session" in f"{error.code} {error.message}".lower()
