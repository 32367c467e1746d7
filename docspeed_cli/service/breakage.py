"""The errors behind exchanges that broke: before sending nothing was taken, after it nobody knows."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import urlsplit

from docspeed_cli.core.errors import DocspeedError, OutcomeUnknown, Unavailable

CONNECT_TIMEOUT = 15.0

_NOISE = re.compile(r"\[Errno -?\d+\] |\[SSL: \w+\] | \(_ssl\.c:\d+\)")


@cache
def broken_by() -> tuple[type[Exception], ...]:
    """What an exchange breaks by."""
    import httpx

    return (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL, ConnectionError)


def unknown_after(method: str, message: str, status: int | None, request_id: str | None) -> DocspeedError:
    """What is raised where the answer never came or can't be understood: a POST may have been taken."""
    if method == "GET":
        return Unavailable(message, status=status, request_id=request_id, retryable=True)
    return OutcomeUnknown(message, status=status, request_id=request_id)


def broken(error: Exception, base_url: str, method: str, request_id: str | None) -> DocspeedError:
    """The error behind an exchange that broke: before sending nothing was taken, after it nobody knows."""
    import httpx

    text = _NOISE.sub("", str(error)) or type(error).__name__
    host = urlsplit(base_url).netloc
    if isinstance(error, httpx.RemoteProtocolError) and "location header" in text:
        hint = "check --base-url and DOCSPEED_BASE_URL"
        return Unavailable(f"{host} redirects to nowhere", code="redirected", hint=hint)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Unavailable(f"can't send to {host}: {text}", code="network")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return _no_connection(error, host, text)
    what = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke"
    return unknown_after(method, f"{host}: {what} ({text})", None, request_id)


def _no_connection(error: Exception, host: str, text: str) -> Unavailable:
    import httpx

    lower = str(error).lower()
    hint = "docspeed doctor"
    if "certificate" in lower or "ssl" in lower or "tls" in lower:
        return Unavailable(f"no secure connection to {host}: {text}", code="tls", hint=hint)
    if isinstance(error, httpx.ConnectTimeout):
        text = f"no connection within {CONNECT_TIMEOUT:.0f} s"
    return Unavailable(f"can't reach {host}: {text}", code="network", retryable=True, hint=hint)


def given_up(error: DocspeedError) -> DocspeedError:
    """After the last try; where repeating was free, a broken exchange is plain unavailability."""
    return Unavailable(
        error.message,
        code=None if isinstance(error, OutcomeUnknown) else error.code,
        status=error.status,
        request_id=error.request_id,
        details=error.details,
        retryable=True,
        retry_after=error.retry_after,
        hint=error.hint or "try again later: docspeed doctor tells what can be reached",
    )


def too_long(error: DocspeedError) -> DocspeedError:
    seconds = error.retry_after or 0
    return Unavailable(
        f"{error.message}; the server asks to wait {seconds:.0f} s",
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        retryable=True,
        retry_after=seconds,
        hint="run the same command again then; nothing is lost",
    )
