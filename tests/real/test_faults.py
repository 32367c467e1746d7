"""Every fault, over real sockets, ends as the table in `faults.py` says.

A fault of each kind happens at every exchange, each of the others at one.
"""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from tests.fake_service import KEY, POLL, RESULT, SUBMIT, UPLOAD, Service
from tests.real.faults import KINDS, LIMIT, MANY, TABLE, Cell, Fault, Ledger
from tests.real.faults_client import Case, authority_of
from tests.real.faults_server import (
    BEFORE_THE_CONNECTION,
    DRIPS,
    HERE,
    Act,
    Authorities,
    Crowded,
    Disguised,
    Drip,
    Faulty,
    Refused,
    Says,
    Silence,
)
from tests.real.machine import Machine
from tests.stage import Ran, Stage

authorities = cache(Authorities)
NAMED = {fault.name: fault for fault in TABLE}


DIFFERENT = tuple(
    {
        (fault.line, type(fault.act), getattr(fault.act, "handled", None), fault.waits > 0): fault
        for fault in TABLE
    }.values()
)
"""A fault of each kind: those of one line that the server commits in the same way pass alike."""


ALIKE = tuple(fault for fault in TABLE if fault not in DIFFERENT)


def cells(pairs: Iterable[tuple[Fault, str]]) -> list[ParameterSet]:
    """These pairs of a fault and an exchange, with names."""
    return [pytest.param(fault, kind, id=f"{fault.name}-{kind}") for fault, kind in pairs]


@contextmanager
def serving(
    service: Service, act: Act, kind: str, move: Callable[[float], None], times: int | None = None
) -> Iterator[Faulty]:
    """A server with this fault; at the end every request has been counted."""
    with socket.socket() as elsewhere:
        elsewhere.bind((HERE, 0))
        server = Faulty(service, act, kind, move, times, authorities(), elsewhere.getsockname()[1])
        with server.listening():
            yield server


@contextmanager
def facing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, act: Act, kind: str, times: int | None = None
) -> Iterator[Case]:
    """A user of a server with this fault; the program must connect to no other server."""

    def move(seconds: float) -> None:
        stage.clock.time += seconds

    with serving(stage.service, act, kind, move, times) as server:
        case = Case.of(stage, server, monkeypatch)
        yield case
        assert case.wire.ports <= {server.port}, "the program went to another server"


def error_of(err: str) -> dict[str, Any]:
    """The error on the last line of stderr."""
    error: dict[str, Any] = json.loads(err.splitlines()[-1])["error"]
    return error


def missing(text: str, *words: str) -> list[str]:
    """The words that are missing, with the text; empty if none is."""
    return [] if all(word in text for word in words) else [*words, "in", text]


# -- the matrix


@pytest.mark.parametrize(
    ("fault", "kind"), cells([*product(DIFFERENT, KINDS), *zip(ALIKE, cycle(KINDS), strict=False)])
)
def test_fault_that_lasts_ends_as_the_table_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Fault, kind: str
) -> None:
    cell = fault.at(kind)
    with facing(stage, monkeypatch, fault.act, kind) as case:
        ran = case.run("--json")
    assert (ran.code, case.ledger()) == (cell.exit, rows_of(cell.ledger)), ran.err
    made = tries(case)
    expected = cell.tries + (fault.dies and kind == RESULT)
    assert made == expected or (cell.tries == MANY and 3 <= made <= LIMIT / 5), ran.err
    assert len(tokens(case)) <= 1, "retries of a submission carry the same token"
    assert_script_output(ran, fault, cell)
    assert_delays(ran, fault, cell)
    assert_key_hidden_and_drips_ended(case, ran)


@pytest.mark.parametrize(("fault", "kind"), cells(product(DIFFERENT, KINDS)))
def test_fault_that_passes_is_survived_or_resumed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: Fault, kind: str
) -> None:
    cell = fault.at(kind)
    ends_well = cell.tries != 1 or cell.exit == 0
    with facing(stage, monkeypatch, fault.act, kind, times=1) as case:
        ran = case.run()
        assert_human_output(ran, fault, kind, cell)
        assert ran.code == (0 if ends_well else cell.exit), ran.err
        if ends_well:
            assert ran.raw == stage.service.results["job_1"] + b"\n"
        case.server.repair()
        again = case.run()
        assert again.code == 0, again.err
        assert ("unknown outcome" in again.err) == (cell.ledger is Ledger.UNKNOWN)
    assert_key_hidden_and_drips_ended(case, ran)
    assert kind == UPLOAD or case.server.count(UPLOAD) == 1, "a document is stored once"
    if ends_well or cell.ledger is Ledger.UNKNOWN:
        assert len(tokens(case)) == 1, "a submission that may have been taken keeps its token"
    assert len(stage.service.jobs) == 1 + taken_without_our_knowledge(fault, cell)


def rows_of(ledger: Ledger) -> list[tuple[str, str | None, str]]:
    return [] if ledger.value is None else [ledger.value]


def tries(case: Case) -> int:
    """How often the program tried the exchange."""
    sent = case.server.count(case.server.kind)
    if isinstance(case.server.act, BEFORE_THE_CONNECTION):
        assert sent == 0, "nothing is sent without a trusted connection"
        return case.wire.attempts
    return sent


def tokens(case: Case) -> set[str]:
    """The idempotency keys of all submissions."""
    return {head.headers["idempotency-key"] for head in case.server.heads if head.kind == SUBMIT}


def taken_without_our_knowledge(fault: Fault, cell: Cell) -> bool:
    """Whether the server took a submission without our knowing it."""
    handled = getattr(fault.act, "handled", not isinstance(fault.act, Says))
    return cell.ledger is Ledger.UNKNOWN and handled


def assert_script_output(ran: Ran, fault: Fault, cell: Cell) -> None:
    """stderr ends with one JSON error that matches the cell, or there is no error at all."""
    if cell.code is None:
        assert "error" not in ran.err
        return
    assert ran.out == "", "a failed run prints nothing"
    error = error_of(ran.err)
    assert (error["code"], error["retryable"]) == (cell.code, cell.retryable)
    cause = () if cell.code == "pending" else (fault.says,)
    assert missing(ran.err, *cause, *cell.says) == []


def assert_human_output(ran: Ran, fault: Fault, kind: str, cell: Cell) -> None:
    """stderr names the fault, and the retries if there are any."""
    if fault.dies and kind in (POLL, RESULT):
        assert "trying again in" not in ran.err
    elif cell.code is not None:
        trying = ("trying again in",) if cell.repeated and cell.code != "pending" else ()
        assert missing(ran.err, fault.says, *trying) == []


def assert_delays(ran: Ran, fault: Fault, cell: Cell) -> None:
    """`Retry-After` is obeyed; an invalid one changes nothing about the usual delays."""
    if cell.repeated:
        assert max(ran.slept) >= fault.waits
    if cell.code != "pending":
        assert max(ran.slept, default=0) <= fault.waits + 31
        return
    (seconds,) = re.findall(r"is still queued after (\d+) s; it goes on", ran.err)
    assert LIMIT <= int(seconds) <= LIMIT + (DRIPS["GET"] if isinstance(fault.act, Drip) else 0)


def assert_key_hidden_and_drips_ended(case: Case, ran: Ran) -> None:
    """The key is sent and never shown; the program ended answers that dripped."""
    assert KEY not in ran.err + ran.out
    assert {head.headers["authorization"] for head in case.server.heads} <= {f"Bearer {KEY}"}
    assert case.server.endured == 0


# -- how long it takes


@pytest.mark.parametrize(
    ("name", "kind", "limit"),
    [
        ("no connection in time", UPLOAD, ("connect", 15.0)),
        ("no answer, body unread", UPLOAD, ("write", 300.0)),
        ("no answer, body unread", SUBMIT, ("write", 300.0)),
        ("no answer, acted upon", UPLOAD, ("read", 300.0)),
        ("no answer, acted upon", SUBMIT, ("read", 300.0)),
        ("no answer, acted upon", POLL, ("read", 60.0)),
        ("no answer, acted upon", RESULT, ("read", 60.0)),
    ],
)
def test_timeout_of_each_exchange_is_as_documented(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, limit: tuple[str, float]
) -> None:
    assert isinstance(NAMED[name].act, Crowded | Silence)
    with facing(stage, monkeypatch, NAMED[name].act, kind, times=1) as case:
        case.run()
    assert case.limits == {limit}


def test_polling_obeys_retry_after_of_a_success(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.polls = 2
    with facing(stage, monkeypatch, Disguised({"Retry-After": "20"}), POLL, times=1) as case:
        ran = case.run()
    assert (ran.code, max(ran.slept)) == (0, 20.0)


def test_wait_for_a_server_never_reached_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with facing(stage, monkeypatch, Refused(), UPLOAD) as case:
        ran = case.say("jobs", "wait", "job_1", "--json")
    assert (ran.code, error_of(ran.err)["code"], case.wire.attempts) == (9, "network", 6)
    assert sum(ran.slept) < LIMIT


# -- beside the table


@pytest.mark.parametrize("name", ["401", "expired", "302 away"])
@pytest.mark.parametrize("kind", [POLL, RESULT])
def test_error_after_the_submission_has_the_job_id(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    with facing(stage, monkeypatch, NAMED[name].act, kind) as case:
        ran = case.run("--json")
    assert error_of(ran.err).get("job_id") == "job_1"


@pytest.mark.parametrize("body", [b"null", b'{"status": "queued"}', b'{"job_id": null, "status": "queued"}'])
def test_submission_answer_without_a_job_leaves_the_outcome_unknown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    with facing(stage, monkeypatch, Disguised(body=body), SUBMIT) as case:
        ran = case.run("--json")
    assert (ran.code, case.ledger()) == (9, rows_of(Ledger.UNKNOWN))


@pytest.mark.parametrize("status", [300, 304])
@pytest.mark.parametrize("kind", KINDS)
def test_3xx_without_a_target_is_unavailable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, status: int, kind: str
) -> None:
    with facing(stage, monkeypatch, Says(status, b""), kind) as case:
        ran = case.run()
    assert ran.code == 9, ran.err


@pytest.mark.parametrize("host", [f"{'a' * 64}.invalid", "a..invalid"])
def test_invalid_host_name_is_an_expected_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with facing(stage, monkeypatch, Refused(), UPLOAD) as case:
        ran = case.run("--json", "--base-url", f"https://{host}")
    assert ran.code in (2, 9), ran.err


# -- the installed program

ENDS_AT_ONCE = (
    ("reset after", SUBMIT),
    ("cut, closed", SUBMIT),
    ("500", SUBMIT),
    ("HTML", SUBMIT),
    ("unknown authority", UPLOAD),
    ("expired", POLL),
    ("429, days", SUBMIT),
    ("307 to plain http", RESULT),
    ("302 within", RESULT),
    ("401", POLL),
)


@pytest.mark.parametrize(("name", "kind"), ENDS_AT_ONCE)
def test_installed_program_ends_the_same_way(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    act = NAMED[name].act
    with serving(Service(), act, kind, lambda seconds: None) as server:
        machine = Machine(tmp_path / "machine", server.base_url)
        machine.folder.mkdir()
        path = Stage(machine.folder).document("a.pdf")
        env = authority_of(server, machine.folder)
        done = machine.run("parse", path, "--wait", "--json", env=env)
        rows = machine.run("jobs", "list", "--json", env=env).out.splitlines()
    with facing(stage, monkeypatch, act, kind) as case:
        ran = case.run("--json")
    assert (done.code, done.out) == (ran.code, ran.raw)
    assert anonymous(done.err, machine.folder) == anonymous(ran.err, stage.folder)
    found = [(row["state"], row["job_id"], row["status"]) for row in map(json.loads, rows)]
    assert found == case.ledger()
    assert server.seen == case.server.seen


def anonymous(text: str, folder: Path) -> str:
    """The text without folder and ports, which differ between two runs."""
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", text.replace(str(folder), "FOLDER"))


@pytest.mark.parametrize(
    ("kind", "ledger"), [(UPLOAD, Ledger.EMPTY), (POLL, Ledger.RUNNING), (RESULT, Ledger.DONE)]
)
def test_ctrl_c_during_a_silent_exchange_ends_with_130(tmp_path: Path, kind: str, ledger: Ledger) -> None:
    with serving(Service(), Silence(handled=True), kind, lambda seconds: None) as server:
        machine = Machine(tmp_path, server.base_url)
        with machine.start("parse", Stage(tmp_path).document("a.pdf"), "--wait") as running:
            server.until_met()
            running.send(signal.SIGINT)
            done = running.end()
        rows = machine.here("jobs", "list", "--json").out.splitlines()
    assert (done.code, done.out) == (130, b""), done.err
    assert [(row["state"], row["job_id"], row["status"]) for row in map(json.loads, rows)] == rows_of(ledger)
    assert ("docspeed jobs wait job_1" in done.err) == (kind == POLL)
