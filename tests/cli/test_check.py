"""`docspeed check`: rules on results that are there already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fake_service import Service
from tests.stage import Stage, lines

SCHEMA = {
    "fields": [{"key": "invoice_number"}, {"key": "total", "type": "number"}],
    "tables": [{"key": "line_items", "fields": [{"key": "amount", "type": "number"}]}],
}
RULES = """
[[rule]]
name = "lines add up"
check = "sum(line_items.amount) == total"

[[rule]]
name = "small"
check = "total < 100"
severity = "warning"

[[rule]]
name = "new"
check = "unique(invoice_number)"
"""


def result(number: str, total: str, *amounts: str) -> dict[str, Any]:
    fields = {"invoice_number": {"value": number}, "total": {"value": total, "region_ids": ["p2:l1"]}}
    return {"fields": fields, "line_items": [{"amount": {"value": amount}} for amount in amounts]}


@pytest.fixture
def folder(stage: Stage) -> Path:
    """A folder of results: one that is fine, one that is large, one that does not add up."""
    folder = stage.folder / "results"
    (folder / "more").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(result("1", "30.00", "10.00", "20.00")))
    (folder / "b.json").write_text(json.dumps(result("2", "300.00", "300.00")))
    (folder / "more" / "c.json").write_text(json.dumps(result("3", "30.01", "10.00", "20.00")))
    (folder / "c.corrections.json").write_text("{}")
    return folder


def test_check_judges_corrected_values(stage: Stage, folder: Path) -> None:
    assert stage.run("check", str(folder), "--rules", rules(stage)).code == 10
    correction = {"field": "total", "old": "30.01", "new": "30.00"}
    (folder / "more" / "c.corrections.json").write_text(json.dumps({"corrections": [correction]}))
    assert stage.run("check", str(folder), "--rules", rules(stage)).code == 0


def rules(stage: Stage, text: str = RULES) -> str:
    path = stage.folder / "rules.toml"
    path.write_text(text)
    return str(path)


def schema(stage: Stage) -> str:
    path = stage.folder / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def statuses(out: str) -> dict[str, str]:
    found = [json.loads(line) for line in lines(out)]
    return {line["input"]: line["status"] for line in found}


def test_check_of_a_folder_prints_a_line_for_each_result(stage: Stage, folder: Path) -> None:
    ran = stage.run("check", str(folder), "--rules", rules(stage))
    assert ran.code == 10
    assert statuses(ran.out) == {"a.json": "passed", "b.json": "warned", "more/c.json": "failed"}
    failed = json.loads(lines(ran.out)[-1])["checks"][0]
    assert (failed["rule"], failed["outcome"], failed["difference"]) == ("lines add up", "fail", "-0.01")
    assert failed["values"][-1] == {"key": "total", "value": "30.01", "page": 2}
    assert "check: 3 results: 1 passed, 1 warned, 1 failed" in ran.err
    assert stage.service.calls == []


@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--strict"], 10)])
def test_check_of_a_warning_fails_only_if_strict(
    stage: Stage, folder: Path, flags: list[str], code: int
) -> None:
    assert stage.run("check", str(folder / "b.json"), "--rules", rules(stage), *flags).code == code


def test_check_at_a_terminal_shows_rule_values_and_places(stage: Stage, folder: Path) -> None:
    ran = stage.run("check", str(folder), "--rules", rules(stage), terminal=True)
    assert ran.code == 10
    for text in ("more/c.json", "lines add up", "sum(line_items.amount) is 30.00, total is 30.01", "page 2"):
        assert text in ran.out
    assert "a.json" not in ran.out


def test_check_of_json_lines_takes_their_results(stage: Stage) -> None:
    given = [
        {"input": "a.pdf", "result": result("1", "1", "1")},
        {"input": "b.pdf", "error": {"code": "job_failed", "message": "damaged"}},
        {"input": "c.pdf", "result": result("1", "1", "1")},
    ]
    stdin = "".join(json.dumps(line) + "\n" for line in given).encode()
    ran = stage.run("check", "-", "--rules", rules(stage), stdin=stdin)
    assert ran.code == 10
    assert statuses(ran.out) == {"a.pdf": "passed", "b.pdf": "unreadable", "c.pdf": "failed"}
    assert "a.pdf has the same value" in ran.out


def test_check_of_a_kept_result_sends_no_request(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: json.dumps(result("1", "2", "1")).encode()
    ran = stage.run("extract", "--file-id", "f", "--schema", json.dumps(SCHEMA), "--wait")
    assert ran.code == 0
    sent = len(service.calls)
    for name in ("@last", "@1", "job_1"):
        ran = stage.run("check", name, "--rules", rules(stage))
        assert (ran.code, statuses(ran.out)) == (10, {"f": "failed"}), ran.err
        assert json.loads(ran.out)["job_id"] == "job_1"
    assert len(service.calls) == sent


def test_check_of_the_last_run_takes_its_results_also_if_they_were_reused(
    stage: Stage, service: Service
) -> None:
    service.payload = lambda operation, body: json.dumps(result(body["input"]["file_id"], "1", "1")).encode()
    extract = ("extract", "--schema", json.dumps(SCHEMA), "--wait", "--file-id", "f")
    assert stage.run(*extract).code == 0
    assert stage.run(*extract, "--file-id", "g", "--name", "march").code == 0
    for name in ("@last", "march"):
        ran = stage.run("check", name, "--rules", rules(stage))
        assert statuses(ran.out) == {"f": "passed", "g": "passed"}, ran.err
    assert stage.run("extract", "--schema", json.dumps(SCHEMA), "--wait", "--file-id", "h").code == 0
    ran = stage.run("check", "@last", "--rules", rules(stage))
    assert list(statuses(ran.out)) == ["h"]


def test_check_of_an_unknown_name_is_not_found(stage: Stage) -> None:
    ran = stage.run("check", "nowhere", "--rules", rules(stage))
    assert ran.code == 6
    assert "nowhere: no such file, folder, run or job on this machine" in ran.err


def test_check_with_a_wrong_rule_is_usage_with_its_line(stage: Stage, folder: Path) -> None:
    wrong = '[[rule]]\nname = "x"\ncheck = "totl > 1"\n'
    ran = stage.run("check", str(folder), "--rules", rules(stage, wrong), "--schema", schema(stage))
    assert ran.code == 2
    assert "rules.toml, line 3: check: there is no 'totl'; did you mean 'total'?" in ran.err
    assert ran.out == ""


def test_check_without_a_schema_warns_of_names_that_no_result_has(stage: Stage, folder: Path) -> None:
    wrong = """
[[rule]]
name = "a"
check = "present(totl) or total > 0"

[[rule]]
name = "b"
each = "line_item"
check = "amount > 0"
"""
    ran = stage.run("check", str(folder), "--rules", rules(stage, wrong))
    assert ran.code == 0
    assert "warning: no result has 'totl'; did you mean 'total'?" in ran.err
    assert "warning: no result has 'line_item'; did you mean 'line_items'?" in ran.err
    assert "'total'; " not in ran.err
    assert "warning" not in stage.run("check", str(folder), "--rules", rules(stage)).err


def test_check_of_a_broken_file_reports_it_and_goes_on(stage: Stage, folder: Path) -> None:
    (folder / "broken.json").write_text('{"a": ')
    ran = stage.run("check", str(folder), "--rules", rules(stage))
    assert ran.code == 10
    assert statuses(ran.out)["broken.json"] == "unreadable"
    assert len(lines(ran.out)) == 4


@pytest.mark.parametrize("argv", [["check"], ["check", "a.json"], ["check", "--rules", "r.toml"]])
def test_check_without_results_or_rules_is_usage(stage: Stage, argv: list[str]) -> None:
    ran = stage.run(*argv)
    assert ran.code == 2
    assert "docspeed check --draft SCHEMA" in ran.err


def test_check_draft_prints_rules_that_work(stage: Stage) -> None:
    ran = stage.run("check", "--draft", schema(stage))
    assert ran.code == 0
    assert 'check = "sum(line_items.amount) == total"' in ran.out
    path = stage.folder / "draft.toml"
    path.write_text(ran.out)
    (stage.folder / "a.json").write_text(json.dumps(result("1", "3", "1", "2")))
    checked = stage.run(
        "check", str(stage.folder / "a.json"), "--rules", str(path), "--schema", schema(stage)
    )
    assert (checked.code, statuses(checked.out)) == (0, {str(stage.folder / "a.json"): "passed"})


def test_check_failures_are_annotated_on_github(stage: Stage, folder: Path) -> None:
    ran = stage.run("check", str(folder), "--rules", rules(stage), env={"GITHUB_ACTIONS": "true"})
    assert "::error" in ran.err
    assert "lines add up" in ran.err
