"""Knows stdout and stderr: whether a person reads them, how wide they are, and how a line is written."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, TextIO

from docspeed_cli.core.errors import SAME_AGAIN, DocspeedError, ReaderGone, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from docspeed_cli.core.environment import Environment
    from docspeed_cli.terminal.live import LiveRegion

_SGR_CODES = {"dim": "2", "bold": "1", "green": "32", "red": "31", "bold magenta": "1;35", "bold red": "1;31"}
"""Colours readable on black and on white."""

MIN_WIDTH = 10
"""Columns of the narrowest terminal that we draw for: in fewer, values would not be seen at all."""

_SIZE = "[1-9][0-9]{1,3}"
"""A terminal's size in characters; build systems and editors also set `COLUMNS` to 0, 1 or -1."""

_NO_WISH = ("", "0", "false", "no", "off", "never")
"""Values of `FORCE_COLOR` that ask for no colour."""


class Style(NamedTuple):
    """How to print; with `format` None, a terminal gets a view for people and a pipe gets JSON."""

    format: str | None = None
    json_errors: bool = False
    quiet: bool = False
    verbose: bool = False
    bell: bool = False


class Again(NamedTuple):
    """How hints repeat this command line, without `--fresh`, which would pay for the same request again."""

    hint: str = "`docspeed`"
    """The whole hint: the command line in backticks, or words if input came from a pipe or a URL has
    secrets."""
    phrase: str = SAME_AGAIN
    """Words that hints print in place of `SAME_AGAIN`."""


class Streams:
    """The two output streams of one run, written in one style.

    `secrets` become `…` in everything written to stderr. `server_flags` name the run's server in hints, and
    `again` is called for how they repeat the command line.
    """

    def __init__(
        self,
        environment: Environment,
        style: Style,
        secrets: set[str] | None = None,
        server_flags: str = "",
        again: Callable[[], Again] = Again,
    ) -> None:
        self.environment = environment
        self.style = style
        self.format = style.format or "json"
        self.secrets: set[str] = set() if secrets is None else secrets
        self._server_flags = server_flags
        self.again = again
        self._in_github_actions = environment.env.get("GITHUB_ACTIONS") == "true"
        self._shown_once: set[str] = set()
        self._region: LiveRegion | None = None

    @property
    def human_output(self) -> bool:
        """True if stdout is a terminal and no format was asked for: results are drawn for a person."""
        return self.style.format is None and self.environment.stdout.isatty()

    @property
    def can_redraw(self) -> bool:
        """True if stderr is a UTF-8 terminal with cursor control."""
        return self._has_cursor_control(self.environment.stderr)

    @property
    def redraws_progress(self) -> bool:
        """True if progress is one live line, not a line for each change."""
        return self.can_redraw and not self.style.verbose and not self.style.quiet

    @property
    def errors_only(self) -> bool:
        """True if stderr takes warnings and errors only: with --quiet, and for scripts that use --json."""
        return self.style.quiet or (self.style.json_errors and not self.can_redraw)

    def console(self, *, stderr: bool = False, width: int | None = None) -> Console:
        """A rich console on one of the streams, with markup, emoji and highlighting off.

        Its width is that of the terminal if none is given.
        """
        from rich.console import Console

        # Rich can't see this itself, because `_counts` keeps `TERM=dumb` from it.
        dumb = self.environment.env.get("TERM") == "dumb"
        return Console(
            file=self.environment.stderr if stderr else self.environment.stdout,
            width=width,
            color_system=None if dumb else "auto",
            highlight=False,
            markup=False,
            emoji=False,
            _environ={name: value for name, value in self.environment.env.items() if _counts(name, value)},
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

    def _coloured(self, text: str, colour: str, stream: TextIO) -> str:
        env = self.environment.env
        wanted = self._has_cursor_control(stream) or _counts("FORCE_COLOR", env.get("FORCE_COLOR", ""))
        if not colour or not wanted or env.get("NO_COLOR"):
            return text
        return f"\x1b[{_SGR_CODES[colour]}m{text}\x1b[0m"

    def _write(self, stream: TextIO, text: str) -> None:
        # The live region is on one stream, but at a terminal both are one screen.
        with self._region.hidden() if self._region and stream.isatty() else nullcontext():
            stream.write(text)
            stream.flush()

    def _write_stdout(self, text: str) -> None:
        """Write text to a terminal; characters that its encoding lacks become escapes."""
        stream = self.environment.stdout
        encoding = stream.encoding or "utf-8"
        with stdout_errors():
            self._write(stream, text.encode(encoding, "backslashreplace").decode(encoding))

    def _write_stderr(self, line: str) -> None:
        stream = self.environment.stderr
        # The terminal has echoed ^C at the start of the line.
        start = "\r" if self.environment.interrupts.pending is not None and stream.isatty() else ""
        self._write(stream, f"{start}{self.redact(line)}\n")


def _counts(name: str, value: str) -> bool:
    """Whether a variable has a value that rich should follow."""
    if name == "TERM":
        return value != "dumb"  # rich takes every dumb terminal to be 80 columns wide
    if name in ("COLUMNS", "LINES"):
        return bool(re.fullmatch(_SIZE, value))
    return name != "FORCE_COLOR" or value.strip().lower() not in _NO_WISH


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


def check_bom(form: str, bom: bool) -> None:
    """Check that a byte order mark is asked for CSV only. Raises UsageError."""
    if bom and form != "csv":
        raise UsageError("--bom is for csv", hint="add `--format csv`")
