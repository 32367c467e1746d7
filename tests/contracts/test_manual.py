"""`man/docspeed.1` is what `man/generate.py` makes of the program, and man readers show it as intended.

After a change to a flag, a help text or a table: `python man/generate.py > man/docspeed.1`.
"""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from docspeed_cli import __version__
from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.core.errors import EXITS
from docspeed_cli.core.settings import VARIABLES
from tests.contracts.test_examples import EXAMPLES

PAGE = Path(__file__).parents[2] / "man" / "docspeed.1"
GENERATOR = runpy.run_path(str(PAGE.with_name("generate.py")))

needs_groff = pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
needs_mandoc = pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")


def test_manual_is_what_the_generator_prints() -> None:
    assert PAGE.read_text("utf-8") == GENERATOR["page"](), "run: python man/generate.py > man/docspeed.1"


def test_manual_names_this_version() -> None:
    head = next(line for line in PAGE.read_text("ascii").splitlines() if line.startswith(".TH"))
    assert f'"docspeed {__version__}"' in head


def test_manual_has_every_command_exit_code_and_variable() -> None:
    text = PAGE.read_text("ascii").replace(r"\-", "-")
    for entry in COMMANDS:
        for words in [f"{entry.name} {inner.name}" for inner in entry.entries] or [entry.name]:
            assert re.search(rf'^\.SS "docspeed {words} ', text, flags=re.MULTILINE), words
    for code in EXITS:
        assert rf"\fB{code.code} {code.name}\fR" in text
    for name, _ in VARIABLES:
        assert rf"\fB{name}\fR" in text


def test_manual_has_only_hyphens_that_can_be_copied() -> None:
    """A bare `-` may be shown as a typographic dash, and a pasted line would fail."""
    for line in PAGE.read_text("ascii").splitlines():
        assert not re.search(r"(?<!\\)-", line.removeprefix(".TH").replace(GENERATOR["RELEASED"], "")), line


def test_manual_text_is_never_taken_for_a_roff_request() -> None:
    known = {".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".EX", ".EE", ".nr", ".ad"}
    words = [line.split()[0] for line in PAGE.read_text("ascii").splitlines() if line.startswith((".", "'"))]
    assert set(words) <= known


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        ("--set a.b=1", r"\-\-set a.b=1"),
        ('it\'s "so" `x` ~ ^', r"it\(aqs \(dqso\(dq \(gax\(ga \(ti \(ha"),
        (r"a\b", r"a\eb"),
        ("503=…", r"503=\[u2026]"),
    ],
)
def test_manual_escapes_characters_that_roff_would_change(text: str, roff: str) -> None:
    assert GENERATOR["escaped"](text) == roff


@pytest.mark.real
@needs_mandoc
def test_manual_passes_mandoc_lint() -> None:
    ran = subprocess.run(["mandoc", "-Tlint", PAGE], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("", "")


@pytest.mark.real
@needs_groff
def test_manual_in_groff_shows_flags_and_examples_as_they_are_typed() -> None:
    ran = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-P-c", "-rLL=160n", PAGE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    plain = re.sub(r".\x08", "", ran.stdout)
    assert "--poll-interval DURATION" in plain
    lines = {line.strip() for line in plain.splitlines()}
    commands = {line.strip() for example in EXAMPLES for line in example.split("\n")}
    groups = {line for entry in COMMANDS if entry.entries for line in entry.examples}
    assert commands - groups <= lines
    assert "‐" not in plain, "a word was hyphenated"
