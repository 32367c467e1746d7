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
from docspeed_cli.jobs.follow import Follower, failure_text
from docspeed_cli.jobs.outcome import WaitOptions
from docspeed_cli.jobs.reuse import Reuse, Search
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.turn import Turn
from docspeed_cli.jobs.uploads import PreparedRequest, Uploads
from docspeed_cli.service.body import Body
from docspeed_cli.service.responses import is_result, job_in, status_word

_MODE = r"execution.?mode|\basync"
# An error about `profile` or `filename` is not about a stored file.
_FILE = r"(?<![a-z])file(?!name)"
_NO_FILE = ("not found", "not_found", "unknown", "expired", "no such", "does not exist", "doesn't exist")

Accepted = tuple[Job, Body | None]
"""A job, and its result if that came inline."""


class Submitter:
    """Gets jobs for the requests of one run."""

    def __init__(self, context: Context, run: RunState) -> None:
        self.context = context
        self.run = run
        self.uploads = Uploads(context)
        self.follower = Follower(context, run)
        self.reuse = Reuse(context, run, self.follower)

    def turn(self, prepared: PreparedRequest, options: WaitOptions) -> Turn:
        """The wait for the request's lock: one command at a time works on one request.

        It is held until the job's id is in the ledger.
        """
        label = prepared.request.label or "the request"
        doing = "works on the same request"
        return Turn(self.context, prepared.identity, label, doing, options.deadline)

    def accept(self, prepared: PreparedRequest, options: WaitOptions, found: Search) -> Accepted:
        """The job that the search has found, or else a new one. DocspeedError if there can't be one."""
        if found.job is not None:
            return found.job, None
        # The same Idempotency-Key as before: a server that knows such keys won't do the work twice.
        token = (found.unknown[0].token if found.unknown else None) or os.urandom(16).hex()
        accepted = self._submit(prepared, options, token)
        for earlier in found.unknown:
            why = f"{earlier.error or 'the program was stopped'}; submitted again as {accepted[0].ref}"
            self.context.ledger.change_soon(earlier.row or 0, error=why)
        return accepted

    def _submit(self, prepared: PreparedRequest, options: WaitOptions, token: str) -> Accepted:
        stored = [self.uploads.store(document, deadline=options.deadline) for document in prepared.documents]
        try:
            return self._send(prepared, [file_id for file_id, _ in stored], options, token)
        except (NotFound, Rejected) as error:
            documents = zip(prepared.documents, stored, strict=True)
            reused = [
                file_id for document, (file_id, entry) in documents if document.source.path and not entry
            ]
            if not reused or not is_about_a_file(error):
                raise
            # The server has forgotten a file that was uploaded before this run: upload it again, once.
            for file_id in reused:
                self.context.ledger.forget_upload(self.context.server, file_id)
        stored = [self.uploads.store(document, deadline=options.deadline) for document in prepared.documents]
        return self._send(prepared, [file_id for file_id, _ in stored], options, token)

    def _send(
        self, prepared: PreparedRequest, file_ids: Sequence[str], options: WaitOptions, token: str
    ) -> Accepted:
        """Send the submission; as `sync` where the service refuses `async` for this operation."""
        operation = prepared.request.operation.name
        in_sync = prepared._replace(request=prepared.request._replace(sync=True))
        if self.run.is_sync_only(operation):
            return self._send_as_is(in_sync, file_ids, options, token)
        try:
            return self._send_as_is(prepared, file_ids, options, token)
        except Rejected as error:
            # A body without a mode would be the same again, and be refused again.
            same = in_sync.request.content(file_ids) == prepared.request.content(file_ids)
            if same or not _is_about_the_mode(error):
                raise
        if self.run.begin_sync_only(operation):
            self.context.output.note(
                f"the service has no jobs for {operation}; asking for the result at once"
            )
        return self._send_as_is(in_sync, file_ids, options, token)

    def _send_as_is(
        self, prepared: PreparedRequest, file_ids: Sequence[str], options: WaitOptions, token: str
    ) -> Accepted:
        """Record the submission, send it, and record what became of it."""
        request, ledger = prepared.request, self.context.ledger
        job = Job(
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
        label = job.input or "the request"
        self.context.client.connect()  # a proxy or certificate that can't be used must not leave a row behind
        row = ledger.begin(job)
        job = job._replace(row=row)
        self.run.begin_sending(row, label)
        with self._shielded(request):
            try:
                accepted = self._exchange(job, request, file_ids, options.deadline)
            except Interrupted as interrupted:
                if interrupted.idle:  # between two tries: the server has taken none of them
                    ledger.drop([row])
                    self.run.end_sending(row)
                else:  # without `end_sending`, so that the interrupt's message calls it unknown
                    self._mark_unknown(row, "interrupted while it was sent")
                raise
            except OutcomeUnknown as error:
                self.run.end_sending(row)
                self._mark_unknown(row, error.message)
                raise _explain_unknown(error, label, request) from None
            except DocspeedError as error:
                self.run.end_sending(row)
                if error.code == "write_failed":  # an answer came, and this disk can't hold it
                    self._mark_unknown(row, error.message)
                else:
                    ledger.drop([row])
                raise
            self.run.end_sending(row)
            job_id = accepted[0].job_id
            if options.wait and job_id is not None and not ledger.is_persistent:
                # Said now, before anything can end this run: only this process knows of the job.
                self.context.output.warn(f"job {job_id} of {label} is not in a ledger; keep its id")
            return accepted

    def _shielded(self, request: Request) -> AbstractContextManager[object]:
        """Let a short submission finish before a signal ends it; a sync one takes as long as its job."""
        # Signals reach the main thread only; in a run, the scheduler gives its workers `GRACE` instead.
        if request.sync or threading.current_thread() is not threading.main_thread():
            return nullcontext()
        return self.context.environment.interrupts.shielded()

    def _mark_unknown(self, row: int, why: str) -> None:
        self.context.ledger.change(row, state=State.UNKNOWN, status=State.UNKNOWN, error=why)

    def _exchange(
        self, job: Job, request: Request, file_ids: Sequence[str], deadline: float | None
    ) -> Accepted:
        """Send the submission, and record the job or the inline result that the server answers with."""
        response = self.context.client.submit(
            request.operation.method,
            request.operation.path,
            request.content(file_ids),
            str(job.token),
            allow_empty=request.operation.raw,
            deadline=deadline,
        )
        answer = job_in(response.body, sync=request.sync, exact=request.operation.raw)
        if answer is not None:
            response.body.clear()
            job = job.with_status(status_word(answer) or "submitted")
            job = job._replace(
                job_id=str(answer["job_id"]),
                error=failure_text(answer),
                updated_at=self.context.environment.now(),
            )
            known = {"status": job.status, "state": job.state, "error": job.error}
            # Not `change_soon`: from here on a program that is killed must not forget this id.
            self.context.ledger.change(job.row or 0, job_id=job.job_id, **known)
            self.run.begin_waiting(job)
            return job, None
        if not request.operation.raw and not is_result(response.body, sync=request.sync):
            response.body.clear()
            what = "the answer has neither a job id nor a result"
            raise OutcomeUnknown(what, code="unexpected_answer", status=response.status)
        job = job.with_status("completed")
        # Before the row says that it is done: an inline result can't be fetched again.
        self.context.kept.keep(job, response.body.chunks(), response.body.size)
        self.context.ledger.change(job.row or 0, status=job.status, state=job.state)
        return job, response.body


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
    text = f"{error.code} {error.message}".lower()
    return bool(re.search(_FILE, text)) and any(word in text for word in _NO_FILE)


def is_about_a_session(error: DocspeedError) -> bool:
    """Whether the server refused a question because it does not know its conversation."""
    return isinstance(error, NotFound | Rejected) and "session" in f"{error.code} {error.message}".lower()
