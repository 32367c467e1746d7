"""Output at a terminal: views, a live line, colours, and text from documents that can do no harm."""

from __future__ import annotations

import json
import re

import pytest

from tests.fake_service import POLL, SUBMIT, Reply, Service
from tests.stage import Ran, Stage

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\r\x08\x7f"
SGR = re.compile(r"\x1b\[[0-9;]*m")
LIVE = re.compile(r"\x1b\[(\?25[lh]|[0-9]*[ABGK]|2K|1G)|\r")
"""Escape sequences of our live line: cursor hidden and shown, one line up, line erased."""

DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def assert_harmless(ran: Ran) -> None:
    """Assert that nothing acts on the terminal but our own colours and live line."""
    assert not DANGEROUS.search(SGR.sub("", ran.out)), ascii(ran.out)
    assert not DANGEROUS.search(LIVE.sub("", SGR.sub("", ran.err))), ascii(ran.err)
    assert "owned\x07" not in ran.out + ran.err


def evil_payload(operation: str, body: object) -> bytes:
    """A result with such text everywhere, unescaped where JSON allows it."""
    page = {"page_index": 0, "markdown": f"# {EVIL}", "text": EVIL, EVIL: EVIL}
    return json.dumps({"pages": [page], EVIL: EVIL}, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "flags",
    [(), ("--json",), ("--format", "markdown"), ("--format", "text"), ("--verbose",), ("--quiet",)],
    ids=" ".join,
)
def test_terminal_hostile_result_is_harmless(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.payload = evil_payload
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 0, ran.err
    assert_harmless(ran)
    assert "evil" in ran.out
    assert_harmless(stage.run("jobs", "result", "@last", *flags, terminal=True))


@pytest.mark.parametrize("flags", [(), ("--json",), ("--format", "markdown")], ids=" ".join)
def test_terminal_hostile_batch_is_harmless(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.payload = evil_payload
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", *flags, terminal=True)
    assert ran.code == 0, ran.err
    assert_harmless(ran)


@pytest.mark.parametrize("operation", ["tables", "extract"])
def test_terminal_hostile_cells_are_harmless(stage: Stage, service: Service, operation: str) -> None:
    table = {"name": EVIL, "cells": [{"row": 0, "col": 0, "text": EVIL}, {"row": 1, "col": 0, "text": EVIL}]}
    found = {"tables": [table], "line_items": {"rows": [{"a": EVIL}]}}
    service.payload = lambda operation, body: json.dumps(found).encode()
    schema = ("--schema", '{"doc_class": "x", "fields": [{"key": "a"}]}') if operation == "extract" else ()
    argv = (operation, "--file-id", "f", "--file-id", "g", *schema, "--wait", "--format", "csv")
    ran = stage.run(*argv, terminal=True)
    assert ran.code == 0, ran.err
    assert_harmless(ran)
    assert "evil" in ran.out


@pytest.mark.parametrize("flags", [(), ("--json",), ("--verbose",)], ids=" ".join)
def test_terminal_hostile_job_is_harmless(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.has(f"job{EVIL}", EVIL, EVIL, "failed", error={"code": EVIL, "message": EVIL})
    accepted = {"job_id": f"job{EVIL}", "operation": EVIL, "status": EVIL}
    service.then(SUBMIT, Reply.of(202, accepted, X_Request_Id="r\x9b31m"))
    ran = stage.run("parse", "--file-id", "f", terminal=True)
    assert ran.code == 0
    assert_harmless(ran)
    assert "evil" in ran.out
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 5
    assert_harmless(ran)
    assert_harmless(stage.run("jobs", "list", *flags, terminal=True))
    assert_harmless(stage.run("jobs", "status", "@last", *flags, terminal=True))


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=" ".join)
@pytest.mark.parametrize("kind", [SUBMIT, POLL])
def test_terminal_hostile_server_error_is_harmless(
    stage: Stage, service: Service, kind: str, flags: tuple[str, ...]
) -> None:
    detail = {"code": EVIL, "message": EVIL, "details": {EVIL: EVIL}}
    service.then(kind, Reply.of(422, {"detail": detail}))
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 7
    assert_harmless(ran)


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=" ".join)
def test_terminal_hostile_file_name_is_harmless(
    stage: Stage, service: Service, flags: tuple[str, ...]
) -> None:
    name = EVIL.replace("\x07", "") + ".pdf"
    path = stage.document(name)
    for argv in (("parse", path), ("parse", path, "--wait"), ("upload", path), ("jobs", "list")):
        ran = stage.run(*argv, *flags, terminal=True)
        assert ran.code == 0, ran.err
        assert_harmless(ran)
    for argv in (("parse", path + "x"), ("parse", "--nonsense" + EVIL), ("jobs", "wait", EVIL)):
        ran = stage.run(*argv, *flags, terminal=True)
        assert ran.code == 2
        assert_harmless(ran)


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
    assert "1.10" in ran.out and "1e2" in ran.out, "untouched: an amount of 1.10 is not 1.1"


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


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_jobs_list_at_any_width_fits_the_terminal(stage: Stage, service: Service, columns: int) -> None:
    stage.columns = columns
    stage.run("parse", stage.document("a long name of a document that says what is in it.pdf"), "--wait")
    ran = stage.run("jobs", "list", terminal=True)
    assert ran.code == 0
    assert max(len(SGR.sub("", line)) for line in ran.out.splitlines()) <= columns


def test_submit_at_terminal_hints_at_jobs_wait(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id", "f", terminal=True)
    assert "job_1" in ran.out
    assert "docspeed jobs wait job_1" in SGR.sub("", ran.err)


def test_jobs_list_empty_says_so_on_stderr(stage: Stage) -> None:
    ran = stage.run("jobs", "list", terminal=True)
    assert (ran.code, ran.out) == (0, "")
    assert "no jobs" in ran.err


def test_terminal_markup_in_document_is_text(stage: Stage, service: Service) -> None:
    text = "[bold red]x[/bold red] [link=http://evil.example]y[/link] :smile:"
    payload = json.dumps({"pages": [{"page_index": 0, "markdown": text, "text": text}]}).encode()
    service.payload = lambda operation, body: payload
    stage.columns = 200
    ran = stage.run("parse", "--file-id", "[red]f[/red]", "--wait", terminal=True)
    assert ran.code == 0
    assert "[bold red]x[/bold red]" in SGR.sub("", ran.out)
    assert "\x1b]8" not in ran.out
    assert "[red]f[/red]" in SGR.sub("", stage.run("jobs", "list", terminal=True).out)
