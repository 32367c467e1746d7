"""Texts on a terminal's lines: broken between words, never within one, nor within a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from docspeed_cli.terminal.text_width import colour_of, wrapped

JOB = "docspeed jobs result job_0123456789abcdef0123 -o 'an invoice.parse.json'"


def test_lines_end_between_words() -> None:
    assert (
        wrapped("the sandbox reads text by plain rules", 20) == "the sandbox reads\n  text by plain\n  rules"
    )
    assert wrapped("it fits", 7) == "it fits"
    assert wrapped("of two  cells", 80) == "of two  cells", "gaps stay"
    assert wrapped("請求書 請求書", 8) == "請求書\n  請求書", "some characters take two cells"


def test_what_stands_before_the_first_word_takes_room() -> None:
    assert wrapped("one two", 7) == "one two"
    assert wrapped("one two", 7, lead=6) == "one\n  two"


def test_a_line_s_own_indent_is_kept_below_it() -> None:
    assert wrapped("said\n    a reason that goes on", 16) == "said\n    a reason\n      that goes\n      on"


def test_a_dot_between_two_things_goes_with_the_second() -> None:
    assert wrapped("completed in 1.1 s · chat job · a.pdf", 20) == "completed in 1.1 s\n  · chat job · a.pdf"


def test_a_word_that_is_too_long_is_left_whole() -> None:
    path = "/a/path/that/is/longer/than/the/terminal/is/wide.pdf"
    assert wrapped(f"can't write {path}: no space left", 30) == f"can't write\n  {path}:\n  no space left"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (JOB, [JOB]),
        (f"make room, then: {JOB}", ["make room, then:", f"  {JOB}"]),
        (f"{JOB}, then docspeed jobs list", [f"{JOB},", "  then docspeed jobs list"]),
        (
            "docspeed auth login --base-url http://127.0.0.1:1, or set DOCSPEED_API_KEY; --sandbox works too",
            [
                "docspeed auth login --base-url http://127.0.0.1:1,",
                "  or set DOCSPEED_API_KEY; --sandbox",
                "  works too",
            ],
        ),
        (
            "docspeed jobs list --refresh asks the server for those that run",
            ["docspeed jobs list --refresh asks the", "  server for those that run"],
        ),
        ("others may read it; chmod 600 /a/b/c", ["others may read it; chmod 600 /a/b/c"]),
        (
            "others may read the keys in it; chmod 600 /a/b",
            ["others may read the keys in it;", "  chmod 600 /a/b"],
        ),
        (
            "did you mean docspeed jobs list? docspeed jobs --help",
            ["did you mean docspeed jobs list?", "  docspeed jobs --help"],
        ),
    ],
)
def test_a_command_is_on_one_line(text: str, lines: list[str]) -> None:
    assert wrapped(text, 40).split("\n") == lines


@given(st.text("ab 漢'\"\n docspeed,;", max_size=200), st.integers(1, 30), st.integers(0, 9))
def test_nothing_is_lost_and_no_line_is_too_long_that_could_be_broken(
    text: str, width: int, lead: int
) -> None:
    broken = wrapped(text, width, lead=lead)
    assert broken.split() == text.split()
    if "docspeed" not in text:
        for line in broken.split("\n")[1:]:
            assert cell_len(line) <= width or len(line.split()) == 1 or line in text.split("\n")


@pytest.mark.parametrize(
    ("word", "colour"),
    [("completed", "green"), ("ok", "green"), ("failed", "red"), ("cancelled", "red"), ("bad", "red")],
)
def test_a_state_s_colour(word: str, colour: str) -> None:
    assert colour_of(word) == colour
    assert colour_of("processing") == colour_of("gone") == colour_of("") == ""
