"""`docspeed review`: its server on a loopback port, and its page in a browser, by keyboard alone."""

from __future__ import annotations

import http.client
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from fpdf import FPDF

from docspeed_cli.review.page import DocumentFile
from docspeed_cli.review.server import ReviewServer
from docspeed_cli.review.session import Loaded, Session
from tests.fake_service import PATIENCE
from tests.real.browser import flaws
from tests.real.machine import Machine
from tests.review.papers import huge_image
from tests.review.test_session import RESULT, reviewable, saved, session

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextmanager
def served(mine: Session) -> Iterator[ReviewServer]:
    with ReviewServer(mine) as serving:
        thread = threading.Thread(target=serving.serve)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ReviewServer]:
    with served(session(reviewable(tmp_path))) as serving:
        yield serving


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
    "tables": [{"key": "items", "fields": [{"key": "description"}, {"key": "amount", "type": "number"}]}],
}
COUNT = 8


def make_bill(path: Path, number: int) -> None:
    """Write a bill; some have no due date, and some have a table."""
    paper = FPDF(unit="pt")
    paper.set_font("helvetica", size=14)
    paper.add_page()
    lines = [f"Invoice Number: B-{number:03}", f"Total: {number * 10}.50"]
    lines += [f"Due Date: 2026-05-{number + 10}"] if number % 5 else []
    for line, text in enumerate(lines):
        paper.text(60, 100 + 30 * line, text)
    rows = (("Description", "Amount"), ("Hose", f"{number}.25"), ("Pump", "7.00"), ("Valve", "3.00"))
    for line, row in enumerate(rows if number % 4 == 0 else ()):
        for column, text in enumerate(row):
            paper.text(60 + 250 * column, 260 + 24 * line, text)
    paper.output(str(path))


@contextmanager
def page_of(browser: Browser, url: str, problems: list[str], **options: Any) -> Iterator[Page]:
    """Open a page in a browser; problems are what its console reports and requests that leave its origin."""
    origin = url[: url.index("/", len("http://"))]

    def note_request(request: Any) -> None:
        if not request.url.startswith((f"{origin}/", "data:")):
            problems.append(f"request: {request.url}")

    page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
    page.on("console", lambda message: problems.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("request", note_request)
    page.goto(url)
    yield page
    page.close()


class Keyboard:
    """Reviews by keys alone, and remembers what was typed and decided."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.corrected: dict[tuple[str, str], Any] = {}
        self.accepted: set[tuple[str, str]] = set()
        self.rejected: set[str] = set()

    @property
    def title(self) -> str:
        return str(self.page.title())

    @property
    def field(self) -> str:
        return str(self.page.locator("#detail .key").inner_text())

    @property
    def open_here(self) -> int:
        return int(self.page.locator("#progress").inner_text().rpartition("· ")[2].split()[0])

    def type(self, key: str, text: str) -> None:
        self.page.keyboard.press(key)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".editor", state="hidden")

    def correct(self, number: int) -> None:
        """Correct the value that is selected, as its type wants it."""
        at, name = (self.title, self.field), self.field.rpartition(".")[2]
        typed, new = {
            "total": (f"1,{number:03}.25", 1000.25 + number),
            "amount": (f"{number}.75", number + 0.75),
            "due_date": (f"{number} May 2026", f"2026-05-{number:02}"),
        }.get(name, (f"N {number} “ä”", f"N {number} “ä”"))
        self.type("e", typed)
        self.corrected[at] = new

    def review(self, number: int) -> None:
        """Decide about every value of the document with this place in the queue."""
        self.page.wait_for_selector(f"body[data-ready='{number}']")
        if number == 3:
            self.rejected.add(self.title)
            told = f"{self.title} is rejected; u undoes it."
            self.page.keyboard.press("x")
            self.page.get_by_text(told).wait_for()
            return
        for step in range(self.open_here):
            if (number + step) % 3 == 0:
                self.correct(number)
            else:
                self.accepted.add((self.title, self.field))
                self.page.keyboard.press("a")


def test_review_by_keyboard_alone_saves_what_was_typed(browser: Browser, tmp_path: Path) -> None:
    machine, problems = Machine(tmp_path), list[str]()
    (tmp_path / "bill.json").write_text(json.dumps(SCHEMA))
    for number in range(1, COUNT + 1):
        make_bill(tmp_path / f"bill{number}.pdf", number)
    names = [f"bill{number}.pdf" for number in range(1, COUNT + 1)]
    ran = machine.run("extract", *names, "--schema", "bill.json", "--sandbox", "--wait", "-o", "out/")
    assert ran.code == 0, ran.err
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.json")}
    argv = ("review", "out/", "--reviewer", "ana", "--no-open")  # the run's schema is known
    with machine.start(*argv) as running:
        with page_of(browser, running.out_line().strip(), problems) as page:
            keyboard = Keyboard(page)
            for number in range(1, COUNT):
                keyboard.review(number)
            page.wait_for_selector(f"body[data-ready='{COUNT}']")
            assert page.locator(".place.marked").count() == 1
            width = "image => image.decode().then(() => image.naturalWidth)"
            assert page.locator("#pages img").first.evaluate(width) > 500
            left = keyboard.open_here
            page.keyboard.press("a")
            page.keyboard.press("u")
            page.get_by_text("Undone.").wait_for()
            page.keyboard.press("?")
            assert "reject the document" in page.locator("#keys").inner_text()
            page.keyboard.press("Escape")
            keyboard.type("c", "is it paid?")
            progress = f"{COUNT} of {COUNT} · {COUNT - 1} reviewed · {left} values open here"
            assert page.locator("#progress").inner_text() == progress
        running.send(signal.SIGINT)
        done = running.end()
    assert (done.code, problems) == (0, [])
    assert f"1 result of {COUNT} left" in done.err
    assert "docspeed review out/ --reviewer ana --no-open" in done.err
    found = [
        (name, decision)
        for name in before
        for content in [json.loads((tmp_path / "out" / f"{name[:-5]}.corrections.json").read_text())]
        for decision in (*content["corrections"], *content["decisions"])
    ]
    assert {(name, each["field"]): each["new"] for name, each in found if "new" in each} == keyboard.corrected
    decided = {
        kind: [(name, each.get("field")) for name, each in found if each.get("decision") == kind]
        for kind in ("accepted", "rejected", "note")
    }
    assert set(decided["accepted"]) == keyboard.accepted
    assert (len(keyboard.corrected) > 5, len(keyboard.accepted) > 10) == (True, True)
    assert ([name for name, _ in decided["rejected"]], len(decided["note"])) == ([*keyboard.rejected], 1)
    assert any(field.startswith("items[") for _, field in keyboard.corrected)
    results = (tmp_path / "out").glob("*.json")
    assert {path.name: path.read_bytes() for path in results if path.name in before} == before


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_review_page_has_names_contrast_and_a_focus_for_everything(
    browser: Browser, server: ReviewServer, scheme: Any, width: int
) -> None:
    problems: list[str] = []
    size = {"width": width, "height": 800}
    with page_of(browser, server.url, problems, color_scheme=scheme, viewport=size) as page:
        page.wait_for_selector("body[data-ready]")
        for keys in (["Tab"] * 3, ["a", "n", "e"], ["Escape", "C"], ["Escape", "x"], ["u", "p", "?"]):
            for key in keys:
                page.keyboard.press(key)
            assert flaws(page) == [], keys
        page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert problems == []


def test_review_page_says_why_a_page_of_the_document_cannot_be_shown(
    browser: Browser, tmp_path: Path
) -> None:
    problems: list[str] = []
    scan = DocumentFile("scan.png", huge_image(tmp_path / "scan.png"))
    loaded = Loaded(RESULT, "extract", [scan])
    mine = session(reviewable(tmp_path)._replace(load=lambda: loaded))
    with served(mine) as serving, page_of(browser, serving.url, problems) as page:
        page.get_by_text("30000 × 10000 pixels are too many to draw").wait_for()
    assert problems == []
