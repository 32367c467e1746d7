"""`docspeed jobs list`."""

from __future__ import annotations

from typing import Annotated

from docspeed_cli.cli.commands.jobs.listing import jobs_table, refresh
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import mark_abandoned
from docspeed_cli.cli.options import ConcurrencyOptions, FormatOptions, ServerOptions, input_flag, server_flag
from docspeed_cli.core.errors import NotFound, UsageError
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import OPERATIONS, operation_named
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Context

_SCREENFUL = 30
"""Jobs that are shown at a terminal unless `--limit` says otherwise."""


class ListOptions(ConcurrencyOptions, FormatOptions, ServerOptions):
    """The shared options of `jobs list`."""


@guide(
    "docspeed jobs list",
    "docspeed jobs list --status running --refresh",
    "docspeed jobs list --json | jq -r 'select(.state == \"failed\") | .job_id'",
    formats=("json", "id"),
)
def list_(
    options: ListOptions,
    status: Annotated[
        str | None,
        input_flag(
            "--status",
            "only jobs in this state (running, done, failed, gone, unknown) or with this status",
            "STATUS",
        ),
    ] = None,
    operation: Annotated[str | None, input_flag("--operation", "only jobs of this operation", "NAME")] = None,
    run: Annotated[
        str | None,
        input_flag("--run", "only jobs of this run over many inputs; @last is the newest", "ID"),
    ] = None,
    limit: Annotated[
        int | None,
        input_flag("--limit", "no more than this many (at a terminal 30)", minimum=1),
    ] = None,
    refresh_: Annotated[
        bool, server_flag("--refresh", "first ask the server about jobs that still run")
    ] = False,
) -> Action:
    """List the jobs that this machine submitted, newest first."""

    def action(context: Context) -> int:
        name = _known_operation(context, operation)
        if refresh_:
            refresh(context, context.ledger.listing(status=State.RUNNING))
        run_id = context.ledger.newest_run(context.settings.named_server) if run == "@last" else run
        if run is not None and run_id is None:
            raise NotFound("the ledger has no run over many inputs yet")
        few = _SCREENFUL if context.output.human_output and limit is None else limit
        found = context.ledger.listing(
            status=status, operation=name, run=run_id, server=context.settings.named_server, limit=few
        )
        if not found:
            _explain_empty(context, status)
        _show(context, [mark_abandoned(context, job) for job in found], refreshed=refresh_)
        return 0

    return action


def _known_operation(context: Context, text: str | None) -> str | None:
    """The operation of this name. UsageError if neither the service nor a job here has it."""
    if text is None or operation_named(text).name in OPERATIONS:
        return text and operation_named(text).name
    used = context.ledger.operations()
    if text in used:
        return text
    known = list(dict.fromkeys([*OPERATIONS, *used]))
    near = nearest(text, known)
    hint = f"did you mean {near}?" if near else f"the operations are {', '.join(known)}"
    raise UsageError(f"--operation {text}: there is no such operation", hint=hint)


def _explain_empty(context: Context, status: str | None) -> None:
    """Say why no job is listed, if a person reads it or the status may be misspelt."""
    here = context.ledger.statuses()
    words = {word for pair in here for word in pair}
    human = context.output.human_output
    if not here:
        if human:
            context.output.note("no jobs here yet")
            context.output.hint("`docspeed parse FILE --sandbox` makes one without a key")
    elif status is not None and status.lower() not in words and (human or status.lower() not in tuple(State)):
        states = ", ".join(dict.fromkeys(state for state, _ in here))
        context.output.note(f"no job is {status!r}; the jobs here are {states}")
    elif human:
        context.output.note("no matching jobs; `docspeed jobs list` shows all")


def _show(context: Context, jobs: list[Job], *, refreshed: bool) -> None:
    output = context.output
    if not output.human_output:
        for job in jobs:
            output.text(job.ref) if output.format == "id" else output.value(job.to_full_json())
        return
    if not jobs:
        return
    output.show(jobs_table(context, jobs))
    if any(job.state is State.RUNNING for job in jobs) and not refreshed:
        output.hint("`docspeed jobs list --refresh` asks the server about those that run")
    if len(jobs) == _SCREENFUL:
        output.hint(f"`docspeed jobs list --limit {10 * _SCREENFUL}` shows more")
