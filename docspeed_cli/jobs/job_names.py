"""Find the job that a name stands for: `@last`, a row of the ledger such as `@7`, or an id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docspeed_cli.core.models import Job
    from docspeed_cli.jobs.context import Context

LAST = "@last"
"""Name of the newest job, and of the newest run."""

ROW = re.compile(r"@(\d{1,18})")
"""Name of a job by its row; no ledger has longer numbers."""


def named_job(context: Context, name: str) -> Job | None:
    """Return the ledger's job with this name; None if it has none.

    `@last` is the newest job of the server that a flag names, or of all servers. An id that two servers know
    stands for the job on this one.
    """
    if name == LAST:
        return context.ledger.newest(context.settings.named_server)
    if row := ROW.fullmatch(name):
        return context.ledger.by_row(int(row[1]))
    # No engine stores what can't be printed, and some fail when asked for it.
    known = context.ledger.by_id(name) if name.isprintable() else []
    return next((job for job in known if job.server == context.server), next(iter(known), None))
