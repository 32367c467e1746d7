"""A large result reaches a pipe or a file whole, or not at all, however often its download is cut."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from docspeed_cli.service.body import IN_MEMORY
from tests.fake_service import KEY, Call, Service
from tests.stage import Ran, Stage

RESULT = json.dumps({"pages": [{"text": "0123456789" * (IN_MEMORY // 5)}]}).encode()


class Cut(httpx.SyncByteStream):
    """A response body whose connection breaks after `after` bytes."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self.after, 65536):
            yield RESULT[start : min(start + 65536, self.after)]
        raise httpx.RemoteProtocolError("peer closed connection")


def run_with_results(stage: Stage, service: Service, answers: Sequence[httpx.Response], *flags: str) -> Ran:
    """Run `parse --wait` with these responses to requests for the result; the last one is repeated."""
    left = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/result"):
            return left.pop(0) if len(left) > 1 else left[0]
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, request.url.path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    scripted = replace(stage, transport=lambda base_url: httpx.MockTransport(handler))
    return scripted.run("parse", "--file-id", "f", "--wait", *flags)


def cut(after: int = len(RESULT) - 1) -> httpx.Response:
    return httpx.Response(200, stream=Cut(after))


def whole() -> httpx.Response:
    return httpx.Response(200, content=RESULT)


def test_result_cut_then_whole_is_printed_once(stage: Stage, service: Service) -> None:
    ran = run_with_results(stage, service, [cut(), cut(5), cut(IN_MEMORY + 1), whole()])
    assert (ran.code, ran.raw) == (0, RESULT + b"\n"), ran.err


@pytest.mark.parametrize("after", [0, 1000, len(RESULT) - 1])
@pytest.mark.parametrize("flags", [(), ("--json",), ("--format", "text")])
def test_result_always_cut_prints_nothing(
    stage: Stage, service: Service, after: int, flags: tuple[str, ...]
) -> None:
    ran = run_with_results(stage, service, [cut(after) for _ in range(10)], *flags)
    assert (ran.code, ran.raw) == (9, b"")
    assert list((stage.folder / "state").rglob("*.part")) == []
    assert not (stage.folder / "state" / "kept").exists()
    if flags == ("--json",):
        assert json.loads(ran.err.splitlines()[-1])["error"]["code"] == "unavailable"


def test_result_cut_leaves_output_file_whole_or_absent(stage: Stage, service: Service) -> None:
    path = stage.folder / "out.json"
    ran = run_with_results(stage, service, [cut() for _ in range(10)], "-o", str(path))
    assert (ran.code, ran.out) == (9, "")
    assert list(stage.folder.glob("*.part")) == [] and not path.exists()
    ran = run_with_results(stage, service, [cut(), whole()], "-o", str(path))
    assert (ran.code, path.read_bytes()) == (0, RESULT + b"\n")


def test_result_too_long_for_a_terminal_shows_its_beginning(stage: Stage, service: Service) -> None:
    content = json.dumps({"pages": ["é" * 80] * 100_000}, ensure_ascii=False).encode()
    service.payload = lambda operation, body: content
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", terminal=True)
    assert ran.code == 0
    assert ran.out.startswith('{\n  "pages": [\n    "é')
    assert 4_000_000 < len(ran.raw) < 6_000_000
    assert "-o FILE" in ran.err


def test_result_large_is_complete_in_pipe_and_file(stage: Stage, service: Service, tmp_path: Path) -> None:
    payload = json.dumps({"pages": [{"text": "x" * 900_000}]}).encode()
    service.payload = lambda operation, body: payload
    assert stage.run("parse", "--file-id", "f", "--wait").raw == payload + b"\n"
    assert stage.run("parse", "--file-id", "f", "--wait", "-o", str(tmp_path / "r.json")).code == 0
    assert (tmp_path / "r.json").read_bytes() == payload + b"\n"


def test_result_too_large_for_a_terminal_is_not_drawn(stage: Stage, service: Service) -> None:
    large = b'{"pages": [{"text": "' + b"x" * (17 << 20) + b'"}]}'
    service.payload = lambda operation, body: large
    ran = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert (ran.code, ran.out) == (0, "")
    assert "too large for a terminal" in ran.err and "docspeed jobs result job_1 -o f.parse.json" in ran.err
