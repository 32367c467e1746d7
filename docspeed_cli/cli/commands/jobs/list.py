"""The commands over the local ledger: what this machine submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import mark_abandoned, require_known, texts
from docspeed_cli.cli.options import CommonFlags, FormatFlags, Ids, ManyFlags, flag
from docspeed_cli.core.errors import (
    DocspeedError,
    Interrupted,
    NotFound,
    UsageError,
)
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import OPERATIONS, SANDBOX, operation_named
from docspeed_cli.core.settings import duration
from docspeed_cli.core.suggest import nearest
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Session, Task

if TYPE_CHECKING:
    from rich.console import RenderableType

_SCREENFUL = 30
_WATCH_EVERY = 2.0
_STEADY = {"status": len("processing"), "age": len("59 min ago")}
"""Widths of what changes while it is watched, so that the other columns stay where they are."""


@guide(
    "docspeed jobs list",
    "docspeed jobs list --status running --refresh",
    "docspeed jobs list --json | jq -r 'select(.state == \"failed\") | .job_id'",
    formats=("json", "id"),
)
def list_(
    status: Annotated[
        str | None,
        flag(
            "--status",
            about="only jobs that are running, done, failed, gone or unknown, or of the server's own word",
            panel="Input",
            metavar="STATUS",
        ),
    ] = None,
    operation: Annotated[
        str | None, flag("--operation", about="only jobs of this operation", panel="Input", metavar="NAME")
    ] = None,
    run: Annotated[
        str | None,
        flag(
            "--run",
            about="only jobs of this run over many inputs; @last is the newest",
            panel="Input",
            metavar="ID",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            help="no more than this many (at a terminal 30)",
            show_default=False,
            rich_help_panel="Input",
        ),
    ] = None,
    refresh: Annotated[
        bool, flag("--refresh", about="ask the server first for jobs that still run", panel="Server")
    ] = False,
    *,
    many: ManyFlags,
    results: FormatFlags,
    common: CommonFlags,
) -> Action:
    """The jobs that this machine submitted, newest first."""

    def action(session: Session) -> int:
        name = _known_operation(session, operation)
        if refresh:
            _refresh(session, session.ledger.listing(status=State.RUNNING))
        chosen = session.ledger.newest_run(session.named_server) if run == "@last" else run
        if run is not None and chosen is None:
            raise NotFound("the ledger has no run over many inputs yet")
        few = _SCREENFUL if session.output.human_output and limit is None else limit
        found = session.ledger.listing(
            status=status, operation=name, run=chosen, server=session.named_server, limit=few
        )
        if not found:
            _say_none(session, status)
        _show_list(session, [mark_abandoned(session, job) for job in found], refreshed=refresh)
        return 0

    return action


def _known_operation(session: Session, text: str | None) -> str | None:
    """The operation of this name. UsageError where neither the service has it nor any job here is of it."""
    if text is None or operation_named(text).name in OPERATIONS:
        return text and operation_named(text).name
    used = session.ledger.operations()
    if text in used:
        return text
    known = list(dict.fromkeys([*OPERATIONS, *used]))
    near = nearest(text, known)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"--operation {text}: there is no such operation", hint=hint)


def _say_none(session: Session, status: str | None) -> None:
    """Why no job is listed, where a person reads it or the status may be misspelt."""
    here = session.ledger.statuses()
    words = {word for pair in here for word in pair}
    human = session.output.human_output
    if not here:
        if human:
            session.output.note("no jobs here yet")
            session.output.hint("docspeed parse FILE --sandbox makes one without a key")
    elif status is not None and status.lower() not in words and (human or status.lower() not in tuple(State)):
        there = ", ".join(dict.fromkeys(state for state, _ in here))
        session.output.note(f"no job is {status!r}; there are {there}")
    elif human:
        session.output.note("no job here is like that; docspeed jobs list shows them all")


@guide("docspeed jobs watch", "docspeed jobs watch --sandbox")
def watch(*, many: ManyFlags, common: CommonFlags) -> Action:
    """A live table of the jobs that run; Ctrl-C leaves."""

    def action(session: Session) -> int:
        if not session.output.human_output:
            raise UsageError("watch is for a terminal", hint="docspeed jobs wait ID follows jobs in a script")
        running = _running(session)
        if not running:
            session.output.note(_nothing_runs(session))
            return 0
        try:
            _keep_watching(session, running)
        except Interrupted as interrupted:
            if not session.world.interrupts.forgive(interrupted):
                raise
        return 0

    return action


def _nothing_runs(session: Session) -> str:
    """That no job runs here; and where some do."""
    elsewhere = {job.server for job in session.ledger.listing(status=State.RUNNING) if job.job_id}
    if not elsewhere:
        return "no jobs run; docspeed jobs list shows those that have ended"
    server = sorted(elsewhere)[0]
    flag = "--sandbox" if server == SANDBOX else f"--base-url {server}"
    return f"no jobs run at {session.server}; some do elsewhere: docspeed jobs watch {flag}"


def _running(session: Session) -> list[Job]:
    """The jobs of this session's server that still run, as far as the ledger knows."""
    found = session.ledger.listing(status=State.RUNNING)
    return [job for job in found if job.job_id and job.server == session.server]


def _keep_watching(session: Session, jobs: list[Job]) -> None:
    """Look again and again, until every job has ended or is forgotten."""
    session.api.retry_rate_limits = (
        True  # what is to be said of the connection is said before there is a table
    )
    with session.output.redrawn(lambda: _watched(session, jobs)):
        while True:
            _refresh(session, [job for job in jobs if not job.ended])
            rows = (session.ledger.by_row(job.row or 0) for job in jobs)
            jobs = [job for job in rows if job is not None]
            if all(job.ended for job in jobs):
                return
            session.world.sleep(_WATCH_EVERY)


def _watched(session: Session, jobs: list[Job]) -> RenderableType:
    """As many of the jobs as the screen has room for, those that run first, and how many there are."""
    from rich.console import Group
    from rich.text import Text

    room = max(session.output.console().height - 3, 3)
    running = sum(not job.ended for job in jobs)
    counts = f"{running} running, {len(jobs) - running} ended"
    hidden = f"; {len(jobs) - room} of them not shown" if len(jobs) > room else ""
    shown = sorted(jobs, key=lambda job: job.ended)[:room]
    return Group(_table(session, shown, _STEADY), Text(counts + hidden))


@guide("docspeed jobs forget job_123", "docspeed jobs forget --finished --older-than 30d")
def forget(
    ids: Ids = None,
    finished: Annotated[bool, flag("--finished", about="jobs that have ended", panel="Input")] = False,
    older_than: Annotated[
        str | None,
        flag("--older-than", about="jobs submitted longer ago than this", panel="Input", metavar="DURATION"),
    ] = None,
    *,
    common: CommonFlags,
) -> Action:
    """Takes jobs out of the local ledger.

    The server's jobs and results stay.
    """
    try:
        age = None if older_than is None else duration(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
    if bool(ids) == (finished or age is not None):
        raise UsageError("name job ids, or --finished, --older-than, or both of these")

    def action(session: Session) -> int:
        if ids:
            chosen = [require_known(session, text) for text in texts(ids, session)]
        else:
            before = None if age is None else session.world.now() - age
            found = session.ledger.listing(older_than=before, server=session.named_server)
            chosen = [job for job in found if job.ended or not finished]
        from docspeed_cli.jobs.follow import Following

        running = [job.ref for job in chosen if not job.ended]
        if running:
            few = ", ".join(running[:5]) + (" …" if len(running) > 5 else "")
            session.output.warn(f"forgotten before they ended: {few}; the same command would submit anew")
        count = Following(session).forget(chosen)
        if session.output.human_output:
            session.output.text(f"forgot {count} job{'' if count == 1 else 's'}")
        else:
            session.output.value({"forgotten": count})
        return 0

    return action


def _show_list(session: Session, jobs: list[Job], *, refreshed: bool) -> None:
    output = session.output
    if not output.human_output:
        for job in jobs:
            output.text(job.ref) if output.format == "id" else output.value(job.to_full_json())
        return
    if not jobs:
        return
    output.show(_table(session, jobs))
    if any(job.state is State.RUNNING for job in jobs) and not refreshed:
        output.hint("docspeed jobs list --refresh asks the server for those that run")
    if len(jobs) == _SCREENFUL:
        output.hint(f"docspeed jobs list --limit {10 * _SCREENFUL} shows more")


def _table(session: Session, jobs: list[Job], steady: Mapping[str, int] | None = None) -> RenderableType:
    from docspeed_cli.terminal.views.job_list import JobsTable

    now = session.world.now()
    rows = [
        {
            "job": job.ref,
            "row": f"@{job.row}",
            "operation": job.operation,
            "status": job.status,
            "input": job.input or "",
            "age": ago(job.submitted_at, now),
            "server": job.server.partition("://")[2] or job.server,
        }
        for job in jobs
    ]
    columns = ["job", "row", "operation", "status", "input", "age"]
    if len({job.server for job in jobs}) > 1:
        columns.append("server")
    return JobsTable(rows, columns, steady)


def _refresh(session: Session, found: list[Job]) -> None:
    """Ask for those of these jobs that this session's server knows."""
    from collections import deque

    from docspeed_cli.jobs.follow import Following
    from docspeed_cli.jobs.scheduler import run_many

    running = [job for job in found if job.job_id]
    for server in {job.server for job in running}:
        if server != session.server and not (server == SANDBOX and session.any_server):
            continue
        at = session if server == session.server else session.at(server)

        def look(job: Job, at: Session = at) -> Task[None]:
            yield from ()
            try:
                Following(at).look_patiently(job)
            except NotFound:
                Following(at).gone(job)
            except DocspeedError as error:
                at.output.warn(f"{job.ref}: {error.message}")

        jobs = [job for job in running if job.server == server]
        deque(run_many(at, (look(job) for job in jobs)), maxlen=0)
