"""A case: what is run side by side, and the figures that are made of its samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.measure import Sample, Stand

Round = Mapping[str, Sample]
Variant = Callable[[], Sample]
Cost = Callable[[Sample], float]
"""Wall time or CPU time of a sample: on a busy machine the second is the steadier one."""
Formula = Callable[[Round, Cost], float]

MB = 1_000_000
SMALL = 1000
"""Bytes of a result or document that costs nothing."""


@dataclass(frozen=True)
class Figure:
    """One number out of each round, and what it may be."""

    about: str
    of: Formula
    limit: float | None
    unit: str = "×"
    at_least: bool = False
    timed: bool = True
    """Whether it is made of times, so that it can be had of CPU time as well."""

    def met(self, value: float) -> bool | None:
        """Whether the value is within the limit; None where there is none."""
        if self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Case:
    """What is run in each round, one after another, and the figures that come out of it."""

    name: str
    about: str
    runs: int
    variants: Callable[[Stand], dict[str, Variant]]
    figures: tuple[Figure, ...]
    warm: bool = True
    """Whether a round goes before those that count."""


def over(ours: str, theirs: str) -> Formula:
    """What we take, over what they take."""
    return lambda found, cost: cost(found[ours]) / cost(found[theirs])


def cpu_over(ours: str, theirs: str) -> Formula:
    """The same of CPU time: docspeed looks at a new job after a quarter of a second, the others at once."""
    return lambda found, _: found[ours].cpu / found[theirs].cpu


def beyond(ours: str, least: str, theirs: str) -> Formula:
    """What is beyond our own start-up, over what they take in all."""
    return lambda found, cost: (cost(found[ours]) - cost(found[least])) / cost(found[theirs])


def rates(ours: str, theirs: str) -> Formula:
    """Our jobs for each second, over theirs."""
    return lambda found, cost: (
        (found[ours].jobs / cost(found[ours])) / (found[theirs].jobs / cost(found[theirs]))
    )


def grown(about: str, limit: float, large: str, small: str) -> Figure:
    """By how much one peak of memory is above another."""
    return Figure(
        about, lambda found, _: (found[large].peak - found[small].peak) / MB, limit, " MB", timed=False
    )
