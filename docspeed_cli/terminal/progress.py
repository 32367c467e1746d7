"""Shows how a run over many inputs goes: one bar at a terminal, a line now and then in a log, a summary."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from docspeed_cli.core.errors import DocspeedError, Pending
from docspeed_cli.core.timefmt import span
from docspeed_cli.terminal.output import Output

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_EVERY = 30.0
_WIDEST = 16
_NARROWEST = 8
_REASONS = 5
_KINDS = 1000
_NAMED = 5
_SEEN = 20
"""Lines that are still to be seen when the summary comes: failures among them are not told again."""
_DAMAGED = "document_"
"""How the service's codes begin where the document is what is wrong."""


class BatchProgress:
    """The counts of a run; `running` and `gate` are asked when they are shown."""

    def __init__(
        self,
        output: Output,
        verb: str,
        running: Callable[[], int],
        gate: Callable[[], str],
        *,
        waits: bool = True,
        lost: bool = False,
    ) -> None:
        self.output = output
        self.verb = verb
        self.waits = waits
        """Whether an input is through when its job has ended, or when it is submitted."""
        self.lost = lost
        """Whether the results themselves go nowhere: people see a line of each."""
        self.done = 0
        self.reused = 0
        self.lacking = 0
        """Inputs whose result is there and is not what was required of it."""
        self.failed = 0
        self.pending = 0
        self.total: int | None = None
        self.reasons: dict[str, list[str]] = {}
        """Whose inputs failed by which reason."""
        self._running = running
        self._gate = gate
        self._started = output.world.monotonic()
        self._said_at = 0

    @property
    def ended(self) -> int:
        """Inputs that are through, well or not."""
        return self.done + self.lacking + self.failed + self.pending

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self.output.world.monotonic() - self._started

    @property
    def _settled(self) -> int:
        """Those that nothing more will come of: what is waited for no longer goes on."""
        return self.ended - self.pending

    @property
    def _through(self) -> str:
        return "done" if self.waits else "submitted"

    @property
    def _rate(self) -> float:
        """Inputs that were worked on and have ended, a second."""
        return (self.ended - self.reused) / self.seconds if self.seconds > 0 else 0.0

    def count(self, error: DocspeedError | None, *, reused: bool, label: str = "") -> None:
        """One more input has ended, or is waited for no longer."""
        if error is None:
            self.done += 1
            self.reused += reused
        elif isinstance(error, Pending):
            self.pending += 1
        else:
            lacks = error.code == "required_missing"
            self.lacking += lacks
            self.failed += not lacks
            reason = error.reason.splitlines()[0]
            if reason in self.reasons or len(self.reasons) < _KINDS:
                self.reasons.setdefault(reason, []).append(label)
        if not self.output.can_redraw:
            self._say_each_tenth()

    def so_far(self) -> str:
        """How many inputs are through, of how many."""
        whole = f" of {self.total}" if self.total is not None else ""
        return f"{self._settled}{whole} {self._through}"

    def line(self) -> str:
        """How it goes, in one line."""
        whole = f"/{self.total}" if self.total is not None else ""
        worse = [f"{self.failed} failed"] * bool(self.failed) + [f"{self.lacking} lacking"] * bool(
            self.lacking
        )
        ended = f"{self._settled}{whole} {self._through}" + (f" ({', '.join(worse)})" if worse else "")
        parts = [f"{self.verb}: {ended}", *([f"{self._running()} running"] if self.waits else [])]
        rate = self._rate
        if rate:
            parts.append(_pace(rate))
        if self.total and rate and self.ended < self.total:
            parts.append(f"{span((self.total - self.ended) / rate)} left")
        gate = self._gate()
        return ", ".join([*parts, gate] if gate else parts)

    def summary(self, stopped: str = "") -> None:
        """What became of the run."""
        output = self.output
        if output.style.quiet:
            self._told_of_failures()
            return
        rate = f", {_pace(self._rate, ' documents')}" if self._rate else ""
        reused = f" ({self.reused} of them from before)" if self.reused else ""
        counts = f"{self.done} {self._through}{reused}" + (f", {self.failed} failed" if self.failed else "")
        counts += f", {self.lacking} without what is required" if self.lacking else ""
        counts += f", {self.pending} still running" if self.pending else ""
        left = (self.total or 0) - self.ended
        counts += f", {left} not through" if stopped and left > 0 else ""
        output.progress(f"{self.verb}: {counts} in {span(self.seconds)}{rate}{stopped}")
        if self.reasons and not (output.human_output and self.ended <= _SEEN):
            self._tell_reasons()
        self._hint_on(stopped)

    def _tell_reasons(self) -> None:
        output = self.output
        ranked = sorted(self.reasons.items(), key=lambda item: -len(item[1]))
        for reason, labels in ranked[:_REASONS]:
            output.progress(f"  {len(labels)} × {reason}")
            for label in labels[:_NAMED]:
                output.progress(f"      {label}")
            if len(labels) > _NAMED:
                output.progress(f"      and {len(labels) - _NAMED} more")
        if len(ranked) > _REASONS:
            output.progress(
                f"  and {len(ranked) - _REASONS} other reasons: each failed input's line has its own"
            )

    def _hint_on(self, stopped: str) -> None:
        output = self.output
        if self.failed and not stopped and all(_DAMAGED in reason for reason in self.reasons):
            output.hint("replace what is damaged; the same command then does that, and only that")
        elif self.failed and stopped:
            output.hint("the same command again tries what failed, and goes on with the others")
        elif self.failed:
            output.hint("the same command again tries what failed, and only that")
        elif stopped:
            output.hint("the same command again goes on where this one stopped")
        elif self.pending:
            output.hint("the same command again goes on waiting; nothing is submitted twice")
        elif self.lacking:
            output.hint("look at these documents, or at the schema; the same command again costs nothing")
        elif self.done and (self.lost or not self.waits):
            how = "-o DIR" if self.waits else "--wait -o DIR"
            output.hint(f"the same command with {how} writes a file for each result; nothing is paid twice")

    def _told_of_failures(self) -> None:
        """What not even `--quiet` keeps back, where each failure has but its line on standard output."""
        if self.output.human_output or self.output.style.json_errors:
            return
        if self.failed:
            self.output.failure(f"{self.verb}: {self.failed} of {self.ended} failed")
        if self.lacking:
            self.output.failure(f"{self.verb}: {self.lacking} of {self.ended} without what is required")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep it in sight until the run ends."""
        if self.output.style.quiet:
            yield
        elif self.output.can_redraw and not self.output.style.verbose:
            with self.output.bottom(lambda: Bar(self)):
                yield
        else:
            with self.output.grouped(f"docspeed {self.verb}"), self._now_and_then():
                yield

    def _say_each_tenth(self) -> None:
        if self.total and self.total >= 10 and self.ended * 10 // self.total > self._said_at:
            self._said_at = self.ended * 10 // self.total
            self.output.progress(self.line())

    @contextmanager
    def _now_and_then(self) -> Iterator[None]:
        over = threading.Event()

        def tell() -> None:
            while not over.wait(_EVERY):
                self.output.progress(self.line())

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _pace(rate: float, what: str = "") -> str:
    """So many a second, or a minute where that would be nearly none."""
    return f"{rate:.1f}{what}/s" if rate >= 0.1 else f"{60 * rate:.1f}{what}/min"


class Bar:
    """A run in one line: its counts in words and, where these leave room, a bar before them."""

    def __init__(self, tally: BatchProgress) -> None:
        self._tally = tally

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        words = Text(self._tally.line(), no_wrap=True, overflow="ellipsis")
        width = min(_WIDEST, options.max_width - words.cell_len - 1)
        if not self._tally.total or width < _NARROWEST:
            yield words
            return
        filled = min(self._tally.ended * width // self._tally.total, width)
        yield Text.assemble("━" * filled, ("─" * (width - filled), "dim"), " ", words, no_wrap=True)
