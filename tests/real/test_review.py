"""`docspeed review`: its server on a loopback port, and its page in a browser, by keyboard alone."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fpdf import FPDF

from docspeed_cli.review.server import ReviewServer
from tests.fake_service import PATIENCE
from tests.real.machine import Machine
from tests.review.test_session import reviewable, saved, session

CHROMIUM = shutil.which("chromium")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReviewServer]:
    with ReviewServer(session(reviewable(tmp_path))) as serving:
        thread = threading.Thread(target=serving.serve)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def ask(
    server: ReviewServer, method: str, path: str, body: str = "", **headers: str
) -> http.client.HTTPResponse:
    """Send a request to a path below the token."""
    at = urlsplit(server.url)
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=PATIENCE)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, at.path + path, body or None, named)
    return connection.getresponse()


def own(server: ReviewServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_server_answers_its_own_page_only(server: ReviewServer, tmp_path: Path) -> None:
    accept = json.dumps({"decision": "accepted", "field": "total"})
    refused = [
        ask(server, "GET", "1/", Host="evil.example"),
        ask(server, "GET", "1/", Host=f"evil.example:{server.server_port}"),
        ask(server, "GET", "1/", Origin="http://evil.example"),
        ask(server, "POST", "1/decide", accept),
        ask(server, "POST", "1/decide", accept, Origin="null"),
        ask(server, "POST", "1/decide", accept, Origin="http://evil.example"),
    ]
    assert [answer.status for answer in refused] == [403] * 6
    assert ask(server, "GET", "../x/1/").status == 404
    assert ask(server, "POST", "1/decide", "x" * 200_001, Origin=own(server)).status == 413
    assert not (tmp_path / "a.corrections.json").exists()
    answer = ask(server, "POST", "1/decide", accept, Origin=own(server))
    assert (answer.status, json.loads(answer.read())["left"]) == (200, 3)
    assert saved(tmp_path)["decisions"][0]["field"] == "total"


def test_server_headers_keep_pages_out_of_caches_frames_and_other_origins(server: ReviewServer) -> None:
    assert len(server.token) >= 43
    answer = ask(server, "GET", "1/")
    assert answer.status == 200 and server.token not in answer.read().decode()
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    policy = answer.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "script-src 'sha256-"):
        assert part in policy
    assert "unsafe" not in policy
    for path, status in (
        ("", 302),
        ("2/", 404),
        ("0/", 404),
        ("1/page/0/1", 404),
        ("1/page/0/x", 404),
        ("y", 404),
    ):
        assert ask(server, "GET", path).status == status, path
    for body in ("{", '{"decision": "guess"}'):
        assert ask(server, "POST", "1/decide", body, Origin=own(server)).status == 422


# -- in a browser


SCHEMA = {
    "doc_class": "bill",
    "fields": [
        {"key": "invoice_number", "type": "string"},
        {"key": "total", "type": "number"},
        {"key": "due_date", "type": "date"},
    ],
}


def make_bill(path: Path, number: int) -> None:
    paper = FPDF(unit="pt")
    paper.set_font("helvetica", size=14)
    paper.add_page()
    for line, text in enumerate(
        (f"Invoice Number: B-{number:03}", f"Total: {number * 10}.50", f"Due Date: 2026-05-{number + 10}")
    ):
        paper.text(60, 100 + 30 * line, text)
    paper.output(str(path))


@contextmanager
def page_of(url: str, problems: list[str]) -> Iterator[Any]:
    """Open a page in a browser; problems are what its console reports and requests that leave its origin."""
    from playwright.sync_api import sync_playwright

    origin = url[: url.index("/", len("http://"))]

    def note_request(request: Any) -> None:
        if not request.url.startswith((f"{origin}/", "data:")):
            problems.append(f"request: {request.url}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("request", note_request)
        page.goto(url)
        yield page
        browser.close()


class Keyboard:
    """Reviews by keys alone, and remembers what was typed."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.decided: dict[str, dict[str, str]] = {}

    def read(self) -> tuple[str, str]:
        """Return the document's name and the key of the value that is selected."""
        return (
            self.page.title(),
            self.page.locator("#detail .key").inner_text(),
        )

    def correct(self, text: str) -> None:
        self.page.keyboard.press("e")
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".editor", state="hidden")

    def review(self, number: int) -> None:
        """Decide about the three values of the document with this place in the queue."""
        self.page.wait_for_selector(f"body[data-ready='{number}']")
        for step in range(3):
            name, field = self.read()
            typed = {
                "invoice_number": f"N {number}",
                "total": f"1,{number:03}.25",
                "due_date": f"{number} May 2026",
            }
            key = field.rpartition(".")[2]
            if (number + step) % 2:
                self.correct(typed[key])
                new = {"total": 1000.25 + number, "due_date": f"2026-05-{number:02}"}.get(key, typed[key])
                self.decided.setdefault(name, {})[field] = new  # type: ignore[assignment]
            else:
                self.page.keyboard.press("a")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_review_of_a_folder_by_keyboard_alone_saves_what_was_typed(tmp_path: Path) -> None:
    machine, count, problems = Machine(tmp_path), 6, list[str]()
    (tmp_path / "bill.json").write_text(json.dumps(SCHEMA))
    for number in range(1, count + 1):
        make_bill(tmp_path / f"bill{number}.pdf", number)
    names = [f"bill{number}.pdf" for number in range(1, count + 1)]
    ran = machine.run("extract", *names, "--schema", "bill.json", "--sandbox", "--wait", "-o", "out/")
    assert ran.code == 0, ran.err
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.json")}
    argv = ("review", "out/", "--schema", "bill.json", "--reviewer", "ana", "--no-open")
    with machine.start(*argv) as running:
        with page_of(running.out_line().strip(), problems) as page:
            keyboard = Keyboard(page)
            for number in range(1, count):
                keyboard.review(number)
            page.wait_for_selector(f"body[data-ready='{count}']")
            assert page.locator(".place.marked").count() == 1
            width = "image => image.decode().then(() => image.naturalWidth)"
            assert page.locator("#pages img").first.evaluate(width) > 500
            page.keyboard.press("a")
            page.keyboard.press("u")
            page.get_by_text("Undone.").wait_for()
            page.keyboard.press("?")
            assert "reject the document" in page.locator("#keys").inner_text()
            page.keyboard.press("Escape")
            page.keyboard.press("c")
            page.keyboard.type("is it paid?")
            page.keyboard.press("Enter")
            page.wait_for_selector(".editor", state="hidden")
            assert page.locator("#progress").inner_text() == f"{count - 1} of {count} reviewed · 3 open here"
        running.send(signal.SIGINT)
        done = running.end()
    assert (done.code, problems) == (0, [])
    assert f"1 result of {count} left" in done.err
    assert "docspeed review out/ --schema bill.json --reviewer ana --no-open" in done.err
    found = {
        name: json.loads((tmp_path / "out" / f"{name[:-5]}.corrections.json").read_text()) for name in before
    }
    assert {
        name: {each["field"]: each["new"] for each in content["corrections"]}
        for name, content in found.items()
        if content["corrections"]
    } == keyboard.decided
    assert (
        sum(len(content["decisions"]) + len(content["corrections"]) for content in found.values())
        == 3 * count - 2
    )
    assert {
        path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.json") if path.name in before
    } == before
