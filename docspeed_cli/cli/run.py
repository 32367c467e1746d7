"""Run an operation over its documents: check everything, submit, wait, deliver, and find the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.cli.assignments import merge, parse_assignments
from docspeed_cli.cli.options import CombineOptions, ResultOptions
from docspeed_cli.cli.run_names import check_run_name
from docspeed_cli.core.errors import UsageError, combine_errors
from docspeed_cli.core.models import Inputs, Job, Source
from docspeed_cli.core.operations import Operation
from docspeed_cli.core.signals import GRACE
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.documents.clutter import in_words
from docspeed_cli.jobs.documents.input_set import InputSet, Limits, discard, is_wildcard, usable
from docspeed_cli.jobs.interrupts import resumable
from docspeed_cli.jobs.outcome import Outcome, Task, WaitOptions
from docspeed_cli.jobs.output.target import (
    RowOptions,
    Target,
    check_file,
    file_target,
    make_folder,
    names_folder,
    result_flags,
    row_options,
    target,
)
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import run_alone
from docspeed_cli.jobs.sources import find_documents
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
    """Makes, from the body's fields, the checks that results must pass; called when documents are checked."""

    def perform(self, context: Context) -> int:
        """Perform the operation; returns the exit code."""
        wrong = context.settings.error
        problems = [] if wrong is None else [wrong]
        checked = self._check_options(context, problems)
        found = InputSet()
        try:
            with adding_to(problems):
                # Nothing is downloaded for a command that is going to fail.
                found = self._find_documents(context, checked, download=not problems)
                if checked.target.path is not None or self.options.failures is not None:
                    self._check_outputs(context, found, checked.target)
            if problems:
                raise combine_errors(problems)
            _report_skipped(context, found.skipped)
            if checked.target.rows is not None:
                from docspeed_cli.jobs.output.row_output import check_rows

                check_rows(context, checked.target.rows, to_file=checked.target.path is not None)
            if self._is_many:
                return self._run_many(context, checked, found)
            return self._run_one(context, checked, found.documents())
        finally:
            discard(found.checked)

    def _check_options(self, context: Context, problems: list[UsageError]) -> CheckedOptions:
        """Read all options but the documents; adds every problem to `problems`."""
        added: dict[str, Any] = {}
        fields: dict[str, Any] = {}
        checks, options, to = None, WaitOptions(), Target()
        with adding_to(problems):
            added = parse_assignments(self.options.set_)
        with adding_to(problems):
            fields = merge(self.fields(context), added)
        with adding_to(problems):
            checks = self.checks(context, fields)
        with adding_to(problems):
            self._check_run_flags()
        with adding_to(problems):
            to = self._target(self._rows(context, fields))
        with adding_to(problems):
            options = self._wait_options(context, checks)
        return CheckedOptions(fields, checks, options, to)

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

    def _find_documents(self, context: Context, checked: CheckedOptions, *, download: bool) -> InputSet:
        """The documents, downloaded if necessary. UsageError if one can't be used, or for too many."""
        options = self.options
        if not options.inputs.given and self.needs_inputs:
            raise UsageError(
                "no document given",
                hint=f"name one: `docspeed {self.operation.name} FILE`, `--file-id ID`, `--from LIST` or `-`",
            )
        if options.dry_run:
            # The errors about too many files or pages point here, so this must list them all.
            return find_documents(context, options.inputs, Limits(options.limit), download=False)
        limits = Limits(options.limit, options.max_files, options.max_pages)
        return find_documents(context, options.inputs, limits, checked.options.timeout, download=download)

    def _check_outputs(self, context: Context, found: InputSet, to: Target) -> None:
        """UsageError if what is written would replace a file that the command reads."""
        failures = self.options.failures
        context.files_read.add_inputs(self.options.inputs, found.checked)
        if to.path is not None:
            from docspeed_cli.jobs.output.result_files import ResultFiles

            ResultFiles(context, to).check_inputs(found.checked, self.operation.name)
        if failures is not None:
            from docspeed_cli.jobs.output.files_read import is_same_file

            context.files_read.check_output(Path(failures), "--failures")
            if to.path is not None and is_same_file(Path(failures), to.path):
                raise UsageError(f"--failures {failures} would replace the results of `-o`")

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
        # With `--fresh` every result is new, so there are no decisions about it yet.
        if rows is None or self.options.fresh:
            return rows
        from docspeed_cli.jobs.output.row_output import with_decisions

        return with_decisions(context, rows)

    def _target(self, rows: RowOptions | None) -> Target:
        options = self.options
        if self.operation.many:
            return file_target(options.output)
        named = (options.output, self._is_many, options.output_name)
        formats = () if options.dry_run else self.operation.formats
        return target(*named, overwrite=options.overwrite, rows=rows, formats=formats)

    @property
    def _is_many(self) -> bool:
        """Whether results come as lines, or as files in a folder: decided by what was named, not found."""
        if self.operation.many:
            return False
        inputs, output = self.options.inputs, self.options.output
        folder = output is not None and names_folder(output)
        several = len(inputs.files) + len(inputs.file_ids) > 1 or any(map(is_wildcard, inputs.files))
        return several or inputs.recursive or inputs.listed is not None or folder

    def _tasks(self, context: Context, run: RunState, checked: CheckedOptions) -> DocumentTasks:
        to = checked.target
        if to.folder is not None and not self.options.dry_run:
            make_folder(to.folder, f"-o {self.options.output}")
        named = (self.operation, checked.fields, self.options.sync, checked.options)
        return DocumentTasks(context, run, *named, Delivery(context, to), checked.checks)

    def _run_one(self, context: Context, checked: CheckedOptions, documents: Iterable[Source]) -> int:
        """One job, over one document or over all of them."""
        flags = result_flags(self.options.output, self.options.format, self.table, self.columns, bom=self.bom)
        run = RunState(result_flags=flags if checked.options.wait else None)
        _note_file(context, self.options.output, many=self.operation.many)
        context = context.with_client(spool_dir=checked.target.spool_dir)
        tasks = self._tasks(context, run, checked)
        if self.options.dry_run:
            from docspeed_cli.jobs.dry_run import show_request

            show_request(context, tasks.request(*map(usable, documents)), fresh=self.options.fresh)
            return 0
        return run_one(tasks, RequestTask(tasks, tasks.request(*documents)).run)

    def _run_many(self, context: Context, checked: CheckedOptions, found: InputSet) -> int:
        """A job for each document."""
        from docspeed_cli.jobs.batch import Batch
        from docspeed_cli.jobs.scheduler import workers

        documents = found.documents(self.options.limit)
        checked = checked._replace(options=checked.options.begun(context.environment.monotonic()))
        tasks = self._tasks(context, RunState(), checked)
        if self.options.dry_run:
            return _show_actions(tasks, found, documents)
        plan = self._plan(context, checked, found)
        batch = Batch(tasks, plan)
        with (
            # The outer one: it counts what ended, which is right only after the workers have stopped.
            resumable(context, batch.run),
            workers(
                context,
                total=plan.total,
                grace=GRACE,
                most=plan.max_failures,
                retry_rate_limits=True,
            ) as (at, run_tasks),
        ):
            return batch.perform(at, run_tasks, documents)

    def _plan(self, context: Context, checked: CheckedOptions, found: InputSet) -> Plan:
        """The plan of the run: everything but the tasks of its documents."""
        from docspeed_cli.jobs.batch import Plan, run_hash
        from docspeed_cli.jobs.output.failures import FailuresFile

        options, inputs, count = self.options, self.options.inputs, len(found.checked)
        failures = None
        if options.failures is not None:
            failures = FailuresFile(Path(options.failures), found.documents(count))
        return Plan(
            run_hash(context.server, self.operation, checked.fields, inputs),
            None if inputs.listed == "-" else count,
            options.name,
            options.max_failures,
            options.ordered or checked.target.rows is not None,
            failures,
            _empty_message(inputs),
        )


def run_one(tasks: DocumentTasks, make_task: Callable[[Callable[[Job], None]], Task[Outcome]]) -> int:
    """Run one task to its end and deliver its outcome; returns the exit code. Raises the outcome's error.

    `make_task` is as for `run_alone`.
    """
    context, delivery = tasks.context, tasks.delivery
    with resumable(context, tasks.run):
        outcome = run_alone(context, make_task)
        context.report.add_job(outcome.job)
        delivery.deliver(outcome)
        delivery.finish()
        # Only after delivery: a Ctrl-C while the result is written must still say how to get it.
        tasks.run.end_all()
        if outcome.result is not None:
            context.output.bell()
    return 0


def _empty_message(inputs: Inputs) -> str:
    """What to say if there are no documents."""
    if inputs.shard is not None:
        return f"no document belongs to --shard {inputs.shard}"
    return f"--from {inputs.listed}: the list names no documents" if inputs.listed else "no documents found"


@contextmanager
def adding_to(problems: list[UsageError]) -> Iterator[None]:
    """Add a UsageError to these problems, so that all are reported together."""
    try:
        yield
    except UsageError as error:
        problems.append(error)


class CheckedOptions(NamedTuple):
    """The checked options: what to send, and what to do with the result."""

    fields: dict[str, Any]
    checks: ResultChecks | None
    options: WaitOptions
    target: Target
    """Where results go; its folder is not made yet."""


def _show_actions(tasks: DocumentTasks, found: InputSet, documents: Iterable[Source]) -> int:
    from docspeed_cli.jobs.dry_run import show_actions, show_request

    if tasks.context.output.style.format != "curl":
        return show_actions(tasks, documents, found.skipped)
    for source in documents:
        show_request(tasks.context, tasks.request(usable(source)))
    return 0


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
