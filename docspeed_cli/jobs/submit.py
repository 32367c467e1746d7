"""Gets the job of a request: joins the one that there is, or submits, and never guesses what became of it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from docspeed_cli.core.errors import (
    DocspeedError,
    Interrupted,
    NotFound,
    OutcomeUnknown,
    Rejected,
)
from docspeed_cli.core.models import Job, Request, State
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Outcome, Session, Task, WaitOptions
from docspeed_cli.jobs.follow import Following
from docspeed_cli.jobs.uploads import Document, Uploads
from docspeed_cli.service.body import Body
from docspeed_cli.service.exchange import Response
from docspeed_cli.service.responses import is_result, job_in, status_word

NAMED = 10
"""Jobs that a run over many inputs names in notes, where they are used again."""

_FILE = re.compile(r"(?<![a-z])file(?!name)")
_NO_FILE = ("not found", "not_found", "unknown", "expired", "no such", "does not exist", "doesn't exist")


class Submitting:
    """Submits the requests of one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.uploads = Uploads(session)
        self.following = Following(session)

    def obtain(self, request: Request, waiting: WaitOptions) -> Task[Outcome]:
        """The job of this request, submitted or joined; with `waiting.wait` also its result.

        DocspeedError for whatever keeps it from its end.
        """
        started = self.session.world.monotonic()
        documents = [self.uploads.read(source) for source in request.sources]
        digests = [document.digest for document in documents]
        identity = request.identity(digests, self.session.server, self.session.fingerprint)
        source = request.sources[0] if request.sources else None
        for last in (False, True):
            job, payload = yield from self._one_job(request, documents, identity, waiting)
            if not waiting.wait and payload is None:
                return Outcome(source, job, seconds=self.session.world.monotonic() - started)
            try:
                job = yield from self.following.follow(job, waiting)
                payload = payload or (yield from self.following.fetch(job, waiting.new_body))
            except NotFound:
                if last or not job.reused:
                    raise
                self.following.gone(job)
                continue
            return Outcome(source, job, payload, seconds=self.session.world.monotonic() - started)
        raise AssertionError("unreachable")

    def foreseen(self, request: Request, waiting: WaitOptions) -> tuple[Job | None, bool]:
        """The job that would be joined, as far as the ledger knows, and whether all documents are stored."""
        session = self.session
        documents = [self.uploads.digest(source) for source in request.sources]
        identity = request.identity(documents, session.server, session.fingerprint)
        stored = all(
            source.file_id or session.ledger.uploaded(session.server, session.fingerprint, document)
            for source, document in zip(request.sources, documents, strict=True)
        )
        if waiting.fresh or not request.operation.reusable:
            return None, stored
        known = (
            job for job in session.ledger.by_request(identity) if job.state in (State.RUNNING, State.DONE)
        )
        return next(known, None), stored

    def _one_job(
        self, request: Request, documents: Sequence[Document], identity: str, waiting: WaitOptions
    ) -> Task[tuple[Job, Body | None]]:
        """One command at a time gets here with one request: it joins the job that there is, or submits."""
        while not self.session.locks.acquire(identity):
            yield self.session.world.monotonic() + 0.05
        try:
            lost: list[Job] = []
            if not waiting.fresh and request.operation.reusable:
                job, lost = self._known(identity, request.label, waiting.batch)
                if job is not None:
                    return job, None
            token = lost[0].token if lost else None
            job, payload = self._submit(request, documents, identity, waiting, token or os.urandom(16).hex())
            for unknown in lost:
                why = f"{unknown.error or 'the program was ended'}; submitted again as {job.ref}"
                self.session.ledger.change_soon(unknown.row or 0, error=why)
            return job, payload
        finally:
            self.session.locks.release(identity)

    def assign_to_run(self, job: Job, batch: str | None) -> None:
        """Put down that the job is of this run now."""
        if batch is not None and job.row is not None and job.run != batch:
            self.session.ledger.change_soon(job.row, run=batch)

    def _known(self, identity: str, label: str, batch: str | None) -> tuple[Job | None, list[Job]]:
        """The job that answers this request already; else the submissions whose outcome is still unknown."""
        unknown: list[Job] = []
        known = self.session.ledger.by_request(identity)
        if known and known[0].state is State.FAILED:
            why = f"{known[0].status}: {known[0].error}" if known[0].error else known[0].status
            self.session.output.note(f"{label}: job {known[0].ref} ended as {why}; submitting again")
        answered = {job.token for job in known if job.state not in (State.SUBMITTING, State.UNKNOWN)}
        for job in known:
            if job.state in (State.SUBMITTING, State.UNKNOWN):
                self._lost(job)
                if job.token not in answered:
                    unknown.append(job)
            elif job.state in (State.RUNNING, State.DONE):
                found = self._still_there(job)
                if found is not None:
                    found = found._replace(input=label or found.input)
                    self.assign_to_run(found, batch)
                    self.say_reused(found)
                    return found, []
        if unknown:
            when = ago(unknown[0].submitted_at, self.session.world.now())
            self.session.output.note(
                f"{unknown[0].input}: a submission {when} has an unknown outcome"
                f" ({unknown[0].error or 'the program was ended'}); submitting again"
            )
        return None, unknown

    def _lost(self, job: Job) -> None:
        """Whoever was submitting this held its lock; the lock is ours, so it is gone."""
        if job.state is State.SUBMITTING and job.row is not None:
            self.session.ledger.change(job.row, state=State.UNKNOWN, status=State.UNKNOWN)

    def _still_there(self, job: Job) -> Job | None:
        if job.job_id is None:
            return job.as_reused() if self.session.cached_result_path(job).exists() else None
        try:
            answer = self.session.api.status(job.job_id)
        except NotFound:
            self.following.gone(job)
            return None
        found = self.following.seen(job, answer.body.json()).as_reused()
        return None if found.state is State.FAILED else found

    def say_reused(self, job: Job, file: str | None = None) -> None:
        """Name the job that is used again, and where its result is already; of many, the first ones.

        In a run over many, lines that people read say it themselves.
        """
        output = self.session.output
        if self.session.batch and output.human_output:
            return
        number = next(self.session.reused)
        if self.session.batch and number > NAMED:
            if number == NAMED + 1:
                lines = '; their lines say "reused": true' if output.format == "json" else ""
                output.note(f"more jobs are used again{lines}")
            return
        when = ago(job.submitted_at, self.session.world.now())
        used = f"{file} is there already, of" if file else "using"
        output.note(
            f"{job.input}: {used} {job.operation} job {job.ref}, submitted {when} ({job.status});"
            " --fresh submits anew"
        )

    def _submit(
        self, request: Request, documents: Sequence[Document], identity: str, waiting: WaitOptions, token: str
    ) -> tuple[Job, Body | None]:
        for last in (False, True):
            stored = [
                self.uploads.store(source, document)
                for source, document in zip(request.sources, documents, strict=True)
            ]
            try:
                return self._send(request, [file_id for file_id, _ in stored], identity, waiting, token)
            except (NotFound, Rejected) as error:
                reused = [file_id for file_id, known in stored if known]
                if last or not reused or not _about_a_file(error):
                    raise
                for file_id in reused:
                    self.session.ledger.forget_upload(self.session.server, file_id)
        raise AssertionError("unreachable")

    def _send(
        self, request: Request, file_ids: Sequence[str], identity: str, waiting: WaitOptions, token: str
    ) -> tuple[Job, Body | None]:
        job = Job(
            operation=request.operation.name,
            status=State.SUBMITTING,
            state=State.SUBMITTING,
            request=identity,
            server=self.session.server,
            key=self.session.fingerprint,
            input=request.label or None,
            file_id=", ".join(file_ids) or None,
            submitted_at=self.session.world.now(),
            run=waiting.batch,
            token=token,
        )
        api = self.session.api
        api.connect()
        row = self.session.ledger.begin(job)
        job = job._replace(row=row)
        sending = self.session.sending
        sending[row] = job.input or "the request"
        with self._shield(request):
            try:
                answer = api.submit(
                    request.operation.method,
                    request.operation.path,
                    request.body(file_ids),
                    token,
                    lambda: Body(self.session.spool_dir),
                    allow_empty=request.operation.raw,
                )
                accepted = self._accepted(job, answer, request)
            except Interrupted as interrupted:
                if interrupted.idle:
                    self.session.ledger.drop([row])
                    del sending[row]
                else:
                    self._unknown(job, "interrupted while it was sent")
                raise
            except DocspeedError as error:
                del sending[row]
                if isinstance(error, OutcomeUnknown):
                    self._unknown(job, error.message)
                    raise self._explained(error, job) from None
                if error.code == "write_failed":  # an answer came that this disk does not take
                    self._unknown(job, error.message)
                else:
                    self.session.ledger.drop([row])
                raise
            del sending[row]
            if waiting.wait and not self.session.ledger.is_persistent:
                self._named(accepted[0])
            return accepted

    def _named(self, job: Job) -> None:
        """Name a job that no ledger keeps, before anything else can end this run."""
        if job.job_id is not None:
            self.session.output.warn(f"no ledger keeps job {job.job_id} of {job.input or 'the request'}")

    @contextmanager
    def _shield(self, request: Request) -> Iterator[None]:
        """A short submission is heard out before a signal; a sync one takes as long as its job."""
        if request.sync or threading.current_thread() is not threading.main_thread():
            yield
            return
        with self.session.world.interrupts.shielded():
            yield

    def _unknown(self, job: Job, why: str) -> None:
        self.session.ledger.change(job.row or 0, state=State.UNKNOWN, status=State.UNKNOWN, error=why)

    def _explained(self, error: OutcomeUnknown, job: Job) -> OutcomeUnknown:
        said = {"code": error.code, "details": error.details}
        return OutcomeUnknown(
            f"{error.message}. Whether the server took {job.input or 'the request'} is unknown",
            status=error.status,
            request_id=error.request_id,
            details=said if error.code != OutcomeUnknown.code else error.details,
            hint="the same command submits it again, under the same Idempotency-Key;"
            " if the server took it and does not know such keys, it is paid twice",
            reason=f"{error.message}; whether the server took it is unknown",
        )

    def _accepted(self, job: Job, answer: Response, request: Request) -> tuple[Job, Body | None]:
        """Put down what the server made of it, before anything else happens."""
        said = job_in(answer.body, sync=request.sync)
        if said is not None:
            answer.body.clear()
            job = job._replace(job_id=str(said["job_id"])).with_status(status_word(said) or "submitted")
            self.session.ledger.change(job.row or 0, job_id=job.job_id, status=job.status, state=job.state)
            self.session.waited_for[job.ref] = job
            return job, None
        if not request.operation.raw and not is_result(answer.body, sync=request.sync):
            answer.body.clear()
            what = "the answer names no job and is no result"
            raise OutcomeUnknown(what, code="unexpected_answer", status=answer.status)
        job = job.with_status("completed")
        try:
            self.session.results_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            answer.body.keep(self.session.cached_result_path(job), private=True)
        except OSError as error:
            self.session.output.warn(f"the result can't be kept for another run ({error.strerror or error})")
        self.session.ledger.change(job.row or 0, status=job.status, state=job.state)
        return job, answer.body


def _about_a_file(error: DocspeedError) -> bool:
    """Whether the server refused because it does not know a file."""
    if isinstance(error, NotFound):
        return True
    text = f"{error.code} {error.message}".lower()
    return bool(_FILE.search(text)) and any(word in text for word in _NO_FILE)
