"""Messages on stderr: the server's flags in hints, and the error for a bug."""

from __future__ import annotations

import json

import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Style
from tests.stage import Stream


def output(style: Style | None = None, server_flags: str = "", **env: str) -> tuple[Output, Stream]:
    """An output and its stderr."""
    stderr = Stream()
    environment = Environment(env, Stream(), Stream(), stderr, Interrupts())
    return Output(environment, style or Style(), {"secret-key"}, server_flags), stderr


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("docspeed auth login", "docspeed auth login --sandbox"),
        ("run `docspeed doctor`", "run `docspeed doctor --sandbox`"),
        ("`docspeed auth login --sandbox`, or set X", "`docspeed auth login --sandbox`, or set X"),
        ("add credits", "add credits"),
    ],
)
def test_hint_with_server_command_names_the_run_s_server(hint: str, shown: str) -> None:
    for style, line in (
        (Style(), f"error: no\nhint: {shown}\n"),
        (Style(json_errors=True), json.dumps({"error": {"code": "x", "message": "no", "hint": shown}})),
    ):
        out, stderr = output(style, " --sandbox")
        out.error(DocspeedError("no", code="x", hint=hint))
        text = stderr.bytes.getvalue().decode()
        assert text == line if not style.json_errors else json.loads(text)["error"]["hint"] == shown


@pytest.mark.parametrize("debug", ["", "1"])
def test_unexpected_error_prints_traceback_only_with_debug(debug: str) -> None:
    out, stderr = output(DOCSPEED_DEBUG=debug)
    try:
        raise RuntimeError("boom secret-key")
    except RuntimeError as error:
        bug = out.unexpected(error)
    assert (bug.message, bug.code, bug.exit_code) == ("unexpected RuntimeError: boom …", "bug", 1)
    assert ("DOCSPEED_DEBUG=1" in str(bug.hint)) == (not debug)
    written = stderr.bytes.getvalue().decode()
    assert ("Traceback" in written) == bool(debug) and "secret-key" not in written


def test_unexpected_lack_of_a_current_folder_is_no_bug() -> None:
    found = output()[0].unexpected(FileNotFoundError(2, "No such file or directory"))
    assert (found.message, found.code) == (
        "the current folder was deleted; change to another one",
        "failure",
    )


def test_message_with_line_breaks_can_t_pass_for_a_hint() -> None:
    out, stderr = output()
    out.warn("a\nhint: docspeed jobs forget")
    assert stderr.bytes.getvalue() == b"warning: a\n  hint: docspeed jobs forget\n"
