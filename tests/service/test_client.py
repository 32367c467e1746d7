"""The client retries what is safe to retry, within its deadline, and follows redirects within the server."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, DocspeedError, OutcomeUnknown, Unavailable
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.service.client import Client
from docspeed_cli.service.exchange import Exchange
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.retry import MAX_TRIES
from tests.stage import START, Clock, Stream

URL = "https://docs.example"
KEY = "a-key-of-some-length"


class Service:
    """A client over scripted answers; the last one is repeated."""

    def __init__(self, *answers: httpx.Response | Exception, **settings: Any) -> None:
        self.clock = Clock()
        self.requests: list[httpx.Request] = []
        self.exchanges: list[Exchange] = []
        self._answers = list(answers)
        environment = Environment(
            {},
            Stream(),
            Stream(),
            Stream(),
            Interrupts(),
            monotonic=self.clock.monotonic,
            sleep=self.clock.sleep,
            now=self.clock.now,
            random=lambda: 0.5,
            transport=lambda base_url: httpx.MockTransport(self._answer),
        )
        limiter = RateLimiter(self.clock.monotonic)
        url = settings.pop("base_url", URL)
        self.client = Client(url, KEY, environment, limiter, on_exchange=self.exchanges.append, **settings)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def submit(client: Client) -> object:
    return client.submit("POST", "/v1/extract", '{"input":"x"}', "token")


def read(client: Client) -> object:
    return client.get("/v1/jobs/job_1/result")


RESET = httpx.ReadError("Connection reset by peer")
OK = httpx.Response(200, json={"job_id": "job_1", "status": "queued"})


@pytest.mark.parametrize("call", [submit, read])
@pytest.mark.parametrize("trouble", [httpx.Response(429), httpx.Response(503), httpx.ConnectError("refused")])
def test_retry_after_a_failure_before_the_server_took_anything(
    call: Callable[[Client], object], trouble: httpx.Response | Exception
) -> None:
    service = Service(trouble, trouble, OK)
    call(service.client)
    assert len(service.requests) == 3


AFTER_CONNECTING = [
    httpx.WriteError("Broken pipe"),
    httpx.WriteTimeout("timed out"),
    RESET,
    httpx.ReadTimeout("timed out"),
    httpx.CloseError("Connection reset by peer"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.DecodingError("incorrect header check"),
    ConnectionResetError("Connection reset by peer"),
]
"""What breaks an exchange once there is a connection: part of the request may have arrived."""


@pytest.mark.parametrize(
    "trouble", [*AFTER_CONNECTING, httpx.Response(500), httpx.Response(200, content=b"<html>")], ids=repr
)
def test_submission_is_not_retried_once_the_server_may_have_taken_it(
    trouble: httpx.Response | Exception,
) -> None:
    service = Service(trouble)
    with pytest.raises(OutcomeUnknown):
        submit(service.client)
    assert len(service.requests) == 1
    reading = Service(trouble, OK)
    read(reading.client)
    assert len(reading.requests) == 2


def test_retries_of_a_submission_carry_one_idempotency_key() -> None:
    service = Service(httpx.Response(503), OK)
    submit(service.client)
    assert [request.headers["idempotency-key"] for request in service.requests] == ["token", "token"]


def test_retries_end_after_six_tries_with_a_hint() -> None:
    service = Service(httpx.Response(503, json={"detail": "busy"}))
    with pytest.raises(Unavailable, match="busy") as caught:
        read(service.client)
    assert len(service.requests) == MAX_TRIES
    assert caught.value.retryable and "docspeed doctor" in str(caught.value.hint)


def test_retries_end_at_the_deadline() -> None:
    service = Service(httpx.Response(503))
    with pytest.raises(Unavailable):
        service.client.get("/v1/jobs/job_1/result", deadline=2.0)
    assert len(service.requests) == 3
    assert service.clock.time <= 2.0


def test_rate_limit_is_retried_beyond_six_tries_if_asked_for() -> None:
    answers = [httpx.Response(429)] * (MAX_TRIES + 3)
    service = Service(*answers, OK, retry_rate_limits=True)
    submit(service.client)
    assert len(service.requests) == MAX_TRIES + 4
    with pytest.raises(Unavailable, match="rate limit"):
        submit(Service(*answers, OK).client)


@pytest.mark.parametrize(("asked", "said"), [("600", "600 s"), ("86400", "3600 s or more")])
def test_retry_after_longer_than_two_minutes_is_reported_at_once(asked: str, said: str) -> None:
    service = Service(httpx.Response(429, headers={"Retry-After": asked}))
    with pytest.raises(Unavailable) as caught:
        submit(service.client)
    assert (len(service.requests), caught.value.retry_after) == (1, min(float(asked), 3600.0))
    assert caught.value.message.endswith(f"asks to wait {said}")


@pytest.mark.parametrize("skew", [-86400, -600, 0, 600, 86400])
def test_retry_after_date_is_measured_by_the_clock_of_the_answer(skew: int) -> None:
    now = START + skew
    dates = {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(now + 40, usegmt=True)}
    service = Service(httpx.Response(429, headers=dates), OK)
    submit(service.client)
    assert sum(service.clock.slept) == 40.0


@pytest.mark.parametrize("date", [None, "", "soon", "Fri, 99 Foo 2026", "0"])
def test_retry_after_date_is_measured_by_our_clock_if_the_answer_has_none(date: str | None) -> None:
    headers = {"Retry-After": formatdate(START + 40, usegmt=True), **({} if date is None else {"Date": date})}
    service = Service(httpx.Response(503, headers=headers), OK)
    submit(service.client)
    assert sum(service.clock.slept) == 40.0


def test_get_asks_caches_for_a_new_answer_and_a_submission_does_not() -> None:
    service = Service(OK)
    submit(service.client)
    service.client.look("job_1")
    service.client.look("job_1", retry=True)
    service.client.result("job_1")
    service.client.get("/v1/jobs")
    asked = [request.headers.get("cache-control") for request in service.requests]
    assert asked == [None, "no-cache", "no-cache", "no-cache", "no-cache"]


@pytest.mark.parametrize(
    ("base_url", "status", "body", "root"),
    [
        ("https://docs.example/v1", 404, b"<html>nope</html>", "https://docs.example"),
        ("https://docs.example/api/v1", 404, b"", "https://docs.example"),
        ("https://docs.example:8443/api", 404, b"Not Found", "https://docs.example:8443"),
        ("https://docs.example/v1", 405, b'{"detail": "Method Not Allowed"}', "https://docs.example"),
        ("https://docs.example/v1", 404, b'{"detail": "Not Found"}', "https://docs.example"),
        ("https://gateway.example/docs", 404, b'{"detail": "unknown file"}', None),
        ("https://docs.example", 404, b"", None),
        ("https://docs.example/v1", 400, b"", None),
    ],
)
def test_not_found_behind_a_base_url_with_a_path_names_the_path(
    base_url: str, status: int, body: bytes, root: str | None
) -> None:
    service = Service(httpx.Response(status, content=body), base_url=base_url)
    with pytest.raises(DocspeedError) as caught:
        submit(service.client)
    hint = str(caught.value.hint)
    assert f"try `--base-url {root}`" in hint if root else "base URL" not in hint


@pytest.mark.parametrize(
    ("deadline", "seconds"), [(None, 60.0), (30.0, 30.0), (90.0, 60.0), (0.2, 1.0), (-5.0, 1.0)]
)
def test_look_is_not_retried_and_has_the_nearer_deadline(deadline: float | None, seconds: float) -> None:
    service = Service(httpx.Response(503))
    with pytest.raises(Unavailable):
        service.client.look("job_1", deadline)
    (request,) = service.requests
    assert request.extensions["timeout"]["read"] == seconds
    assert request.extensions["deadline"] == (None if deadline is None else max(deadline, 1.0))


def test_redirect_within_the_server_is_followed_for_get_only() -> None:
    moved = httpx.Response(307, headers={"Location": "/elsewhere"})
    service = Service(moved, OK)
    read(service.client)
    assert [request.url.path for request in service.requests] == ["/v1/jobs/job_1/result", "/elsewhere"]
    with pytest.raises(Unavailable, match="another address"):
        submit(Service(moved, OK).client)


def test_redirect_to_another_server_does_not_send_the_key() -> None:
    service = Service(httpx.Response(302, headers={"Location": f"https://other.example/?k={KEY}"}))
    with pytest.raises(Unavailable, match="redirects to another address") as caught:
        read(service.client)
    assert [request.url.host for request in service.requests] == ["docs.example"]
    assert KEY not in caught.value.message


def test_exchange_is_reported_with_status_or_exception_name() -> None:
    service = Service(
        RESET,
        httpx.Response(302, headers={"Location": "/x"}),
        httpx.Response(401, headers={"X-Request-Id": "r1"}),
    )
    with pytest.raises(AuthError) as caught:
        read(service.client)
    assert caught.value.request_id == "r1"
    assert [(each.status, each.request_id) for each in service.exchanges] == [
        ("ReadError", None),
        ("401", "r1"),
    ]


@pytest.mark.parametrize(
    ("answer", "error", "unrecognised"),
    [
        (httpx.Response(404, json={"detail": "no such job"}), None, False),
        (httpx.Response(404, content=b"<html>nginx</html>"), None, True),
        (httpx.Response(401, json={"detail": "bad key"}), AuthError, False),
        (RESET, Unavailable, False),
    ],
)
def test_probe_tells_the_service_from_another_server(
    answer: httpx.Response | Exception, error: type[DocspeedError] | None, unrecognised: bool
) -> None:
    probe = Service(answer).client.probe()
    assert (type(probe.error) if probe.error else None) == error
    assert probe.unrecognised_error == unrecognised
