"""Suggest the name that a misspelt word stands for."""

from __future__ import annotations

from collections.abc import Iterable

_MIN_SIMILARITY = 0.6
"""Least similarity, from 0 to 1, of a word and the name suggested for it."""

CLOSE = 0.75
"""Least similarity where the word may well be right, or mean something else."""


def nearest(word: str, names: Iterable[str], least: float = _MIN_SIMILARITY) -> str | None:
    """Name that starts with the word, or else the most similar one; None if no name is similar enough."""
    from difflib import get_close_matches

    known = list(dict.fromkeys(names))
    starting = [name for name in known if word and name.startswith(word)]
    found = get_close_matches(word, starting or known, 1, cutoff=0.0 if starting else least)
    return found[0] if found else None
