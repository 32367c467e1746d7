"""A large result in a pipe: passed on as it comes, gone on with after a cut, and told where it stays cut."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import httpx
import pytest

from docspeed_cli.service.outlet import HELD_BACK
from tests.fake_service import KEY, Call, Service
from tests.stage import Ran, Stage

RESULT = json.dumps({"pages": [{"text": "0123456789" * (HELD_BACK // 5)}]}).encode()
AFTER = HELD_BACK + 1_000_000


class Cut(httpx.SyncByteStream):
    """A body that breaks off after so many bytes."""

    def __init__(self, content: bytes, after: int) -> None:
        self.content = io.BytesIO(content[:after])

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.content.read(65536):
            yield chunk
        raise httpx.RemoteProtocolError("peer closed connection")


def fetched(stage: Stage, service: Service, answers: Sequence[httpx.Response], *flags: str) -> Ran:
    """`parse --wait` where the result's answers are these, the last one again and again."""
    left = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/result"):
            return left.pop(0) if len(left) > 1 else left[0]
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, request.url.path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    with_it = replace(stage, transport=lambda base_url: httpx.MockTransport(handler))
    return with_it.run("parse", "--file-id", "f", "--wait", *flags)


def cut(after: int = AFTER, content: bytes = RESULT) -> httpx.Response:
    return httpx.Response(200, stream=Cut(content, after))


def whole(content: bytes = RESULT) -> httpx.Response:
    return httpx.Response(200, content=content)


def test_a_cut_answer_is_gone_on_with(stage: Stage, service: Service) -> None:
    ran = fetched(stage, service, [cut(), cut(AFTER - 5), cut(AFTER + 200_000), whole()])
    assert (ran.code, ran.raw) == (0, RESULT + b"\n"), ran.err


@pytest.mark.parametrize("after", [0, 1000, HELD_BACK])
def test_a_result_that_never_comes_leaves_nothing(stage: Stage, service: Service, after: int) -> None:
    ran = fetched(stage, service, [cut(after) for _ in range(10)])
    assert (ran.code, ran.raw) == (9, b"")
    assert "cut short" not in ran.err


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_what_stays_cut_is_told(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    ran = fetched(stage, service, [cut() for _ in range(10)], *flags)
    assert (ran.code, ran.raw) == (9, RESULT[:AFTER])
    assert "what was written to standard output is cut short" in ran.err
    if flags:
        (line,) = ran.err.splitlines()
        assert json.loads(line)["error"]["code"] == "unavailable"


def test_another_result_after_a_cut_is_refused(stage: Stage, service: Service) -> None:
    ran = fetched(stage, service, [cut(), whole(RESULT.replace(b"9", b"8"))])
    assert (ran.code, ran.raw) == (9, RESULT[:AFTER])
    assert "another one" in ran.err and "cut short" in ran.err


def test_a_file_is_whole_or_absent(stage: Stage, service: Service) -> None:
    path = stage.folder / "out.json"
    ran = fetched(stage, service, [cut() for _ in range(10)], "-o", str(path))
    assert (ran.code, ran.out) == (9, "")
    assert list(stage.folder.glob("*.part")) == [] and not path.exists()
    ran = fetched(stage, service, [cut(), whole()], "-o", str(path))
    assert (ran.code, path.read_bytes()) == (0, RESULT + b"\n")


def test_what_is_read_first_is_not_passed_on(stage: Stage, service: Service) -> None:
    ran = fetched(stage, service, [cut() for _ in range(10)], "--format", "text")
    assert (ran.code, ran.out) == (9, "")
    assert "cut short" not in ran.err


def test_a_terminal_is_given_the_beginning(stage: Stage, service: Service) -> None:
    content = json.dumps({"pages": ["é" * 80] * 100_000}, ensure_ascii=False).encode()
    service.payload = lambda operation, body: content
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", terminal=True)
    assert ran.code == 0
    assert ran.out.startswith('{\n  "pages": [\n    "é')
    assert 4_000_000 < len(ran.raw) < 6_000_000
    assert "this is its beginning; -o FILE writes all of it" in ran.err
