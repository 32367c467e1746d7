"""Text from documents, file names and servers can't act on the terminal."""

from __future__ import annotations

import json
import re

import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Style
from tests.fake_service import POLL, SUBMIT, Reply, Service
from tests.stage import Ran, Stage, Stream

DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


LIVE = re.compile(r"\x1b\[(\?25[lh]|[0-9]*[ABGK]|2K|1G)|\r")
"""Escape sequences of our live line: cursor hidden and shown, one line up, line erased."""


SGR = re.compile(r"\x1b\[[0-9;]*m")


def assert_harmless(ran: Ran) -> None:
    """Assert that nothing acts on the terminal but our own colours and live line."""
    assert not DANGEROUS.search(SGR.sub("", ran.out)), ascii(ran.out)
    assert not DANGEROUS.search(LIVE.sub("", SGR.sub("", ran.err))), ascii(ran.err)
    assert "owned\x07" not in ran.out + ran.err


EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil\r\x08\x7f"


def evil_payload(operation: str, body: object) -> bytes:
    """Return a result with hostile text everywhere, unescaped where JSON allows it."""
    page = {"page_index": 0, "markdown": f"# {EVIL}", "text": EVIL, EVIL: EVIL}
    return json.dumps({"pages": [page], EVIL: EVIL}, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "flags",
    [(), ("--json",), ("--format", "markdown"), ("--format", "text"), ("--verbose",), ("--quiet",)],
    ids=" ".join,
)
def test_hostile_text_in_result_is_harmless(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.payload = evil_payload
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 0, ran.err
    assert_harmless(ran)
    assert "evil" in ran.out
    assert_harmless(stage.run("jobs", "result", "@last", *flags, terminal=True))


@pytest.mark.parametrize("flags", [(), ("--json",), ("--format", "markdown")], ids=" ".join)
def test_hostile_text_in_batch_is_harmless(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    service.payload = evil_payload
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait", *flags, terminal=True)
    assert ran.code == 0, ran.err
    assert_harmless(ran)


@pytest.mark.parametrize("operation", ["tables", "extract"])
def test_hostile_text_in_cells_is_harmless(stage: Stage, service: Service, operation: str) -> None:
    table = {"name": EVIL, "cells": [{"row": 0, "col": 0, "text": EVIL}, {"row": 1, "col": 0, "text": EVIL}]}
    found = {"tables": [table], "fields": {"a": {"value": EVIL, "page": 1}}}
    service.payload = lambda operation, body: json.dumps(found).encode()
    schema = ("--schema", '{"doc_class": "x", "fields": [{"key": "a"}]}') if operation == "extract" else ()
    argv = (operation, "--file-id", "f", "--file-id", "g", *schema, "--wait", "--format", "csv")
    ran = stage.run(*argv, terminal=True)
    assert ran.code == 0, ran.err
    assert_harmless(ran)
    assert "evil" in ran.out


@pytest.mark.parametrize("flags", [(), ("--json",), ("--verbose",)], ids=" ".join)
def test_hostile_text_in_job_is_harmless(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    error = {"code": EVIL, "message": EVIL}
    service.has(f"job{EVIL}", EVIL, EVIL, "failed", result=b"{}", error=error)
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
def test_hostile_text_in_server_error_is_harmless(
    stage: Stage, service: Service, kind: str, flags: tuple[str, ...]
) -> None:
    detail = {"code": EVIL, "message": EVIL, "details": {EVIL: EVIL}}
    service.then(kind, Reply.of(422, {"detail": detail}))
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, terminal=True)
    assert ran.code == 7
    assert_harmless(ran)


@pytest.mark.parametrize("flags", [(), ("--json",)], ids=" ".join)
def test_hostile_text_in_file_name_is_harmless(
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


def test_hostile_text_in_verbose_line_is_harmless(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "no"}, X_Request_Id="r\x9b31m\x85"))
    ran = stage.run("api", "POST", f"/v1/{EVIL}", "--verbose", terminal=True)
    shown = ran.out + ran.err
    assert not {"\x9b", "\u202e", "\x07", "\x85"} & set(shown)
    ran = stage.run("parse", "--file-id", "f", "--verbose", terminal=True)
    assert "request: r" in ran.err
    assert not {"\x9b", "\x85"} & set(ran.err)


def test_hostile_text_rich_markup_is_shown_as_text(stage: Stage, service: Service) -> None:
    text = "[bold red]x[/bold red] [link=http://evil.example]y[/link] :smile:"
    payload = json.dumps({"pages": [{"page_index": 0, "markdown": text, "text": text}]}).encode()
    service.payload = lambda operation, body: payload
    stage.columns = 200
    ran = stage.run("parse", "--file-id", "[red]f[/red]", "--wait", terminal=True)
    assert ran.code == 0
    assert "[bold red]x[/bold red]" in SGR.sub("", ran.out)
    assert "\x1b]8" not in ran.out
    assert "[red]f[/red]" in SGR.sub("", stage.run("jobs", "list", terminal=True).out)


def test_hostile_text_markdown_link_is_not_a_terminal_link(stage: Stage, service: Service) -> None:
    links = "[y](http://a.example) <http://b.example> ![z](http://c.example)"
    text = f"{links}\n\n`\x1b[31mcode`\n\n    \x1b]0;t\x07"
    service.payload = lambda operation, body: json.dumps({"pages": [{"markdown": text}]}).encode()
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert ran.code == 0
    assert "http://b.example" in ran.out
    assert "\x1b]" not in ran.out and "\x1b[31m" not in ran.out and "\x07" not in ran.out


def test_output_show_rich_markup_is_text(stage: Stage) -> None:
    screen = Stream(terminal=True)
    env = {"TERM": "xterm-256color", "FORCE_COLOR": "1"}
    output = Output(Environment(env, Stream(), screen, Stream(), Interrupts()), Style())
    output.show("[bold]x[/bold] :smile: https://a.example 'quoted' 42")
    assert screen.bytes.getvalue().decode() == "[bold]x[/bold] :smile: https://a.example 'quoted' 42\n"


def test_output_row_line_breaks_become_spaces(stage: Stage) -> None:
    screen = Stream(terminal=True)
    output = Output(Environment({"COLUMNS": "80"}, Stream(), screen, Stream(), Interrupts()), Style())
    output.row("a\nb", "c\td", prose="e\nf")
    assert screen.bytes.getvalue() == b"a b  c d  e f\n"
