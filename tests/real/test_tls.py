"""Certificates and proxies: a server with an invalid certificate is sent nothing and asked once."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.fake_service import SUBMIT, Service
from tests.real.machine import Machine


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that is in no trust store."""
    return trustme.CA()


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """The context of a server with a certificate for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA, folder: Path) -> dict[str, str]:
    """The environment that makes the program trust this authority."""
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return {"SSL_CERT_FILE": str(path)}


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("elsewhere.example", True)])
def test_tls_with_an_invalid_certificate_sends_nothing(
    tmp_path: Path, service: Service, authority: trustme.CA, name: str, trusted: bool
) -> None:
    with service.listening(tls=serving(authority, name)) as base_url:
        machine = Machine(tmp_path, base_url)
        env = trusting(authority, tmp_path) if trusted else {}
        done = machine.run("parse", "--file-id", "f", "--json", env=env)
        error = json.loads(done.err.splitlines()[-1])["error"]
        assert (done.code, error["code"], error["retryable"]) == (9, "tls", False)
        assert "trying again" not in done.err
        assert service.calls == []
        assert machine.run("jobs", "list", "--json").out == b""


def test_tls_trusts_the_authority_in_ssl_cert_file(
    tmp_path: Path, service: Service, authority: trustme.CA
) -> None:
    with service.listening(tls=serving(authority, "localhost")) as base_url:
        done = Machine(tmp_path, base_url).run(
            "parse", "--file-id", "f", "--wait", env=trusting(authority, tmp_path)
        )
    assert done.code == 0, done.err
    assert done.out == service.results["job_1"] + b"\n"


def test_tls_with_a_missing_ssl_cert_file_is_reported(tmp_path: Path, authority: trustme.CA) -> None:
    with Service().listening(tls=serving(authority, "localhost")) as base_url:
        done = Machine(tmp_path, base_url).run(
            "parse", "--file-id", "f", env={"SSL_CERT_FILE": str(tmp_path / "missing.pem")}
        )
    assert done.code != 0
    assert "missing.pem" in done.err
    assert "Traceback" not in done.err and "unexpected" not in done.err


def test_tls_to_a_plain_http_port_is_a_tls_error(tmp_path: Path, service: Service) -> None:
    with service.listening() as base_url:
        done = Machine(tmp_path, base_url.replace("http:", "https:")).run("parse", "--file-id", "f", "--json")
    assert done.code == 9
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "tls"
    assert service.calls == []


# -- proxies


class _Proxy(socketserver.StreamRequestHandler):
    """A proxy that answers CONNECT for any host with a tunnel to one port on this machine."""

    def handle(self) -> None:
        import socket

        line = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        server: Any = self.server
        server.asked.append(line.split()[1])
        if server.refusing:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", server.target)) as upstream:
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()


def _copy(source: Any, target: Any) -> None:
    import socket

    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def proxy(target: int, *, refusing: bool = False) -> Iterator[tuple[str, list[str]]]:
    """A proxy on 127.0.0.1: its URL, and the hosts it was asked for."""
    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Proxy)
    server.daemon_threads, server.block_on_close = True, False
    server.asked, server.target, server.refusing = [], target, refusing
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("refusing", [False, True])
def test_proxy_from_the_environment_is_used(
    tmp_path: Path, service: Service, authority: trustme.CA, refusing: bool
) -> None:
    with (
        service.listening(tls=serving(authority, "docs.example")) as base_url,
        proxy(int(base_url.rsplit(":", 1)[1]), refusing=refusing) as (url, asked),
    ):
        env = {**trusting(authority, tmp_path), "HTTPS_PROXY": url}
        machine = Machine(tmp_path, "https://docs.example")
        if refusing:
            with machine.start("parse", "--file-id", "f", env=env) as running:
                running.line_with("407")
            assert service.calls == []
        else:
            done = machine.run("parse", "--file-id", "f", "--wait", env=env)
            assert done.code == 0, done.err
            assert service.count(SUBMIT) == 1
        assert set(asked) == {"docs.example:443"}


def test_proxy_is_not_used_for_loopback(tmp_path: Path, service: Service) -> None:
    with service.listening() as base_url, proxy(1) as (url, asked):
        for env in ({"HTTP_PROXY": url, "NO_PROXY": "127.0.0.1"}, {"http_proxy": url, "ALL_PROXY": url}):
            done = Machine(tmp_path, base_url).run("parse", "--file-id", "f", "--wait", env=env)
            assert done.code == 0, done.err
        assert asked == []


# -- docspeed doctor


def checks(machine: Machine, env: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the doctor's findings by the name of the check."""
    lines = map(json.loads, machine.run("doctor", "--json", env=env).out.splitlines())
    return {line["check"]: line for line in lines}


def test_doctor_tls_certificate_untrusted_names_the_variable(
    tmp_path: Path, service: Service, authority: trustme.CA
) -> None:
    with service.listening(tls=serving(authority, "localhost")) as base_url:
        machine = Machine(tmp_path, base_url)
        seen = checks(machine, trusting(authority, tmp_path))
        assert seen["server"]["ok"] and "accepts the key" in seen["server"]["found"]
        refused = checks(machine, {})["server"]
        assert (refused["ok"], "no secure connection" in refused["found"]) == (False, True)
        assert "SSL_CERT_FILE" in refused["hint"]


def test_doctor_host_unreachable_names_the_proxy_variable(tmp_path: Path) -> None:
    env = {"https_proxy": "http://127.0.0.1:1"}
    seen = checks(Machine(tmp_path, "https://docs.invalid"), env)
    assert (seen["server"]["ok"], "HTTPS_PROXY" in seen["server"]["hint"]) == (False, True)
