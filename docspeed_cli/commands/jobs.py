"""The commands over jobs: the server's state of them, their results, and the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from docspeed_cli import delivery
from docspeed_cli.api import Answer
from docspeed_cli.delivery import Delivery, Target
from docspeed_cli.errors import (
    AuthError,
    DocspeedError,
    JobFailed,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Pending,
    UsageError,
    worst,
)
from docspeed_cli.flags import CommonFlags, ManyFlags, ResultFlags, flag
from docspeed_cli.following import Following
from docspeed_cli.framework import Action, guide
from docspeed_cli.models import Job, State
from docspeed_cli.operations import FORMATS, named
from docspeed_cli.runs import work
from docspeed_cli.session import Outcome, Session, Task, Waiting
from docspeed_cli.settings import SANDBOX, duration
from docspeed_cli.times import ago, rfc3339

_ROW = re.compile(r"@(\d+)")

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID...",
        help="job ids; @last is the newest, - reads ids from standard input",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class PollFlags:
    """How long and how often to look."""

    timeout: Annotated[
        str | None,
        flag(
            "--timeout",
            about="wait no longer than this: 90, 90s, 30m, 2h",
            panel="Waiting",
            metavar="DURATION",
        ),
    ] = None
    poll_interval: Annotated[
        str | None,
        flag(
            "--poll-interval", about="the least time between two looks", panel="Waiting", metavar="DURATION"
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The settings that these flags override."""
        return {"timeout": self.timeout, "poll_interval": self.poll_interval}


# -- the server's view


@guide("docspeed jobs status @last", "docspeed jobs status job_123 | jq -r .status", formats=("json",))
def status(ids: Ids = None, *, many: ManyFlags, common: CommonFlags) -> Action:
    """One look at jobs."""

    def look(session: Session, job: Job) -> Task[Outcome]:
        yield from ()
        if job.job_id is None:
            return Outcome(job=job)
        job, answer = Following(session).look_patiently(job)
        return Outcome(job=job, status=answer)

    def action(session: Session) -> int:
        return _for_each(session, _named(ids, session), look, _show_status)

    return action


@guide(
    "docspeed jobs wait @last",
    "docspeed parse a.pdf --sandbox | jq -r .job_id | docspeed jobs wait -",
    "docspeed jobs wait job_1 job_2 --any --timeout 10m",
    formats=("json", "id"),
)
def wait(
    ids: Ids = None,
    any_: Annotated[bool, flag("--any", about="only until the first of them ends", panel="Waiting")] = False,
    *,
    polling: PollFlags,
    many: ManyFlags,
    common: CommonFlags,
) -> Action:
    """Follow jobs to their end."""

    def follow(session: Session, job: Job) -> Task[Outcome]:
        _known_outcome(session, job)
        job, answer = yield from Following(session).watch(job, _patience(session))
        return Outcome(job=job, status=answer, error=_failure(job))

    def action(session: Session) -> int:
        return _for_each(session, _named(ids, session), follow, _show_status, first_only=any_)

    return action


@guide(
    "docspeed jobs result @last",
    "docspeed jobs result job_123 -o result.json",
    "docspeed jobs wait job_123 && docspeed jobs result job_123 --format markdown",
    formats=FORMATS,
)
def result(
    ids: Ids = None,
    table: Annotated[
        str | None, flag("--table", about="this table of several, for csv", panel="Output", metavar="NAME")
    ] = None,
    *,
    many: ManyFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """The results of jobs that have ended."""

    def action(session: Session) -> int:
        jobs = _named(ids, session)
        to = delivery.target(results.output, len(jobs) > 1, table)
        hand = Delivery(session, to)

        def show(at: Session, outcome: Outcome) -> None:
            hand.session = at
            (hand.line if to.many else hand.result)(outcome)

        return _for_each(session, jobs, lambda at, job: _result(at, job, to), show)

    return action


def _result(session: Session, job: Job, to: Target) -> Task[Outcome]:
    _known_outcome(session, job)
    if job.job_id is not None:
        job, _ = Following(session).look_patiently(job)
    if not job.ended:
        raise Pending(
            f"job {job.handle} is still {job.status}",
            job_id=job.job_id,
            retryable=True,
            hint=session.take_up([job]),
        )
    failure = _failure(job)
    if failure is not None:
        raise failure
    return Outcome(job=job, payload=(yield from Following(session).fetch(job, to.spool)))


# -- the ledger


@guide(
    "docspeed jobs list",
    "docspeed jobs list --status running --refresh",
    "docspeed jobs list --json | jq -r 'select(.state == \"failed\") | .job_id'",
    formats=("json", "id"),
)
def list_(
    status: Annotated[
        str | None, flag("--status", about="only jobs in this state", panel="Input", metavar="STATUS")
    ] = None,
    operation: Annotated[
        str | None, flag("--operation", about="only jobs of this operation", panel="Input", metavar="NAME")
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", min=1, help="no more than this many (30)", show_default=False, rich_help_panel="Input"
        ),
    ] = 30,
    refresh: Annotated[
        bool, flag("--refresh", about="ask the server for those that still run", panel="Request")
    ] = False,
    *,
    many: ManyFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """The jobs that this machine submitted, newest first."""

    def action(session: Session) -> int:
        if refresh:
            _refresh(session)
        name = named(operation).name if operation else None
        found = session.ledger.listing(status=status, operation=name, limit=limit)
        _show_list(session, [_honest(session, job) for job in found])
        return 0

    return action


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
    """Takes jobs out of the local ledger; the server's jobs and results stay."""
    try:
        age = None if older_than is None else duration(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
    if bool(ids) == (finished or age is not None):
        raise UsageError("name job ids, or --finished, --older-than, or both of these")

    def action(session: Session) -> int:
        if ids:
            chosen = [_in_ledger(session, text) for text in _texts(ids, session)]
        else:
            before = None if age is None else session.world.now() - age
            found = session.ledger.listing(older_than=before)
            chosen = [job for job in found if job.ended or not finished]
        count = Following(session).forget(chosen)
        if session.output.human:
            session.output.text(f"forgot {count} job{'' if count == 1 else 's'}")
        else:
            session.output.value({"forgotten": count})
        return 0

    return action


# -- which jobs


def _texts(ids: Iterable[str] | None, session: Session) -> Iterator[str]:
    """The ids as given; those on standard input may be bare or in the JSON lines that this program prints."""
    if not ids:
        raise UsageError(
            "no job named", hint="name a job id, @last, or - to read ids; docspeed jobs list shows them"
        )
    for text in ids:
        if text != "-":
            yield text
            continue
        if session.world.stdin.isatty():
            raise UsageError("standard input is the terminal", hint="pipe ids in, or name them")
        yield from (_id_in(line.strip()) for line in session.world.stdin if line.strip())


def _id_in(line: str) -> str:
    if not line.startswith("{"):
        return line.strip('"')
    try:
        found = json.loads(line).get("job_id")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, str):
        raise UsageError(f"this line holds no job_id: {line[:80]}")
    return found


def _named(ids: Iterable[str] | None, session: Session) -> list[Job]:
    return [_resolved(session, text) for text in dict.fromkeys(_texts(ids, session))]


def _resolved(session: Session, text: str) -> Job:
    """The ledger's job, or one that is known by its id alone."""
    if text == "@last":
        newest = session.ledger.newest(None if session.any_server else session.server)
        if newest is None:
            raise NotFound("the ledger holds no job yet", hint="docspeed parse FILE --sandbox")
        return newest
    row = _ROW.fullmatch(text)
    if row:
        found = session.ledger.by_row(int(row[1]))
        if found is None:
            raise NotFound(f"the ledger has no row {text}", hint="docspeed jobs list")
        return found
    if not text.isprintable() or not text:
        raise UsageError(f"{text!r} is no job id")
    known = session.ledger.by_id(text)
    here = [job for job in known if job.server == session.server]
    unknown = Job("", "unknown", State.RUNNING, job_id=text, server=session.server)
    return next(iter([*here, *known]), unknown)


def _in_ledger(session: Session, text: str) -> Job:
    job = _resolved(session, text)
    if job.row is None:
        raise NotFound(f"the ledger has no job {text}", hint="docspeed jobs list")
    return job


def _session_for(session: Session, jobs: list[Job]) -> Session:
    """The session with the server of these jobs. The sandbox needs no key, so it is switched to unasked."""
    servers = {job.server for job in jobs}
    if servers == {session.server} or not servers:
        return session
    if servers == {SANDBOX} and session.any_server:
        return session.at(SANDBOX)
    for job in jobs:
        if job.server != session.server:
            flag = "--sandbox" if job.server == SANDBOX else f"--base-url {job.server}"
            raise UsageError(
                f"job {job.handle} was submitted to {job.server}, not to {session.server}",
                hint=f"add {flag}",
            )
    return session


def _for_each(
    session: Session,
    jobs: list[Job],
    task: Callable[[Session, Job], Task[Outcome]],
    show: Callable[[Session, Outcome], None],
    *,
    first_only: bool = False,
) -> int:
    """Do this with every job, all together; show each as it ends, and find the exit code."""
    at = _session_for(session, jobs)

    def isolated(job: Job) -> Task[Outcome]:
        try:
            return (yield from task(at, job))
        except DocspeedError as error:
            return Outcome(job=job, error=error)

    codes: set[int] = set()
    for outcome in work(at, (isolated(job) for job in jobs), one=len(jobs) == 1):
        if outcome.error is None or outcome.status is not None:
            show(at, outcome)
        if outcome.error is not None:
            at.output.error(outcome.error)
            codes.add(outcome.error.exit_code)
        if first_only or isinstance(outcome.error, AuthError | NoCredits):
            break
    at.output.ring()
    return worst(codes)


# -- what is said of them


def _patience(session: Session) -> Waiting:
    values = session.settings.values
    return Waiting(wait=True, timeout=values["timeout"], floor=values["poll_interval"] or 0.0)


def _known_outcome(session: Session, job: Job) -> None:
    job = _honest(session, job)
    if job.job_id is None and job.state in (State.SUBMITTING, State.UNKNOWN):
        what = "is being submitted now" if job.state is State.SUBMITTING else "has an unknown outcome"
        raise OutcomeUnknown(
            f"{job.operation} of {job.input or 'the request'} {what}; it has no job id",
            hint="run its command again: it joins the job or submits it again",
        )


def _honest(session: Session, job: Job) -> Job:
    """A submission that nobody works on any more has an unknown outcome."""
    if job.state is State.SUBMITTING and session.locks.free(job.request):
        return replace(job, state=State.UNKNOWN, status=State.UNKNOWN)
    return job


def _failure(job: Job) -> JobFailed | None:
    if job.state is not State.FAILED:
        return None
    why = f": {job.error}" if job.error else ""
    return JobFailed(f"job {job.handle} ended as {job.status}{why}", job_id=job.job_id)


def _show_status(session: Session, outcome: Outcome) -> None:
    output, job = session.output, outcome.job
    assert job is not None
    if output.format == "id":
        output.text(job.handle)
    elif output.human:
        then = f" · submitted {ago(job.submitted_at, session.world.now())}" if job.submitted_at else ""
        output.text(f"{job.handle}  {job.operation}  {job.status}  {job.input or ''}".rstrip() + then)
    elif outcome.status is None:
        output.value(_line(job))
    else:
        _pass_on(session, outcome.status)


def _pass_on(session: Session, answer: Answer) -> None:
    """The server's own words on one line."""
    if session.output.world.stdout.isatty():
        session.output.payload(answer.payload)
    else:
        session.output.chunks([*answer.payload.on_one_line(), b"\n"])


def _line(job: Job) -> dict[str, Any]:
    return {
        **delivery.job_line(job),
        "state": job.state.value,
        "updated_at": rfc3339(job.updated_at),
        "server": job.server,
        "error": job.error,
        "output": job.output,
        "row": job.row,
    }


def _show_list(session: Session, jobs: list[Job]) -> None:
    output = session.output
    if not output.human:
        for job in jobs:
            output.text(job.handle) if output.format == "id" else output.value(_line(job))
        return
    if not jobs:
        output.note("no jobs here yet")
        return
    from docspeed_cli import render

    now = session.world.now()
    rows = [
        {
            "job": job.handle,
            "operation": job.operation,
            "status": job.status,
            "input": job.input or "",
            "age": ago(job.submitted_at, now),
            "server": job.server,
        }
        for job in jobs
    ]
    columns = ["job", "operation", "status", "input", "age"]
    if len({job.server for job in jobs}) > 1:
        columns.append("server")
    output.show(render.jobs_table(rows, columns))


def _refresh(session: Session) -> None:
    """Ask for every job that still runs, as far as this session's server knows them."""
    running = [job for job in session.ledger.listing(status=State.RUNNING) if job.job_id]
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
                at.output.warn(f"{job.handle}: {error.message}")

        jobs = [job for job in running if job.server == server]
        for _ in work(at, (look(job) for job in jobs), one=len(jobs) == 1):
            pass
