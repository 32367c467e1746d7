"""Download documents from any web server, without the API key, but through the user's proxies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, NotFound, Rejected, Unavailable
from docspeed_cli.core.urls import is_url, shown_url
from docspeed_cli.service.exchange import Call, Exchange, Server
from docspeed_cli.service.routes import Route, route_on_web
from docspeed_cli.service.transport import certificates, connection_to

if TYPE_CHECKING:
    import httpx

_MAX_REDIRECTS = 10
_RETRYABLE = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed."""


class Web:
    """Any web server. Safe to use from many threads; each exchange has its own connection."""

    def __init__(self, environment: Environment, on_exchange: Callable[[Exchange], None] | None) -> None:
        self._environment = environment
        self._on_exchange = on_exchange
        self._lock = threading.Lock()
        self._load_certificates = cache(partial(certificates, environment.env))

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        write: Callable[[bytes], object],
        limit: int,
        deadline: float,
    ) -> Mapping[str, str] | None:
        """Download a document once; returns the answer's headers, or None if it has not changed (304).

        `headers` make the request conditional. `limit` is the largest accepted size in bytes, `deadline` the
        monotonic time by which everything must have arrived. DocspeedError, retryable or not, if it fails.
        """
        login = ""
        for _ in range(_MAX_REDIRECTS):
            url, named = _without_login(url)
            login = named or login
            route = route_on_web(url, self._environment.env)
            server = Server("", self._environment, route, self._on_exchange)
            call = Call("GET", url, headers, redirects=0, deadline=deadline)
            with (
                self._connection(url, login, route) as connection,
                server.exchange(call, connection) as (response, wait),
            ):
                if not response.has_redirect_location:
                    # In answer to an unconditional request, 304 would leave us without any document.
                    if response.status_code == 304 and headers:
                        return None
                    _check(response, wait)
                    _receive(response, server.received(call, response), write, limit)
                    return {name.lower(): value for name, value in response.headers.items()}
                target = _redirect_target(url, response.headers["location"])
            if _origin(target) != _origin(url):
                login = ""
            url = target
        raise Rejected(f"the server redirects more than {_MAX_REDIRECTS} times")

    def _connection(self, url: str, login: str, route: Route) -> httpx.Client:
        name, _, password = login.partition(":")
        auth = (unquote(name), unquote(password)) if login else None
        with self._lock:  # for the certificates, which take long to load
            return connection_to(
                url,
                self._environment,
                route,
                self._load_certificates,
                headers={"Accept-Encoding": "identity"},
                auth=auth,
            )


def _redirect_target(url: str, location: str) -> str:
    """The URL to which an answer redirects. Rejected if it may not be followed."""
    # Some servers leave blanks in the address of a redirect.
    target = urljoin(url, location.replace(" ", "%20"))
    if not is_url(target):
        scheme = target.partition(":")[0]
        raise Rejected(f"the server redirects to a {scheme} URL, which is not downloaded")
    if (urlsplit(url).scheme, urlsplit(target).scheme) == ("https", "http"):
        what = f"the server redirects to {shown_url(target)}, which is not encrypted"
        raise Rejected(f"{what}; name that URL to accept this")
    return target


def _check(response: httpx.Response, wait: float | None) -> None:
    """Raise the error for an answer without a document; `wait` is its `Retry-After` in seconds."""
    status = response.status_code
    if status == 200:
        return
    what = f"the server answered {status} {response.reason_phrase}".rstrip()
    if status in _RETRYABLE or status >= 500:
        raise Unavailable(what, status=status, retryable=True, retry_after=wait)
    if status in (401, 403):
        what += "; does the URL need a login, or has it expired?"
    kind = NotFound if status in (404, 410) else Rejected
    raise kind(what, status=status)


def _receive(
    response: httpx.Response, chunks: Iterable[bytes], write: Callable[[bytes], object], limit: int
) -> None:
    """Write the content of an answer. DocspeedError if it is too large or not complete."""
    expected = response.headers.get("content-length", "")
    announced = int(expected) if expected.isascii() and expected.isdigit() else None
    if announced is not None and announced > limit:
        raise _too_large(limit)
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        write(chunk)
    # `Content-Length` counts the bytes as they were sent, before they are unpacked.
    received = response.num_bytes_downloaded or size
    if announced is not None and received != announced:
        what = f"only {received:,} of the document's {announced:,} bytes arrived"
        raise Unavailable(what, retryable=True)


def _too_large(limit: int) -> DocspeedError:
    from docspeed_cli.core.settings import Size

    what = f"it is larger than {Size(limit)}, the limit for downloads"
    return Rejected(f"{what}; `docspeed config set download_limit 1GB` raises it")


def _without_login(url: str) -> tuple[str, str]:
    """The URL without user and password, and these two as the URL writes them."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    return (parts._replace(netloc=host, fragment="").geturl(), login) if at else (url, "")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
