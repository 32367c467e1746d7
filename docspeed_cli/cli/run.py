"""Run an operation over its documents: check everything, submit, wait, deliver, and find the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.cli.assignments import merge, parse_assignments
from docspeed_cli.cli.interrupts import interruptible_download, resumable
from docspeed_cli.cli.job_ids import check_file_ids
from docspeed_cli.cli.options import CombineOptions, ResultOptions
from docspeed_cli.cli.run_names import check_run_name
from docspeed_cli.core.errors import UsageError, combine_errors
from docspeed_cli.core.json_text import to_json
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.operations import Operation
from docspeed_cli.core.signals import GRACE
from docspeed_cli.jobs.clutter import in_words
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.outcome import WaitOptions
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import run_alone
from docspeed_cli.jobs.sources import InputSet, collect, discard, is_wildcard, usable
from docspeed_cli.jobs.target import (
    RowOptions,
    Target,
    check_file,
    file_target,
    names_folder,
    result_flags,
    row_options,
    target,
)
from docspeed_cli.jobs.tasks import DocumentTasks, RequestTask

if TYPE_CHECKING:
    from docspeed_cli.jobs.batch import Plan
    from docspeed_cli.jobs.checking import ResultChecks


class Run(NamedTuple):
    """An operation over the documents that its options name."""

    operation: Operation
    fields: Callable[[Context], dict[str, Any]]
    """Reads the body's fields; called when documents are checked, so that all problems come together."""
    options: CombineOptions
    table: str | None = None
    columns: str | None = None
    bom: bool = False
    needs_inputs: bool = True
    checks: Callable[[Context, dict[str, Any]], ResultChecks | None] = lambda context, fields: None
    """Make the checks that results must pass from the body's fields; called when documents are checked."""

    def perform(self, context: Context) -> int:
        """Perform the operation; returns the exit code."""
        checked = self._check(context)
        try:
            return self._run_many(context, checked) if self._is_many else self._run_one(context, checked)
        finally:
            discard(checked.found.checked)

    def _check(self, context: Context) -> _Checked:
        """Check fields, flags and documents. UsageError with every problem of all of them."""
        wrong = context.settings.error
        problems = [] if wrong is None else [wrong]
        added: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        checks, options, to, found = None, WaitOptions(), Target(), InputSet()
        with _adding_to(problems):
            added = parse_assignments(self.options.set_)
        with _adding_to(problems):
            fields = merge(self.fields(context), added)
        with _adding_to(problems):
            checks = self.checks(context, fields)
        with _adding_to(problems):
            self._check_run_flags()
        with _adding_to(problems):
            to = self._target(self._rows(context, fields), make=False)
        with _adding_to(problems):
            options = self._wait_options(context, checks)
        with _adding_to(problems):
            found = self._documents(context, options.timeout, download=not problems)
            self._check_outputs(context, found, to)
        if problems:
            discard(found.checked)
            raise combine_errors(problems)
        _report_skipped(context, found.skipped)
        if to.rows is not None:
            from docspeed_cli.jobs.row_output import check_rows

            check_rows(context, to.rows, to_file=to.path is not None)
        return _Checked(fields, found, checks, options, to.rows)

    def _wait_options(self, context: Context, checks: ResultChecks | None) -> WaitOptions:
        """How the run waits and resubmits. UsageError if its flags contradict each other."""
        fresh, no_resubmit = self.options.fresh, self.options.no_resubmit
        if fresh and no_resubmit:
            raise UsageError("--fresh and --no-resubmit contradict each other; give only one of them")
        options = WaitOptions()
        if not self.options.dry_run:
            options = wait_options(context, sync=self.options.sync)
            if not options.wait:
                check_unwaited(context, self.options, self.table, checks)
        return options._replace(fresh=fresh, no_resubmit=no_resubmit)

    def _documents(self, context: Context, timeout: float | None, *, download: bool) -> InputSet:
        """The documents, downloaded if necessary. UsageError if one can't be used, or for too many."""
        options = self.options
        if not options.inputs.given and self.needs_inputs:
            raise UsageError(
                "no document given",
                hint=f"name one: `docspeed {self.operation.name} FILE`, `--file-id ID`, `--from LIST` or `-`",
            )
        check_file_ids(context, options.inputs.file_ids)
        found = collect(options.inputs, context.environment)
        if options.dry_run:
            return found
        try:
            if options.max_files is not None or options.max_pages is not None:
                from docspeed_cli.jobs.limits import limit_files, limit_pages

                most = sys.maxsize if options.max_files is None else options.max_files
                found = limit_files(found, options.limit, most)
            if not download and any(source.url for source in found.checked):
                return found
            found = downloaded(context, found, options.inputs, options.limit, timeout)
            if options.max_pages is not None:
                limit_pages(found.checked, options.max_pages)
        except BaseException:
            discard(found.checked)
            raise
        return found

    def _check_outputs(self, context: Context, found: InputSet, to: Target) -> None:
        """UsageError if what is written would replace a file that the command reads."""
        failures = self.options.failures
        if to.path is not None or failures is not None:
            record_inputs(context, self.options.inputs, found.checked)
        if to.path is not None:
            from docspeed_cli.jobs.result_files import ResultFiles

            sources = found.checked[: self.options.limit]
            ResultFiles(context, to).check_inputs(sources, self.operation.name)
        if failures is not None:
            context.files_read.check_output(Path(failures), "--failures")

    def _check_run_flags(self) -> None:
        """UsageError if a flag of runs makes no sense."""
        options = self.options
        if options.name is not None:
            check_run_name(options.name)
        given = {"--name": options.name, "--failures": options.failures, "--shard": options.shard}
        flags = [flag for flag, value in given.items() if value is not None]
        if flags and not self._is_many:
            raise UsageError(
                f"{' and '.join(flags)} can only be used in a run over several inputs",
                hint="name several inputs, use `--recursive` or `--from`, or add `-o DIR/`",
            )
        if options.failures is not None:
            if names_folder(options.failures, "--failures"):
                raise UsageError(f"--failures {options.failures}: it is a folder; name a file in it")
            check_file(Path(options.failures), f"--failures {options.failures}")

    def _rows(self, context: Context, fields: dict[str, Any]) -> RowOptions | None:
        """Which rows are wanted, if any; the schema that is sent names their columns."""
        if self.options.dry_run:
            return None
        named = (context.output.format, self.operation.name, self.table, self.columns)
        rows = row_options(*named, fields.get("schema"), bom=self.bom)
        if rows is None or self.options.fresh:
            return rows
        from docspeed_cli.jobs.row_output import with_decisions

        return with_decisions(context, rows)

    def _target(self, rows: RowOptions | None, *, make: bool) -> Target:
        options = self.options
        if self.operation.many:
            return file_target(options.output)
        named = (options.output, self._is_many, self.table, options.output_name)
        return target(*named, make=make, overwrite=options.overwrite, rows=rows)

    @property
    def _is_many(self) -> bool:
        """Whether results come as lines, or as files in a folder: decided by what was named, not found."""
        if self.operation.many:
            return False
        inputs, output = self.options.inputs, self.options.output
        folder = output is not None and names_folder(output)
        several = len(inputs.files) + len(inputs.file_ids) > 1 or any(map(is_wildcard, inputs.files))
        return several or inputs.recursive or inputs.listed is not None or folder

    def _tasks(
        self, context: Context, run: RunState, checked: _Checked, options: WaitOptions
    ) -> DocumentTasks:
        delivery = Delivery(context, self._target(checked.rows, make=not self.options.dry_run))
        sync, checks = self.options.sync, checked.checks
        return DocumentTasks(context, run, self.operation, checked.fields, sync, options, delivery, checks)

    def _run_one(self, context: Context, checked: _Checked) -> int:
        """One job, over one document or over all of them."""
        flags = result_flags(self.options.output, self.options.format, self.table, self.columns, bom=self.bom)
        run = RunState(context.command, result_flags=flags if checked.options.wait else None)
        _note_file(context, self.options.output, many=self.operation.many)
        context = context.with_client(spool_dir=self._target(checked.rows, make=False).spool_dir)
        tasks = self._tasks(context, run, checked, checked.options)
        request = tasks.request(*map(usable, checked.found.documents()))
        if self.options.dry_run:
            from docspeed_cli.jobs.dry_run import show_request

            show_request(context, request, fresh=self.options.fresh)
            return 0
        with resumable(context, run):
            outcome = run_alone(context, RequestTask(tasks, request).run)
            context.report.add_job(outcome.job)
            tasks.delivery.deliver(outcome)
            tasks.delivery.finish()
            run.end_all()
            if outcome.result is not None:
                context.output.bell()
        return 0

    def _run_many(self, context: Context, checked: _Checked) -> int:
        """A job for each document."""
        from docspeed_cli.jobs.batch import Batch
        from docspeed_cli.jobs.scheduler import workers

        options, documents = checked.options, checked.found.documents(self.options.limit)
        if self.options.dry_run:
            tasks = self._tasks(context, RunState(context.command), checked, options)
            return _show_actions(tasks, documents, checked.found.skipped)
        options = options.begun(context.environment.monotonic())
        plan = self._plan(context, checked)
        batch = Batch(context, plan)
        with (
            resumable(context, batch.run),
            workers(
                context,
                total=plan.total,
                grace=GRACE,
                most=plan.max_failures,
                retry_rate_limits=True,
            ) as (at, run_tasks),
        ):
            return batch.perform(self._tasks(at, batch.run, checked, options), run_tasks, documents)

    def _plan(self, context: Context, checked: _Checked) -> Plan:
        """What the run is to do, beside the task of each document."""
        from docspeed_cli.jobs.batch import Plan, run_hash
        from docspeed_cli.jobs.failures import FailuresFile

        options, inputs, found = self.options, self.options.inputs, checked.found
        count = len(found.checked[: options.limit])
        piped = inputs.listed == "-"
        failures = None
        if options.failures is not None:
            failures = FailuresFile(Path(options.failures), found.documents(count))
        return Plan(
            self.operation.name,
            run_hash(context.server, self.operation, checked.fields, inputs),
            None if piped else count,
            checked.options.wait,
            options.name,
            options.max_failures,
            options.ordered or checked.rows is not None,
            failures,
            _nothing(inputs),
            to_json(checked.fields["schema"]) if "schema" in checked.fields else None,
            checked.rows is not None,
        )


def _nothing(inputs: Inputs) -> str:
    """What to say if there are no documents."""
    if inputs.shard is not None:
        return f"no document belongs to --shard {inputs.shard}"
    return f"--from {inputs.listed}: the list names no documents" if inputs.listed else "no documents found"


@contextmanager
def _adding_to(problems: list[UsageError]) -> Iterator[None]:
    """Add what is wrong to these problems, so that they are reported together."""
    try:
        yield
    except UsageError as error:
        problems.append(error)


class _Checked(NamedTuple):
    """What was checked before anything is sent."""

    fields: dict[str, Any]
    found: InputSet
    checks: ResultChecks | None
    options: WaitOptions
    rows: RowOptions | None


def _show_actions(tasks: DocumentTasks, sources: Iterable[Source], skipped: Sequence[Path]) -> int:
    from docspeed_cli.jobs.dry_run import show_actions, show_request

    if tasks.context.output.style.format != "curl":
        return show_actions(tasks, sources, skipped)
    for source in sources:
        show_request(tasks.context, tasks.request(usable(source)))
    return 0


def downloaded(
    context: Context,
    found: InputSet,
    inputs: Inputs,
    limit: int | None = None,
    timeout: float | None = None,
) -> InputSet:
    """The documents, at most `limit` of the known ones, with those from the web downloaded."""
    found = found._replace(checked=found.checked[:limit])
    if not any(source.url for source in found.checked):
        return found
    from docspeed_cli.jobs.web_documents import download_all

    with interruptible_download(context):
        return download_all(context, found, inputs, timeout)


def record_inputs(context: Context, inputs: Inputs, sources: Sequence[Source]) -> None:
    """Record the local documents, and the list that names them, as files that no result may replace."""
    if inputs.listed not in (None, "-"):
        context.files_read.add(Path(str(inputs.listed)), str(inputs.listed))
    context.files_read.add_documents(sources)


def wait_options(context: Context, *, default_wait: bool = False, sync: bool = False) -> WaitOptions:
    """Resolve --wait and --timeout; `default_wait` applies if neither flag nor setting is given."""
    settings = context.settings
    wanted = default_wait if settings.origins["wait"] == "default" else settings.wait
    wait = bool(wanted or sync)
    if not wait and settings.origins["timeout"] == "--timeout":
        raise _unwaited(context, "--timeout needs `--wait`, and this command does not wait")
    return WaitOptions(
        wait=wait,
        timeout=settings.timeout,
        poll_interval=settings.poll_interval or 0.0,
    )


def check_unwaited(
    context: Context,
    options: ResultOptions,
    table: str | None = None,
    checks: ResultChecks | None = None,
) -> None:
    """UsageError if flags concern a result in a command that does not wait for one."""
    form = options.format if options.format in ("markdown", "text", "csv", "xlsx") else None
    given = {
        f"-o {options.output}": options.output,
        f"--format {form}": form,
        f"--table {table}": table,
        "--require": checks and checks.requirements,
        "--check": checks and checks.rules,
        "--notify": options.notify,
    }
    for name, value in given.items():
        if value is not None:
            raise _unwaited(context, f"{name} needs the result, but this command does not wait for it")


def _unwaited(context: Context, what: str) -> UsageError:
    refused = context.settings.origins["wait"] == "--wait"
    return UsageError(what, hint="write `--wait` in place of `--no-wait`" if refused else "add `--wait`")


def _note_file(context: Context, output: str | None, *, many: bool) -> None:
    """Say that `-o` names a new file, where its name looks like that of a folder."""
    path = Path(output or "-")
    if output not in (None, "-") and not many and not path.suffix and not path.exists():
        context.output.note(f"{output} is a file; `-o {output}/` names a folder")


def _report_skipped(context: Context, skipped: Sequence[Path]) -> None:
    if skipped:
        context.output.note(f"skipped {in_words(skipped)} (`--verbose` names them)")
        if context.output.style.verbose:
            for path in skipped:
                context.output.progress(f"skipped: {path}")
