"""The only way out of the program: results to stdout, messages and live progress to stderr."""

from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.json_text import to_json
from docspeed_cli.terminal.messages import Messages
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.streams import MIN_WIDTH, stdout_errors
from docspeed_cli.terminal.text_width import TRAILING_SPACES, colour_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from docspeed_cli.service.body import Body
    from docspeed_cli.terminal.live import Draw

_USUAL_WIDTH = 80
"""Columns to draw for where the terminal's own number can't be meant."""

_MAX_JSON_SHOWN = 4_000_000
"""Bytes of JSON shown at a terminal; indenting takes many times as much memory."""


class Output(Messages):
    """Results and messages of one run: for people at a terminal, exact bytes in a pipe."""

    def ready(self) -> None:
        """Raise DocspeedError if stdout is closed, before anything is paid for."""
        with stdout_errors():
            try:
                # Writing nothing reaches no reader and still fails on a closed file descriptor.
                os.write(self.environment.stdout.fileno(), b"")
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise

    def value(self, value: Any) -> None:
        """Write one JSON value: compact on one line in a pipe, indented at a terminal."""
        self._json([_utf8_escaping(to_json(value) + "\n")])

    def payload(self, payload: Body) -> None:
        """Write a result: the server's bytes in a pipe; indented and sanitised at a terminal."""
        self._json(payload.lines())

    def line_with(self, members: Mapping[str, Any], name: str, payload: Body) -> None:
        """Write one JSON line: these members and, last, the payload's own bytes under this name."""
        # The payload is spliced in as bytes: parsing it would change its numbers and take its memory tenfold.
        head = to_json(members)
        opening = head[:-1] + ("," if members else "") + to_json(name) + ":"
        self._json(itertools.chain([_utf8_escaping(opening)], payload.on_one_line(), [b"}\n"]))

    def chunks(self, chunks: Iterable[bytes]) -> None:
        """Write these bytes as they are."""
        stdout = self.environment.stdout
        with stdout_errors():
            stdout.flush()  # text written before must not come after the bytes
            for chunk in chunks:
                stdout.buffer.write(chunk)
            stdout.buffer.flush()

    def text(self, text: str) -> None:
        """Write text and a line end; sanitised at a terminal."""
        if self.environment.stdout.isatty():
            self._write_stdout(sanitize(text) + "\n")
        else:
            self.chunks([_utf8_escaping(text + "\n")])

    def text_or_json(self, members: Mapping[str, Any], text: str) -> None:
        """Write the text for people, or the same facts as a JSON object for programs."""
        self.text(text) if self.human_output else self.value(members)

    def csv(self, text: str) -> None:
        """Write lines of CSV: as they are in a pipe, as plain lines at a terminal."""
        if self.environment.stdout.isatty():
            from docspeed_cli.results.to_csv import BYTE_ORDER_MARK

            self.text(text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n").removesuffix("\n"))
        else:
            self.chunks([_utf8_escaping(text)])

    def row(self, *cells: str, prose: str = "", state: int | None = None) -> None:
        """Write a line for people: these cells and then prose. Cell number `state` gets a state's colour."""
        texts = [sanitize(text, multiline=False) for text in (*cells, prose)]
        if state is not None:
            word = texts[state].strip()
            shown = self._coloured(word, colour_of(word), self.environment.stdout)
            texts[state] = texts[state].replace(word, shown, 1)
        self._write_stdout("  ".join(texts).rstrip() + "\n")

    def show(self, drawing: RenderableType) -> None:
        """Draw this for people. Words longer than a line are left for the terminal to wrap."""
        console = self.console()
        if console.width < MIN_WIDTH:
            console = self.console(width=_USUAL_WIDTH)
        with console.capture() as capture:
            console.print(drawing, crop=False)
        self._write_stdout(re.sub(TRAILING_SPACES, r"\1", capture.get()))

    @contextmanager
    def live(self) -> Iterator[Callable[[str], None]]:
        """Show what one job is at: the context's value is called with each new status."""
        from docspeed_cli.terminal.live import StatusLine

        status = StatusLine(self.environment.monotonic)
        with self.progress_shown("docspeed", status.draw) as log:
            yield lambda text: status.update(text, log)

    @contextmanager
    def progress_shown(self, title: str, draw: Draw) -> Iterator[Callable[[str], None]]:
        """Draw a live line during the block; the context's value logs lines where none can be drawn."""
        if self.redraws_progress:
            with self.live_region(draw):
                yield lambda text: None
        else:
            with self.grouped(title):
                yield self.progress

    @contextmanager
    def live_region(self, draw: Draw, *, stays: bool = False) -> Iterator[None]:
        """Keep these lines at the bottom of the terminal until the context ends; data on stdout stays."""
        from docspeed_cli.terminal.live import LiveRegion

        region = LiveRegion(self.console(stderr=not stays), draw, stays=stays)
        with region.shown(), self.environment.interrupts.drawing(region.ending):
            self._region = region
            try:
                yield
            finally:
                self._region = None

    @contextmanager
    def redrawn(self, draw: Callable[[], RenderableType]) -> Iterator[None]:
        """Keep data on stdout up to date while people look at it; its last state stays there."""
        if self._has_cursor_control(self.environment.stdout):
            with self.live_region(lambda width: draw(), stays=True):
                yield
            return
        # Without cursor control each change would print the whole table again: it is shown once, at the end.
        try:
            yield
        finally:
            self.show(draw())

    def _json(self, chunks: Iterable[bytes]) -> None:
        if not self.environment.stdout.isatty():
            self.chunks(chunks)
            return
        from docspeed_cli.core.json_text import indented

        shown = bytearray()
        for chunk in chunks:
            shown += chunk
            if len(shown) > _MAX_JSON_SHOWN:
                break
        text, whole = indented(shown[:_MAX_JSON_SHOWN].decode("utf-8", "replace"), 3 * _MAX_JSON_SHOWN)
        self.text(text)
        if not whole or len(shown) > _MAX_JSON_SHOWN:
            self.note("only the beginning is shown; `-o FILE` writes all of it")


def _utf8_escaping(text: str) -> bytes:
    """UTF-8, with lone surrogates escaped as JSON escapes them."""
    return text.encode("utf-8", "backslashreplace")
