"""Completion of names that the user has: results, runs, servers, and what a schema names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.completion_reply import Candidate, Completion
from docspeed_cli.cli.flags import LookUp
from docspeed_cli.cli.framework import describe
from docspeed_cli.cli.groups import commands
from docspeed_cli.store.runs import RunRecord
from tests.cli.test_completion import VARIABLE, at, ledger_with, texts
from tests.stage import Stage

COMMANDS = [called for called in commands(PROGRAM, PROGRAM.name) if not called.entry.entries]


def test_value_of_every_flag_and_argument_declares_what_completes_it() -> None:
    """None means that nobody thought of it; a value that only the user knows is declared as `NOTHING`."""
    parameters = [(called.path, each) for called in COMMANDS for each in describe(called.entry).parameters]
    silent = [
        f"{path} {each.name}"
        for path, each in parameters
        if each.is_switch != (each.declared.completes is None)
    ]
    assert silent == []
    looked_up = {
        each.declared.completes for _, each in parameters if isinstance(each.declared.completes, str)
    }
    assert looked_up == set(get_args(LookUp))


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        (("check", "results/", "--rules", ""), ".toml"),
        (("extract", "--check", ""), ".toml"),
        (("diff", "expected/", ""), ".json"),
        (("check", "--draft", ""), ".json"),
    ],
)
def test_file_completion_of_checks_and_differences(words: tuple[str, ...], ending: str) -> None:
    assert at(*words) == Completion(files=(ending,))


@pytest.mark.parametrize("command", ["view", "crop", "check", "review"])
def test_result_completion_has_files_runs_and_jobs(tmp_path: Path, command: str) -> None:
    ledger = ledger_with(tmp_path, "job_1")
    run = ledger.runs.start(RunRecord("", name="march", operation="parse")).run
    ledger.close()
    found = at(command, "", folder=tmp_path)
    assert found.files == (".json", ".jsonl")
    assert {value.text for value in found.values} == {"@last", "march", run, "job_1"}
    assert len(found.values) == len({value.text for value in found.values})


def test_run_name_completion_has_the_names_of_runs(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, "job_1")
    ledger.runs.start(RunRecord("", name="march", operation="parse"))
    ledger.close()
    assert texts("parse", "--name", "", folder=tmp_path) == ["march"]
    assert "@march" in texts("jobs", "result", "", folder=tmp_path)
    assert "@march" not in texts("jobs", "wait", "", folder=tmp_path)


def test_schema_names_are_completed_one_after_the_other(tmp_path: Path) -> None:
    schema = tmp_path / "s.json"
    lines = {"key": "lines", "fields": [{"key": "sum"}]}
    schema.write_text(json.dumps({"fields": [{"key": "total"}, {"key": "po"}], "tables": [lines]}))
    named = ("extract", "--schema", str(schema))
    assert texts(*named, "--require", "") == ["total", "po", "lines"]
    assert at(*named, "--require", "po,") == Completion(
        (Candidate("total"), Candidate("lines")), prefix="po,"
    )
    assert at(*named, "--require=po,t").prefix == "--require=po,"
    assert texts(*named, "--table", "") == ["lines", "fields"]
    assert texts(*named, "--columns", "input,") == ["job_id", "status", "total", "po"]
    assert texts("extract", "--schema", "gone.json", "--require", "") == []


def test_server_completion_has_those_of_the_config_file_and_of_saved_keys(stage: Stage) -> None:
    keys = stage.configure('[env.eu]\nbase_url = "https://eu.example"\n').with_name("credentials.json")
    keys.write_text('{"https://api.example": "k"}')
    ran = stage.run("3", "parse", "--base-url", env={VARIABLE: "bash"})
    assert [line.split("\t")[0] for line in ran.out.splitlines()[2:]] == [
        *("sandbox", "https://eu.example", "https://api.example")
    ]
    ran = stage.run("3", "parse", "--env", env={VARIABLE: "bash"})
    assert ran.out.splitlines()[2:] == ["eu\t"]
