"""Alone in guessing which name was meant by a word that is none."""

from __future__ import annotations

from collections.abc import Iterable

_ALIKE = 0.6
"""How much of two words must be the same, of 1, for one to be taken for the other."""


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that the word begins, or else the one most like it; None where none is much like it."""
    from difflib import get_close_matches

    known = list(dict.fromkeys(names))
    begun = [name for name in known if word and name.startswith(word)]
    if len(word) == 1 and len(begun) > 1 and word not in begun:
        return None
    found = get_close_matches(word, begun or known, 1, cutoff=0.0 if begun else _ALIKE)
    return found[0] if found else None
