"""Report a run to GitHub Actions; `action.yml` runs this with `--notify`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def report() -> None:
    """Write the counts to the step's outputs, and the run as markdown to the job's summary."""
    summary = json.load(sys.stdin)
    run = summary["run"]
    counts = {
        "run": run["run"],
        "inputs": run["inputs"],
        "done": run["done"],
        "failed": run["failed"] + run["incomplete"],
    }
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.writelines(f"{name}={value}\n" for name, value in counts.items())
    show = ["docspeed", "runs", "show", run["run"], "--base-url", run["server"], "--format", "markdown"]
    shown = subprocess.run(show, check=True, stdout=subprocess.PIPE)
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("ab") as page:
        page.write(b"## docspeed: " + summary["exit"].encode() + b"\n\n" + shown.stdout + b"\n")


if __name__ == "__main__":
    report()
