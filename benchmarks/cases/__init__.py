"""The cases, by what they measure; `CASES` has all of them, in the order in which they run."""

from __future__ import annotations

from benchmarks.cases.kept import KEEP, KEPT_MEMORY, RESUME
from benchmarks.cases.many import MANY, MANY_MEMORY
from benchmarks.cases.one_job import JOB, JOB_TLS
from benchmarks.cases.rows import ROWS_CSV, ROWS_XLSX
from benchmarks.cases.shared import SHARED_CLIENTS, SHARED_RUN
from benchmarks.cases.start_up import LEDGER, START_UP, TAB
from benchmarks.cases.transfers import MEMORY_FILE, MEMORY_PIPE, RESULT_FILE, RESULT_PIPE, UPLOAD
from benchmarks.cases.view import VIEW

CASES = (
    START_UP,
    TAB,
    JOB,
    JOB_TLS,
    RESULT_FILE,
    RESULT_PIPE,
    MEMORY_FILE,
    MEMORY_PIPE,
    UPLOAD,
    LEDGER,
    MANY,
    MANY_MEMORY,
    KEEP,
    RESUME,
    KEPT_MEMORY,
    ROWS_CSV,
    ROWS_XLSX,
    VIEW,
    SHARED_RUN,
    SHARED_CLIENTS,
)
