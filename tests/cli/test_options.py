"""Invalid options and combinations that make no sense end with exit code 2 before any request."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import Service
from tests.stage import Stage


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--timeout", "soon"), "--timeout"),
        (("--poll-interval", "-3"), "--poll-interval"),
        (("--concurrency", "0"), "--concurrency"),
        (("--format", "csv"), "csv"),
        (("--set", "=1"), "--set"),
        (("-o", "no/such/folder/x.json"), "no/such/folder"),
    ],
)
def test_options_invalid_are_reported_with_invalid_inputs(
    stage: Stage, service: Service, flags: tuple[str, ...], message: str
) -> None:
    ran = stage.run("parse", "missing.pdf", *flags)
    assert (ran.code, ran.out) == (2, "")
    assert "missing.pdf" in ran.err
    assert message in ran.err
    assert service.calls == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--timeout", "soon"), "soon"),
        (("--poll-interval", "x"), "x"),
        (("--concurrency", "0"), "0"),
        (("--concurrency", "many"), "many"),
        (("--format", "csv"), "csv"),
        (("--format", "pdf"), "pdf"),
        (("--format", "curl"), "dry-run"),
        (("--json", "--format", "markdown"), "contradict"),
        (("--sandbox", "--base-url", "https://x.example"), "two servers"),
        (("--base-url", "http://x.example"), "https"),
        (("--base-url", "nonsense"), "nonsense"),
        (("--set", "nothing"), "nothing"),
        (("--set", "a=1", "--set", "a.b=2"), "a.b=2"),
        (("--nonsense",), "--nonsense"),
        (("-o", "no/such/folder/x.json"), "no/such/folder"),
        (("--from", "no-list.txt"), "no-list.txt"),
    ],
)
def test_options_invalid_send_no_request(
    stage: Stage, service: Service, flags: tuple[str, ...], message: str
) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), *flags)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert ran.err.startswith(("error: ", '{"error"'))
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert service.calls == []


@pytest.mark.parametrize(
    "flags", [("-o", "x.json"), ("--format", "markdown"), ("-o", "folder/")], ids=["file", "format", "folder"]
)
def test_options_about_the_result_without_wait_are_a_usage_error(
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
def test_timeout_option_without_wait_is_a_usage_error(
    stage: Stage, service: Service, argv: tuple[str, ...]
) -> None:
    ran = stage.run(*argv, "--timeout", "5m")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    hint = "write `--wait` in place of `--no-wait`" if "--no-wait" in argv else "add `--wait`"
    assert ran.err == f"error: --timeout needs `--wait`, and this command does not wait\nhint: {hint}\n"
    assert stage.run(*argv, env={"DOCSPEED_TIMEOUT": "5m"}).code == 0


def test_timeout_option_with_wait_from_setting_is_accepted(stage: Stage) -> None:
    argv = ("parse", "--file-id", "f", "--timeout", "5m")
    assert stage.run(*argv, env={"DOCSPEED_WAIT": "1"}).code == 0
    assert stage.run(*argv, "--sync").code == 0
    assert stage.run(*argv, "--dry-run").code == 0
    assert stage.run("chat", "why?", "--file-id", "f", "--timeout", "5m").code == 0


@pytest.mark.parametrize("form", [(), ("--format", "markdown"), ("--json",)], ids=["none", "other", "json"])
def test_table_option_without_csv_is_a_usage_error(
    stage: Stage, service: Service, form: tuple[str, ...]
) -> None:
    ran = stage.run("tables", "--file-id", "f", "--wait", "--table", "1", *form)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    error = "--table 1 picks a table for csv"
    if form == ("--json",):
        assert json.loads(ran.err)["error"]["message"] == error
    else:
        assert ran.err == f"error: {error}\nhint: add `--format csv`\n"


def test_table_option_with_csv_from_setting_is_accepted(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"tables": [{"rows": [["a", "b"]]}]}'
    argv = ("tables", "--file-id", "f", "--wait", "--table", "1")
    rows = "input,page,table,row,column_1,column_2\r\nf,,1,1,a,b\r\n"
    assert stage.run(*argv, env={"DOCSPEED_FORMAT": "csv"}).raw.decode() == rows
    assert stage.run("tables", "--file-id", "f", "--table", "1", "--dry-run").code == 0
    ran = stage.run("jobs", "result", "job_1", "--table", "1")
    assert (ran.code, "hint: add `--format csv`" in ran.err) == (2, True)
    assert stage.run("jobs", "result", "job_1", "--table", "1", "--format", "csv").raw.decode() == rows


def test_table_option_missing_table_names_the_tables_of_the_result(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"tables": [{"table_id": "t1", "rows": [["a"]]}]}'
    ran = stage.run("tables", "--file-id", "f", "--wait", "--format", "csv", "--table", "9")
    assert (ran.code, ran.out) == (1, "")
    assert "it has t1" in ran.err and "docspeed jobs result job_1 --format csv --table NAME" in ran.err


def test_require_option_without_wait_is_a_usage_error(stage: Stage, service: Service) -> None:
    schema = '{"fields": [{"key": "total", "type": "number"}]}'
    ran = stage.run("extract", "--file-id", "f", "--schema", schema, "--require", "total")
    assert ran.code == 2
    assert service.calls == []


def test_api_key_option_hints_at_auth_login(stage: Stage) -> None:
    ran = stage.run("parse", "f", "--api-key", "x")
    assert (ran.code, "docspeed auth login" in ran.err) == (2, True)


@pytest.mark.parametrize(
    "argv",
    [
        ("parse", "--file-id", "f", "--file-id", "g", "--wait", "--limit"),
        ("parse", "--file-id", "f", "--file-id", "g", "--wait", "--max-files"),
        ("parse", "--file-id", "f", "--file-id", "g", "--wait", "--max-failures"),
        ("runs", "list", "--limit"),
    ],
    ids=" ".join,
)
def test_option_with_a_huge_number_is_no_limit(stage: Stage, service: Service, argv: tuple[str, ...]) -> None:
    assert stage.run(*argv, str(10**22)).code == 0
