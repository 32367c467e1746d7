"""Knows stdout and stderr: whether a person reads them, how wide they are, and how a line is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, ReaderGone
from docspeed_cli.core.models import Style

if TYPE_CHECKING:
    from rich.console import Console

    from docspeed_cli.terminal.live import LiveRegion

_DEFAULT_COLUMNS = 80
_DEFAULT_ROWS = 25
_SGR_CODES = {
    "dim": "2",
    "bold": "1",
    "green": "32",
    "red": "31",
    "bold magenta": "1;35",
    "bold red": "1;31",
}
"""Colours readable on black and on white."""


class Streams:
    """The two output streams of one run, written in one style."""

    def __init__(self, environment: Environment, style: Style, secrets: set[str] | None = None) -> None:
        self.environment = environment
        self.style = style
        self.secrets: set[str] = set() if secrets is None else secrets
        """Texts replaced by `…` in everything written to stderr."""
        self.server_flags = ""
        """The flags that name this run's server, for commands in hints."""
        self._shown_once: set[str] = set()
        self._region: LiveRegion | None = None

    @property
    def human_output(self) -> bool:
        """True if stdout is a terminal and no format was asked for: results are drawn for a person."""
        return self.style.format is None and self.environment.stdout.isatty()

    @property
    def format(self) -> str:
        """The format of results on stdout; JSON by default."""
        return self.style.format or "json"

    @property
    def can_redraw(self) -> bool:
        """True if stderr is a UTF-8 terminal with cursor control."""
        return self._has_cursor_control(self.environment.stderr)

    @property
    def errors_only(self) -> bool:
        """True if stderr takes warnings and errors only: with --quiet, and for scripts that use --json."""
        return self.style.quiet or (self.style.json_errors and not self.can_redraw)

    @property
    def columns(self) -> int | None:
        """Width of the terminal on stdout, or the value of COLUMNS; None if neither is known."""
        known = self.environment.stdout.isatty() or self.environment.env.get("COLUMNS")
        return self._width(self.environment.stdout) if known else None

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console on one of the streams, with markup, emoji and highlighting off."""
        from rich.console import Console

        stream = self.environment.stderr if stderr else self.environment.stdout
        # rich takes every dumb terminal to be 80 columns wide unless it is given both sizes.
        width = self._width(stream) if self.environment.env.get("TERM") == "dumb" else None
        return Console(
            width=width,
            height=_DEFAULT_ROWS if width else None,
            file=stream,
            highlight=False,
            markup=False,
            emoji=False,
            _environ=self.environment.env,
        )

    def redact(self, text: str) -> str:
        """The text without this run's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text

    def _has_cursor_control(self, stream: TextIO) -> bool:
        # A live line must know how wide its characters are; in other encodings they are escapes.
        unicode = (stream.encoding or "utf-8").lower().startswith("utf")
        return stream.isatty() and unicode and self.environment.env.get("TERM") != "dumb"

    def _width(self, stream: TextIO) -> int:
        columns = self.environment.env.get("COLUMNS", "")
        if columns.isdecimal() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(stream.fileno()).columns or _DEFAULT_COLUMNS
        except (OSError, ValueError):
            return _DEFAULT_COLUMNS

    def _coloured(self, text: str, colour: str, stream: TextIO) -> str:
        env = self.environment.env
        wanted = self._has_cursor_control(stream) or bool(env.get("FORCE_COLOR"))
        if not colour or not wanted or env.get("NO_COLOR"):
            return text
        return f"\x1b[{_SGR_CODES[colour]}m{text}\x1b[0m"

    @contextmanager
    def _region_shown(self, region: LiveRegion) -> Iterator[None]:
        """Keep the region at the bottom of the terminal; everything else is written above it."""
        with region as self._region, self.environment.interrupts.drawing(region.ending):
            try:
                yield
            finally:
                self._region = None

    def _region_hidden(self, stream: TextIO) -> AbstractContextManager[None]:
        """Take the region off this stream's terminal while something is written there."""
        return self._region.hidden() if self._region is not None and stream.isatty() else nullcontext()

    def _write_stdout(self, text: str) -> None:
        """Write text to a terminal; characters that its encoding lacks become escapes."""
        stream = self.environment.stdout
        encoding = stream.encoding or "utf-8"
        # The live line is on stderr, but at a terminal both are one screen.
        with self._region_hidden(stream), stdout_errors():
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()

    def _write_stderr(self, line: str) -> None:
        stream = self.environment.stderr
        line = self.redact(line)
        if self.environment.interrupts.pending is not None and stream.isatty():
            line = f"\r{line}"  # over the ^C that the terminal has echoed
        with self._region_hidden(stream):
            stream.write(line + "\n")
            stream.flush()


@contextmanager
def stdout_errors() -> Iterator[None]:
    """Turn a failed write to stdout into DocspeedError, and a reader that left early into ReaderGone."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
        raise DocspeedError(f"can't write to standard output: {reason}", code="write_failed") from None
