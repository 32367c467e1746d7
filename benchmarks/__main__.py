"""`python -m benchmarks`: every case side by side with what a user would use instead, and a table.

Everything runs on loopback, in a folder of its own below TMPDIR; rounds are interleaved, figures are
medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.cases.case import Case, Cost, Figure, Variant
from benchmarks.measure import Failed, Sample, Stand, stand


@dataclass(frozen=True)
class Measured:
    """A case that was run: its samples by variant, or why there are none."""

    case: Case
    samples: dict[str, list[Sample]]
    trouble: str = ""

    def value(self, figure: Figure, cost: Cost = attrgetter("seconds")) -> float:
        """The median of the figure over the rounds."""
        count = min(len(samples) for samples in self.samples.values())
        rounds = [{name: each[i] for name, each in self.samples.items()} for i in range(count)]
        return _median([figure.of(found, cost) for found in rounds])

    def cpu(self, figure: Figure) -> float | None:
        """The same of CPU time, where it is made of times."""
        return self.value(figure, attrgetter("cpu")) if figure.timed else None

    def as_json(self) -> dict[str, Any]:
        """The case as one line of `--json`."""
        return {
            "case": self.case.name,
            "about": self.case.about,
            "trouble": self.trouble or None,
            "figures": [_figure(self, figure) for figure in self.case.figures if self.samples],
            "samples": {
                name: [
                    {"seconds": round(s.seconds, 5), "cpu": round(s.cpu, 4), "peak": s.peak, "jobs": s.jobs}
                    for s in samples
                ]
                for name, samples in self.samples.items()
            },
        }


def _figure(found: Measured, figure: Figure) -> dict[str, Any]:
    value = found.value(figure)
    return {
        "about": figure.about,
        "value": round(value, 3),
        "cpu": None if found.cpu(figure) is None else round(found.cpu(figure) or 0, 3),
        "unit": figure.unit.strip(),
        "limit": figure.limit,
        "at_least": figure.at_least,
        "met": figure.met(value),
    }


def _median(values: Sequence[float]) -> float:
    ranked = sorted(values)
    middle = len(ranked) // 2
    return ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def _run(case: Case, at: Stand, runs: int | None) -> Measured:
    """The case's rounds; every variant once in each, so that a noisy machine is noisy for all."""
    samples: dict[str, list[Sample]] = {}
    try:
        variants = case.variants(at)
        if case.warm and runs != 1:
            _round(variants)
        for number in range(runs or case.runs):
            _say(f"{case.name}: round {number + 1} of {runs or case.runs}")
            for name, sample in _round(variants).items():
                samples.setdefault(name, []).append(sample)
    except (Failed, RuntimeError, AssertionError, OSError) as error:
        _say(f"{case.name}: {error}")
        return Measured(case, {}, str(error) or type(error).__name__)
    return Measured(case, samples)


def _round(variants: dict[str, Variant]) -> dict[str, Sample]:
    return {name: variant() for name, variant in variants.items()}


# -- what is printed


def report(measured: Sequence[Measured]) -> Iterator[str]:
    yield "| what | wall | CPU | goal | |"
    yield "|---|--:|--:|--:|---|"
    for found in measured:
        if found.trouble:
            yield f"| {found.case.name} | {found.trouble.splitlines()[0][:100]} | | | not measured |"
            continue
        for figure in found.case.figures:
            yield _figure_row(figure, found.value(figure), found.cpu(figure))
    yield ""
    yield f"Medians on {_machine()}, {time.strftime('%Y-%m-%d')}:"
    yield ""
    yield "| case | who | wall | CPU | peak memory | jobs/s | rounds |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for found in measured:
        for name, samples in found.samples.items():
            yield _medians_row(found.case, name, samples)


def _figure_row(figure: Figure, value: float, cpu: float | None) -> str:
    met = figure.met(value)
    goal = "" if figure.limit is None else f"{'≥' if figure.at_least else '≤'} {figure.limit:g}{figure.unit}"
    verdict = "" if met is None else "met" if met else "**missed**"
    steadier = "" if cpu is None else f"{cpu:.2f}{figure.unit}"
    return f"| {figure.about} | {value:.2f}{figure.unit} | {steadier} | {goal} | {verdict} |"


def _medians_row(case: Case, name: str, samples: Sequence[Sample]) -> str:
    wall = _median([sample.seconds for sample in samples])
    cpu = _median([sample.cpu for sample in samples])
    peak = _median([sample.peak for sample in samples]) / 1e6
    rate = f"{samples[0].jobs / wall:.0f}" if samples[0].jobs > 1 else ""
    return (
        f"| {case.name} | {name} | {_span(wall)} | {_span(cpu)} | {peak:.0f} MB | {rate} | {len(samples)} |"
    )


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _machine() -> str:
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 where a case could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures docspeed.")
    parser.add_argument("--list", action="store_true", help="name the cases and run nothing")
    parser.add_argument("--only", action="append", metavar="NAME", help="this case only (repeatable)")
    parser.add_argument("--runs", type=int, metavar="N", help="rounds of each case")
    parser.add_argument("--json", action="store_true", help="a JSON line for each case")
    parser.add_argument("--python", default=sys.executable, help="measure the docspeed beside this one")
    asked = parser.parse_args(argv)
    if asked.list:
        sys.stdout.write("".join(f"{case.name:<12} {case.about}\n" for case in CASES))
        return 0
    unknown = set(asked.only or ()) - {case.name for case in CASES}
    if unknown or (asked.runs is not None and asked.runs < 1):
        parser.error(f"no such case: {', '.join(sorted(unknown))}" if unknown else "--runs is 1 or more")
    chosen = [case for case in CASES if not asked.only or case.name in asked.only]
    measured = []
    with (
        tempfile.TemporaryDirectory(prefix="docspeed-benchmarks-") as folder,
        stand(Path(folder), asked.python) as at,
    ):
        for case in chosen:
            measured.append(_run(case, at, asked.runs))
            if asked.json:
                sys.stdout.write(json.dumps(measured[-1].as_json()) + "\n")
                sys.stdout.flush()
    if not asked.json:
        sys.stdout.write("\n".join(report(measured)) + "\n")
    return 1 if any(found.trouble for found in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
