"""`docspeed jobs status` and `jobs wait`, and how jobs are named: ids, `@last`, rows, standard input."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, lines

# -- status


def test_jobs_status_prints_the_server_bytes(stage: Stage, service: Service) -> None:
    body = b'{"job_id": "job_9",  "status": "Working", "progress": 1.0, "queue": {"z": 1, "a": 2}}'
    service.then(POLL, Reply(200, body))
    ran = stage.run("jobs", "status", "job_9")
    assert (ran.code, ran.raw) == (0, body + b"\n")


@pytest.mark.parametrize("word", ["queued", "failed", "completed", "expired"])
def test_jobs_status_of_any_state_exits_0(stage: Stage, service: Service, word: str) -> None:
    service.has("job_9", word)
    ran = stage.run("jobs", "status", "job_9")
    assert (ran.code, json.loads(ran.out)["status"]) == (0, word)
    assert service.count(POLL) == 1


def test_jobs_status_of_many_prints_a_line_each(stage: Stage, service: Service) -> None:
    for name in ("a", "b", "c"):
        service.has(name, "queued")
    ran = stage.run("jobs", "status", "a", "b", "c", "a")
    assert sorted(json.loads(line)["job_id"] for line in lines(ran.out)) == ["a", "b", "c"]
    assert service.count(POLL) == 3


def test_jobs_status_updates_the_ledger(stage: Stage, service: Service) -> None:
    stage.submit(1)
    assert stage.states() == ["running"]
    stage.run("jobs", "status", "job_1")
    assert stage.states() == ["done"]


# -- wait


def test_jobs_wait_completed_job_prints_its_last_status(stage: Stage, service: Service) -> None:
    service.has("a", "queued", "running", "completed", pages=3)
    ran = stage.run("jobs", "wait", "a")
    assert ran.code == 0
    last = json.loads(lines(ran.out)[-1])
    assert (last["job_id"], last["status"], last["pages"]) == ("a", "completed", 3)
    assert len(lines(ran.out)) == 1
    assert service.count(RESULT) == 0


def test_jobs_wait_failed_job_exits_5(stage: Stage, service: Service) -> None:
    service.has("a", "queued", "failed", error="no pages")
    ran = stage.run("jobs", "wait", "a")
    assert ran.code == 5
    assert "no pages" in ran.err
    assert json.loads(ran.out)["status"] == "failed"


def test_jobs_wait_many_follows_them_together(stage: Stage, service: Service) -> None:
    service.has("slow", "queued", "queued", "queued", "completed")
    service.has("bad", "queued", "failed")
    service.has("quick", "completed")
    ran = stage.run("jobs", "wait", "slow", "bad", "quick")
    assert ran.code == 5
    assert {json.loads(line)["job_id"] for line in lines(ran.out)} == {"slow", "bad", "quick"}
    assert service.count(POLL) == 4 + 2 + 1


def test_jobs_wait_any_ends_with_the_first_job(stage: Stage, service: Service) -> None:
    service.has("never", "queued")
    service.has("quick", "completed")
    ran = stage.run("jobs", "wait", "never", "quick", "--any")
    assert ran.code == 0
    assert [json.loads(line)["job_id"] for line in lines(ran.out)] == ["quick"]


def test_jobs_wait_timeout_exits_8(stage: Stage, service: Service) -> None:
    service.has("a", "queued")
    ran = stage.run("jobs", "wait", "a", "--timeout", "30", "--json")
    assert (ran.code, ran.out) == (8, "")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (error["job_id"], error["hint"]) == ("a", "docspeed jobs wait a")
    assert sum(ran.slept) == pytest.approx(30)


def test_jobs_wait_unknown_outcome_exits_9(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(500, {}))
    stage.run("parse", "--file-id", "f")
    for command in ("wait", "result"):
        ran = stage.run("jobs", command, "@last")
        assert (ran.code, ran.out) == (9, "")
        assert "unknown" in ran.err
    assert stage.run("jobs", "status", "@last").code == 0


# -- naming jobs


LINES = b'job_1\n\n  job_2  \n{"job_id":"job_3","operation":"parse"}\n"job_4"\n'


@pytest.mark.parametrize("command", ["status", "wait"])
def test_jobs_ids_from_stdin_are_bare_or_json_lines(stage: Stage, service: Service, command: str) -> None:
    for n in range(1, 5):
        service.has(f"job_{n}", "completed")
    ran = stage.run("jobs", command, "-", stdin=LINES)
    assert ran.code == 0, ran.err
    assert {json.loads(line)["job_id"] for line in lines(ran.out)} == {f"job_{n}" for n in range(1, 5)}


@pytest.mark.parametrize("stdin", [b"", b"\n\n"])
def test_jobs_ids_from_empty_stdin_exit_0(stage: Stage, service: Service, stdin: bytes) -> None:
    for command in ("status", "wait", "result", "forget"):
        ran = stage.run("jobs", command, "-", stdin=stdin)
        assert ran.code == 0
        assert ran.err == ""


@pytest.mark.parametrize(
    "stdin", [b'{"operation":"parse"}\n', b"{broken\n", b'{"job_id": null}\n', b"a\x1bb\n", b'" "\n']
)
def test_jobs_ids_from_stdin_invalid_line_is_a_usage_error(
    stage: Stage, service: Service, stdin: bytes
) -> None:
    ran = stage.run("jobs", "wait", "-", stdin=stdin)
    assert (ran.code, ran.out, service.calls) == (2, "", [])


def test_jobs_ids_from_stdin_skip_failed_inputs_with_a_warning(stage: Stage, service: Service) -> None:
    listed = b"f\nnope.pdf\ng\n"
    ran = stage.run("parse", "--from", "-", stdin=listed)
    assert ran.code == 2
    waited = stage.run("jobs", "wait", "-", stdin=ran.raw)
    assert waited.code == 0, waited.err
    assert {json.loads(line)["job_id"] for line in lines(waited.out)} == {"job_1", "job_2"}
    assert "warning: no job for nope.pdf: no such file" in waited.err


def test_jobs_last_and_row_number_select_a_job(stage: Stage, service: Service) -> None:
    stage.submit(3)
    assert json.loads(stage.run("jobs", "status", "@last").out)["job_id"] == "job_3"
    row = next(row["row"] for row in stage.rows() if row["job_id"] == "job_2")
    assert json.loads(stage.run("jobs", "status", f"@{row}").out)["job_id"] == "job_2"
    assert stage.run("jobs", "status", "@99").code == 6
    assert stage.run("jobs", "status", f"@{10**22}").code == 2
    assert len(lines(stage.run("jobs", "list", "--limit", str(10**22)).out)) == 3


def test_jobs_last_in_empty_ledger_exits_6(stage: Stage) -> None:
    ran = stage.run("jobs", "result", "@last")
    assert (ran.code, ran.out) == (6, "")


def test_jobs_job_of_another_server_is_a_usage_error(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--base-url", "https://eu.docspeed.example")
    before = len(service.calls)
    ran = stage.run("jobs", "wait", "job_1")
    assert ran.code == 2
    assert "--base-url https://eu.docspeed.example" in ran.err
    assert len(service.calls) == before
    assert stage.run("jobs", "wait", "job_1", "--base-url", "https://eu.docspeed.example").code == 0


@pytest.mark.parametrize("command", ["status", "wait", "result"])
def test_jobs_unknown_job_exits_6_and_is_named(stage: Stage, service: Service, command: str) -> None:
    service.always(POLL, Reply.of(404, {"detail": "no such job"}))
    ran = stage.run("jobs", command, "job_x", "job_y")
    assert ran.code == 6
    assert all(f"job {name}: no such job" in ran.err + ran.out for name in ("job_x", "job_y"))
    assert json.loads(stage.run("jobs", command, "job_x", "--json").err)["error"]["job_id"] == "job_x"


def test_jobs_wait_unknown_job_does_not_hint_at_waiting(stage: Stage) -> None:
    ran = stage.run("jobs", "wait", "job_x")
    assert (ran.code, "jobs wait" in ran.err) == (6, False)


def test_jobs_invalid_row_is_a_usage_error(stage: Stage, service: Service) -> None:
    assert stage.run("jobs", "status", "@foo").code == 2
    assert service.calls == []
