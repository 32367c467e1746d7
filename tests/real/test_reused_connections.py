"""A used connection may die without an answer: a GET is sent again, and a submission never takes one."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import OutcomeUnknown, Unavailable
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.service.client import Client
from docspeed_cli.service.rate_limit import RateLimiter
from tests.fake_service import KEY, PATIENCE
from tests.stage import Clock, Stream

BODY = b'{"job_id": "job_1", "status": "queued"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY

Act = Callable[[socket.socket], None]


def answer(connection: socket.socket) -> None:
    """Answer, and keep the connection."""
    connection.sendall(ANSWER)


def close(connection: socket.socket) -> None:
    """Read the request, and close the connection without an answer."""
    connection.close()


def reset(connection: socket.socket) -> None:
    """Read the request, and reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def byte(connection: socket.socket) -> None:
    """Read the request, and close the connection after a byte of the answer."""
    connection.sendall(b"H")
    connection.close()


class Server:
    """A server that does the next of these things at each request; `seen` has its connection and method."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.seen: list[tuple[int, str]] = []

    @contextmanager
    def listening(self) -> Iterator[Client]:
        """A client of the server."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            url, clock = f"http://127.0.0.1:{listener.getsockname()[1]}", Clock()
            streams = Stream(), Stream(), Stream()
            environment = Environment(
                {}, *streams, Interrupts(), monotonic=clock.monotonic, sleep=clock.sleep
            )
            with closing(Client(url, KEY, environment, RateLimiter(clock.monotonic))) as client:
                yield client

    def _accept(self, listener: socket.socket) -> None:
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()
            number += 1

    def _serve(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(PATIENCE)
        with suppress(OSError):
            while request := connection.recv(1 << 16):
                while b"\r\n\r\n" not in request or (request[:4] == b"POST" and not request.endswith(b"}")):
                    request += connection.recv(1 << 16)
                self.seen.append((number, request.split(b" ")[0].decode()))
                self.acts.pop(0)(connection)


def submit(client: Client) -> None:
    client.submit("POST", "/api/v1/parse", '{"input": {}}', "token")


@pytest.mark.parametrize("death", [close, reset])
def test_get_on_a_used_connection_that_dies_is_sent_again_at_once(death: Act) -> None:
    server = Server(answer, death, answer)
    with server.listening() as client:
        client.look("job_1")
        client.look("job_1")
    assert server.seen == [(0, "GET"), (0, "GET"), (1, "GET")]


@pytest.mark.parametrize("death", [close, reset])
def test_get_on_a_new_connection_that_dies_is_not(death: Act) -> None:
    server = Server(death)
    with server.listening() as client, pytest.raises(Unavailable, match="the connection broke"):
        client.look("job_1")
    assert server.seen == [(0, "GET")]


@pytest.mark.parametrize("death", [close, reset])
def test_get_is_sent_again_at_once_only_once(death: Act) -> None:
    server = Server(answer, death, death)
    with server.listening() as client:
        client.look("job_1")
        with pytest.raises(Unavailable, match="the connection broke"):
            client.look("job_1")
    assert server.seen == [(0, "GET"), (0, "GET"), (1, "GET")]


def test_get_on_a_used_connection_that_dies_within_the_answer_is_not() -> None:
    server = Server(answer, byte)
    with server.listening() as client:
        client.look("job_1")
        with pytest.raises(Unavailable):
            client.look("job_1")
    assert server.seen == [(0, "GET"), (0, "GET")]


def test_submission_never_goes_to_a_used_connection() -> None:
    """So a connection that dies while it is idle can't leave a submission's outcome unknown."""
    server = Server(answer, answer, answer, answer)
    with server.listening() as client:
        client.look("job_1")
        submit(client)
        client.look("job_1")
        submit(client)
    assert server.seen == [(0, "GET"), (1, "POST"), (1, "GET"), (2, "POST")]


@pytest.mark.parametrize("death", [close, reset, byte])
def test_submission_whose_connection_dies_has_an_unknown_outcome(death: Act) -> None:
    server = Server(answer, death, answer)
    with server.listening() as client:
        client.look("job_1")
        with pytest.raises(OutcomeUnknown):
            submit(client)
    assert server.seen == [(0, "GET"), (1, "POST")]
