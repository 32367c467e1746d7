"""Downloads over real sockets: a truncated document, a proxy, and one that has not changed."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fake_service import Service
from tests.real.machine import Machine

PDF = b"%PDF-1.4\n" + b"from the web " * 5000 + b"\n%%EOF\n"
WHOLE = b"HTTP/1.1 200 OK\r\nETag: 7\r\nContent-Length: %d\r\n\r\n%b" % (len(PDF), PDF)
UNCHANGED = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"


class _Scripted(socketserver.StreamRequestHandler):
    """Handler that answers each connection with the server's next reply, byte for byte."""

    def handle(self) -> None:
        head = [self.rfile.readline().decode().strip()]
        while head[-1]:
            head.append(self.rfile.readline().decode().strip())
        server: Any = self.server
        server.asked.append(head)
        self.wfile.write(server.replies.pop(0) if len(server.replies) > 1 else server.replies[0])


@contextmanager
def web(*replies: bytes) -> Iterator[tuple[str, list[list[str]]]]:
    """Serve these replies on 127.0.0.1; yields the address, and the heads of the requests so far."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Scripted) as server:
        server.daemon_threads = True
        server.replies, server.asked = list(replies), []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server.asked  # type: ignore[attr-defined]
        server.shutdown()


def test_truncated_download_is_tried_again_and_then_not_downloaded_again(
    machine: Machine, service: Service
) -> None:
    with web(WHOLE[:-100], WHOLE, UNCHANGED) as (address, asked):
        for _ in range(2):
            done = machine.run("parse", f"{address}/a.pdf", "--wait")
            assert done.code == 0, done.err
    assert list(service.files.values()) == [PDF] and len(service.accepted) == 1
    assert len(asked) == 3 and "If-None-Match: 7" in asked[2]
    assert not any("authorization" in line.lower() for head in asked for line in head)


def test_download_that_is_always_truncated_is_never_submitted(machine: Machine, service: Service) -> None:
    with web(WHOLE[:-100]) as (address, _):
        done = machine.run("parse", f"{address}/a.pdf", "--wait", "--timeout", "1s")
    assert done.code == 9 and f"{address}/a.pdf" in done.err
    assert not service.files and not service.accepted


def test_download_over_plain_http_goes_through_http_proxy(machine: Machine, service: Service) -> None:
    with web(WHOLE) as (proxy, asked):
        done = machine.run("parse", "http://files.invalid/a.pdf", env={"http_proxy": proxy, "NO_PROXY": ""})
    assert done.code == 0, done.err
    assert asked[0][0] == "GET http://files.invalid/a.pdf HTTP/1.1"
    assert list(service.files.values()) == [PDF]
