"""Processes that share a ledger: each records whole jobs over a connection of its own, as a run does.

DOCSPEED_LEDGER=… python -m benchmarks.clients PROCESSES JOBS    each process records so many jobs
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from multiprocessing import get_context

from docspeed_cli.core.ledger_address import ledger_address
from docspeed_cli.core.models import Job, State
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.postgres import PostgresDatabase


def record(client: int, jobs: int) -> None:
    """Record jobs one after the other: each row is committed before a submission would be sent."""
    address = ledger_address(os.environ["DOCSPEED_LEDGER"])
    assert address is not None
    database = PostgresDatabase(address, print, time.time, time.sleep)
    ledger = Ledger("", print, time.time, database)
    for number in range(jobs):
        name = f"{client}-{number}"
        request = hashlib.sha256(name.encode()).hexdigest()
        assert database.locks.acquire(request)
        assert ledger.by_request(request) == []
        row = ledger.begin(_job(name, request))
        ledger.change(row, job_id=f"job_{name}", status="queued", state=State.RUNNING, error=None)
        database.locks.release(request)
        ledger.change_soon(row, status="completed", state=State.DONE, error=None)
    ledger.close()


def _job(name: str, request: str) -> Job:
    return Job(
        operation="parse",
        status=State.SUBMITTING,
        state=State.SUBMITTING,
        request=request,
        server="http://127.0.0.1",
        key="benchmark",
        input=f"{name}.pdf",
        file_id=f"file_{name}",
        submitted_at=time.time(),
        token=os.urandom(16).hex(),
    )


def main(processes: int, jobs: int) -> int:
    """Run the clients at once; 1 where a job is missing at the end."""
    context = get_context("fork")
    clients = [context.Process(target=record, args=(client, jobs)) for client in range(processes)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    address = ledger_address(os.environ["DOCSPEED_LEDGER"])
    assert address is not None
    database = PostgresDatabase(address, print, time.time, time.sleep)
    found = database.read("SELECT count(DISTINCT job_id) FROM jobs WHERE state = ?", [State.DONE])
    database.close()
    return int(found != [(processes * jobs,)])


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
