"""An answer that drips for ever is given up: each byte comes in time, the whole never does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from tests.fake_service import KEY, Call, Service
from tests.stage import Clock, Stage


class Drip(httpx.SyncByteStream):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        for _ in range(10_000):
            self.clock.time += 1.0
            yield b" "


@pytest.mark.parametrize(("ending", "state"), [("/result", "done"), ("/parse", "unknown")])
def test_a_drip_is_given_up(stage: Stage, service: Service, ending: str, state: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith(ending):
            return httpx.Response(200, stream=Drip(stage.clock))
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "parse", "--file-id", "f", "--wait"
    )
    assert (ran.code, ran.out) == (9, "")
    assert "too slowly" in ran.err
    assert [row["state"] for row in stage.rows()] == [state]


def test_an_error_whose_body_drips_is_told_without_it(stage: Stage) -> None:
    drip = Drip(stage.clock)
    transport = httpx.MockTransport(lambda request: httpx.Response(500, stream=drip))
    ran = replace(stage, transport=lambda base_url: transport).run("parse", "--file-id", "f")
    assert (ran.code, "the server failed (500)" in ran.err) == (9, True)
    assert stage.clock.time < 120
    assert stage.states() == ["unknown"]


def test_a_look_takes_no_longer_than_the_wait(stage: Stage, service: Service) -> None:
    """A server that hangs in the middle of a wait of three seconds is not given a minute."""
    given: list[float] = []

    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith("/v1/jobs"):
            seconds = request.extensions["timeout"]["read"]
            given.append(seconds)
            stage.clock.time += seconds
            raise httpx.ReadTimeout("hangs", request=request)
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "parse", "--file-id", "f", "--wait", "--timeout", "3"
    )
    assert ran.code == 8
    assert sum(given) <= 3.0
    assert "is still queued after 3 s" in ran.err


def test_a_server_that_wants_less_holds_nobody_beyond_the_wait(stage: Stage, service: Service) -> None:
    """The rate limit's hold of 100 seconds is not sat out by who waits for 30."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/jobs"):
            return httpx.Response(429, headers={"Retry-After": "100"})
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, request.url.path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "parse", "--file-id", "f", "--wait", "--timeout", "30"
    )
    assert (ran.code, stage.clock.time) == (8, 30.0)
    assert "is still queued after 30 s" in ran.err and "rate limit" in ran.err


def test_a_look_whose_answer_drips_takes_no_longer_than_the_wait(stage: Stage, service: Service) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/v1/jobs"):
            return httpx.Response(200, stream=Drip(stage.clock))
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, request.url.path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "parse", "--file-id", "f", "--wait", "--timeout", "5"
    )
    assert ran.code == 8
    assert stage.clock.time <= 8
