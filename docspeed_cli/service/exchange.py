"""One HTTP exchange: sends a request, reads its answer, and turns what fails into an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, DocspeedError, Unavailable
from docspeed_cli.service.backoff import retry_after
from docspeed_cli.service.body import IN_MEMORY, Body, NewBody
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.responses import (
    CHECK_ADDRESS,
    Headers,
    broken_exchange,
    exchange_errors,
    status_error,
    unusable_answer,
)
from docspeed_cli.service.transport import CONNECT_TIMEOUT, unpacked

if TYPE_CHECKING:
    import httpx

MAX_RETRY_AFTER = 120.0
"""Longest `Retry-After` in seconds that we wait for; a longer one is reported."""

POST_TIMEOUT = 300.0
GET_TIMEOUT = 60.0
"""Seconds of silence after which we give up; the vendor's examples use the same."""

MIN_SPEED = 1000.0
"""Bytes per second below which we give up on an answer after its first minute."""

MIN_REDACTED_LENGTH = 8
"""Shorter keys are not redacted: they would match ordinary words."""

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 6
_MAX_ERROR_SIZE = 64 * 1024
"""Bytes of an error's body that are read at most."""


class Server(NamedTuple):
    """The service at one address, and what a request to it needs."""

    base_url: str
    key: str
    environment: Environment
    rate_limiter: RateLimiter
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
    new_body: NewBody = None
    allow_empty: bool = False
    """Whether status 204 without content is an answer."""
    deadline: float | None = None
    """Monotonic time by which the exchange must be over; None limits only silence and slowness."""
    max_bytes: int | None = None
    """Largest answer in bytes; None for any size."""

    def send(self, server: Server, connection: httpx.Client) -> httpx.Response:
        """Send the request, following redirects within the server; the answer's body is still to be read."""
        import httpx

        url = server.base_url + self.path
        silence = GET_TIMEOUT if self.method == "GET" else POST_TIMEOUT
        for _ in range(_MAX_REDIRECTS):
            if self.deadline is not None:  # a single read must not wait past it
                silence = min(silence, max(self.deadline - server.environment.monotonic(), 0.1))
            request = connection.build_request(
                self.method,
                url,
                headers=self.headers,
                content=self.content,
                files=self.files,
                timeout=httpx.Timeout(silence, connect=min(CONNECT_TIMEOUT, silence), pool=None),
            )
            response = connection.send(request, stream=True)
            if response.status_code not in _REDIRECTS:
                return response
            # httpx would follow a redirect anywhere, and would send a POST again as a GET.
            with closing(response):
                url = self._redirect_target(server, response)
        raise Unavailable(
            f"{server.base_url} redirects in circles", code="redirected", status=response.status_code
        )

    def _redirect_target(self, server: Server, response: httpx.Response) -> str:
        """The URL to ask instead. Unavailable if it is on another server: the key must not go there."""
        if self.method != "GET" or response.next_request is None:
            raise Unavailable(
                f"{server.base_url} answered {response.status_code}: the service is not at this address",
                code="redirected",
                status=response.status_code,
                hint=CHECK_ADDRESS,
            )
        url = response.next_request.url
        here = urlsplit(server.base_url)
        if (url.scheme, url.netloc.decode()) != (here.scheme, here.netloc):
            target = response.headers.get("location", "")
            shown = server.redacted(target.encode()).decode("utf-8", "replace")
            raise Unavailable(
                f"{server.base_url} redirects to another server ({shown}); the key is not sent there",
                code="redirected",
                status=response.status_code,
                hint=CHECK_ADDRESS,
            )
        return str(url)

    def read(self, server: Server, response: httpx.Response, headers: Headers, body: Body) -> Response:
        """Read the answer into the body. DocspeedError if its status or its content is not a success."""
        status = response.status_code
        wait = retry_after(headers.retry_after, server.environment.now())
        if status == 429 or (wait is not None and response.is_server_error):
            server.rate_limiter.refused(wait if wait is None else min(wait, MAX_RETRY_AFTER))
        elif response.is_success:
            server.rate_limiter.accepted()
        chunks = unpacked(response, headers.encoding)
        if not response.is_success:
            raise self._refusal(server, status, chunks, body, wait)
        self._receive(server, chunks, body)
        if (self.max_bytes is not None or self.method == "POST") and body.size <= IN_MEMORY:
            # We quote these answers in messages, so remove the key if the server repeats it.
            content = b"".join(body.chunks())
            body = body if server.redacted(content) == content else Body.of(server.redacted(content))
        if not (self.allow_empty and status == 204) and not body.plausible():
            what = "cut short or not JSON" if body.size else "empty"
            raise self._unusable(f"the server's answer ({status}) was {what}", status)
        return Response(status, body, wait)

    def _receive(self, server: Server, chunks: Iterator[bytes], body: Body) -> None:
        """Take the content in, as long as it is neither too long nor too slow."""
        started = server.environment.monotonic()
        for chunk in chunks:
            body.write(chunk)
            if self.max_bytes is not None and body.size > self.max_bytes:
                error = self._unusable("the server's answer is far too long")
                error.retryable = False
                raise error
            # httpx limits only the silence between two chunks: a byte a minute would keep us waiting forever.
            now = server.environment.monotonic()
            late = self.deadline is not None and now > self.deadline
            if late or body.size < MIN_SPEED * (now - started - GET_TIMEOUT):
                raise self._unusable("the answer came too slowly")

    def _unusable(self, message: str, status: int | None = None) -> DocspeedError:
        return unusable_answer(message, repeatable=self.repeatable, status=status)

    def _refusal(
        self, server: Server, status: int, chunks: Iterator[bytes], body: Body, wait: float | None
    ) -> DocspeedError:
        """The error for an answer that is not a success."""
        with suppress(Exception):  # a body that breaks off says less, but the status says enough
            self._replace(max_bytes=_MAX_ERROR_SIZE)._receive(server, chunks, body)
        content = server.redacted(b"".join(body.chunks()))
        error = status_error(status, content, repeatable=self.repeatable, retry_after=wait)
        if isinstance(error, AuthError) and server.auth_hint:
            error.hint = server.auth_hint
        if status == 401 and not server.key:
            error.message = f"{server.base_url} needs an API key, and there is none (401)"
        return error

    def map_error(self, server: Server, error: BaseException, request_id: str | None) -> BaseException:
        """The DocspeedError for an exception of httpx or of the disk; other exceptions unchanged."""
        if isinstance(error, exchange_errors()):
            error = broken_exchange(error, server.base_url, repeatable=self.repeatable)
        elif isinstance(error, OSError):
            reason = error.strerror or str(error)
            error = DocspeedError(f"the answer can't be stored: {reason}", code="write_failed")
        if isinstance(error, DocspeedError):
            error.request_id = request_id
        return error
