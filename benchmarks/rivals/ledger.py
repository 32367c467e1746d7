"""The ledger in a process of its own.

`ledger.py FILE job` opens it, records one job as a command does, and closes it; the job is a plain value, so
that only the ledger is imported. `ledger.py FILE sqlite3` only imports sqlite3: that is what the first is
measured against. With a number, the ledger is filled with so many jobs.
"""

import gc
import os
import sys
import time

# `docspeed` does this first, too. Otherwise chance decides whether a collection falls into the ledger's part.
gc.disable()


def fill(path: str, rows: int) -> None:
    """Insert so many jobs."""
    import sqlite3

    from docspeed_cli.store.ledger import Ledger

    Ledger(path, print, time.time).close()
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO jobs (request, server, key, operation, status, state, job_id, input, file_id,"
            " submitted_at, updated_at) VALUES (?, 'https://api.docspeed.ai', '0123456789abcdef', 'parse',"
            " 'completed', 'done', ?, ?, ?, 1.7e9, 1.7e9)",
            (
                (f"{number:064x}", f"job_{number}", f"invoices/{number}.pdf", f"file_{number}")
                for number in range(rows)
            ),
        )
    db.close()
    # Otherwise the disk still writes these rows while jobs are measured.
    os.sync()


class PlainJob:
    """A job whose members are texts."""

    row = None

    def __init__(self, request: str) -> None:
        self.request = request

    def __getattr__(self, name: str) -> str:
        return "text of some length"


def one_job(path: str) -> None:
    """Use the ledger as `docspeed parse --wait` does."""
    from docspeed_cli.store.ledger import Ledger

    request = f"{time.time_ns():064x}"
    ledger = Ledger(path, print, time.time)
    assert not ledger.by_request(request)
    row = ledger.begin(PlainJob(request))  # type: ignore[arg-type]
    ledger.change(row, job_id=f"job_of_{row}", status="queued", state="running")
    ledger.change_soon(row, status="completed", state="done", error=None)
    ledger.close()


path, how = sys.argv[1:]
if how.isdigit():
    fill(path, int(how))
elif how == "job":
    one_job(path)
else:
    import sqlite3  # noqa: F401
