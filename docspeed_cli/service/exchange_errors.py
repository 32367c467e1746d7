"""The errors for answers without success, and for broken exchanges."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Pending,
    Rejected,
    Unavailable,
)
from docspeed_cli.service.answers import error_members, foreign_words, is_in_published_form
from docspeed_cli.service.routes import Route

_NOT_TAKEN = (429, 502, 503)
"""Statuses that mean a submission was not accepted, so that sending it again is safe."""

_NOISE = r"\[Errno -?\d+\] |\[SSL: \w+\] | \(_ssl\.c:\d+\)"

NOT_OWN = "the answer is not the service's own"
_ANOTHER_SERVER = (
    "a gateway or storage answered in the service's place; check `--base-url` and DOCSPEED_BASE_URL,"
    " and try again; the API key may be right"
)
_NO_ROUTE = ("Not Found", "Method Not Allowed")
"""What a web framework says of a path that it does not have."""


def status_error(
    status: int,
    body: bytes,
    *,
    repeatable: bool,
    retry_after: float | None = None,
    about_job: bool = False,
    auth_hint: str | None = None,
) -> DocspeedError:
    """The error for a status other than success; `repeatable` if sending the request twice is harmless.

    Of an answer `about_job`, only the service's own 404 says that there is no such job.
    """
    code, text, details = error_members(body)
    words = foreign_words(body)
    after = f": {text or words}" if text or words else ""
    common: dict[str, Any] = {"code": code, "status": status, "details": details}
    if status in (401, 403):
        what = (
            "the server does not accept the API key"
            if status == 401
            else "this API key is not allowed to do that"
        )
        if words:
            what = f"the server refused ({status}), and {NOT_OWN}{after}"
            return AuthError(what, **common, hint=_ANOTHER_SERVER)
        return AuthError(f"{what} ({status}){after}", **common, hint=auth_hint or "docspeed auth login")
    if status == 402:
        hint = "add credits, then run the same command again; finished work is not paid for twice"
        return NoCredits(f"not enough credits{after}", **common, hint=hint)
    if status in (404, 410):
        # A job that is gone is submitted and paid for again, so a gateway's page must not look like one.
        if about_job and not is_in_published_form(body):
            what = f"the answer ({status}) is not the service's own{after}"
            return Unavailable(what, code="unexpected_answer", status=status, retryable=True)
        what = f"the server has no such job, file or path ({status})"
        return NotFound(f"{what}, and {NOT_OWN}{after}" if words else text or what, **common)
    if status == 429 or status >= 500 or status in (408, 425):
        safe = repeatable or status in _NOT_TAKEN
        what = "rate limit (429)" if status == 429 else f"the server failed ({status})"
        common["code"] = code or ("rate_limited" if status == 429 else None)
        kind = Unavailable if safe else OutcomeUnknown
        return kind(what + after, **common, retryable=safe, retry_after=retry_after)
    if status < 400:
        what = f"the server redirects to another address ({status}); the key is not sent there"
        hint = "check --base-url and DOCSPEED_BASE_URL"
        return Unavailable(what, code="redirected", status=status, hint=hint)
    what = text or f"the server refused the request ({status}){after}"
    return Rejected(what, **common, retry_after=retry_after)


def hint_about_path(error: DocspeedError, body: bytes, base_url: str) -> str | None:
    """What to do about a path that does not exist, where the base URL is not a server alone."""
    parts = urlsplit(base_url)
    _, text, _ = error_members(body)
    if not parts.path or error.status not in (404, 405) or (text and text not in _NO_ROUTE):
        return None
    root = f"{parts.scheme}://{parts.netloc}"
    return f"the base URL ends in {parts.path}, and the API's paths follow the host: try `--base-url {root}`"


def unusable_answer(message: str, *, repeatable: bool, status: int | None = None) -> DocspeedError:
    """The error for an answer that is missing or unreadable: a submission may have been accepted."""
    if repeatable:
        return Unavailable(message, status=status, retryable=True)
    return OutcomeUnknown(message, status=status)


def out_of_time(base_url: str, *, repeatable: bool) -> DocspeedError:
    """The error for an exchange that the command's own deadline ended."""
    message = f"{urlsplit(base_url).netloc}: --timeout ran out before the whole answer came"
    if repeatable:
        hint = "run the same command again with a longer `--timeout`; it continues where this one stopped"
        return Pending(message, retryable=True, hint=hint)
    return OutcomeUnknown(message)


def broken_exchange(
    error: Exception, base_url: str, route: Route, *, repeatable: bool, late: bool
) -> DocspeedError:
    """The error for an exchange that broke; without a connection, nothing can have been submitted.

    `route` is the way to the server; `late` if the command's own deadline has passed.
    """
    import httpx

    text = re.sub(_NOISE, "", str(error)) or type(error).__name__
    host = urlsplit(base_url).netloc
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Unavailable(f"can't send to {host}: {text}", code="network")
    if isinstance(error, httpx.ProxyError):
        return _broken_proxy(error, text, route)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        hint = "docspeed doctor"
        # httpx has no exception for TLS: only the text separates a bad certificate from a refused port.
        if re.search("certificate|ssl|tls", str(error).lower()):
            return Unavailable(f"no secure connection to {host}: {text}", code="tls", hint=hint)
        return Unavailable(f"can't reach {host}: {text}", code="network", retryable=True, hint=hint)
    if late and isinstance(error, httpx.TimeoutException):
        return out_of_time(base_url, repeatable=repeatable)
    what = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke"
    what = "the answer can't be unpacked" if isinstance(error, httpx.DecodingError) else what
    return unusable_answer(f"{host}: {what} ({text})", repeatable=repeatable)


def _broken_proxy(error: Exception, text: str, route: Route) -> DocspeedError:
    """The error for a proxy through which the server was not reached, so that nothing was sent to it."""
    # httpcore's message begins with the status with which an HTTP proxy refused.
    status = re.match(r"[1-5]\d\d\b", text)
    if status is not None:
        hint = f"put its user and password into {route.variable}: http://USER:PASSWORD@HOST:PORT"
        return route.failed(
            f"names the proxy {route.shown}, which refused the connection: {text}",
            hint=hint if status[0] == "407" else "",
            retryable=status[0] >= "500",
        )
    unknown_name = any(isinstance(cause, socket.gaierror) for cause in _causes(error))
    # The last two are httpcore's words for a SOCKS proxy that refuses; SOCKS has no such status.
    lasting = unknown_name or re.search("certificate|ssl|tls|username|not allowed", text.lower())
    what = f"names the proxy {route.shown}, which can't be used: {text}"
    return route.failed(what, retryable=not lasting)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
