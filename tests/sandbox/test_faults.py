"""Injected faults, in process and over a socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from werkzeug.wrappers import Request, Response

from docspeed_cli.sandbox import Faults, create_app, make_server, parse_fail
from docspeed_cli.sandbox.faults import FaultyAnswer
from tests.sandbox import papers

DOC = papers.lines_pdf(["Total: 5.00"])


def client(folder: Path, *fail: tuple[str, float], seed: int | None = None) -> httpx.Client:
    """Client of an in-process sandbox with these faults."""
    app = create_app(folder, faults=Faults(fail=fail, seed=seed))
    return httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://sandbox")


@contextmanager
def served(folder: Path, *fail: tuple[str, float]) -> Iterator[int]:
    """Serve a sandbox with these faults; yields its port."""
    server = make_server(create_app(folder, faults=Faults(fail=fail)), 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("text", "pair"), [("429=0.1", ("429", 0.1)), ("Reset=1", ("reset", 1.0)), ("html=0", ("html", 0.0))]
)
def test_parse_fail_returns_kind_and_probability(text: str, pair: tuple[str, float]) -> None:
    assert parse_fail(text) == pair


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("429", "is not KIND=SHARE"),
        ("200=0.5", "unknown kind of failure '200'"),
        ("slow=1", "one of reset, timeout, cut, html"),
        ("500=2", "'2' is not a share"),
        ("500=nan", "'nan' is not a share"),
        ("500=often", "'often' is not a share"),
    ],
)
def test_parse_fail_invalid_text_raises(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_fail(text)


@pytest.mark.parametrize(
    ("status", "code"),
    [("429", "too_many_requests"), ("500", "internal_server_error"), ("503", "service_unavailable")],
)
def test_fault_status_returns_that_status(tmp_path: Path, status: str, code: str) -> None:
    response = client(tmp_path, (status, 1.0)).get("/v1/jobs/x")
    assert response.status_code == int(status)
    assert response.json()["detail"]["code"] == code
    assert response.headers.get("Retry-After") == ("1" if status == "429" else None)
    assert response.headers["X-Docspeed-Sandbox"] == "1"


def test_fault_sequence_is_fixed_by_the_seed(tmp_path: Path) -> None:
    def course(seed: int) -> list[int]:
        with client(tmp_path, ("429", 0.3), ("503", 0.3), seed=seed) as http:
            return [http.get("/v1/jobs/x").status_code for _ in range(60)]

    assert course(1) == course(1) != course(2)
    assert set(course(1)) == {404, 429, 503}


def test_fault_html_returns_a_page_with_200(tmp_path: Path) -> None:
    response = client(tmp_path, ("html", 1.0)).get("/v1/jobs/x")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<h1>" in response.text


def test_fault_in_process_reset_and_timeout_raise(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        client(tmp_path, ("reset", 1.0)).get("/v1/jobs/x")
    with pytest.raises(TimeoutError):
        client(tmp_path, ("timeout", 1.0)).get("/v1/jobs/x")


def test_fault_cut_in_process_returns_half_the_body(tmp_path: Path) -> None:
    with pytest.raises(json.JSONDecodeError):
        client(tmp_path, ("cut", 1.0)).get("/v1/jobs/x").json()


def test_fault_reset_request_takes_effect_sometimes(tmp_path: Path) -> None:
    http = client(tmp_path, ("reset", 1.0), seed=3)
    for _ in range(20):
        with pytest.raises(ConnectionResetError):
            http.post("/api/v1/upload", files={"files": ("a.pdf", DOC)})
    assert 0 < len(list((tmp_path / "files").iterdir())) < 20


def test_fault_latency_delays_the_answer() -> None:
    slept: list[float] = []
    answer = FaultyAnswer(lambda request: Response("whole"), Faults(latency=0.05), slept.append)
    assert answer(Request({})).get_data() == b"whole"
    assert slept == [0.05]


def test_fault_reset_over_socket_resets_the_connection(tmp_path: Path) -> None:
    with served(tmp_path, ("reset", 1.0)) as port, socket.create_connection(("127.0.0.1", port), 10) as peer:
        peer.sendall(b"GET /v1/jobs/x HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            peer.recv(1)


def test_fault_cut_over_socket_ends_before_its_length(tmp_path: Path) -> None:
    broken = pytest.raises(httpx.RemoteProtocolError, match="complete message body")
    with served(tmp_path, ("cut", 1.0)) as port, broken:
        httpx.get(f"http://127.0.0.1:{port}/v1/jobs/x", timeout=10)


def test_fault_timeout_over_socket_ends_with_the_client(tmp_path: Path) -> None:
    with served(tmp_path, ("timeout", 1.0)) as port, pytest.raises(httpx.ReadTimeout):
        httpx.get(f"http://127.0.0.1:{port}/v1/jobs/x", timeout=0.2)
