"""Fill a state folder with a run of extractions whose results are kept, as JSON files too.

kept.py STATE FOLDER COUNT
"""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from docspeed_cli.core.models import Job, State
from docspeed_cli.store.kept_results import KeepLimits, KeptResults
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.runs import RunItem, RunRecord

SIZE = 20_000
FIELDS = 20
COLUMNS = ("description", "hsn", "quantity", "unit", "rate", "amount")


def result(number: int) -> bytes:
    """An extraction of about 20 kB: fields with their evidence, and line items until it is large enough."""
    chosen = random.Random(number)
    fields = {}
    for name in range(FIELDS):
        value = f"INV-{number}-{name}" if name % 2 else round(chosen.uniform(1, 100_000), 2)
        quoted = f"Label {name}: {value}"
        fields[f"invoice.field_{name}"] = {
            "value": value,
            "region_ids": [f"p1:l{name}"],
            "page_index": 0,
            "text": quoted,
        }
    items: list[dict[str, object]] = []
    found = {"doc_class": "invoice", "fields": fields, "line_items": {"line_items": items}}
    size = len(json.dumps(found))
    while size < SIZE:
        row = len(items) + 1
        values = (
            f"Item {row} of {number}",
            "7017",
            chosen.randrange(1, 500),
            "Nos",
            round(chosen.uniform(1, 9999), 2),
            round(chosen.uniform(1, 99999), 2),
        )
        items.append(
            {
                name: {"value": value, "region_ids": [f"p1:t1:r{row}"], "page_index": 0}
                for name, value in zip(COLUMNS, values, strict=True)
            }
        )
        size += len(json.dumps(items[-1])) + 2
    return json.dumps(found).encode()


def _warn(text: str) -> None:
    raise SystemExit(text)


SCHEMA = {
    "doc_class": "invoice",
    "fields": [
        {"key": f"invoice.field_{name}", "type": "string" if name % 2 else "number"} for name in range(FIELDS)
    ],
    "tables": [
        {
            "key": "line_items",
            "fields": [
                {"key": name, "type": "number" if name in ("quantity", "rate", "amount") else "string"}
                for name in COLUMNS
            ],
        }
    ],
}
_INSERT = (
    "INSERT INTO jobs (row, request, server, key, operation, status, state, job_id, input)"
    " VALUES (?, '', ?, '', 'extract', 'completed', 'done', ?, ?)"
)
SERVER = "http://127.0.0.1:9"


def main(state: Path, folder: Path, count: int) -> None:
    """Record a run named `bench`, keep its results, and write them to files for other programs."""
    folder.mkdir(parents=True, exist_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(state / "ledger.db", _warn, time.time)
    kept = KeptResults(ledger.database, KeepLimits(1 << 30, 1 << 40), _warn, time.time)
    run = ledger.runs.start(
        RunRecord("", "bench", operation="extract", server=SERVER, total=count, schema=json.dumps(SCHEMA))
    )
    names = [f"{number:05}" for number in range(count)]
    rows = ((row, SERVER, f"job_{name}", f"{name}.pdf") for row, name in enumerate(names, 1))
    ledger.database.write_many(_INSERT, rows)
    for number, name in enumerate(names):
        content = result(number)
        job = Job("extract", "completed", State.DONE, f"job_{name}", server=SERVER)
        kept.keep(job, [content], len(content))
        (folder / f"{name}.json").write_bytes(content)
        ledger.runs.record(run.run, RunItem(number, f"{name}.pdf", number + 1, job.job_id))
    ledger.runs.end(run.run, None)
    kept.close()
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
