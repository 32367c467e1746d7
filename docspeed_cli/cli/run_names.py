"""Find the run that a command line names, by its id, its name or `@last`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.errors import NotFound, UsageError
from docspeed_cli.core.json_text import read_json
from docspeed_cli.core.models import Job, State

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context
    from docspeed_cli.store.runs import RunRecord

_MAX_COMPARED = 1000
"""Most runs that are compared with a misspelt name."""


def find_run(context: Context, text: str) -> RunRecord:
    """The run with this id, or the newest of this name; `@last` is the newest of all. NotFound."""
    found = context.ledger.runs.find(text, context.settings.named_server)
    if found is None:
        what = "no run over many inputs yet" if text == "@last" else f"no run {text}"
        raise NotFound(f"the ledger has {what}", hint=_hint_at_run(context, text))
    return found


def _hint_at_run(context: Context, text: str) -> str:
    """The command for what is meant: a job with this id, or a run whose name is similar."""
    from docspeed_cli.core.suggest import nearest

    flags = context.settings.server_flags
    if context.ledger.by_id(text):
        return f"it is a job: `docspeed jobs status {shlex.quote(text)}{flags}`"
    runs = context.ledger.runs.listing(context.settings.named_server, limit=_MAX_COMPARED)
    near = nearest(text.removeprefix("@"), [name for run in runs for name in (run.name, run.run) if name])
    return f"did you mean {near}? `docspeed runs list` shows them all" if near else "`docspeed runs list`"


def jobs_of_run(context: Context, run: RunRecord) -> Iterator[Job]:
    """The jobs of a run's inputs in their order; an input that failed without a job gets a failed one."""
    for item in context.ledger.runs.items(run.run):
        job = context.ledger.by_row(item.job_row) if item.job_row is not None else None
        if job is None:
            job = Job(run.operation or "", State.FAILED, State.FAILED, item.job_id, error=item.reason)
            job = job._replace(server=run.server or "")
        yield job._replace(input=item.input)


def schema_of_run(run: RunRecord | None) -> Any:
    """The schema that a run extracted by; None if it is not known."""
    with suppress(ValueError):
        return read_json(run.schema) if run is not None and run.schema is not None else None
    return None


def check_run_name(name: str) -> None:
    """UsageError for a name that a run can't have."""
    if name.startswith(("@", "-")) or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"--name {name!r}: a name can't begin with @ or -, contain line breaks, or have blanks around it"
        )
