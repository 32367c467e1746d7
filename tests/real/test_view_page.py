"""The page of a result in a real browser: Debian's chromium, without a window, driven by Playwright."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docspeed_cli.review.html import page_chunks
from docspeed_cli.review.page import DocumentFile, ResultPage
from tests.real.browser import flaws
from tests.review.papers import pdf
from tests.review.test_page import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROWS = [
    {"item": {"value": name}, "amount": {"value": n}} for n, name in enumerate(("one", "two", "three"), 41)
]


class Opened:
    """A page that is open, and what it asked for or complained about."""

    def __init__(self, browser: Browser, path: Path, **options: Any) -> None:
        self.page: Page = browser.new_page(**options)
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.complaints.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("#panel [data-value]")
        # The file itself, and the pictures in it, are all that may be asked for.
        self.complaints = [
            each for each in self.complaints if not each.startswith(("data:image/jpeg", "file:"))
        ]

    def selected(self) -> str:
        return self.page.inner_text("#detail .key")

    def marked(self) -> list[dict[str, float]]:
        """Return the boxes on the screen of what is marked on the document."""
        found = self.page.eval_on_selector_all(
            ".document:not([hidden]) .marked", "all => all.map(one => one.getBoundingClientRect().toJSON())"
        )
        return list(found)


def write(tmp_path: Path, payload: Any, *files: DocumentFile) -> Path:
    path = tmp_path / "page.html"
    with ResultPage(payload, "", "invoice.pdf", files) as view:
        path.write_bytes(b"".join(page_chunks(view.data, view.pictures())))
    return path


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    """The page of an extraction from two documents' pages, with a table."""
    texts = [f"Invoice KLS/{n}" for n in range(1, 8)]
    texts[5] = "one 41 two 42 three 43"
    fields = {f"number_{n}": {"value": f"KLS/{n}", "page_index": n - 1} for n in (1, 2, 3, 7)}
    fields["missing"] = {"value": None}
    file = DocumentFile("invoice.pdf", pdf(tmp_path / "invoice.pdf", texts))
    return write(tmp_path, {"fields": fields, "line_items": ROWS}, file)


@pytest.mark.parametrize("pages", [1, 2])
def test_view_page_has_the_document_beside_its_values(browser: Browser, tmp_path: Path, pages: int) -> None:
    file = DocumentFile("invoice.pdf", pdf(tmp_path / "invoice.pdf", ["Invoice KLS/1"] * pages))
    path = write(tmp_path, {"fields": {"number": {"value": "KLS/1", "page_index": 0}}}, file)
    page = Opened(browser, path, viewport={"width": 1280, "height": 800}).page
    sheet, panel = page.locator(".sheet").first.bounding_box(), page.locator("#panel").bounding_box()
    assert sheet and panel
    assert sheet["width"] > 600 and panel["width"] > 400
    assert sheet["x"] + sheet["width"] <= panel["x"] and panel["x"] + panel["width"] == 1280
    page.close()


def test_view_page_shows_the_first_page_once_it_is_loaded(browser: Browser, invoice: Path) -> None:
    """A program that saves a picture of the window waits for nothing else."""
    opened = Opened(browser, invoice)
    how = "all => all.slice(0, 2).map(one => [one.loading, one.decoding, one.complete])"
    first, second = opened.page.eval_on_selector_all(".sheet img", how)
    assert (first, second[:2]) == (["eager", "sync", True], ["lazy", "async"])
    opened.page.close()


def test_view_page_values_and_places_lead_to_each_other(browser: Browser, invoice: Path) -> None:
    opened = Opened(browser, invoice, viewport={"width": 1280, "height": 800})
    page = opened.page
    page.get_by_role("option", name="number_7").click()
    page.wait_for_selector("#page-number:text-is('7 / 7')")
    (box,) = opened.marked()
    assert 48 < box["top"] < box["bottom"] < 800
    assert "KLS/7" in page.inner_text("#detail")
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert opened.selected() == "number_2"
    page.wait_for_selector("#page-number:text-is('2 / 7')")
    page.evaluate("document.querySelectorAll('.place')[0].click()")
    assert opened.selected() == "number_1"
    assert page.get_attribute("[aria-selected='true']", "data-value") == "0"
    assert opened.complaints == []
    page.close()


def test_view_page_is_used_by_keyboard_alone(browser: Browser, invoice: Path) -> None:
    opened = Opened(browser, invoice, viewport={"width": 1280, "height": 800}, color_scheme="light")
    page = opened.page

    def press(*keys: str) -> str:
        for key in keys:
            page.keyboard.press(key)
        return opened.selected()

    assert press("j") == "number_1"
    assert press("j", "j", "j", "j") == "missing"
    assert "not found" in page.inner_text("#detail")
    assert press("j") == "line_items[1].item"
    assert press("ArrowRight", "j") == "line_items[2].amount"
    assert press("/", *"three", "Enter") == "line_items[3].item"
    assert page.inner_text("#found") == "1 of 11"
    assert page.locator("#panel [data-value]:visible").count() == 2
    page.keyboard.press("Escape")
    assert page.locator(".hit").count() == 0
    page.keyboard.press("+")
    assert page.inner_text("#zoom-fit") == "125%"
    page.keyboard.press("d")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.keyboard.press("b")
    assert page.get_attribute("#boxes", "aria-pressed") == "false"
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keyboard").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert page.locator(".marked").count() == 0
    assert opened.complaints == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_view_page_has_names_and_contrast_for_everything(
    browser: Browser, invoice: Path, scheme: Any
) -> None:
    opened = Opened(browser, invoice, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page = opened.page
    page.keyboard.press("j")
    assert flaws(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_view_page_hostile_texts_run_nothing(browser: Browser, tmp_path: Path) -> None:
    fields = {HOSTILE: {"value": HOSTILE, "text": HOSTILE}, "<b>x</b>": {"value": "javascript:alert(1)"}}
    payload = {"doc_class": HOSTILE, "fields": fields, "line_items": {HOSTILE: [{HOSTILE: HOSTILE}]}}
    opened = Opened(browser, write(tmp_path, payload, DocumentFile(HOSTILE, problem=HOSTILE)))
    page = opened.page
    page.keyboard.press("j")
    assert page.locator("img, b").count() == 0
    assert "U+202E" in page.inner_text("#detail")
    assert opened.complaints == []
    page.close()


def test_view_page_of_a_huge_result_answers_at_once(browser: Browser, tmp_path: Path) -> None:
    place = {"page_index": 0, "bbox": [0.1, 0.1, 0.2, 0.2]}
    fields = {f"field_{n}": {"value": str(n), **place} for n in range(25_000)}
    path = write(tmp_path, {"fields": fields}, DocumentFile("a.pdf", pdf(tmp_path / "a.pdf")))
    opened = Opened(browser, path)
    opened.page.keyboard.press("j")
    assert opened.selected() == "field_0"
    rows = opened.page.locator(".row")
    rows.nth(19_999).wait_for(state="attached")
    assert rows.count() == 20_000
    assert opened.complaints == []
    opened.page.close()
