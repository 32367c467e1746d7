"""The same request is not paid for twice: a job is joined, fetched again, or resubmitted with a note."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.fake_service import POLL, RESET_AFTER, RESET_BEFORE, RESULT, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage, lines

PARSE = ("parse", "--file-id", "f")


def tokens(service: Service) -> list[str]:
    """Return the `Idempotency-Key` of each submission."""
    return [call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT]


def test_reuse_running_job_is_joined(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    stage.run(*PARSE)
    stage.clock.sleep(300)
    ran = stage.run(*PARSE)
    assert ran.code == 0
    job = json.loads(ran.out)
    assert (job["job_id"], job["reused"]) == ("job_1", True)
    assert "job_1" in ran.err and "5 min ago" in ran.err
    service.polls = 1
    assert stage.run(*PARSE, "--wait").raw == service.results["job_1"] + b"\n"
    assert service.count(SUBMIT) == 1
    assert len(stage.rows()) == 1


def test_reuse_completed_job_is_handed_over_from_what_is_kept(stage: Stage, service: Service) -> None:
    first = stage.run(*PARSE, "--wait")
    stage.clock.sleep(86400)
    second = stage.run(*PARSE, "--wait")
    assert (second.code, second.raw) == (0, first.raw)
    assert "note: " in second.err and "job_1" in second.err and "1 d ago" in second.err
    assert (service.count(SUBMIT), service.count(POLL), service.count(RESULT)) == (1, 1, 1)


def test_reuse_quiet_drops_the_note_and_keeps_the_key(stage: Stage) -> None:
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--quiet")
    assert (json.loads(ran.out)["reused"], ran.err) == (True, "")


@pytest.mark.parametrize("word", ["failed", "expired"])
def test_reuse_failed_job_is_resubmitted(stage: Stage, service: Service, word: str) -> None:
    service.final = word
    assert stage.run(*PARSE, "--wait").code == 5
    service.final = "completed"
    service.jobs["job_1"]["statuses"], service.jobs["job_1"]["members"] = (word,), {}
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert service.count(SUBMIT) == 2
    assert len(set(tokens(service))) == 2
    assert stage.states() == ["done", "failed"]


def test_reuse_job_failed_meanwhile_is_resubmitted(stage: Stage, service: Service) -> None:
    service.has("job_1", "failed")
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "status": "queued"}))
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert service.count(SUBMIT) == 2


@pytest.mark.parametrize("fault", [RESET_BEFORE, RESET_AFTER, Reply.of(500, {}), Reply.of(504, {})])
def test_reuse_unknown_outcome_is_resubmitted_with_the_same_idempotency_key(
    stage: Stage, service: Service, fault: Reply
) -> None:
    service.then(SUBMIT, fault)
    first = stage.run(*PARSE, "--wait")
    assert first.code == 9
    assert "unknown" in first.err
    assert "hint: " in first.err
    stage.clock.sleep(120)
    second = stage.run(*PARSE, "--wait")
    assert second.code == 0
    assert "unknown outcome" in second.err and "2 min ago" in second.err
    assert "again" in second.err
    assert service.count(SUBMIT) == 2
    assert len(set(tokens(service))) == 1
    third = stage.run(*PARSE, "--wait")
    assert (third.code, third.raw) == (0, second.raw)
    assert "unknown" not in third.err
    assert service.count(SUBMIT) == 2


class Killed(BaseException):
    """Stands for a kill: it unwinds the program, which can record nothing."""


def killed(request: httpx.Request) -> httpx.Response:
    raise Killed


def test_reuse_submission_of_killed_program_is_unknown_and_resubmitted(
    stage: Stage, service: Service
) -> None:
    with pytest.raises(Killed):
        replace(stage, transport=lambda base_url: httpx.MockTransport(killed)).run(*PARSE)
    assert stage.states() == ["unknown"]
    assert stage.rows("--status", "submitting"), "nobody has recorded it yet"
    ran = stage.run(*PARSE, "--wait", "--quiet")
    assert ran.err.startswith("warning: "), "what may be paid twice is said in any case"
    assert "unknown outcome (the program was stopped); submitting again" in ran.err
    (lost,) = stage.rows("--status", "unknown")
    assert (ran.code, lost["error"]) == (0, "the program was stopped; submitted again as job_1")


def test_reuse_idempotency_key_that_made_a_job_is_not_sent_again(stage: Stage, service: Service) -> None:
    """A server that honours the key would return the failed job each time."""
    service.then(SUBMIT, RESET_AFTER, Reply.of(202, {"job_id": "job_bad", "status": "failed"}))
    stage.run(*PARSE)
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--wait")
    assert ran.code == 0, ran.err
    assert "unknown" not in ran.err
    first, second, third = tokens(service)
    assert first == second != third


def test_reuse_resubmitted_row_names_the_new_job(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, RESET_AFTER)
    stage.run(*PARSE)
    stage.run(*PARSE)
    done, lost = map(json.loads, stage.run("jobs", "list").out.splitlines())
    assert (lost["state"], done["job_id"]) == ("unknown", "job_2")
    assert lost["error"].endswith("; submitted again as job_2")


def test_reuse_with_fresh_submits_again(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--wait")
    ran = stage.run(*PARSE, "--fresh")
    assert json.loads(ran.out)["job_id"] == "job_2"
    assert "reused" not in json.loads(ran.out)
    assert json.loads(stage.run(*PARSE).out)["job_id"] == "job_2", "the newest job is joined"


@pytest.mark.parametrize(
    "flags", [("--profile", "grounded"), ("--grounding", "cell"), ("--set", "a=1"), ("--set", "a.b=1")]
)
def test_reuse_other_body_is_submitted(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    stage.run(*PARSE)
    ran = stage.run(*PARSE, *flags)
    assert json.loads(ran.out)["job_id"] == "job_2"


def test_reuse_ignores_field_order_and_wait_options(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--set", "a=1", "--set", "b=2")
    for flags in (("--wait",), ("--wait", "--timeout", "5m"), ("--format", "id"), ("--verbose",)):
        assert stage.run(*PARSE, "--set", "b=2", "--set", "a=1", *flags).code == 0
    assert service.count(SUBMIT) == 1


def test_reuse_file_id_of_uploaded_document_submits_once(stage: Stage, service: Service) -> None:
    stage.run("parse", stage.document("a.pdf"))
    ran = stage.run("parse", "--file-id", "file_1")
    assert json.loads(ran.out)["reused"] is True
    assert service.count(SUBMIT) == 1


def test_reuse_failed_job_is_resubmitted_with_a_note(stage: Stage, service: Service) -> None:
    service.final = "failed"
    stage.run("parse", "--file-id", "a", "--wait")
    ran = stage.run("parse", "--file-id", "a")
    assert "note: a: job job_1 ended with status failed" in ran.err and "submitting again" in ran.err


def test_reuse_same_document_named_twice_submits_once(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, path, "--wait")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["input"] for line in lines(ran.out)] == [path, path]
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1)


def test_reuse_renamed_document_submits_once(stage: Stage, service: Service) -> None:
    stage.run("parse", stage.document("a.pdf", "same"))
    ran = stage.run("parse", stage.document("b.pdf", "same"))
    assert ran.code == 0
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1)
    assert json.loads(ran.out)["reused"] is True


def test_reuse_changed_document_is_submitted(stage: Stage, service: Service) -> None:
    stage.run("parse", stage.document("a.pdf", "one"))
    stage.run("parse", stage.document("a.pdf", "two"))
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 2)


def test_reuse_other_key_or_server_is_submitted(stage: Stage, service: Service) -> None:
    service.key = None
    path = stage.document("a.pdf")
    stage.run("parse", path)
    stage.run("parse", path, env={"DOCSPEED_API_KEY": "ds_another_key_1234"})
    stage.run("parse", path, "--base-url", "https://eu.docspeed.example")
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (3, 3)


def test_reuse_job_line_names_the_current_input(stage: Stage, service: Service) -> None:
    first, second = stage.document("first.pdf", "same"), stage.document("second.pdf", "same")
    stage.run("parse", first)
    again = json.loads(stage.run("parse", second).out)
    assert (again["input"], again["reused"]) == (second, True)
    assert service.count(SUBMIT) == 1


def test_reuse_of_a_kept_result_of_the_sandbox_has_the_sandbox_note(stage: Stage) -> None:
    invoice = Path(__file__).parents[2] / "examples" / "invoice.pdf"
    argv = ("parse", str(invoice), "--sandbox", "--wait")
    assert stage.run(*argv).code == 0
    ran = stage.run(*argv)
    assert "reusing" in ran.err
    assert ran.err.count("not with the service's models") == 1


def test_file_id_that_is_the_id_of_a_job_too_is_the_file_that_was_uploaded(
    stage: Stage, service: Service
) -> None:
    path = stage.document("a.pdf")
    service.then(SUBMIT, Reply.of(200, {"job_id": "file_1", "status": "queued"}))
    assert stage.run("parse", path).code == 0
    ran = stage.run("tables", "--file-id", "file_1")
    assert (ran.code, service.bodies()[-1]["input"]) == (0, {"file_id": "file_1"}), ran.err
