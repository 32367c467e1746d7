"""Shows the progress of a run over many inputs: a bar at a terminal, lines in a log, and a summary."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from docspeed_cli.core.timefmt import counted, span
from docspeed_cli.terminal.live import repeating
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.text_width import cell_width, keep_tail

if TYPE_CHECKING:
    from rich.text import Text

_LOG_INTERVAL = 30.0
"""Seconds between two lines of progress in a log."""

_BAR, _SHORT_BAR = 16, 8
"""Width of the bar in cells: in a usual and in a narrow window."""

_MAX_REASONS = 10
"""Most failure reasons in the summary; every document may fail for a different one."""

_MAX_NAMED = 3
"""Most inputs that the summary names for one reason, after a run that was shown as a bar."""

_RECENT = 3
"""Most failures shown above the bar."""

_SCREENFUL = 20
"""Most inputs of a run for which a terminal shows a line each; more are shown as a bar."""


class End(StrEnum):
    """How an input of a run ended."""

    DONE = "done"
    INCOMPLETE = "incomplete"
    """Its result lacks something that the command line requires."""
    FAILED = "failed"
    RUNNING = "running"
    """Its job still ran when the wait ended."""


class Ending(NamedTuple):
    """How a run ended: what its summary says beside the counts."""

    run: str
    name: str | None = None
    stopped: str = ""
    """Why it ended before all of its inputs did."""
    results: str | None = None
    """Where the results are."""
    failures: str | None = None
    """File with the inputs that failed."""
    unsaved: bool = False
    """Whether results were only shown on screen."""


class BatchProgress:
    """The counts of a run over many inputs.

    `running` gives the number of jobs under way and `rate_limit` the state of the rate limit, in words.
    `waits` is whether an input is done when its job has ended, or as soon as it is submitted. `total` is the
    number of inputs, if known. `as_rows` is whether results become rows, so that only failures have lines.
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
        as_rows: bool = False,
    ) -> None:
        self.output = output
        self.verb = verb
        self.waits = waits
        self.total = total
        self.ended = 0
        """Inputs that nothing more is done about in this run."""
        self.done = 0
        self.reused = 0
        self.incomplete = 0
        """Inputs whose result lacks what is required, or fails a rule."""
        self.failed = 0
        self.pending = 0
        """Inputs whose job still ran when the wait ended."""
        self.pages = 0
        self._with_pages = 0
        """Inputs whose result tells its pages."""
        self._reasons: Counter[str] = Counter()
        self._named: dict[str, list[str]] = {}
        """The first inputs that failed for each reason."""
        self._recent: deque[tuple[str, str]] = deque(maxlen=_RECENT)
        """The last inputs that failed, and why."""
        self._as_rows = as_rows
        self._running = running
        self._rate_limit = rate_limit
        self._started = output.environment.monotonic()
        self._done_word = "done" if waits else "submitted"

    @property
    def _seconds(self) -> float:
        return self.output.environment.monotonic() - self._started

    @property
    def _rate(self) -> float:
        """Inputs that ended per second; reused results are left out, because they take no time."""
        ended = self.ended - self.reused - self.pending
        return ended / self._seconds if self._seconds > 0 else 0.0

    @property
    def lists_each(self) -> bool:
        """Whether each input has a line; a terminal shows a bar for many inputs."""
        few = self.total is not None and self.total <= _SCREENFUL
        for_people = self.output.human_output or self._as_rows
        return few or not (for_people and self.output.redraws_progress)

    def count(
        self, end: End, label: str, reason: str = "", *, reused: bool = False, pages: int | None = None
    ) -> None:
        """Count one more input that ended, or is no longer waited for; `reason` is why it failed."""
        self.ended += 1
        if end is End.RUNNING:
            self.pending += 1
            return
        self._add_pages(pages, 1)
        if end is End.DONE:
            self.done += 1
            self.reused += reused
            return
        self.incomplete += end is End.INCOMPLETE
        self.failed += end is End.FAILED
        if reason not in self._reasons and len(self._reasons) >= _MAX_REASONS:
            reason = "other reasons"
        self._reasons[reason] += 1
        self._recent.append((label, reason))
        named = self._named.setdefault(reason, [])
        if len(named) < _MAX_NAMED:
            named.append(label)

    def take_back(self, *, reused: bool, pages: int | None) -> None:
        """Take back the count of an input as done: its result could not be delivered."""
        self.ended -= 1
        self.done -= 1
        self.reused -= reused
        self._add_pages(pages, -1)

    def _add_pages(self, pages: int | None, sign: int) -> None:
        if pages is not None:
            self.pages += sign * pages
            self._with_pages += sign

    def so_far(self) -> str:
        """How many inputs are finished, of how many, and how many failed."""
        total = f" of {self.total}" if self.total is not None else ""
        problems = {"failed": self.failed, "not as required": self.incomplete}
        counts = ", ".join(f"{count} {what}" for what, count in problems.items() if count)
        return f"{self.ended - self.pending}{total} {self._done_word}" + (f" ({counts})" if counts else "")

    def line(self, width: int | None = None) -> str:
        """The progress in one line; where `width` cells are too few, without what matters least."""
        rate, left = self._rate, (self.total or 0) - self.ended
        parts = {
            "verb": f"{self.verb}: {self.so_far()}",
            "running": f"{self._running()} running" if self.waits else "",
            "rate": _pace(rate) if rate else "",
            "left": f"{span(left / rate)} left" if rate and left > 0 else "",
            "limit": self._rate_limit(),
        }
        text = _joined(parts.values())
        for name in ("running", "rate", "limit", "verb", "left"):
            if width is None or len(text) <= width:
                break
            parts[name] = self.so_far() if name == "verb" else ""
            text = _joined(parts.values())
        return text

    def bar(self, width: int) -> Text:
        """The last failures, if they have no line of their own; then the progress, and a bar if it fits."""
        from rich.text import Text

        words = Text(self.line(width))
        words.truncate(width, overflow="ellipsis")
        room = width - words.cell_len - 1
        if self.total and room >= _SHORT_BAR:
            cells = _BAR if room >= _BAR else _SHORT_BAR
            filled = min(self.ended, self.total) * cells // self.total
            words = Text.assemble("━" * filled, ("─" * (cells - filled), "dim"), " ", words)
        return Text("\n").join([*self._failures(width), words])

    def _failures(self, width: int) -> Iterator[Text]:
        from rich.text import Text

        for label, reason in [] if self.lists_each else list(self._recent):
            what = sanitize(reason, multiline=False)
            name = keep_tail(sanitize(label, multiline=False), max(width // 3, width - cell_width(what) - 10))
            line = Text.assemble(("failed", "red"), f"  {name}: {what}")
            line.truncate(width, overflow="ellipsis")
            yield line

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress until the run ends."""
        with (
            self.output.progress_shown(f"docspeed {self.verb}", self.bar) as log,
            # Some CI systems end a job that prints nothing for minutes.
            repeating(lambda: log(self.line()), _LOG_INTERVAL),
        ):
            yield

    def summary(self, ending: Ending) -> None:
        """Write the run's counts, failures, where its results are, and the next step."""
        output = self.output
        if output.style.quiet:
            # In a pipe each failure was only a line among the results on stdout.
            for count, what in ((self.failed, "failed"), (self.incomplete, "not as required")):
                if count and not output.human_output and not output.style.json_errors:
                    output.failure(f"{self.verb}: {count} of {self.ended} {what}")
            return
        counts = [f"{self.done} {self._done_word}" + (f" ({self.reused} reused)" if self.reused else "")]
        others = {
            "failed": self.failed,
            "not as required": self.incomplete,
            "still running": self.pending,
            "not finished": (self.total or 0) - self.ended if ending.stopped else 0,
        }
        counts += [f"{count} {what}" for what, count in others.items() if count > 0]
        stopped = f"; stopped: {ending.stopped}" if ending.stopped else ""
        output.progress(f"{self.verb}: {', '.join(counts)} in {span(self._seconds)}{self._pages()}{stopped}")
        for reason, count in self._reasons.most_common():
            output.progress(f"  {count} × {reason}{self._examples(reason, count)}")
        places = {"results": ending.results, "failed inputs": ending.failures}
        name = f" ({ending.name})" if ending.name else ""
        parts = [f"{what} in {place}" for what, place in places.items() if place]
        details = "" if self.lists_each else "; `docspeed runs show` lists each input"
        output.progress(", ".join((f"run {ending.run}{name}", *parts)) + details)
        self._hint_next_step(ending)

    def _examples(self, reason: str, count: int) -> str:
        """Some of the inputs that failed for a reason, after a run that was shown as a bar."""
        if self.lists_each:
            return ""
        named = self._named[reason]
        return f": {', '.join(named)}" + (f" and {count - len(named)} more" if count > len(named) else "")

    def _pages(self) -> str:
        known = self.done + self.incomplete
        if not self._with_pages or not self.waits:
            return ""
        pages = f", {counted(self.pages, 'page')}"
        return pages if self._with_pages == known else f"{pages} in {self._with_pages} of them"

    def _hint_next_step(self, ending: Ending) -> None:
        hint = self.output.hint
        if self.failed or self.pending or ending.stopped:
            first = "fix what failed, then " if self.failed else ""
            hint(f"{first}run the same command again; it does only what is left")
        elif self.incomplete:
            hint("look at these documents; running the same command again costs nothing")
        elif self.done and (ending.unsaved or not self.waits):
            flags = "-o DIR" if self.waits else "--wait -o DIR"
            hint(f"add `{flags}` and run the same command again to save each result; that costs nothing")


def _joined(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)


def _pace(rate: float) -> str:
    # Per second, a slow run's pace would round to almost none.
    return f"{rate:.1f}/s" if rate >= 0.1 else f"{60 * rate:.1f}/min"
