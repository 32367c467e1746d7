"""Small protections that nothing else would miss: each of these fails when its protection is taken out."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, Interrupted
from docspeed_cli.core.models import Style
from docspeed_cli.service.body import IN_MEMORY, Body
from docspeed_cli.terminal.output import Output
from tests.fake_service import KEY, POLL, SUBMIT, Call, Reply, Service
from tests.stage import Stage, Stream

EVIL = "\x1b[31mevil\x1b]0;t\x07\u202e\x9b1m[bold]:warning:"
UNKEYED = {"DOCSPEED_API_KEY": ""}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_in_a_folder_of_the_user_s_own(stage: Stage, service: Service) -> None:
    env = {**UNKEYED, "DOCSPEED_CONFIG": str(stage.folder / "fresh" / "config.toml")}
    (stage.folder / "umask").mkdir()
    before = os.umask(0)
    try:
        assert stage.run("auth", "login", stdin=KEY.encode(), env=env).code == 0
    finally:
        os.umask(before)
    assert mode(stage.folder / "fresh") == 0o700
    assert mode(stage.folder / "fresh" / "credentials.json") == 0o600


def test_keys_that_others_may_read_are_told(stage: Stage, service: Service) -> None:
    assert stage.run("auth", "login", stdin=KEY.encode(), env=UNKEYED).code == 0
    (stage.folder / "config" / "credentials.json").chmod(0o644)
    ran = stage.run("parse", "--file-id", "f", env=UNKEYED)
    assert (ran.code, "other users can read the keys" in ran.err) == (0, True)


def test_a_short_key_is_masked_whole(stage: Stage) -> None:
    ran = stage.run("auth", "status", env={"DOCSPEED_API_KEY": "short-key"})
    assert "key" not in json.loads(ran.out)["key"]


def test_results_that_are_kept_are_the_user_s_own(stage: Stage, service: Service) -> None:
    before = os.umask(0)
    try:
        assert stage.run("parse", "--file-id", "f", "--sync").code == 0
    finally:
        os.umask(before)
    folder = stage.folder / "state" / "results"
    assert mode(folder) == 0o700
    assert [mode(path) for path in folder.iterdir()] == [0o600]


@pytest.mark.skipif(os.name != "posix", reason="open files can be removed")
def test_body_spooled_to_the_system_folder_has_no_name(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    program = (
        "from docspeed_cli.service.body import IN_MEMORY, Body; import os; body = Body();"
        " body.write(b'x' * (IN_MEMORY + 1)); print(os.listdir(os.environ['TMPDIR']), body.size)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"[] {IN_MEMORY + 1}\n"
    assert Body.of(b"x").size == 1


def test_redirect_to_plain_http_on_the_same_host_is_refused(stage: Stage) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.scheme)
        return httpx.Response(302, headers={"Location": str(request.url.copy_with(scheme="http", port=8443))})

    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "jobs", "status", "job_1", "--base-url", "https://docs.example:8443"
    )
    assert (ran.code, set(asked)) == (9, {"https"})
    assert "redirects to another server" in ran.err


@pytest.mark.parametrize("path", ["https://elsewhere.example/v1/x", "//elsewhere.example/v1/x"])
def test_api_path_with_a_host_is_a_usage_error(stage: Stage, service: Service, path: str) -> None:
    assert (stage.run("api", "GET", path).code, service.calls) == (2, [])


def test_a_server_s_words_are_no_command_to_a_workflow(stage: Stage, service: Service) -> None:
    said = "no\n::set-env name=X::y\n::error::z"
    service.then(SUBMIT, Reply.of(422, {"detail": said}))
    ran = stage.run("parse", "--file-id", "f", env={"GITHUB_ACTIONS": "true"})
    commands = [line for line in ran.err.splitlines() if line.strip().startswith("::")]
    assert [line.split("::")[1].split()[0] for line in commands] == ["group", "endgroup", "error"]


def test_a_name_is_no_command_to_a_workflow(stage: Stage, service: Service) -> None:
    """The runner takes a command after any space, and one in its old form anywhere in a line."""
    service.always(SUBMIT, Reply.of(422, {"detail": "a ##[add-mask]b"}))
    names = ["::warning::x", "x\n  ::error::y"]
    ids = [word for name in names for word in ("--file-id", name)]
    for flags in ((), ("--wait",), ("--json",)):
        ran = stage.run("parse", *ids, *flags, env={"GITHUB_ACTIONS": "true"})
        ours = ("::group::docspeed", "::endgroup::", "::error title=docspeed::")
        commands = [line for line in ran.err.splitlines() if line.strip().startswith("::")]
        assert [line for line in commands if not line.startswith(ours)] == []
        assert "##[" not in ran.err


def test_what_verbose_says_can_do_nothing(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "no"}, X_Request_Id="r\x9b31m\x85"))
    ran = stage.run("api", "POST", f"/v1/{EVIL}", "--verbose", terminal=True)
    shown = ran.out + ran.err
    assert not {"\x9b", "\u202e", "\x07", "\x85"} & set(shown)
    ran = stage.run("parse", "--file-id", "f", "--verbose", terminal=True)
    assert "request: r" in ran.err
    assert not {"\x9b", "\x85"} & set(ran.err)


def test_a_document_s_words_are_no_markup(stage: Stage, service: Service) -> None:
    pages = [{"page_index": 0, "markdown": "[bold]x[/bold] :warning: [link=http://a]y[/link]"}]
    service.payload = lambda operation, body: json.dumps({"pages": pages}).encode()
    ran = stage.run("parse", "--file-id", "[red]f :smile:", "--wait", terminal=True)
    assert ran.code == 0, ran.err
    assert ":warning:" in ran.out and "[bold]" in ran.out
    assert ":smile:" in stage.run("jobs", "list", terminal=True).out


class Drops(httpx.SyncByteStream):
    """A long body that counts the chunks taken from it."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(1000):
            self.taken += 1
            yield b" " * 65536


def test_error_body_is_read_up_to_a_limit(stage: Stage) -> None:
    drops = Drops()
    transport = httpx.MockTransport(lambda request: httpx.Response(422, stream=drops))
    ran = replace(stage, transport=lambda base_url: transport).run("parse", "--file-id", "f")
    assert (ran.code, drops.taken < 5) == (7, True)


def test_a_formula_in_a_file_s_name_is_text_in_a_table(stage: Stage, service: Service) -> None:
    table = {"cells": [{"row": 0, "col": 0, "text": "a"}, {"row": 1, "col": 0, "text": "b"}]}
    service.payload = lambda operation, body: json.dumps({"tables": [table]}).encode()
    ran = stage.run("tables", "--file-id", "=cmd()", "--file-id", "g", "--wait", "--format", "csv")
    assert ran.code == 0, ran.err
    assert "'=cmd(),b" in ran.out


_IGNORED = """
import os, signal, sys
from docspeed_cli.core.environment import Environment
world = Environment.real()
os.kill(os.getpid(), signal.SIGHUP)
print("goes on", flush=True)
"""


def test_what_the_shell_has_said_to_ignore_is_ignored() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _IGNORED],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None,
    )
    assert (ran.returncode, ran.stdout) == (0, "goes on\n")


def found_by_doctor(stage: Stage, name: str) -> dict[str, object]:
    lines = map(json.loads, stage.run("doctor", "--json").out.splitlines())
    return next(line for line in lines if line["check"] == name)


@pytest.mark.parametrize(
    ("skew", "ok", "said"), [(-7200, False, "2 h behind"), (7200, False, "2 h ahead"), (5, True, "agrees")]
)
def test_doctor_sees_a_clock_that_is_wrong(
    stage: Stage, service: Service, skew: float, ok: bool, said: str
) -> None:
    from email.utils import formatdate

    date = formatdate(stage.clock.now() - skew, usegmt=True)
    service.always(POLL, Reply(404, b'{"detail": "no such job"}', {"Date": date}))
    clock = found_by_doctor(stage, "clock")
    assert (clock["ok"], said in str(clock)) == (ok, True)


def test_doctor_sees_a_ledger_that_can_t_be_kept(stage: Stage, service: Service) -> None:
    (stage.folder / "state").mkdir()
    (stage.folder / "state" / "ledger.db").mkdir()
    ledger = found_by_doctor(stage, "ledger")
    assert (ledger["ok"], "in memory only" in str(ledger)) == (False, True)


@pytest.mark.parametrize(
    ("body", "unrecognised_error"), [(b"<html>nginx</html>", True), (b'{"detail": "no job"}', False)]
)
def test_doctor_sees_a_server_that_is_another(
    stage: Stage, service: Service, body: bytes, unrecognised_error: bool
) -> None:
    service.always(POLL, Reply(404, body))
    said = str(found_by_doctor(stage, "server"))
    assert ("not in the service's format" in said, "accepts the key" in said) == (
        unrecognised_error,
        not unrecognised_error,
    )


def test_doctor_says_where_settings_come_from(stage: Stage, service: Service) -> None:
    ran = stage.run("doctor", "--json", env={"DOCSPEED_TIMEOUT": "5m"})
    assert "timeout from DOCSPEED_TIMEOUT" in ran.out


def test_what_is_drawn_is_no_markup(stage: Stage) -> None:
    screen = Stream(terminal=True)
    env = {"TERM": "xterm-256color", "FORCE_COLOR": "1"}
    output = Output(Environment(env, Stream(), screen, Stream()), Style())
    output.show("[bold]x[/bold] :smile: https://a.example 'quoted' 42")
    assert screen.bytes.getvalue().decode() == "[bold]x[/bold] :smile: https://a.example 'quoted' 42\n"


def test_a_link_in_a_document_is_no_link_of_the_terminal_s(stage: Stage, service: Service) -> None:
    links = "[y](http://a.example) <http://b.example> ![z](http://c.example)"
    text = f"{links}\n\n`\x1b[31mcode`\n\n    \x1b]0;t\x07"
    service.payload = lambda operation, body: json.dumps({"pages": [{"markdown": text}]}).encode()
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert ran.code == 0
    assert "http://b.example" in ran.out
    assert "\x1b]" not in ran.out and "\x1b[31m" not in ran.out and "\x07" not in ran.out


def test_a_row_is_a_row_whatever_is_in_it(stage: Stage) -> None:
    screen = Stream(terminal=True)
    output = Output(Environment({"COLUMNS": "80"}, Stream(), screen, Stream()), Style())
    output.row("a\nb", "c\td", prose="e\nf")
    assert screen.bytes.getvalue() == b"a b  c d  e f\n"


def test_a_workflow_s_annotation_holds_no_escape(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "a\x1b[31mb\u202ec\x9b"}))
    ran = stage.run("parse", "--file-id", "f", env={"GITHUB_ACTIONS": "true"})
    assert not {"\x1b", "\u202e", "\x9b"} & set(ran.err)


def test_what_must_not_be_said_is_said_by_nobody() -> None:
    told = Stream()
    output = Output(Environment({}, Stream(), Stream(), told), Style(), {"secret-key"})
    output.warn("a warning with secret-key")
    output.error(DocspeedError("an error with secret-key", hint="a hint with secret-key"))
    output.progress("progress with secret-key")
    assert b"secret-key" not in told.bytes.getvalue() and told.bytes.getvalue().count(b"\xe2\x80\xa6") == 4


def test_result_too_large_for_a_terminal_is_not_drawn(stage: Stage, service: Service) -> None:
    large = b'{"pages": [{"text": "' + b"x" * (17 << 20) + b'"}]}'
    service.payload = lambda operation, body: large
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert (ran.code, ran.out) == (0, "")
    assert "too large for a terminal" in ran.err and "docspeed jobs result job_1 -o f.parse.json" in ran.err


class Broken(httpx.SyncByteStream):
    """A body during which a signal arrives."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"pages": ["' + b"x" * (1 << 20)
        raise Interrupted(2)


def test_interrupted_download_leaves_no_file(stage: Stage, service: Service) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/result"):
            return httpx.Response(200, stream=Broken())
        reply = service.handle(Call(request.method, request.url.path, dict(request.headers), request.read()))
        return httpx.Response(reply.status, content=reply.body)

    out = stage.folder / "out"
    out.mkdir()
    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "parse", "--file-id", "f", "--wait", "-o", str(out / "r.json")
    )
    assert (ran.code, list(out.iterdir())) == (130, [])
