"""Every fault at every exchange in one table: exit code, what the ledger holds, how often it was tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.service import (
    CUT,
    HANG,
    KEY,
    POLL,
    REFUSED,
    RESET_AFTER,
    RESET_BEFORE,
    RESULT,
    SUBMIT,
    UPLOAD,
    Reply,
    Service,
)
from tests.stage import START, Stage

HOST = "api.docspeed.ai"
HTML = Reply(200, b"<html><body>Sign in to the network</body></html>", {"Content-Type": "text/html"})
RATE = {"detail": {"code": "rate_limited", "message": "slow down", "details": None}}
AT_A_TIME = formatdate(START + 40, usegmt=True)

TRIES = 6
MANY = -1
"""More than twice: as often as the schedule has it until the wait's limit."""

NONE: list[str] = []


@dataclass(frozen=True)
class Row:
    """A fault, and for each exchange that it hits every time: exit code, states in the ledger, tries."""

    name: str
    reply: Reply
    submit: tuple[int, list[str], int]
    upload: tuple[int, list[str], int]
    poll: tuple[int, list[str], int]
    result: tuple[int, list[str], int]

    def expected(self, kind: str) -> tuple[int, list[str], int]:
        return {SUBMIT: self.submit, UPLOAD: self.upload, POLL: self.poll, RESULT: self.result}[kind]


_REPEATED = (9, NONE, TRIES)
_UNKNOWN = (9, ["unknown"], 1)
_NOT_SENT = (9, NONE, 1)
_DELAYS = (8, ["running"], MANY)
_KEPT = (9, ["done"], TRIES)
_KEPT_AT_ONCE = (9, ["done"], 1)

TABLE = (
    Row("refused", REFUSED, _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row("no route", Reply(fault="no_route"), _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row("reset before", RESET_BEFORE, _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("reset after", RESET_AFTER, _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("hang", HANG, _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("429", Reply.of(429, RATE), _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row("429, seconds", Reply.of(429, RATE, Retry_After="7"), _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row("429, date", Reply.of(429, RATE, Retry_After=AT_A_TIME), _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row(
        "429, absurd",
        Reply.of(429, RATE, Retry_After="999999"),
        _NOT_SENT,
        _NOT_SENT,
        (8, ["running"], 2),
        _KEPT_AT_ONCE,
    ),
    Row("500", Reply.of(500, {"detail": "boom"}), _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("502", Reply.of(502, {"detail": "provider"}), _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row("503", Reply.of(503, {"detail": "later"}), _REPEATED, _REPEATED, _DELAYS, _KEPT),
    Row("504", Reply(504, b"<h1>Gateway Timeout</h1>"), _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("HTML with 200", HTML, _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("empty body", Reply(200, b""), _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row("truncated body", CUT, _UNKNOWN, _REPEATED, _DELAYS, _KEPT),
    Row(
        "redirect to another server",
        Reply(307, b"", {"Location": "https://elsewhere.example/v1/here"}),
        _NOT_SENT,
        _NOT_SENT,
        (9, ["running"], 1),
        _KEPT_AT_ONCE,
    ),
    Row(
        "redirect to plain http",
        Reply(307, b"", {"Location": f"http://{HOST}/v1/here"}),
        _NOT_SENT,
        _NOT_SENT,
        (9, ["running"], 1),
        _KEPT_AT_ONCE,
    ),
)

KINDS = (SUBMIT, UPLOAD, POLL, RESULT)


def parse(stage: Stage) -> tuple[str, ...]:
    return ("parse", stage.document("a.pdf"), "--wait", "--timeout", "60", "--json")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_fault_that_stays(stage: Stage, service: Service, row: Row, kind: str) -> None:
    service.always(kind, row.reply)
    ran = stage.run(*parse(stage))
    code, states, tries = row.expected(kind)
    assert (ran.code, stage.states()) == (code, states), ran.err
    assert service.count(kind) == tries or (tries == MANY and service.count(kind) > 2)
    assert ran.out == ""
    assert json.loads(ran.err.splitlines()[-1])["error"]["message"]
    assert {call.host for call in service.calls} == {HOST}, "the key goes to the configured server only"


def once(row: Row, kind: str) -> int:
    """The exit code where the fault comes once: only an unknown outcome, or a wrong address, is the end."""
    ends = row.expected(kind) == _UNKNOWN or row.expected(kind)[2] == 1
    return row.expected(kind)[0] if ends else 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_fault_that_passes(stage: Stage, service: Service, row: Row, kind: str) -> None:
    service.then(kind, row.reply)
    argv = ("parse", stage.document("a.pdf"), "--wait", "--timeout", "2h")
    ran = stage.run(*argv)
    assert ran.code == once(row, kind), ran.err
    if ran.code == 0:
        (job_id,) = service.jobs
        assert ran.raw == service.results[job_id] + b"\n"
    again = stage.run(*argv)
    assert again.code == 0, "the same command again goes on where it was"
    taken = row.expected(kind) == _UNKNOWN and row.reply.fault in ("reset_after", "cut")
    assert len(service.jobs) == (2 if taken else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_json_is_json_whatever_its_type_says(stage: Stage, service: Service, kind: str) -> None:
    bodies: Mapping[str, object] = {
        SUBMIT: {"job_id": "job_9", "operation": "parse", "status": "queued"},
        UPLOAD: {"file_id": "file_9"},
        POLL: {"job_id": "job_1", "operation": "parse", "status": "completed"},
        RESULT: {"pages": []},
    }
    service.has("job_9", "completed", result=b'{"pages": []}')
    service.then(kind, Reply.of(200, bodies[kind], Content_Type="text/plain; charset=latin-1"))
    ran = stage.run(*parse(stage))
    assert ran.code == 0, ran.err
    assert stage.states() == ["done"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_get_follows_a_redirect_on_the_same_server(stage: Stage, service: Service, status: int) -> None:
    service.has("job_x", "completed", result=b'{"pages": [7]}')
    service.then(POLL, Reply(status, b"", {"Location": "/v1/jobs/job_x"}))
    service.then(RESULT, Reply(status, b"", {"Location": f"https://{HOST}/v1/jobs/job_x/result"}))
    ran = stage.run(*parse(stage))
    assert (ran.code, ran.out) == (0, '{"pages": [7]}\n'), ran.err
    assert {call.headers["authorization"] for call in service.calls} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("kind", [SUBMIT, UPLOAD])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_post_follows_no_redirect(stage: Stage, service: Service, kind: str, status: int) -> None:
    service.always(kind, Reply(status, b"", {"Location": "/elsewhere"}))
    ran = stage.run(*parse(stage))
    assert ran.code == 9
    assert service.count(kind) == 1
    assert not [call for call in service.calls if call.path == "/elsewhere"]


@pytest.mark.parametrize("kind", [POLL, RESULT])
def test_a_redirect_without_end_ends(stage: Stage, service: Service, kind: str) -> None:
    tail = "/result" if kind == RESULT else ""
    service.always(kind, Reply(302, b"", {"Location": f"/v1/jobs/job_1{tail}"}))
    ran = stage.run(*parse(stage))
    assert ran.code in (8, 9)
    assert service.count(kind) < 500


@pytest.mark.parametrize(("after", "least"), [("7", 7.0), (AT_A_TIME, 30.0)], ids=["as seconds", "as a date"])
@pytest.mark.parametrize("kind", KINDS)
def test_retry_after_is_honoured(stage: Stage, service: Service, kind: str, after: str, least: float) -> None:
    service.then(kind, Reply.of(429, RATE, Retry_After=after))
    ran = stage.run(*parse(stage))
    assert ran.code == 0, ran.err
    assert least <= max(ran.slept) <= 45


def test_retry_after_of_a_good_answer_is_honoured_while_polling(stage: Stage, service: Service) -> None:
    queued = {"job_id": "job_1", "operation": "parse", "status": "queued"}
    service.then(POLL, Reply.of(200, queued, Retry_After="20"))
    ran = stage.run(*parse(stage))
    assert ran.code == 0
    assert max(ran.slept) == 20.0


@pytest.mark.parametrize("kind", [SUBMIT, UPLOAD, RESULT])
def test_an_absurd_retry_after_is_told_instead_of_waited_for(
    stage: Stage, service: Service, kind: str
) -> None:
    service.always(kind, Reply.of(429, RATE, Retry_After="999999"))
    ran = stage.run(*parse(stage))
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert ran.code == 9
    assert sum(ran.slept) < 60
    assert "wait" in error["message"]
    assert error["retryable"] is True
    if kind == RESULT:
        assert "nothing was submitted" not in error["hint"], "the job was submitted, and it has ended"


def test_an_unknown_outcome_is_told_plainly(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, RESET_AFTER)
    ran = stage.run("parse", "--file-id", "f", "--json")
    error = json.loads(ran.err)["error"]
    assert ran.code == 9
    assert error["code"] == "outcome_unknown"
    assert error["retryable"] is False
    assert "unknown" in error["message"]
    (row,) = stage.rows()
    assert (row["state"], row["job_id"]) == ("unknown", None)


def test_a_server_that_was_never_reached_is_not_waited_for_for_ever(tmp_path: Path, stage: Stage) -> None:
    stage.service.always(POLL, REFUSED)
    ran = stage.run("jobs", "wait", "job_1", "--json")
    assert ran.code == 9
    assert json.loads(ran.err.splitlines()[-1])["error"]["code"] == "network"
    assert sum(ran.slept) < 600
