"""Every screen at several widths: nothing overflows, ids can be copied, words say what colours say."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len

from tests.pure.payloads import SAMPLES
from tests.service import Service
from tests.stage import Ran, Stage

WIDTHS = (60, 80, 160)
LONG = "job_0123456789abcdef0123"
SGR = re.compile(r"\x1b\[([0-9;]*)m")
LIVE = re.compile(r".*(\x1b\[[0-9?]*[A-Zhl]|\r)")
"""A line that is drawn again and again, up to the last time that it is erased."""

PLAIN = {"NO_COLOR": "1", "TERM": "dumb"}
READABLE = {"", "0", "1", "2", "3", "4", "31", "35"}
"""Attributes, red and magenta: what can be read on black and on white."""

DOCUMENT = "a folder/with a long name that says what is in it/鈴木さんの請求書 2026.pdf"
OPERATIONS = {
    "parse": (),
    "extract": ("--schema", '{"fields": [{"key": "total", "type": "string"}]}'),
    "tables": (),
    "split": (),
    "schema": (),
    "chat": ("What is the total?",),
}


@pytest.fixture
def shown(stage: Stage, service: Service) -> Stage:
    """A machine whose service answers each operation with a payload of its shape."""
    service.payload = lambda operation, body: json.dumps(SAMPLES[operation.replace("ask", "chat")]).encode()
    service.polls = 2
    return stage


def runs(stage: Stage, columns: int, env: dict[str, str]) -> dict[str, Ran]:
    """What each command shows at a terminal of this width."""
    stage.columns = columns
    document = stage.document(DOCUMENT)
    lines = {
        operation: ((operation, *flags, document) if operation == "chat" else (operation, document, *flags))
        for operation, flags in OPERATIONS.items()
    }
    shown = {
        name: stage.run(*argv, *(() if name == "chat" else ("--wait",)), terminal=True, env=env)
        for name, argv in lines.items()
    }
    more = {
        "list": ("jobs", "list"),
        "status": ("jobs", "status", "@1", "@2"),
        "wait": ("jobs", "wait", "@1"),
        "submit": ("parse", "--file-id", "g"),
        "batch": ("parse", document, "--file-id", "h", "--wait"),
        "upload": ("upload", document),
        "settings": ("config", "show"),
        "key": ("auth", "status"),
    }
    return {**shown, **{name: stage.run(*argv, terminal=True, env=env) for name, argv in more.items()}}


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_is_drawn_fits(shown: Stage, columns: int) -> None:
    drawn = ("parse", "extract", "tables", "split", "schema", "chat", "list")
    screens = runs(shown, columns, {})
    for name in drawn:
        assert screens[name].code == 0, screens[name].err
        for line in SGR.sub("", screens[name].out).splitlines():
            assert cell_len(line) <= columns, f"{name}: {line}"


@pytest.mark.parametrize("columns", WIDTHS)
def test_nothing_but_text_where_nothing_else_is_wanted(shown: Stage, columns: int) -> None:
    for name, ran in runs(shown, columns, PLAIN).items():
        assert ran.code == 0, ran.err
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", ran.out + ran.err), f"{name}: {ran.err}"


def test_colours_can_be_read_on_black_and_on_white(shown: Stage, service: Service) -> None:
    screens = runs(shown, 80, {})
    shown.run("jobs", "forget", "@1", terminal=True)
    service.final = "failed"
    screens["failed"] = shown.run("parse", "--file-id", "z", "--wait", terminal=True)
    screens["many"] = shown.run("parse", "--file-id", "x", "--file-id", "y", "--wait", terminal=True)
    for name, ran in screens.items():
        for found in SGR.findall(ran.out + ran.err):
            assert set(found.split(";")) <= READABLE, f"{name}: {found}"


@pytest.mark.parametrize("columns", [30, *WIDTHS])
def test_a_job_s_id_is_whole_and_its_state_a_word_in_each_row(
    stage: Stage, service: Service, columns: int
) -> None:
    stage.columns = columns
    for status in ("processing", "completed", "failed"):
        service.has(f"{LONG}_{status}", status)
        stage.run("jobs", "status", f"{LONG}_{status}")
    for number in range(3):
        service.final = ("completed", "failed", "cancelled")[number]
        stage.run("parse", stage.document(f"{number}-{DOCUMENT}"), "--wait")
    listed = SGR.sub("", stage.run("jobs", "list", terminal=True).out).splitlines()
    words = {re.split(r"\s+", line)[0]: line for line in listed if line.startswith("job_")}
    ids = [row["job_id"] for row in stage.rows()]
    assert list(words) == ids
    for job, status in zip(ids, ("cancelled", "failed", "completed"), strict=True):
        assert re.search(rf"\b{status}\b", words[job])
    for status in ("processing", "completed", "failed"):
        ran = stage.run("jobs", "status", f"{LONG}_{status}", terminal=True)
        assert f"{LONG}_{status} " in ran.out and re.search(rf" {status}\b", ran.out)


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_command_of_a_hint_is_on_one_line(shown: Stage, columns: int) -> None:
    screens = runs(shown, columns, {})
    for name in ("parse", "extract", "chat", "status", "submit"):
        said = LIVE.sub("", SGR.sub("", screens[name].err))
        assert re.search(r"^hint: docspeed jobs (result|wait) job_\d+( -o \S.*\.json'?)?$", said, re.M), said


@pytest.mark.parametrize("env", [{}, PLAIN, {"FORCE_COLOR": "1"}, {"GITHUB_ACTIONS": "true"}], ids=str)
def test_a_log_has_whole_lines_and_one_for_each_change(
    stage: Stage, service: Service, env: dict[str, str]
) -> None:
    service.polls = 40
    ran = stage.run("parse", "--file-id", "f", "--wait", env=env)
    assert ran.code == 0
    lines = [line for line in ran.err.splitlines() if not line.startswith("::")]
    assert [line.split(": ")[1] for line in lines] == [
        f"{status} (job_1)" for status in ("queued", "processing", "completed")
    ]
    assert ran.err.endswith("\n") and "\r" not in ran.err and "\x1b" not in ran.err


def test_a_log_of_many_counts_the_failed_among_the_done(stage: Stage, service: Service) -> None:
    service.final = "failed"
    many = [part for number in range(10) for part in ("--file-id", f"f{number}")]
    ran = stage.run("parse", *many, "--wait", "--concurrency", "1")
    assert ran.code == 5
    assert "parse: 10/10 done (10 failed), 0 running" in ran.err


def test_times_are_relative_for_people_and_whole_for_machines(stage: Stage) -> None:
    stage.run("parse", "--file-id", "f", "--wait")
    stage.clock.time += 7200
    assert "2 h ago" in stage.run("jobs", "list", terminal=True).out
    assert "submitted 2 h ago" in stage.run("jobs", "status", "@1", terminal=True).out
    row = stage.rows()[0]
    for name in ("submitted_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[name])
