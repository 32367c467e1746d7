"""Speaks HTTP with the service: its endpoints as methods, with retries where a retry is safe.

Every public call raises a `DocspeedError` and nothing else, whatever the network or the server does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, DocspeedError, Unavailable
from docspeed_cli.core.operations import UPLOAD_PATH, job_path
from docspeed_cli.service.answers import error_as_result, is_result, is_under_way, job_error, job_in
from docspeed_cli.service.body import IN_MEMORY, Body
from docspeed_cli.service.exchange import Call, Exchange, Server
from docspeed_cli.service.exchange_errors import NOT_OWN, hint_about_path, status_error, unusable_answer
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.retry import MAX_RETRY_AFTER, MAX_TRIES, Retries
from docspeed_cli.service.routes import route_to
from docspeed_cli.service.transport import ThreadConnections

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MAX_RATE_LIMITED_TRIES = 500
"""Tries where `retry_rate_limits` is set; the rate limiter makes repeated 429s rare."""

MIN_REDACTED_LENGTH = 8
"""Shorter keys are not redacted: they would match ordinary words."""

_MAX_OBJECT_SIZE = 4 * 1024 * 1024
"""Largest answer in bytes that we parse ourselves, such as a job's status."""

_SHORTEST_EXCHANGE = 1.0
"""Seconds that an exchange gets even if its deadline is nearer: `--timeout 0` submits and looks once."""

_MAX_ERROR_SIZE = 64 * 1024
"""Bytes of an error's body that are read at most."""

_PLAIN = r"(?i)(x-)?gzip|identity|"
"""Codings that we understand."""


class Probe(NamedTuple):
    """What a harmless request found out: the seconds it took, and the error if any."""

    seconds: float
    error: DocspeedError | None
    unrecognised_error: bool = False
    """True if the server refused without a message in the service's format."""


class Response(NamedTuple):
    """A successful answer: its status, its content, and its `Retry-After` in seconds."""

    status: int
    body: Body
    retry_after: float | None


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
        self._server = Server(base_url, environment, route, on_exchange)
        self._key = key
        self._rate_limiter = rate_limiter
        self._sleep = sleep or environment.sleep
        self._auth_hint = auth_hint
        """What to do about a refused key, if that depends on where the key came from."""
        tries = MAX_RATE_LIMITED_TRIES if retry_rate_limits else MAX_TRIES
        self._retries = Retries(environment, self._sleep, on_retry, tries)
        self._spool_dir = spool_dir
        """Folder of the temporary files of large answers; None for the system's."""
        self.answered = False
        """Whether the server has answered anything in this run."""
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
        """Look at a job; returns the status object, and the whole answer."""
        path = job_path(job_id)
        call = Call("GET", path, deadline=deadline, max_bytes=_MAX_OBJECT_SIZE, about_job=True)
        answer = self._retry(lambda: self._exchange(call), deadline) if retry else self._exchange(call)
        return _json_object(answer), answer

    def get(self, path: str, deadline: float | None = None) -> Response:
        """Read something, with retries."""
        call = Call("GET", path, allow_empty=True, deadline=deadline)
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

    # -- one exchange

    def _retry(self, send: Callable[[], T], deadline: float | None) -> T:
        try:
            return self._retries.call(send, deadline)
        except DocspeedError as error:
            if error.retryable and not error.hint:
                hint = "try again later; `docspeed doctor` shows what can be reached"
                raise error.replace(hint=hint) from None
            raise

    def _exchange(self, call: Call) -> Response:
        """Send one request and read its answer, without retries."""
        connection = self._connections.get()
        self._wait_for_rate_limit(call.deadline)
        if call.deadline is not None:
            soon = self._environment.monotonic() + _SHORTEST_EXCHANGE
            call = call._replace(deadline=max(call.deadline, soon))
        body = Body(folder=self._spool_dir)
        try:
            with self._server.exchange(call, connection) as (response, wait):
                self.answered = True
                return self._read(call, response, wait, body)
        except BaseException as error:
            # An interrupt too must remove the temporary file, so this is not `except Exception`.
            body.clear()
            if not isinstance(error, OSError):
                raise
            reason = error.strerror or str(error)
            raise DocspeedError(f"the answer can't be stored: {reason}", code="write_failed") from None

    def _read(self, call: Call, response: httpx.Response, wait: float | None, body: Body) -> Response:
        """Read the answer into the body; `wait` is its `Retry-After`. DocspeedError if that fails."""
        status = response.status_code
        coding = response.headers.get("Content-Encoding", "")
        # A server that fails and names a time is overloaded, so the whole run slows down as after a 429.
        if status == 429 or (wait is not None and response.is_server_error):
            self._rate_limiter.refused(wait if wait is None else min(wait, MAX_RETRY_AFTER))
        elif response.is_success:
            self._rate_limiter.accepted()
        if not response.is_success:
            raise self._refusal(call, response, wait, body)
        for chunk in self._server.received(call, response):
            body.write(chunk)
        if (call.max_bytes is not None or call.method == "POST") and body.size <= IN_MEMORY:
            # We quote these answers in messages, so remove the key if the server repeats it.
            body = Body(self._redacted(body))
        if not (call.allow_empty and status == 204) and not body.plausible():
            what = "cut short or not JSON" if body.size else "empty"
            if body.size and not re.fullmatch(_PLAIN, coding):
                what = f"unreadable (Content-Encoding: {coding[:40]}, which was not asked for)"
            message = f"the server's answer ({status}) was {what}"
            raise unusable_answer(message, repeatable=call.repeatable, status=status)
        return Response(status, body, wait)

    def _refusal(self, call: Call, response: httpx.Response, wait: float | None, body: Body) -> DocspeedError:
        """The error for an answer that is not a success."""
        with suppress(Exception):  # a body that breaks off says less, but the status says enough
            for chunk in self._server.received(call._replace(max_bytes=_MAX_ERROR_SIZE), response):
                body.write(chunk)
        content = self._redacted(body)
        error = status_error(
            response.status_code,
            content,
            repeatable=call.repeatable,
            retry_after=wait,
            about_job=call.about_job,
            auth_hint=self._auth_hint,
        )
        hint = hint_about_path(error, content, self._server.base_url)
        return error.replace(hint=hint) if hint else error

    def _redacted(self, body: Body) -> bytes:
        """The content without the API key."""
        content, key = b"".join(body.chunks()), self._key.encode("utf-8", "surrogatepass")
        return content.replace(key, "…".encode()) if len(key) >= MIN_REDACTED_LENGTH else content

    def _wait_for_rate_limit(self, deadline: float | None) -> None:
        """Wait until a request may be sent. Unavailable at once if that is past a deadline."""
        # Sleeping here holds this thread only; all others find the same limiter before they send.
        while (wait := self._rate_limiter.delay()) > 0:
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
        _, why = job_error({**content, **entry})
        raise _unexpected("the answer to the upload names no file_id" + (f": {why}" if why else ""))
    return {"file_id": str(file_id), **{name: value for name, value in entry.items() if name != "file_id"}}


def _unexpected(message: str, *, retryable: bool = True) -> Unavailable:
    return Unavailable(message, code="unexpected_answer", retryable=retryable)
