"""Runs an operation over its inputs: gathers, plans, submits, waits, delivers, finds the exit code."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docspeed_cli.cli.options import (
    BatchFlags,
    InputFlags,
    ModeFlags,
    RequestFlags,
    ResultFlags,
    fields_of,
    merged,
)
from docspeed_cli.core.errors import DocspeedError, UsageError, combine_errors
from docspeed_cli.core.models import Inputs, Request, Source
from docspeed_cli.core.operations import Operation
from docspeed_cli.jobs.batch import Batch, batch_id, check_requirements
from docspeed_cli.jobs.context import Outcome, Session, WaitOptions
from docspeed_cli.jobs.delivery import Delivery, picked, result_flags, target
from docspeed_cli.jobs.dry_run import plan
from docspeed_cli.jobs.scheduler import run_one
from docspeed_cli.jobs.sources import Found, collect, discard
from docspeed_cli.jobs.submit import Submitting
from docspeed_cli.results.requirements import Requirements
from docspeed_cli.service.body import NewBody


@dataclass(frozen=True)
class Run:
    """An operation, the fields of its body, and the flags that say over what and how."""

    operation: Operation
    fields: Callable[[Session], dict[str, Any]]
    """What goes into the body besides documents; read with them, so that all faults are told together."""
    inputs: InputFlags
    request: RequestFlags
    mode: ModeFlags
    results: ResultFlags
    batch: BatchFlags = field(default_factory=BatchFlags)
    table: str | None = None
    needs_inputs: bool = True
    requirements: Callable[[dict[str, Any]], Requirements | None] = lambda fields: None
    """What a result must have, given the body's fields."""

    def __call__(self, session: Session) -> int:
        """Perform it in this session; the exit code."""
        inputs = self.inputs.inputs
        if not inputs.given and self.needs_inputs:
            raise UsageError(
                "no document given",
                hint=f"docspeed {self.operation.name} FILE; or --file-id ID, --from LIST, - for stdin",
            )
        fields, found = self._checked(session, inputs)
        if not self.request.dry_run and not wait_options(session, mode=self.mode).wait:
            check_unwaited(session, self.results, self.table, self.requirements(fields))
        try:
            _say_skipped(session, found.skipped)
            if self._is_many(inputs):
                return self._many(session, inputs, found, fields)
            return self._one(session, self._request(_all(found), fields))
        finally:
            discard(found.checked)

    def _checked(self, session: Session, inputs: Inputs) -> tuple[dict[str, Any], Found]:
        """The body's fields and the documents. UsageError with every fault of both."""
        faults: list[UsageError] = []
        fields: dict[str, Any] = {}
        found = Found(())
        try:
            fields = merged(self.fields(session), fields_of(self.request.set_))
        except UsageError as error:
            faults.append(error)
        try:
            many = self._is_many(inputs)
            target(self.results.output, many, self.table, self.batch.output_name, make=False)
            picked(session, None if self.request.dry_run else self.table)
        except UsageError as error:
            faults.append(error)
        try:
            found = collect(inputs, session.world)
        except UsageError as error:
            faults.append(error)
        if faults:
            discard(found.checked)
            raise combine_errors(faults)
        return fields, found

    def _is_many(self, inputs: Inputs) -> bool:
        """Whether results come as lines, or as files in a folder; by what was said, not by what is found."""
        if self.operation.many:
            return False
        output = self.results.output
        folder = output is not None and (output.endswith("/") or Path(output).is_dir())
        several = len(inputs.files) + len(inputs.file_ids) > 1
        return several or inputs.recursive or inputs.listed is not None or folder

    def _request(self, sources: tuple[Source, ...], fields: dict[str, Any]) -> Request:
        return Request(self.operation, sources, fields, sync=self.mode.sync)

    # -- one

    def _one(self, session: Session, request: Request) -> int:
        if self.request.dry_run:
            known, _ = Submitting(session).foreseen(request, WaitOptions(fresh=self.mode.fresh))
            if known is not None:
                session.output.note(f"not sent anyway: job {known.ref} answers this request already")
            plan(session, request)
            return 0
        to = target(self.results.output, False, self.table)
        delivery = Delivery(session, to)
        requirements = self.requirements(dict(request.fields))
        waiting = wait_options(session, delivery.new_body, mode=self.mode)
        if waiting.wait:
            session.result_flags = result_flags(self.results.output, self.results.format, self.table)
        outcome = run_one(session, Submitting(session).obtain(request, waiting))
        lacking = check_requirements(outcome, requirements)
        code = deliver_one(session, delivery, outcome)
        if lacking is not None:
            named = f"{outcome.source.label}: " if outcome.source else ""
            lacking.message = f"{named}{lacking.message}"
            raise lacking
        return code

    # -- many

    def _many(self, session: Session, inputs: Inputs, found: Found, fields: dict[str, Any]) -> int:
        dry = self.request.dry_run
        to = target(self.results.output, True, self.table, self.batch.output_name, make=not dry)
        name = batch_id(session.server, self.operation, fields, inputs)
        limit = self.batch.limit
        total = None if inputs.listed == "-" else len(found.checked)
        delivery = Delivery(session, to)
        batch = Batch(
            session,
            self.operation,
            fields,
            self.mode.sync,
            wait_options(session, delivery.new_body, mode=self.mode, batch=name),
            delivery,
            total if total is None or limit is None else min(total, limit),
            self.batch.max_failures,
            self.requirements(fields),
        )
        chosen = itertools.islice(found, limit)
        if not dry:
            return batch.run(chosen)
        if session.output.style.format != "curl":
            return batch.plan(chosen, found.skipped)
        for source in chosen:
            plan(session, self._request((_sound(source),), fields))
        return 0


def wait_options(
    session: Session,
    new_body: NewBody = None,
    *,
    waits: bool = False,
    mode: ModeFlags | None = None,
    batch: str | None = None,
) -> WaitOptions:
    """How this run obtains its jobs; `waits` is what holds where neither a flag nor a setting says it."""
    settings = session.settings
    timeout = settings.timeout
    asked = waits if settings.origins["wait"] == "default" else settings.wait
    wait = bool(asked or (mode and mode.sync))
    if not wait and settings.origins["timeout"] == "--timeout":
        raise _unwaited(session, "--timeout is about the wait, and nothing waits")
    return WaitOptions(
        wait=wait,
        timeout=timeout,
        until=session.world.monotonic() + timeout if wait and batch and timeout is not None else None,
        floor=settings.poll_interval or 0.0,
        fresh=bool(mode and mode.fresh),
        batch=batch,
        new_body=new_body,
    )


def check_unwaited(
    session: Session, results: ResultFlags, table: str | None = None, required: Requirements | None = None
) -> None:
    """UsageError where flags speak of a result, in a run that waits for none."""
    asked = results.format if results.format in ("markdown", "text", "csv") else None
    flags = {
        f"-o {results.output}": results.output,
        f"--format {asked}": asked,
        f"--table {table}": table,
        "--require": required,
    }
    for name, given in flags.items():
        if given is not None:
            raise _unwaited(session, f"{name} is about the result, and nothing waits for it")


def _unwaited(session: Session, what: str) -> UsageError:
    refused = session.settings.origins["wait"] == "--wait"
    return UsageError(what, hint="take out --no-wait" if refused else "add --wait")


def deliver_one(session: Session, delivery: Delivery, outcome: Outcome) -> int:
    """Hand over the one outcome of a run; the exit code."""
    if outcome.payload is not None:
        (delivery.line if delivery.to.many else delivery.result)(outcome)
        session.waited_for.clear()
        session.output.bell()
        return 0
    session.waited_for.clear()
    delivery.submitted(outcome)
    if outcome.job is not None and session.output.human_output:
        ended = f"docspeed jobs result {outcome.job.shell_ref}{session.flags}"
        session.output.hint(ended if outcome.job.ended else session.resume_command([outcome.job]))
    return 0


def _sound(source: Source | DocspeedError) -> Source:
    if isinstance(source, DocspeedError):
        raise source
    return source


def _all(found: Iterable[Source | DocspeedError]) -> tuple[Source, ...]:
    return tuple(_sound(source) for source in found)


def _say_skipped(session: Session, skipped: Sequence[Path]) -> None:
    if skipped:
        files = "1 file" if len(skipped) == 1 else f"{len(skipped)} files"
        session.output.note(f"skipped {files} of unsupported type (--verbose names them)")
        if session.output.style.verbose:
            for path in skipped:
                session.output.progress(f"skipped: {path}")
