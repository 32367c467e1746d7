"""The manual page says what the program says of itself, and `man` can read it.

After a change that is meant, `DOCSPEED_WRITE_HELP=1 pytest tests/contracts/test_manual.py` writes
`man/docspeed.1` anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docspeed_cli import __version__
from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.framework import TOPICS
from docspeed_cli.cli.man_page import PARTS, RELEASED, escaped, explained
from docspeed_cli.core.errors import EXITS
from docspeed_cli.core.settings import VARIABLES
from tests.contracts.test_startup import loaded
from tests.stage import Stage

PAGE = Path(__file__).parents[2] / "man" / "docspeed.1"

needs_groff = pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
needs_mandoc = pytest.mark.skipif(shutil.which("mandoc") is None, reason="there is no mandoc")


def test_the_page_is_what_the_program_prints(stage: Stage) -> None:
    ran = stage.run("help", "man")
    assert (ran.code, ran.err) == (0, "")
    if os.environ.get("DOCSPEED_WRITE_HELP"):
        PAGE.write_bytes(ran.raw)
    assert ran.raw == PAGE.read_bytes()


def test_the_page_is_of_this_version() -> None:
    head = next(line for line in PAGE.read_text("ascii").splitlines() if line.startswith(".TH"))
    assert f'"docspeed {__version__}"' in head


def test_every_command_code_and_variable_is_there() -> None:
    text = PAGE.read_text("ascii").replace(r"\-", "-")
    for entry in COMMANDS:
        for words in [f"{entry.name} {inner.name}" for inner in entry.entries] or [entry.name]:
            assert re.search(rf'^\.SS "docspeed {words} ', text, flags=re.MULTILINE), words
    for code in EXITS:
        assert rf"\fB{code.code} {code.name}\fR" in text
    for name, _ in VARIABLES:
        assert rf"\fB{name}\fR" in text


def test_what_is_typed_can_be_copied_from_the_page() -> None:
    """A hyphen that roff may draw as another character would make a pasted line fail."""
    for line in PAGE.read_text("ascii").splitlines():
        assert not re.search(r"(?<!\\)-", line.removeprefix(".TH").replace(RELEASED, "")), line


def test_no_line_is_taken_for_a_request() -> None:
    known = {".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".EX", ".EE", ".nr", ".ad"}
    words = [line.split()[0] for line in PAGE.read_text("ascii").splitlines() if line.startswith((".", "'"))]
    assert set(words) <= known


@pytest.mark.parametrize(
    "argv", [("--help",), ("parse", "--help"), ("help", "--help"), ("jobs", "list")], ids=" ".join
)
def test_what_does_not_print_it_does_not_load_it(tmp_path: Path, argv: tuple[str, ...]) -> None:
    modules, _ = loaded(tmp_path, *argv)
    assert "docspeed_cli.cli.man_page" not in modules


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        ("--set a.b=1", r"\-\-set a.b=1"),
        ('it\'s "so" `x` ~ ^', r"it\(aqs \(dqso\(dq \(gax\(ga \(ti \(ha"),
        (r"a\b", r"a\eb"),
        ("503=…", r"503=\[u2026]"),
    ],
)
def test_every_character_is_shown_as_it_is(text: str, roff: str) -> None:
    assert escaped(text) == roff


# -- as its readers see it


@needs_mandoc
def test_mandoc_has_nothing_to_say() -> None:
    ran = subprocess.run(["mandoc", "-Tlint", PAGE], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("", "")


@needs_groff
def test_groff_shows_flags_as_they_are_typed() -> None:
    ran = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-P-c", "-rLL=80n", PAGE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    plain = re.sub(r".\x08", "", ran.stdout)
    assert "--poll-interval DURATION" in plain
    assert "docspeed chat 'What is the total?' invoice.pdf --sandbox" in plain
    assert "‐" not in plain, "a word was cut"


# -- the topics


def test_every_topic_is_explained() -> None:
    assert list(PARTS) == list(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_fits_80_columns(stage: Stage, topic: str) -> None:
    ran = stage.run("help", topic, env={"COLUMNS": ""})
    assert (ran.code, ran.err, ran.out) == (0, "", f"{explained(topic)}\n")
    assert [line for line in ran.out.splitlines() if len(line) > 80 or line != line.rstrip()] == []


def test_what_is_no_topic_is_told_the_topics(stage: Stage) -> None:
    ran = stage.run("help", "weather")
    assert (ran.code, ran.out) == (2, "")
    assert "no such topic: weather" in ran.err and "exit-codes" in ran.err
