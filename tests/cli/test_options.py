"""What people stumbled over when they had only the README."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.fake_service import KEY, POLL, REFUSED, SUBMIT, Reply, Service
from tests.stage import Stage, lines


@pytest.mark.parametrize(
    "flags", [("-o", "x.json"), ("--format", "markdown"), ("-o", "folder/")], ids=["file", "format", "folder"]
)
def test_flags_about_a_result_that_nothing_waits_for(
    stage: Stage, service: Service, flags: tuple[str, ...]
) -> None:
    ran = stage.run("parse", "--file-id", "f", *flags)
    assert (ran.code, ran.out) == (2, "")
    assert "hint: add `--wait`" in ran.err
    assert service.calls == []


@pytest.mark.parametrize(
    "argv",
    [
        ("parse", "--file-id", "f"),
        ("parse", "--file-id", "f", "--file-id", "g"),
        ("api", "POST", "/api/v1/parse", "--set", "input.file_id=f"),
        ("chat", "why?", "--file-id", "f", "--no-wait"),
    ],
    ids=["one", "many", "api", "chat"],
)
def test_a_time_for_a_wait_that_nobody_does(stage: Stage, service: Service, argv: tuple[str, ...]) -> None:
    ran = stage.run(*argv, "--timeout", "5m")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    hint = "remove `--no-wait`" if "--no-wait" in argv else "add `--wait`"
    assert ran.err == f"error: --timeout is about the wait, and this command does not wait\nhint: {hint}\n"
    assert stage.run(*argv, env={"DOCSPEED_TIMEOUT": "5m"}).code == 0


def test_a_time_for_a_wait_that_a_setting_asks_for(stage: Stage) -> None:
    argv = ("parse", "--file-id", "f", "--timeout", "5m")
    assert stage.run(*argv, env={"DOCSPEED_WAIT": "1"}).code == 0
    assert stage.run(*argv, "--sync").code == 0
    assert stage.run(*argv, "--dry-run").code == 0
    assert stage.run("chat", "why?", "--file-id", "f", "--timeout", "5m").code == 0


@pytest.mark.parametrize("form", [(), ("--format", "markdown"), ("--json",)], ids=["none", "other", "json"])
def test_a_table_is_picked_for_csv(stage: Stage, service: Service, form: tuple[str, ...]) -> None:
    ran = stage.run("tables", "--file-id", "f", "--wait", "--table", "1", *form)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    error = "--table 1 picks a table for csv"
    if form == ("--json",):
        assert json.loads(ran.err)["error"]["message"] == error
    else:
        assert ran.err == f"error: {error}\nhint: add `--format csv`\n"


def test_a_table_is_picked_where_a_setting_asks_for_csv(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"tables": [{"rows": [["a", "b"]]}]}'
    argv = ("tables", "--file-id", "f", "--wait", "--table", "1")
    assert stage.run(*argv, env={"DOCSPEED_FORMAT": "csv"}).out.strip() == "a,b"
    assert stage.run("tables", "--file-id", "f", "--table", "1", "--dry-run").code == 0
    ran = stage.run("jobs", "result", "job_1", "--table", "1")
    assert (ran.code, "hint: add `--format csv`" in ran.err) == (2, True)
    assert stage.run("jobs", "result", "job_1", "--table", "1", "--format", "csv").out.strip() == "a,b"


def test_a_gate_that_nothing_waits_for_is_no_gate(stage: Stage, service: Service) -> None:
    schema = '{"fields": [{"key": "total", "type": "number"}]}'
    ran = stage.run("extract", "--file-id", "f", "--schema", schema, "--require", "total")
    assert ran.code == 2
    assert service.calls == []


def test_a_joined_job_has_the_name_that_it_is_asked_for_by(stage: Stage, service: Service) -> None:
    first, second = stage.document("first.pdf", "same"), stage.document("second.pdf", "same")
    stage.run("parse", first)
    again = json.loads(stage.run("parse", second).out)
    assert (again["input"], again["reused"]) == (second, True)
    assert service.count(SUBMIT) == 1


def test_an_inline_result_has_a_handle_that_every_command_takes(stage: Stage, service: Service) -> None:
    payload = stage.run("parse", "--file-id", "f", "--sync").raw
    handle = json.loads(stage.run("parse", "--file-id", "f").out)["job_id"]
    assert handle == "@1"
    assert stage.run("jobs", "wait", handle).code == 0
    assert stage.run("jobs", "result", handle).raw == payload
    assert service.count(SUBMIT) == 1


def test_a_bad_line_of_a_list_is_named_in_its_row(stage: Stage) -> None:
    ran = stage.run("parse", "--from", "-", stdin=b"nope.pdf\n")
    assert ran.code == 2
    assert json.loads(ran.out)["input"] == "nope.pdf"


def test_the_csv_of_many_documents_is_one_table(stage: Stage, service: Service) -> None:
    rows = {"items": [{"name": "=a", "n": 1}, {"name": "b", "n": 2}]}
    service.payload = lambda operation, body: json.dumps({"fields": {}, "line_items": rows}).encode()
    schema = '{"fields": [{"key": "total", "type": "number"}]}'
    inputs = ("--file-id", "f", "--file-id", "g")
    ran = stage.run("extract", *inputs, "--schema", schema, "--wait", "--format", "csv")
    heading, *table = csv.reader(io.StringIO(ran.raw.decode(), newline=""))
    assert heading == ["input", "name", "n"]
    assert sorted(table) == [["f", "'=a", "1"], ["f", "b", "2"], ["g", "'=a", "1"], ["g", "b", "2"]]


def test_hints_name_the_server(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(401, {"detail": "no"}))
    ran = stage.run("parse", "--file-id", "f", "--base-url", "https://other.example")
    assert "docspeed auth login --base-url https://other.example" in ran.err


def test_a_short_key_does_not_damage_messages(stage: Stage) -> None:
    ran = stage.run("jobs", "result", "nope", "--json", env={"DOCSPEED_API_KEY": "n"})
    assert json.loads(lines(ran.err)[-1])["error"]["hint"] == (
        "fix DOCSPEED_API_KEY; or unset it, then `docspeed auth login`"
    )


def test_o_dash_is_standard_output(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", "-")
    assert ran.raw == service.results["job_1"] + b"\n"
    assert not Path("-").exists()


def test_a_file_named_for_many_results_is_refused(stage: Stage, service: Service) -> None:
    inputs = ("--file-id", "f", "--file-id", "g")
    ran = stage.run("parse", *inputs, "--wait", "-o", str(stage.folder / "out.json"))
    assert ran.code == 2
    assert "folder" in ran.err
    assert service.calls == []


def test_the_question_comes_first(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("chat", path, "What is the total?")
    assert ran.code == 2
    assert f"hint: docspeed chat 'What is the total?' {path}" in ran.err
    assert service.calls == []


def test_what_begins_like_a_row_and_is_none(stage: Stage, service: Service) -> None:
    assert stage.run("jobs", "status", "@foo").code == 2
    assert service.calls == []


def test_a_running_job_that_is_forgotten_is_told(stage: Stage) -> None:
    stage.run("parse", "--file-id", "f")
    assert "submits them again" in stage.run("jobs", "forget", "@last").err


def test_a_conversation_does_not_overwrite_a_file(stage: Stage, service: Service) -> None:
    path, kept = stage.document("a.pdf"), stage.folder / "notes.md"
    kept.write_text("mine")
    service.payload = lambda operation, body: b'{"answer": "42", "citations": [], "session_id": "s"}'
    typed = f"How much?\n/save {kept}\n/quit\n".encode()
    ran = stage.run("chat", path, stdin=typed, terminal=True, typing=True)
    assert ran.code == 0
    assert "exists" in ran.err
    assert kept.read_text() == "mine"


def test_help_tells_the_formats_that_a_command_has(stage: Stage) -> None:
    shown = stage.run("jobs", "list", "--help").out
    assert "json, id" in shown
    assert "markdown" not in shown


def test_the_sandbox_s_key_is_no_error(stage: Stage) -> None:
    ran = stage.run("auth", "status", "--sandbox", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"server": "sandbox", "key": None, "source": None})


def test_settings_stand_in_columns(stage: Stage) -> None:
    ran = stage.run("config", "show", terminal=True, env={"DOCSPEED_WAIT": "true"})
    found = [line.split() for line in ran.out.splitlines()]
    assert found[0] == ["setting", "value", "from"]
    assert ["wait", "true", "DOCSPEED_WAIT"] in found
    assert len({line.index(word[2]) for line, word in zip(ran.out.splitlines(), found, strict=True)}) == 1


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_words_are_whole_in_the_list_of_jobs(stage: Stage, service: Service, columns: int) -> None:
    stage.columns = columns
    stage.run("parse", stage.document("a-name-that-is-longer-than-any-column-that-there-is-room-for.pdf"))
    stage.run("parse", "--file-id", "f", "--base-url", "https://a-server.example")
    ran = stage.run("jobs", "list", terminal=True, env={"NO_COLOR": "1", "TERM": "dumb"})
    head, *rows = ran.out.splitlines()
    assert "queued" in rows[1] and "job_1" in rows[1]
    assert max(map(len, (head, *rows))) <= columns
    assert all("queued" in row and (columns == 60 or "just now" in row) for row in rows)
    assert "a-server.example" in rows[0] and "api.docspeed.ai" in rows[1]


def test_an_answer_says_how_to_ask_on(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"answer": "7", "citations": [], "session_id": "s"}'
    first = stage.run("chat", "how much?", stage.document("bill.pdf"), terminal=True)
    again = stage.run("chat", "and when?", "--continue", terminal=True)
    for ran in (first, again):
        assert ran.err.endswith(" docspeed chat 'your next question' --continue\n")


def test_a_failure_of_many_is_told_in_a_line(stage: Stage, service: Service) -> None:
    service.final = "failed"
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", terminal=True)
    (line,) = [line for line in ran.err.splitlines() if "f: " in line]
    assert line.endswith(("f: ended as failed (job_1)", "f: ended as failed (job_2)"))
    service.final = "completed"
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", terminal=True)
    assert "2 done in" in ran.err


def test_a_wait_for_an_unknown_job_is_no_way_to_go_on(stage: Stage) -> None:
    ran = stage.run("jobs", "wait", "job_x")
    assert (ran.code, "jobs wait" in ran.err) == (6, False)


def test_a_dry_run_in_the_sandbox_names_an_address(stage: Stage) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), "--dry-run", "--sandbox")
    assert json.loads(ran.out)["url"] == "http://sandbox.localhost/api/v1/parse"


def test_a_list_of_jobs_that_run_says_how_to_ask_for_them(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    assert "docspeed jobs list --refresh` asks" in stage.run("jobs", "list", terminal=True).err
    assert "--refresh" not in stage.run("jobs", "list", "--refresh", terminal=True).err


def test_other_words_for_a_topic(stage: Stage) -> None:
    assert stage.run("help", "variables").out == stage.run("help", "environment").out
    ran = stage.run("help", "nonsense")
    assert (ran.code, "the topics are output" in ran.err) == (2, True)


def test_a_command_for_curl_says_what_it_lacks(stage: Stage) -> None:
    argv = ("parse", "--file-id", "f", "--dry-run", "--format", "curl")
    assert "$DOCSPEED_API_KEY, which is not set" not in stage.run(*argv).err
    stage.run("auth", "login", stdin=KEY.encode())
    assert "$DOCSPEED_API_KEY, which is not set" in stage.run(*argv, env={"DOCSPEED_API_KEY": ""}).err


@pytest.mark.parametrize(("name", "told"), [("a.md", True), ("a.json", False), ("a", False)])
def test_an_ending_that_promises_another_form(stage: Stage, name: str, told: bool) -> None:
    path = str(stage.folder / name)
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", path)
    assert ("holds JSON; `--format markdown" in ran.err) == told


def test_doctor_does_not_send_to_the_doctor(stage: Stage, service: Service) -> None:
    for reply in (REFUSED, Reply.of(429, {"detail": "slow down"})):
        service.then(POLL, reply)
        ran = stage.run("doctor", "--json")
        (line,) = [found for found in map(json.loads, lines(ran.out)) if not found["ok"]]
        assert (ran.code, line["check"], "doctor" in line["hint"]) == (9, "server", False)


def test_what_is_proposed_is_no_file_that_is_there(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    for there in ("", "-2", "-3"):
        ran = stage.run("parse", stage.document("a.pdf"), "--wait", terminal=True)
        assert ran.err.endswith(f"-o a.parse{there}.json\n")
        (stage.folder / f"a.parse{there}.json").touch()


def test_a_file_of_a_conversation_names_its_documents(stage: Stage, service: Service) -> None:
    cited = [{"doc_id": "file_1", "regions": [{"page_index": 0, "text": "7"}]}]
    service.payload = lambda operation, body: json.dumps({"answer": "7", "citations": cited}).encode()
    path, notes = stage.document("bill.pdf"), stage.folder / "notes.md"
    ran = stage.run("chat", path, terminal=True, typing=True, stdin=f"how much?\n/save {notes}\n".encode())
    assert ran.code == 0, ran.err
    assert "bill.pdf" in notes.read_text() and "file_1" not in notes.read_text()


def test_a_flag_for_the_key_is_answered_with_what_there_is(stage: Stage) -> None:
    ran = stage.run("parse", "f", "--api-key", "x")
    assert (ran.code, "docspeed auth login" in ran.err) == (2, True)


def test_a_dry_run_says_that_nothing_would_be_sent(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    ran = stage.run("parse", "--file-id", "f", "--dry-run")
    assert "without --dry-run, job job_1 would be reused" in ran.err
    assert "not sent" not in stage.run("parse", "--file-id", "f", "--dry-run", "--fresh").err


def test_the_doctor_s_words_stand_under_each_other(stage: Stage) -> None:
    stage.columns = 60
    ran = stage.run("doctor", terminal=True, env={"DOCSPEED_API_KEY": "", "NO_COLOR": "1", "TERM": "dumb"})
    (bad,) = [number for number, line in enumerate(ran.out.splitlines()) if line.startswith("bad")]
    found, *below = ran.out.splitlines()[bad:]
    assert found.index("no API key") == 16
    assert below[0].startswith(" " * 16 + "-> ")
