"""A small runner of composite GitHub Actions, which gives their shell steps the files that GitHub does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ACTION = Path(__file__).parents[2] / "action.yml"


_GITHUB = {"GITHUB_JOB": "invoices", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1"}


class Used(NamedTuple):
    """A step that uses another action, which is not run."""

    action: str
    given: dict[str, str]


class Done(NamedTuple):
    """How an action ended."""

    failed: bool
    outputs: dict[str, str]
    log: str
    summary: str
    used: list[Used]


class Run:
    """One run of an action in a folder of its own."""

    def __init__(self, workspace: Path, inputs: Mapping[str, str], env: Mapping[str, str]) -> None:
        self.action: dict[str, Any] = yaml.safe_load(ACTION.read_text("utf-8"))
        self.workspace = workspace
        self.temp = workspace / "runner"
        self.temp.mkdir(exist_ok=True)
        self.env = {**env, "RUNNER_TEMP": str(self.temp), "GITHUB_ACTIONS": "true", **_GITHUB}
        self.path: list[str] = []
        self.log, self.summary, self.failed = "", "", False
        self.used: list[Used] = []
        defaults = {name: about.get("default", "") for name, about in self.action["inputs"].items()}
        self.context: dict[str, str] = {
            **{f"inputs.{name}": value for name, value in {**defaults, **inputs}.items()},
            "github.action_path": str(ACTION.parent),
            "github.job": "invoices",
        }

    def play(self, leave_out: tuple[str, ...] = ()) -> Done:
        """Run the steps, except those with these ids."""
        for step in self.action["runs"]["steps"]:
            if step.get("id") in leave_out or not self._is_wanted(step.get("if", "success()")):
                continue
            if "uses" in step:
                given = {name: self._filled(value) for name, value in step.get("with", {}).items()}
                self.used.append(Used(step["uses"].partition("@")[0], given))
            else:
                self._bash(step)
        outputs = {name: self._filled(about["value"]) for name, about in self.action["outputs"].items()}
        return Done(self.failed, outputs, self.log, self.summary, self.used)

    def _is_wanted(self, condition: str) -> bool:
        terms = condition.split(" && ")
        if self.failed and "always()" not in terms:
            return False
        return all(self._holds(term) for term in terms)

    def _holds(self, term: str) -> bool:
        if term in ("always()", "success()"):
            return True
        name, value = term.split(" == ")
        return self.context.get(name) == value.strip("'")

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: self.context.get(found[1], ""), text)

    def _bash(self, step: Mapping[str, Any]) -> None:
        files = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_bytes(b"")
        env = {
            **self.env,
            "PATH": os.pathsep.join([*self.path, self.env["PATH"]]),
            **{name: str(file) for name, file in files.items()},
            **{name: self._filled(value) for name, value in step.get("env", {}).items()},
        }
        script = self.temp / "step.sh"
        script.write_text(step["run"], "utf-8")
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.log += ran.stdout.decode()
        self.failed = self.failed or ran.returncode != 0
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        self.path[:0] = reversed(files["GITHUB_PATH"].read_text("utf-8").split("\n")[:-1])
        for line in files["GITHUB_OUTPUT"].read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            self.context[f"steps.{step['id']}.outputs.{name}"] = value


def main() -> int:
    """Run the action whole, installation included, over an example; returns the exit code."""
    examples = ACTION.parent / "examples"
    flags = f"--schema {examples / 'invoice.schema.json'}"
    with tempfile.TemporaryDirectory() as folder:
        inputs = {"documents": str(examples / "invoice.pdf"), "flags": flags}
        done = Run(Path(folder), inputs, {**os.environ, "DOCSPEED_BASE_URL": "sandbox"}).play()
    print(done.log, done.summary, done.outputs, sep="\n")  # noqa: T201
    return int(done.failed or done.outputs["done"] != "1")


if __name__ == "__main__":
    sys.exit(main())
