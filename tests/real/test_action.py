"""The GitHub Action: its shell steps run as on a runner, with the sandbox in place of the service."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from tests.fake_service import KEY
from tests.real.composite import ACTION, Done, Run
from tests.real.machine import Machine

EXAMPLES = ACTION.parent / "examples"
SCHEMA = f"--schema {EXAMPLES / 'invoice.schema.json'}"


def act(
    folder: Path,
    flags: str = SCHEMA,
    documents: str = "invoices",
    inputs: Mapping[str, str] = MappingProxyType({}),
    **env: str,
) -> Done:
    """Run the action over the documents of a repository; the program is installed already."""
    invoices = folder / "invoices"
    if not invoices.exists():
        invoices.mkdir()
        for name in ("invoice.pdf", "packet.pdf"):
            shutil.copy(EXAMPLES / name, invoices)
    machine = Machine(folder, base_url="sandbox").env(env)
    del machine["DOCSPEED_STATE_DIR"]
    return Run(folder, {"documents": documents, "flags": flags, **inputs}, machine).play(
        leave_out=("install",)
    )


def test_action_run_has_results_outputs_summary_and_cached_ledger(tmp_path: Path) -> None:
    done = act(tmp_path)
    assert not done.failed, done.log
    run = done.outputs.pop("run")
    assert done.outputs == {
        "exit-code": "0",
        "inputs": "2",
        "done": "2",
        "failed": "0",
        "results": "docspeed-results",
        "lines": f"{tmp_path}/runner/docspeed/lines.jsonl",
    }
    assert sorted(path.name for path in (tmp_path / "docspeed-results").iterdir()) == [
        "invoice.json",
        "packet.json",
    ]
    assert len(Path(done.outputs["lines"]).read_text("utf-8").splitlines()) == 2
    assert f"| run | {run} |" in done.summary and "| inputs | 2: 2 done |" in done.summary
    state = f"{tmp_path}/runner/docspeed/state"
    restored, saved = (each.given for each in done.used[1:])
    assert restored["key"] == saved["key"] and saved["key"].startswith("docspeed-invoices-7-1-")
    assert restored["restore-keys"].splitlines() == ["docspeed-invoices-", "docspeed-"]
    assert [(each.action, each.given.get("path")) for each in done.used][1:] == [
        ("actions/cache/restore", state),
        ("actions/cache/save", state),
    ]
    assert (Path(state) / "ledger.db").exists()
    assert KEY not in done.log + done.summary

    again = act(tmp_path)
    assert "2 done (2 reused)" in again.summary


def test_action_failed_check_fails_the_step_with_annotations_summary_and_cache(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "never"\ncheck = "invoice.grand_total == 1"\n')
    done = act(tmp_path, f"\n  {SCHEMA}  \n--check   {rules}\n")
    assert done.failed and done.outputs["exit-code"] == "10"
    assert (done.outputs["done"], done.outputs["failed"]) == ("0", "2")
    assert "::error file=invoices/invoice.pdf,title=docspeed::" in done.log
    assert "## docspeed: not_as_required" in done.summary and "invoices/invoice.pdf" in done.summary
    assert done.used[-1].action == "actions/cache/save"


def test_action_with_a_shared_ledger_keeps_no_cache(tmp_path: Path) -> None:
    done = act(tmp_path, f"{SCHEMA}\n--local-ledger", DOCSPEED_LEDGER="postgresql://127.0.0.1:1/none")
    assert not done.failed, done.log
    assert [each.action for each in done.used] == ["actions/setup-python"]


def test_action_with_a_ledger_named_local_keeps_the_cache(tmp_path: Path) -> None:
    assert act(tmp_path, "--no-such-flag", DOCSPEED_LEDGER="local").used[-1].action == "actions/cache/save"


@pytest.mark.parametrize(("name", "value"), [("cache", "yes"), ("results", "")])
def test_action_input_without_meaning_fails_the_step(tmp_path: Path, name: str, value: str) -> None:
    done = act(tmp_path, inputs={name: value})
    assert done.failed and f"the input {name} is" in done.log
    assert "run" not in done.outputs or not done.outputs["run"]


def test_action_wrong_flag_fails_the_step(tmp_path: Path) -> None:
    done = act(tmp_path, "--no-such-flag")
    assert done.failed and done.outputs["exit-code"] == "2" and done.outputs["run"] == ""
    assert "::error title=docspeed::" in done.log


def test_action_inputs_are_never_run_by_a_shell(tmp_path: Path) -> None:
    hostile = ["$(touch hit)", "`touch hit`", "; touch hit;", '"; touch hit; "', "' ; touch hit", "* ?"]
    done = act(tmp_path, f"{SCHEMA}\n--require $(touch hit)", "\n".join(["invoices", *hostile]))
    assert done.failed and done.outputs["exit-code"] == "2"
    assert [text for text in hostile if f"{text}: no such file" not in done.log] == ["* ?"]
    assert not list(tmp_path.rglob("hit"))


def test_action_has_no_expression_in_shell_text_and_no_input_for_a_key() -> None:
    action = yaml.safe_load(ACTION.read_text("utf-8"))
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    assert len(scripts) == 3 and not any("${{" in script for script in scripts)
    assert not [name for name in action["inputs"] if "key" in name]
