"""Opens a ledger, reads the rows of one job, closes it; with a second argument, fills it with rows first."""

import sys
import time
from pathlib import Path

from docspeed_cli.ledger import Ledger

path = Path(sys.argv[1])
if len(sys.argv) > 2:
    import sqlite3

    Ledger(path, print, time.time).close()
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO jobs (request, server, key, operation, status, state, job_id, input, file_id,"
            " submitted_at, updated_at) VALUES (?, 'https://api.docspeed.ai', '0123456789abcdef', 'parse',"
            " 'completed', 'done', ?, ?, ?, 1.7e9, 1.7e9)",
            (
                (f"{number:064x}", f"job_{number}", f"invoices/{number}.pdf", f"file_{number}")
                for number in range(int(sys.argv[2]))
            ),
        )
    db.close()
else:
    ledger = Ledger(path, print, time.time)
    assert [job.job_id for job in ledger.by_id("job_5")] == ["job_5"]
    assert len(ledger.by_request(f"{5:064x}")) == 1
    ledger.close()
