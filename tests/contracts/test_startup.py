"""Commands load no more modules than they need, and only the output writes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from docspeed_cli import __version__
from docspeed_cli.store.ledger import Ledger
from tests.contracts.test_imports import SANDBOX, modules, package

_RUN = """
import atexit, json, sys
before = set(sys.modules)
report = open(sys.argv.pop(1), "w")
atexit.register(lambda: (json.dump(sorted(set(sys.modules) - before), report), report.close()))
sys.argv[0] = "docspeed"
from docspeed_cli.cli.main import run
run()
"""

HEAVY = (
    "PIL",
    "httpx",
    "psycopg",
    "ssl",
    "asyncio",
    "rich",
    "pydantic",
    "werkzeug",
    "pypdfium2",
    "truststore",
    "email.message",
)


def loaded(
    tmp_path: Path, *argv: str, env: Mapping[str, str] | None = None
) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Run a command; return the modules that it loads beyond the bare interpreter's, and the process."""
    report = tmp_path / "modules.json"
    whole = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DOCSPEED_")},
        "DOCSPEED_STATE_DIR": str(tmp_path / "state"),
        "DOCSPEED_CONFIG": str(tmp_path / "config.toml"),
        **(env or {}),
    }
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, str(report), *argv],
        env=whole,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(json.loads(report.read_text())), ran


def among(modules: set[str], names: tuple[str, ...]) -> list[str]:
    """Return the names that were loaded themselves or through a submodule."""
    return [name for name in names if name in modules or any(each.startswith(f"{name}.") for each in modules)]


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_startup_version_loads_one_module(tmp_path: Path, flag: str) -> None:
    modules, ran = loaded(tmp_path, flag)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"docspeed {__version__}\n", "")
    assert among(modules, ("typer", "sqlite3", "json", "dataclasses", "pathlib", *HEAVY)) == []
    assert {name for name in modules if name.startswith("docspeed_cli")} == {
        "docspeed_cli",
        "docspeed_cli.cli",
        "docspeed_cli.cli.main",
    }


def test_startup_as_a_module_prints_the_version() -> None:
    argv = [sys.executable, "-m", "docspeed_cli", "--version"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"docspeed {__version__}\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("--help",),
        ("parse", "--help"),
        ("chat", "--help"),
        ("api", "--help"),
        ("jobs", "--help"),
        ("jobs", "list", "--help"),
        ("sandbox", "serve", "--help"),
    ],
    ids=" ".join,
)
def test_startup_help_loads_no_heavy_package(tmp_path: Path, argv: tuple[str, ...]) -> None:
    modules, ran = loaded(tmp_path, *argv)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout
    assert among(modules, HEAVY) == []


@pytest.mark.parametrize(
    ("argv", "env"),
    [
        (("--help",), {}),
        (("jobs", "--help"), {}),
        (("1", "pa"), {"_DOCSPEED_COMPLETE": "bash"}),
        (("2", "jobs", "li"), {"_DOCSPEED_COMPLETE": "bash"}),
    ],
    ids=str,
)
def test_startup_group_loads_neither_typer_nor_a_command(
    tmp_path: Path, argv: tuple[str, ...], env: dict[str, str]
) -> None:
    modules, ran = loaded(tmp_path, *argv, env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert among(modules, ("typer", "dataclasses", "json", "pathlib", "sqlite3", *HEAVY)) == []
    assert {name for name in modules if name.startswith("docspeed_cli.cli.commands")} == {
        "docspeed_cli.cli.commands"
    }


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("jobs", "list"), 0),
        (("jobs", "list", "--json"), 0),
        (("jobs", "forget", "job_1"), None),
        (("auth", "status"), None),
        (("parse", "gone.pdf"), 2),
        (("parse", "--file-id", "file_1"), 4),
        (("parse", "--no-such-flag"), 2),
        (("no-such-command",), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_startup_local_command_loads_no_heavy_package(
    tmp_path: Path, argv: tuple[str, ...], code: int | None
) -> None:
    modules, ran = loaded(tmp_path, *argv)
    assert code is None or ran.returncode == code, ran.stderr
    assert among(modules, HEAVY) == []


def test_startup_completion_of_flags_and_values_loads_no_typer(tmp_path: Path) -> None:
    for words in (("2", "parse", "--pro"), ("3", "parse", "--profile", "g"), ("3", "jobs", "wait", "")):
        modules, ran = loaded(tmp_path, *words, env={"_DOCSPEED_COMPLETE": "bash"})
        assert (ran.returncode, ran.stderr) == (0, "")
        assert among(modules, ("typer", "inspect", *HEAVY)) == []


@pytest.mark.parametrize(
    "argv",
    [
        ("jobs", "list"),
        ("parse", "--file-id=file_1", "--wait", "-q"),
        ("config", "show"),
        ("help", "parse", "--json"),
    ],
    ids=" ".join,
)
def test_startup_plain_command_line_loads_no_typer(tmp_path: Path, argv: tuple[str, ...]) -> None:
    modules, _ = loaded(tmp_path, *argv)
    assert among(modules, ("typer", "inspect")) == []
    assert "docspeed_cli.jobs.context" in modules


def test_startup_single_job_loads_nothing_that_only_other_runs_need(tmp_path: Path) -> None:
    modules, ran = loaded(tmp_path, "parse", "--file-id", "file_1", "--sandbox", "--wait")
    assert ran.returncode == 6, ran.stderr
    of_files = ("jobs.filenames", "jobs.documents.media_types", "jobs.output.result_files")
    others = ("jobs.batch", "jobs.dry_run", "terminal.progress", "terminal.views", "results", *of_files)
    assert all(find_spec(f"docspeed_cli.{name}") for name in others)
    assert among(modules, ("csv", *(f"docspeed_cli.{name}" for name in others))) == []
    assert "docspeed_cli.jobs.submit" in modules


_LEDGER = """
import sys, time
from docspeed_cli.store.ledger import Ledger
ledger = Ledger(sys.argv[1], print, time.time)
ledger.newest()
ledger.close()
print(*sys.modules)
"""


def test_startup_ledger_that_exists_loads_no_more_than_sqlite_needs(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path, print, time.time).close()
    # Without site-packages, whose own hooks load some of these.
    argv, env = (
        [sys.executable, "-S", "-c", _LEDGER, str(path)],
        {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    ran = subprocess.run(argv, env={**os.environ, **env}, capture_output=True, text=True, check=True)
    ours = "docspeed_cli.store.sqlite"
    costly = ("pathlib", "typing", "threading", "re", "contextlib", "hashlib", "docspeed_cli.core")
    assert among(set(ran.stdout.split()), (ours, *costly)) == [ours]


def test_startup_of_sandbox_loads_the_heavy_packages(tmp_path: Path) -> None:
    """Check the check: the sandbox loads packages that the other commands must not load."""
    modules, ran = loaded(tmp_path, "parse", "--file-id", "file_1", "--sandbox")
    assert ran.returncode == 6, ran.stderr
    assert among(modules, ("httpx", "sqlite3", "werkzeug")) == ["httpx", "sqlite3", "werkzeug"]


# -- writing


def test_source_has_no_print() -> None:
    found = [
        f"{name}, line {node.lineno}: {ast.unparse(node)}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert found == []


def test_source_takes_streams_and_environment_from_the_context() -> None:
    """The environment carries them; only the console script reads `sys.argv` and exits.

    The chat prompt compares its input with `sys.stdin`, because line editing works on the real one only.
    """
    exceptions = {"cli.main": {"sys.argv", "sys.exit"}, "cli.commands.chat_prompt": {"sys.stdin"}}
    names = {"sys.stdout", "sys.stderr", "sys.stdin", "sys.argv", "sys.exit", "os.environ", "os.getenv"}
    found = [
        f"{name}, line {node.lineno}: {ast.unparse(node)}"
        for name, tree in modules().items()
        if package(name) != SANDBOX and name != "core.environment"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if f"{node.value.id}.{node.attr}" in names - exceptions.get(name, set())
    ]
    assert found == []
