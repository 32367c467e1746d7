"""Writes messages to stderr: progress, notes, warnings, hints and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, bare_command
from docspeed_cli.core.models import Style
from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.streams import Streams

if TYPE_CHECKING:
    from docspeed_cli.service.client import Exchange

# These patterns are compiled by their first use: most runs need none of them.
_RUNNER_COMMAND = r"(?m)^(\s*)::"
_OLD_RUNNER_COMMAND = r"##\["
"""What GitHub's runner executes: `::` at the start of a line, after any space; `##[` anywhere."""

_SERVER_COMMAND = r"(?<=`)docspeed (?:auth|doctor)[^`]*|^docspeed (?:auth|doctor)[^`,;]*$"
"""A command in a hint that asks the server, in backticks or alone."""


class Messages(Streams):
    """The messages of one run. Text that they quote can't act on a terminal or a CI runner."""

    def __init__(
        self,
        environment: Environment,
        style: Style,
        secrets: set[str] | None = None,
        server_flags: str = "",
    ) -> None:
        super().__init__(environment, style, secrets)
        self._server_flags = server_flags
        """The flags that name this run's server, for commands in hints."""
        self._shown_once: set[str] = set()

    def note(self, text: str) -> None:
        """Say something worth knowing, once."""
        if not self.errors_only and text not in self._shown_once:
            self._shown_once.add(text)
            self._message("note", text, "dim")

    def warn(self, text: str) -> None:
        """Say, once and despite --quiet, that something is wrong and the work goes on."""
        if text not in self._shown_once:
            self._shown_once.add(text)
            self._message("warning", text, "bold magenta")

    def hint(self, text: str) -> None:
        """Suggest the next command."""
        if not self.errors_only:
            self._message("hint", bare_command(text), "bold")

    def progress(self, text: str) -> None:
        """Write a plain line of progress."""
        if not self.errors_only:
            self._line(sanitize(text, multiline=False))

    def blank_line(self) -> None:
        """Separate a result from the messages below it, if one terminal shows both."""
        streams = self.environment
        if not self.errors_only and streams.stdout.isatty() and streams.stderr.isatty():
            self._line("")

    def exchange(self, exchange: Exchange) -> None:
        """Report an HTTP exchange, with --verbose."""
        if self.style.verbose:
            request_id = f" {exchange.request_id}" if exchange.request_id else ""
            took = f"{exchange.seconds * 1000:.0f} ms"
            line = f"http: {exchange.method} {exchange.path} {exchange.status} {took}{request_id}"
            self._line(sanitize(line, multiline=False))

    def failure(self, text: str) -> None:
        """Report that one input of many failed."""
        self._message("error", text, "bold red")
        self.annotate(text)

    def error(self, error: DocspeedError) -> None:
        """Report what happened and what to do next: for people, or as one JSON line with --json."""
        hint = error.hint and re.sub(_SERVER_COMMAND, self._with_server, error.hint)
        if self.style.json_errors:
            members = {**error.to_json(), **({"hint": bare_command(hint)} if hint else {})}
            # ASCII, because a log collector may read stderr in any encoding.
            self._line(json.dumps({"error": members}, ensure_ascii=True))
            return
        self._message("error", error.message, "bold red")
        self.annotate(error.message)
        if hint:
            self._message("hint", bare_command(hint), "bold")
        if error.request_id:
            self._line(sanitize(f"request: {error.request_id}", multiline=False))

    def unexpected(self, error: Exception) -> DocspeedError:
        """The one-line error for a bug; DOCSPEED_DEBUG=1 prints its traceback."""
        if self.environment.debug:
            import traceback

            self._write_stderr("".join(traceback.format_exception(error)).rstrip())
            hint = "please report this error with its traceback"
        else:
            hint = "run the same command again with DOCSPEED_DEBUG=1 and report the traceback"
        message = self.redact(f"unexpected {type(error).__name__}: {error}")
        return DocspeedError(message, code="bug", hint=hint)

    def stopped(self, lines: Sequence[str], hint: str | None, job_id: str | None) -> None:
        """Report that a signal ended the run; the command that resumes it is shown despite --quiet."""
        if self.style.json_errors:
            self.error(DocspeedError(lines[0], code="interrupted", retryable=True, hint=hint, job_id=job_id))
            return
        for line in lines:
            self.progress(line)
        if hint:
            self._message("hint", bare_command(hint), "bold")

    def bell(self) -> None:
        """Ring the terminal's bell, if the user asked for it."""
        if self.style.bell and self.environment.stderr.isatty():
            self.environment.stderr.write("\a")
            self.environment.stderr.flush()

    def annotate(self, text: str) -> None:
        """Show an error beside the step in GitHub Actions."""
        if self._in_github_actions and not self.style.json_errors:
            # A workflow command ends with its line: GitHub has line breaks and `%` as escapes in it.
            escaped = sanitize(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            self._runner_command(f"::error title=docspeed::{escaped}")

    @contextmanager
    def grouped(self, title: str) -> Iterator[None]:
        """Fold the lines written meanwhile in the log of GitHub Actions."""
        if not self._in_github_actions or self.errors_only:
            yield
            return
        self._runner_command(f"::group::{title}")
        try:
            yield
        finally:
            self._runner_command("::endgroup::")

    @property
    def _in_github_actions(self) -> bool:
        return self.environment.env.get("GITHUB_ACTIONS") == "true"

    def _with_server(self, command: re.Match[str]) -> str:
        return command[0] if self._server_flags in command[0] else command[0] + self._server_flags

    def _message(self, label: str, text: str, colour: str) -> None:
        # Further lines are indented, so that quoted text can't pass for a hint or an error of ours.
        indented = sanitize(text).replace("\n", "\n  ")
        self._line(f"{self._coloured(f'{label}:', colour, self.environment.stderr)} {indented}")

    def _line(self, line: str) -> None:
        """Write a line in which nothing is a command for GitHub's runner."""
        if self._in_github_actions:
            line = re.sub(_RUNNER_COMMAND, r"\1: :", re.sub(_OLD_RUNNER_COMMAND, "# #[", line))
        self._write_stderr(line)

    def _runner_command(self, command: str) -> None:
        self._write_stderr(re.sub(_OLD_RUNNER_COMMAND, "# #[", command))
