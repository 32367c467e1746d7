"""The only place that writes: data to stdout; progress, notes, hints and errors to stderr."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, ReaderGone
from docspeed_cli.core.models import Style
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.text_width import PADDING, colour_of, wrapped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from docspeed_cli.service.body import Body
    from docspeed_cli.service.client import Exchange
    from docspeed_cli.terminal.live import LiveRegion


_SCREEN = 25
_USUAL_WIDTH = 80
_MOST_SHOWN = 4_000_000
"""Bytes of JSON that a terminal is given; laid out they take many times as much memory."""

_HELD = "\0"
"""In the place of a space at which no line may end; no text that is shown holds one."""

_CODES = {
    "dim": "2",
    "bold": "1",
    "green": "32",
    "red": "31",
    "bold magenta": "1;35",
    "bold red": "1;31",
}

_FOR_RUNNER = re.compile(r"^(\s*)::", re.MULTILINE)
_FOR_RUNNER_OLD = re.compile(r"##\[")
"""What GitHub's runner takes for a command: at the start of a line, after any space; or anywhere."""


class Live(Protocol):
    """A line of progress."""

    def __call__(self, text: str) -> None:
        """Say what is going on now."""


class Output:
    """Writes to one world's streams in one style."""

    def __init__(self, world: Environment, style: Style, secrets: set[str] | None = None) -> None:
        self.world = world
        self.style = style
        self.server_flags = ""
        """The flags that name this run's server, for hints."""
        self.secrets: set[str] = set() if secrets is None else secrets
        """What is never written to stderr, whoever says it."""
        self._said: set[str] = set()
        self._bottom: LiveRegion | None = None

    # -- who reads

    @property
    def human_output(self) -> bool:
        """Whether stdout is read by a person, in the form made for people."""
        return self.style.format is None and self.world.stdout.isatty()

    @property
    def format(self) -> str:
        """The named format of what goes to stdout; JSON where none was asked for."""
        return self.style.format or "json"

    @property
    def can_redraw(self) -> bool:
        """Whether stderr is a terminal that can redraw a line, and whose encoding tells how wide that is."""
        return self._redraws(self.world.stderr)

    def _redraws(self, stream: TextIO) -> bool:
        told = (stream.encoding or "utf-8").lower().startswith("utf")
        return stream.isatty() and told and self.world.env.get("TERM") != "dumb"

    @property
    def columns(self) -> int | None:
        """How wide the terminal is that stdout goes to, or how wide COLUMNS says that a text may be."""
        told = self.world.stdout.isatty() or self.world.env.get("COLUMNS")
        return self._columns(self.world.stdout) if told else None

    @property
    def errors_only(self) -> bool:
        """Whether stderr is for warnings and errors only: a script that asked for JSON reads a line of it."""
        return self.style.quiet or (self.style.json_errors and not self.can_redraw)

    # -- stdout

    def ready(self) -> None:
        """DocspeedError where stdout is closed: better told before anything is paid for."""
        with _written():
            try:
                os.write(self.world.stdout.fileno(), b"")
            except OSError as error:
                if error.errno == errno.EBADF:
                    raise

    def value(self, value: Any) -> None:
        """One JSON value: compact on a line of its own in a pipe, indented at a terminal."""
        if self.world.stdout.isatty():
            self._indented([_utf8(json.dumps(value, ensure_ascii=False))])
        else:
            self.text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def payload(self, payload: Body) -> None:
        """The server's very bytes in a pipe; at a terminal indented, and made harmless."""
        if self.world.stdout.isatty():
            self._indented(payload.chunks())
        else:
            self.chunks(payload.lines())

    def line_with(self, members: Mapping[str, Any], name: str, payload: Body) -> None:
        """One JSON line of these members and, last, the payload as it is under this name."""
        head = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        opening = head[:-1] + ("," if members else "") + json.dumps(name) + ":"
        parts = itertools.chain([_utf8(opening)], payload.on_one_line(), [b"}\n"])
        if self.world.stdout.isatty():
            self._indented(parts)
        else:
            self.chunks(parts)

    def _indented(self, chunks: Iterable[bytes]) -> None:
        from docspeed_cli.service.body import indented

        shown, more = bytearray(), False
        for chunk in chunks:
            more = len(shown) + len(chunk) > _MOST_SHOWN
            shown += chunk[: _MOST_SHOWN - len(shown)]
            if more:
                break
        text, whole = indented(shown.decode("utf-8", "replace"), 3 * _MOST_SHOWN)
        self.text(text)
        if more or not whole:
            self.note("this is its beginning; -o FILE writes all of it")

    def chunks(self, chunks: Iterable[bytes]) -> None:
        """Bytes as they are."""
        with _written():
            self.world.stdout.flush()
            for chunk in chunks:
                self.world.stdout.buffer.write(chunk)
            self.world.stdout.buffer.flush()

    def text(self, text: str) -> None:
        """A line or more of text; foreign text is made harmless at a terminal."""
        if self.world.stdout.isatty():
            self._at_terminal(sanitize(text) + "\n")
        else:
            self.chunks([_utf8(text + "\n")])

    def row(self, *cells: str, prose: str = "", word: int | None = None, indent: int = 2) -> None:
        """A line for people: cells that are broken nowhere, then prose, which goes on at the `indent`.

        The cell `word` names a state.
        """
        texts = [_unbroken(sanitize(cell, multiline=False)) for cell in cells]
        line = "  ".join([*texts, sanitize(prose, multiline=False)]).rstrip()
        line = wrapped(line, self._columns(self.world.stdout), indent=" " * indent)
        if word is not None and (state := texts[word].strip()):
            before = len("".join(f"{text} " for text in texts[:word]).split())
            start, end = list(re.finditer(r"\S+", line))[before].span()
            colour = colour_of(state.replace(_HELD, " "))
            shown = self._tinted(state, colour, self.world.stdout)
            line = line[:start] + shown + line[end:]
        self._at_terminal(line.replace(_HELD, " ") + "\n")

    def show(self, drawing: RenderableType) -> None:
        """Something drawn for people. What can't be broken is left for the terminal to wrap."""
        console = self.console()
        with console.capture() as capture:
            console.print(drawing, crop=False)
        self._at_terminal(PADDING.sub(r"\1", capture.get()))

    def _at_terminal(self, text: str) -> None:
        """Write this, with what the terminal's encoding lacks as escapes."""
        stream = self.world.stdout
        encoding = stream.encoding or "utf-8"
        with self._aside(stream), _written():
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console on one of the streams, with nothing that guesses at text."""
        from rich.console import Console

        stream = self.world.stderr if stderr else self.world.stdout
        width = self._columns(stream) if self.world.env.get("TERM") == "dumb" else None
        return Console(
            width=width,
            height=_SCREEN if width else None,
            file=stream,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=False,
            _environ=self.world.env,
        )

    def _columns(self, stream: TextIO) -> int:
        """A terminal's width; rich believes of a dumb one that it is 80."""
        columns = self.world.env.get("COLUMNS", "")
        if columns.isdecimal() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
        except (OSError, ValueError):
            return _USUAL_WIDTH

    # -- stderr

    def note(self, text: str) -> None:
        """Something worth knowing, once."""
        if not self.errors_only and text not in self._said:
            self._said.add(text)
            self._line("note", text, "dim")

    def warn(self, text: str) -> None:
        """Something is wrong, and the work goes on; not silenced."""
        if text not in self._said:
            self._said.add(text)
            self._line("warning", text, "bold magenta")

    def hint(self, text: str) -> None:
        """The next command."""
        if not self.errors_only:
            self._line("hint", text, "bold")

    def progress(self, text: str) -> None:
        """A plain line of progress, where no live line is drawn; none where only JSON is to come."""
        if not self.errors_only:
            self._err(self._fitted(sanitize(text, multiline=False)))

    def blank_line(self) -> None:
        """An empty line between what was drawn and what is said of it, where one terminal shows both."""
        if not self.errors_only and self.world.stdout.isatty() and self.world.stderr.isatty():
            self._err("")

    def exchange(self, exchange: Exchange) -> None:
        """A line for an HTTP exchange."""
        if self.style.verbose:
            number = f" {exchange.request_id}" if exchange.request_id else ""
            took = f"{exchange.seconds * 1000:.0f} ms"
            line = f"http: {exchange.method} {exchange.path} {exchange.status} {took}{number}"
            self._err(self._fitted(sanitize(line, multiline=False)))

    def failure(self, text: str) -> None:
        """One input of many has failed."""
        self._line("error", text, "bold red")
        self.annotate(text)

    def error(self, error: DocspeedError) -> None:
        """What happened, and what to do: for people, or as one JSON line."""
        if self.style.json_errors:
            members = error.as_json()
            if error.hint:
                members["hint"] = self._here(error.hint)
            self._err(json.dumps({"error": members}, ensure_ascii=True))
            return
        self._line("error", error.message, "bold red")
        self.annotate(error.message)
        if error.hint:
            self._line("hint", self._here(error.hint), "bold")
        if error.request_id:
            self._err(self._fitted(sanitize(f"request: {error.request_id}", multiline=False)))

    def stopped(self, said: Sequence[str], hint: str | None, job_id: str | None) -> None:
        """A signal has ended the run: what it leaves, and, not even silenced, what takes it up again."""
        if self.style.json_errors:
            self.error(DocspeedError(said[0], code="interrupted", retryable=True, hint=hint, job_id=job_id))
            return
        for line in said:
            self.progress(line)
        if hint:
            self._line("hint", hint, "bold")

    @contextmanager
    def live(self) -> Iterator[Live]:
        """Progress while something is waited for: one line that changes, or a plain line a change."""
        if self.style.quiet:
            yield _nothing
        elif self.can_redraw and not self.style.verbose:
            from docspeed_cli.terminal.live import Waited

            waited = Waited(self.world.monotonic)
            with self.bottom(lambda: waited):
                yield waited.say
        else:
            with self.grouped("docspeed"):
                yield _changes(self.progress)

    @contextmanager
    def bottom(self, draw: Callable[[], RenderableType]) -> Iterator[None]:
        """Keep this line at the bottom of the terminal; what is written meanwhile goes above it."""
        from docspeed_cli.terminal.live import LiveRegion

        with self._above(LiveRegion(self.console(stderr=True), draw)):
            yield

    @contextmanager
    def redrawn(self, draw: Callable[[], RenderableType]) -> Iterator[None]:
        """Data that changes while people look at it: kept at the bottom likewise, and left as it was last."""
        from docspeed_cli.terminal.live import LiveRegion

        if self._redraws(self.world.stdout):
            with self._above(LiveRegion(self.console(), draw, stays=True)):
                yield
            return
        try:
            yield
        finally:
            self.show(draw())

    @contextmanager
    def _above(self, bottom: LiveRegion) -> Iterator[None]:
        """Write above these lines; a signal that ends the program at once makes room for the prompt."""
        with bottom as self._bottom, self.world.interrupts.drawing(bottom.ending):
            try:
                yield
            finally:
                self._bottom = None

    def _aside(self, stream: TextIO) -> AbstractContextManager[None]:
        """Where the line at the bottom is on this stream's terminal, take it away meanwhile."""
        return self._bottom.aside() if self._bottom is not None and stream.isatty() else nullcontext()

    def bell(self) -> None:
        """The terminal's bell, where it was asked for."""
        if self.style.bell and self.world.stderr.isatty():
            self.world.stderr.write("\a")
            self.world.stderr.flush()

    def _here(self, hint: str) -> str:
        """The hint with the flags that name this run's server, where it is a command that asks one."""
        asks = hint.startswith(("docspeed auth", "docspeed doctor")) and "," not in hint
        return hint + self.server_flags if asks else hint

    def annotate(self, text: str) -> None:
        """The error, once more if it was told, as GitHub's runner shows it beside the step."""
        if self.world.env.get("GITHUB_ACTIONS") == "true" and not self.style.json_errors:
            escaped = sanitize(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            self._tell_runner(f"::error title=docspeed::{escaped}")

    @contextmanager
    def grouped(self, title: str) -> Iterator[None]:
        """Fold what is said meanwhile, where GitHub's runner reads along."""
        if self.world.env.get("GITHUB_ACTIONS") != "true" or self.errors_only:
            yield
            return
        self._tell_runner(f"::group::{title}")
        try:
            yield
        finally:
            self._tell_runner("::endgroup::")

    def _line(self, label: str, text: str, colour: str = "") -> None:
        body = self._fitted(sanitize(text).replace("\n", "\n  "), len(label) + 2)
        self._err(f"{self._tinted(label + ':', colour, self.world.stderr)} {body}")

    def _fitted(self, text: str, lead: int = 0) -> str:
        """The text broken between words where people read it; in a log it is a line."""
        stream = self.world.stderr
        return wrapped(text, self._columns(stream), lead=lead) if stream.isatty() else text

    def _tinted(self, text: str, colour: str, stream: TextIO) -> str:
        """The text in a colour to be read on black and on white, where the terminal and the user want it."""
        env = self.world.env
        wanted = self._redraws(stream) or bool(env.get("FORCE_COLOR"))
        if not colour or not wanted or env.get("NO_COLOR"):
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"

    def discreet(self, text: str) -> str:
        """The text without the secrets of this run."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text

    def _tell_runner(self, command: str) -> None:
        """A command for GitHub's runner, in a text of which nothing else can be one."""
        self._write_err(_FOR_RUNNER_OLD.sub("# #[", command))

    def _err(self, line: str) -> None:
        """A line for people; nothing that is quoted in it is a command for a runner that reads along."""
        if self.world.env.get("GITHUB_ACTIONS") == "true":
            line = _FOR_RUNNER.sub(r"\1: :", _FOR_RUNNER_OLD.sub("# #[", line))
        self._write_err(line)

    def _write_err(self, line: str) -> None:
        line = self.discreet(line)
        if self.world.interrupts.pending is not None and self.world.stderr.isatty():
            line = f"\r{line}"  # over the ^C that the terminal has echoed
        with self._aside(self.world.stderr):
            self.world.stderr.write(line + "\n")
            self.world.stderr.flush()


def _unbroken(cell: str) -> str:
    """The cell with nothing to break it at but what pads it."""
    text = cell.rstrip()
    return text.replace(" ", _HELD) + cell[len(text) :]


def _utf8(text: str) -> bytes:
    """UTF-8, with what JSON may hold and UTF-8 may not written as JSON writes it."""
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def _written() -> Iterator[None]:
    """What goes wrong while stdout is written, in words; a reader that has gone away is met with silence."""
    try:
        yield
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)
        raise DocspeedError(f"can't write to standard output: {reason}", code="write_failed") from None


def _nothing(text: str) -> None:
    pass


def _changes(say: Callable[[str], None]) -> Live:
    last = ""

    def changed(text: str) -> None:
        nonlocal last
        if text != last:
            last = text
            say(text)

    return changed
