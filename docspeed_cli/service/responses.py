"""Interprets the service's answers: statuses and broken exchanges as errors, and the job that one names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from docspeed_cli.core.models import State, state_of
from docspeed_cli.service.body import Body, parsed
from docspeed_cli.service.transport import CONNECT_TIMEOUT

CHECK_ADDRESS = "check --base-url and DOCSPEED_BASE_URL"

_NOT_TAKEN = (429, 502, 503)
"""Statuses that mean a submission was not accepted, so that sending it again is safe."""

_MAX_JOB_SIZE = 4 * 1024 * 1024
"""Largest job object in bytes; a server may repeat the request in it, with a schema of any size."""

_MAX_JOB_SIZE_FOR_SYNC = 64 * 1024
"""The same where the result itself was asked for: a larger answer is the result."""

_MAX_REQUEST_ID = 200
_REQUEST_ID_HEADERS = (b"x-request-id", b"request-id", b"x-amzn-requestid", b"cf-ray")
_HEADERS = frozenset({b"retry-after", b"date", b"content-encoding", *_REQUEST_ID_HEADERS})

_NOISE = re.compile(r"\[Errno -?\d+\] |\[SSL: \w+\] | \(_ssl\.c:\d+\)")
_ENVELOPE = frozenset(
    {"status", "state", "job_status", "job", "job_id", "id", "operation", "execution_mode", "request_id"}
    | {"detail", "error", "message", "success", "created_at", "updated_at"}
)
"""Members that describe an answer and are no part of a result."""


# -- headers


class Headers(NamedTuple):
    """The headers of an answer that we use; an empty string for one that is missing."""

    request_id: str | None
    retry_after: str
    date: str
    encoding: str


def selected_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that we use, found in one pass over an answer's raw headers."""
    # Looking up each name in httpx.Headers takes a twentieth of a run over many documents.
    lower = ((name.lower(), value) for name, value in raw)
    found = {name: value.decode("latin-1") for name, value in lower if name in _HEADERS}
    ids = (found[name][:_MAX_REQUEST_ID] for name in _REQUEST_ID_HEADERS if found.get(name))
    encoding = found.get(b"content-encoding", "").strip().lower()
    return Headers(next(ids, None), found.get(b"retry-after", ""), found.get(b"date", ""), encoding)


# -- errors


def status_error(
    status: int, body: bytes, *, repeatable: bool, retry_after: float | None = None
) -> DocspeedError:
    """The error for a status other than success; `repeatable` if sending the request twice is harmless."""
    code, text, details = error_members(body)
    after = f": {text}" if text else ""
    common: dict[str, Any] = {"code": code, "status": status, "details": details}
    if status == 401:
        message = f"the server does not accept the API key (401){after}"
        return AuthError(message, **common, hint="docspeed auth login")
    if status == 403:
        message = f"this API key is not allowed to do that (403){after}"
        return AuthError(message, **common, hint="docspeed auth login")
    if status == 402:
        hint = "add credits, then run the same command again; finished work is not paid for twice"
        return NoCredits(f"not enough credits{after}", **common, hint=hint)
    if status in (404, 410):
        return NotFound(text or f"the server has no such job, file or path ({status})", **common)
    if status == 429 or status >= 500 or status in (408, 425):
        safe = repeatable or status in _NOT_TAKEN
        what = "rate limit (429)" if status == 429 else f"the server failed ({status})"
        common["code"] = code or ("rate_limited" if status == 429 else None)
        kind = Unavailable if safe else OutcomeUnknown
        return kind(what + after, **common, retryable=safe, retry_after=retry_after)
    if status < 400:
        common["code"] = "redirected"
        what = f"the server answered {status}, which is neither a result nor an error"
        return Unavailable(what, **common, hint=CHECK_ADDRESS)
    return Rejected(text or f"the server refused the request ({status})", **common, retry_after=retry_after)


def error_members(body: bytes) -> tuple[str | None, str, Any]:
    """Code, message and details in the body of an error, in any of the published forms."""
    try:
        answer = parsed(body)
    except DocspeedError:
        return None, "", None
    detail = answer
    for name in ("detail", "error"):
        if isinstance(detail, dict) and name in detail:
            detail = detail[name]
    if isinstance(detail, str):
        return None, detail, None
    if isinstance(detail, list):
        return "invalid_input", "; ".join(_validation_message(item) for item in detail[:20]), detail
    if isinstance(detail, dict):
        code, message = detail.get("code"), detail.get("message") or detail.get("msg")
        return (str(code) if code else None), str(message or ""), detail.get("details")
    return None, "", None


def _validation_message(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = item.get("loc")
    path = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return f"{path}: {item.get('msg', '')}" if path else str(item.get("msg", item))


def unusable_answer(message: str, *, repeatable: bool, status: int | None = None) -> DocspeedError:
    """The error for an answer that is missing or unreadable: a submission may have been accepted."""
    if repeatable:
        return Unavailable(message, status=status, retryable=True)
    return OutcomeUnknown(message, status=status)


@cache
def exchange_errors() -> tuple[type[Exception], ...]:
    """The exceptions by which an exchange breaks; a function, so that httpx is imported when needed."""
    import httpx

    return (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, ConnectionError)


def broken_exchange(error: Exception, base_url: str, *, repeatable: bool) -> DocspeedError:
    """The error for an exchange that broke; without a connection, nothing can have been submitted."""
    import httpx

    text = _NOISE.sub("", str(error)) or type(error).__name__
    host = urlsplit(base_url).netloc
    if isinstance(error, httpx.RemoteProtocolError) and "location header" in text:
        return Unavailable(f"{host} redirects to an invalid URL", code="redirected", hint=CHECK_ADDRESS)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Unavailable(f"can't send to {host}: {text}", code="network")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return _no_connection(error, host, text)
    what = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke"
    what = "the answer can't be unpacked" if isinstance(error, httpx.DecodingError) else what
    return unusable_answer(f"{host}: {what} ({text})", repeatable=repeatable)


def _no_connection(error: Exception, host: str, text: str) -> Unavailable:
    import httpx

    lower = str(error).lower()
    hint = "docspeed doctor"
    # httpx has no exception of its own for TLS: only the text tells a bad certificate from a refused port.
    if "certificate" in lower or "ssl" in lower or "tls" in lower:
        return Unavailable(f"no secure connection to {host}: {text}", code="tls", hint=hint)
    if isinstance(error, httpx.ConnectTimeout):
        text = f"no connection within {CONNECT_TIMEOUT:.0f} s"
    return Unavailable(f"can't reach {host}: {text}", code="network", retryable=True, hint=hint)


# -- jobs


def status_word(answer: Mapping[str, Any]) -> str | None:
    """The status that an answer names, in the server's word."""
    for name in ("status", "state", "job_status"):
        if isinstance(answer.get(name), str):
            return str(answer[name])
    return None


def job_error(answer: Mapping[str, Any]) -> tuple[str | None, str]:
    """Code and message of a failed job, in whichever member the server put them."""
    for name in ("error", "detail", "failure", "error_message", "message", "reason"):
        found = answer.get(name)
        if isinstance(found, str) and found:
            return None, found
        if isinstance(found, list) and found:
            items = [item for item in found[:20] if isinstance(item, str | dict)]
            errors = [job_error({"error": item}) for item in items] or [(None, "")]
            return errors[0][0], "; ".join(text for _, text in errors if text)
        if isinstance(found, dict):
            code, text = found.get("code"), found.get("message") or found.get("detail")
            return (str(code) if code else None), str(text or "")
    return None, ""


def is_result(body: Body, *, sync: bool) -> bool:
    """Whether an answer that names no job can be the result itself.

    Where a job was asked for, a result has at least one member that is a list or an object.
    """
    if body.size > _max_job_size(sync):
        return True
    try:
        content = body.json()
    except DocspeedError:
        return False
    if not isinstance(content, dict):
        return isinstance(content, list) and bool(content)
    substance = [value for name, value in content.items() if name not in _ENVELOPE]
    return any(sync or isinstance(value, list | dict) for value in substance)


def job_in(body: Body, *, sync: bool) -> dict[str, Any] | None:
    """The job object in the answer to a submission, or None if the answer is the result itself."""
    if body.size > _max_job_size(sync):
        return None
    try:
        content = body.json()
    except DocspeedError:
        return None
    if isinstance(content, dict) and isinstance(content.get("job"), dict):
        content = content["job"]
    if not isinstance(content, dict):
        return None
    word = status_word(content)
    if not sync and "job_id" not in content and word is not None:
        content = {"job_id": content.get("id"), **content}
    if not isinstance(content.get("job_id"), str | int) or content["job_id"] == "":
        return None
    # A sync result may carry a `job_id` too. A job object is still under way, or holds nothing but scalars.
    if not sync or (word is not None and state_of(word) is not State.DONE):
        return content
    scalars = not any(isinstance(value, list | dict) and value for value in content.values())
    return content if scalars else None


def _max_job_size(sync: bool) -> int:
    return _MAX_JOB_SIZE_FOR_SYNC if sync else _MAX_JOB_SIZE
