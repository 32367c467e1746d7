"""A run as markdown, for the summary of a CI job, a merge request or a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docspeed_cli.core.timefmt import span
from docspeed_cli.results.to_markdown import markdown_table

_MAX_INPUTS = 10
"""Most inputs that are named for one failure reason."""


def run_as_markdown(members: Mapping[str, Any], counts: str, failures: Sequence[Mapping[str, Any]]) -> str:
    """Write the members of `runs show --json` as a table, and the run's failures as another."""
    status = members["status"] + (f": {members['stopped']}" if members["stopped"] else "")
    about = {
        "run": members["run"] + (f" ({members['name']})" if members["name"] else ""),
        "status": status,
        "inputs": f"{members['inputs']}: {counts}",
        "pages": members["pages"],
        "took": None if members["seconds"] is None else span(members["seconds"]),
        "results": members["results"],
    }
    rows = [[name, str(text)] for name, text in about.items() if text is not None]
    parts = [markdown_table([[str(members["operation"] or "run"), ""], *rows])]
    if failures:
        failed = [
            [str(each["count"]), str(each["reason"]), _input_lines(each["inputs"])] for each in failures
        ]
        parts.append(markdown_table([["failed", "reason", "inputs"], *failed]))
    return "\n\n".join(parts)


def _input_lines(inputs: Sequence[str | None]) -> str:
    more = len(inputs) - _MAX_INPUTS
    names = [label or "?" for label in inputs[:_MAX_INPUTS]]
    return "\n".join([*names, f"… and {more} more"] if more > 0 else names)
