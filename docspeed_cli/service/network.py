"""The network below httpx: a transport whose exchanges end at their deadline, whatever the server sends."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

# httpx's own transport takes no network backend, and only there can a deadline end a single read.
import httpcore
import httpx

T = TypeVar("T")

IDLE_TIMEOUT = 5.0
"""Seconds after which an idle connection is not used again: many servers close it about then."""

_STEP_TIMEOUT = 15.0
"""Seconds that each step of a SOCKS handshake may take, on which httpcore sets no limit."""

_ADDRESS_TIMEOUT = 2.0
"""Seconds to wait for an address while others are left: in many networks IPv6 addresses never answer."""

_PIECE = 16 * 1024
"""Bytes that are written at a time before a deadline; the limit on a write starts again with each piece."""


class Transport(httpx.BaseTransport):
    """The connections of one thread.

    A request's extension `deadline` is the monotonic time by which its exchange must be over. httpx itself
    limits each wait for bytes alone, so that a server which sends one now and then is waited for without end.
    """

    def __init__(
        self,
        verify: ssl.SSLContext | None,
        monotonic: Callable[[], float],
        proxy: str | None = None,
        *,
        tls: bool = True,
    ) -> None:
        self._network = _Network(monotonic, _tls_layers(proxy, tls=tls))
        self._pool = _pool(verify, self._network, proxy)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the head of the answer; an exception of httpx if that fails.

        A GET is sent again at once if a connection that was used before dies without a byte of an answer.
        With the extension `fresh` the request gets a new connection: when an old one dies, it can't be known
        whether the server had read a submission.
        """
        self._network.begin(request.extensions.get("deadline"))
        if request.extensions.get("fresh"):
            self._pool.close()
        opened = self._network.opened
        try:
            return self._exchange(request)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            reused = self._network.opened == opened
            if request.method != "GET" or not reused or self._network.received:
                raise
        self._pool.close()
        return self._exchange(request)

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            with _errors_of_httpx():
                answer = self._pool.handle_request(sent)
        except httpx.TransportError as error:
            # httpcore has ProxyError for refusals only: a proxy that is down looks like a server that is.
            if self._network.is_short_of_server and not isinstance(error, httpx.ProxyError):
                raise httpx.ProxyError(str(error)) from error
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_ResponseStream(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _ResponseStream(httpx.SyncByteStream):
    """The body of an answer."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _Network(httpcore.NetworkBackend):
    """Opens connections on which no wait is longer than what is left of the exchange."""

    def __init__(self, monotonic: Callable[[], float], tls_layers: int) -> None:
        self._monotonic = monotonic
        self._tls_layers = tls_layers
        """Layers of TLS that are begun once the server itself is reached; 0 where there is no proxy."""
        self._tls_begun = 0
        self._inner = httpcore.SyncBackend()
        self._reached = ""
        """The address that answered last."""
        self._deadline: float = math.inf
        self.opened = 0
        """Connections that were opened."""
        self.received = False
        """Whether a byte has come in this exchange."""

    def begin(self, deadline: float | None) -> None:
        """Begin an exchange that must be over by then."""
        self._deadline = math.inf if deadline is None else deadline
        self.received = False

    @property
    def is_short_of_server(self) -> bool:
        """Whether the last connection was opened to a proxy and got no further."""
        return self._tls_begun < self._tls_layers

    @property
    def is_limited(self) -> bool:
        """Whether the exchange has a deadline."""
        return self._deadline < math.inf

    def left(
        self, timeout: float | None, error: type[httpx.TimeoutException] = httpx.ConnectTimeout
    ) -> float:
        """Return the seconds that the next wait may take. Raise `error` if the deadline has passed."""
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise error("timed out")
        return min(_STEP_TIMEOUT if timeout is None else timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self._tls_begun = 0
        self.opened += 1
        self._reached, stream = connect_to_first(
            sorted(addresses_of(host, port), key=lambda address: address != self._reached),
            lambda address, limit: self._inner.connect_tcp(
                address, port, limit, local_address, socket_options
            ),
            lambda: self.left(timeout),
        )
        return _Connection(stream, self)

    def receive(self, content: bytes) -> bytes:
        """Note what came in, and return it."""
        self.received = self.received or bool(content)
        return content

    def begin_tls(self, timeout: float | None) -> float:
        """Note that TLS begins on the connection; return the seconds that the handshake may take."""
        self._tls_begun += 1
        return self.left(timeout)


def addresses_of(host: str, port: int) -> list[str]:
    """The addresses of a host. An httpcore.ConnectError if it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def connect_to_first(
    addresses: Sequence[str], connect: Callable[[str, float], T], left: Callable[[], float]
) -> tuple[str, T]:
    """Connect to the first address that answers, and return both; `left` returns the seconds left.

    All but the last get a short time, so that one which never answers does not delay every connection.
    """
    for address in addresses[:-1]:
        with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
            return address, connect(address, min(left(), _ADDRESS_TIMEOUT))
    return addresses[-1], connect(addresses[-1], left())


class _Connection(httpcore.NetworkStream):
    """A connection of a network."""

    def __init__(self, stream: httpcore.NetworkStream, network: _Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._network.left(timeout, httpx.ReadTimeout)
        return self._network.receive(self._stream.read(max_bytes, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Without a deadline one call writes everything; `or 1` because `range` takes no step of 0.
        size = _PIECE if self._network.is_limited else len(buffer) or 1
        for start in range(0, len(buffer), size):
            left = self._network.left(timeout, httpx.WriteTimeout)
            self._stream.write(buffer[start : start + size], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._network.begin_tls(timeout))
        return _Connection(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _tls_layers(proxy: str | None, *, tls: bool) -> int:
    """Number of TLS layers of a connection through this proxy; `tls` is the server's. 0 without a proxy."""
    return 0 if proxy is None else proxy.startswith("https:") + tls


def _pool(
    verify: ssl.SSLContext | None, network: httpcore.NetworkBackend, proxy: str | None
) -> httpcore.ConnectionPool:
    common: dict[str, Any] = {
        "ssl_context": verify,
        "keepalive_expiry": IDLE_TIMEOUT,
        "network_backend": network,
    }
    if proxy is None:
        return httpcore.ConnectionPool(**common)
    named = httpx.Proxy(proxy)
    url = named.url
    at = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target="/")
    if url.scheme.startswith("socks5"):
        return httpcore.SOCKSProxy(at, named.raw_auth, **common)
    over_tls = verify if url.scheme == "https" else None
    return httpcore.HTTPProxy(at, named.raw_auth, proxy_ssl_context=over_tls, **common)


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Raise exceptions of httpcore, and those of h11 that it lets through, as httpx's of the same name."""
    try:
        yield
    except Exception as error:
        named = getattr(httpx, type(error).__name__, None)
        if not (isinstance(named, type) and issubclass(named, httpx.TransportError)):
            raise
        raise named(str(error)) from error
