"""`help --json`: what programs read agrees with what the program takes and prints."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import docspeed_cli
from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.groups import commands
from docspeed_cli.cli.machine_help import SHAPES
from docspeed_cli.core.errors import CODES, EXITS
from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage, lines

SKILL = (Path(docspeed_cli.__file__).parent / "SKILL.md").read_text("utf-8")
EXAMPLE = Path(docspeed_cli.__file__).parents[1] / "examples" / "invoice.pdf"


def described(stage: Stage, *words: str) -> Any:
    ran = stage.run("help", *words, "--json")
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


def test_help_json_has_every_command_exit_code_and_error_code(stage: Stage) -> None:
    found = described(stage)
    leaves = [called.path for called in commands(PROGRAM, "docspeed") if not called.entry.entries]
    assert [command["command"] for command in found["commands"]] == leaves
    assert [row["code"] for row in found["exit_codes"]] == [row.code for row in EXITS]
    assert found["error_codes"] == CODES
    assert found["lines"].keys() == SHAPES.keys()


def test_help_json_of_a_command_is_the_one_in_the_whole(stage: Stage) -> None:
    whole = {command["command"]: command for command in described(stage)["commands"]}
    assert described(stage, "parse") == whole["docspeed parse"]
    assert described(stage, "jobs", "wait") == whole["docspeed jobs wait"]
    assert [below["command"] for below in described(stage, "config")["commands"]][:2] == [
        "docspeed config show",
        "docspeed config get",
    ]


def test_help_json_has_types_and_what_repeats(stage: Stage) -> None:
    found = {flag["flags"][0]: flag for flag in described(stage, "parse")["flags"]}
    assert (found["--wait"]["type"], found["--wait"]["flags"]) == ("switch", ["--wait", "--no-wait"])
    assert (found["--limit"]["type"], found["--limit"]["value"]) == ("integer", "N")
    assert found["--set"]["repeatable"] and not found["--timeout"]["repeatable"]
    (files,) = described(stage, "parse")["arguments"]
    assert (files["name"], files["repeatable"], files["required"]) == ("FILE", True, False)


@pytest.mark.parametrize("command", [called.path for called in commands(PROGRAM, "docspeed")])
def test_help_json_names_the_flags_of_the_help_text(stage: Stage, command: str) -> None:
    words = command.split()[1:]
    text = stage.run(*words, "--help").out
    if "flags" in (found := described(stage, *words)):
        options = text.partition("Examples")[0]
        shown = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", options, re.MULTILINE)) - {"--help"}
        assert shown <= {name for flag in found["flags"] for name in flag["flags"]}


def test_help_json_of_a_topic_has_its_text(stage: Stage) -> None:
    text = stage.run("help", "rules").out.removesuffix("\n")
    assert described(stage, "rules") == {"topic": "rules", "text": text}
    assert stage.run("help", "weather", "--json").code == 2


def test_printed_lines_have_the_members_of_their_shapes(stage: Stage, service: Service) -> None:
    job = json.loads(stage.run("parse", "--file-id", "f").out)
    again = json.loads(stage.run("parse", "--file-id", "f").out)
    service.then(SUBMIT, Reply.of(422, {"detail": "not this one"}))
    ran = stage.run("parse", "--file-id", "g", "--file-id", "h", "--wait", "--concurrency", "1")
    outcomes = [json.loads(line) for line in lines(ran.out)]
    to_file = json.loads(stage.run("parse", "--file-id", "i", "--wait", "-o", f"{stage.folder}/out/").out)
    seen = {
        "job": job.keys() | again.keys(),
        "known job": stage.rows()[0].keys(),
        "outcome": set().union(*outcomes, to_file) | {"reused", "checks"},
    }
    assert seen == {name: SHAPES[name].keys() for name in seen}
    errors = [outcome["error"] for outcome in outcomes if "error" in outcome]
    assert errors and all(error.keys() <= SHAPES["error"].keys() for error in errors)


# -- the page for coding agents


def test_skill_is_short_and_printed_as_it_is(stage: Stage) -> None:
    assert stage.run("help", "skill").out == SKILL
    assert len(SKILL) < 1500 * 3, "about 1,500 tokens"


def test_skill_examples_run_in_the_sandbox(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(stage.folder)
    shutil.copy(EXAMPLE, "invoice.pdf")
    Path("scans").mkdir()
    shutil.copy(EXAMPLE, "scans/a.pdf")
    examples = re.findall(r"^docspeed .*", SKILL, re.MULTILINE)
    assert len(examples) > 12
    for example in examples:
        ran = stage.run(*shlex.split(example)[1:])
        assert ran.code == 0, f"{example}: {ran.err}"
        assert ran.out or " -o " in example
