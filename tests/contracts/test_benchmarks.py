"""The benchmarks can be run: they name their cases, and a small one measures what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def benchmarks(*argv: str) -> str:
    """What `python -m benchmarks` prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", *argv],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_cases_have_names() -> None:
    names = [line.split()[0] for line in benchmarks("--list").splitlines()]
    assert len(set(names)) == len(names)
    assert {"start-up", "job", "result-file", "upload", "ledger", "many"} <= set(names)


def test_one_job_is_measured_beside_what_a_user_would_use() -> None:
    (line,) = benchmarks("--only", "job", "--runs", "1", "--json").splitlines()
    found = json.loads(line)
    assert {"docspeed", "httpx"} <= set(found["samples"])
    assert all(figure["value"] > 0 for figure in found["figures"])


def test_the_table_says_what_the_goal_is() -> None:
    table = benchmarks("--only", "ledger", "--runs", "1")
    assert "| ledger of 10 rows beyond `import sqlite3` |" in table
    assert "≤ 4 ms" in table
