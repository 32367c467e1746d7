"""Many inputs: a line each as they end, a summary; one failure does not stop the others."""

from __future__ import annotations

import json

import pytest

from docspeed_cli.core.models import Request
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.reading import read_documents
from tests.fake_service import POLL, REFUSED, RESET_AFTER, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage, by_input, file_ids, lines

KEYS = ["input", "file_id", "job_id", "operation", "status"]


def test_batch_line_has_the_promised_keys(stage: Stage, service: Service) -> None:
    service.polls = 3
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, *file_ids("g"), "--wait")
    assert ran.code == 0, ran.err
    for line in by_input(ran).values():
        assert list(line) == [*KEYS, "result"]
        assert (line["operation"], line["status"]) == ("parse", "completed")
        assert line["result"]["file"] == line["file_id"]
    assert by_input(ran)[path]["file_id"] == "file_1"


def test_batch_failed_job_line_has_job_id_and_error(stage: Stage, service: Service) -> None:
    service.has("job_1", "queued", "Cancelled", error={"code": "blank", "message": "page 3 is blank"})
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "operation": "parse", "status": "queued"}))
    ran = stage.run("parse", *file_ids("bad", "good"), "--wait", "--concurrency", "1")
    assert ran.code == 5
    found = by_input(ran)
    assert list(found["bad"]) == [*KEYS, "error"]
    assert {"code", "message"} <= set(found["bad"]["error"])
    assert "page 3 is blank" in found["bad"]["error"]["message"]
    assert [found["bad"][key] for key in KEYS] == ["bad", "bad", "job_1", "parse", "Cancelled"]
    assert "result" in found["good"]


def test_batch_rejected_input_line_has_all_keys(stage: Stage, service: Service) -> None:
    service.then(
        SUBMIT, Reply.of(422, {"detail": {"code": "bad_file", "message": "no pages", "details": None}})
    )
    ran = stage.run("parse", *file_ids("bad", "good"), "--wait", "--concurrency", "1")
    assert ran.code == 7
    bad = by_input(ran)["bad"]
    assert list(bad) == [*KEYS, "error"]
    assert (bad["file_id"], bad["job_id"], bad["operation"]) == ("bad", None, "parse")
    assert (bad["error"]["code"], bad["error"]["message"]) == ("bad_file", "no pages")


def test_batch_unknown_outcome_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, RESET_AFTER)
    argv = ("parse", *file_ids("a", "b", "c"), "--wait", "--concurrency", "1")
    ran = stage.run(*argv)
    assert ran.code == 9
    assert [("error" in line) for line in by_input(ran).values()].count(True) == 1
    again = stage.run(*argv)
    assert again.code == 0
    assert service.count(SUBMIT) == 4, "only the unknown submission is repeated"


def test_batch_no_credits_stops_the_run(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(402, {"detail": "no credits"}))
    ran = stage.run("parse", *file_ids(*(f"f{n}" for n in range(50))), "--wait", "--concurrency", "2")
    assert ran.code == 3
    assert service.count(SUBMIT) < 20
    assert "no credits" in ran.err


def test_batch_resume_after_401_submits_nothing_again(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(12)]
    service.at("/v1/jobs/job_4/result", *[Reply.of(401, {"detail": "expired key"})])
    argv = ("parse", *paths, "--wait", "-o", str(stage.folder / "out"), "--concurrency", "2")
    assert stage.run(*argv).code == 4
    ran = stage.run(*argv)
    assert ran.code == 0, ran.err
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (12, 12)
    assert len(list((stage.folder / "out").iterdir())) == 12


def test_batch_without_wait_does_not_poll(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", *file_ids("a", "b", "c"))
    assert ran.code == 0
    assert {json.loads(line)["job_id"] for line in lines(ran.out)} == {"job_1", "job_2", "job_3"}
    assert service.count(POLL) == 0


def test_batch_summary_counts_failed_and_running_jobs(stage: Stage, service: Service) -> None:
    service.final = "failed"
    names = [word for number in range(7) for word in ("--file-id", f"f{number}")]
    ran = stage.run("parse", *names, "--wait")
    assert "  7 × ended with status failed\n" in ran.err
    service.polls = 10**9
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--timeout", "30")
    assert (ran.code, "0 done, 2 still running in" in ran.err) == (8, True), ran.err
    assert "hint: run the same command again; it does only what is left" in ran.err


def test_batch_quiet_still_reports_failures(stage: Stage, service: Service) -> None:
    service.final = "failed"
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--quiet")
    assert (ran.code, ran.err) == (5, "error: parse: 2 of 2 failed\n")


def test_batch_summary_without_wait_says_submitted(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g")
    assert ran.code == 0
    assert "parse: 2 submitted in" in ran.err
    assert "hint: add `--wait -o DIR` and run the same command again to save each result" in ran.err
    again = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait")
    assert "parse: 2 done (2 reused) in" in again.err
    assert "documents/" not in again.err


def test_batch_unexpected_exception_fails_one_document(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(context: Context, request: Request) -> Request:
        if request.label == "b":
            raise RuntimeError("unexpected")
        return read_documents(context, request)

    monkeypatch.setattr("docspeed_cli.jobs.tasks.read_documents", failing)
    ran = stage.run("parse", *file_ids("a", "b", "c"), "--wait")
    assert ran.code == 1
    found = by_input(ran)
    assert "result" in found["a"] and "result" in found["c"]
    assert found["b"]["error"]["code"] == "bug"
    assert "DOCSPEED_DEBUG=1" in found["b"]["error"]["hint"]
    assert service.count(SUBMIT) == 2


def test_batch_unreachable_server_stops_the_run(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, REFUSED)
    ran = stage.run("parse", *file_ids(*(f"f{n}" for n in range(50))), "--wait", "--concurrency", "2")
    assert ran.code == 9
    assert service.count(SUBMIT) <= 6 * 15
    assert "stopped: the server does not answer" in ran.err
    ended = len(lines(ran.out))
    assert f"{ended} failed, {50 - ended} not finished in" in ran.err


def test_batch_server_that_answered_before_does_not_stop_the_run(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, REFUSED)
    paths = [stage.document(f"{n}.pdf") for n in range(6)]
    ran = stage.run("parse", *paths, "--wait", "--concurrency", "2")
    assert (ran.code, len(lines(ran.out))) == (9, 6)


@pytest.mark.parametrize("folder", [False, True])
def test_batch_reuse_notes_are_limited(stage: Stage, service: Service, folder: bool) -> None:
    argv = ["parse", *file_ids(*(f"f{n}" for n in range(15))), "--wait"]
    argv += ["-o", f"{stage.folder}/out/"] if folder else []
    stage.run(*argv)
    ran = stage.run(*argv)
    notes = [line for line in lines(ran.err) if line.startswith("note: ")]
    assert len([line for line in notes if "parse job job_" in line and "submitted" in line]) == 10
    assert len(notes) == 11
    assert (".json already holds the result" in ran.err) == folder
    assert service.count(SUBMIT) == 15


def test_batch_rejected_input_line_has_its_file_id(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(422, {"detail": "no"}))
    ran = stage.run("parse", stage.document("a.pdf"), stage.document("b.pdf"), "--wait")
    assert {json.loads(line)["file_id"] for line in lines(ran.out)} == {"file_1", "file_2"}


def test_batch_reused_result_line_says_reused(stage: Stage, service: Service) -> None:
    argv = ("parse", "--file-id", "a", "--file-id", "b", "--wait")
    assert ['"reused":true' in line for line in lines(stage.run(*argv).out)] == [False, False]
    assert ['"reused":true' in line for line in lines(stage.run(*argv).out)] == [True, True]
    shown = stage.run(*argv, terminal=True)
    assert shown.out.count("· from ") == 2 and "--fresh submits anew" not in shown.err


def test_batch_result_nested_too_deeply_for_require_is_saved(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"fields": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    out = stage.folder / "out"
    argv = (
        "extract",
        *file_ids("a", "b"),
        "--schema",
        '{"fields": [{"key": "x"}]}',
        "--wait",
        "--require",
        "x",
    )
    ran = stage.run(*argv, "-o", str(out))
    rows = [json.loads(line) for line in lines(ran.out)]
    assert {row["job_id"] for row in rows} == {"job_1", "job_2"}
    assert {row["error"]["code"] for row in rows} == {"too_deep"}
    assert len(list(out.iterdir())) == 2


def test_batch_failure_at_terminal_is_one_line(stage: Stage, service: Service) -> None:
    service.final = "failed"
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", terminal=True)
    (line,) = [line for line in ran.err.splitlines() if "f: " in line]
    assert line.endswith(("f: ended with status failed (job_1)", "f: ended with status failed (job_2)"))
    service.final = "completed"
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", terminal=True)
    assert "2 done in" in ran.err


def test_long_run_at_terminal_is_a_bar_and_a_summary_that_names_failures(
    stage: Stage, service: Service
) -> None:
    service.final = "failed"
    argv = ("parse", *file_ids(*(f"f{n}" for n in range(25))), "--wait", "--concurrency", "1")
    ran = stage.run(*argv, terminal=True)
    assert ran.out == "" and "error:" not in ran.err
    assert "25 × ended with status failed: f0, f1, f2 and 22 more\n" in ran.err
    assert "; `docspeed runs show` lists each input\n" in ran.err
    for flags, env in (((), {"TERM": "dumb"}), (("--verbose",), {}), (("--quiet",), {})):
        each = stage.run(*argv, *flags, terminal=True, env=env)
        assert each.err.count(": ended with status failed (job_") == 25, flags
    assert len(lines(stage.run(*argv).out)) == 25
