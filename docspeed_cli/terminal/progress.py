"""Shows the progress of a run over many inputs: a bar at a terminal, lines in a log, and a summary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from docspeed_cli.core.errors import DocspeedError, Pending
from docspeed_cli.core.timefmt import span
from docspeed_cli.terminal.output import Output

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_LOG_INTERVAL = 30.0
"""Seconds between two lines of progress in a log."""

_MAX_BAR, _MIN_BAR = 16, 8
"""Cells of the bar."""

_REASONS_SHOWN = 5
_INPUTS_SHOWN = 5
"""Inputs named for each reason in the summary."""

_MAX_REASONS = 1000
"""Most failure reasons kept in memory; every document may fail for a different one."""

_ON_SCREEN = 20
"""Up to so many lines of results, the failures are still on the screen: the summary does not repeat them."""

_DAMAGED = "document_"
"""Prefix of the service's error codes for a document that can't be read."""


class BatchProgress:
    """The counts of a run over many inputs.

    `running` gives the number of jobs under way and `rate_limit` the state of the rate limit, in words.
    `waits` is whether an input is done when its job has ended, or as soon as it is submitted. `total` is the
    number of inputs, if known.
    """

    def __init__(
        self,
        output: Output,
        verb: str,
        running: Callable[[], int],
        rate_limit: Callable[[], str],
        *,
        total: int | None = None,
        waits: bool = True,
    ) -> None:
        self.output = output
        self.verb = verb
        self.waits = waits
        self.total = total
        self.done = 0
        self.reused = 0
        self.missing_required = 0
        """Inputs with a result in which required fields are missing."""
        self.failed = 0
        self.pending = 0
        """Inputs whose job still ran when the wait ended."""
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}
        """Some of the inputs that failed for each reason; all of them would be a lot of memory."""
        self._running = running
        self._rate_limit = rate_limit
        self._started = output.environment.monotonic()
        self._tenths_logged = 0

    @property
    def finished(self) -> int:
        """Inputs with an outcome: done, missing required fields, or failed."""
        return self.done + self.missing_required + self.failed

    @property
    def ended(self) -> int:
        """Inputs that nothing more is done about in this run."""
        return self.finished + self.pending

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self.output.environment.monotonic() - self._started

    @property
    def _done_word(self) -> str:
        return "done" if self.waits else "submitted"

    @property
    def _rate(self) -> float:
        """Inputs per second; reused results are left out, because they take no time."""
        return (self.ended - self.reused) / self.seconds if self.seconds > 0 else 0.0

    def count(self, error: DocspeedError | None, *, reused: bool, label: str = "") -> None:
        """Count one more input that ended, or is no longer waited for."""
        if error is None:
            self.done += 1
            self.reused += reused
        elif isinstance(error, Pending):
            self.pending += 1
        else:
            missing = error.code == "required_missing"
            self.missing_required += missing
            self.failed += not missing
            # `reason` leaves out ids and names, so that the same failure of many documents is one line.
            reason = error.reason.splitlines()[0]
            if reason in self._reasons or len(self._reasons) < _MAX_REASONS:
                self._reasons[reason] += 1
                if self._reasons[reason] <= _INPUTS_SHOWN:
                    self._examples.setdefault(reason, []).append(label)
        # At a terminal the bar shows each change; a log gets ten lines, however many the documents are.
        if not self.output.can_redraw:
            self._log_each_tenth()

    def so_far(self) -> str:
        """How many inputs are finished, of how many."""
        total = f" of {self.total}" if self.total is not None else ""
        return f"{self.finished}{total} {self._done_word}"

    def line(self) -> str:
        """The progress in one line."""
        total = f"/{self.total}" if self.total is not None else ""
        problems = {"failed": self.failed, "missing required": self.missing_required}
        counts = ", ".join(f"{count} {what}" for what, count in problems.items() if count)
        finished = f"{self.finished}{total} {self._done_word}" + (f" ({counts})" if counts else "")
        rate = self._rate
        more = self.total is not None and self.ended < self.total
        parts = (
            f"{self.verb}: {finished}",
            f"{self._running()} running" if self.waits else "",
            _pace(rate) if rate else "",
            f"{span(((self.total or 0) - self.ended) / rate)} left" if rate and more else "",
            self._rate_limit(),
        )
        return ", ".join(part for part in parts if part)

    def summary(self, stopped: str = "", *, unsaved: bool = False) -> None:
        """Write the counts of the whole run, its failures by reason, and what to do next.

        `unsaved` is whether results were only summarised on screen.
        """
        output = self.output
        if output.style.quiet:
            self._report_failures()
            return
        counts = [f"{self.done} {self._done_word}" + (f" ({self.reused} reused)" if self.reused else "")]
        others = {
            "failed": self.failed,
            "missing required fields": self.missing_required,
            "still running": self.pending,
            "not finished": (self.total or 0) - self.ended if stopped else 0,
        }
        counts += [f"{count} {what}" for what, count in others.items() if count > 0]
        rate = f", {_pace(self._rate, ' documents')}" if self._rate else ""
        output.progress(f"{self.verb}: {', '.join(counts)} in {span(self.seconds)}{rate}{stopped}")
        # A person sees each failure as an error line above; the list is for many, and for logs.
        if self._reasons and not (output.human_output and self.ended <= _ON_SCREEN):
            self._list_reasons()
        hint = self._next_step(stopped, unsaved)
        if hint:
            output.hint(hint)

    def _list_reasons(self) -> None:
        output = self.output
        for reason, count in self._reasons.most_common(_REASONS_SHOWN):
            output.progress(f"  {count} × {reason}")
            for label in self._examples[reason]:
                output.progress(f"      {label}")
            if count > _INPUTS_SHOWN:
                output.progress(f"      and {count - _INPUTS_SHOWN} more")
        others = len(self._reasons) - _REASONS_SHOWN
        if others > 0:
            output.progress(f"  and {others} other reasons; each failed input's line has its own")

    def _next_step(self, stopped: str, unsaved: bool) -> str:
        # Submitting a damaged file again can't help, so the usual hint would mislead.
        if self.failed and not stopped and all(_DAMAGED in reason for reason in self._reasons):
            return "replace the damaged files and run the same command again; only those are submitted"
        if self.failed:
            rest = " and continue with the rest" if stopped else ", and only those"
            return f"run the same command again to retry the failures{rest}"
        if stopped:
            return "run the same command again to continue where this run stopped"
        if self.pending:
            return "run the same command again to keep waiting; nothing is submitted twice"
        if self.missing_required:
            return "check these documents or the schema; running the same command again costs nothing"
        if self.done and (unsaved or not self.waits):
            flags = "-o DIR" if self.waits else "--wait -o DIR"
            return f"add `{flags}` to the same command to save each result; nothing is paid twice"
        return ""

    def _report_failures(self) -> None:
        # Even with --quiet, where each failure is otherwise only a line among the results on stdout.
        if self.output.human_output or self.output.style.json_errors:
            return
        for count, what in ((self.failed, "failed"), (self.missing_required, "missing required fields")):
            if count:
                self.output.failure(f"{self.verb}: {count} of {self.ended} {what}")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress until the run ends."""
        if self.output.style.quiet:
            yield
        elif self.output.can_redraw and not self.output.style.verbose:
            with self.output.live_region(lambda: Bar(self)):
                yield
        else:
            with self.output.grouped(f"docspeed {self.verb}"), self._logged():
                yield

    def _log_each_tenth(self) -> None:
        if self.total and self.total >= 10 and self.ended * 10 // self.total > self._tenths_logged:
            self._tenths_logged = self.ended * 10 // self.total
            self.output.progress(self.line())

    @contextmanager
    def _logged(self) -> Iterator[None]:
        # Some CI systems end a job that prints nothing for minutes.
        over = threading.Event()

        def log() -> None:
            while not over.wait(_LOG_INTERVAL):
                self.output.progress(self.line())

        thread = threading.Thread(target=log, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _pace(rate: float, what: str = "") -> str:
    """A rate for people: per minute if it would round to almost none per second."""
    return f"{rate:.1f}{what}/s" if rate >= 0.1 else f"{60 * rate:.1f}{what}/min"


class Bar:
    """The progress of a run on one line: a bar if there is room for it, then the counts in words."""

    def __init__(self, progress: BatchProgress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        progress = self._progress
        words = Text(progress.line(), no_wrap=True, overflow="ellipsis")
        width = min(_MAX_BAR, options.max_width - words.cell_len - 1)
        if not progress.total or width < _MIN_BAR:
            yield words
            return
        filled = progress.ended * width // progress.total
        yield Text.assemble("━" * filled, ("─" * (width - filled), "dim"), " ", words, no_wrap=True)
