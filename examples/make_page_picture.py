"""Draws the README's pictures of `docspeed view` and `docspeed review`, as Chromium shows them.

`python examples/make_page_picture.py [FOLDER]` writes `pictures/view.png` and `review.png`, or into FOLDER.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

EXAMPLES = Path(__file__).parent
COLOURS = 256
"""Colours of the picture, which make it a third as large."""

Keys = tuple[str, ...]

SHOWN: Keys = ("j",) * 8
"""What is typed on the page of `view`: the eighth value is selected."""

REVIEWED: Keys = (*"aaaaa", *"e", *"29AAGCK4821M1Z5", "Enter", *"aa", *"e")
"""What is typed in `review`: some values are accepted, one is corrected, and another is about to be."""


class Example:
    """The results of the example documents in the sandbox, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("invoice.pdf", "packet.pdf", "invoice.schema.json"):
            shutil.copy(EXAMPLES / name, folder)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DOCSPEED_")},
            "DOCSPEED_STATE_DIR": str(folder / "state"),
            "DOCSPEED_CONFIG": str(folder / "config.toml"),
        }
        extract = "extract invoice.pdf packet.pdf --schema invoice.schema.json --sandbox --wait -o results/"
        subprocess.run(self.argv(extract), cwd=folder, env=self.env, check=True, capture_output=True)

    def argv(self, line: str) -> list[str]:
        """Return the arguments of a command."""
        return [sys.executable, "-m", "docspeed_cli", *line.split()]

    def view(self) -> str:
        """Write the page of the invoice, and return its address."""
        argv = self.argv("view results/invoice.json -o page.html")
        subprocess.run(argv, cwd=self.folder, env=self.env, check=True, capture_output=True)
        return (self.folder / "page.html").as_uri()

    @contextmanager
    def review(self) -> Iterator[str]:
        """Serve the review, and yield its address."""
        argv = self.argv("review results/ --schema invoice.schema.json --no-open")
        with subprocess.Popen(
            argv, cwd=self.folder, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as serving:
            assert serving.stdout is not None
            yield serving.stdout.readline().strip()
            serving.terminate()


def draw(browser: Browser, address: str, keys: Keys, path: Path) -> None:
    """Write what the browser shows at an address after these keys."""
    page = browser.new_page(
        viewport={"width": 1280, "height": 800}, color_scheme="light", reduced_motion="reduce"
    )
    page.goto(address)
    page.wait_for_selector("#panel [data-value]")
    page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
    for key in keys:
        page.keyboard.press(key)
        if key == "Enter":
            page.wait_for_selector(".editor", state="hidden")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path, caret="hide")
    page.close()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE).save(path, optimize=True)


def make(browser: Browser, folder: Path) -> None:
    """Write the pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        example = Example(Path(made))
        draw(browser, example.view(), SHOWN, folder / "view.png")
        with example.review() as address:
            draw(browser, address, REVIEWED, folder / "review.png")


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        make(chromium, Path(sys.argv[1]) if sys.argv[1:] else EXAMPLES / "pictures")
        chromium.close()
