"""Whether and how long a job is waited for, and what is trouble on the way and what is its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fake_service import POLL, REFUSED, RESET_AFTER, RESULT, SUBMIT, Reply, Service
from tests.stage import Ran, Stage, lines


def configure(stage: Stage, text: str) -> None:
    """Put this into the config file."""
    path = stage.folder / "config" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def waited(ran: Ran) -> bool:
    """Whether the result was printed, and not the job."""
    return "pages" in json.loads(ran.out)


@pytest.mark.parametrize(
    ("flag", "variable", "filed", "expected"),
    [
        ("", "", "", False),
        ("--wait", "", "", True),
        ("", "true", "", True),
        ("", "1", "", True),
        ("", "", "wait = true", True),
        ("--no-wait", "true", "wait = true", False),
        ("--wait", "false", "wait = false", True),
        ("", "0", "wait = true", False),
    ],
)
def test_flag_then_environment_then_file(
    stage: Stage, flag: str, variable: str, filed: str, expected: bool
) -> None:
    configure(stage, filed)
    env = {"DOCSPEED_WAIT": variable} if variable else {}
    ran = stage.run("parse", "--file-id", "f", *([flag] if flag else []), env=env)
    assert ran.code == 0, ran.err
    assert waited(ran) is expected


@pytest.mark.parametrize(
    ("variable", "filed", "told"),
    [
        ("perhaps", "", "DOCSPEED_WAIT"),
        ("", 'wait = "perhaps"', "config.toml"),
        ("", "wait = maybe", "config.toml"),
        ("", "waiting = true", "waiting"),
    ],
)
def test_a_bad_setting_names_its_place(
    stage: Stage, service: Service, variable: str, filed: str, told: str
) -> None:
    configure(stage, filed)
    ran = stage.run("parse", "--file-id", "f", env={"DOCSPEED_WAIT": variable})
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert service.calls == []


@pytest.mark.parametrize(
    ("flag", "variable", "filed"),
    [
        ("60", "", ""),
        ("1m", "2h", "timeout = 7200"),
        ("", "60s", ""),
        ("", "", 'timeout = "60s"'),
        ("", "", "timeout = 60"),
    ],
)
def test_the_wait_has_a_limit(stage: Stage, service: Service, flag: str, variable: str, filed: str) -> None:
    service.polls = 10**9
    configure(stage, filed)
    flags = ["--timeout", flag] if flag else []
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", *flags, env={"DOCSPEED_TIMEOUT": variable})
    assert (ran.code, ran.out) == (8, "")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (error["code"], error["job_id"]) == ("pending", "job_1")
    assert error["hint"] == "docspeed jobs wait job_1"
    assert sum(ran.slept) == pytest.approx(60)
    (row,) = stage.rows()
    assert (row["job_id"], row["state"]) == ("job_1", "running")
    service.polls = 1
    assert stage.run(*error["hint"].split()[1:]).code == 0


def test_a_limit_of_nothing_is_one_look(stage: Stage, service: Service) -> None:
    service.polls = 2
    assert stage.run("parse", "--file-id", "f", "--wait", "--timeout", "0").code == 8
    assert service.count(POLL) == 1
    service.polls = 1
    assert stage.run("parse", "--file-id", "f", "--wait", "--timeout", "0").code == 0


def test_wait_delays_grow_from_a_quarter_second_to_fifteen(stage: Stage, service: Service) -> None:
    service.polls = 60
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0
    assert ran.slept[0] == 0.25
    rounded = [round(seconds, 6) for seconds in ran.slept]
    assert rounded == sorted(rounded), "with the same jitter each time they only grow"
    assert 12 <= ran.slept[-1] <= 15


def test_poll_interval_is_a_floor(stage: Stage, service: Service) -> None:
    service.polls = 40
    ran = stage.run("parse", "--file-id", "f", "--wait", "--poll-interval", "4s")
    assert ran.slept[0] == pytest.approx(4.0)
    assert min(ran.slept) >= 3.999
    assert max(ran.slept) > 10, "a floor, not a fixed interval"
    ran = stage.run("parse", "--file-id", "g", "--wait", env={"DOCSPEED_POLL_INTERVAL": "20"})
    assert ran.slept == pytest.approx([20.0] * len(ran.slept))


@pytest.mark.parametrize(
    "trouble",
    [
        Reply.of(503, {"detail": "later"}),
        Reply.of(500, {"detail": "boom"}),
        Reply.of(429, {"detail": "slow down"}),
        Reply(200, b"<html>"),
        RESET_AFTER,
        REFUSED,
    ],
    ids=["503", "500", "429", "html", "reset", "refused"],
)
def test_trouble_while_polling_only_delays(stage: Stage, service: Service, trouble: Reply) -> None:
    service.then(POLL, *[trouble] * 30)
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0, ran.err
    assert waited(ran)
    assert service.count(POLL) >= 31
    assert max(ran.slept) <= (60 if trouble.status == 429 else 15)


def test_unknown_statuses_are_shown_as_they_come(stage: Stage, service: Service) -> None:
    service.polls = 4
    service.statuses = ["Warming-Up", "in der Schlange", "待機中"]
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0
    for word in service.statuses:
        assert any(word in line for line in lines(ran.err))
    assert stage.run("parse", "--file-id", "g").code == 0
    service.has("job_2", "Warming-Up")
    assert json.loads(stage.run("jobs", "status", "job_2").out)["status"] == "Warming-Up"
    assert stage.rows("--status", "warming-up")[0]["status"] == "Warming-Up"


def test_one_plain_line_for_each_change(stage: Stage, service: Service) -> None:
    service.polls = 20
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert len([line for line in lines(ran.err) if "queued" in line]) == 1
    assert len([line for line in lines(ran.err) if "processing" in line]) == 1


@pytest.mark.parametrize("word", ["completed", "Complete", "SUCCEEDED", "success", "done", "Finished"])
def test_words_of_success(stage: Stage, service: Service, word: str) -> None:
    service.final = word
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0
    assert stage.states() == ["done"]


@pytest.mark.parametrize(
    "word",
    ["failed", "FAILURE", "error", "Errored", "cancelled", "canceled", "expired", "timed_out", "rejected"],
)
def test_words_of_failure(stage: Stage, service: Service, word: str) -> None:
    service.final = word
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, ran.out) == (5, "")
    assert (error["code"], error["job_id"]) == ("job_failed", "job_1")
    assert word in error["message"]
    assert service.count(RESULT) == 0
    (row,) = stage.rows()
    assert (row["state"], row["status"]) == ("failed", word)


@pytest.mark.parametrize(
    "members",
    [
        {"error": "page 3 is blank"},
        {"error": {"code": "blank_page", "message": "page 3 is blank"}},
        {"detail": {"code": "blank_page", "message": "page 3 is blank", "details": None}},
        {"message": "page 3 is blank"},
        {"error_message": "page 3 is blank"},
    ],
)
def test_the_server_s_words_on_a_failure_are_told(
    stage: Stage, service: Service, members: dict[str, Any]
) -> None:
    service.has("job_1", "failed", **members)
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "status": "queued"}))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 5
    assert "page 3 is blank" in ran.err
    assert "page 3 is blank" in stage.rows()[0]["error"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_ends_the_wait_at_once(stage: Stage, service: Service, status: int) -> None:
    service.polls = 10**9
    service.then(POLL, Reply.of(200, {"job_id": "job_1", "status": "queued"}))
    service.then(POLL, Reply.of(status, {"detail": "Missing bearer token"}))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert (ran.code, ran.out) == (4, "")
    assert service.count(POLL) == 2
    assert stage.rows()[0]["job_id"] == "job_1"


EARLY = [
    Reply.of(409, {"detail": "not finished"}),
    Reply.of(404, {"detail": "no result yet"}),
    Reply.of(425, {"detail": "too early"}),
    Reply.of(202, {"job_id": "job_1", "status": "processing"}),
]


@pytest.mark.parametrize("early", EARLY, ids=lambda reply: str(reply.status))
def test_a_result_that_lags_behind_the_status(stage: Stage, service: Service, early: Reply) -> None:
    service.then(RESULT, early, early)
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 0, ran.err
    assert ran.raw == service.results["job_1"] + b"\n"


@pytest.mark.parametrize("early", EARLY, ids=lambda reply: str(reply.status))
def test_a_result_before_the_end_is_pending(stage: Stage, service: Service, early: Reply) -> None:
    service.polls = 10**9
    service.always(RESULT, early)
    stage.run("parse", "--file-id", "f")
    ran = stage.run("jobs", "result", "job_1", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, ran.out) == (8, "")
    assert (error["code"], error["hint"]) == ("pending", "docspeed jobs wait job_1")


def test_a_status_body_with_200_is_no_result(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    service.always(RESULT, Reply.of(200, {"job_id": "job_1", "status": "processing"}))
    stage.run("parse", "--file-id", "f")
    ran = stage.run("jobs", "result", "job_1")
    assert (ran.code, ran.out) == (8, "")


def test_a_new_job_may_not_be_known_everywhere_yet(stage: Stage, service: Service) -> None:
    service.then(POLL, Reply.of(404, {"detail": "no such job"}))
    assert stage.run("parse", "--file-id", "f", "--wait").code == 0


def test_a_job_that_is_gone_ends_the_wait(stage: Stage, service: Service) -> None:
    service.always(POLL, Reply.of(404, {"detail": "no such job"}))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert ran.code == 6
    assert sum(ran.slept) < 120


# -- sync


def test_a_sync_payload_is_printed_as_it_is(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert ran.code == 0
    assert ran.raw == service.payload("parse", {"input": {"file_id": "f"}}) + b"\n"
    assert service.bodies()[0]["execution_mode"] == "sync"
    assert (service.count(POLL), service.count(RESULT)) == (0, 0)


@pytest.mark.parametrize("again", [("--sync",), ("--wait",), ("--sync", "--wait")])
def test_a_sync_payload_is_kept_and_not_paid_twice(
    stage: Stage, service: Service, again: tuple[str, ...]
) -> None:
    first = stage.run("parse", "--file-id", "f", "--sync")
    calls = len(service.calls)
    second = stage.run("parse", "--file-id", "f", *again)
    assert (second.code, second.raw) == (0, first.raw)
    assert len(service.calls) == calls
    assert "note: " in second.err
    assert stage.states() == ["done"]


def test_a_large_sync_payload_is_not_lost(stage: Stage, service: Service) -> None:
    payload = json.dumps({"pages": [{"text": "x" * 300_000}]}).encode()
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert ran.code == 0, ran.err
    assert ran.raw == payload + b"\n"
    assert stage.run("parse", "--file-id", "f", "--sync").raw == ran.raw
    assert service.count(SUBMIT) == 1


def test_a_large_result_is_whole(stage: Stage, service: Service, tmp_path: Path) -> None:
    payload = json.dumps({"pages": [{"text": "x" * 900_000}]}).encode()
    service.payload = lambda operation, body: payload
    assert stage.run("parse", "--file-id", "f", "--wait").raw == payload + b"\n"
    assert stage.run("parse", "--file-id", "f", "--wait", "-o", str(tmp_path / "r.json")).code == 0
    assert (tmp_path / "r.json").read_bytes() == payload + b"\n"


def test_a_job_in_the_answer_to_a_sync_request_is_followed(stage: Stage, service: Service) -> None:
    service.has("job_5", "queued", "working", "completed", result=b'{"pages": [5]}')
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_5", "operation": "parse", "status": "queued"}))
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert (ran.code, ran.out) == (0, '{"pages": [5]}\n')


def test_a_sync_payload_may_carry_a_job_id(stage: Stage, service: Service) -> None:
    payload = b'{"job_id": "job_6", "status": "completed", "pages": [{"text": "t"}]}'
    service.then(SUBMIT, Reply(200, payload))
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert (ran.code, ran.raw) == (0, payload + b"\n")
    assert service.count(POLL) == 0


def test_an_async_request_may_be_answered_with_the_payload(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply(200, b'{"pages": [{"text": "t"}]}'))
    ran = stage.run("parse", "--file-id", "f", "--wait")
    assert (ran.code, ran.out) == (0, '{"pages": [{"text": "t"}]}\n')


def test_a_failed_sync_job_is_a_failure(stage: Stage, service: Service) -> None:
    service.has("job_5", "failed", error="no pages")
    service.then(SUBMIT, Reply.of(200, {"job_id": "job_5", "status": "failed", "error": "no pages"}))
    ran = stage.run("parse", "--file-id", "f", "--sync")
    assert (ran.code, ran.out) == (5, "")
    assert "no pages" in ran.err


def test_a_limit_says_why_the_last_look_failed(stage: Stage, service: Service) -> None:
    service.then(POLL, Reply.of(200, {"job_id": "job_1", "status": "queued"}), *[Reply.of(503, {})] * 500)
    ran = stage.run("parse", "--file-id", "f", "--wait", "--timeout", "60", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"], error["job_id"]) == (8, "pending", "job_1")
    assert error["message"].endswith("it goes on; the last look failed: the server failed (503)")


@pytest.mark.parametrize(("kind", "again"), [(POLL, "wait"), (RESULT, "result")])
def test_what_fails_after_the_submission_says_how_to_go_on(
    stage: Stage, service: Service, kind: str, again: str
) -> None:
    service.then(kind, Reply.of(401, {"detail": "expired"}))
    ran = stage.run("parse", "--file-id", "f", "--wait", "--base-url", "https://a.example")
    flags = " --base-url https://a.example"
    first = f"fix DOCSPEED_API_KEY; or unset it, then `docspeed auth login{flags}`"
    said = f"hint: {first}, then `docspeed jobs {again} job_1{flags}`"
    assert (ran.code, ran.err.splitlines()[-1]) == (4, said)


def test_a_failed_job_is_told_with_its_document(stage: Stage, service: Service) -> None:
    service.final = "failed"
    path = stage.document("a.pdf")
    assert f"error: {path}: parse job job_1 ended as failed" in stage.run("parse", path, "--wait").err
