"""`docspeed jobs`: one look, the result, the wait, and the ledger of what this machine submitted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import KEY, POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, lines


def submitted(stage: Stage, number: int) -> None:
    """So many jobs in the ledger."""
    for n in range(1, number + 1):
        assert stage.run("parse", "--file-id", f"f{n}").code == 0


# -- status


def test_a_status_is_the_server_s_own_words(stage: Stage, service: Service) -> None:
    body = b'{"job_id": "job_9",  "status": "Working", "progress": 1.0, "queue": {"z": 1, "a": 2}}'
    service.then(POLL, Reply(200, body))
    ran = stage.run("jobs", "status", "job_9")
    assert (ran.code, ran.raw) == (0, body + b"\n")


@pytest.mark.parametrize("word", ["queued", "failed", "completed", "expired"])
def test_a_look_is_0_whatever_the_state(stage: Stage, service: Service, word: str) -> None:
    service.has("job_9", word)
    ran = stage.run("jobs", "status", "job_9")
    assert (ran.code, json.loads(ran.out)["status"]) == (0, word)
    assert service.count(POLL) == 1


def test_a_look_at_several_is_a_line_each(stage: Stage, service: Service) -> None:
    for name in ("a", "b", "c"):
        service.has(name, "queued")
    ran = stage.run("jobs", "status", "a", "b", "c", "a")
    assert sorted(json.loads(line)["job_id"] for line in lines(ran.out)) == ["a", "b", "c"]
    assert service.count(POLL) == 3


def test_a_look_updates_the_ledger(stage: Stage, service: Service) -> None:
    submitted(stage, 1)
    assert stage.states() == ["running"]
    stage.run("jobs", "status", "job_1")
    assert stage.states() == ["done"]


def test_an_id_is_one_segment_of_the_path(stage: Stage, service: Service) -> None:
    service.has("a/../b?c#d %", "completed")
    assert stage.run("jobs", "status", "a/../b?c#d %").code == 0
    assert service.calls[0].path == "/v1/jobs/a%2F..%2Fb%3Fc%23d%20%25"


def test_an_unknown_job_is_6(stage: Stage, service: Service) -> None:
    for command in ("status", "wait", "result"):
        ran = stage.run("jobs", command, "job_404")
        assert (ran.code, ran.out) == (6, "")
        assert "no such job" in ran.err


# -- wait


def test_a_wait_ends_with_the_job(stage: Stage, service: Service) -> None:
    service.has("a", "queued", "running", "completed", pages=3)
    ran = stage.run("jobs", "wait", "a")
    assert ran.code == 0
    last = json.loads(lines(ran.out)[-1])
    assert (last["job_id"], last["status"], last["pages"]) == ("a", "completed", 3)
    assert len(lines(ran.out)) == 1
    assert service.count(RESULT) == 0


def test_a_wait_for_a_job_that_fails(stage: Stage, service: Service) -> None:
    service.has("a", "queued", "failed", error="no pages")
    ran = stage.run("jobs", "wait", "a")
    assert ran.code == 5
    assert "no pages" in ran.err
    assert json.loads(ran.out)["status"] == "failed"


def test_several_are_followed_together(stage: Stage, service: Service) -> None:
    service.has("slow", "queued", "queued", "queued", "completed")
    service.has("bad", "queued", "failed")
    service.has("quick", "completed")
    ran = stage.run("jobs", "wait", "slow", "bad", "quick")
    assert ran.code == 5
    assert {json.loads(line)["job_id"] for line in lines(ran.out)} == {"slow", "bad", "quick"}
    assert service.count(POLL) == 4 + 2 + 1


def test_any_ends_with_the_first(stage: Stage, service: Service) -> None:
    service.has("never", "queued")
    service.has("quick", "completed")
    ran = stage.run("jobs", "wait", "never", "quick", "--any")
    assert ran.code == 0
    assert [json.loads(line)["job_id"] for line in lines(ran.out)] == ["quick"]


def test_a_wait_has_a_limit(stage: Stage, service: Service) -> None:
    service.has("a", "queued")
    ran = stage.run("jobs", "wait", "a", "--timeout", "30", "--json")
    assert (ran.code, ran.out) == (8, "")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (error["job_id"], error["hint"]) == ("a", "docspeed jobs wait a")
    assert sum(ran.slept) == pytest.approx(30)


def test_a_wait_for_what_has_no_id_is_told(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(500, {}))
    stage.run("parse", "--file-id", "f")
    for command in ("wait", "result"):
        ran = stage.run("jobs", command, "@last")
        assert (ran.code, ran.out) == (9, "")
        assert "unknown" in ran.err
    assert stage.run("jobs", "status", "@last").code == 0


# -- which


LINES = b'job_1\n\n  job_2  \n{"job_id":"job_3","operation":"parse"}\n"job_4"\n'


@pytest.mark.parametrize("command", ["status", "wait"])
def test_ids_on_standard_input_are_bare_or_json_lines(stage: Stage, service: Service, command: str) -> None:
    for n in range(1, 5):
        service.has(f"job_{n}", "completed")
    ran = stage.run("jobs", command, "-", stdin=LINES)
    assert ran.code == 0, ran.err
    assert {json.loads(line)["job_id"] for line in lines(ran.out)} == {f"job_{n}" for n in range(1, 5)}


@pytest.mark.parametrize("stdin", [b"", b"\n\n"])
def test_no_ids_are_nothing_to_do(stage: Stage, service: Service, stdin: bytes) -> None:
    for command in ("status", "wait", "result", "forget"):
        ran = stage.run("jobs", command, "-", stdin=stdin)
        assert ran.code == 0
        assert ran.err == ""


@pytest.mark.parametrize(
    "stdin", [b'{"operation":"parse"}\n', b"{broken\n", b'{"job_id": null}\n', b"a\x1bb\n"]
)
def test_a_line_without_an_id_is_wrong_usage(stage: Stage, service: Service, stdin: bytes) -> None:
    ran = stage.run("jobs", "wait", "-", stdin=stdin)
    assert (ran.code, ran.out, service.calls) == (2, "", [])


def test_the_lines_of_inputs_that_came_to_no_job_are_passed_over(stage: Stage, service: Service) -> None:
    listed = b"f\nnope.pdf\ng\n"
    ran = stage.run("parse", "--from", "-", stdin=listed)
    assert ran.code == 2
    waited = stage.run("jobs", "wait", "-", stdin=ran.raw)
    assert waited.code == 0, waited.err
    assert {json.loads(line)["job_id"] for line in lines(waited.out)} == {"job_1", "job_2"}
    assert "warning: no job for nope.pdf: no such file" in waited.err


def test_last_is_the_newest_and_a_row_has_a_number(stage: Stage, service: Service) -> None:
    submitted(stage, 3)
    assert json.loads(stage.run("jobs", "status", "@last").out)["job_id"] == "job_3"
    row = next(row["row"] for row in stage.rows() if row["job_id"] == "job_2")
    assert json.loads(stage.run("jobs", "status", f"@{row}").out)["job_id"] == "job_2"
    assert stage.run("jobs", "status", "@99").code == 6
    assert stage.run("jobs", "status", f"@{10**22}").code == 2
    assert len(lines(stage.run("jobs", "list", "--limit", str(10**22)).out)) == 3


def test_last_of_nothing(stage: Stage) -> None:
    ran = stage.run("jobs", "result", "@last")
    assert (ran.code, ran.out) == (6, "")


def test_a_job_of_another_server_is_not_asked_for_here(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--base-url", "https://eu.docspeed.example")
    before = len(service.calls)
    ran = stage.run("jobs", "wait", "job_1")
    assert ran.code == 2
    assert "--base-url https://eu.docspeed.example" in ran.err
    assert len(service.calls) == before
    assert stage.run("jobs", "wait", "job_1", "--base-url", "https://eu.docspeed.example").code == 0


# -- result


def test_a_result_is_the_server_s_bytes(stage: Stage, service: Service) -> None:
    submitted(stage, 1)
    ran = stage.run("jobs", "result", "@last")
    assert (ran.code, ran.raw) == (0, service.results["job_1"] + b"\n")
    target = stage.folder / "r.json"
    assert stage.run("jobs", "result", "@last", "-o", str(target)).out == ""
    assert target.read_bytes() == ran.raw


def test_results_of_many_are_lines_or_files(stage: Stage, service: Service) -> None:
    submitted(stage, 3)
    ran = stage.run("jobs", "result", "job_1", "job_2", "job_3")
    keys = ["input", "file_id", "job_id", "operation", "status", "result"]
    assert all(list(json.loads(line)) == keys for line in lines(ran.out))
    assert len(lines(ran.out)) == 3
    ran = stage.run("jobs", "result", "job_1", "job_2", "job_3", "-o", str(stage.folder / "out"))
    assert ran.code == 0
    for line in map(json.loads, lines(ran.out)):
        content = json.loads(Path(line["output"]).read_text())
        assert content["file"] == line["file_id"]


def test_one_failure_of_many_results(stage: Stage, service: Service) -> None:
    service.has("good", "completed", result=b'{"pages": [1]}')
    service.has("bad", "failed", error="no pages")
    ran = stage.run("jobs", "result", "good", "bad")
    assert ran.code == 5
    assert "no pages" in ran.out + ran.err
    assert '"pages": [1]' in ran.out


# -- list


def test_the_list_is_newest_first_with_these_members(stage: Stage, service: Service) -> None:
    submitted(stage, 3)
    rows = stage.rows()
    assert [row["job_id"] for row in rows] == ["job_3", "job_2", "job_1"]
    assert list(rows[0])[:6] == ["job_id", "operation", "status", "input", "file_id", "submitted_at"]
    assert rows[0]["server"] == "https://api.docspeed.ai"
    assert (rows[0]["state"], rows[0]["status"]) == ("running", "queued")
    assert stage.run("jobs", "list", "--format", "id").out == "job_3\njob_2\njob_1\n"


def test_the_list_can_be_narrowed(stage: Stage, service: Service) -> None:
    submitted(stage, 3)
    stage.run("split", "--file-id", "f1")
    stage.run("jobs", "status", "job_1")
    service.final = "failed"
    stage.run("jobs", "status", "job_2")
    narrowed = {
        ("--status", "done"): ["job_1"],
        ("--status", "completed"): ["job_1"],
        ("--status", "FAILED"): ["job_2"],
        ("--status", "running"): ["job_4", "job_3"],
        ("--status", "queued"): ["job_4", "job_3"],
        ("--status", "nonsense"): [],
        ("--operation", "split"): ["job_4"],
        ("--operation", "parse", "--status", "running"): ["job_3"],
        ("--limit", "2"): ["job_4", "job_3"],
    }
    for flags, expected in narrowed.items():
        assert [row["job_id"] for row in stage.rows(*flags)] == expected, flags


def test_the_list_asks_the_server_only_when_told_to(stage: Stage, service: Service) -> None:
    submitted(stage, 3)
    service.then(POLL, Reply.of(404, {"detail": "no such job"}))
    assert stage.states() == ["running"] * 3
    assert service.count(POLL) == 0
    ran = stage.run("jobs", "list", "--refresh", "--json", "--concurrency", "1")
    assert sorted(json.loads(line)["state"] for line in lines(ran.out)) == ["done", "done", "gone"]
    assert service.count(POLL) == 3
    stage.run("jobs", "list", "--refresh")
    assert service.count(POLL) == 3, "what has ended is not asked for again"


def test_the_list_needs_no_key_and_no_network(stage: Stage, service: Service) -> None:
    submitted(stage, 1)
    calls = len(service.calls)
    assert stage.run("jobs", "list", "--json", env={"DOCSPEED_API_KEY": ""}).out.count("\n") == 1
    assert len(service.calls) == calls


def test_a_pipe_gets_the_whole_list(stage: Stage, service: Service) -> None:
    submitted(stage, 40)
    assert len(stage.rows()) == 40


# -- forget


def test_forgetting(stage: Stage, service: Service) -> None:
    submitted(stage, 4)
    stage.run("jobs", "status", "job_1", "job_2")
    calls = len(service.calls)
    assert json.loads(stage.run("jobs", "forget", "job_4").out) == {"forgotten": 1}
    assert [row["job_id"] for row in stage.rows()] == ["job_3", "job_2", "job_1"]
    assert json.loads(stage.run("jobs", "forget", "--finished").out) == {"forgotten": 2}
    assert [row["job_id"] for row in stage.rows()] == ["job_3"]
    assert stage.run("jobs", "forget", "job_4").code == 6
    assert len(service.calls) == calls, "the server's jobs stay"


def test_forgetting_what_is_old(stage: Stage, service: Service) -> None:
    submitted(stage, 1)
    stage.clock.sleep(86400 * 3)
    stage.run("parse", "--file-id", "young")
    stage.run("jobs", "status", "job_1", "job_2")
    assert json.loads(stage.run("jobs", "forget", "--older-than", "30d").out) == {"forgotten": 0}
    assert json.loads(stage.run("jobs", "forget", "--older-than", "2d", "--finished").out) == {"forgotten": 1}
    assert [row["job_id"] for row in stage.rows()] == ["job_2"]


@pytest.mark.parametrize(
    "argv", [(), ("job_1", "--finished"), ("job_1", "--older-than", "1d"), ("--older-than", "long")]
)
def test_forgetting_must_be_clear(stage: Stage, argv: tuple[str, ...]) -> None:
    submitted(stage, 1)
    assert stage.run("jobs", "forget", *argv).code == 2
    assert len(stage.rows()) == 1


def test_what_is_forgotten_is_submitted_anew(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--sync")
    assert stage.run("jobs", "forget", "@last").code == 0
    stage.run("parse", "--file-id", "f", "--sync")
    assert service.count(SUBMIT) == 2


def test_ids_to_forget_on_standard_input(stage: Stage, service: Service) -> None:
    submitted(stage, 3)
    ids = stage.run("jobs", "list", "--format", "id").raw
    assert json.loads(stage.run("jobs", "forget", "-", stdin=ids).out) == {"forgotten": 3}
    assert stage.rows() == []


def test_the_key_goes_with_every_look(stage: Stage, service: Service) -> None:
    submitted(stage, 1)
    stage.run("jobs", "result", "job_1")
    assert {call.headers["authorization"] for call in service.calls} == {f"Bearer {KEY}"}


# -- a list of none


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_status_that_no_job_has_is_told(stage: Stage, service: Service, terminal: bool) -> None:
    argv = ("jobs", "list", "--status", "runing")
    stage.env = {"NO_COLOR": "1"}
    assert ("note: no jobs here yet\n" in stage.run(*argv, terminal=terminal).err) == terminal
    submitted(stage, 2)
    stage.run("jobs", "status", "job_1")
    ran = stage.run(*argv, terminal=terminal)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "note: no job is 'runing'; the jobs here are done, running\n"
    assert stage.run(*argv, "--quiet").err == ""


def test_a_list_of_none_is_not_always_for_want_of_jobs(stage: Stage) -> None:
    submitted(stage, 1)
    stage.env = {"NO_COLOR": "1"}
    assert stage.run("jobs", "list", "--status", "failed").err == "", "a script may ask again and again"
    ran = stage.run("jobs", "list", "--status", "failed", terminal=True)
    assert ran.err == "note: no job is 'failed'; the jobs here are running\n"
    ran = stage.run("jobs", "list", "--status", "running", "--operation", "split", terminal=True)
    assert ran.err == "note: no matching jobs; `docspeed jobs list` shows all\n"


def test_an_operation_that_is_none_is_told(stage: Stage, service: Service) -> None:
    ran = stage.run("jobs", "list", "--operation", "prase", "--refresh")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err == "error: --operation prase: there is no such operation\nhint: did you mean parse?\n"
    ran = stage.run("jobs", "list", "--operation", "qqqq")
    assert ran.err.endswith("hint: the operations are parse, extract, split, tables, schema, chat\n")


def test_any_operation_of_a_job_here_is_one(stage: Stage) -> None:
    assert stage.run("api", "POST", "/v1/schema/auto", "--set", "execution_mode=async").code == 0
    assert [row["operation"] for row in stage.rows("--operation", "auto")] == ["auto"]
    assert stage.rows("--operation", "ask") == []


def test_the_last_run_is_the_one_that_began_last_though_it_submitted_nothing(
    stage: Stage, service: Service
) -> None:
    first = ("parse", "--file-id", "a", "--file-id", "b", "--wait")
    stage.run(*first)
    stage.run("parse", "--file-id", "c", "--file-id", "d", "--file-id", "a", "--wait")
    assert {row["input"] for row in stage.rows("--run", "@last")} == {"a", "c", "d"}
    stage.run(*first)
    assert {row["input"] for row in stage.rows("--run", "@last")} == {"a", "b"}


@pytest.mark.parametrize("command", ["status", "wait", "result"])
def test_a_job_that_nobody_knows_is_named(stage: Stage, service: Service, command: str) -> None:
    service.always(POLL, Reply.of(404, {"detail": "no such job"}))
    ran = stage.run("jobs", command, "job_x", "job_y")
    assert ran.code == 6
    assert all(f"job {name}: no such job" in ran.err + ran.out for name in ("job_x", "job_y"))
    assert json.loads(stage.run("jobs", command, "job_x", "--json").err)["error"]["job_id"] == "job_x"


def test_a_server_that_is_named_is_the_one_whose_jobs_are_listed(stage: Stage, service: Service) -> None:
    elsewhere = ("--base-url", "https://b.example")
    submitted(stage, 1)
    stage.run("parse", "--file-id", "g", *elsewhere)
    assert len(stage.rows()) == 2
    assert [row["server"] for row in stage.rows(*elsewhere)] == ["https://b.example"]
    assert json.loads(stage.run("jobs", "forget", "--older-than", "0s", *elsewhere).out) == {"forgotten": 0}
    stage.clock.time += 1
    assert json.loads(stage.run("jobs", "forget", "--older-than", "0s", *elsewhere).out) == {"forgotten": 1}
    assert [row["server"] for row in stage.rows()] == ["https://api.docspeed.ai"]


def test_watching_where_nothing_runs_says_where_something_does(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    stage.run("parse", "--file-id", "g", "--base-url", "https://b.example")
    ran = stage.run("jobs", "watch", terminal=True)
    assert "docspeed jobs watch --base-url https://b.example" in ran.err


def test_a_table_that_the_result_lacks_is_no_mistake_before_the_request(
    stage: Stage, service: Service
) -> None:
    service.payload = lambda operation, body: b'{"tables": [{"table_id": "t1", "rows": [["a"]]}]}'
    ran = stage.run("tables", "--file-id", "f", "--wait", "--format", "csv", "--table", "9")
    assert (ran.code, ran.out) == (1, "")
    assert "it has t1" in ran.err and "docspeed jobs result job_1 --format csv --table NAME" in ran.err


def test_trouble_after_a_look_at_many_is_no_signal(stage: Stage, service: Service) -> None:
    submitted(stage, 2)
    service.polls = 10**9
    service.then(RESULT, Reply.of(503, {"detail": "busy"}))
    stage.run("jobs", "status", "job_1", "job_2")
    service.polls = 1
    ran = stage.run("jobs", "result", "--all-finished", "-o", str(stage.folder / "out"))
    assert (ran.code, "stopped" in ran.err) == (0, False), ran.err
