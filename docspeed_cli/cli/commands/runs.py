"""`docspeed runs list` and `docspeed runs show`."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

from docspeed_cli.cli.csv_rows import write_csv
from docspeed_cli.cli.flags import NOTHING, Argument, Count, Files, Text, input_flag, output_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Bom, FormatOptions, ServerOptions
from docspeed_cli.cli.run_names import find_run, jobs_of_run, schema_of_run
from docspeed_cli.core.errors import DocspeedError, NotFound, UsageError
from docspeed_cli.core.models import State
from docspeed_cli.core.timefmt import ago, rfc3339, span
from docspeed_cli.jobs.context import Context
from docspeed_cli.store.runs import RunItem, RunRecord, run_lock
from docspeed_cli.terminal.progress import End
from docspeed_cli.terminal.streams import check_bom

_SCREENFUL = 30
"""Runs that are shown at a terminal unless `--limit` says otherwise."""

_MAX_INPUTS = 10
"""Most inputs that a terminal shows below one reason for failing."""

_PRIORITY = ("status", "done", "failed", "name", "age", "operation", "pages", "took")
"""Columns in the order in which they get space."""

_FAILED = (End.FAILED, End.INCOMPLETE, State.UNKNOWN, State.GONE)
"""States of inputs without a whole result, whose jobs have ended."""

_ITEM_COLUMNS = tuple(name for name in RunItem._fields if name not in ("position", "job_row"))
"""Columns of the CSV table of a run's inputs."""


class RunsOptions(FormatOptions, ServerOptions):
    """The shared options of `runs`."""

    bom: Bom = False


@guide(
    "docspeed runs list",
    "docspeed runs list --json | jq -r 'select(.failed > 0) | .run'",
    formats=("json", "csv", "id"),
)
def list_runs(
    options: RunsOptions,
    limit: Annotated[
        Count, input_flag("--limit", "no more than this many (at a terminal 30)", "N", NOTHING, minimum=1)
    ] = None,
) -> Action:
    """List the runs over many inputs, newest first."""

    def action(context: Context) -> int:
        output = context.output
        check_bom(output.format, options.bom)
        few = _SCREENFUL if output.human_output and limit is None else limit
        runs = context.ledger.runs.listing(context.settings.named_server, few)
        if output.format == "id":
            for run in runs:
                output.text(run.run)
            return 0
        described = [describe_run(context, run) for run in runs]
        if output.format == "csv":
            columns = describe_run(context, RunRecord(""))
            write_csv(output, list(columns), (members.values() for members in described), bom=options.bom)
        elif not output.human_output:
            for members in described:
                output.value(members)
        elif described:
            output.show(_runs_table(context, runs, described))
            output.hint(f"`docspeed runs show {runs[0].run}`")
        else:
            output.note("no runs yet; each command over several documents makes one")
        return 0

    return action


@guide(
    "docspeed runs show",
    "docspeed runs show march --json | jq '.failures'",
    "docspeed runs show @last --format csv > run.csv",
    "docspeed runs show march --format xlsx -o march.xlsx",
    "docspeed runs show march --format markdown > summary.md",
    formats=("json", "csv", "xlsx", "markdown"),
)
def show(
    options: RunsOptions,
    run: Annotated[str, Argument("[RUN]", "a run's id or name; @last is the newest", "runs")] = "@last",
    output: Annotated[
        Text, output_flag("-o --output", "write the workbook to this file", "FILE", Files())
    ] = None,
) -> Action:
    """Show a run: counts, pages, time, where its results are, and what failed.

    --format csv prints a row for each input, --format xlsx writes a workbook of the kept results.
    """

    def action(context: Context) -> int:
        check_bom(context.output.format, options.bom)
        found = find_run(context, run)
        if context.output.format == "xlsx":
            return _write_book(context, found, output)
        if output is not None:
            hint = f"add `--format xlsx`, or write `> {shlex.quote(output)}` in place of `-o`"
            raise UsageError(f"-o {output} is for a workbook", hint=hint)
        if context.output.format == "csv":
            items = context.ledger.runs.items(found.run)
            rows = ([getattr(item, name) for name in _ITEM_COLUMNS] for item in items)
            write_csv(context.output, _ITEM_COLUMNS, rows, bom=options.bom)
            return 0
        members = describe_run(context, found)
        failures = _failures_by_reason(context.ledger.runs.items(found.run, _FAILED))
        if context.output.format == "markdown":
            from docspeed_cli.cli.run_markdown import run_as_markdown

            context.output.text(run_as_markdown(members, counts_in_words(members), failures))
        elif context.output.human_output:
            _show_run(context, found, members, failures)
        else:
            context.output.value({**members, "failures": failures})
        return 0

    return action


def _write_book(context: Context, run: RunRecord, output: str | None) -> int:
    """Write the kept results of a run as a workbook, without a request; returns the exit code."""
    from docspeed_cli.jobs.follow import job_failed
    from docspeed_cli.jobs.outcome import Outcome
    from docspeed_cli.jobs.output.row_output import RowOutput, check_rows, with_decisions
    from docspeed_cli.jobs.output.target import file_target, row_options
    from docspeed_cli.jobs.stored.job_documents import check_output_of
    from docspeed_cli.service.body import Body

    rows = row_options("xlsx", run.operation or "", schema=schema_of_run(run))
    assert rows is not None
    path = file_target(output, rows).path
    check_rows(context, rows, to_file=path is not None)
    jobs = list(jobs_of_run(context, run))
    if path is not None:
        check_output_of(context, jobs, path, with_results=True)
    book, absent = RowOutput(context, with_decisions(context, rows, jobs), path), 0
    for job in jobs:
        kept = context.kept.open(job)
        try:
            if kept is not None:
                book.add(Outcome(job=job, result=Body.of(kept)))
                continue
            if job.state is State.FAILED:
                raise job_failed(job)
            absent += 1
            raise NotFound("the result is not kept")
        except DocspeedError as error:
            book.add(Outcome(job=job, error=error))
    book.finish()
    if absent:
        raise NotFound(
            f"the results of {absent} inputs are not kept; their rows say so",
            hint=f"`docspeed jobs result @{run.run}{context.settings.server_flags} --format xlsx -o FILE`"
            " asks the server for them",
        )
    return 0


def describe_run(context: Context, run: RunRecord) -> dict[str, Any]:
    """A run as the JSON that scripts read; times are RFC 3339."""
    counts = context.ledger.runs.counts(run.run)
    states = counts.states
    status, stopped = _status(context, run)
    ended = states.total()
    return {
        "run": run.run,
        "name": run.name,
        "operation": run.operation,
        "status": status,
        "stopped": stopped,
        "server": run.server,
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(run.ended_at),
        "seconds": _seconds(run),
        "inputs": run.total if run.total is not None else ended,
        "done": states[End.DONE],
        "reused": counts.reused,
        "failed": states[End.FAILED] + states[State.GONE],
        "incomplete": states[End.INCOMPLETE],
        "running": states[End.RUNNING] + states[State.SUBMITTING],
        "unknown": states[State.UNKNOWN],
        "not_tried": max((run.total or 0) - ended, 0),
        "pages": counts.pages,
        "results": run.results,
        "previous": run.previous,
    }


def _status(context: Context, run: RunRecord) -> tuple[str, str | None]:
    """Whether a run is `running`, `finished` or `stopped`, and why it stopped."""
    if run.ended_at is not None:
        return ("finished" if run.stopped is None else "stopped"), run.stopped
    # A run holds its lock until it ends, and the system frees the lock of a process that was killed.
    if context.locks.free(run_lock(run.run)):
        return "stopped", "the program was killed"
    return "running", None


def _seconds(run: RunRecord) -> float | None:
    if run.started_at is None or run.ended_at is None:
        return None
    return round(run.ended_at - run.started_at, 3)


def _failures_by_reason(items: list[RunItem]) -> list[dict[str, Any]]:
    """The failed inputs by reason, the most frequent first."""
    groups: dict[tuple[str | None, str | None], list[str | None]] = {}
    for item in items:
        groups.setdefault((item.code, item.reason or item.status), []).append(item.input)
    ranked = sorted(groups.items(), key=lambda group: -len(group[1]))
    return [
        {"reason": reason, "code": code, "count": len(inputs), "inputs": inputs}
        for (code, reason), inputs in ranked
    ]


def counts_in_words(members: dict[str, Any]) -> str:
    reused = f" ({members['reused']} reused)" if members["reused"] else ""
    words = {
        "failed": "failed",
        "incomplete": "not as required",
        "running": "still running",
        "unknown": "with an unknown outcome",
        "not_tried": "not tried",
    }
    others = [f"{members[name]} {text}" for name, text in words.items() if members[name]]
    return ", ".join((f"{members['done']} done{reused}", *others))


def _show_run(
    context: Context, run: RunRecord, members: dict[str, Any], failures: list[dict[str, Any]]
) -> None:
    output, now = context.output, context.environment.now()
    name = f" ({run.name})" if run.name else ""
    why = f": {members['stopped']}" if members["stopped"] else ""
    output.row(f"run {run.run}{name}", str(run.operation or ""), f"{members['status']}{why}")
    took = f", took {span(members['seconds'])}" if members["seconds"] is not None else ""
    rows = {
        "started": f"{ago(run.started_at, now)}{took}",
        "inputs": f"{members['inputs']}: {counts_in_words(members)}",
        "pages": "" if members["pages"] is None else str(members["pages"]),
        "results": run.results or "",
        "server": str(run.server or ""),
        "run before": run.previous or "",
    }
    for label, text in rows.items():
        if text:
            output.row(f"{label:<10}", text)
    for group in failures:
        output.row(f"{group['count']} × {group['reason']}")
        for label in group["inputs"][:_MAX_INPUTS]:
            output.row(f"    {label}")
        if len(group["inputs"]) > _MAX_INPUTS:
            output.row(f"    … and {len(group['inputs']) - _MAX_INPUTS} more")
    if any(len(group["inputs"]) > _MAX_INPUTS for group in failures):
        output.hint(f"`docspeed runs show {run.run} --format csv`")
    elif failures or members["status"] == "stopped":
        output.hint("run its command again, without `--fresh`; it does only what is left")


def _runs_table(context: Context, runs: list[RunRecord], described: list[dict[str, Any]]) -> Any:
    from docspeed_cli.terminal.views.job_list import JobsTable

    now = context.environment.now()
    rows = [
        {
            "run": run.run,
            "name": run.name or "",
            "operation": run.operation or "",
            "status": members["status"],
            "done": f"{members['done']} of {members['inputs']}",
            "failed": str(members["failed"] + members["incomplete"]),
            "pages": "" if members["pages"] is None else str(members["pages"]),
            "took": "" if members["seconds"] is None else span(members["seconds"]),
            "age": ago(run.started_at, now),
        }
        for run, members in zip(runs, described, strict=True)
    ]
    columns = ["run", "name", "operation", "status", "done", "failed", "pages", "took", "age"]
    shown = [name for name in columns if any(row[name] for row in rows)]
    return JobsTable(rows, shown, priority=_PRIORITY)
