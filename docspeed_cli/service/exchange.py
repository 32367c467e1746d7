"""One HTTP exchange: sends a request, reads its answer, and turns what fails into an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, Unavailable
from docspeed_cli.service.body import IN_MEMORY, Body
from docspeed_cli.service.exchange_errors import (
    broken_exchange,
    hint_about_path,
    out_of_time,
    status_error,
    unusable_answer,
)
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.routes import Route
from docspeed_cli.service.unpack import unpacked

if TYPE_CHECKING:
    import httpx

MAX_RETRY_AFTER = 120.0
"""Longest `Retry-After` in seconds that we wait for; a longer one is reported."""

POST_TIMEOUT = 300.0
GET_TIMEOUT = 60.0
"""Seconds of silence after which we give up; the vendor's examples use the same."""

CONNECT_TIMEOUT = 15.0
"""Seconds that opening a connection may take."""

MIN_SPEED = 1000.0
"""Bytes per second below which we give up on an answer after its first minute."""

MIN_REDACTED_LENGTH = 8
"""Shorter keys are not redacted: they would match ordinary words."""

_PLAIN = r"(?i)(x-)?gzip|identity|"
"""Codings that we understand."""

_MAX_REDIRECTS = 5
_MAX_ERROR_SIZE = 64 * 1024
"""Bytes of an error's body that are read at most."""


class Server(NamedTuple):
    """The service at one address, and what a request to it needs."""

    base_url: str
    key: str
    environment: Environment
    rate_limiter: RateLimiter
    route: Route = Route()
    auth_hint: str | None = None
    """What to do about a refused key, if that depends on where the key came from."""

    def redacted(self, content: bytes) -> bytes:
        """The content without the API key."""
        key = self.key.encode("utf-8", "surrogatepass")
        return content.replace(key, "…".encode()) if len(key) >= MIN_REDACTED_LENGTH else content


class Response(NamedTuple):
    """A successful answer: its status, its content, and its `Retry-After` in seconds."""

    status: int
    body: Body
    retry_after: float | None


class Call(NamedTuple):
    """One HTTP request, and the limits on its answer."""

    method: str
    path: str
    headers: Mapping[str, str] | None = None
    content: bytes | None = None
    files: Mapping[str, tuple[str, IO[bytes], str]] | None = None
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

    def send(self, server: Server, connection: httpx.Client) -> httpx.Response:
        """Send the request, following redirects within the server; the answer's body is still to be read."""
        import httpx

        silence = GET_TIMEOUT if self.method == "GET" else POST_TIMEOUT
        if self.deadline is not None:  # a single read must not wait past it
            silence = min(silence, self.deadline - server.environment.monotonic())
        request = connection.build_request(
            self.method,
            server.base_url + self.path,
            # A cache on the way could repeat an old status until the wait gives up.
            headers={"Cache-Control": "no-cache"} if self.method == "GET" else self.headers,
            content=self.content,
            files=self.files,
            # No limit on the wait for a connection: each thread has a pool to itself.
            timeout=httpx.Timeout(silence, connect=min(CONNECT_TIMEOUT, silence), pool=None),
            extensions={"deadline": self.deadline, "fresh": not self.repeatable},
        )
        response = connection.send(request, stream=True)
        for _ in range(_MAX_REDIRECTS):
            # httpx itself would follow a redirect anywhere, and would send a POST again as a GET.
            target = response.next_request if self.method == "GET" else None
            if target is None or (target.url.scheme, target.url.netloc) != (
                request.url.scheme,
                request.url.netloc,
            ):
                break
            response.close()
            response = connection.send(target, stream=True)
        return response

    def read(self, server: Server, response: httpx.Response, wait: float | None, body: Body) -> Response:
        """Read the answer into the body; `wait` is its `Retry-After`. DocspeedError if that fails."""
        status = response.status_code
        coding = response.headers.pop("Content-Encoding", "")  # httpx would believe it
        # A server that fails and names a time is overloaded, so the whole run slows down as after a 429.
        if status == 429 or (wait is not None and response.is_server_error):
            server.rate_limiter.refused(wait if wait is None else min(wait, MAX_RETRY_AFTER))
        elif response.is_success:
            server.rate_limiter.accepted()
        if not response.is_success:
            raise self._refusal(server, response, body, wait)
        self._receive(server, response, body)
        if (self.max_bytes is not None or self.method == "POST") and body.size <= IN_MEMORY:
            # We quote these answers in messages, so remove the key if the server repeats it.
            body = Body(server.redacted(b"".join(body.chunks())))
        if not (self.allow_empty and status == 204) and not body.plausible():
            what = "cut short or not JSON" if body.size else "empty"
            if body.size and not re.fullmatch(_PLAIN, coding):
                what = f"unreadable (Content-Encoding: {coding[:40]}, which was not asked for)"
            message = f"the server's answer ({status}) was {what}"
            raise unusable_answer(message, repeatable=self.repeatable, status=status)
        return Response(status, body, wait)

    def _receive(self, server: Server, response: httpx.Response, body: Body) -> None:
        """Take the content in, as long as it is neither too long nor too slow."""
        started = server.environment.monotonic()
        for chunk in unpacked(response.iter_bytes()):
            body.write(chunk)
            if self.max_bytes is not None and body.size > self.max_bytes:
                raise Unavailable("the server's answer is far too long")
            # httpx limits only the silence between two chunks: a byte a minute would keep us waiting forever.
            now = server.environment.monotonic()
            if self._is_late(server):
                raise out_of_time(server.base_url, repeatable=self.repeatable)
            if body.size < MIN_SPEED * (now - started - GET_TIMEOUT):
                raise unusable_answer("the answer came too slowly", repeatable=self.repeatable)

    def _is_late(self, server: Server) -> bool:
        return self.deadline is not None and server.environment.monotonic() >= self.deadline

    def _refusal(
        self, server: Server, response: httpx.Response, body: Body, wait: float | None
    ) -> DocspeedError:
        """The error for an answer that is not a success."""
        with suppress(Exception):  # a body that breaks off says less, but the status says enough
            self._replace(max_bytes=_MAX_ERROR_SIZE)._receive(server, response, body)
        content = server.redacted(b"".join(body.chunks()))
        error = status_error(
            response.status_code,
            content,
            repeatable=self.repeatable,
            retry_after=wait,
            about_job=self.about_job,
            auth_hint=server.auth_hint,
        )
        hint = hint_about_path(error, content, server.base_url)
        return error.replace(hint=hint) if hint else error

    def map_error(self, server: Server, error: BaseException, request_id: str | None) -> BaseException:
        """The DocspeedError for an exception of httpx or of the disk; other exceptions unchanged."""
        import httpx

        # A ConnectionError is an OSError too, but it comes from the network, not from the disk.
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL | ConnectionError):
            late = self._is_late(server)
            error = broken_exchange(
                error, server.base_url, server.route, repeatable=self.repeatable, late=late
            )
        elif isinstance(error, OSError):
            reason = error.strerror or str(error)
            error = DocspeedError(f"the answer can't be stored: {reason}", code="write_failed")
        return error.replace(request_id=request_id) if isinstance(error, DocspeedError) else error
