"""Runs: what `runs list`, `runs show` and `jobs list` tell of them, and what a run says at its end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fake_service import RESULT, SUBMIT, Reply, Service
from tests.stage import Ran, Stage, by_input, file_ids, lines

PAGES = json.dumps({"page_count": 3, "pages": []}).encode()


def shown(stage: Stage, *argv: str) -> dict[str, Any]:
    """Return the run that `runs show` prints."""
    ran = stage.run("runs", "show", *argv)
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def table(ran: Ran) -> list[dict[str, str]]:
    """Return the rows of a CSV table."""
    assert ran.code == 0, ran.err
    assert "\r\n" in ran.raw.decode()
    return list(csv.DictReader(io.StringIO(ran.raw.decode(), newline="")))


# -- what is recorded


def test_runs_show_counts_groups_failures_and_links_to_the_run_before(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: PAGES
    service.then(SUBMIT, Reply.of(422, {"detail": "no pages"}), Reply.of(422, {"detail": "no pages"}))
    argv = ("parse", *file_ids("a", "b", "c", "d"), "--wait", "--concurrency", "1")
    assert stage.run(*argv, "--name", "march").code == 7
    first = shown(stage, "march")
    counts = {name: first[name] for name in ("inputs", "done", "reused", "failed", "running", "not_tried")}
    assert counts == {"inputs": 4, "done": 2, "reused": 0, "failed": 2, "running": 0, "not_tried": 0}
    assert (first["status"], first["pages"], first["previous"]) == ("finished", 6, None)
    (failure,) = first["failures"]
    assert (failure["count"], failure["code"], failure["inputs"]) == (2, "rejected", ["a", "b"])

    stage.run(*argv, "-o", f"{stage.folder}/out/")
    second = shown(stage)
    assert (second["done"], second["reused"], second["pages"]) == (4, 2, 12)
    assert (second["previous"], second["name"]) == (first["run"], None)
    assert second["results"] == str(stage.folder / "out")
    assert [json.loads(line)["run"] for line in lines(stage.run("runs", "list").out)] == [
        second["run"],
        first["run"],
    ]
    stage.run(*argv, "-o", f"{stage.folder}/out/")
    assert shown(stage)["pages"] == 12, "files that are there tell their pages too"


def test_runs_show_markdown_is_two_tables_of_plain_text(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, *[Reply.of(422, {"detail": "no | <b>pages"})] * 12)
    ids = [f"f{n}" for n in range(12)]
    stage.run("parse", *file_ids(*ids, "ok"), "--wait", "--concurrency", "1", "--name", "march")
    about, failed = stage.run("runs", "show", "march", "--format", "markdown").out.split("\n\n")
    assert about.splitlines()[:2] == ["| parse |  |", "| --- | --- |"]
    assert re.search(r"^\| inputs \| 13: 1 done, 12 failed \|$", about, re.M)
    (row,) = failed.splitlines()[2:]
    assert re.match(r"\| 12 \| .*no \\\| \\<b>pages.* \| f0<br>f1<br>.*<br>… and 2 more \|$", row)


def test_runs_reused_job_belongs_to_every_run_that_used_it(stage: Stage) -> None:
    for name, ids in (("one", ("a", "b")), ("two", ("b", "c"))):
        assert stage.run("parse", *file_ids(*ids), "--wait", "--name", name).code == 0
    inputs = {name: {row["input"] for row in stage.rows("--run", name)} for name in ("one", "two")}
    assert inputs == {"one": {"a", "b"}, "two": {"b", "c"}}


def test_runs_jobs_that_are_not_waited_for_are_counted_as_they_are_now(
    stage: Stage, service: Service
) -> None:
    stage.run("parse", *file_ids("a", "b"))
    assert {name: shown(stage)[name] for name in ("done", "running")} == {"done": 0, "running": 2}
    stage.run("jobs", "wait", "job_1")
    assert {name: shown(stage)[name] for name in ("done", "running")} == {"done": 1, "running": 1}


def test_runs_interrupted_run_keeps_what_came_and_its_joined_jobs(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    argv = ("parse", *file_ids("a", "b", "c"), "--wait", "--timeout", "1")
    assert stage.run("parse", *file_ids("a", "b")).code == 0
    assert stage.run(*argv).code == 8
    assert {row["input"] for row in stage.rows("--run", "@last")} == {"a", "b", "c"}
    assert shown(stage)["running"] == 3


@pytest.mark.parametrize("argv", [("runs", "show", "may"), ("jobs", "list", "--run", "may")])
def test_runs_unknown_run_is_not_found(stage: Stage, argv: tuple[str, ...]) -> None:
    stage.run("parse", *file_ids("a", "b"))
    ran = stage.run(*argv)
    assert (ran.code, ran.out, ran.err) == (
        6,
        "",
        "error: the ledger has no run may\nhint: docspeed runs list\n",
    )


def test_runs_last_without_any_run_is_not_found(stage: Stage) -> None:
    assert (stage.run("runs", "show").code, stage.run("runs", "list").out) == (6, "")


@pytest.mark.parametrize("name", ["@march", "-x", " a", "a\nb"])
def test_runs_name_that_no_command_could_take_is_a_usage_error(stage: Stage, name: str) -> None:
    ran = stage.run("parse", *file_ids("a", "b"), f"--name={name}")
    assert (ran.code, stage.service.calls) == (2, [])


@pytest.mark.parametrize("flag", ["--name", "--failures"])
def test_runs_flag_for_one_document_is_a_usage_error(stage: Stage, flag: str) -> None:
    ran = stage.run("parse", "--file-id", "a", flag, "x")
    assert ran.code == 2 and f"{flag} can only be used in a run" in ran.err


def test_runs_csv_has_a_row_for_each_run_and_each_input(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "=no"}))
    argv = ("parse", *file_ids("=a", "b"), "--wait", "--concurrency", "1", "--name", "march")
    stage.run(*argv)
    (run,) = table(stage.run("runs", "list", "--format", "csv"))
    assert (run["name"], run["done"], run["failed"], run["pages"]) == ("march", "1", "1", "1")
    failed, done = table(stage.run("runs", "show", "march", "--format", "csv"))
    assert (failed["input"], failed["state"], failed["code"]) == ("'=a", "failed", "rejected")
    assert (done["input"], done["state"], done["job_id"], done["reused"]) == ("b", "done", "job_1", "false")


def test_runs_are_readable_at_a_terminal(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: PAGES
    service.then(SUBMIT, Reply.of(422, {"detail": "no pages"}))
    stage.run("parse", *file_ids("a", "b"), "--wait", "--concurrency", "1", "--name", "march")
    stage.env = {"NO_COLOR": "1"}
    listed = stage.run("runs", "list", terminal=True)
    run = shown(stage)["run"]
    heading, row = (re.sub(r"\x1b\[\d*m", "", line).split() for line in lines(listed.out))
    assert heading == ["run", "name", "operation", "status", "done", "failed", "pages", "took", "age"]
    assert row[:9] == [run, "march", "parse", "finished", "1", "of", "2", "1", "3"]
    assert f"hint: docspeed runs show {run}\n" in listed.err
    seen = stage.run("runs", "show", "march", terminal=True)
    assert "inputs      2: 1 done, 1 failed\n" in seen.out
    assert "1 × no pages\n    a\n" in seen.out


def test_runs_orderly_stop_says_why(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(402, {"detail": "no credits"}))
    stage.run("parse", *file_ids(*"abcdef"), "--concurrency", "1")
    found = shown(stage)
    assert (found["status"], found["stopped"]) == ("stopped", "every other document would fail too")
    assert (found["failed"] + found["not_tried"], found["not_tried"] > 0) == (6, True)


def test_runs_without_a_key_no_run_is_recorded(stage: Stage) -> None:
    stage.env = {"DOCSPEED_API_KEY": ""}
    assert stage.run("parse", *file_ids("a", "b")).code == 4
    assert stage.run("runs", "list").out == ""


def test_runs_killed_run_is_stopped_and_tells_what_came(stage: Stage) -> None:
    stage.run("parse", *file_ids("a", "b"), "--wait")
    with sqlite3.connect(stage.folder / "state" / "ledger.db") as db:  # as kill -9 leaves it
        db.execute("UPDATE runs SET ended_at = NULL, total = 5")
    found = shown(stage)
    assert (found["status"], found["stopped"]) == ("stopped", "the program was killed")
    assert (found["done"], found["not_tried"], found["seconds"]) == (2, 3, None)


# -- jobs list


def test_jobs_list_filters_by_input_and_age(stage: Stage) -> None:
    for name in ("in/march_1.pdf", "in/march_2.pdf", "in/april.pdf"):
        stage.run("parse", stage.document(name))
        stage.clock.time += 86400
    listed = {
        ("--input", "march*"): 2,
        ("--input", "*/in/*"): 3,
        ("--input", "march_[2-9].pdf"): 1,
        ("--input", "MARCH*"): 0,
        ("--since", "36h"): 1,
        ("--since", "2d", "--input", "march*"): 1,
        ("--since", "9d"): 3,
    }
    assert {flags: len(stage.rows(*flags)) for flags in listed} == listed
    ran = stage.run("jobs", "list", "--since", "yesterday")
    assert ran.code == 2 and ran.err.startswith("error: --since: 'yesterday' is not a duration")


def test_jobs_list_csv_has_the_members_of_json(stage: Stage) -> None:
    stage.run("parse", *file_ids("=a", "b"))
    rows = table(stage.run("jobs", "list", "--run", "@last", "--format", "csv"))
    assert list(rows[0]) == list(stage.rows()[0])
    assert sorted(row["input"] for row in rows) == ["'=a", "b"]
    assert table(stage.run("jobs", "list", "--status", "gone", "--format", "csv")) == []


# -- the end of a run


def test_run_summary_says_everything_once(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: PAGES
    service.then(SUBMIT, Reply.of(422, {"detail": "no pages"}))
    failures = stage.folder / "failed.txt"
    argv = ("parse", *file_ids("a", "b", "c"), "--wait", "--name", "march", "--concurrency", "1")
    ran = stage.run(*argv, "-o", f"{stage.folder}/out", "--failures", str(failures))
    run = shown(stage)["run"]
    first, *rest = ran.err.splitlines()[-4:]
    assert first.startswith("parse: 2 done, 1 failed in ") and first.endswith(" s, 6 pages")
    assert rest == [
        "  1 × no pages",
        f"run {run} (march), results in {stage.folder}/out, failed inputs in {failures}",
        "hint: fix what failed, then run the same command again; it does only what is left",
    ]
    assert failures.read_text() == "a\n"


def test_run_failures_include_a_file_named_like_standard_input(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    Path("-").touch()
    ran = stage.run("parse", "./-", "none.pdf", "--skip-invalid", "--failures", "failed.txt")
    assert (ran.code, Path("failed.txt").read_text()) == (2, "./-\nnone.pdf\n")


def test_run_summary_pages_of_some_results_says_of_how_many(stage: Stage, service: Service) -> None:
    payloads = iter([PAGES, b'{"pages": []}'])
    service.payload = lambda operation, body: next(payloads)
    ran = stage.run("parse", *file_ids("a", "b"), "--wait", "--concurrency", "1")
    assert "s, 3 pages in 1 of them\n" in ran.err


@pytest.mark.parametrize("listed", [b"", b"\n\n"])
def test_run_of_an_empty_list_says_so(stage: Stage, listed: bytes) -> None:
    ran = stage.run("parse", "--from", "-", "--wait", stdin=listed)
    assert (ran.code, ran.out, ran.err) == (0, "", "note: --from -: the list names no documents\n")


# -- --ordered


def test_run_ordered_prints_outcomes_in_the_inputs_order(stage: Stage, service: Service) -> None:
    names = [f"f{number}" for number in range(12)]
    service.at("/v1/jobs/job_1", *[Reply.of(200, {"job_id": "job_1", "status": "processing"})] * 8)
    ran = stage.run("parse", *file_ids(*names), "--wait", "--ordered")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["input"] for line in lines(ran.out)] == names
    assert all("result" in json.loads(line) for line in lines(ran.out))


def test_run_ordered_stopped_run_prints_what_ended(stage: Stage, service: Service) -> None:
    service.at("/v1/jobs/job_1", *[Reply.of(200, {"job_id": "job_1", "status": "processing"})] * 10**4)
    argv = ("parse", *file_ids("a", "b", "c"), "--wait", "--ordered", "--timeout", "30")
    ran = stage.run(*argv, "--concurrency", "1")
    assert ran.code == 8
    assert [(line["input"], "result" in line) for line in map(json.loads, lines(ran.out))] == [
        ("a", False),
        ("b", True),
        ("c", True),
    ]


def test_run_ordered_failure_stops_the_run_as_soon_as_it_comes(stage: Stage, service: Service) -> None:
    """The first document ends last; the failures behind it must not wait for it to count."""
    service.at("/v1/jobs/job_1", *[Reply.of(200, {"job_id": "job_1", "status": "processing"})] * 10**4)
    names = [f"f{number}" for number in range(40)]
    accepted = Reply.of(202, {"job_id": "job_1", "operation": "parse", "status": "queued"})
    service.has("job_1", "processing")
    service.then(SUBMIT, accepted, *[Reply.of(422, {"detail": "no"})] * 100)
    ran = stage.run(
        "parse", *file_ids(*names), "--wait", "--ordered", "--concurrency", "1", "--max-failures", "3"
    )
    assert ran.code == 7
    assert service.count(SUBMIT) <= 1 + 3 + 2, "the worker may have two steps ahead of the third failure"


def test_run_stopped_by_one_failure_says_so(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "no"}))
    ran = stage.run("parse", *file_ids("a", "b"), "--wait", "--concurrency", "1", "--max-failures", "1")
    assert (ran.code, "stopped: 1 failure\n" in ran.err) == (7, True)


# -- --skip-invalid and --failures


def test_run_skip_invalid_fails_only_the_documents_that_cannot_be_used(
    stage: Stage, service: Service
) -> None:
    good = stage.document("in/good.pdf")
    bad, text = stage.folder / "in" / "bad.pdf", stage.folder / "in" / "text.pdf"
    bad.write_bytes(b"")
    text.write_bytes(b"text")
    (stage.folder / "in" / "link.pdf").symlink_to("nowhere.pdf")
    argv = ("parse", str(stage.folder / "in"), "--recursive", "--wait")
    refused = stage.run(*argv)
    assert (refused.code, service.calls) == (2, [])
    assert "hint: replace what can't be used; or add `--skip-invalid`" in refused.err
    ran = stage.run(*argv, "--skip-invalid")
    assert ran.code == 2
    found = by_input(ran)
    assert list(found[str(bad)]) == ["input", "file_id", "job_id", "operation", "status", "error"]
    assert [found[str(path)]["error"]["code"] for path in (bad, text)] == ["invalid_input"] * 2
    assert found[str(bad)]["error"]["message"] == f"{bad}: it is empty"
    assert len(found) == 4 and "result" in found[good]
    assert "parse: 1 done, 3 failed in" in ran.err and "  1 × it is empty\n" in ran.err


def test_run_recursive_skips_what_is_no_document_of_the_user_with_a_count(stage: Stage) -> None:
    stage.document("in/a.pdf")
    for name in ("~$a.docx", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.pdf"):
        stage.document(f"in/{name}")
    for name in ("@eaDir/a.pdf/thumb.jpg", "#recycle/old.pdf", "$RECYCLE.BIN/$R1.pdf", "__MACOSX/b.pdf"):
        stage.document(f"in/{name}")
    for name in (
        "b.pdf.part",
        "c.pdf.crdownload",
        "d.PDF.TMP",
        "a.pdf~",
        "a.pdf.bak",
        "e.pdf.download/e.pdf",
    ):
        stage.document(f"in/{name}")
    (stage.folder / "in" / "notes.txt").write_text("notes")
    (stage.folder / "in" / ".b.pdf.icloud").write_bytes(b"bplist00")
    ran = stage.run("parse", str(stage.folder / "in"), "--recursive", "--wait")
    assert ran.code == 0 and len(lines(ran.out)) == 1
    assert "1 file that iCloud has not downloaded" in ran.err
    assert "note: skipped 1 file of unsupported type and 5 files hidden or made by the system" in ran.err
    assert "5 files unfinished or kept as a backup" in ran.err


def test_run_retry_of_what_failed_with_a_file_that_cannot_be_used(stage: Stage, service: Service) -> None:
    """The README's recipe."""
    for name in ("a", "b", "c"):
        stage.document(f"in/{name}.pdf")
    (stage.folder / "in" / "empty.pdf").write_bytes(b"")
    failed = str(stage.folder / "failed.txt")
    service.then(SUBMIT, Reply.of(422, {"detail": "no"}))
    flags = ("--wait", "--skip-invalid")
    first = stage.run(
        "parse", str(stage.folder / "in"), "--recursive", *flags, "--concurrency", "1", "--failures", failed
    )
    assert (first.code, len(lines(Path(failed).read_text()))) == (7, 2)
    again = stage.run("parse", "--from", failed, *flags)
    assert sorted(line["status"] for line in by_input(again).values()) == ["completed", "failed"]
    assert service.count(SUBMIT) == 4


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes UTF-8 names only")
def test_run_failures_name_that_is_not_utf8_survives(stage: Stage, service: Service) -> None:
    name = os.fsencode(stage.folder) + b"/m\xe4rz.pdf"
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(b"%PDF-1.4\n")
    service.then(SUBMIT, Reply.of(422, {"detail": "no"}))
    failed = stage.folder / "failed.txt"
    stage.run("parse", os.fsdecode(name), *file_ids("a"), "--failures", str(failed), "--concurrency", "1")
    assert failed.read_bytes() == name + b"\n"
    ran = stage.run("parse", "--from", "-", "--wait", stdin=failed.read_bytes())
    assert (ran.code, len(lines(ran.out))) == (0, 1), ran.out


@pytest.mark.skipif(sys.platform == "win32", reason="no file has such a name")
def test_run_failures_name_with_a_line_break_survives_as_a_list_with_nul(
    stage: Stage, service: Service
) -> None:
    for name in ("a\nb.pdf", " #c.pdf"):
        stage.document(f"in/{name}")
    service.always(SUBMIT, Reply.of(422, {"detail": "no"}))
    failed = stage.folder / "failed.txt"
    ran = stage.run("parse", str(stage.folder / "in"), "--recursive", "--failures", str(failed))
    assert f"failed inputs in {failed} (read it with `--null`)" in ran.err
    service.behave()
    assert "`--null`" in stage.run("parse", "--from", str(failed), "--wait").err
    ran = stage.run("parse", "--from", str(failed), "--null", "--wait")
    assert (ran.code, len(lines(ran.out))) == (0, 2)


@pytest.mark.parametrize("flag", ["--from", "file"])
def test_run_failures_file_that_is_read_is_left_alone(stage: Stage, service: Service, flag: str) -> None:
    path = stage.document("a.pdf")
    listed = stage.folder / "list.txt"
    listed.write_text(f"{path}\n")
    failures = str(listed) if flag == "--from" else path
    ran = stage.run("parse", "--from", str(listed), "--failures", failures)
    assert (ran.code, service.calls, listed.read_text()) == (2, [], f"{path}\n")


def test_run_failures_file_has_every_input_without_a_result(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(402, {"detail": "no credits"}))
    failed = stage.folder / "failed.txt"
    stage.run("parse", *file_ids(*"abcdef"), "--concurrency", "1", "--failures", str(failed))
    assert failed.read_text().split() == list("abcdef"), "those that were not tried are among them"
    service.behave()
    ran = stage.run("parse", "--from", str(failed), "--wait", "--failures", f"{failed}2")
    assert (ran.code, len(lines(ran.out))) == (0, 6)
    assert (stage.folder / "failed.txt2").read_text() == ""
    assert "failed inputs in" not in ran.err


@pytest.mark.parametrize("path", ["none/failed.txt", "folder"])
def test_run_failures_file_that_cannot_be_written_is_a_usage_error(
    stage: Stage, service: Service, path: str
) -> None:
    (stage.folder / "folder").mkdir()
    ran = stage.run("parse", *file_ids("a", "b"), "--failures", f"{stage.folder}/{path}")
    assert (ran.code, service.calls) == (2, [])


def test_run_failures_folder_that_goes_during_the_run_is_an_error(stage: Stage, service: Service) -> None:
    folder = stage.folder / "folder"
    folder.mkdir()

    def payload(operation: str, body: Any) -> bytes:
        shutil.rmtree(folder, ignore_errors=True)
        return PAGES

    service.payload = payload
    ran = stage.run("parse", *file_ids("a", "b"), "--wait", "--failures", f"{folder}/failed.txt")
    assert ran.code == 1 and "error: --failures: can't write" in ran.err
    assert len(lines(ran.out)) == 2


def test_run_result_that_cannot_be_delivered_counts_as_failed(stage: Stage, service: Service) -> None:
    service.at("/v1/jobs/job_1/result", Reply.of(200, {"answer": 1}))
    ran = stage.run("parse", *file_ids("a", "b"), "--wait", "--format", "markdown", "--concurrency", "1")
    assert ran.code == 1
    assert "parse: 1 done, 1 failed in" in ran.err
    assert {name: shown(stage)[name] for name in ("done", "failed")} == {"done": 1, "failed": 1}
    assert service.count(RESULT) == 2
