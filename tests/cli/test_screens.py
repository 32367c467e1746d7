"""Each command's screen at several widths: nothing overflows, ids can be copied, colours match words."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len

from tests.fake_service import Service
from tests.results.payloads import SAMPLES
from tests.stage import Ran, Stage

WIDTHS = (60, 80, 160)
LONG = "job_0123456789abcdef0123"
SGR = re.compile(r"\x1b\[([0-9;]*)m")
LIVE = re.compile(r".*(\x1b\[[0-9?]*[A-Zhl]|\r)")
"""The live line, up to the last time that it is erased."""

PLAIN = {"NO_COLOR": "1", "TERM": "dumb"}
READABLE = {"", "0", "1", "2", "3", "4", "31", "32", "35"}
"""Attributes, red, green and magenta, which are readable on black and on white."""

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
    """The screen of each command at a terminal of this width."""
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
def test_screens_any_width_fits(shown: Stage, columns: int) -> None:
    drawn = ("parse", "extract", "tables", "split", "schema", "chat", "list")
    screens = runs(shown, columns, {})
    for name in drawn:
        assert screens[name].code == 0, screens[name].err
        for line in SGR.sub("", screens[name].out).splitlines():
            assert cell_len(line) <= columns, f"{name}: {line}"


@pytest.mark.parametrize("columns", WIDTHS)
def test_screens_without_colour_are_plain_text(shown: Stage, columns: int) -> None:
    for name, ran in runs(shown, columns, PLAIN).items():
        assert ran.code == 0, ran.err
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", ran.out + ran.err), f"{name}: {ran.err}"


def test_screens_colours_are_readable_on_any_background(shown: Stage, service: Service) -> None:
    screens = runs(shown, 80, {})
    shown.run("jobs", "forget", "@1", terminal=True)
    service.final = "failed"
    screens["failed"] = shown.run("parse", "--file-id", "z", "--wait", terminal=True)
    screens["many"] = shown.run("parse", "--file-id", "x", "--file-id", "y", "--wait", terminal=True)
    for name, ran in screens.items():
        for found in SGR.findall(ran.out + ran.err):
            assert set(found.split(";")) <= READABLE, f"{name}: {found}"


@pytest.mark.parametrize("columns", [30, *WIDTHS])
def test_jobs_any_width_shows_whole_id_and_status(stage: Stage, service: Service, columns: int) -> None:
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
        out = SGR.sub("", stage.run("jobs", "status", f"{LONG}_{status}", terminal=True).out)
        assert [f"{LONG}_{status}", "parse", status] == out.split()[:3]


@pytest.mark.parametrize("columns", WIDTHS)
def test_hint_any_width_keeps_command_on_one_line(shown: Stage, columns: int) -> None:
    screens = runs(shown, columns, {})
    for name in ("parse", "extract", "chat", "status", "submit"):
        said = LIVE.sub("", SGR.sub("", screens[name].err))
        command = r"docspeed jobs (result|wait) job_\d+( job_\d+ -o results/| -o \S.*\.json'?)?"
        command = r"docspeed chat 'your next question' --continue" if name == "chat" else command
        assert re.search(rf"^hint: {command}$", said, re.M), said


@pytest.mark.parametrize("env", [{}, PLAIN, {"FORCE_COLOR": "1"}, {"GITHUB_ACTIONS": "true"}], ids=str)
def test_log_has_one_whole_line_for_each_status(stage: Stage, service: Service, env: dict[str, str]) -> None:
    service.polls = 40
    ran = stage.run("parse", "--file-id", "f", "--wait", env=env)
    assert ran.code == 0
    lines = [line for line in ran.err.splitlines() if not line.startswith("::")]
    assert [line.split(": ")[1] for line in lines] == [
        f"{status} (job_1)" for status in ("queued", "processing", "completed")
    ]
    assert ran.err.endswith("\n") and "\r" not in ran.err and "\x1b" not in ran.err


def test_times_are_relative_for_people_and_iso_for_machines(stage: Stage) -> None:
    stage.run("parse", "--file-id", "f", "--wait")
    stage.clock.time += 7200
    assert "2 h ago" in stage.run("jobs", "list", terminal=True).out
    assert "submitted 2 h ago" in stage.run("jobs", "status", "@1", terminal=True).out
    row = stage.rows()[0]
    for name in ("submitted_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[name])


# -- lines that are longer than the terminal


def test_row_longer_than_terminal_is_one_line_that_the_terminal_wraps(shown: Stage) -> None:
    screens = runs(shown, 60, {})
    for name in ("status", "wait", "batch"):
        line = next(line for line in SGR.sub("", screens[name].out).splitlines() if DOCUMENT in line)
        assert re.match(r"job_\d+ .* completed|completed +job_\d", line), f"{name}: {line}"


def test_log_each_message_is_one_line(stage: Stage) -> None:
    missing = " ".join(f"{number}.pdf" for number in range(40))
    for flags in ((), ("--json",)):
        ran = stage.run("parse", missing, *flags)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert stage.run("parse", missing, "--json", terminal=True).err.count("\n") == 1


# -- empty lines and colours


def test_view_is_followed_by_an_empty_line(shown: Stage) -> None:
    for argv in (("parse", "--file-id", "f", "--wait"), ("chat", "How much?", "--file-id", "f")):
        said = LIVE.sub("", SGR.sub("", shown.run(*argv, terminal=True).err))
        assert re.search(r"(^|\n)\ncompleted in", said), said
    assert "\n\n" not in shown.run("parse", "--file-id", "f", "--wait").err
    assert shown.run("parse", "--file-id", "f", "--wait", "--quiet", terminal=True).err == ""


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_status_colour_agrees_with_its_word(stage: Stage, service: Service, env: dict[str, str]) -> None:
    several(stage, service)
    words = {"completed": "32", "failed": "31", "ok": "32"}
    for argv in (
        ("jobs", "status", "@1", "@2"),
        ("jobs", "wait", "@1", "@2"),
        ("jobs", "list"),
        ("parse", "--file-id", "x", "--file-id", "y", "--wait"),
        ("doctor",),
    ):
        ran = stage.run(*argv, terminal=True, env=env)
        found = dict(re.findall(r"\x1b\[(?P<code>3[12])m(?P<word>\w+)", ran.out))
        told = {word for word in words if re.search(rf"\b{word}\b", SGR.sub("", ran.out))}
        assert told, argv
        assert found == ({words[word]: word for word in told} if not env else {}), (argv, ran.out)


# -- several jobs


def several(stage: Stage, service: Service) -> None:
    """Submit jobs with ids of different lengths: @1 and @3 complete, @2 fails."""
    stage.run("parse", "--file-id", "a", "--wait")
    stage.run("parse", "--file-id", "b")
    service.jobs["job_2"] |= {"statuses": ["failed"], "members": {}}
    stage.run("jobs", "wait", "@2")
    service.has("job_with_a_long_id", "completed", "completed")
    stage.run("jobs", "status", "job_with_a_long_id")
    stage.run("extract", "--file-id", "c", "--schema", OPERATIONS["extract"][1], "--wait")


@pytest.mark.parametrize(
    "argv", [("@3", "job_with_a_long_id", "@1", "@2", "@last"), ("@2", "@1")], ids=" ".join
)
@pytest.mark.parametrize("terminal", [True, False])
def test_status_of_several_jobs_keeps_the_given_order(
    stage: Stage, service: Service, argv: tuple[str, ...], terminal: bool
) -> None:
    several(stage, service)
    rows = {f"@{row['row']}": row["job_id"] for row in stage.rows()}
    ids = [rows.get({"@last": "@3"}.get(word, word), word) for word in argv]
    ran = stage.run("jobs", "status", *argv, "--concurrency", "4", terminal=terminal)
    assert ran.code == 0, ran.err
    found = SGR.sub("", ran.out).splitlines()
    if not terminal:
        assert [json.loads(line)["job_id"] for line in found] == ids
        return
    assert [line.split()[0] for line in found] == ids
    starts = {re.search(r"\b(completed|failed)\b", line).start() for line in found}  # type: ignore[union-attr]
    assert len(starts) == 1, found


def test_hint_for_several_jobs_names_the_completed_ones_once(stage: Stage, service: Service) -> None:
    several(stage, service)
    for command in ("status", "wait"):
        ran = stage.run("jobs", command, "@1", "@2", "@3", "--concurrency", "1", terminal=True)
        hints = re.findall(r"^hint: (.*)$", SGR.sub("", ran.err), re.M)
        assert hints == ["docspeed jobs result job_1 job_4 -o results/"], ran.err
        one = SGR.sub("", stage.run("jobs", command, "@1", terminal=True).err)
        assert one.splitlines()[-1].endswith("hint: docspeed jobs result job_1")
