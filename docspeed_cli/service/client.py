"""Speaks HTTP with the service: its endpoints as methods, with retries where a retry is safe.

Every public call raises a `DocspeedError` and nothing else, whatever the network or the server does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, DocspeedError, Unavailable
from docspeed_cli.core.operations import UPLOAD_PATH, job_path
from docspeed_cli.service.answers import error_as_result, is_result, is_under_way, job_in
from docspeed_cli.service.backoff import Schedule, http_date, retry_after
from docspeed_cli.service.body import Body
from docspeed_cli.service.exchange import MAX_RETRY_AFTER, Call, Response, Server
from docspeed_cli.service.exchange_errors import NOT_OWN
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.routes import route_to
from docspeed_cli.service.transport import ThreadConnections

T = TypeVar("T")

MAX_TRIES = 6
MAX_RATE_LIMITED_TRIES = 500
_MAX_OBJECT_SIZE = 4 * 1024 * 1024
"""Largest answer in bytes that we parse ourselves, such as a job's status."""

_SHORTEST_EXCHANGE = 1.0
"""Seconds that an exchange gets even if its deadline is nearer: `--timeout 0` submits and looks once."""

_MAX_REQUEST_ID = 200
_REQUEST_IDS = (b"x-request-id", b"request-id", b"x-amzn-requestid", b"cf-ray")


class Probe(NamedTuple):
    """What a harmless request found out: the seconds it took, and the error if any."""

    seconds: float
    error: DocspeedError | None
    unrecognised_error: bool = False
    """True if the server refused without a message in the service's format."""


class Exchange(NamedTuple):
    """One HTTP exchange, for `--verbose`; `status` is the exception's name if no answer arrived."""

    method: str
    path: str
    status: str
    seconds: float
    request_id: str | None


class Client:
    """The service at `base_url`, for one API key. Safe to use from many threads.

    A call's `deadline` is a monotonic time: it ends the exchange, and nothing is retried after it. An
    exchange that begins just before it, or later, gets a second.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        environment: Environment,
        rate_limiter: RateLimiter,
        *,
        sleep: Callable[[float], None] | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_retry: Callable[[DocspeedError, float], None] | None = None,
        auth_hint: str | None = None,
        retry_rate_limits: bool = False,
        spool_dir: Path | None = None,
    ) -> None:
        self._environment = environment
        route = route_to(base_url, environment.env)
        self._server = Server(base_url, key, environment, rate_limiter, route, auth_hint)
        self._sleep = sleep or environment.sleep
        self._on_exchange = on_exchange
        self._on_retry = on_retry
        self._retry_rate_limits = retry_rate_limits
        """Whether to retry a 429 (almost) without end; the rate limiter makes repeated ones rare."""
        self._spool_dir = spool_dir
        """Folder of the temporary files of large answers; None for the system's."""
        self.answered = False
        """Whether the server has answered anything in this run."""
        self._schedule = Schedule(random=environment.random)
        self._connections = ThreadConnections(base_url, key, environment, route)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    # -- calls

    def connect(self) -> None:
        """Prepare this thread's connection. Unavailable if the environment's proxy can't be used."""
        self._connections.get()

    def submit(
        self,
        method: str,
        path: str,
        content: str,
        token: str,
        *,
        allow_empty: bool = False,
        deadline: float | None = None,
    ) -> Response:
        """Send a submission; it is retried only if the server can't have accepted it.

        OutcomeUnknown if the server may have accepted it and no answer says so.
        """
        call = Call(
            method,
            path,
            headers={"Content-Type": "application/json", "Idempotency-Key": token},
            content=content.encode("utf-8", "surrogatepass"),
            repeatable=False,
            allow_empty=allow_empty,
            deadline=deadline,
        )
        return self._retry(lambda: self._exchange(call), deadline)

    def upload(
        self, path: Path, filename: str, content_type: str, deadline: float | None = None
    ) -> dict[str, Any]:
        """Upload a file; returns the server's entry, with its `file_id`. We retry: uploads are free."""
        # Bytes of a file's name that are not text become surrogates in Python, which httpx fails to encode.
        name = filename.encode("utf-8", "replace").decode("utf-8")

        def send() -> dict[str, Any]:
            try:
                file = path.open("rb")
            except OSError as error:
                raise DocspeedError(f"{filename} can't be read: {error.strerror or error}") from None
            with file:
                files = {"files": (name, file, content_type)}
                call = Call("POST", UPLOAD_PATH, files=files, max_bytes=_MAX_OBJECT_SIZE, deadline=deadline)
                return _stored_file(self._exchange(call))

        return self._retry(send, deadline)

    def look(
        self, job_id: str, deadline: float | None = None, *, retry: bool = False
    ) -> tuple[dict[str, Any], Response]:
        """Look at a job: the status object, and the answer that brought it."""
        path = job_path(job_id)
        call = Call("GET", path, deadline=deadline, max_bytes=_MAX_OBJECT_SIZE, about_job=True)
        answer = self._retry(lambda: self._exchange(call), deadline) if retry else self._exchange(call)
        return _json_object(answer), answer

    def get(self, path: str, *, allow_empty: bool = False, deadline: float | None = None) -> Response:
        """Read something, with retries."""
        call = Call("GET", path, allow_empty=allow_empty, deadline=deadline)
        return self._retry(lambda: self._exchange(call), deadline)

    def result(self, job_id: str, deadline: float | None = None) -> Response:
        """The result of a job, with retries; status 202 if the answer only says that the job goes on.

        Unavailable if the answer is an error, whatever its status: it must not be kept as the result.
        """
        call = Call("GET", f"{job_path(job_id)}/result", deadline=deadline, about_job=True)
        answer = self._retry(lambda: self._exchange(call), deadline)
        if refusal := error_as_result(answer.body):
            raise _unexpected(f"the server answered with an error in place of the result: {refusal}")
        return answer._replace(status=202) if is_under_way(answer.body) else answer

    def has_result(self, job_id: str, deadline: float | None = None) -> bool:
        """Whether the job's result is there; asked once."""
        call = Call("GET", f"{job_path(job_id)}/result", deadline=deadline, about_job=True)
        try:
            answer = self._exchange(call)
        except DocspeedError:
            return False
        there = answer.status != 202 and job_in(answer.body, sync=True) is None
        there = there and is_result(answer.body, sync=True)
        # A large result is in a named temporary file, which would stay in the output folder.
        answer.body.clear()
        return there

    def probe(self) -> Probe:
        """Ask for a job that can't exist: whether the server answers and accepts the key. It is free."""
        started = self._environment.monotonic()
        error, unrecognised = None, False
        try:
            self._exchange(Call("GET", job_path("docspeed-probe"), max_bytes=_MAX_OBJECT_SIZE))
        except DocspeedError as refused:
            if isinstance(refused, AuthError | Unavailable) or refused.hint:  # the hint is about the base URL
                error = refused
            # Where the server gave neither a code nor a reason, the message is ours: it ends with the status.
            ours = refused.message.endswith(f"({refused.status})") or NOT_OWN in refused.message
            unrecognised = ours and refused.code == type(refused).code
        return Probe(self._environment.monotonic() - started, error, unrecognised)

    # -- retries

    def _retry(self, send: Callable[[], T], deadline: float | None) -> T:
        for attempt in itertools.count():
            try:
                return send()
            except DocspeedError as error:
                # Whether a retry is safe was decided where the error was made, since it depends on the call.
                if not error.retryable:
                    raise
                delay = self._retry_delay(error, attempt, deadline)
                if self._on_retry:
                    self._on_retry(error, delay)
                self._sleep(delay)
        raise AssertionError("unreachable")

    def _retry_delay(self, error: DocspeedError, attempt: int, deadline: float | None) -> float:
        """Seconds to wait before the next try; raises the error where there is none."""
        limit = MAX_RATE_LIMITED_TRIES if self._retry_rate_limits and error.status == 429 else MAX_TRIES
        delay = self._schedule.backoff(attempt, error.retry_after)
        late = deadline is not None and self._environment.monotonic() + delay > deadline
        if (error.retry_after or 0) > MAX_RETRY_AFTER:
            message = f"{error.message}; the server asks to wait {error.retry_after:.0f} s"
            hint = "run the same command again after that; nothing is lost"
            raise error.replace(message=message, reason=message, hint=hint)
        if attempt + 1 >= limit or late:
            hint = error.hint or "try again later; `docspeed doctor` shows what can be reached"
            raise error.replace(hint=hint)
        return delay

    # -- one exchange

    def _exchange(self, call: Call) -> Response:
        """Send one request and read its answer, without retries."""
        connection = self._connections.get()
        self._wait_for_rate_limit(call.deadline)
        body = Body(folder=self._spool_dir)
        started = self._environment.monotonic()
        if call.deadline is not None:
            call = call._replace(deadline=max(call.deadline, started + _SHORTEST_EXCHANGE))
        outcome, request_id = "failed", None
        try:
            with closing(call.send(self._server, connection)) as response:
                # Looking up each name in httpx.Headers takes a twentieth of a run over many documents.
                headers = {name.lower(): value.decode("latin-1") for name, value in response.headers.raw}
                self.answered = True
                request_id = next(
                    (headers[n][:_MAX_REQUEST_ID] for n in _REQUEST_IDS if headers.get(n)), None
                )
                outcome = str(response.status_code)
                # A date is the server's, so it is compared with the server's clock.
                now = http_date(headers.get(b"date", "")) or self._environment.now()
                wait = retry_after(headers.get(b"retry-after", ""), now)
                return call.read(self._server, response, wait, body)
        except BaseException as error:  # noqa: BLE001 - raised again below
            # An interrupt too must remove the temporary file, so this is not `except Exception`.
            body.clear()
            if not isinstance(error, DocspeedError):
                outcome = type(error).__name__
            raise call.map_error(self._server, error, request_id) from None
        finally:
            if self._on_exchange:
                seconds = self._environment.monotonic() - started
                self._on_exchange(Exchange(call.method, call.path, outcome, seconds, request_id))

    def _wait_for_rate_limit(self, deadline: float | None) -> None:
        """Wait until a request may be sent. Unavailable at once if that is past a deadline."""
        # Sleeping here holds this thread only; all others find the same limiter before they send.
        while (wait := self._server.rate_limiter.delay()) > 0:
            sent = self._environment.monotonic() + wait
            if deadline is not None and sent >= deadline:
                raise Unavailable(
                    f"held for {math.ceil(wait)} s by the server's rate limit",
                    code="rate_limited",
                    retryable=True,
                    retry_after=wait,
                )
            self._sleep(wait)


def _json_object(answer: Response) -> dict[str, Any]:
    try:
        content = answer.body.json(limit=_MAX_OBJECT_SIZE)
    except DocspeedError as error:
        raise _unexpected(error.message, retryable=error.code != "too_deep") from None
    if not isinstance(content, dict):
        raise _unexpected("the server's answer is not a JSON object")
    return content


def _stored_file(answer: Response) -> dict[str, Any]:
    """The entry of the one file in the answer to an upload, wherever its id is."""
    content = _json_object(answer)
    files = content.get("files")
    entry = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    inner = [value for name in ("file", "data") if isinstance(value := content.get(name), dict)]
    # The published names first.
    ids = [each.get(name) for name in ("file_id", "fileId", "id") for each in (entry, content, *inner)]
    file_id = next((each for each in ids if isinstance(each, str | int) and each), None)
    if not file_id:
        raise _unexpected("the answer to the upload names no file_id")
    return {"file_id": str(file_id), **{name: value for name, value in entry.items() if name != "file_id"}}


def _unexpected(message: str, *, retryable: bool = True) -> Unavailable:
    return Unavailable(message, code="unexpected_answer", retryable=retryable)
