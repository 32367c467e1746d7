"""Runs an operation over its inputs: gathers, plans, submits, waits, delivers, finds the exit code."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from docspeed_cli import delivery
from docspeed_cli.crowd import Crowd
from docspeed_cli.delivery import Delivery, Target
from docspeed_cli.errors import AuthError, DocspeedError, NoCredits, UsageError, worst
from docspeed_cli.flags import InputFlags, RequestFlags, ResultFlags, fields_of, merged
from docspeed_cli.inputs import Inputs, Skipped, collect, discard
from docspeed_cli.models import Job, Request, Source
from docspeed_cli.operations import Operation
from docspeed_cli.plan import plan
from docspeed_cli.session import Outcome, Session, Task, Waiting, drive
from docspeed_cli.submitting import Submitting

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """An operation, the fields of its body, and the flags that say over what and how."""

    operation: Operation
    fields: dict[str, Any]
    inputs: InputFlags
    request: RequestFlags
    results: ResultFlags
    table: str | None = None
    always_wait: bool = False
    without_inputs: bool = False
    """Whether the operation works on no document at all, too."""

    def __call__(self, session: Session) -> int:
        """Perform it in this session; the exit code."""
        inputs = self.inputs.inputs
        if not inputs.given and not self.without_inputs:
            raise UsageError(
                "no document given",
                hint=f"docspeed {self.operation.name} FILE; or --file-id ID, --from LIST, - for stdin",
            )
        skipped = Skipped([])
        found = collect(inputs, session.world, skipped)
        sources: list[Source] = []
        try:
            return self._over(session, inputs, _noted(found, sources), skipped)
        finally:
            discard(sources)

    def _over(
        self, session: Session, inputs: Inputs, found: Iterator[Source | DocspeedError], skipped: Skipped
    ) -> int:
        fields = merged(self.fields, fields_of(self.request.set_))
        first = list(itertools.islice(found, 2))
        _say_skipped(session, skipped)
        if self.operation.many:
            return self._one(session, self._request(_all([*first, *found]), fields))
        many = len(first) > 1 or inputs.recursive or inputs.listed is not None
        if not many:
            return self._one(session, self._request(_all(first), fields))
        return self._many(session, itertools.chain(first, found), fields)

    def _request(self, sources: tuple[Source, ...], fields: dict[str, Any]) -> Request:
        return Request(self.operation, sources, fields, sync=self.request.sync)

    # -- one

    def _one(self, session: Session, request: Request) -> int:
        if self.request.dry_run:
            plan(session, request)
            return 0
        to = delivery.target(self.results.output, False, self.table)
        hand = Delivery(session, to)
        waiting = self._waiting(session, to)
        (outcome,) = work(session, iter([Submitting(session).obtain(request, waiting)]), one=True)
        return self._deliver_one(session, hand, outcome, waiting)

    def _deliver_one(self, session: Session, hand: Delivery, outcome: Outcome, waiting: Waiting) -> int:
        session.waited_for.clear()
        if waiting.wait:
            if hand.to.many:
                hand.line(outcome)
            else:
                hand.result(outcome)
            session.output.ring()
            return 0
        hand.submitted(outcome)
        if outcome.job is not None and session.output.human:
            session.output.hint(f"{session.take_up([outcome.job])}")
        return 0

    # -- many

    def _many(self, session: Session, found: Iterator[Source | DocspeedError], fields: dict[str, Any]) -> int:
        if self.request.dry_run:
            for source in found:
                plan(session, self._request((_sound(source),), fields))
            return 0
        to = delivery.target(self.results.output, True, self.table)
        hand = Delivery(session, to)
        waiting = self._waiting(session, to, batch=uuid.uuid4().hex[:12])
        codes: set[int] = set()
        tasks = (self._isolated(session, source, fields, waiting) for source in found)
        for outcome in work(session, tasks):
            codes.add(outcome.error.exit_code if outcome.error else 0)
            if waiting.wait or outcome.error:
                hand.line(outcome)
            else:
                hand.submitted(outcome)
            if outcome.job is not None:
                session.waited_for.pop(outcome.job.handle, None)
            if isinstance(outcome.error, AuthError | NoCredits):
                session.output.error(outcome.error)
                break
        session.output.ring()
        return worst(codes)

    def _isolated(
        self, session: Session, source: Source | DocspeedError, fields: dict[str, Any], waiting: Waiting
    ) -> Task[Outcome]:
        """One input's outcome; its failure is its own."""
        if isinstance(source, DocspeedError):
            return Outcome(error=source)
        try:
            return (yield from Submitting(session).obtain(self._request((source,), fields), waiting))
        except DocspeedError as error:
            return Outcome(source, error=error)

    def _waiting(self, session: Session, to: Target, batch: str | None = None) -> Waiting:
        values = session.settings.values
        return Waiting(
            wait=bool(values["wait"] or self.always_wait or self.request.sync),
            timeout=values["timeout"],
            floor=values["poll_interval"] or 0.0,
            fresh=self.request.fresh,
            batch=batch,
            folder=to.spool,
        )


def work(session: Session, tasks: Iterator[Task[T]], *, one: bool = False) -> Iterator[T]:
    """Every task's outcome as it ends: one in this thread, with live progress; many in a crowd of threads."""
    if one:
        with session.output.live() as say:
            session.progress = lambda job: say(_progress(job))
            outcome = drive(next(tasks), session.world)
        yield outcome
        return
    crowd: Crowd[T] = Crowd(session.settings.values["concurrency"], session.world)
    session.sleep = crowd.sleep
    yield from crowd.run(tasks)


def _noted(
    found: Iterable[Source | DocspeedError], sources: list[Source]
) -> Iterator[Source | DocspeedError]:
    """The same, keeping the documents that standard input was read into."""
    for source in found:
        if isinstance(source, Source) and source.label == "-":
            sources.append(source)
        yield source


def _sound(source: Source | DocspeedError) -> Source:
    if isinstance(source, DocspeedError):
        raise source
    return source


def _all(found: Iterable[Source | DocspeedError]) -> tuple[Source, ...]:
    return tuple(_sound(source) for source in found)


def _say_skipped(session: Session, skipped: Skipped) -> None:
    if skipped.paths:
        session.output.note(f"skipped {len(skipped.paths)} files of unsupported types (--verbose names them)")
        if session.output.style.verbose:
            for path in skipped.paths:
                session.output.progress(f"skipped: {path}")


def _progress(job: Job) -> str:
    return f"{job.operation} {job.input or ''}: {job.status} ({job.handle})"
