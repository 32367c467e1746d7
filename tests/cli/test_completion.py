"""Shell completion: what fits at the cursor, and that asking for it is cheap and changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.completion import complete
from docspeed_cli.cli.completion_reply import Candidate, Completion, to_lines
from docspeed_cli.cli.completion_values import MAX_RECENT, SCRIPTS
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.models import Job, State
from docspeed_cli.core.operations import (
    CHAT,
    EXTRACT,
    FORMATS,
    GROUNDINGS,
    OPERATIONS,
    PARSE,
    PROFILES,
    TABLES,
)
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.jobs.documents.media_types import SUFFIXES
from docspeed_cli.store.ledger import Ledger
from docspeed_cli.store.runs import RunRecord
from tests.stage import Stage, Stream

VARIABLE = "_DOCSPEED_COMPLETE"


def machine(folder: Path) -> Environment:
    """An environment whose ledger is in this folder."""
    env = {"DOCSPEED_STATE_DIR": str(folder)}
    return Environment(env, Stream(), Stream(), Stream(), Interrupts(), now=lambda: 1000.0)


def ledger_with(folder: Path, *ids: str) -> Ledger:
    """A ledger with a job of each of these ids, the newest last."""
    ledger = Ledger(folder / "ledger.db", pytest.fail, lambda: 880.0)
    for job_id in ids:
        ledger.begin(Job("parse", "queued", State.RUNNING, job_id=job_id, input="a.pdf", submitted_at=880.0))
    return ledger


def at(*words: str, folder: Path = Path("/nonexistent")) -> Completion:
    """Complete the last word."""
    return complete(words[:-1], words[-1], machine(folder))


def texts(*words: str, folder: Path = Path("/nonexistent")) -> list[str]:
    return [value.text for value in at(*words, folder=folder).values]


# -- commands


def test_command_completion_lists_names_with_descriptions() -> None:
    assert at("") == Completion(tuple(Candidate(entry.name, entry.about) for entry in COMMANDS))
    assert at("jobs", "").values[0] == Candidate("status", "Show the current state of jobs.")


@pytest.mark.parametrize("words", [("no-such", ""), ("jobs", "no-such", ""), ("no-such", "-")], ids=" ".join)
def test_completion_after_unknown_command_is_empty(words: tuple[str, ...]) -> None:
    assert at(*words) == Completion()


def test_command_completion_skips_flags_before_the_command() -> None:
    assert texts("--version", "") == [entry.name for entry in COMMANDS]
    assert "--profile" in texts("-h", "parse", "--")


def test_flag_completion_of_a_group_lists_its_flags() -> None:
    assert {"--version", "-V", "--help", "-h"} == set(texts("-"))
    assert {"--help", "-h"} == set(texts("jobs", "-"))


# -- flags


def test_flag_completion_lists_flags_with_help() -> None:
    found = at("parse", "--")
    assert Candidate("--recursive", "take all documents in a folder and its subfolders") in found.values
    assert {"--wait", "--no-wait", "-o", "--output", "-h"} <= set(texts("parse", "-"))
    assert found.files is None
    assert all(value.about for value in found.values)


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (("--quiet",), ("-q", "--quiet")),
        (("-q",), ("-q", "--quiet")),
        (("-qv",), ("-q", "--quiet", "-v", "--verbose")),
        (("--no-wait",), ("--wait", "--no-wait")),
        (("--timeout=3",), ("--timeout",)),
        (("--timeout", "3"), ("--timeout",)),
        (("-ox.json",), ("-o", "--output")),
        (("-qo", "x.json"), ("-q", "--quiet", "-o", "--output")),
        (("--file-id", "f"), ()),
        (("--set=a=1",), ()),
        (("--no-such",), ()),
        (("-qZ", "x"), ()),
    ],
    ids=str,
)
def test_flag_completion_leaves_out_flags_already_given(
    words: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    assert set(texts("parse", "-")) - set(texts("parse", *words, "-")) == set(gone)


def test_completion_without_arguments_left_lists_flags() -> None:
    assert "--status" in texts("jobs", "list", "")
    assert "--json" in texts("doctor", "")
    assert "--body" in texts("api", "GET", "/v1/x", "")


def test_completion_after_double_dash_lists_no_flags() -> None:
    assert at("parse", "--", "-") == Completion(files=SUFFIXES)
    assert at("doctor", "--", "-") == Completion()


# -- values

ANY = Completion(files=())
DOCUMENTS = Completion(files=SUFFIXES)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("parse", "--profile", ""), PROFILES),
        (("parse", "--grounding", "x"), GROUNDINGS),
        (("tables", "--grounding", ""), GROUNDINGS),
        (("parse", "--format", ""), PARSE.formats),
        (("extract", "--format", ""), EXTRACT.formats),
        (("tables", "--format", ""), TABLES.formats),
        (("chat", "--format", ""), CHAT.formats),
        (("upload", "--format", ""), ("json", "id")),
        (("jobs", "result", "--format", ""), FORMATS),
        (("jobs", "list", "--format", ""), ("json", "csv", "id")),
        (("parse", "--dry-run", "--format", ""), ("json", "curl")),
        (("jobs", "list", "--status", ""), tuple(State)),
        (("jobs", "list", "--operation", ""), tuple(OPERATIONS)),
        (("completion", ""), tuple(SCRIPTS)),
        (("api", ""), ("GET", "POST", "PUT", "PATCH", "DELETE")),
        (("parse", "--timeout", ""), ()),
    ],
    ids=str,
)
def test_value_completion_lists_known_values(words: tuple[str, ...], values: Sequence[str]) -> None:
    found = at(*words)
    assert ([value.text for value in found.values], found.files) == (list(values), None)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("parse", ""), DOCUMENTS),
        (("parse", "a.pdf", "b"), DOCUMENTS),
        (("parse", "--recursive", ""), DOCUMENTS),
        (("upload", ""), DOCUMENTS),
        (("chat", ""), DOCUMENTS),
        (("chat", "what?", ""), DOCUMENTS),
        (("extract", "--schema", ""), Completion(files=(".json",))),
        (("extract", "--schema=x"), Completion(files=(".json",), prefix="--schema=")),
        (("parse", "-o", ""), ANY),
        (("parse", "--output", ""), ANY),
        (("parse", "--from", ""), ANY),
        (("api", "POST", "/v1/x", "--body", ""), ANY),
        (("schema", "--instructions", ""), Completion()),
        (("schema", "--instructions", "@"), Completion(files=(), prefix="@")),
        (("schema", "--instructions=@x"), Completion(files=(), prefix="--instructions=@")),
        (("parse", "--quiet=x"), Completion()),
        (("parse", "--no-such=x"), Completion()),
        (("completion", "zsh", "x", ""), None),
    ],
    ids=str,
)
def test_file_completion_names_the_endings(words: tuple[str, ...], expected: Completion | None) -> None:
    found = at(*words)
    if expected is None:
        assert found.files is None
    else:
        assert found == expected


def test_value_completion_after_equals_sign_keeps_the_prefix() -> None:
    found = at("parse", "--grounding=re")
    assert found == Completion(tuple(map(Candidate, GROUNDINGS)), prefix="--grounding=")
    assert at("parse", "--file-id=").prefix == "--file-id="


WORD = st.one_of(
    st.sampled_from(["parse", "jobs", "wait", "api", "chat", "-", "--", "-o", "-qo", "--set=", "="]),
    st.text(max_size=6),
)


@settings(deadline=None)
@given(st.lists(WORD, max_size=5), WORD)
def test_completion_of_any_line_returns_a_prefix_of_the_word(words: list[str], incomplete: str) -> None:
    found = at(*words, incomplete)
    assert incomplete.startswith(found.prefix)


# -- the ledger


@pytest.mark.parametrize("command", ["status", "wait", "result", "forget"])
def test_job_completion_lists_newest_first_without_jobs_already_given(tmp_path: Path, command: str) -> None:
    assert texts("jobs", command, "", folder=tmp_path) == []
    ledger_with(tmp_path, "job_1", "job_2").close()
    assert texts("jobs", command, "", folder=tmp_path) == ["@last", "job_2", "job_1"]
    assert texts("jobs", command, "job_2", "@last", "", folder=tmp_path) == ["job_1"]


@pytest.mark.parametrize("words", [("runs", "show", ""), ("jobs", "list", "--run", "")])
def test_run_completion_lists_names_and_ids_newest_first(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert texts(*words, folder=tmp_path) == []
    now = 0.0
    ledger = Ledger(tmp_path / "ledger.db", lambda text: None, lambda: now)
    started = []
    for name in ("march", None, "march"):
        now += 60
        started.append(ledger.runs.start(RunRecord("", name=name, operation="parse")).run)
    ledger.close()
    found = texts(*words, folder=tmp_path)
    assert (found[0], sorted(found[1:3]), found[3:]) == (
        "@last",
        sorted(["march", started[2]]),
        [started[1], started[0]],
    )


def test_job_completion_is_limited_and_has_a_row_for_an_unknown_id(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, *(f"job_{number}" for number in range(60)))
    ledger.begin(Job("extract", "unknown", State.UNKNOWN, input="b\x1b[2J\n.pdf"))
    ledger.close()
    found = at("jobs", "wait", "", folder=tmp_path)
    assert len(found.values) == MAX_RECENT + 1
    assert found.values[1].text == "@61"
    assert found.values[1].about.endswith(".pdf, at an unknown time")
    assert found.values[2] == Candidate("job_59", "parse, a.pdf, 2 min ago")
    assert "\x1b" not in to_lines(found, "")
    assert len(to_lines(found, "").splitlines()) == 2 + len(found.values)


def test_file_id_completion_lists_uploads_with_names_and_ages(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path)
    ledger.remember_upload("s", "k", "d1", "file_1", "a.pdf")
    ledger.remember_upload("s", "k", "d2", "file_2", None)
    ledger.close()
    assert set(at("parse", "--file-id", "", folder=tmp_path).values) == {
        Candidate("file_1", "a.pdf, 2 min ago"),
        Candidate("file_2", "2 min ago"),
    }


def test_completion_of_a_locked_ledger_lists_jobs(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, "job_0")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert texts("jobs", "wait", "", folder=tmp_path) == ["@last", "job_0"]
    other.close()
    ledger.close()


def test_completion_leaves_no_files_behind(tmp_path: Path) -> None:
    assert texts("jobs", "wait", "", folder=tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
    ledger_with(tmp_path, "job_0").close()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(texts("jobs", "wait", "", folder=tmp_path)) == 2
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b"no database" * 100], ids=["empty", "damaged"])
def test_completion_of_a_damaged_ledger_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db").write_bytes(content)
    assert texts("jobs", "wait", "", folder=tmp_path) == []
    assert (tmp_path / "ledger.db").read_bytes() == content


# -- the reply


def test_reply_lines_hold_printable_values_that_begin_with_the_word() -> None:
    values = (
        Candidate("json", "a"),
        Candidate("jsonl"),
        Candidate("csv"),
        Candidate("js\x1b[2J"),
        Candidate("js\nx"),
    )
    found = Completion(values, prefix="--format=")
    assert to_lines(found, "") == "none\n--format=\njson\ta\njsonl\t\ncsv\t\n"
    assert to_lines(found, "--format=js") == "none\n--format=\njson\ta\njsonl\t\n"
    assert to_lines(Completion(files=()), "") == "files\n\n"
    assert to_lines(Completion(files=(".a", ".b"), prefix="@"), "@x") == "files .a .b\n@\n"


def ask(stage: Stage, shell: str, *argv: str) -> tuple[int, str, str]:
    ran = stage.run(*argv, env={VARIABLE: shell})
    return ran.code, ran.out, ran.err


def test_reply_has_only_values_that_begin_with_the_word(stage: Stage) -> None:
    code, out, err = ask(stage, "fish", "2", "jobs", "wai")
    assert (code, out, err) == (0, "none\n\nwait\tFollow jobs to their end.\n", "")


def test_reply_without_the_empty_last_word_is_the_same(stage: Stage) -> None:
    assert ask(stage, "powershell", "2", "jobs") == ask(stage, "powershell", "2", "jobs", "")


@pytest.mark.parametrize("argv", [(), ("x",), ("0",), ("-3", "parse"), ("2", "parse", "\udcff")], ids=ascii)
def test_reply_to_bad_arguments_writes_nothing_to_stderr(stage: Stage, argv: tuple[str, ...]) -> None:
    code, _, err = ask(stage, "bash", *argv)
    assert code in (0, 1)
    assert err == ""


def test_reply_names_jobs_and_files_of_the_ledger(stage: Stage) -> None:
    assert stage.run("parse", stage.document("a.pdf")).code == 0
    (job,) = (row["job_id"] for row in stage.rows())
    _, out, _ = ask(stage, "bash", "3", "jobs", "wait", "")
    assert out.startswith(f"none\n\n@last\tthe newest job\n{job}\tparse, ")
    _, out, _ = ask(stage, "bash", "3", "parse", "--file-id", "")
    assert "a.pdf, just now" in out


def test_reply_with_bad_settings_is_the_same(stage: Stage) -> None:
    code, out, err = ask(stage, "zsh", "1", "")
    assert (code, err) == (0, "")
    config = Path(stage.base()["DOCSPEED_CONFIG"])
    config.write_text("no = such")
    assert stage.run("config", "show").code == 2
    assert ask(stage, "zsh", "1", "") == (code, out, err)


# -- what it loads

_RUN = """
import atexit, json, sys
report = open(sys.argv.pop(1), "w")
atexit.register(lambda: (json.dump(sorted(sys.modules), report), report.close()))
from docspeed_cli.cli.main import run
run()
"""

HEAVY = {"httpx", "ssl", "asyncio", "rich", "truststore", "werkzeug", "pypdfium2", "socket"}


@pytest.mark.parametrize(
    ("argv", "commands"),
    [
        (("1", ""), ()),
        (("2", "jobs", ""), ()),
        (("2", "parse", ""), ("common", "parse")),
        (("2", "parse", "--"), ("common", "parse")),
        (("3", "jobs", "list", ""), ("jobs", "jobs.list", "jobs.listing")),
        (("3", "parse", "--format", ""), ("common", "parse")),
        (("2", "completion", ""), ("completion",)),
    ],
    ids=str,
)
def test_reply_imports_only_the_completed_command(
    tmp_path: Path, argv: tuple[str, ...], commands: tuple[str, ...]
) -> None:
    report = tmp_path / "modules.json"
    ran = subprocess.run(
        [sys.executable, "-c", _RUN, str(report), *argv],
        env={**os.environ, VARIABLE: "zsh", "DOCSPEED_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    modules = set(json.loads(report.read_text()))
    assert modules & HEAVY == set()
    below = "docspeed_cli.cli.commands."
    assert {name.removeprefix(below) for name in modules if name.startswith(below)} == set(commands)


# -- the command


def test_completion_command_with_unsupported_shell_names_the_shells(stage: Stage) -> None:
    ran = stage.run("completion", "tcsh")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: there is no completion script for tcsh\nhint: the shells are bash, zsh, fish, powershell\n"
    )


def test_completion_command_at_a_terminal_prints_the_same_script(stage: Stage) -> None:
    for shell in SCRIPTS:
        assert stage.run("completion", shell, terminal=True).out == stage.run("completion", shell).out
