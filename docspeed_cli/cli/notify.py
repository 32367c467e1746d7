"""Tell the command of `--notify` how a wait ended: a summary in JSON on its standard input."""

from __future__ import annotations

from typing import Any

from docspeed_cli.core.errors import EXITS, DocspeedError
from docspeed_cli.core.json_text import to_json
from docspeed_cli.jobs.context import Context


def notify(context: Context, command: str, code: int, error: DocspeedError | None, seconds: float) -> None:
    """Run the command. Its failure is only a warning: the documents are done."""
    output, environment = context.output, context.environment
    text = output.redact(to_json(_command_summary(context, code, error, seconds)) + "\n")
    try:
        failed = environment.run_command(
            command, text.encode("utf-8", "backslashreplace"), environment.stderr
        )
    except OSError as problem:
        output.warn(f"the command of --notify can't be started: {problem.strerror or problem}")
        return
    if failed:
        # The command itself is not repeated: addresses for messages often contain a secret.
        output.warn(f"the command of --notify ended with exit code {failed}")


def _command_summary(
    context: Context, code: int, error: DocspeedError | None, seconds: float
) -> dict[str, Any]:
    """How the command ended, with its run or its jobs."""
    members: dict[str, Any] = {
        "exit_code": code,
        "exit": next((row.name for row in EXITS if row.code == code), None),
        "seconds": round(seconds, 3),
    }
    report = context.report
    found = context.ledger.runs.find(report.run) if report.run is not None else None
    if found is not None:
        from docspeed_cli.cli.commands.runs import describe_run

        members["run"] = describe_run(context, found)
    else:
        members["jobs"] = [job.to_full_json() for job in report.jobs]
    if error is not None:
        members["error"] = context.output.error_members(error)
    return members
