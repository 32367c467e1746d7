"""Which name is suggested for a misspelt word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.suggest import nearest


@pytest.mark.parametrize(
    ("word", "names", "found"),
    [
        ("al", ("all-files", "ball"), "all-files"),
        ("out", ("route", "output", "output-name"), "output"),
        ("outptu", ("output", "scripting"), "output"),
        ("exitcodes", ("exit-codes", "environment"), "exit-codes"),
        ("lst", ("split", "list"), "list"),
        ("split", (), None),
        ("qqqq", ("parse", "list"), None),
        ("", ("parse", "list"), None),
        ("w", ("wait", "set"), "wait"),
        ("v", ("verbose", "version", "v"), "v"),
    ],
)
def test_nearest_misspelt_word_returns_likely_name(
    word: str, names: tuple[str, ...], found: str | None
) -> None:
    assert nearest(word, names) == found


@given(st.lists(st.text(min_size=1), min_size=1))
def test_nearest_known_name_returns_itself(names: list[str]) -> None:
    assert nearest(names[0], names) == names[0]
