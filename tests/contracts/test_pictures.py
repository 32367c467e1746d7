"""The pictures in README and `docs/` are what the program shows.

`DOCSPEED_WRITE_PICTURES=1 pytest tests/contracts/test_pictures.py` draws those in `examples/pictures/` again.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageChops, ImageStat

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOP = Path(__file__).parents[2]
PICTURES = TOP / "examples" / "pictures"
NAMES = sorted(path.name for path in PICTURES.glob("*.svg"))
PAGES = ["review.png", "view.png"]
"""The pictures of pages in the browser."""
MAX_BYTES = 150_000

MAX_DIFFERENCE = 12
"""Of 255, on average: browsers and their fonts differ from machine to machine."""
WRITE = bool(os.environ.get("DOCSPEED_WRITE_PICTURES"))


@pytest.mark.real
def test_pictures_equal_what_the_program_draws(tmp_path: Path) -> None:
    folder = PICTURES if WRITE else tmp_path
    script = TOP / "examples" / "make_pictures.py"
    subprocess.run([sys.executable, script, folder], stdin=subprocess.DEVNULL, timeout=240, check=True)
    drawn = {path.name: path.read_text("utf-8") for path in folder.glob("*.svg")}
    assert drawn == {path.name: path.read_text("utf-8") for path in PICTURES.glob("*.svg")}


@pytest.mark.real
def test_pictures_of_pages_are_what_the_browser_shows(browser: Browser, tmp_path: Path) -> None:
    folder = PICTURES if WRITE else tmp_path
    script = runpy.run_path(str(TOP / "examples" / "make_page_picture.py"))
    script["make"](browser, folder)
    for name in PAGES:
        with Image.open(folder / name) as drawn, Image.open(PICTURES / name) as kept:
            difference = ImageChops.difference(drawn.convert("L"), kept.convert("L"))
        assert ImageStat.Stat(difference).mean[0] <= MAX_DIFFERENCE
        assert (PICTURES / name).stat().st_size <= MAX_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_picture_refers_to_nothing_outside(name: str) -> None:
    text = (PICTURES / name).read_text("utf-8")
    assert re.findall(r"https?://[^\"']*", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"@import|url\(|<script|<image|href", text)


@pytest.mark.parametrize("name", NAMES)
def test_picture_has_a_title_and_a_description(name: str) -> None:
    svg = ElementTree.parse(PICTURES / name).getroot()
    texts = [svg.findtext(f"{{http://www.w3.org/2000/svg}}{tag}") for tag in ("title", "desc")]
    assert all(texts) and svg.get("aria-labelledby") == "title about"


def test_pictures_are_each_shown_with_an_alternative_text() -> None:
    pages = "".join(page.read_text("utf-8") for page in (TOP / "README.md", *(TOP / "docs").glob("*.md")))
    shown = re.findall(r"!\[([^\]]+)\]\((?:\.\./)?examples/pictures/([^)]+)\)", pages)
    assert {name for _, name in shown} == {*NAMES, *PAGES}
    assert all(len(words) > 30 for words, _ in shown)
