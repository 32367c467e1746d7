"""Many inputs: a line each, a file each, one failure never stops the others, one exit code for all."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.core.models import Source
from docspeed_cli.jobs.uploads import Document, Uploads
from tests.fake_service import POLL, REFUSED, RESET_AFTER, RESULT, SUBMIT, UPLOAD, Call, Reply, Service
from tests.stage import Clock, Ran, Stage, lines

KEYS = ["input", "file_id", "job_id", "operation", "status"]


def by_input(ran: Ran) -> dict[str, dict[str, Any]]:
    """The lines of a run by their input."""
    found = [json.loads(line) for line in lines(ran.out)]
    return {line["input"]: line for line in found}


def ids(*names: str) -> list[str]:
    """These stored files as flags."""
    return [part for name in names for part in ("--file-id", name)]


def test_the_keys_of_a_line(stage: Stage, service: Service) -> None:
    service.polls = 3
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, *ids("g"), "--wait")
    assert ran.code == 0, ran.err
    for line in by_input(ran).values():
        assert list(line) == [*KEYS, "result"]
        assert (line["operation"], line["status"]) == ("parse", "completed")
        assert line["result"]["file"] == line["file_id"]
    assert by_input(ran)[path]["file_id"] == "file_1"


def test_a_failed_line_names_the_job_and_what_happened(stage: Stage, service: Service) -> None:
    service.has("job_1", "queued", "Cancelled", error={"code": "blank", "message": "page 3 is blank"})
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "operation": "parse", "status": "queued"}))
    ran = stage.run("parse", *ids("bad", "good"), "--wait", "--concurrency", "1")
    assert ran.code == 5
    found = by_input(ran)
    assert list(found["bad"]) == [*KEYS, "error"]
    assert {"code", "message"} <= set(found["bad"]["error"])
    assert "page 3 is blank" in found["bad"]["error"]["message"]
    assert [found["bad"][key] for key in KEYS] == ["bad", "bad", "job_1", "parse", "Cancelled"]
    assert "result" in found["good"]


def test_a_refused_line_is_whole_too(stage: Stage, service: Service) -> None:
    service.then(
        SUBMIT, Reply.of(422, {"detail": {"code": "bad_file", "message": "no pages", "details": None}})
    )
    ran = stage.run("parse", *ids("bad", "good"), "--wait", "--concurrency", "1")
    assert ran.code == 7
    bad = by_input(ran)["bad"]
    assert list(bad) == [*KEYS, "error"]
    assert (bad["file_id"], bad["job_id"], bad["operation"]) == ("bad", None, "parse")
    assert (bad["error"]["code"], bad["error"]["message"]) == ("bad_file", "no pages")


def test_one_unknown_outcome_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, RESET_AFTER)
    argv = ("parse", *ids("a", "b", "c"), "--wait", "--concurrency", "1")
    ran = stage.run(*argv)
    assert ran.code == 9
    assert [("error" in line) for line in by_input(ran).values()].count(True) == 1
    again = stage.run(*argv)
    assert again.code == 0
    assert service.count(SUBMIT) == 4, "only what was unknown is submitted again"


def test_refused_credentials_stop_the_run(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(402, {"detail": "no credits"}))
    ran = stage.run("parse", *ids(*(f"f{n}" for n in range(50))), "--wait", "--concurrency", "2")
    assert ran.code == 3
    assert service.count(SUBMIT) < 20
    assert "no credits" in ran.err


ENDS = {
    4: Reply.of(403, {"detail": "not yours"}),
    3: Reply.of(402, {"detail": "no credits"}),
    9: Reply(307, b"", {"Location": "https://elsewhere.example/"}),
    7: Reply.of(400, {"detail": "bad"}),
    6: Reply.of(404, {"detail": "no such file"}),
}
ORDER = (4, 3, 9, 5, 7, 6, 8)


@pytest.mark.parametrize(
    ("one", "other"), [(a, b) for n, a in enumerate(ORDER) for b in ORDER[n + 1 :]], ids=str
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_exit_code_of_several_jobs(
    stage: Stage, service: Service, one: int, other: int, turned: bool
) -> None:
    for job_id, code in {"job_a": one, "job_b": other}.items():
        if code in (5, 8):
            service.has(job_id, "failed" if code == 5 else "running")
        else:
            service.at(f"/v1/jobs/{job_id}", ENDS[code])
    jobs = ["job_b", "job_a"] if turned else ["job_a", "job_b"]
    ran = stage.run("jobs", "result", *jobs, "--concurrency", "1")
    not_met = turned and other == 3  # without credits nothing else is asked
    assert ran.code == (3 if not_met else one), ran.err


def test_a_folder_takes_a_file_for_each_input(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"in/{name}") for name in ("a.pdf", "b.pdf", "sub/a.pdf")]
    out = stage.folder / "out"
    ran = stage.run("parse", *paths, *ids("f/../../x"), "--wait", "-o", str(out))
    assert ran.code == 0, ran.err
    found = by_input(ran)
    for line in found.values():
        assert list(line) == [*KEYS, "output"]
        content = json.loads(Path(line["output"]).read_text())
        assert content["file"] == line["file_id"], "the file holds this input's result"
        assert Path(line["output"]).resolve().is_relative_to(out.resolve())
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) == len({line["output"] for line in found.values()}) == 4
    assert Path(found[paths[1]]["output"]).name == "b.json"


@pytest.mark.parametrize(
    "name", ["../../etc/x", "/etc/passwd", "..", ".", "a/b", "nul", "x" * 300, "a\\b", "~"]
)
def test_no_name_leads_out_of_the_folder(stage: Stage, service: Service, name: str) -> None:
    out = stage.folder / "deep" / "out"
    out.parent.mkdir()
    ran = stage.run("parse", *ids(name, "plain"), "--wait", "-o", str(out))
    assert ran.code == 0, ran.err
    written = [path for path in stage.folder.rglob("*.json") if path.is_file()]
    assert len(written) == 2
    assert all(path.parent == out for path in written)


def test_names_that_differ_in_case_only_are_two_files(stage: Stage) -> None:
    out = stage.folder / "out"
    ran = stage.run("parse", *ids("Scan", "scan", "SCAN"), "--wait", "-o", str(out))
    assert ran.code == 0
    assert len({path.name.lower() for path in out.iterdir()}) == 3


def test_recursive_keeps_the_folders(stage: Stage) -> None:
    for name in ("a.pdf", "2024/a.pdf", "2024/06/a.pdf"):
        stage.document(f"in/{name}", name)
    out = stage.folder / "out"
    assert stage.run("parse", str(stage.folder / "in"), "--recursive", "--wait", "-o", str(out)).code == 0
    found = {str(path.relative_to(out)) for path in out.rglob("*.json")}
    assert found == {"a.json", "2024/a.json", "2024/06/a.json"}


def test_a_finished_file_is_left_alone(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    out = stage.folder / "out"
    argv = ("parse", *paths, "--wait", "-o", str(out))
    first = stage.run(*argv)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()}
    second = stage.run(*argv)
    assert (first.code, second.code) == (0, 0)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()} == before
    assert (service.count(SUBMIT), service.count(RESULT)) == (3, 3)
    assert {line["output"] for line in by_input(first).values()} == {
        line["output"] for line in by_input(second).values()
    }


def test_a_file_that_is_missing_is_fetched_again(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    out = stage.folder / "out"
    argv = ("parse", *paths, "--wait", "-o", str(out))
    stage.run(*argv)
    (out / "1.json").unlink()
    assert stage.run(*argv).code == 0
    assert (out / "1.json").exists()
    assert (service.count(SUBMIT), service.count(RESULT)) == (3, 4)


def test_an_input_has_the_same_file_on_every_run(stage: Stage, service: Service) -> None:
    first, second = stage.document("a/x.pdf", "first"), stage.document("b/x.pdf", "second")
    out = stage.folder / "out"
    held = service.hold(UPLOAD)
    behave = service.handle

    def handle(call: Call) -> Reply:
        if call.kind == RESULT:
            held.release.set()
        return behave(call)

    service.handle = handle  # type: ignore[method-assign]
    slow_first = stage.run("parse", first, second, "--wait", "-o", str(out), "--concurrency", "2")
    again = stage.run("parse", first, second, "--wait", "-o", str(out), "--concurrency", "1")
    assert (slow_first.code, again.code) == (0, 0)
    for path in (first, second):
        assert by_input(slow_first)[path]["output"] == by_input(again)[path]["output"]
    assert (
        json.loads(Path(by_input(again)[first]["output"]).read_text())["file"]
        != (json.loads(Path(by_input(again)[second]["output"]).read_text())["file"])
    )


def test_a_file_that_can_t_be_written_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(4)]
    (stage.folder / "out" / "1.json").mkdir(parents=True)
    ran = stage.run("parse", *paths, "--wait", "-o", str(stage.folder / "out"), "--concurrency", "1")
    assert ran.code == 1
    assert {path.name for path in (stage.folder / "out").iterdir() if path.is_file()} == {
        "0.json",
        "2.json",
        "3.json",
    }
    assert len(lines(ran.out)) == 4
    assert service.count(SUBMIT) == 4


def test_a_folder_for_results_that_is_a_file(stage: Stage, service: Service) -> None:
    (stage.folder / "out").write_text("a file")
    ran = stage.run("parse", *ids("a", "b"), "--wait", "-o", str(stage.folder / "out"))
    assert (ran.code, service.calls) == (2, [])


def test_no_more_requests_at_a_time_than_asked_for(stage: Stage, service: Service) -> None:
    under_way, most, lock = 0, 0, threading.Lock()
    behave = service.handle

    def handle(call: Call) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            return behave(call)
        finally:
            with lock:
                under_way -= 1

    service.handle = handle  # type: ignore[method-assign]
    ran = stage.run("parse", *ids(*(f"f{n}" for n in range(40))), "--wait", "--concurrency", "3")
    assert ran.code == 0
    assert 1 <= most <= 3


def test_a_429_slows_the_whole_run_down(tmp_path: Path, service: Service) -> None:
    real = Clock()
    real.monotonic = time.monotonic  # type: ignore[method-assign]
    real.wait = threading.Condition.wait  # type: ignore[assignment,method-assign]
    stage = Stage(tmp_path, service, clock=real)
    came: list[float] = []
    refused: list[float] = []
    behave = service.handle

    def handle(call: Call) -> Reply:
        if call.kind == SUBMIT:
            came.append(time.monotonic())
        reply = behave(call)
        if reply.status == 429:
            refused.append(time.monotonic())
        return reply

    service.handle = handle  # type: ignore[method-assign]
    service.then(SUBMIT, Reply.of(429, {"detail": "slow down"}, Retry_After="1"))
    ran = stage.run("parse", *ids(*(f"f{n}" for n in range(12))), "--concurrency", "2")
    assert ran.code == 0, ran.err
    early = [at for at in came if refused[0] < at < refused[0] + 0.9]
    assert len(early) <= 1, "only what was under way already"


def test_a_run_that_was_broken_off_goes_on_where_it_was(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(12)]
    service.at("/v1/jobs/job_4/result", *[Reply.of(401, {"detail": "expired key"})])
    argv = ("parse", *paths, "--wait", "-o", str(stage.folder / "out"), "--concurrency", "2")
    assert stage.run(*argv).code == 4
    ran = stage.run(*argv)
    assert ran.code == 0, ran.err
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (12, 12)
    assert len(list((stage.folder / "out").iterdir())) == 12


def test_submitting_many_does_not_wait(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", *ids("a", "b", "c"))
    assert ran.code == 0
    assert {json.loads(line)["job_id"] for line in lines(ran.out)} == {"job_1", "job_2", "job_3"}
    assert service.count(POLL) == 0


def test_a_limit_for_many(stage: Stage, service: Service) -> None:
    service.has("job_1", "running")
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "operation": "parse", "status": "running"}))
    ran = stage.run("parse", *ids("slow", "fast"), "--wait", "--concurrency", "1", "--timeout", "2")
    assert ran.code == 8
    found = by_input(ran)
    assert (found["slow"]["job_id"], found["slow"]["error"]["code"]) == ("job_1", "pending")
    assert "result" in found["fast"]
    assert len(stage.rows()) == 2


def test_a_rate_limit_is_told_by_the_progress_line_and_not_once_for_each_refusal(
    stage: Stage, service: Service
) -> None:
    service.then(SUBMIT, *[Reply.of(429, {"detail": "slower"})] * 6)
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait")
    assert ran.code == 0
    assert service.count(SUBMIT) == 8
    assert "trying again" not in ran.err


def test_the_summary_names_what_failed_and_what_still_runs(stage: Stage, service: Service) -> None:
    service.final = "failed"
    names = [word for number in range(7) for word in ("--file-id", f"f{number}")]
    ran = stage.run("parse", *names, "--wait")
    assert "  7 × ended as failed\n" in ran.err
    assert "      f" in ran.err and "      and 2 more" in ran.err
    service.polls = 10**9
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--timeout", "0.2")
    assert (ran.code, "0 done, 2 still running in" in ran.err) == (8, True), ran.err
    assert "to keep waiting; nothing is submitted twice" in ran.err


def test_quiet_keeps_no_failure_back(stage: Stage, service: Service) -> None:
    service.final = "failed"
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--quiet")
    assert (ran.code, ran.err) == (5, "error: parse: 2 of 2 failed\n")


def test_failures_of_many_are_annotated(stage: Stage, service: Service) -> None:
    service.final = "failed"
    env = {"GITHUB_ACTIONS": "true"}
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", env=env)
    marks = sorted(line for line in ran.err.splitlines() if line.startswith("::error"))
    assert marks == [f"::error title=docspeed::{name}: ended as failed" for name in "ab"]


def test_what_failed_is_submitted_again_with_a_note(stage: Stage, service: Service) -> None:
    service.final = "failed"
    stage.run("parse", "--file-id", "a", "--wait")
    ran = stage.run("parse", "--file-id", "a")
    assert "note: a: job job_1 ended as failed" in ran.err and "submitting again" in ran.err


def test_json_errors_are_one_line(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "a", "--wait")
    service.then(RESULT, Reply.of(400, {"detail": {"code": "odd", "message": "no"}}))
    for env in ({}, {"GITHUB_ACTIONS": "true"}):
        ran = stage.run("parse", "--file-id", "a", "--wait", "--json", env=env)
        service.then(RESULT, Reply.of(400, {"detail": {"code": "odd", "message": "no"}}))
        assert json.loads(ran.err)["error"]["code"] == "odd"


def test_an_unknown_outcome_has_one_code(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(500, {"detail": {"code": "internal_error", "message": "boom"}}))
    error = json.loads(stage.run("parse", "--file-id", "a", "--json").err)["error"]
    assert (error["code"], error["details"]["code"]) == ("outcome_unknown", "internal_error")


def test_what_was_submitted_only_is_not_called_done(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g")
    assert ran.code == 0
    assert "parse: 2 submitted in" in ran.err
    assert "hint: add `--wait -o DIR` to the same command to save each result" in ran.err
    again = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait")
    assert "parse: 2 done (2 reused) in" in again.err
    assert "documents/" not in again.err


@pytest.mark.parametrize("flags", [(), ("-o", "out\udcfe")], ids=["lines", "a folder"])
def test_a_file_name_that_is_no_text_is_a_document_like_any_other(
    stage: Stage, service: Service, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    for name in ("a.pdf", "M\udcfcller.pdf", "z.pdf"):
        stage.document(f"in/{name}", name.encode("ascii", "backslashreplace").decode())
    ran = stage.run("parse", "in", "--recursive", "--wait", *flags)
    assert ran.code == 0, ran.err
    assert set(by_input(ran)) == {"in/a.pdf", "in/M\\xfcller.pdf", "in/z.pdf"}
    again = stage.run("parse", "in", "--recursive", "--wait", *flags)
    assert (again.code, service.count(SUBMIT)) == (0, 3)
    alone = stage.run("parse", "in/M\udcfcller.pdf", "--wait", "--fresh", "--filename", "x\udcfe.pdf")
    assert alone.code == 0, alone.err


def test_what_nobody_foresaw_of_one_document_ends_that_one_only(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Uploads.store

    def failing(self: Uploads, source: Source, document: Document) -> tuple[str, bool]:
        if source.label == "b":
            raise RuntimeError("nobody foresaw this")
        return stored(self, source, document)

    monkeypatch.setattr(Uploads, "store", failing)
    ran = stage.run("parse", *ids("a", "b", "c"), "--wait")
    assert ran.code == 1
    found = by_input(ran)
    assert "result" in found["a"] and "result" in found["c"]
    assert found["b"]["error"]["code"] == "bug"
    assert "DOCSPEED_DEBUG=1" in found["b"]["error"]["hint"]
    assert service.count(SUBMIT) == 2


def test_a_server_that_answers_nothing_stops_the_run(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, REFUSED)
    ran = stage.run("parse", *ids(*(f"f{n}" for n in range(50))), "--wait", "--concurrency", "2")
    assert ran.code == 9
    assert service.count(SUBMIT) <= 6 * 15
    assert "stopped: the server does not answer" in ran.err
    ended = len(lines(ran.out))
    assert f"{ended} failed, {50 - ended} not finished in" in ran.err


def test_a_server_that_has_answered_is_given_time(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, REFUSED)
    paths = [stage.document(f"{n}.pdf") for n in range(6)]
    ran = stage.run("parse", *paths, "--wait", "--concurrency", "2")
    assert (ran.code, len(lines(ran.out))) == (9, 6)


def test_copies_of_one_document_replace_nothing_on_the_next_run(stage: Stage, service: Service) -> None:
    for name in ("in/a.pdf", "in/copy.pdf"):
        stage.document(name, "the same")
    argv = ("parse", f"{stage.folder}/in", "--recursive", "--wait", "-o", f"{stage.folder}/out/")
    for _ in range(3):
        ran = stage.run(*argv)
        assert ran.code == 0, ran.err
        assert "replaced" not in ran.err
    assert service.count(SUBMIT) == 1
    assert sorted(path.name for path in (stage.folder / "out").iterdir()) == ["a.json", "copy.json"]


@pytest.mark.parametrize("folder", [False, True])
def test_what_is_used_again_is_named_but_not_ten_thousand_times(
    stage: Stage, service: Service, folder: bool
) -> None:
    argv = ["parse", *ids(*(f"f{n}" for n in range(15))), "--wait"]
    argv += ["-o", f"{stage.folder}/out/"] if folder else []
    stage.run(*argv)
    ran = stage.run(*argv)
    notes = [line for line in lines(ran.err) if line.startswith("note: ")]
    assert len([line for line in notes if "parse job job_" in line and "submitted" in line]) == 10
    assert len(notes) == 11
    assert (".json is there already" in ran.err) == folder
    assert service.count(SUBMIT) == 15


def test_a_folder_that_is_gone_is_no_reason_to_fail(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = stage.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    ran = stage.run("parse", *ids("a", "b"), "--wait")
    assert ran.code == 0, ran.err


def test_the_time_of_a_run_bounds_all_of_it(stage: Stage, service: Service) -> None:
    """Whatever was not submitted when it is over is not submitted; the next run goes on there."""
    service.polls = 10**9
    ids = [word for number in range(300) for word in ("--file-id", f"f{number}")]
    argv = ("parse", *ids, "--wait", "--timeout", "30", "--concurrency", "1")
    ran = stage.run(*argv)
    assert ran.code == 8
    assert stage.clock.time < 45
    submitted = service.count(SUBMIT)
    assert len(lines(ran.out)) == submitted
    assert ran.err.count("still running") == 1
    service.polls = 1
    assert stage.run("parse", *ids, "--wait").code == 0
    assert service.count(SUBMIT) == 300


def test_nothing_is_submitted_once_the_time_is_over(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--timeout", "0")
    assert (ran.code, service.count(SUBMIT)) == (8, 0)
    assert "2 not finished" in ran.err and "stopped: --timeout is over" in ran.err


def test_no_more_are_under_way_than_may_fail(stage: Stage, service: Service) -> None:
    """Jobs that take long would all have been paid for before the third of them failed."""
    service.polls, service.final = 5, "failed"
    ids = [word for number in range(300) for word in ("--file-id", f"f{number}")]
    ran = stage.run("parse", *ids, "--wait", "--max-failures", "3", "--concurrency", "2")
    assert ran.code == 5
    assert service.count(SUBMIT) <= 3 + 3


def test_a_failed_submission_s_line_has_the_id_of_its_upload(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(422, {"detail": "no"}))
    ran = stage.run("parse", stage.document("a.pdf"), stage.document("b.pdf"), "--wait")
    assert {json.loads(line)["file_id"] for line in lines(ran.out)} == {"file_1", "file_2"}


def test_a_result_that_is_used_again_says_so_in_its_line(stage: Stage, service: Service) -> None:
    argv = ("parse", "--file-id", "a", "--file-id", "b", "--wait")
    assert ['"reused":true' in line for line in lines(stage.run(*argv).out)] == [False, False]
    assert ['"reused":true' in line for line in lines(stage.run(*argv).out)] == [True, True]
    shown = stage.run(*argv, terminal=True)
    assert shown.out.count("· from ") == 2 and "--fresh submits anew" not in shown.err


def test_a_time_for_waiting_is_nothing_to_a_run_that_waits_for_nothing(
    stage: Stage, service: Service
) -> None:
    ran = stage.run("parse", *ids("a", "b", "c"), env={"DOCSPEED_TIMEOUT": "0s"})
    assert (ran.code, service.count(SUBMIT)) == (0, 3)


def test_a_run_that_is_through_is_through_whatever_the_time(stage: Stage, service: Service) -> None:
    """Its last look comes when the time is over, and finds the job ended: nothing was left out."""
    service.polls = 4
    argv = ("parse", "--from", "-", "--wait", "--timeout", "1", "--concurrency", "1")
    ran = stage.run(*argv, stdin=b"a\n")
    assert (ran.code, "stopped" in ran.err) == (0, False), ran.err
    assert stage.clock.time >= 1


def test_nothing_is_tried_again_once_the_time_is_over(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(429, {"detail": "slow down"}, Retry_After="50"))
    ran = stage.run("parse", *ids("a", "b"), "--wait", "--timeout", "5", "--concurrency", "1")
    assert ran.code == 8, ran.err
    assert stage.clock.time < 60
    assert stage.states() == []


def test_what_can_t_be_judged_is_there_all_the_same(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"fields": ' + b"[" * 3000 + b"]" * 3000 + b"}"
    out = stage.folder / "out"
    argv = ("extract", *ids("a", "b"), "--schema", '{"fields": [{"key": "x"}]}', "--wait", "--require", "x")
    ran = stage.run(*argv, "-o", str(out))
    rows = [json.loads(line) for line in lines(ran.out)]
    assert {row["job_id"] for row in rows} == {"job_1", "job_2"}
    assert {row["error"]["code"] for row in rows} == {"too_deep"}
    assert len(list(out.iterdir())) == 2


def test_a_document_that_is_gone_before_it_is_sent(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")

    def gone(self: Uploads, source: Source) -> Document:
        found = read(self, source)
        Path(path).unlink()
        return found

    read = Uploads.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Uploads, "read", gone)
        ran = stage.run("parse", path)
    assert (ran.code, "changed since it was read" in ran.err) == (1, True)
