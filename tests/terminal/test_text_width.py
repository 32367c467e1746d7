"""Text fitted to cells, and the colours of states."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from docspeed_cli.terminal.text_width import cell_width, colour_of, keep_tail


@pytest.mark.parametrize("width", range(12))
def test_keep_tail_of_wide_characters_fits_the_width(width: int) -> None:
    text = "ab漢字cd漢字"
    shown = keep_tail(text, width)
    assert cell_len(shown) <= max(width, 1)
    assert shown == "…" or (shown.startswith("…") and text.endswith(shown[1:]))
    assert keep_tail(text, 12) == text


def test_cell_width_counts_wide_characters_twice() -> None:
    assert (cell_width("abc"), cell_width("請求書"), cell_width("e\u0301")) == (3, 6, 1)


@pytest.mark.parametrize(
    ("word", "colour"),
    [("completed", "green"), ("ok", "green"), ("failed", "red"), ("cancelled", "red"), ("bad", "red")],
)
def test_colour_of_good_and_bad_states_only(word: str, colour: str) -> None:
    assert colour_of(word) == colour
    assert colour_of("processing") == colour_of("gone") == colour_of("") == ""
