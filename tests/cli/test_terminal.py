"""Output at a terminal: views, indented JSON, colours, a live line."""

from __future__ import annotations

import json
import re

import pytest

from tests.fake_service import Service
from tests.stage import Stage

SGR = re.compile(r"\x1b\[[0-9;]*m")


def test_parse_at_terminal_draws_view_and_in_pipe_writes_json(stage: Stage, service: Service) -> None:
    page = {"page_index": 0, "markdown": "# Heading\n\nsome text", "text": "Heading\nsome text"}
    payload = json.dumps({"pages": [page]}).encode()
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert "some text" in ran.out
    assert "page_index" not in ran.out
    assert json.loads(stage.run("parse", "--file-id", "f", "--wait").out) == {"pages": [page]}


def test_json_at_terminal_is_indented(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"b":1,"a":[2]}'
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", terminal=True)
    assert ran.out.replace("\r", "").startswith('{\n  "b": 1,\n  "a"')
    assert json.loads(ran.out) == {"b": 1, "a": [2]}


def test_json_at_terminal_keeps_numbers_as_the_server_wrote_them(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"v": 1.10, "e": 1e2, "n": 12345678901234567890}'
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", terminal=True)
    assert "12345678901234567890" in ran.out
    assert "1.10" in ran.out and "1e2" in ran.out, "numbers are untouched: 1.10 is not 1.1"


@pytest.mark.parametrize(
    ("env", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
    ids=str,
)
def test_error_colour_follows_no_color_and_term(stage: Stage, env: dict[str, str], coloured: bool) -> None:
    ran = stage.run("parse", "missing.pdf", terminal=True, env=env)
    assert ran.code == 2
    assert bool(SGR.search(ran.err)) is coloured
    assert "error:" in SGR.sub("", ran.err)


def test_views_with_no_color_or_dumb_terminal_have_no_colour(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--wait")
    for argv in (("jobs", "result", "@last"), ("jobs", "list"), ("jobs", "status", "@last")):
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            ran = stage.run(*argv, terminal=True, env=env)
            assert ran.code == 0, ran.err
            assert not re.search(r"\x1b\[[0-9;]*(3|4|9|10)[0-7](;|m)", ran.out + ran.err), ascii(ran.out)


def test_error_in_pipe_with_force_color_has_colour(stage: Stage) -> None:
    ran = stage.run("parse", "missing.pdf", env={"FORCE_COLOR": "1"})
    assert SGR.search(ran.err)
    assert not SGR.search(stage.run("parse", "missing.pdf").err)


@pytest.mark.parametrize("value", ["", "0", "false", "No", " off ", "never"])
def test_force_color_that_is_no_wish_leaves_colours_as_they_are(stage: Stage, value: str) -> None:
    stage.run("parse", "--file-id", "f", "--wait")
    # A live line is drawn as often as time allows, so none is drawn here.
    for argv in (("parse", "missing.pdf"), ("jobs", "list"), ("jobs", "result", "@last", "--quiet")):
        for terminal in (False, True):
            with_it = stage.run(*argv, terminal=terminal, env={"FORCE_COLOR": value})
            without = stage.run(*argv, terminal=terminal)
            assert (with_it.out, with_it.err) == (without.out, without.err)


@pytest.mark.parametrize(
    "value", ["0", "1", "9", "00", "-1", "+80", "abc", "80x24", "²", "1e2", "99999999999", " "]
)
def test_columns_that_is_no_width_means_unknown(stage: Stage, value: str) -> None:
    stage.run("parse", "--file-id", "f", "--wait")
    for argv in (("jobs", "list"), ("jobs", "result", "@last"), ("doctor",), ("help", "output")):
        usual = stage.run(*argv, terminal=True, env={"COLUMNS": ""})
        ran = stage.run(*argv, terminal=True, env={"COLUMNS": value, "LINES": value})
        assert (ran.code, ran.out) == (usual.code, usual.out)
        assert len(ran.out) > 50


def test_pipe_gets_no_escape_sequences(stage: Stage, service: Service) -> None:
    service.polls = 3
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "--verbose")
    assert "\x1b" not in ran.out + ran.err and "\r" not in ran.out + ran.err


def test_live_line_end_shows_cursor_again(stage: Stage, service: Service) -> None:
    service.polls = 3
    for end in ("completed", "failed"):
        service.final = end
        ran = stage.run("parse", "--file-id", end, "--wait", terminal=True)
        assert ran.err.count("\x1b[?25l") == ran.err.count("\x1b[?25h") > 0
        assert ran.err.rindex("\x1b[?25h") > ran.err.rindex("\x1b[?25l")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}], ids=str)
def test_dumb_terminal_gets_plain_progress_lines(stage: Stage, service: Service, env: dict[str, str]) -> None:
    service.polls = 3
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True, env=env)
    assert ran.code == 0
    assert "\x1b" not in ran.err
    assert "processing" in ran.err


def test_submit_at_terminal_hints_at_jobs_wait(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id", "f", terminal=True)
    assert "job_1" in ran.out
    assert "docspeed jobs wait job_1" in SGR.sub("", ran.err)


@pytest.mark.parametrize("flags", [(), ("--wait",)])
def test_terminal_reused_job_says_once_that_it_is_completed(stage: Stage, flags: tuple[str, ...]) -> None:
    document = stage.document("a.pdf")
    stage.run("parse", document, "--wait")
    ran = stage.run("parse", document, *flags, terminal=True)
    assert (ran.out + ran.err).count("completed") == 1


def test_terminal_note_of_the_sandbox_comes_once(stage: Stage) -> None:
    paths = [stage.document(f"{number}.pdf") for number in range(3)]
    ran = stage.run("parse", *paths, "--wait", "--sandbox", terminal=True)
    assert ran.err.count("the sandbox reads text by simple rules") == 1
