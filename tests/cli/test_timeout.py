"""An answer that drips without end is given up, and no look takes longer than the wait that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from tests.fake_service import KEY, Call, Service
from tests.stage import Clock, Ran, Stage


class Drip(httpx.SyncByteStream):
    """A body of which one byte comes each second."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        for _ in range(10_000):
            self.clock.time += 1.0
            yield b" "


def parse_with(
    stage: Stage,
    service: Service,
    ending: str,
    answer: Callable[[httpx.Request], httpx.Response],
    *flags: str,
) -> Ran:
    """Run `parse --wait` where requests for paths that end so get this answer."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(ending):
            return answer(request)
        headers = {"authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, request.url.path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    scripted = replace(stage, transport=lambda base_url: httpx.MockTransport(handler))
    return scripted.run("parse", "--file-id", "f", "--wait", *flags)


@pytest.mark.parametrize(("ending", "state"), [("/result", "done"), ("/parse", "unknown")])
def test_answer_that_drips_is_given_up(stage: Stage, service: Service, ending: str, state: str) -> None:
    ran = parse_with(stage, service, ending, lambda request: httpx.Response(200, stream=Drip(stage.clock)))
    assert (ran.code, ran.out) == (9, "")
    assert "too slowly" in ran.err
    assert stage.states() == [state]


def test_error_whose_body_drips_is_reported_without_it(stage: Stage, service: Service) -> None:
    ran = parse_with(stage, service, "/parse", lambda request: httpx.Response(500, stream=Drip(stage.clock)))
    assert (ran.code, "the server failed (500)" in ran.err) == (9, True)
    assert stage.clock.time < 120
    assert stage.states() == ["unknown"]


def test_look_at_a_silent_server_ends_with_the_timeout(stage: Stage, service: Service) -> None:
    """A server that hangs in the middle of a wait of three seconds does not get a minute."""
    given: list[float] = []

    def hang(request: httpx.Request) -> httpx.Response:
        seconds = request.extensions["timeout"]["read"]
        given.append(seconds)
        stage.clock.time += seconds
        raise httpx.ReadTimeout("hangs", request=request)

    ran = parse_with(stage, service, "/jobs/job_1", hang, "--timeout", "3")
    assert ran.code == 8
    assert sum(given) <= 3.0
    assert "is still queued after 3 s" in ran.err


def test_look_with_a_dripping_answer_ends_with_the_timeout(stage: Stage, service: Service) -> None:
    ran = parse_with(
        stage,
        service,
        "/jobs/job_1",
        lambda request: httpx.Response(200, stream=Drip(stage.clock)),
        "--timeout",
        "5",
    )
    assert ran.code == 8
    assert stage.clock.time <= 8


def test_retry_after_beyond_the_timeout_does_not_prolong_the_wait(stage: Stage, service: Service) -> None:
    ran = parse_with(
        stage,
        service,
        "/jobs/job_1",
        lambda request: httpx.Response(429, headers={"Retry-After": "100"}),
        "--timeout",
        "30",
    )
    assert (ran.code, stage.clock.time) == (8, 30.0)
    assert "is still queued after 30 s" in ran.err and "rate limit" in ran.err
