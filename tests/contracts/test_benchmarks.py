"""The benchmarks run: they list their cases, measure a small one, and print a table with the goals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import Measured, report
from benchmarks.cases import CASES
from benchmarks.cases.start_up import LEDGER
from benchmarks.measure import Sample

ROOT = Path(__file__).parents[2]


def test_benchmarks_cases_have_unique_names() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert {"start-up", "job", "result-file", "upload", "ledger", "many", "rows-csv", "rows-xlsx"} <= set(
        names
    )


@pytest.mark.parametrize(("seconds", "verdict"), [(0.063, "met"), (0.07, "**missed**")])
def test_benchmarks_report_compares_each_figure_with_its_goal(seconds: float, verdict: str) -> None:
    ours = Sample(seconds=seconds, cpu=seconds, peak=0, jobs=1)
    import_alone = Sample(seconds=0.06, cpu=0.06, peak=0, jobs=1)
    bare = Sample(seconds=0.01, cpu=0.01, peak=0, jobs=1)
    samples = {"bare python": [bare], "import sqlite3": [import_alone]}
    table = list(report([Measured(LEDGER, samples | {"10 rows": [ours], "100,000 rows": [ours]})]))
    row = next(line for line in table if line.startswith("| ledger of 10 rows beyond `import sqlite3` /"))
    assert row.endswith(f"| ≤ 0.45× | {verdict} |")


@pytest.mark.real
def test_benchmarks_measure_one_job_beside_the_least_program() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "job", "--runs", "1", "--json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (line,) = ran.stdout.splitlines()
    found = json.loads(line)
    assert {"docspeed", "httpx"} <= set(found["samples"])
    assert all(figure["value"] > 0 for figure in found["figures"])
