"""Find the jobs that a command line names (ids, @last, @7, standard input), and their server."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from docspeed_cli.core.errors import NotFound, UsageError
from docspeed_cli.core.json_text import read_json
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.settings import flag_for_server
from docspeed_cli.core.text_files import read_lines
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.named_documents import may_be_id
from docspeed_cli.jobs.job_names import LAST, ROW, named_job


def read_ids(ids: Iterable[str] | None, context: Context, *, rows: bool = False) -> Iterator[str]:
    """The ids as given. Those on standard input may be bare, or in JSON lines that this program printed.

    With `rows`, a line of `jobs list` without an id stands for its row in the ledger.
    """
    if not ids:
        raise UsageError(
            "no job given", hint="name a job id, @last, or - to read ids; `docspeed jobs list` shows them"
        )
    for text in ids:
        if text != "-":
            yield text
            continue
        stdin = context.environment.stdin
        if stdin.isatty():
            raise UsageError("standard input is the terminal", hint="pipe ids in, or name them")
        for line in filter(None, map(str.strip, read_lines(stdin.buffer))):
            found = _id_in_line(line, context, rows=rows)
            if found is not None:
                yield found


def _id_in_line(line: str, context: Context, *, rows: bool) -> str | None:
    """The job that a line names; None, with a warning, if its input never became a job."""
    if not line.startswith("{"):
        return line.strip('"')
    members: dict[str, Any] = {}
    with suppress(ValueError):
        members = read_json(line)
    if isinstance(members.get("job_id"), str):
        return str(members["job_id"])
    # Our lines of failed inputs have a null there; any other line is not ours.
    if members.get("job_id", "") is not None or not members.keys() & {"input", "error"}:
        hint = "pipe in ids, or the JSON lines that a command prints"
        raise UsageError(f"this line has no job_id: {line[:80]}", hint=hint)
    row = ROW.fullmatch(f"@{members.get('row')}") if rows else None
    job = context.ledger.by_row(int(row[1])) if row else None
    # The line may come from another machine, where the row is another job.
    if job is not None and all(members.get(key) == value for key, value in _lasting(job).items()):
        return job.ref
    error, label = members.get("error"), str(members.get("input") or "an input")
    why = str(error.get("message") if isinstance(error, dict) else members.get("status"))
    context.output.warn(f"no job for {why if why.startswith(label) else f'{label}: {why}'}")
    return None


def _lasting(job: Job) -> dict[str, Any]:
    """The members of a job's line that never change."""
    return {key: value for key, value in job.to_json().items() if key != "status"}


def named_jobs(ids: Iterable[str] | None, context: Context) -> list[Job]:
    """The jobs that the ids name, each once."""
    return [find_job(context, text) for text in dict.fromkeys(read_ids(ids, context))]


def named_run(ids: Sequence[str] | None) -> str | None:
    """The run that the only id names, as `@march`; None if it names a job."""
    if not ids or len(ids) > 1 or ids[0] == LAST or not ids[0].startswith("@") or ROW.fullmatch(ids[0]):
        return None
    return ids[0][1:]


def find_job(context: Context, text: str) -> Job:
    """The ledger's job, or one of which only the id is known. NotFound, UsageError."""
    known = named_job(context, text)
    if known is not None:
        return known
    if text == LAST:
        raise _no_job(context)
    if ROW.fullmatch(text):
        raise NotFound(f"the ledger has no row {text}", hint="`docspeed jobs list`")
    if text.startswith("@"):
        raise UsageError(f"{text} is neither @last nor a row like @7", hint="`docspeed jobs list`")
    if not text.isprintable() or not text.strip():
        raise UsageError(f"{text!r} can't be a job id")
    _check_is_no_other_name(context, text)
    return Job("", "of unknown status", State.RUNNING, job_id=text, server=context.server)


def _no_job(context: Context) -> NotFound:
    """The error for `@last` without a job."""
    server = context.settings.named_server
    newest = context.ledger.newest()
    if newest is not None:
        hint = f"`docspeed jobs list {flag_for_server(newest.server)}`"
        return NotFound(f"the ledger has no job of {server} yet", hint=hint)
    return NotFound("the ledger has no job yet", hint="`docspeed parse FILE --sandbox`")


def _check_is_no_other_name(context: Context, text: str) -> None:
    """Check that an unknown id does not name a file, a stored file or a run. UsageError if it does."""
    flags = context.settings.server_flags
    if os.path.lexists(text) and not may_be_id(text):
        # The ledger has an input's path as the user wrote it, but a result's absolute path.
        ended = context.ledger.of_output(os.path.realpath(text))
        hint = f"`docspeed jobs status {ended.shell_ref}{flags}`" if ended is not None else None
        hint = hint or f"`docspeed jobs list --input {shlex.quote(text)}{flags}`"
        raise UsageError(f"{text} is a file, not a job", hint=hint)
    job = context.ledger.of_file(text)
    if job is not None:
        hint = f"its newest job: `docspeed jobs status {job.shell_ref}{flags}`"
        raise UsageError(f"{text} is a stored file, not a job", hint=hint)
    run = context.ledger.runs.find(text)
    if run is not None:
        raise UsageError(f"{text} is a run, not a job", hint=f"name it @{run.name or run.run}")


def context_for(context: Context, jobs: list[Job]) -> Context:
    """The context of the server that these jobs are on. UsageError if another one was named.

    The sandbox needs no key, so it is used without being named.
    """
    servers = {job.server for job in jobs}
    if servers == {context.server} or not servers:
        return context
    if servers == {SANDBOX} and context.settings.named_server is None:
        return context.with_server(SANDBOX)
    elsewhere = next(job for job in jobs if job.server != context.server)
    raise UsageError(
        f"job {elsewhere.ref} was submitted to {elsewhere.server}, not to {context.server}",
        hint=f"add `{flag_for_server(elsewhere.server)}`",
    )


def mark_abandoned(context: Context, job: Job) -> Job:
    """The job as unknown, if the process that was submitting it has ended."""
    # Whoever submits holds the request's lock, and the system frees it when that process ends.
    if job.state is State.SUBMITTING and context.locks.free(job.request):
        return job._replace(state=State.UNKNOWN, status=State.UNKNOWN)
    return job
