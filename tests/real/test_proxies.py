"""Proxies over real sockets: which is used, and what is reported of one that lets nothing through."""

from __future__ import annotations

import socket
import socketserver
import ssl
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import Unavailable
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.service.client import Client
from docspeed_cli.service.rate_limit import RateLimiter
from docspeed_cli.service.retry import MAX_TRIES
from tests.fake_service import KEY, SUBMIT, Service
from tests.real.machine import Machine
from tests.stage import Clock, Stream

SECRET = "proxy-password"


class _Proxy(socketserver.StreamRequestHandler):
    """A proxy that answers CONNECT for any host with a tunnel to one port on this machine."""

    def handle(self) -> None:
        line = self.rfile.readline().decode()
        head = [line]
        while head[-1].strip():
            head.append(self.rfile.readline().decode())
        server: Any = self.server
        server.asked.append(head)
        if server.refusal is not None:
            self.wfile.write(server.refusal)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", server.target)) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


class _Socks(socketserver.StreamRequestHandler):
    """A SOCKS5 proxy without a password, that connects every host name to one port on this machine."""

    def handle(self) -> None:
        self.rfile.read(self.rfile.read(2)[1])
        self.wfile.write(b"\x05\x00")
        name = self.rfile.read(self.rfile.read(5)[4])
        self.rfile.read(2)
        server: Any = self.server
        server.asked.append([name.decode()])
        self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        with socket.create_connection(("127.0.0.1", server.target)) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _copy(source: Any, target: Any) -> None:
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def proxy(
    target: int, *, refusal: bytes | None = None, kind: type[socketserver.StreamRequestHandler] = _Proxy
) -> Iterator[tuple[int, list[list[str]]]]:
    """A proxy on 127.0.0.1: its port, and the heads of the requests that it got."""
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind)
    server.daemon_threads, server.block_on_close = True, False
    server.asked, server.target, server.refusal = [], target, refusal
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1], server.asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tunnelled(service: Service, folder: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The service as https://docs.example on a port, and the environment that trusts it."""
    authority = trustme.CA()
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("docs.example").configure_cert(context)
    with service.listening(tls=context) as base_url:
        yield int(base_url.rsplit(":", 1)[1]), {"SSL_CERT_FILE": str(path)}


@contextmanager
def client(env: dict[str, str], clock: Clock) -> Iterator[Client]:
    """A client of https://docs.example over the network."""
    streams = Stream(), Stream(), Stream()
    environment = Environment(
        env, *streams, Interrupts(), monotonic=clock.monotonic, sleep=clock.sleep, random=lambda: 0.5
    )
    with closing(Client("https://docs.example", KEY, environment, RateLimiter(clock.monotonic))) as made:
        yield made


def submit(made: Client) -> None:
    made.submit("POST", "/api/v1/parse", '{"input": {"file_id": "f"}}', "token")


def test_proxy_from_the_environment_is_used(tmp_path: Path, service: Service) -> None:
    with tunnelled(service, tmp_path) as (target, env), proxy(target) as (port, asked):
        env = {**env, "HTTPS_PROXY": f"127.0.0.1:{port}"}
        done = Machine(tmp_path, "https://docs.example").run("parse", "--file-id", "f", "--wait", env=env)
    assert done.code == 0, done.err
    assert service.count(SUBMIT) == 1
    assert {head[0].split()[1] for head in asked} == {"docs.example:443"}


def test_proxy_gets_the_password_of_its_variable_and_the_server_does_not(
    tmp_path: Path, service: Service
) -> None:
    with (
        tunnelled(service, tmp_path) as (target, env),
        proxy(target) as (port, asked),
        client({**env, "https_proxy": f"http://ann:{SECRET}@127.0.0.1:{port}"}, Clock()) as made,
    ):
        submit(made)
    token = b64encode(f"ann:{SECRET}".encode()).decode()
    assert any(token in line for line in asked[0])
    assert "proxy-authorization" not in service.calls[0].headers


def test_socks_proxy_is_used_and_resolves_the_name(tmp_path: Path, service: Service) -> None:
    pytest.importorskip("socksio")
    with (
        tunnelled(service, tmp_path) as (target, env),
        proxy(target, kind=_Socks) as (port, asked),
        client({**env, "ALL_PROXY": f"socks5h://127.0.0.1:{port}"}, Clock()) as made,
    ):
        submit(made)
    assert (service.count(SUBMIT), asked) == (1, [["docs.example"]])


def test_socks_proxy_without_its_extra_names_the_extra(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    with (
        client({"ALL_PROXY": f"socks5://ann:{SECRET}@127.0.0.1:1"}, Clock()) as made,
        pytest.raises(Unavailable, match="ALL_PROXY names a SOCKS proxy") as caught,
    ):
        submit(made)
    assert "[socks]" in str(caught.value.hint)
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("refusal", "says", "tries"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407", 1),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403 Forbidden", 1),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "400", 1),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502", MAX_TRIES),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "503", MAX_TRIES),
        (b"", "can't be used", MAX_TRIES),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "can't be used", MAX_TRIES),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no secure connection to docs.example", 1),
    ],
)
def test_proxy_that_refuses_is_reported_and_nothing_was_submitted(
    tmp_path: Path, refusal: bytes, says: str, tries: int
) -> None:
    with (
        proxy(1, refusal=refusal) as (port, asked),
        client({"HTTPS_PROXY": f"http://ann:{SECRET}@127.0.0.1:{port}"}, Clock()) as made,
        pytest.raises(Unavailable) as caught,
    ):
        submit(made)
    message = caught.value.message
    assert says in message and len(asked) == tries
    assert "docs.example" in message or f"HTTPS_PROXY names the proxy http://127.0.0.1:{port}" in message
    assert SECRET not in f"{message} {caught.value.hint}"


def test_proxy_with_an_unknown_name_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def look_up(host: str, *args: Any, **named: Any) -> Any:
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with (
        client({"https_proxy": "proxy.invalid:3128"}, Clock()) as made,
        pytest.raises(Unavailable, match=r"https_proxy names the proxy http://proxy\.invalid:3128"),
    ):
        submit(made)
    assert names == ["proxy.invalid"]


def test_proxy_with_a_closed_port_is_tried_again() -> None:
    clock = Clock()
    with (
        client({"all_proxy": "127.0.0.1:1"}, clock) as made,
        pytest.raises(Unavailable, match=r"all_proxy names the proxy http://127\.0\.0\.1:1, which can't be"),
    ):
        submit(made)
    assert len(clock.slept) == MAX_TRIES - 1


def test_proxy_is_not_used_for_loopback(tmp_path: Path, service: Service) -> None:
    with service.listening() as base_url, proxy(1) as (port, asked):
        env = dict.fromkeys(("http_proxy", "HTTP_PROXY", "ALL_PROXY"), f"127.0.0.1:{port}")
        done = Machine(tmp_path, base_url).run("parse", "--file-id", "f", "--wait", env=env)
    assert done.code == 0, done.err
    assert asked == []
