"""Speaks HTTP with the service: one client, timeouts, repetitions that are safe, statuses into errors.

Every public call raises a `DocspeedError` and nothing else for whatever the network or the server does.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    OutcomeUnknown,
    Unavailable,
)
from docspeed_cli.core.operations import UPLOAD_PATH, job_path
from docspeed_cli.service.backoff import Schedule, retry_after
from docspeed_cli.service.body import IN_MEMORY, Body, NewBody
from docspeed_cli.service.breakage import (
    CONNECT_TIMEOUT,
    broken,
    broken_by,
    given_up,
    too_long,
    unknown_after,
)
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.responses import refusal, status_word
from docspeed_cli.service.transport import Connections, unpacked

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

TRIES = 6
LIMITED_TRIES = 500
PATIENCE = 120.0
"""A `Retry-After` beyond this many seconds is reported instead of waited for."""

POST_TIMEOUT = 300.0
GET_TIMEOUT = 60.0
SLOWEST = 1000.0
"""Bytes a second, after the first minute, below which an answer is given up."""

_SLOW = "the answer comes too slowly"
_REDIRECTS = (301, 302, 303, 307, 308)
_REQUEST_ID = (b"x-request-id", b"request-id", b"x-amzn-requestid", b"cf-ray")
_HEADERS = frozenset({b"retry-after", b"date", *_REQUEST_ID})
_LONGEST_ID = 200
_ERROR_BODY = 64 * 1024
MIN_REDACTED_LENGTH = 8
"""A key shorter than this is a word that any message may hold."""
_READ = 4 * 1024 * 1024
"""Bytes of an answer that is read here, and not passed on."""


class Response(NamedTuple):
    """A successful answer: its status, its bytes, and what its headers say."""

    status: int
    payload: Body
    request_id: str | None
    retry_after: float | None


class Probe(NamedTuple):
    """A harmless question to the server: how long it took, why it failed if it did, the server's clock."""

    seconds: float
    error: DocspeedError | None
    date: str | None
    unrecognised_error: bool = False
    """Whether it was refused without a word that the service would say."""


class Exchange(NamedTuple):
    """One HTTP exchange, for `--verbose`; `status` is the error's name where no answer came."""

    method: str
    path: str
    status: str
    seconds: float
    request_id: str | None


class Client:
    """The service at `base_url`, spoken to with `key`. Safe to use from many threads."""

    def __init__(
        self,
        base_url: str,
        key: str,
        world: Environment,
        gate: RateLimiter,
        *,
        sleep: Callable[[float], None] | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_retry: Callable[[DocspeedError, float], None] | None = None,
        auth_hint: str | None = None,
    ) -> None:
        self.base_url = base_url
        self._key = key
        self._world = world
        self._gate = gate
        self.sleep = sleep or world.sleep
        self._on_exchange = on_exchange
        self._on_retry = on_retry
        self._auth_hint = auth_hint
        """What to do where the key is not taken, if that depends on where it came from."""
        self._schedule = Schedule(random=world.random)
        self._connections = Connections(base_url, key, world)
        self._date: str | None = None
        self.until: float | None = None
        """When nothing is repeated any more, by the monotonic clock."""
        self.retry_rate_limits = False
        """Whether a rate limit is waited out however often it is met; the gate makes that rare."""
        self.answered = False
        """Whether the server has answered anything in this run."""

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    # -- calls

    def connect(self) -> None:
        """Make ready to speak from this thread. Unavailable where the environment's proxy can't be used."""
        self._connections.line()

    def submit(
        self, method: str, path: str, body: Any, token: str, new_body: NewBody = None, *, bare: bool = False
    ) -> Response:
        """Send a submission; repeated only where the server can't have taken it.

        `bare` is whether no content is an answer too.
        OutcomeUnknown where it may have been taken and no answer says so.
        """
        import json

        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        headers = {"Content-Type": "application/json", "Idempotency-Key": token}
        sent = content.encode("utf-8", "surrogatepass")
        return self._repeat(
            lambda: self._exchange(method, path, headers=headers, content=sent, new_body=new_body, bare=bare)
        )

    def upload(self, path: Path, filename: str, content_type: str) -> dict[str, Any]:
        """Store a file; the server's entry for it, with its `file_id`. It is free: repeated freely."""
        name = filename.encode("utf-8", "replace").decode("utf-8")

        def send() -> dict[str, Any]:
            with path.open("rb") as file:
                files = {"files": (name, file, content_type)}
                return _stored_file(self._exchange("POST", UPLOAD_PATH, files=files, most=_READ))

        return self._repeat(send, freely=True)

    def look(self, job_id: str, within: float | None = None) -> tuple[dict[str, Any], Response]:
        """One look at a job, not repeated: the status object, and the answer it came in.

        `within` is how many seconds the answer may take, where that is less than usual.
        """
        answer = self._exchange("GET", job_path(job_id), within=within, most=_READ, bounded=True)
        status = _object(answer)
        if status_word(status) is None:
            raise Unavailable(
                f"the answer on job {job_id} names no status", code="unexpected_answer", retryable=True
            )
        return status, answer

    def get(
        self, path: str, *, new_body: NewBody = None, bare: bool = False, most: int | None = None
    ) -> Response:
        """Read something, of at most so many bytes; repeated while the server is in trouble."""
        return self._repeat(
            lambda: self._exchange("GET", path, new_body=new_body, bare=bare, most=most), freely=True
        )

    def status(self, job_id: str) -> Response:
        """The status object of a job, repeated likewise."""
        return self.get(job_path(job_id), most=_READ)

    def probe(self) -> Probe:
        """Ask for a job that can't exist: whether the server answers, and takes the key. It costs nothing."""
        started = self._world.monotonic()
        try:
            self._exchange("GET", job_path("docspeed-probe"), most=_READ)
            refused, unrecognised_error = None, False
        except DocspeedError as error:
            refused = error if isinstance(error, AuthError | Unavailable) else None
            unrecognised_error = error.code == type(error).code and "(" in error.message
        return Probe(self._world.monotonic() - started, refused, self._date, unrecognised_error)

    # -- one exchange and its repetitions

    def _repeat(self, send: Callable[[], T], *, freely: bool = False) -> T:
        for attempt in itertools.count():
            try:
                return send()
            except (Unavailable, OutcomeUnknown) as error:
                if not (error.retryable or (freely and isinstance(error, OutcomeUnknown))):
                    raise
                if (
                    attempt
                    >= (LIMITED_TRIES if self.retry_rate_limits and error.status == 429 else TRIES) - 1
                ):
                    raise given_up(error) from None
                if (error.retry_after or 0) > PATIENCE:
                    raise too_long(error) from None
                delay = self._schedule.backoff(attempt, error.retry_after)
                if self.until is not None and self._world.monotonic() + delay > self.until:
                    raise given_up(error) from None
                if self._on_retry:
                    self._on_retry(error, delay)
                self.sleep(delay)
        raise AssertionError("unreachable")

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, IO[bytes], str]] | None = None,
        new_body: NewBody = None,
        bare: bool = False,
        within: float | None = None,
        most: int | None = None,
        bounded: bool = False,
    ) -> Response:
        line = self._connections.line()
        within = self._leave(within)
        if bounded:
            within = GET_TIMEOUT if within is None else min(within, GET_TIMEOUT)
        payload = (new_body or Body)()
        started = self._world.monotonic()
        outcome, request_id = "failed", None
        url = self.base_url + path
        seconds = GET_TIMEOUT if method == "GET" else POST_TIMEOUT
        seconds = seconds if within is None else min(seconds, within)
        try:
            for _ in range(6):
                request = line.client.build_request(
                    method,
                    url,
                    headers=headers,
                    content=content,
                    files=files,
                    timeout=_timeout(seconds),
                    extensions=line.extensions(),
                )
                with line.beginning(_limit(seconds, request) if within is None else seconds):
                    response = line.client.send(request, stream=True)
                with closing(response):
                    self.answered = True
                    said = _said(response)
                    self._date = said.get(b"date")
                    outcome, request_id = str(response.status_code), _request_id(said)
                    if response.status_code in _REDIRECTS:
                        url = self._redirected(method, response)
                        continue
                    if within is not None:
                        within -= self._world.monotonic() - started
                    return self._take(method, response, said, payload, bare=bare, within=within, most=most)
            raise Unavailable(f"{self.base_url} redirects without end", code="redirected")
        except broken_by() as error:
            payload.clear()
            outcome = type(error).__name__
            if line.given_up:
                raise unknown_after(method, _SLOW, None, request_id) from None
            raise broken(error, self.base_url, method, request_id) from None
        except OSError as error:
            payload.clear()
            reason = error.strerror or str(error)
            raise DocspeedError(f"the answer can't be kept: {reason}", code="write_failed") from None
        except BaseException:
            payload.clear()
            raise
        finally:
            if self._on_exchange:
                seconds = self._world.monotonic() - started
                self._on_exchange(Exchange(method, path, outcome, seconds, request_id))

    def _leave(self, within: float | None) -> float | None:
        """Wait at the gate; what is left of `within`. Unavailable where all the time passes there."""
        while (wait := self._gate.delay()) > 0:
            over = self.until is not None and self._world.monotonic() + wait > self.until
            if over or (within is not None and wait >= within):
                raise Unavailable(
                    f"held for {math.ceil(wait)} s by the server's rate limit",
                    code="rate_limited",
                    retryable=True,
                    retry_after=wait,
                )
            self.sleep(wait)
            within = None if within is None else within - wait
        return within

    def _take(
        self,
        method: str,
        response: httpx.Response,
        said: Mapping[bytes, str],
        payload: Body,
        *,
        bare: bool,
        within: float | None,
        most: int | None,
    ) -> Response:
        request_id = _request_id(said)
        wait = retry_after(said.get(b"retry-after"), self._world.now())
        if response.status_code == 429 or (wait is not None and response.is_server_error):
            self._gate.refused(wait if wait is None else min(wait, PATIENCE))
        elif response.is_success:
            self._gate.taken()
        started = self._world.monotonic()
        if response.is_success:
            for chunk in unpacked(response):
                payload.write(chunk)
                if most is not None and payload.size > most:
                    too_much = unknown_after(method, "the server's answer is far too long", None, request_id)
                    too_much.retryable = False
                    raise too_much
                if within is not None and self._world.monotonic() - started > within:
                    raise unknown_after(method, _SLOW, None, request_id)
                if payload.size < SLOWEST * (self._world.monotonic() - started - GET_TIMEOUT):
                    raise unknown_after(method, _SLOW, None, request_id)
            if (most is not None or method == "POST") and payload.size <= IN_MEMORY:
                payload = self._without_key(payload)
            if not (bare and response.status_code == 204) and not payload.plausible():
                what = "empty" if not payload.size else "cut short or not JSON"
                payload.clear()
                message = f"the server's answer ({response.status_code}) was {what}"
                raise unknown_after(method, message, response.status_code, request_id)
            return Response(response.status_code, payload, request_id, wait)
        with contextlib.suppress(Exception):  # an error's body is a courtesy: its status says enough
            for chunk in unpacked(response):
                payload.write(chunk)
                if payload.size > _ERROR_BODY or self._world.monotonic() - started > GET_TIMEOUT:
                    break
        body = b"".join(self._without_key(payload).chunks())
        payload.clear()
        error = refusal(method, response.status_code, body, request_id, wait)
        if isinstance(error, AuthError) and self._auth_hint:
            error.hint = self._auth_hint
        if response.status_code == 401 and not self._key:
            error.message = f"no API key for {self.base_url}, and it wants one (401)"
        raise error

    def _without_key(self, payload: Body) -> Body:
        """What the program itself reads and repeats, in case that the server repeats the key."""
        key = self._key.encode("utf-8", "surrogatepass")
        content = b"".join(payload.chunks())
        if len(key) < MIN_REDACTED_LENGTH or key not in content:
            return payload
        payload.clear()
        return Body.of(content.replace(key, "…".encode()))

    def _redirected(self, method: str, response: httpx.Response) -> str:
        target = response.headers.get("location", "")
        if method != "GET" or response.next_request is None:
            raise Unavailable(
                f"{self.base_url} answered {response.status_code}: the service is not at this address",
                code="redirected",
                status=response.status_code,
                hint="check --base-url and DOCSPEED_BASE_URL",
            )
        url = response.next_request.url
        here = urlsplit(self.base_url)
        if f"{url.scheme}://{url.netloc.decode()}" != f"{here.scheme}://{here.netloc}":
            shown = target.replace(self._key, "…") if len(self._key) >= MIN_REDACTED_LENGTH else target
            raise Unavailable(
                f"{self.base_url} redirects to another server ({shown}); the key is not sent there",
                code="redirected",
                status=response.status_code,
                hint="check --base-url and DOCSPEED_BASE_URL",
            )
        return str(url)


@lru_cache(maxsize=8)
def _timeout(seconds: float) -> httpx.Timeout:
    import httpx

    return httpx.Timeout(seconds, connect=min(CONNECT_TIMEOUT, seconds), pool=None)


def _limit(seconds: float, request: httpx.Request) -> float:
    """When an answer must have begun: after what may pass in silence, and what the slowest sending takes."""
    size = request.headers.get("content-length", "0")
    return seconds + GET_TIMEOUT + (int(size) if size.isdecimal() else 0) / SLOWEST


# -- answers that did not come, or can't be used


def _said(response: httpx.Response) -> dict[bytes, str]:
    """The headers that matter here, in one pass: looking each up costs a run over many inputs a twentieth."""
    raw = ((name.lower(), value) for name, value in response.headers.raw)
    return {name: value.decode("latin-1") for name, value in raw if name in _HEADERS}


def _request_id(said: Mapping[bytes, str]) -> str | None:
    return next((said[name][:_LONGEST_ID] for name in _REQUEST_ID if said.get(name)), None)


def _object(answer: Response) -> dict[str, Any]:
    try:
        content = answer.payload.json(limit=_READ)
    except DocspeedError as error:
        again = error.code != "too_deep"
        raise Unavailable(error.message, code="unexpected_answer", retryable=again) from None
    if not isinstance(content, dict):
        raise Unavailable(
            "the server's answer is not a JSON object", code="unexpected_answer", retryable=True
        )
    return content


def _stored_file(answer: Response) -> dict[str, Any]:
    content = _object(answer)
    files = content.get("files")
    entry = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    file_id = entry.get("file_id") or content.get("file_id")
    if not file_id:
        raise Unavailable(
            "the answer to the upload names no file_id", code="unexpected_answer", retryable=True
        )
    return {"file_id": str(file_id), **{name: value for name, value in entry.items() if name != "file_id"}}
