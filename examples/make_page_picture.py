"""Draws the README's picture of `docspeed view`: the page of an invoice as Chromium shows it.

`python examples/make_page_picture.py [FOLDER]` writes `pictures/view.png`, or the same into FOLDER.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

EXAMPLES = Path(__file__).parent
COLOURS = 256
"""Colours of the picture, which make it a third as large."""

KEYS = ("j", "j", "j", "j", "j", "j", "j", "j")
"""What is typed: the eighth value is selected."""


def page_of_invoice(folder: Path) -> Path:
    """Extract the fields of the invoice in the sandbox, and write their page."""
    for name in ("invoice.pdf", "invoice.schema.json"):
        shutil.copy(EXAMPLES / name, folder)
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DOCSPEED_")},
        "DOCSPEED_STATE_DIR": str(folder / "state"),
        "DOCSPEED_CONFIG": str(folder / "config.toml"),
    }
    for line in (
        "extract invoice.pdf --schema invoice.schema.json --sandbox --wait -o result.json",
        "view result.json -o page.html",
    ):
        argv = [sys.executable, "-m", "docspeed_cli", *line.split()]
        subprocess.run(argv, cwd=folder, env=env, check=True, capture_output=True)
    return folder / "page.html"


def make(folder: Path) -> None:
    """Write the picture into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "view.png"
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        page_path = page_of_invoice(Path(made))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce"
        )
        page.goto(page_path.as_uri())
        page.wait_for_selector("#panel [data-value]")
        page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
        for key in KEYS:
            page.keyboard.press(key)
        page.screenshot(path=path)
        browser.close()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(path, optimize=True)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else EXAMPLES / "pictures")
