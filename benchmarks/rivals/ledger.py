"""The ledger in a process of its own.

`ledger.py FILE bare` opens it, puts down the rows of one job as a command does, and closes it; the job is a
plain value, so that nothing is loaded but the ledger. With `real` it is a command's own, and read again.
With `sqlite3` or `models` that is imported and nothing is done: what the others are measured against. With a
number the ledger is filled.
"""

import sys
import time

MEMBERS = (
    "request server key operation status state job_id input file_id submitted_at updated_at output error"
)


def bare(request: str) -> object:
    """What the ledger takes for a job."""
    from types import SimpleNamespace

    members = dict.fromkeys((*MEMBERS.split(), "batch", "token", "stamp"), "text of some length")
    return SimpleNamespace(**{**members, "request": request})


def real(request: str) -> object:
    """A job as commands make it."""
    from docspeed_cli.core.models import Job, State

    return Job("parse", "submitting", State.SUBMITTING, request=request, token="0" * 32)


def fill(path: str, rows: int) -> None:
    """A ledger of so many jobs."""
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


def one_job(path: str, *, models: bool) -> None:
    """What `docspeed parse --wait` asks of the ledger."""
    from docspeed_cli.store.ledger import Ledger

    ledger = Ledger(path, print, time.time)
    request = f"{time.time_ns():064x}"
    assert not ledger.by_request(request)
    row = ledger.begin(real(request) if models else bare(request))  # type: ignore[arg-type]
    ledger.change(row, job_id=f"job_of_{row}", status="queued", state="running")
    if models:
        assert [job.row for job in ledger.by_request(request)] == [row]
    ledger.change_soon(row, status="completed", state="done", error=None)
    ledger.close()


path, how = sys.argv[1:]
if how.isdigit():
    fill(path, int(how))
elif how in ("bare", "real"):
    one_job(path, models=how == "real")
else:
    import sqlite3  # noqa: F401

    if how == "models":
        import docspeed_cli.core.models  # noqa: F401
