"""An exchange over a real socket ends at its deadline, whatever the server does instead of answering."""

from __future__ import annotations

import itertools
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import httpx
import pytest
import truststore

from docspeed_cli.service.network import Transport
from tests.fake_service import PATIENCE

LIMIT = 0.15
"""Seconds until the deadline."""
DROP = 0.01
"""Seconds between two drops, far less than any limit on silence."""


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """The base URL of a server that does this with its only connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(PATIENCE)
                talk(connection)
                while connection.recv(1 << 20):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the client did not leave"


def drip(connection: socket.socket, drops: bytes, *, first: bytes = b"") -> None:
    """Send these bytes again and again, one at a time, until the client leaves."""
    connection.sendall(first)
    for drop in itertools.cycle(drops):
        connection.sendall(bytes([drop]))
        select.select([], [], [connection], DROP)


def silence(connection: socket.socket) -> None:
    """Answer nothing."""


def header(connection: socket.socket) -> None:
    """Send a header line that never ends."""
    drip(connection, b"x", first=b"HTTP/1.1 200 OK\r\nX-Long: ")


def status(connection: socket.socket) -> None:
    """Send a status line that never ends."""
    drip(connection, b"O", first=b"HTTP/1.1 200 ")


def continues(connection: socket.socket) -> None:
    """Send interim answers only."""
    drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n")


def body(connection: socket.socket) -> None:
    """Send a body that never ends."""
    drip(connection, b" ", first=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")


def chunks(connection: socket.socket) -> None:
    """Send chunks without end."""
    drip(connection, b"1\r\n \r\n", first=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def slow_reader(connection: socket.socket) -> None:
    """Read the beginning of the request a few bytes at a time."""
    for _ in range(5 * round(LIMIT / DROP)):
        connection.recv(4096)
        select.select([], [], [connection], DROP)


def exchange(base_url: str, content: bytes = b"") -> None:
    """An exchange with a deadline; its own limits are far longer."""
    transport = Transport(truststore.SSLContext(0x10), time.monotonic)
    with closing(transport), httpx.Client(transport=transport) as client:
        request = client.build_request(
            "POST",
            base_url,
            content=content,
            timeout=PATIENCE,
            extensions={"deadline": time.monotonic() + LIMIT},
        )
        client.send(request)


@pytest.mark.parametrize("talk", [silence, status, header, continues, body, chunks])
def test_deadline_ends_an_exchange_with_a_silent_or_dripping_server(
    talk: Callable[[socket.socket], None],
) -> None:
    with serving(talk) as base_url, pytest.raises(httpx.ReadTimeout):
        exchange(base_url)


def test_deadline_ends_an_exchange_with_a_server_that_reads_slowly() -> None:
    with serving(slow_reader) as base_url, pytest.raises(httpx.WriteTimeout):
        exchange(base_url, b"x" * 50_000_000)


@pytest.mark.parametrize("talk", [silence, lambda connection: drip(connection, b"\x16\x03\x03\x40\x00\x02")])
def test_deadline_ends_a_tls_handshake(talk: Callable[[socket.socket], None]) -> None:
    with serving(talk) as base_url, pytest.raises(httpx.ConnectTimeout):
        exchange(base_url.replace("http:", "https:"))
