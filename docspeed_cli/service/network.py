"""The network below httpx: a transport whose exchanges end at their deadline, whatever the server sends."""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

IDLE_TIMEOUT = 5.0
"""Seconds after which an idle connection is not used again: many servers close it about then."""

_STEP_TIMEOUT = 15.0
"""Seconds that each step of a SOCKS handshake may take, on which httpcore sets no limit."""

_PIECE = 16 * 1024
"""Bytes that are written at a time before a deadline; the limit on a write starts again with each piece."""


class Transport(httpx.BaseTransport):
    """The connections of one thread.

    A request's extension `deadline` is the monotonic time by which its exchange must be over. httpx itself
    limits each wait for bytes alone, so that a server which sends one now and then is waited for without end.
    """

    def __init__(self, verify: ssl.SSLContext | None, monotonic: Callable[[], float]) -> None:
        self._network = _Network(monotonic)
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify, keepalive_expiry=IDLE_TIMEOUT, network_backend=self._network
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and read the head of the answer; an exception of httpx if that fails."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        self._network.begin(request.extensions.get("deadline"))
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _errors_of_httpx():
            answer = self._pool.handle_request(sent)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Stream(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Stream(httpx.SyncByteStream):
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

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._inner = httpcore.SyncBackend()
        self._deadline: float = math.inf

    def begin(self, deadline: float | None) -> None:
        """Begin an exchange that must be over by then."""
        self._deadline = math.inf if deadline is None else deadline

    @property
    def is_limited(self) -> bool:
        """Whether the exchange has a deadline."""
        return self._deadline < math.inf

    def left(
        self, timeout: float | None, error: type[httpx.TimeoutException] = httpx.ConnectTimeout
    ) -> float:
        """Seconds that the next wait may take. The error if the deadline has passed."""
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
        stream = self._inner.connect_tcp(host, port, self.left(timeout), local_address, socket_options)
        return _Connection(stream, self)


class _Connection(httpcore.NetworkStream):
    """A connection of a network."""

    def __init__(self, stream: httpcore.NetworkStream, network: _Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.left(timeout, httpx.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        size = _PIECE if self._network.is_limited else len(buffer) or 1
        for start in range(0, len(buffer), size):
            left = self._network.left(timeout, httpx.WriteTimeout)
            self._stream.write(buffer[start : start + size], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._network.left(timeout))
        return _Connection(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


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
