"""A case: programs that run side by side, and the figures that are computed from their samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.measure import Sample, Stand

Round = Mapping[str, Sample]
Variant = Callable[[], Sample]
Cost = Callable[[Sample], float]
"""Wall time or CPU time of a sample; CPU time varies less on a busy machine."""
Formula = Callable[[Round, Cost], float]

MB = 1_000_000
SMALL = 1000
"""Bytes of a result or document so small that its cost does not matter."""


@dataclass(frozen=True)
class Figure:
    """A number that is computed from each round, and its limit."""

    about: str
    of: Formula
    limit: float | None
    unit: str = "×"
    at_least: bool = False
    timed: bool = True
    """Whether it is computed from times, so that CPU time can take the place of wall time."""

    def met(self, value: float) -> bool | None:
        """Whether the value is within the limit; None without a limit."""
        if self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Case:
    """Programs that run in each round, one after another, and the figures that are computed from it."""

    name: str
    about: str
    runs: int
    variants: Callable[[Stand], dict[str, Variant]]
    figures: tuple[Figure, ...]
    warm: bool = True
    """Whether a first round is not counted."""


def over(ours: str, theirs: str) -> Formula:
    """The cost of our program divided by that of theirs."""
    return lambda found, cost: cost(found[ours]) / cost(found[theirs])


def cpu_over(ours: str, theirs: str) -> Formula:
    """The same in CPU time: docspeed first looks at a job after a quarter of a second, the others at once."""
    return lambda found, _: found[ours].cpu / found[theirs].cpu


def beyond(ours: str, least: str, theirs: str) -> Formula:
    """The cost of our program without its start-up, divided by all of theirs."""
    return lambda found, cost: (cost(found[ours]) - cost(found[least])) / cost(found[theirs])


def rates(ours: str, theirs: str) -> Formula:
    """Our jobs per second divided by theirs."""
    return lambda found, cost: (
        (found[ours].jobs / cost(found[ours])) / (found[theirs].jobs / cost(found[theirs]))
    )


def grown(about: str, limit: float, large: str, small: str) -> Figure:
    """The difference between two peaks of memory."""
    return Figure(
        about, lambda found, _: (found[large].peak - found[small].peak) / MB, limit, " MB", timed=False
    )
