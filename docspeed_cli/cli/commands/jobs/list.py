"""`docspeed jobs list`."""

from __future__ import annotations

from typing import Annotated

from docspeed_cli.cli.commands.jobs.listing import jobs_table, refresh
from docspeed_cli.cli.csv_rows import write_csv
from docspeed_cli.cli.flags import NOTHING, Count, Text, input_flag, server_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import mark_abandoned
from docspeed_cli.cli.options import Bom, ConcurrencyOptions, FormatOptions, ServerOptions
from docspeed_cli.cli.run_names import find_run
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import OPERATIONS, operation_named
from docspeed_cli.core.settings import duration
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Context
from docspeed_cli.terminal.streams import check_bom

_COLUMNS = tuple(Job("", "", State.UNKNOWN).to_full_json())
"""Columns of the CSV table."""

_SCREENFUL = 30
"""Jobs that are shown at a terminal unless `--limit` says otherwise."""


class ListOptions(ConcurrencyOptions, FormatOptions, ServerOptions):
    """Which jobs to list, and the shared options of `jobs list`."""

    status: Annotated[
        Text,
        input_flag(
            "--status",
            "only jobs in this state (submitting, running, done, failed, gone, unknown) or with this status",
            "STATUS",
            tuple(State),
        ),
    ] = None
    operation: Annotated[
        Text, input_flag("--operation", "only jobs of this operation", "NAME", tuple(OPERATIONS))
    ] = None
    run: Annotated[
        Text, input_flag("--run", "only jobs of this run: its id or name, or @last", "RUN", "runs")
    ] = None
    since: Annotated[
        Text, input_flag("--since", "only jobs submitted within this time: 2d, 12h", "DURATION", NOTHING)
    ] = None
    glob: Annotated[
        Text,
        input_flag("--input", "only jobs whose input or file name matches: 'march*.pdf'", "GLOB", NOTHING),
    ] = None
    limit: Annotated[
        Count, input_flag("--limit", "no more than this many (at a terminal 30)", None, NOTHING, minimum=1)
    ] = None
    bom: Bom = False
    refresh: Annotated[bool, server_flag("--refresh", "first ask the server about jobs that still run")] = (
        False
    )


@guide(
    "docspeed jobs list",
    "docspeed jobs list --status running --refresh",
    "docspeed jobs list --run @last --status failed --format csv > failed.csv",
    "docspeed jobs list --json | jq -r 'select(.state == \"failed\") | .job_id'",
    formats=("json", "csv", "id"),
)
def list_jobs(options: ListOptions) -> Action:
    """List the jobs that this machine submitted, newest first."""
    try:
        age = None if options.since is None else duration(options.since)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from None

    def action(context: Context) -> int:
        check_bom(context.output.format, options.bom)
        name = _known_operation(context, options.operation)
        run = None if options.run is None else find_run(context, options.run).run
        if options.refresh:
            refresh(context, context.ledger.listing(status=State.RUNNING))
        few = _SCREENFUL if context.output.human_output and options.limit is None else options.limit
        found = context.ledger.listing(
            status=options.status,
            operation=name,
            run=run,
            server=context.settings.named_server,
            since=None if age is None else context.environment.now() - age,
            input_glob=options.glob,
            limit=few,
        )
        if not found:
            _explain_empty(context, options.status)
        _show_jobs(context, [mark_abandoned(context, job) for job in found], options)
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
        context.output.note(f"no job has status {status!r}; the jobs here are {states}")
    elif human:
        context.output.note("no matching jobs; `docspeed jobs list` shows all")


def _show_jobs(context: Context, jobs: list[Job], options: ListOptions) -> None:
    output = context.output
    if output.format == "csv":
        write_csv(output, _COLUMNS, (job.to_full_json().values() for job in jobs), bom=options.bom)
        return
    if not output.human_output:
        for job in jobs:
            output.text(job.ref) if output.format == "id" else output.value(job.to_full_json())
        return
    if not jobs:
        return
    output.show(jobs_table(context, jobs))
    if any(job.state is State.RUNNING for job in jobs) and not options.refresh:
        output.hint("`docspeed jobs list --refresh` asks the server about the running jobs")
    if len(jobs) == _SCREENFUL:
        output.hint(f"`docspeed jobs list --limit {10 * _SCREENFUL}` shows more")
