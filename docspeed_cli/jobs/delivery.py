"""Deliver outcomes: a view, a job's line, the server's bytes, another format, or a file."""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.json_text import to_json
from docspeed_cli.core.models import Job
from docspeed_cli.core.timefmt import ago, span
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.output.target import Target
from docspeed_cli.service.body import Body

if TYPE_CHECKING:
    from docspeed_cli.jobs.output.result_files import ResultFiles
    from docspeed_cli.jobs.output.row_output import RowOutput

_MAX_VIEW = 16 * 1024 * 1024
"""Largest result in bytes that is drawn at a terminal."""


class Delivery:
    """Delivers the outcomes of one command: one result by itself, or a line (or file) for each of many."""

    def __init__(self, context: Context, target: Target) -> None:
        self.context = context
        self.output = context.output
        self.target = target
        if target.path is None or target.many:
            self.output.ready()
        if target.path is not None and not target.many:
            self.files.check_inputs()
        self._rows: RowOutput | None = None
        if target.rows is not None and target.folder is None:
            from docspeed_cli.jobs.output.row_output import RowOutput

            self._rows = RowOutput(context, target.rows, target.path)

    @cached_property
    def files(self) -> ResultFiles:
        """The files that results are written to."""
        from docspeed_cli.jobs.output.result_files import ResultFiles

        return ResultFiles(self.context, self.target)

    def deliver(self, outcome: Outcome, *, listed: bool = True) -> Outcome:
        """Deliver an outcome; returns it as it was delivered.

        A single document's error is raised. Among many, an outcome is a line if `listed`, and a result that
        can't be written is this document's failure, not the run's.
        """
        if not self.target.many:
            self._deliver_single(outcome)
            return outcome
        try:
            self._deliver_among_many(outcome, listed=listed)
        except DocspeedError as error:
            outcome = Outcome(outcome.source, outcome.job, error=error)
            self._deliver_among_many(outcome, listed=listed)
        return outcome

    def _deliver_single(self, outcome: Outcome) -> None:
        if outcome.result is not None:
            self.deliver_result(outcome)
        elif outcome.error is None:
            self._deliver_job(outcome)
        self._report_checks(outcome)
        if outcome.error is not None:
            raise outcome.error

    def _deliver_among_many(self, outcome: Outcome, *, listed: bool) -> None:
        if self._rows is not None:
            self._rows.add(outcome)
        if listed:
            self._deliver_line(outcome)
            self._report_checks(outcome)
        if outcome.result is not None:
            outcome.result.clear()

    def finish(self) -> None:
        """Write the output that needs all outcomes. DocspeedError if it can't be written."""
        if self._rows is not None:
            self._rows.finish()

    def _report_checks(self, outcome: Outcome) -> None:
        """Show the failed checks to people; for scripts, the lines of a run have them."""
        failed = [found for found in outcome.checks or () if found.failed]
        if not failed:
            return
        label = outcome.source.label if outcome.source else ""
        if self.output.human_output:
            from docspeed_cli.terminal.views.checks import checks_view

            self.output.show(checks_view(label, failed))
        elif not self.target.many:
            from docspeed_cli.jobs.checking import describe_check

            for found in failed:
                if found.severity == "warning":
                    self.output.warn(f"{label}: {describe_check(found)}")

    # -- one

    def _deliver_job(self, outcome: Outcome) -> None:
        """Print a job that is not waited for."""
        job = outcome.job
        assert job is not None
        if self.output.format == "id":
            self.output.text(job.ref)
        elif not self.output.human_output:
            self.output.value(job.to_json())
        else:
            self._row(job, job.ref, job.operation, job.status, job.input or "", state=2)
            if not self.target.many:
                command = self.context.result_command(job) if job.ended else self.context.wait_command([job])
                self.output.hint(f"`{command}`")

    def deliver_result(
        self, outcome: Outcome, *, continues: bool = False, one_of_several: bool = False
    ) -> None:
        """Deliver one result by itself; `continues` says that its conversation can go on.

        With `one_of_several` answers of a conversation it is only a view, or one line of JSON.
        """
        job, result = outcome.job, outcome.result
        assert job is not None and result is not None
        if self._rows is not None:
            self._rows.add(outcome)
        elif self.target.path is not None and not one_of_several:
            self.files.write_one(self.target.path, job, result)
        elif self.output.human_output and one_of_several:
            self._draw(job, result)
        elif self.output.human_output:
            self._view(outcome, job, result, continues=continues)
        elif self.output.format != "json":
            self.output.text(self._text_of(job, result).removesuffix("\n"))
        elif one_of_several:
            self.output.chunks([*result.on_one_line(), b"\n"])
        else:
            self.output.payload(result)
        result.clear()

    def _text_of(self, job: Job, result: Body) -> str:
        if self.output.format == "id":
            return job.ref
        from docspeed_cli.jobs.output.result_files import convert

        return convert(self.context, self.target, job, result)

    def _view(self, outcome: Outcome, job: Job, result: Body, *, continues: bool) -> None:
        from docspeed_cli.jobs.filenames import suggested_filename

        path = shlex.quote(suggested_filename(outcome.source, job))
        save = f"`{self.context.result_command(job, f' -o {path}')}`"
        if result.size > _MAX_VIEW:
            self.output.note(f"the result is {result.size / 1e6:.0f} MB, too large for a terminal")
            self.output.hint(save)
            return
        self._draw(job, result)
        self.output.progress("")  # between the result and the messages below it
        took = f" in {span(outcome.seconds)}" if outcome.seconds and not job.reused else ""
        ended = f"{job.status}{took} · {job.operation} job {job.ref} · {job.input or ''}"
        self.output.progress(ended.rstrip(" ·"))
        if continues:
            self.output.hint(
                f"`docspeed chat 'your next question' --continue{self.context.settings.server_flags}`"
            )
        elif job.job_id or job.row:
            self.output.hint(save)

    def _draw(self, job: Job, result: Body) -> None:
        from docspeed_cli.jobs.stored.job_documents import document_names
        from docspeed_cli.terminal.views.operations import result_view

        names = dict(document_names(self.context, job))
        self.output.show(result_view(job.operation, result.json(), names=names))

    # -- many

    def _deliver_line(self, outcome: Outcome) -> None:
        """Print the line of one input of many."""
        job, result = outcome.job, outcome.result
        if outcome.error is not None:
            self._deliver_failure(outcome, outcome.error)
            return
        if self._rows is not None:
            return
        assert job is not None
        if result is None and outcome.output is None:
            self._deliver_job(outcome)
        elif self.output.human_output:
            took = [] if outcome.output else [f"{span(outcome.seconds):>6}"]
            self._row(job, f"{job.status:<9}", job.ref, *took, outcome.output or job.input or "", state=0)
        elif outcome.output is not None:
            self.output.text(to_json({**_line_members(outcome, job.status), "output": outcome.output}))
        elif result is not None and self.output.format == "json":
            self.output.line_with(_line_members(outcome, job.status), "result", result)
        elif result is not None:
            self._deliver_text(job, self._text_of(job, result))

    def _row(self, job: Job, *cells: str, state: int) -> None:
        """Print a row for people; in a run over many documents it says how old a reused job is."""
        reused = self.target.many and job.reused
        age = f"· from {ago(job.submitted_at, self.context.environment.now())}" if reused else ""
        self.output.row(*cells, prose=age, state=state)

    def _deliver_failure(self, outcome: Outcome, error: DocspeedError) -> None:
        """Print a failure, together with the result if there is one, as when it lacks required values."""
        if self.output.human_output or self.output.format != "json":
            label = outcome.source.label if outcome.source else outcome.job.input if outcome.job else None
            what = error.reason
            if error.job_id and error.job_id not in f"{label} {what}":
                what = f"{what} ({error.job_id})"
            self.output.failure(_with_label(label, what) if label else error.message)
            return
        members = _line_members(outcome, outcome.job.status if outcome.job else "failed")
        label = members["input"]
        self.output.annotate(_with_label(label, error.reason) if label else error.message)
        advice = self.output.advice(error.hint) if error.hint else None
        line = {**members, "error": error.replace(hint=advice).to_json()}
        if outcome.output is not None:
            line["output"] = outcome.output
        if outcome.result is None:
            self.output.text(to_json(line))
        else:
            self.output.line_with(line, "result", outcome.result)

    def _deliver_text(self, job: Job, text: str) -> None:
        """Print one of many converted results, under the name of its document."""
        label = job.input or job.ref
        if self.output.format == "id":
            self.output.text(text)
        elif self.output.format == "markdown":
            self.output.text(f"# {label}\n\n{text.strip()}\n")
        else:
            self.output.text(f"{label}\n{'=' * len(label)}\n\n{text.strip()}\n")


def _with_label(label: str, what: str) -> str:
    """What happened to a document, which is named once."""
    return what if what.startswith(label) else f"{label}: {what}"


def _line_members(outcome: Outcome, status: str) -> dict[str, Any]:
    """The members of a line of a run over many documents, except its result, output or error."""
    job, source = outcome.job, outcome.source
    return {
        "input": source.label if source else job.input if job else None,
        "file_id": job.file_id if job else source.file_id if source else None,
        "job_id": job.job_id if job else outcome.error.job_id if outcome.error else None,
        "operation": (job.operation if job else None) or outcome.operation,
        "status": status,
        **({"reused": True} if job and job.reused else {}),
        **({"checks": [found.to_json() for found in outcome.checks]} if outcome.checks is not None else {}),
    }
