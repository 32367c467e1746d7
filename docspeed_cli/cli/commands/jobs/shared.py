"""The commands over jobs: the server's state of them, their results, and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import mark_abandoned, named_jobs, session_for
from docspeed_cli.cli.options import CommonFlags, Ids, ManyFlags, PollFlags, ResultFlags, flag
from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    JobFailed,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Pending,
    UsageError,
    overall_exit_code,
)
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import FORMATS
from docspeed_cli.core.signals import GRACE
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Outcome, Session, Task, WaitOptions
from docspeed_cli.jobs.delivery import Delivery, picked, result_flags, target
from docspeed_cli.jobs.follow import Following
from docspeed_cli.jobs.scheduler import READING, run_many, run_one
from docspeed_cli.service.body import NewBody
from docspeed_cli.service.exchange import Response

_NAMED = 10
"""Jobs that one hint names; a command of more of them would not be read."""

_WIDEST = 40
"""No text makes its column wider than this."""

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
        session.output.ready()
        jobs = named_jobs(ids, session)
        shown = _Shown(jobs)
        code = _for_each(session, jobs, look, shown.later, in_order=True)
        shown.end(session)
        return code

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

    def action(session: Session) -> int:
        session.output.ready()
        jobs = named_jobs(ids, session)
        waiting = _patience(session)

        def follow(session: Session, job: Job) -> Task[Outcome]:
            _known_outcome(session, job)
            job, answer = yield from Following(session).watch(job, waiting)
            return Outcome(job=job, status=answer, error=_failure(job))

        shown = _Shown(jobs)
        code = _for_each(session, jobs, follow, shown.now, first_only=any_)
        shown.end(session)
        return code

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
    all_finished: Annotated[
        bool, flag("--all-finished", about="every job of the ledger that has ended", panel="Input")
    ] = False,
    *,
    many: ManyFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """The results of jobs that have ended."""
    if ids and all_finished:
        raise UsageError("name job ids, or --all-finished")

    def action(session: Session) -> int:
        jobs = _finished(session) if all_finished else named_jobs(ids, session)
        at = session_for(session, jobs)
        picked(session, table)
        to = target(results.output, len(jobs) > 1 or all_finished, table)
        delivery = Delivery(at, to)
        at.result_flags = session.result_flags = result_flags(results.output, results.format, table)
        paths = {job.ref: delivery.name(None, job.operation, job) for job in jobs}

        def fetch(at: Session, job: Job) -> Task[Outcome]:
            outcome = yield from _result(at, job, delivery.new_body)
            path = paths[job.ref]
            return delivery.write_result_file(outcome, path) if path is not None else outcome

        def show(at: Session, outcome: Outcome) -> None:
            (delivery.line if to.many else delivery.result)(outcome)

        return _for_each(at, jobs, fetch, show, errors_too=to.many, grace=GRACE if to.many else READING)

    return action


def _finished(session: Session) -> list[Job]:
    """The jobs of this session's server that have ended well, oldest first; those that run are looked at."""
    following = Following(session)
    found = [job for job in session.ledger.listing() if job.server == session.server]

    def look(job: Job) -> Task[Job]:
        yield from ()
        if job.state is not State.RUNNING or job.job_id is None:
            return job
        try:
            return following.look_patiently(job)[0]
        except NotFound:
            following.gone(job)
            return job._replace(state=State.GONE)

    running = sum(job.state is State.RUNNING for job in found)
    seen = list(run_many(session, map(look, found))) if running else found
    ended = [job for job in seen if job.state is State.DONE]
    waiting = sum(job.state is State.RUNNING for job in seen)
    if waiting:
        session.output.note(f"{waiting} jobs still run; their results come with the same command later")
    return sorted(ended, key=lambda job: job.row or 0)


def _result(session: Session, job: Job, new_body: NewBody) -> Task[Outcome]:
    _known_outcome(session, job)
    if job.job_id is not None:
        job, _ = Following(session).look_patiently(job)
    if not job.ended:
        raise Pending(
            f"job {job.ref} is still {job.status}",
            job_id=job.job_id,
            retryable=True,
            hint=session.resume_command([job]),
        )
    failure = _failure(job)
    if failure is not None:
        raise failure
    session.waited_for[job.ref] = job
    return Outcome(job=job, payload=(yield from Following(session).fetch(job, new_body)))


def _for_each(
    session: Session,
    jobs: list[Job],
    task: Callable[[Session, Job], Task[Outcome]],
    show: Callable[[Session, Outcome], None],
    *,
    first_only: bool = False,
    errors_too: bool = False,
    in_order: bool = False,
    grace: float = READING,
) -> int:
    """Do this with every job, all together; show each as it ends or in order, and find the exit code."""
    at = session_for(session, jobs)

    def isolated(job: Job) -> Task[Outcome]:
        try:
            return (yield from task(at, job))
        except DocspeedError as error:
            return Outcome(job=job, error=error)

    codes: set[int] = set()
    tasks = (isolated(job) for job in jobs)
    outcomes = iter([run_one(at, next(tasks))]) if len(jobs) == 1 else run_many(at, tasks, grace=grace)
    for outcome in _sorted(outcomes, jobs) if in_order else outcomes:
        at.waited_for.pop(outcome.job.ref if outcome.job else "", None)
        shown = outcome.error is None or outcome.status is not None or errors_too
        if shown:
            show(at, outcome)
        if outcome.error is not None:
            if not errors_too:
                at.output.error(outcome.error)
            codes.add(outcome.error.exit_code)
        if first_only or isinstance(outcome.error, AuthError | NoCredits):
            break
    at.output.bell()
    return overall_exit_code(codes)


def _sorted(outcomes: Iterator[Outcome], jobs: list[Job]) -> Iterator[Outcome]:
    """The outcomes in the order of the jobs; each waits for those before it only."""
    early: dict[str, Outcome] = {}
    for job in jobs:
        while job.ref not in early:
            outcome = next(outcomes)
            early[outcome.job.ref if outcome.job else ""] = outcome
        yield early[job.ref]


# -- what is said of them


def _patience(session: Session) -> WaitOptions:
    timeout = session.settings.timeout
    until = None if timeout is None else session.world.monotonic() + timeout
    return WaitOptions(wait=True, timeout=timeout, until=until, floor=session.settings.poll_interval or 0.0)


def _known_outcome(session: Session, job: Job) -> None:
    job = mark_abandoned(session, job)
    if job.job_id is None and job.state in (State.SUBMITTING, State.UNKNOWN):
        what = "is being submitted now" if job.state is State.SUBMITTING else "has an unknown outcome"
        raise OutcomeUnknown(
            f"{job.operation} of {job.input or 'the request'} {what}; it has no job id",
            hint="run its command again: it joins the job or submits it again",
        )


def _failure(job: Job) -> JobFailed | None:
    if job.state is not State.FAILED:
        return None
    why = f": {job.error}" if job.error else ""
    said = {"status": job.status, "error": job.error}
    return JobFailed(f"job {job.ref} ended as {job.status}{why}", job_id=job.job_id, details=said)


class _Shown:
    """Shows what is known of jobs: for people in rows with aligned columns, and one hint for all of them."""

    def __init__(self, jobs: list[Job]) -> None:
        self._kept: list[tuple[Session, Outcome]] = []
        self._done: list[Job] = []
        self._flags = ""
        operation = "" if all(job.operation for job in jobs) else "extract"
        self._align([*map(_texts, jobs), ("", operation, "completed", "")])

    def now(self, session: Session, outcome: Outcome) -> None:
        """Show this one as soon as it is known."""
        output, job = session.output, outcome.job
        assert job is not None
        if output.format == "id":
            output.text(job.ref)
        elif output.human_output:
            self._row(session, job, outcome.error)
        elif outcome.status is None:
            output.value(job.to_full_json())
        else:
            _pass_on(session, outcome.status)

    def later(self, session: Session, outcome: Outcome) -> None:
        """Show this one with the others where people read them, so that the columns fit all."""
        if session.output.human_output:
            self._kept.append((session, outcome))
        else:
            self.now(session, outcome)

    def end(self, session: Session) -> None:
        """Show what was kept, and how the results are had."""
        self._align([_texts(outcome.job) for _, outcome in self._kept if outcome.job])
        for at, outcome in self._kept:
            self.now(at, outcome)
        if 0 < len(self._done) <= _NAMED:
            named = " ".join(job.shell_ref for job in self._done)
            folder = " -o results/" if len(self._done) > 1 else ""
            session.output.hint(f"docspeed jobs result {named}{self._flags}{folder}")

    def _align(self, rows: list[tuple[str, ...]]) -> None:
        self._widths = [min(max(map(len, column)), _WIDEST) for column in zip(*rows, strict=True)]

    def _row(self, session: Session, job: Job, error: DocspeedError | None) -> None:
        output = session.output
        then = f"submitted {ago(job.submitted_at, session.world.now())}" if job.submitted_at else ""
        cells = (text.ljust(width) for text, width in zip(_texts(job), self._widths, strict=True))
        output.row(*cells, prose=then, state=2)
        if job.error and error is None:
            output.row(prose=f"  {job.error}")
        if job.state is State.DONE:
            self._done.append(job)
            self._flags = session.flags


def _texts(job: Job) -> tuple[str, ...]:
    return job.ref, job.operation, job.status, job.input or ""


def _pass_on(session: Session, answer: Response) -> None:
    """The server's own words on one line."""
    if session.output.environment.stdout.isatty():
        session.output.payload(answer.body)
    else:
        session.output.chunks([*answer.body.on_one_line(), b"\n"])
