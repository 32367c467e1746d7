"""Draws the README's pictures: runs each command at a pseudo-terminal and writes its screen as SVG.

`python examples/make_pictures.py [FOLDER]` writes `pictures/*.svg`, or the same into FOLDER. The bytes are
the same each time, because ids and times, which differ from run to run, are replaced by examples.
"""

from __future__ import annotations

import hashlib
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import pyte

EXAMPLES = Path(__file__).parent
COLUMNS, ROWS = 92, 300


class Kept(NamedTuple):
    """Lines shown in the picture: this many, from the first line that begins with this text."""

    begins: str
    lines: int


class Shot(NamedTuple):
    """One picture: the commands typed, and the lines of the screen that are shown; all if none are named."""

    name: str
    about: str
    typed: tuple[str, ...]
    kept: tuple[Kept, ...] = ()


SHOTS = (
    Shot(
        "parse",
        "An invoice is parsed: its headings, its labels and values, its table of items, its totals.",
        ("docspeed parse invoice.pdf --sandbox --wait",),
        (
            Kept("$", 7),
            Kept("Invoice No.", 4),
            Kept("     ", 10),
            Kept("Taxable value", 7),
            Kept("completed", 2),
        ),
    ),
    Shot(
        "extract",
        "Fields and line items of an invoice by a schema, each field with the lines that it was read from.",
        ("docspeed extract invoice.pdf --schema invoice.schema.json --sandbox --wait",),
        (Kept("$", 31), Kept("completed", 2)),
    ),
    Shot(
        "chat",
        "A question about an invoice and a second one that goes on from it; each answer quotes its source.",
        (
            "docspeed chat 'What is the grand total?' invoice.pdf --sandbox",
            "docspeed chat 'And when is it due?' --continue --sandbox",
        ),
    ),
    Shot(
        "batch",
        "Five invoices, one of them damaged: four results and an error. "
        "After the file is replaced, the same command does the rest.",
        (
            "docspeed extract invoices/ --recursive --schema schema.json --sandbox --wait -o results/",
            "cp rescanned.pdf invoices/2026-03.pdf",
            "docspeed extract invoices/ --recursive --schema schema.json --sandbox --wait -o results/",
        ),
    ),
)


# -- running


def copy_documents(folder: Path) -> None:
    """Copy the documents into the folder; one of those in `invoices` is cut off."""
    shutil.copy(EXAMPLES / "invoice.schema.json", folder)
    shutil.copy(EXAMPLES / "invoice.schema.json", folder / "schema.json")
    whole = (EXAMPLES / "invoice.pdf").read_bytes()
    (folder / "invoices").mkdir()
    for name in ("invoice", "rescanned", *(f"invoices/2026-0{month}" for month in range(1, 6))):
        # Each copy gets a comment: the same document twice would be one job.
        content = whole[:3000] if name.endswith("-03") else whole + f"% {name}\n".encode()
        (folder / f"{name}.pdf").write_bytes(content)


def environment(folder: Path) -> dict[str, str]:
    """The environment of a new user, with settings that make jobs end in the order of their inputs."""
    return {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DOCSPEED_STATE_DIR": str(folder / "state"),
        "DOCSPEED_CONCURRENCY": "1",
        "DOCSPEED_POLL_INTERVAL": "2s",
    }


def shown(line: str, folder: Path) -> bytes:
    """Run a line in a shell; everything that its terminal is sent."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
    process = subprocess.Popen(
        ["sh", "-c", line],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment(folder),
        cwd=folder,
    )
    os.close(theirs)
    sent = b"".join(_chunks(ours))
    os.close(ours)
    process.wait()
    return sent


def _chunks(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux reports that the other end is closed
            return
        if not chunk:
            return
        yield chunk


def with_stable_ids(sent: bytes, name: str) -> bytes:
    """The same bytes, with ids and times replaced by ones that are the same in every run."""
    aliases: dict[bytes, bytes] = {}

    def alias(match: re.Match[bytes]) -> bytes:
        number = f"{name} {len(aliases)}".encode()
        return aliases.setdefault(match[0], match[1] + hashlib.sha256(number).hexdigest()[:20].encode())

    sent = re.sub(rb"\b(job_|file_)[0-9a-f]{20}\b", alias, sent)
    sent = re.sub(rb"(\d (?:done|failed|reused\))) in [\d.]+ m?s", rb"\1 in 2.0 s", sent)
    sent = re.sub(rb"\brun [0-9a-f]{8}\b", b"run 3f9a1c2b", sent)
    sent = re.sub(rb"(submitted|from) (just now|\d+ s ago)", rb"\1 2 s ago", sent)
    return re.sub(rb"completed in [\d.]+ m?s", b"completed in 1.1 s", sent)


# -- the screen


class Look(NamedTuple):
    """The style of a stretch of characters."""

    colour: str = "default"
    bold: bool = False
    italic: bool = False
    underlined: bool = False
    faint: bool = False

    @property
    def classes(self) -> str:
        """The classes of the style sheet for this look."""
        marks = {"b": self.bold, "i": self.italic, "u": self.underlined, "f": self.faint}
        colour = [] if self.colour == "default" else [self.colour]
        return " ".join([*colour, *(mark for mark, there in marks.items() if there)])


class Stretch(NamedTuple):
    """Characters of one look, starting at a column."""

    column: int
    text: str
    look: Look


class Screen(pyte.Screen):
    """A screen that keeps faint text, which pyte does not know, as blinking text, which we never use."""

    def select_graphic_rendition(self, *attrs: int) -> None:
        """Apply text attributes; 2 (faint) becomes 5 (blinking)."""
        super().select_graphic_rendition(*(5 if attr == 2 else attr for attr in attrs))


def screen(sent: bytes) -> list[list[Stretch]]:
    """The lines on the screen at the end, without the empty ones below them."""
    terminal = Screen(COLUMNS, ROWS)
    pyte.ByteStream(terminal).feed(sent)
    lines = [_stretches(terminal.buffer[row]) for row in range(terminal.cursor.y + 1)]
    while lines and not lines[-1]:
        lines.pop()
    assert len(lines) < ROWS, "the screen was too low"
    return lines


def _stretches(row: Mapping[int, Any]) -> list[Stretch]:
    """The words of a line, split at the gaps between columns so that each is drawn in its place."""
    found = []
    for look, group in groupby(range(COLUMNS), lambda column: _look(row[column])):
        columns = list(group)
        text = "".join(row[column].data for column in columns)
        found += [
            Stretch(columns[0] + word.start(), word[0], look)
            for word in re.finditer(r"[─█]+|[^\s─█]+(?: [^\s─█]+)*", text)
        ]
    return found


def _look(cell: Any) -> Look:
    return Look(cell.fg, cell.bold, cell.italics, cell.underscore, cell.blink)


def line_text(line: Sequence[Stretch]) -> str:
    """The characters of a line."""
    text = ""
    for stretch in line:
        text = text.ljust(stretch.column) + stretch.text
    return text


def cut(lines: Sequence[list[Stretch]], kept: Sequence[Kept]) -> list[list[Stretch] | int]:
    """The lines shown, with the number of lines left out between them."""
    if not kept:
        return list(lines)
    result: list[list[Stretch] | int] = []
    at = 0
    for begins, count in kept:
        start = next(n for n in range(at, len(lines)) if line_text(lines[n]).startswith(begins))
        if start > at:
            result.append(start - at)
        result += lines[start : start + count]
        at = start + count
    return result


# -- drawing

CELL, LINE, PAD, BAR = 8.4, 19, 22, 38
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: #d3dae3; white-space: pre }
.b { font-weight: 700; fill: #f6f8fa } .i { font-style: italic } .u { text-decoration: underline }
.f { fill: #7f8b99 }
.red { fill: #ff7b72 } .green { fill: #7ee787 } .brown { fill: #e3b341 }
.blue { fill: #79c0ff } .magenta { fill: #d2a8ff } .cyan { fill: #56d4dd }
.title, .gap { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; font-size: 12px; fill: #7f8b99 }
"""


def picture(shot: Shot, lines: Sequence[list[Stretch] | int]) -> str:
    """The SVG of a terminal with these lines."""
    width, height = 2 * PAD + COLUMNS * CELL, BAR + len(lines) * LINE + 2 * PAD - 8
    drawn = [part for number, line in enumerate(lines) for part in _line(line, BAR + PAD - 8 + number * LINE)]
    return "\n".join([*_frame(shot, width, height), *drawn, "</svg>", ""])


def _frame(shot: Shot, width: float, height: float) -> list[str]:
    """The window around the lines, and the description for screen readers."""
    dots = "".join(f'<circle cx="{x}" cy="{BAR / 2:g}" r="6" fill="#3b4552"/>' for x in (24, 44, 64))
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="title about">',
        f'<title id="title">{escape(shot.typed[0])}</title>',
        f'<desc id="about">{escape(shot.about)}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="10" fill="#10161d" '
        'stroke="#7f8b99" stroke-opacity=".45"/>',
        f'<path d="M1 {BAR}v-27a10 10 0 0 1 10-10h{width - 22:g}a10 10 0 0 1 10 10v27z" fill="#1a222c"/>',
        dots,
        f'<text class="title" x="{width / 2:g}" y="{BAR / 2 + 4:g}" text-anchor="middle">docspeed</text>',
    ]


def _line(line: list[Stretch] | int, top: float) -> Iterator[str]:
    if isinstance(line, int):
        yield f'<text class="gap" x="{PAD}" y="{top + 14:g}">⋮  {line} more lines</text>'
        return
    for stretch in line:
        yield _stretch(stretch, top)


def _stretch(stretch: Stretch, top: float) -> str:
    """Characters at a fixed width in any font; rules and bars as rectangles."""
    x, width = f"{PAD + stretch.column * CELL:g}", f"{len(stretch.text) * CELL:g}"
    name = f' class="{stretch.look.classes}"' if stretch.look.classes else ""
    if stretch.text[0] == "─":
        return f'<rect{name} x="{x}" y="{top + 9:g}" width="{width}" height="1" opacity=".7"/>'
    if stretch.text[0] == "█":
        return f'<rect{name} x="{x}" y="{top:g}" width="{width}" height="{LINE}"/>'
    size = f'textLength="{width}" lengthAdjust="spacingAndGlyphs"'
    return f'<text{name} x="{x}" y="{top + 14:g}" {size}>{escape(stretch.text)}</text>'


# -- the pictures


def drawn(shot: Shot) -> str:
    """Run the commands of a picture in a new folder, and draw the screen that they leave."""
    with tempfile.TemporaryDirectory() as folder:
        copy_documents(Path(folder))
        sent = b"".join(
            f"\x1b[32m$\x1b[0m \x1b[1m{line}\x1b[0m\r\n".encode() + shown(line, Path(folder)) + b"\r\n"
            for line in shot.typed
        )
    return picture(shot, cut(screen(with_stable_ids(sent, shot.name)), shot.kept))


def make(folder: Path, shots: Iterable[Shot] = SHOTS) -> None:
    """Write the pictures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    shots = tuple(shots)
    with ThreadPoolExecutor() as pool:
        for shot, text in zip(shots, pool.map(drawn, shots), strict=True):
            (folder / f"{shot.name}.svg").write_text(text, "utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else EXAMPLES / "pictures")
