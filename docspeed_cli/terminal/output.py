"""The only way out of the program: results to stdout, messages and live progress to stderr."""

from __future__ import annotations

import errno
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docspeed_cli.terminal.messages import Messages
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.streams import stdout_errors
from docspeed_cli.terminal.text_width import TRAILING_SPACES, colour_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from docspeed_cli.service.body import Body

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
        if self.environment.stdout.isatty():
            self._indented([_utf8(json.dumps(value, ensure_ascii=False))])
        else:
            self.text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def payload(self, payload: Body) -> None:
        """Write a result: the server's bytes in a pipe; indented and sanitised at a terminal."""
        if self.environment.stdout.isatty():
            self._indented(payload.chunks())
        else:
            self.chunks(payload.lines())

    def line_with(self, members: Mapping[str, Any], name: str, payload: Body) -> None:
        """Write one JSON line: these members and, last, the payload's own bytes under this name."""
        # The payload is spliced in as bytes: parsing it would change its numbers and take its memory tenfold.
        head = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        opening = head[:-1] + ("," if members else "") + json.dumps(name) + ":"
        parts = itertools.chain([_utf8(opening)], payload.on_one_line(), [b"}\n"])
        if self.environment.stdout.isatty():
            self._indented(parts)
        else:
            self.chunks(parts)

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
            self.chunks([_utf8(text + "\n")])

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
        with console.capture() as capture:
            console.print(drawing, crop=False)
        self._write_stdout(TRAILING_SPACES.sub(r"\1", capture.get()))

    @contextmanager
    def live(self) -> Iterator[Callable[[str], None]]:
        """Progress while one job is waited for: a line that changes, or a plain line for each change.

        The value of the context is called with what is going on now.
        """
        if self.style.quiet:
            yield lambda text: None
        elif self.can_redraw and not self.style.verbose:
            from docspeed_cli.terminal.live import StatusLine

            status = StatusLine(self.environment.monotonic)
            with self.live_region(lambda: status):
                yield status.update
        else:
            with self.grouped("docspeed"):
                yield _changes_only(self.progress)

    @contextmanager
    def live_region(self, draw: Callable[[], RenderableType]) -> Iterator[None]:
        """Keep these lines at the bottom of the terminal on stderr until the context ends."""
        from docspeed_cli.terminal.live import LiveRegion

        with self._region_shown(LiveRegion(self.console(stderr=True), draw)):
            yield

    @contextmanager
    def redrawn(self, draw: Callable[[], RenderableType]) -> Iterator[None]:
        """Keep data on stdout up to date while people look at it; its last state stays there."""
        from docspeed_cli.terminal.live import LiveRegion

        if self._has_cursor_control(self.environment.stdout):
            with self._region_shown(LiveRegion(self.console(), draw, stays=True)):
                yield
            return
        # Without cursor control each change would print the whole table again: it is shown once, at the end.
        try:
            yield
        finally:
            self.show(draw())

    def _indented(self, chunks: Iterable[bytes]) -> None:
        from docspeed_cli.service.body import indented

        shown, more = bytearray(), False
        for chunk in chunks:
            more = len(shown) + len(chunk) > _MAX_JSON_SHOWN
            shown += chunk[: _MAX_JSON_SHOWN - len(shown)]
            if more:
                break
        text, whole = indented(shown.decode("utf-8", "replace"), 3 * _MAX_JSON_SHOWN)
        self.text(text)
        if more or not whole:
            self.note("only the beginning is shown; `-o FILE` writes all of it")


def _utf8(text: str) -> bytes:
    """UTF-8, with lone surrogates escaped as JSON escapes them."""
    return text.encode("utf-8", "backslashreplace")


def _changes_only(say: Callable[[str], None]) -> Callable[[str], None]:
    last = ""

    def update(text: str) -> None:
        nonlocal last
        if text != last:
            last = text
            say(text)

    return update
