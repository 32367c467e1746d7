"""The sandbox served on a loopback port."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from docspeed_cli.sandbox import Faults, create_app, make_server
from tests.sandbox import papers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def deaf(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """App that never reads the request body."""
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


@pytest.fixture
def port() -> Iterator[int]:
    server = make_server(deaf, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.port
    server.shutdown()
    thread.join()


def test_server_head_has_no_body(port: int) -> None:
    response = httpx.head(f"http://127.0.0.1:{port}/", timeout=10)
    assert (response.headers["Content-Length"], response.content) == ("2", b"")


def test_server_port_in_use_raises_os_error(port: int) -> None:
    with pytest.raises(OSError) as caught:
        make_server(deaf, port)
    assert caught.value.errno == errno.EADDRINUSE


def test_server_prints_nothing_for_a_reset_that_was_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server = make_server(create_app(tmp_path, faults=Faults(fail=(("reset", 1.0),))), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://127.0.0.1:{server.port}/api/v1/upload", files={"files": b"%PDF" * 99}, timeout=10)
    for handler in threading.enumerate():
        if "process_request_thread" in handler.name:
            handler.join(10)
    server.shutdown()
    thread.join()
    assert capfd.readouterr().err == ""


def test_server_upload_and_parse_over_http(tmp_path: Path) -> None:
    server = make_server(create_app(tmp_path, now=count(0, 10).__next__), 0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    assert server.server_address[0] == "127.0.0.1"
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=10) as http:
        document = papers.lines_pdf(["Total: 5.00"])
        item = {
            "file_id": http.post("/api/v1/upload", files={"files": ("ä.pdf", document)}).json()["file_id"]
        }
        submitted = http.post("/api/v1/parse", json={"input": item, "execution_mode": "async"})
        result = http.get(f"/v1/jobs/{submitted.json()['job_id']}/result").json()
        assert result["pages"][0]["text"] == "Total: 5.00"
        assert http.get("/v1/jobs/a%2Fb").status_code == 404
    server.shutdown()
