"""Compare a schema's names with a document's labels; the words and names are in `labels.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

_TABLE: dict[str, Any] = tomllib.loads(files(__package__).joinpath("labels.toml").read_text("utf-8"))
_RULES = _TABLE["rules"]
_SHORT: dict[str, str] = _TABLE["short"]
_WORDS = dict(_SHORT)
for _language in ("german", "french", "spanish", "italian", "dutch"):
    _WORDS |= _TABLE[_language]
_ENDING = re.compile(rf"(\w{{2,}}?)({'|'.join(_RULES['endings'])})")
_FILLER = frozenset(_RULES["filler"])
_PHRASES = [(re.compile(pattern), plain) for pattern, plain in _RULES["phrases"]]
_JOINTS = frozenset(_RULES["joints"])
_TELLING = re.compile(
    "due|tax|subtotal|taxable|po|ship|delivery|bank|account|[csi]gst|round|discount|words|packing|vehicle|place|"
    "order|payment|shipping|freight|paid|previous|balance|unit|rate|percent|buyer|consignee"
)
Tokens = tuple[str, ...]


class Name(NamedTuple):
    """Words that may name a field, with a weight from 0 to 1, and words that may stand beside them.

    With `also` None, the name is the user's own, and any word may, unless it tells of another thing.
    """

    words: Tokens
    weight: float
    kind: str = ""
    also: frozenset[str] | None = None


class Meaning(NamedTuple):
    """A thing that fields and labels name: the kind of its value, and its names, the clearest first.

    Labels may have the names from `own` on too, but a field with such a name is something else.
    """

    kind: str
    names: tuple[Tokens, ...]
    own: int
    also: frozenset[str]


def fold(text: str) -> str:
    """Text in lower case and without accents: `Fällig` becomes `fallig`."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


@lru_cache(maxsize=16384)
def tokens(text: str) -> Tokens:
    """Significant words of a name in one spelling and language: `Rechnungs-Nr.` equals `invoice_number`."""
    text = fold(re.sub(r"(?<=[a-z]{2})(?=[A-Z][a-z])", " ", text.replace("_", " ")))
    # A tax rate is not part of the name.
    text = re.sub(r"(?<=[^\W\d])\.?\s*@?\s*\(?\d+(?:[.,]\d+)?\s?%\)?$", " ", text)
    text = re.sub(r"\((?:[a-z]{3}|rs\.?|[₹$€£]|\d+)\)|^\d+(?:[.,]\d+)?\s?%", " ", text)
    for pattern, plain in _PHRASES:
        text = pattern.sub(plain, text)
    words = (part for word in re.findall(r"[^\W_]+|[#%]", text) for part in _plain(word))
    return tuple(dict.fromkeys(word for word in words if word not in _FILLER))


def _plain(word: str) -> list[str]:
    """English words for a word; a compound is taken apart if its first part is known."""
    match = _ENDING.fullmatch(word) if word not in _WORDS else None
    parts = match.groups() if match else (word,)
    return " ".join(_WORDS.get(part, part) for part in parts).split()


def _meanings(part: str) -> tuple[Meaning, ...]:
    return tuple(
        Meaning(
            entry.get("kind", ""),
            tuple(tokens(name) for name in (*entry["names"], *entry.get("else", ()))),
            len(entry["names"]),
            frozenset(entry.get("also", ())),
        )
        for entry in _TABLE[part]
    )


MEANINGS = _meanings("meaning")
COLUMNS = _meanings("column")
MONTHS: dict[str, int] = _TABLE["months"]
"""Number of each month by the first letters of its name."""


def names_of(key: str, description: str = "", *, column: bool = False, kinds: str = ".*") -> list[Name]:
    """Names that a field, or a column of line items, may have in a document.

    `kinds` is a regular expression for the kinds of value that suit the field's type.
    """
    own, about = tokens(key), tokens(description)
    first = [about[:size] for size in (4, 3, 2)]
    given = own
    for given in (own, about, *first):
        ranked = [(meaning, rank) for meaning in (COLUMNS if column else MEANINGS)
                  if (rank := _rank(meaning, given)) is not None]  # fmt: skip
        if ranked:
            break
    ranked = [found for found in ranked if re.fullmatch(kinds, found[0].kind)] or ranked
    best = min((rank for _, rank in ranked), default=0)
    found = [name for meaning, rank in ranked if rank == best for name in _names(meaning, given)]
    if given != own or not found:
        found.append(Name(own, 1.0, _kind(own)))
    if not ranked and len(description) <= 60:
        found.append(Name(about, 0.95, _kind(about)))
    return [name for name in found if name.words]


def _rank(meaning: Meaning, given: Tokens) -> int | None:
    """Place of a name among a meaning's own names; None if it names something else."""
    words = set(given)
    ranks = (rank for rank, name in enumerate(meaning.names[: meaning.own])
             if words.issuperset(name) and meaning.also.issuperset(words - set(name)))  # fmt: skip
    return next(ranks, None)


def _names(meaning: Meaning, given: Tokens) -> Iterable[Name]:
    for rank, words in enumerate(meaning.names):
        exact = len(given) > 1 and set(words) == set(given)
        yield Name(words, 1.0 if exact else 0.97 - 0.02 * rank, meaning.kind, meaning.also)


def _kind(words: Tokens) -> str:
    return "date" if "date" in words else "code" if {"number", "code"} & set(words) else ""


@lru_cache(maxsize=16384)
def is_known(label: str) -> bool:
    """True if a text is a label of one of the table's meanings."""
    have = tokens(label)
    return 0 < len(have) <= 6 and any(
        _match(Name(words, 1.0, meaning.kind, meaning.also), have)
        for meaning in MEANINGS
        for words in meaning.names
    )


def is_column(text: str) -> bool:
    """True if a text is the heading of a column of line items."""
    have = set(tokens(text))
    return any(set(words) == have for meaning in COLUMNS for words in meaning.names)


def is_joint(text: str) -> bool:
    """True for a word between a document's number and its date, such as `dated`."""
    return fold(text.rstrip(" :")) in _JOINTS


def fit(names: Iterable[Name], label: str) -> float:
    """Best fit of a label with one of the names, from 0 to 1."""
    return best_fit(names, label)[0]


def best_fit(names: Iterable[Name], label: str) -> tuple[float, str]:
    """Best fit of a label with one of the names, and the kind of value under that name."""
    have = tokens(label)
    if not 0 < len(have) <= 8:
        return 0.0, ""
    return max(((name.weight * _match(name, have), name.kind) for name in names), default=(0.0, ""))


def _match(name: Name, have: Tokens) -> float:
    extra = [word for word in have if word not in name.words]
    if len(have) - len(extra) < len(name.words):
        return 0.0
    if not extra:
        return 1.0 if name.words == have else 0.98
    if name.also is not None:
        return 0.96 - 0.02 * len(extra) if name.also.issuperset(extra) else 0.0
    return 0.0 if any(_TELLING.fullmatch(word) for word in extra) else max(0.0, 0.85 - 0.15 * len(extra))


def snake(text: str) -> str:
    """Convert a name to a key: `Invoice No.` becomes `invoice_number`."""
    text = re.sub(r"\([^)]*\)", " ", text.lower()[:80])
    words = (
        _SHORT.get(word, word) for word in re.findall(r"[^\W_]+|[#%]", text) if word not in ("the", "a", "an")
    )
    return "_".join(words)
