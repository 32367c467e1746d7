"""One HTTP exchange with any server, within a deadline; a broken exchange is a DocspeedError."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, Unavailable
from docspeed_cli.core.urls import is_url, shown_url
from docspeed_cli.service.backoff import http_date, retry_after
from docspeed_cli.service.exchange_errors import broken_exchange, out_of_time, unusable_answer
from docspeed_cli.service.routes import Route
from docspeed_cli.service.unpack import unpacked

if TYPE_CHECKING:
    import httpx

POST_TIMEOUT = 300.0
GET_TIMEOUT = 60.0
"""Seconds of silence after which we give up; the vendor's examples use the same."""

CONNECT_TIMEOUT = 15.0
"""Seconds that opening a connection may take."""

MIN_SPEED = 1000.0
"""Bytes per second below which we give up on an answer after its first minute."""

_MAX_REDIRECTS = 5
_MAX_REQUEST_ID = 200
_REQUEST_IDS = (b"x-request-id", b"request-id", b"x-amzn-requestid", b"cf-ray")


class Call(NamedTuple):
    """One HTTP request, and the limits on its answer."""

    method: str
    path: str
    """Path on the server, or a whole URL."""
    headers: Mapping[str, str] = {}
    content: bytes | None = None
    files: Mapping[str, tuple[str, IO[bytes], str]] | None = None
    redirects: int = _MAX_REDIRECTS
    """Most redirects to follow; only a GET follows them, and only within the server."""
    repeatable: bool = True
    """Whether sending it twice is harmless; if not, a broken exchange leaves the outcome unknown."""
    allow_empty: bool = False
    """Whether status 204 without content is an answer."""
    deadline: float | None = None
    """Monotonic time by which the exchange must be over; None limits only silence and slowness."""
    max_bytes: int | None = None
    """Largest answer in bytes; None for any size."""
    about_job: bool = False
    """Whether a 404 would say that a job is gone, so that only the service's own 404 is believed."""


class Exchange(NamedTuple):
    """One HTTP exchange, for `--verbose`; `status` is the exception's name if no answer arrived."""

    method: str
    path: str
    status: str
    seconds: float
    request_id: str | None


class Server(NamedTuple):
    """A server and the way to it; `base_url` is empty for calls with whole URLs."""

    base_url: str
    environment: Environment
    route: Route
    on_exchange: Callable[[Exchange], None] | None = None

    @contextmanager
    def exchange(self, call: Call, connection: httpx.Client) -> Iterator[tuple[httpx.Response, float | None]]:
        """Send a request; yields the answer, its content not read yet, and its `Retry-After` in seconds.

        DocspeedError if the exchange breaks, also while the content is read.
        """
        import httpx

        started = self.environment.monotonic()
        outcome, request_id = "failed", None
        try:
            with closing(self._send(call, connection)) as response:
                # Looking up each name in httpx.Headers takes a twentieth of a run over many documents.
                headers = {name.lower(): value.decode("latin-1") for name, value in response.headers.raw}
                request_id = next(
                    (headers[n][:_MAX_REQUEST_ID] for n in _REQUEST_IDS if headers.get(n)), None
                )
                outcome = str(response.status_code)
                # A date is the server's, so it is compared with the server's clock.
                now = http_date(headers.get(b"date", "")) or self.environment.now()
                yield response, retry_after(headers.get(b"retry-after", ""), now)
        except DocspeedError as error:
            raise error.replace(request_id=request_id) from None
        except (httpx.HTTPError, httpx.InvalidURL, ConnectionError) as error:
            outcome = type(error).__name__
            url, late = self.base_url + call.path, self._is_late(call)
            broken = broken_exchange(error, url, self.route, repeatable=call.repeatable, late=late)
            raise broken.replace(request_id=request_id) from None
        finally:
            if self.on_exchange:
                seconds = self.environment.monotonic() - started
                shown = shown_url(call.path) if is_url(call.path) else call.path
                self.on_exchange(Exchange(call.method, shown, outcome, seconds, request_id))

    def _send(self, call: Call, connection: httpx.Client) -> httpx.Response:
        import httpx

        is_get = call.method == "GET"
        silence = GET_TIMEOUT if is_get else POST_TIMEOUT
        if call.deadline is not None:  # a single read must not wait past it
            silence = min(silence, call.deadline - self.environment.monotonic())
        request = connection.build_request(
            call.method,
            self.base_url + call.path,
            # A cache on the way could repeat an old status until the wait gives up.
            headers={"Cache-Control": "no-cache", **call.headers} if is_get else call.headers,
            content=call.content,
            files=call.files,
            # No limit on the wait for a connection: each thread has a pool to itself.
            timeout=httpx.Timeout(silence, connect=min(CONNECT_TIMEOUT, silence), pool=None),
            extensions={"deadline": call.deadline, "fresh": not call.repeatable},
        )
        response = connection.send(request, stream=True)
        for _ in range(call.redirects):
            # httpx itself would follow a redirect anywhere, and would send a POST again as a GET.
            target = response.next_request if is_get else None
            if target is None or (target.url.scheme, target.url.netloc) != (
                request.url.scheme,
                request.url.netloc,
            ):
                break
            response.close()
            response = connection.send(target, stream=True)
        return response

    def received(self, call: Call, response: httpx.Response) -> Iterator[bytes]:
        """Yield the content of an answer. DocspeedError if it is too long, too late or too slow."""
        response.headers.pop("Content-Encoding", "")  # often wrong, and httpx would trust it
        monotonic = self.environment.monotonic
        started, size = monotonic(), 0
        for chunk in unpacked(response.iter_bytes()):
            size += len(chunk)
            yield chunk
            if call.max_bytes is not None and size > call.max_bytes:
                raise Unavailable("the server's answer is far too long")
            # httpx limits only the silence between two chunks: a byte a minute would keep us waiting forever.
            if self._is_late(call):
                raise out_of_time(self.base_url + call.path, repeatable=call.repeatable)
            if size < MIN_SPEED * (monotonic() - started - GET_TIMEOUT):
                raise unusable_answer("the answer came too slowly", repeatable=call.repeatable)

    def _is_late(self, call: Call) -> bool:
        return call.deadline is not None and self.environment.monotonic() >= call.deadline
