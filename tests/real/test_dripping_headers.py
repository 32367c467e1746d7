"""Headers that drip for ever are given up, on a plain connection and on a secure one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
import trustme

from docspeed_cli.service import client as api
from docspeed_cli.service import transport as connections
from tests.fake_service import PATIENCE
from tests.stage import Stage


class Dripping:
    """A server that sends a header without end to whoever asks."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.hung_up = threading.Semaphore(0)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                talk = self._listening.accept()[0]
                threading.Thread(target=self._drip, args=(talk,), daemon=True).start()

    def _drip(self, talk: socket.socket) -> None:
        with suppress(OSError), talk:
            if self._context is not None:
                talk = self._context.wrap_socket(talk, server_side=True)
            talk.recv(65536)
            talk.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not self._over.wait(0.02):
                talk.sendall(b"x")
        self.hung_up.release()

    def close(self) -> None:
        self._over.set()
        self._listening.close()


@pytest.fixture(params=["http", "https"])
def dripping(request: pytest.FixtureRequest, stage: Stage) -> Iterator[tuple[str, Dripping]]:
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)
    stage.transport = lambda base_url: httpx.HTTPTransport(verify=ours)
    server = Dripping(theirs if request.param == "https" else None)
    yield f"{request.param}://localhost:{server.port}", server
    server.close()


@pytest.mark.parametrize("command", ["jobs status job_1", "parse --file-id f"], ids=["read", "submit"])
def test_it_is_given_up(
    stage: Stage, dripping: tuple[str, Dripping], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    url, server = dripping
    monkeypatch.setattr(api, "GET_TIMEOUT", 0.2)
    monkeypatch.setattr(api, "POST_TIMEOUT", 0.2)
    monkeypatch.setattr(connections, "_EVERY", 0.02)
    ran = stage.run(*command.split(), "--base-url", url)
    assert (ran.code, "the answer comes too slowly" in ran.err) == (9, True), ran.err
    assert server.hung_up.acquire(timeout=PATIENCE), "the connection is closed, not left behind"
    assert stage.states() == (["unknown"] if command.startswith("parse") else [])
