"""Finds the jobs that a command line names (ids, @last, @N, standard input), and the server they are on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from docspeed_cli.core.errors import NotFound, UsageError
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.jobs.context import Session

_ROW = re.compile(r"@(\d{1,18})")


def texts(ids: Iterable[str] | None, session: Session) -> Iterator[str]:
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
        for line in filter(None, map(str.strip, session.world.stdin)):
            found = _id_in(line, session)
            if found is not None:
                yield found


def _id_in(line: str, session: Session) -> str | None:
    """The job that a line names; None, with a warning, where it is of an input that came to no job."""
    if not line.startswith("{"):
        return line.strip('"')
    said: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        said = json.loads(line)
    if isinstance(said.get("job_id"), str):
        return str(said["job_id"])
    if said.get("job_id", "") is not None or not said.keys() & {"input", "error"}:
        raise UsageError(f"this line holds no job_id: {line[:80]}")
    error, name = said.get("error"), str(said.get("input") or "an input")
    why = str(error.get("message") if isinstance(error, dict) else said.get("status"))
    session.output.warn(f"there is no job of {why if why.startswith(name) else f'{name}: {why}'}")
    return None


def named_jobs(ids: Iterable[str] | None, session: Session) -> list[Job]:
    return [resolved(session, text) for text in dict.fromkeys(texts(ids, session))]


def resolved(session: Session, text: str) -> Job:
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
    if text.startswith("@"):
        raise UsageError(f"{text} is neither @last nor a row like @7", hint="docspeed jobs list")
    if not text.isprintable() or not text:
        raise UsageError(f"{text!r} is no job id")
    known = session.ledger.by_id(text)
    here = [job for job in known if job.server == session.server]
    unknown = Job("", "not seen yet", State.RUNNING, job_id=text, server=session.server)
    return next(iter([*here, *known]), unknown)


def require_known(session: Session, text: str) -> Job:
    job = resolved(session, text)
    if job.row is None:
        raise NotFound(f"the ledger has no job {text}", hint="docspeed jobs list")
    return job


def session_for(session: Session, jobs: list[Job]) -> Session:
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
                f"job {job.ref} was submitted to {job.server}, not to {session.server}",
                hint=f"add {flag}",
            )
    return session


def mark_abandoned(session: Session, job: Job) -> Job:
    """A submission that nobody works on any more has an unknown outcome."""
    if job.state is State.SUBMITTING and session.locks.free(job.request):
        return job._replace(state=State.UNKNOWN, status=State.UNKNOWN)
    return job
