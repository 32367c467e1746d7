"""Runs an operation over many inputs, each isolated from the others, in the order in which they end."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    Pending,
    Unavailable,
    overall_exit_code,
)
from docspeed_cli.core.models import Inputs, Job, Request, Source, State
from docspeed_cli.core.operations import Operation
from docspeed_cli.core.signals import GRACE
from docspeed_cli.jobs.context import Outcome, Session, Task, WaitOptions
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.scheduler import run_many
from docspeed_cli.jobs.sources import display_path
from docspeed_cli.jobs.submit import Submitting
from docspeed_cli.jobs.uploads import Uploads
from docspeed_cli.results.requirements import Requirements
from docspeed_cli.service.body import Body
from docspeed_cli.service.exchange import MAX_RETRY_AFTER
from docspeed_cli.terminal.progress import BatchProgress

_UNANSWERED = 3
"""Documents that may fail before the server has answered anything: each of them takes all its tries."""


class _NotBegun(Pending):
    """Nothing was sent: the run's time was over."""


class Batch(NamedTuple):
    """One request for each of many sources. `total` is their number, where it is known."""

    session: Session
    operation: Operation
    fields: dict[str, Any]
    sync: bool
    waiting: WaitOptions
    delivery: Delivery
    total: int | None = None
    max_failures: int | None = None
    requirements: Requirements | None = None

    def run(self, found: Iterator[Source | DocspeedError]) -> int:
        """Every input to its end; the exit code of the whole."""
        gc.enable()
        session = self.session
        session.batch = True
        session.api.retry_rate_limits = True
        tally = BatchProgress(
            session.output,
            self.operation.name,
            lambda: len(session.waited_for),
            lambda: session.gate.state,
            waits=self.waiting.wait,
            unsaved=session.output.human_output and self.delivery.to.folder is None,
            total=self.total,
        )
        session.so_far = tally.so_far
        codes: set[int] = set()
        stopped = ""
        session.api.deadline = self.waiting.until
        if self.waiting.batch is not None:
            session.ledger.start_run(self.waiting.batch)
        left_out = 0

        def in_time() -> Iterator[Task[Outcome]]:
            nonlocal left_out
            for source in found:
                if self._late:
                    left_out += 1
                    return
                yield self._task(source)

        with tally.shown():
            for outcome in run_many(session, in_time(), grace=GRACE, most=self.max_failures):
                if isinstance(outcome.error, _NotBegun):
                    left_out += 1
                    continue
                outcome = self._delivered(outcome)
                codes.add(outcome.error.exit_code if outcome.error else 0)
                label = outcome.source.label if outcome.source else ""
                tally.count(outcome.error, reused=bool(outcome.job and outcome.job.reused), label=label)
                stopped = self._stop(outcome.error, tally)
                if stopped:
                    break
        if left_out and not stopped:
            stopped = "; stopped: --timeout is over"
            codes.add(Pending.exit_code)
        tally.summary(stopped)
        session.output.bell()
        return overall_exit_code(codes)

    @property
    def _late(self) -> bool:
        """Whether the time that the run may take is over: nothing more is submitted then."""
        return self.waiting.until is not None and self.session.world.monotonic() >= self.waiting.until

    def _too_late_for(self, error: DocspeedError) -> bool:
        """Whether nothing was taken, and the server wants it later than the run goes on."""
        until = self.waiting.until
        if until is None or not isinstance(error, Unavailable) or not error.retryable:
            return False
        return self.session.world.monotonic() + (error.retry_after or 0.0) >= until

    def _stop(self, error: DocspeedError | None, tally: BatchProgress) -> str:
        """Why the run stops here, if it does: nothing else can succeed, or too much has failed."""
        if isinstance(error, AuthError | NoCredits):
            self.session.output.error(error)
            return "; stopped: the same would happen to every other document"
        if isinstance(error, Unavailable) and tally.failed >= _UNANSWERED and not self.session.api.answered:
            return "; stopped: the server answers nothing"
        failures = tally.failed + tally.missing_required
        if error is not None and self.max_failures is not None and failures >= self.max_failures:
            return f"; stopped at {failures} failures"
        if error is not None and (error.retry_after or 0) > MAX_RETRY_AFTER:
            return "; stopped: the server asks for a long pause"
        return ""

    def _delivered(self, outcome: Outcome) -> Outcome:
        """Hand the outcome over; what can't be written is this input's failure, not the run's."""
        waited_for = self.session.waited_for
        waited_for.pop(outcome.error.job_id or "" if outcome.error else "", None)
        if outcome.job is not None:
            waited_for.pop(outcome.job.ref, None)
            if outcome.skipped_existing and outcome.source is not None:
                named = outcome.job._replace(input=outcome.source.label)
                Submitting(self.session).say_reused(named, outcome.output)
        try:
            if outcome.error is None and outcome.payload is None and outcome.output is None:
                self.delivery.submitted(outcome)
            else:
                self.delivery.line(outcome)
        except DocspeedError as error:
            outcome = Outcome(outcome.source, outcome.job, error=error)
            self.delivery.line(outcome)
        return outcome

    def _task(self, source: Source | DocspeedError) -> Task[Outcome]:
        """One input's way; its output file's name is settled here, in the order of the inputs."""
        if isinstance(source, DocspeedError):
            return _failed(source, self.operation.name)
        path = self.delivery.name(source, self.operation.name)
        return self._isolated(source, path)

    def _isolated(self, source: Source, path: Path | None) -> Task[Outcome]:
        request = Request(self.operation, (source,), self.fields, sync=self.sync)
        job: Job | None = None
        try:
            skipped_existing = self._skipped_existing(request, path)
            if skipped_existing is not None:
                Submitting(self.session).assign_to_run(skipped_existing, self.waiting.batch)
                outcome = Outcome(source, skipped_existing, output=str(path), skipped_existing=True)
                return outcome._replace(error=check_requirements(outcome, self.requirements))
            if self._late:
                return Outcome(source, error=_NotBegun("--timeout is over"), operation=self.operation.name)
            outcome = yield from Submitting(self.session).obtain(request, self.waiting)
            job = outcome.job
            error = check_requirements(outcome, self.requirements)
            if path is not None and outcome.payload is not None:
                outcome = self.delivery.write_result_file(outcome, path)
            return outcome._replace(error=error)
        except DocspeedError as error:
            if job is None and error.job_id is None and self._too_late_for(error):
                return Outcome(source, error=_NotBegun("--timeout is over"), operation=self.operation.name)
            known = self.session.ledger.by_id(error.job_id) if error.job_id else []
            job = job or next((job for job in known if job.server == self.session.server), None)
            source = source if job is not None else self._as_stored(source)
            return Outcome(source, job, error=error, operation=self.operation.name)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw of one input must not end the others
            unforeseen = self.session.output.unexpected(error)
            self.session.output.warn(f"{unforeseen.message}; {unforeseen.hint}")
            return Outcome(source, job, error=unforeseen, operation=self.operation.name)

    def _as_stored(self, source: Source) -> Source:
        """The source with its id, where the service stores it: a failed submission had its upload."""
        with suppress(DocspeedError):
            return source._replace(file_id=Uploads(self.session).known(source))
        return source

    def _skipped_existing(self, request: Request, path: Path | None) -> Job | None:
        """The job whose result is in its file already, and can be checked there."""
        if path is None or self.waiting.fresh or not request.operation.reusable or not path.is_file():
            return None
        if self.requirements is not None and self.delivery.output.format != "json":
            return None
        session = self.session
        documents = [Uploads(session).digest(source) for source in request.sources]
        identity = request.identity(documents, session.server, session.fingerprint)
        done = [
            job for job in session.ledger.by_request(identity) if job.state is State.DONE and job.content_hash
        ]
        try:
            stamp = self.delivery.stamp(path) if done else ""
        except OSError:  # who can't read it can't know it
            return None
        return next((job.as_reused() for job in done if job.content_hash == stamp), None)

    def plan(self, found: Iterator[Source | DocspeedError], skipped: Sequence[Path]) -> int:
        """Say what would happen to each input, and send nothing."""
        totals: Counter[str] = Counter()
        codes: set[int] = set()
        for source in found:
            line = self._planned(source)
            totals[line["action"]] += 1
            codes.add(2 if isinstance(source, DocspeedError) else 0)
            self.session.output.value(line)
        for path in skipped:
            totals["skip"] += 1
            self.session.output.value(
                {"input": display_path(path), "action": "skip", "reason": "unsupported"}
            )
        counted = ", ".join(f"{count} × {action}" for action, count in totals.items())
        self.session.output.progress(f"{self.operation.name}: {counted or 'nothing to do'}")
        return overall_exit_code(codes)

    def _planned(self, source: Source | DocspeedError) -> dict[str, Any]:
        if isinstance(source, DocspeedError):
            return {"action": "fail", "error": source.to_json()}
        path = self.delivery.name(source, self.operation.name)
        request = Request(self.operation, (source,), self.fields, sync=self.sync)
        found, stored = Submitting(self.session).foreseen(request, self.waiting)
        line: dict[str, Any] = {"input": source.label}
        if self._skipped_existing(request, path) is not None:
            line["action"] = "leave"
        elif found is not None:
            line["action"] = "join" if found.state is State.RUNNING else "reuse"
        else:
            line["action"] = "submit" if stored else "upload and submit"
        if found is not None:
            line["job_id"] = found.job_id
        return {**line, "output": str(path)} if path is not None else line


def check_requirements(outcome: Outcome, requirements: Requirements | None) -> DocspeedError | None:
    """What the result lacks of what is required of it."""
    payload = outcome.payload
    if payload is None and outcome.output is not None:
        payload = Body.at(Path(outcome.output))
    if requirements is None or payload is None:
        return None
    try:
        lacking: DocspeedError | None = requirements.check(payload.json())
    except DocspeedError as unreadable:
        lacking = unreadable
    if lacking is not None and outcome.job is not None:
        lacking.job_id = outcome.job.job_id
    return lacking


def _failed(error: DocspeedError, operation: str) -> Task[Outcome]:
    yield from ()
    named = error.details.get("input") if isinstance(error.details, dict) else None
    return Outcome(Source(named) if named else None, error=error, operation=operation)


def batch_id(server: str, operation: Operation, fields: dict[str, Any], inputs: Inputs) -> str:
    """What the same command always has in common: a run that is taken up again is the same batch."""
    named = [list(inputs.files), list(inputs.file_ids), inputs.listed, inputs.recursive]
    parts = [_here(), server, operation.path, fields, named]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _here() -> str:
    """The folder that relative names start from; empty where it is gone."""
    try:
        return os.fspath(Path.cwd())
    except OSError:
        return ""
