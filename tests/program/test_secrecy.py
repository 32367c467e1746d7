"""The key is in the `Authorization` header and nowhere else: no output, no file, no URL, no body."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service import KEY, POLL, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage

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
    "upload": ("upload", "{file}", "--verbose"),
    "status": ("auth", "status"),
    "status as json": ("auth", "status", "--json"),
    "list": ("jobs", "list", "--json"),
    "usage": ("parse", "{file}", "--nonsense", "--verbose"),
    "limit": ("parse", "{file}", "--wait", "--timeout", "0", "--verbose"),
}


def written(folder: Path) -> list[Path]:
    """The files below the folder that hold the key."""
    return [path for path in folder.rglob("*") if path.is_file() and MARK in path.read_bytes()]


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", RUNS)
def test_the_key_is_nowhere(stage: Stage, service: Service, name: str, terminal: bool) -> None:
    file = stage.document("a.pdf")
    argv = [part.format(file=file, folder=stage.folder) for part in RUNS[name]]
    ran = stage.run(*argv, terminal=terminal, env={"DOCSPEED_DEBUG": "1"})
    assert MARK not in ran.raw and KEY not in ran.err
    assert written(stage.folder) == []
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
def test_the_key_is_in_no_error(stage: Stage, service: Service, kind: str, reply: Reply) -> None:
    service.then(kind, *[reply] * 10)
    argv = ("parse", stage.document("a.pdf"), "--wait", "--verbose", "--timeout", "60")
    for flags in ((), ("--json",)):
        ran = stage.run(*argv, *flags, env={"DOCSPEED_DEBUG": "1"})
        assert KEY not in ran.out + ran.err
    assert written(stage.folder) == []


def test_a_server_that_repeats_the_key_does_not_get_it_printed(stage: Stage, service: Service) -> None:
    said = f"the header 'Bearer {KEY}' is not valid"
    service.then(SUBMIT, Reply.of(400, {"detail": {"code": "bad", "message": said, "details": said}}))
    ran = stage.run("parse", "--file-id", "f", "--json")
    assert ran.code == 7
    assert KEY not in ran.out + ran.err


def test_a_crash_does_not_print_it(stage: Stage, service: Service) -> None:
    def crash(operation: str, body: object) -> bytes:
        raise RuntimeError("a fault in the transport")

    service.payload = crash
    ran = stage.run("parse", "--file-id", "f", "--wait", env={"DOCSPEED_DEBUG": "1"})
    assert ran.code == 1
    assert KEY not in ran.out + ran.err


def test_a_key_that_no_header_can_hold_is_not_repeated(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": f"{KEY}\nX: 1"})
    assert ran.code == 4
    assert KEY not in ran.out + ran.err
    assert service.calls == []
