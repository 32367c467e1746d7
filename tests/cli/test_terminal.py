"""At a terminal: made for people, a live line, colours where they are wanted, foreign text without power."""

from __future__ import annotations

import json
import re

import pytest

from tests.fake_service import POLL, SUBMIT, Reply, Service
from tests.stage import Ran, Stage

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\r\x08\x7f"
SGR = re.compile(r"\x1b\[[0-9;]*m")
LIVE = re.compile(r"\x1b\[(\?25[lh]|[0-9]*[ABGK]|2K|1G)|\r")
"""What a line that is redrawn needs: the cursor hidden and shown, up a line, a line erased."""

DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def harmless(ran: Ran) -> None:
    """Beyond our own colours and our own live line, nothing that acts on a terminal."""
    assert not DANGEROUS.search(SGR.sub("", ran.out)), ascii(ran.out)
    assert not DANGEROUS.search(LIVE.sub("", SGR.sub("", ran.err))), ascii(ran.err)
    assert "owned\x07" not in ran.out + ran.err


def evil_payload(operation: str, body: object) -> bytes:
    """A result with such text in each place, raw where JSON allows that."""
    page = {"page_index": 0, "markdown": f"# {EVIL}", "text": EVIL, EVIL: EVIL}
    return json.dumps({"pages": [page], EVIL: EVIL}, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "flags",
    [(), ("--json",), ("--format", "markdown"), ("--format", "text"), ("--verbose",), ("--quiet",)],
    ids=" ".join,
)
def test_a_result_can_do_nothing(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.payload = evil_payload
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 0, ran.err
    harmless(ran)
    assert "evil" in ran.out
    harmless(stage.run("jobs", "result", "@last", *flags, terminal=True))


@pytest.mark.parametrize("flags", [(), ("--json",), ("--format", "markdown")], ids=" ".join)
def test_the_results_of_many_can_do_nothing(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.payload = evil_payload
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", *flags, terminal=True)
    assert ran.code == 0, ran.err
    harmless(ran)


@pytest.mark.parametrize("operation", ["tables", "extract"])
def test_the_cells_of_many_tables_can_do_nothing(stage: Stage, service: Service, operation: str) -> None:
    table = {"name": EVIL, "cells": [{"row": 0, "col": 0, "text": EVIL}, {"row": 1, "col": 0, "text": EVIL}]}
    found = {"tables": [table], "line_items": {"rows": [{"a": EVIL}]}}
    service.payload = lambda operation, body: json.dumps(found).encode()
    schema = ("--schema", '{"doc_class": "x", "fields": [{"key": "a"}]}') if operation == "extract" else ()
    argv = (operation, "--file-id", "f", "--file-id", "g", *schema, "--wait", "--format", "csv")
    ran = stage.run(*argv, terminal=True)
    assert ran.code == 0, ran.err
    harmless(ran)
    assert "evil" in ran.out


@pytest.mark.parametrize("flags", [(), ("--json",), ("--verbose",)], ids=" ".join)
def test_the_words_of_a_server_can_do_nothing(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.has(f"job{EVIL}", EVIL, EVIL, "failed", error={"code": EVIL, "message": EVIL})
    accepted = {"job_id": f"job{EVIL}", "operation": EVIL, "status": EVIL}
    service.then(SUBMIT, Reply.of(202, accepted, X_Request_Id="r\x9b31m"))
    ran = stage.run("parse", "--file-id", "f", terminal=True)
    assert ran.code == 0
    harmless(ran)
    assert "evil" in ran.out
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 5
    harmless(ran)
    harmless(stage.run("jobs", "list", *flags, terminal=True))
    harmless(stage.run("jobs", "status", "@last", *flags, terminal=True))


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=" ".join)
@pytest.mark.parametrize("kind", [SUBMIT, POLL])
def test_the_errors_of_a_server_can_do_nothing(
    stage: Stage, service: Service, kind: str, flags: tuple[str, ...]
) -> None:
    detail = {"code": EVIL, "message": EVIL, "details": {EVIL: EVIL}}
    service.then(kind, Reply.of(422, {"detail": detail}))
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 7
    harmless(ran)


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=" ".join)
def test_names_of_files_can_do_nothing(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    name = EVIL.replace("\x07", "") + ".pdf"
    path = stage.document(name)
    for argv in (("parse", path), ("parse", path, "--wait"), ("upload", path), ("jobs", "list")):
        ran = stage.run(*argv, *flags, terminal=True)
        assert ran.code == 0, ran.err
        harmless(ran)
    for argv in (("parse", path + "x"), ("parse", "--nonsense" + EVIL), ("jobs", "wait", EVIL)):
        ran = stage.run(*argv, *flags, terminal=True)
        assert ran.code == 2
        harmless(ran)


def test_a_terminal_gets_a_view_and_a_pipe_gets_json(stage: Stage, service: Service) -> None:
    page = {"page_index": 0, "markdown": "# Heading\n\nsome text", "text": "Heading\nsome text"}
    payload = json.dumps({"pages": [page]}).encode()
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert "some text" in ran.out
    assert "page_index" not in ran.out
    assert json.loads(stage.run("parse", "--file-id", "f", "--wait").out) == {"pages": [page]}


def test_json_at_a_terminal_is_indented(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"b":1,"a":[2]}'
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", terminal=True)
    assert ran.out.replace("\r", "").startswith('{\n  "b": 1,\n  "a"')
    assert json.loads(ran.out) == {"b": 1, "a": [2]}


def test_numbers_are_the_server_s_at_a_terminal_too(stage: Stage, service: Service) -> None:
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
def test_colours_where_they_are_wanted(stage: Stage, env: dict[str, str], coloured: bool) -> None:
    ran = stage.run("parse", "missing.pdf", terminal=True, env=env)
    assert ran.code == 2
    assert bool(SGR.search(ran.err)) is coloured
    assert "error:" in SGR.sub("", ran.err)


def test_no_colour_means_no_colour_in_views_too(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f", "--wait")
    for argv in (("jobs", "result", "@last"), ("jobs", "list"), ("jobs", "status", "@last")):
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            ran = stage.run(*argv, terminal=True, env=env)
            assert ran.code == 0, ran.err
            assert not re.search(r"\x1b\[[0-9;]*(3|4|9|10)[0-7](;|m)", ran.out + ran.err), ascii(ran.out)


def test_colour_is_forced_in_a_pipe(stage: Stage) -> None:
    ran = stage.run("parse", "missing.pdf", env={"FORCE_COLOR": "1"})
    assert SGR.search(ran.err)
    assert not SGR.search(stage.run("parse", "missing.pdf").err)


def test_a_pipe_gets_no_escape_at_all(stage: Stage, service: Service) -> None:
    service.polls = 3
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "--verbose")
    assert "\x1b" not in ran.out + ran.err and "\r" not in ran.out + ran.err


def test_a_live_line_hides_the_cursor_and_shows_it_again(stage: Stage, service: Service) -> None:
    service.polls = 3
    for end in ("completed", "failed"):
        service.final = end
        ran = stage.run("parse", "--file-id", end, "--wait", terminal=True)
        assert ran.err.count("\x1b[?25l") == ran.err.count("\x1b[?25h") > 0
        assert ran.err.rindex("\x1b[?25h") > ran.err.rindex("\x1b[?25l")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}], ids=str)
def test_a_dumb_terminal_gets_plain_lines(stage: Stage, service: Service, env: dict[str, str]) -> None:
    service.polls = 3
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True, env=env)
    assert ran.code == 0
    assert "\x1b" not in ran.err
    assert "processing" in ran.err


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_nothing_is_wider_than_the_terminal(stage: Stage, service: Service, columns: int) -> None:
    stage.columns = columns
    stage.run("parse", stage.document("a long name of a document that says what is in it.pdf"), "--wait")
    ran = stage.run("jobs", "list", terminal=True)
    assert ran.code == 0
    assert max(len(SGR.sub("", line)) for line in ran.out.splitlines()) <= columns


def test_a_submission_names_the_next_command(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id", "f", terminal=True)
    assert "job_1" in ran.out
    assert "docspeed jobs wait job_1" in SGR.sub("", ran.err)


def test_an_empty_list_says_so_on_stderr(stage: Stage) -> None:
    ran = stage.run("jobs", "list", terminal=True)
    assert (ran.code, ran.out) == (0, "")
    assert "no jobs" in ran.err


def test_markup_in_a_document_is_text(stage: Stage, service: Service) -> None:
    text = "[bold red]x[/bold red] [link=http://evil.example]y[/link] :smile:"
    payload = json.dumps({"pages": [{"page_index": 0, "markdown": text, "text": text}]}).encode()
    service.payload = lambda operation, body: payload
    stage.columns = 200
    ran = stage.run("parse", "--file-id", "[red]f[/red]", "--wait", terminal=True)
    assert ran.code == 0
    assert "[bold red]x[/bold red]" in SGR.sub("", ran.out)
    assert "\x1b]8" not in ran.out
    assert "[red]f[/red]" in SGR.sub("", stage.run("jobs", "list", terminal=True).out)
