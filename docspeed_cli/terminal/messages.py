"""Writes messages to stderr: progress, notes, warnings, hints and errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.errors import SAME_AGAIN, DocspeedError, Interrupted, bare_command
from docspeed_cli.core.json_text import SPACED, to_json
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.streams import Streams

if TYPE_CHECKING:
    from docspeed_cli.service.exchange import Exchange


def _escape_workflow_text(text: str, separators: str = "") -> str:
    """Escape a part of a workflow command as GitHub expects: the command is one line, and `%` an escape."""
    text = sanitize(text).replace("##[", "# #[")
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{separators}" else each for each in text)


class Messages(Streams):
    """The messages of one run. Text that they quote can't act on a terminal or a CI runner."""

    def note(self, text: str) -> None:
        """Say something worth knowing, once."""
        if not self.errors_only:
            self._once("note", text, "dim")

    def notices(self, label: str, notices: Sequence[str]) -> None:
        """Note what the server says about a document, for formats that leave it out."""
        for notice in notices:
            self.note(f"{label}: {notice}")

    def warn(self, text: str) -> None:
        """Say, once and despite --quiet, that something is wrong and the work goes on."""
        self._once("warning", text, "bold magenta")

    def hint(self, text: str) -> None:
        """Suggest the next command."""
        if not self.errors_only:
            self._message("hint", self.advice(text), "bold")

    def advice(self, hint: str) -> str:
        """The hint as it is printed: for this command line and its server."""
        # The code that gives these hints knows neither.
        for command in ("docspeed auth login", "docspeed doctor"):
            if self._server_flags not in hint:
                hint = hint.replace(command, command + self._server_flags)
        return bare_command(hint.replace(SAME_AGAIN, self.again().phrase) if SAME_AGAIN in hint else hint)

    def confirm(self, question: str) -> bool:
        """Ask at the terminal; True only for `y` and `yes`."""
        self._write(self.environment.stderr, f"{self.redact(sanitize(question))} [y/N] ")
        try:
            return self.environment.stdin.readline().strip().lower() in ("y", "yes")
        except Interrupted:
            self._write(self.environment.stderr, "\n")  # the cursor still stands behind the question
            raise

    def progress(self, text: str) -> None:
        """Write a plain line of progress."""
        if not self.errors_only:
            self._line(sanitize(text, multiline=False))

    def exchange(self, exchange: Exchange) -> None:
        """Report an HTTP exchange, with --verbose."""
        if self.style.verbose:
            took = f"{exchange.seconds * 1000:.0f} ms {exchange.request_id or ''}"
            line = f"http: {exchange.method} {exchange.path} {exchange.status} {took}".rstrip()
            self._line(sanitize(line, multiline=False))

    def failure(self, text: str) -> None:
        """Report that one input of many failed."""
        self._message("error", text, "bold red")
        self.annotate(text)

    def error(self, error: DocspeedError) -> None:
        """Report what happened and what to do next: for people, or as one JSON line with --json."""
        hint = self.advice(error.hint or "")
        if self.style.json_errors:
            # ASCII, because a log collector may read stderr in any encoding.
            self._line(to_json({"error": self.error_members(error)}, SPACED, ascii_only=True))
            return
        self.failure(error.message)
        if hint:
            self._message("hint", hint, "bold")
        if error.request_id:
            self._line(sanitize(f"request: {error.request_id}", multiline=False))

    def error_members(self, error: DocspeedError) -> dict[str, Any]:
        """The error as the JSON that scripts read, with the hint as it is printed."""
        members = error.to_json()
        return {**members, "hint": self.advice(error.hint)} if error.hint else members

    def unexpected(self, error: Exception) -> DocspeedError:
        """The one-line error for a bug; DOCSPEED_DEBUG=1 prints its traceback."""
        if isinstance(error, FileNotFoundError) and error.filename is None:  # `os.getcwd` names none
            return DocspeedError("the current folder was deleted; change to another one")
        debug = self.environment.env.get("DOCSPEED_DEBUG", "") not in ("", "0")
        if debug:
            import traceback

            self._write_stderr("".join(traceback.format_exception(error)).rstrip())
        message = self.redact(f"unexpected {type(error).__name__}: {error}")
        how = "" if debug else "; DOCSPEED_DEBUG=1 prints it"
        return DocspeedError(message, code="bug", hint=f"report this error with its traceback{how}")

    def stopped(self, lines: Sequence[str], hint: str | None, job_id: str | None) -> None:
        """Report that a signal ended the run; the command that resumes it is shown despite --quiet."""
        if self.style.json_errors:
            self.error(DocspeedError(lines[0], code="interrupted", retryable=True, hint=hint, job_id=job_id))
            return
        for line in lines:
            self.progress(line)
        if hint:
            self._message("hint", self.advice(hint), "bold")

    def bell(self) -> None:
        """Ring the terminal's bell, if the user asked for it."""
        if self.style.bell and self.environment.stderr.isatty():
            self._write(self.environment.stderr, "\a")

    def annotate(self, text: str) -> None:
        """Show an error beside the step in GitHub Actions, and beside the file whose path it begins with."""
        if self._in_github_actions and not self.style.json_errors:
            path = text.partition(": ")[0]
            # A path's own `is_file` raises an error if the text is longer than a path can be.
            file = f"file={_escape_workflow_text(path, ',:')}," if os.path.isfile(path) else ""  # noqa: PTH113
            self._write_stderr(f"::error {file}title=docspeed::{_escape_workflow_text(text)}")

    @contextmanager
    def grouped(self, title: str) -> Iterator[None]:
        """Fold the lines written meanwhile in the log of GitHub Actions."""
        if not self._in_github_actions or self.errors_only:
            yield
            return
        self._write_stderr(f"::group::{title}")
        try:
            yield
        finally:
            self._write_stderr("::endgroup::")

    def _once(self, label: str, text: str, colour: str) -> None:
        if text not in self._shown_once:
            self._shown_once.add(text)
            self._message(label, text, colour)

    def _message(self, label: str, text: str, colour: str) -> None:
        # Further lines are indented, so that quoted text can't pass for a hint or an error of ours.
        indented = sanitize(text).replace("\n", "\n  ")
        self._line(f"{self._coloured(f'{label}:', colour, self.environment.stderr)} {indented}")

    def _line(self, line: str) -> None:
        if self._in_github_actions:
            # GitHub's runner executes `::` at the start of a line, after any space, and `##[` anywhere.
            line = re.sub(r"(?m)^(\s*)::", r"\1: :", line).replace("##[", "# #[")
        self._write_stderr(line)
