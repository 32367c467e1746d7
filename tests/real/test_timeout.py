"""`--timeout` ends a command whichever exchange the server is silent on, for one document and for many."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from tests.fake_service import HANG, POLL, RESULT, SUBMIT, UPLOAD, Service
from tests.real.machine import Machine, Running

EXITS = {UPLOAD: 8, SUBMIT: 9, POLL: 8, RESULT: 8}
STATES = {UPLOAD: set(), SUBMIT: {"unknown"}, POLL: {"running"}, RESULT: {"done"}}
"""What the ledger then says of a document whose submission was sent in time."""
MANY = 3


def start(stack: ExitStack, folder: Path, kind: str, documents: int) -> tuple[Machine, Running]:
    """Start a run over this many documents at a server that is silent on one kind of request."""
    folder.mkdir()
    names = [f"{number}.pdf" for number in range(documents)]
    for name in names:
        (folder / name).write_bytes(b"%PDF-1.4\n" + name.encode())
    base_url = stack.enter_context(Service().always(kind, HANG).listening())
    machine = Machine(folder, base_url)
    command = ("parse", *names, "--wait", "--timeout", "1s", "--json")
    return machine, stack.enter_context(machine.start(*command))


def test_timeout_ends_a_command_whose_server_is_silent(tmp_path: Path) -> None:
    with ExitStack() as stack:
        started = {
            (kind, documents): start(stack, tmp_path / f"{kind}{documents}", kind, documents)
            for kind in EXITS
            for documents in (1, MANY)
        }
        for (kind, documents), (machine, running) in started.items():
            done = running.end()
            assert done.code == EXITS[kind], (kind, documents, done.err)
            rows = map(json.loads, machine.here("jobs", "list", "--json").out.splitlines())
            assert {row["state"] for row in rows} == STATES[kind], (kind, documents)
