"""`docspeed jobs forget`."""

from __future__ import annotations

from typing import Annotated

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.job_ids import read_ids, require_known
from docspeed_cli.cli.options import Ids, ServerOptions, input_flag
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.settings import duration
from docspeed_cli.jobs.context import Context


@guide("docspeed jobs forget job_123", "docspeed jobs forget --finished --older-than 30d")
def forget(
    options: ServerOptions,
    ids: Ids = None,
    finished: Annotated[bool, input_flag("--finished", "jobs that have ended")] = False,
    older_than: Annotated[
        str | None,
        input_flag("--older-than", "jobs submitted longer ago than this", "DURATION"),
    ] = None,
) -> Action:
    """Remove jobs from the local ledger.

    The server's jobs and results stay.
    """
    try:
        age = None if older_than is None else duration(older_than)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
    if bool(ids) == (finished or age is not None):
        raise UsageError("name job ids, or --finished, --older-than, or both of these")

    def action(context: Context) -> int:
        from docspeed_cli.jobs.follow import Follower
        from docspeed_cli.jobs.run_state import RunState

        if ids:
            chosen = [require_known(context, text) for text in read_ids(ids, context)]
        else:
            before = None if age is None else context.environment.now() - age
            found = context.ledger.listing(older_than=before, server=context.settings.named_server)
            chosen = [job for job in found if job.ended or not finished]
        running = [job.ref for job in chosen if not job.ended]
        if running:
            few = ", ".join(running[:5]) + (" …" if len(running) > 5 else "")
            context.output.warn(f"forgot jobs that had not ended: {few}; their commands submit them again")
        count = Follower(context, RunState(context.command)).forget(chosen)
        if context.output.human_output:
            context.output.text(f"forgot {count} job{'' if count == 1 else 's'}")
        else:
            context.output.value({"forgotten": count})
        return 0

    return action
