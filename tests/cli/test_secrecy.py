"""The key is in the `Authorization` header and nowhere else: no output, no file, no URL, no body."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.groups import Entry
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Style
from tests.fake_service import KEY, POLL, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage, Stream, lines

MARK = KEY.encode()

RUNS: dict[str, tuple[str, ...]] = {
    "verbose": ("parse", "{file}", "--wait", "--verbose"),
    "json": ("parse", "{file}", "--wait", "--verbose", "--json"),
    "dry run": ("parse", "{file}", "--dry-run"),
    "curl": ("parse", "{file}", "--dry-run", "--format", "curl"),
    "curl of a stored file": ("parse", "--file-id", "f", "--dry-run", "--format", "curl"),
    "to a file": ("parse", "{file}", "--wait", "-o", "{folder}/result.json"),
    "many": ("parse", "{file}", "--file-id", "f", "--wait", "-o", "{folder}/out", "--verbose"),
    "sync": ("parse", "{file}", "--sync", "--verbose"),
    "extract": ("extract", "{file}", "--schema", "{schema}", "--wait", "--verbose"),
    "split": ("split", "{file}", "--wait", "--verbose"),
    "tables": ("tables", "{file}", "--wait", "--format", "csv", "--verbose"),
    "schema": ("schema", "{file}", "--wait", "--verbose"),
    "chat": ("chat", "how much?", "{file}", "--verbose"),
    "upload": ("upload", "{file}", "--verbose"),
    "job": ("jobs", "status", "@last", "--verbose"),
    "unknown job": ("jobs", "status", "job_x", "--verbose", "--json"),
    "wait": ("jobs", "wait", "@last", "--verbose"),
    "result": ("jobs", "result", "@last", "--verbose"),
    "list": ("jobs", "list", "--json"),
    "watch": ("jobs", "watch", "--verbose"),
    "forget": ("jobs", "forget", "@last", "--verbose"),
    "api": ("api", "GET", "/v1/jobs/job_1", "--verbose"),
    "api as curl": ("api", "POST", "/v1/ocr", "--set", "a=1", "--dry-run", "--format", "curl"),
    "login": ("auth", "login", "--verbose"),
    "auth status": ("auth", "status"),
    "auth status as json": ("auth", "status", "--json"),
    "logout": ("auth", "logout", "--verbose"),
    "config": ("config", "show"),
    "config as json": ("config", "show", "--json"),
    "config path": ("config", "path"),
    "config get": ("config", "get", "base_url"),
    "config set": ("config", "set", "wait", "-"),
    "config unset": ("config", "unset", "wait"),
    "runs list": ("runs", "list", "--verbose"),
    "runs show": ("runs", "show", "--verbose"),
    "check": ("check", "@last", "--rules", "nowhere.toml", "--verbose"),
    "diff": ("diff", "{file}", "{file}", "--verbose"),
    "view": ("view", "@last", "--verbose"),
    "review": ("review", "{folder}/nowhere", "--verbose"),
    "crop": ("crop", "@last", "--field", "total", "--verbose"),
    "ledger status": ("ledger", "status", "--verbose"),
    "ledger migrate": ("ledger", "migrate", "--verbose"),
    "ledger import": ("ledger", "import", "--verbose"),
    "doctor": ("doctor", "--verbose"),
    "doctor as json": ("doctor", "--json"),
    "help": ("help", "environment"),
    "completion": ("completion", "bash"),
    "usage": ("parse", "{file}", "--nonsense", "--verbose"),
    "limit": ("parse", "{file}", "--wait", "--timeout", "0", "--verbose"),
    "sandbox serve": ("sandbox", "serve", "--port", "99999"),
    "sandbox reset": ("sandbox", "reset"),
    "in the sandbox": ("parse", "{file}", "--wait", "--sandbox", "--verbose"),
}


def commands(entries: Sequence[Entry], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command."""
    for entry in entries:
        if entry.entries:
            yield from commands(entry.entries, (*before, entry.name))
        else:
            yield (*before, entry.name)


def test_secrecy_runs_cover_every_command() -> None:
    tried = set(RUNS.values())
    assert [name for name in commands(COMMANDS) if not any(name == argv[: len(name)] for argv in tried)] == []


def written(folder: Path) -> list[Path]:
    """Return the files below the folder that contain the key."""
    return [path for path in folder.rglob("*") if path.is_file() and MARK in path.read_bytes()]


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_key_is_sent_in_the_header_only(stage: Stage, service: Service, name: str, terminal: bool) -> None:
    file, schema = stage.document("a.pdf"), stage.folder / "schema.json"
    schema.write_text('{"doc_class": "invoice", "fields": [{"key": "total", "type": "string"}]}')
    stage.run("parse", "--file-id", "job")
    argv = [part.format(file=file, folder=stage.folder, schema=schema) for part in RUNS[name]]
    ran = stage.run(*argv, terminal=terminal, stdin=MARK + b"\n", env={"DOCSPEED_DEBUG": "1"})
    assert MARK not in ran.raw and KEY not in ran.err
    kept = [stage.folder / "config" / "credentials.json"] if name == "login" else []
    assert written(stage.folder) == kept
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    for call in service.calls:
        assert KEY not in call.path
        assert MARK not in call.body
        assert [name for name, value in call.headers.items() if KEY in value] == ["authorization"]


@pytest.mark.parametrize("kind", [UPLOAD, SUBMIT, POLL])
@pytest.mark.parametrize(
    "reply",
    [
        Reply.of(401, {"detail": "Missing bearer token"}),
        Reply.of(500, {"detail": "boom"}),
        Reply(200, b"<html>"),
        Reply(fault="reset_after"),
        Reply(307, b"", {"Location": "https://elsewhere.example/"}),
    ],
    ids=["401", "500", "html", "reset", "redirect"],
)
def test_key_is_absent_from_errors(stage: Stage, service: Service, kind: str, reply: Reply) -> None:
    service.then(kind, *[reply] * 10)
    argv = ("parse", stage.document("a.pdf"), "--wait", "--verbose", "--timeout", "60")
    for flags in ((), ("--json",)):
        ran = stage.run(*argv, *flags, env={"DOCSPEED_DEBUG": "1"})
        assert KEY not in ran.out + ran.err
    assert written(stage.folder) == []


def test_key_repeated_by_server_is_redacted_in_error(stage: Stage, service: Service) -> None:
    message = f"the header 'Bearer {KEY}' is not valid"
    service.then(SUBMIT, Reply.of(400, {"detail": {"code": "bad", "message": message, "details": message}}))
    ran = stage.run("parse", "--file-id", "f", "--json")
    assert ran.code == 7
    assert KEY not in ran.out + ran.err


REPEATED = {"code": KEY, "message": f"Bearer {KEY}", "details": {"got": KEY}}
ECHOES = {
    "a refusal": (SUBMIT, Reply.of(422, {"detail": REPEATED})),
    "a failure": (SUBMIT, Reply.of(500, {"detail": f"Bearer {KEY}"})),
    "no credits": (SUBMIT, Reply.of(402, {"detail": REPEATED})),
    "a status": (SUBMIT, Reply.of(202, {"job_id": "job_1", "status": f"for {KEY}"})),
    "a look": (POLL, Reply.of(200, {"status": f"for {KEY}"})),
    "a failed job": (POLL, Reply.of(200, {"status": "failed", "error": REPEATED})),
    "a redirect": (POLL, Reply(302, b"", {"Location": f"https://elsewhere.example/?key={KEY}"})),
}


@pytest.mark.parametrize("flags", [(), ("--json",), ("--file-id", "g")], ids=["one", "json", "many"])
@pytest.mark.parametrize("echo", ECHOES)
def test_key_repeated_by_server_is_not_stored(
    stage: Stage, service: Service, echo: str, flags: tuple[str, ...]
) -> None:
    service.then(*ECHOES[echo]) if echo in ("a status",) else service.always(*ECHOES[echo])
    for _ in range(2):
        ran = stage.run("parse", "--file-id", "f", "--wait", "--verbose", "--timeout", "9", *flags)
        assert KEY not in ran.out + ran.err
        for command in (
            ("jobs", "list"),
            ("jobs", "status", "@last"),
            ("jobs", "result", "@last"),
            ("doctor",),
        ):
            shown = stage.run(*command)
            assert KEY not in shown.out + shown.err, command
    assert written(stage.folder) == []


@pytest.mark.parametrize("status", [401, 403, 500, 503, 302])
def test_auth_login_key_repeated_by_server_is_redacted(stage: Stage, service: Service, status: int) -> None:
    key = "ds_another_marked_key"
    reply = Reply(
        status, f'{{"detail": {{"code": "{key}", "message": "{key}"}}}}'.encode(), {"Location": f"//x/{key}"}
    )
    service.always(POLL, reply)
    for flags in ((), ("--json",)):
        ran = stage.run("auth", "login", *flags, stdin=key.encode())
        assert key not in ran.out + ran.err


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("flags", [(), ("--json",), ("--file-id", "g")], ids=["one", "json", "many"])
def test_key_in_unexpected_exception_is_redacted(
    stage: Stage, service: Service, flags: tuple[str, ...], debug: str
) -> None:
    def crash(operation: str, body: object) -> bytes:
        raise RuntimeError(f"a fault in the transport: Bearer {KEY}")

    service.payload = crash
    ran = stage.run("parse", "--file-id", "f", "--wait", *flags, env={"DOCSPEED_DEBUG": debug})
    assert (ran.code, "DOCSPEED_DEBUG=1" in ran.err, "Traceback" in ran.err) == (
        1,
        debug == "0",
        debug == "1",
    )
    assert "RuntimeError: a fault in the transport" in ran.err
    assert KEY not in ran.out + ran.err
    assert written(stage.folder) == []


def test_key_unfit_for_a_header_is_not_printed(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": f"{KEY}\nX: 1"})
    assert ran.code == 4
    assert KEY not in ran.out + ran.err
    assert service.calls == []


def test_key_is_redacted_from_warnings_errors_and_progress() -> None:
    stderr = Stream()
    output = Output(Environment({}, Stream(), Stream(), stderr, Interrupts()), Style(), {"secret-key"})
    output.warn("a warning with secret-key")
    output.error(DocspeedError("an error with secret-key", hint="a hint with secret-key"))
    output.progress("progress with secret-key")
    assert (
        b"secret-key" not in stderr.bytes.getvalue() and stderr.bytes.getvalue().count(b"\xe2\x80\xa6") == 4
    )


def test_key_of_one_letter_is_not_redacted(stage: Stage) -> None:
    ran = stage.run("jobs", "result", "nope", "--json", env={"DOCSPEED_API_KEY": "n"})
    assert json.loads(lines(ran.err)[-1])["error"]["hint"] == (
        "fix DOCSPEED_API_KEY; or unset it, then `docspeed auth login`"
    )


def test_redirect_to_plain_http_on_the_same_host_is_refused(stage: Stage) -> None:
    schemes: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        schemes.append(request.url.scheme)
        return httpx.Response(302, headers={"Location": str(request.url.copy_with(scheme="http", port=8443))})

    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "jobs", "status", "job_1", "--base-url", "https://docs.example:8443"
    )
    assert (ran.code, set(schemes)) == (9, {"https"})
    assert "redirects to another address" in ran.err


@pytest.mark.parametrize("path", ["https://elsewhere.example/v1/x", "//elsewhere.example/v1/x"])
def test_api_path_with_a_host_is_a_usage_error(stage: Stage, service: Service, path: str) -> None:
    assert (stage.run("api", "GET", path).code, service.calls) == (2, [])
