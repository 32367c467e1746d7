"""Download documents from any web server, without the API key, but through the user's proxies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from docspeed_cli import __version__
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, NotFound, Rejected, Unavailable
from docspeed_cli.core.urls import is_url, shown_url
from docspeed_cli.service.backoff import http_date, retry_after
from docspeed_cli.service.client import Exchange
from docspeed_cli.service.exchange import CONNECT_TIMEOUT, GET_TIMEOUT, MIN_SPEED
from docspeed_cli.service.exchange_errors import broken_exchange, out_of_time
from docspeed_cli.service.routes import Route, route_on_web
from docspeed_cli.service.transport import certificates, transport_to
from docspeed_cli.service.unpack import unpacked

if TYPE_CHECKING:
    import httpx

_MAX_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_RETRYABLE = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed."""


class Web:
    """Any web server. Safe to use from many threads; each exchange has its own connection."""

    def __init__(self, environment: Environment, on_exchange: Callable[[Exchange], None] | None) -> None:
        self._environment = environment
        self._on_exchange = on_exchange
        self._lock = threading.Lock()
        self._certificates: Any = None

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
            address, named = _without_login(url)
            login = named or login
            target, answer = self._get_once(address, login, headers, write, limit, deadline)
            if not target:
                return answer
            # Some servers leave blanks in the address of a redirect.
            target = urljoin(address, target.replace(" ", "%20"))
            if not is_url(target):
                scheme = target.partition(":")[0]
                raise Rejected(f"the server redirects to a {scheme} URL, which is not downloaded")
            if (urlsplit(url).scheme, urlsplit(target).scheme) == ("https", "http"):
                what = f"the server redirects to {shown_url(target)}, which is not encrypted"
                raise Rejected(f"{what}; name that URL to accept this")
            if _origin(target) != _origin(address):
                login = ""
            url = target
        raise Rejected(f"the server redirects more than {_MAX_REDIRECTS} times")

    def _get_once(
        self,
        url: str,
        login: str,
        headers: Mapping[str, str],
        write: Callable[[bytes], object],
        limit: int,
        deadline: float,
    ) -> tuple[str, Mapping[str, str] | None]:
        """Send one request; returns where it redirects to, or an empty text and the answer's headers."""
        import httpx

        started, monotonic = self._environment.monotonic(), self._environment.monotonic
        route = route_on_web(url, self._environment.env)
        outcome = "failed"
        try:
            silence = max(min(GET_TIMEOUT, deadline - started), 0.001)
            with self._connection(url, login, route) as connection:
                request = connection.build_request(
                    "GET",
                    url,
                    headers=dict(headers),
                    timeout=httpx.Timeout(silence, connect=min(CONNECT_TIMEOUT, silence), pool=None),
                    extensions={"deadline": deadline},
                )
                with closing(connection.send(request, stream=True)) as response:
                    outcome = str(response.status_code)
                    if response.status_code in _REDIRECTS and "location" in response.headers:
                        return response.headers["location"], None
                    # In answer to an unconditional request, 304 would leave us without any document.
                    if response.status_code == 304 and headers:
                        return "", None
                    self._check(response)
                    _receive(response, write, limit, lambda: self._check_speed(started, deadline, response))
                    return "", {name.lower(): value for name, value in response.headers.items()}
        except (httpx.HTTPError, httpx.InvalidURL, ConnectionError) as error:
            outcome = type(error).__name__
            late = monotonic() >= deadline
            raise broken_exchange(error, _origin(url), route, repeatable=True, late=late) from None
        finally:
            if self._on_exchange is not None:
                took = monotonic() - started
                self._on_exchange(Exchange("GET", shown_url(url), outcome, took, None))

    def _connection(self, url: str, login: str, route: Route) -> httpx.Client:
        import httpx

        # No header for the service, such as the key; many servers refuse a request without a User-Agent.
        headers = {"User-Agent": f"docspeed-cli/{__version__}", "Accept-Encoding": "identity"}
        make = self._environment.transport
        transport = (
            make(url) if make else transport_to(url, self._environment, route, self._load_certificates)
        )
        name, _, password = login.partition(":")
        auth = (unquote(name), unquote(password)) if login else None
        return httpx.Client(headers=headers, transport=transport, auth=auth, trust_env=False)

    def _load_certificates(self) -> Any:
        with self._lock:
            self._certificates = self._certificates or certificates(self._environment.env)
            return self._certificates

    def _check(self, response: httpx.Response) -> None:
        """Raise the error for an answer without a document."""
        status = response.status_code
        if status == 200:
            return
        what = f"the server answered {status} {response.reason_phrase}".rstrip()
        if status in _RETRYABLE or status >= 500:
            now = http_date(response.headers.get("date", "")) or self._environment.now()
            wait = retry_after(response.headers.get("retry-after", ""), now)
            raise Unavailable(what, status=status, retryable=True, retry_after=wait)
        if status in (401, 403):
            what += "; does the URL need a login, or has it expired?"
        kind = NotFound if status in (404, 410) else Rejected
        raise kind(what, status=status)

    def _check_speed(self, started: float, deadline: float, response: httpx.Response) -> None:
        """Raise the error for an answer that is past its deadline, or too slow to meet it."""
        now = self._environment.monotonic()
        if now >= deadline:
            raise out_of_time(_origin(str(response.request.url)), repeatable=True)
        if response.num_bytes_downloaded < MIN_SPEED * (now - started - GET_TIMEOUT):
            raise Unavailable("the document arrives too slowly", retryable=True)


def _receive(
    response: httpx.Response, write: Callable[[bytes], object], limit: int, check: Callable[[], None]
) -> None:
    """Write the content of an answer. DocspeedError if it is too large or not complete."""
    expected = response.headers.get("content-length", "")
    announced = int(expected) if expected.isascii() and expected.isdigit() else None
    if announced is not None and announced > limit:
        raise _too_large(limit)
    size = 0
    response.headers.pop(
        "Content-Encoding", ""
    )  # storage servers write wrong ones, and httpx would believe it
    for chunk in unpacked(response.iter_bytes()):
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        write(chunk)
        check()
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
