"""Compare a schema's names with a document's labels; the words and names are in `labels.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any, NamedTuple

TABLE: dict[str, Any] = tomllib.loads(files(__package__).joinpath("labels.toml").read_text("utf-8"))
"""Words and names of business documents, by section."""
RULES = TABLE["rules"]
_SHORT: dict[str, str] = TABLE["short"]
_WORDS = _SHORT | {word: plain for words in TABLE["words"].values() for word, plain in words.items()}
_ENDING = re.compile(rf"^(\w{{2,}}?)({'|'.join(RULES['endings'])})$")
_FILLER = frozenset(RULES["filler"])
_PHRASES = [(re.compile(pattern), plain) for pattern, plain in RULES["phrases"]]
_TELLING = frozenset(RULES["telling"])
_PARTY = {"details", "name", "address", "from", "to"}  # words beside a party's in a heading
ROLES = ("seller", "buyer", "consignee")
Tokens = tuple[str, ...]


class Name(NamedTuple):
    """Words that may name a field, with a weight from 0 to 1, and the kind of value under this name.

    Beside them a label may have the words in `also`. If that is None, the name is the user's own, and any
    word may stand beside it but a telling one. A field of a `loose` name means something else, but such
    labels count where a document has no clearer one.
    """

    words: Tokens
    weight: float
    kind: str = ""
    also: frozenset[str] | None = None
    loose: bool = False


def fold(text: str) -> str:
    """Text in lower case and without accents: `Fällig` becomes `fallig`."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


@lru_cache(maxsize=16384)
def tokens(text: str) -> Tokens:
    """Significant words of a name in one spelling and language: `Rechnungs-Nr.` equals `invoice_number`."""
    text = fold(re.sub(r"(?<=[a-z]{2})(?=[A-Z][a-z])", " ", text.replace("_", " ")))
    for pattern, plain in _PHRASES:
        text = pattern.sub(plain, text)
    words = (part for word in re.findall(r"[^\W_]+|[#%]", text) for part in _english(word))
    return tuple(dict.fromkeys(word for word in words if word not in _FILLER))


def _english(word: str) -> list[str]:
    """English words for a word; a compound with a known ending becomes its parts."""
    parts = [word] if word in _WORDS else _ENDING.sub(r"\1 \2", word).split()
    return " ".join(_WORDS.get(part, part) for part in parts).split()


def _meaning(entry: dict[str, Any]) -> list[Name]:
    """Names of a meaning, the clearest first."""
    kind, also, clear = entry.get("kind", ""), frozenset(entry.get("also", ())), len(entry["names"])
    return [
        Name(tokens(name), 0.97 - 0.02 * rank, kind, also, rank >= clear)
        for rank, name in enumerate(entry["names"] + entry.get("else", []))
    ]


_MEANINGS, _COLUMNS = ([_meaning(entry) for entry in TABLE[part]] for part in ("meaning", "column"))


def names_of(key: str, description: str = "", *, column: bool = False) -> list[Name]:
    """Names that a field, or a column of line items, may have in a document."""
    own, about = tokens(key), tokens(description)
    for given in (own, about, about[:4], about[:3], about[:2]):  # a description may begin with the name
        meanings = [
            meaning
            for meaning in (_COLUMNS if column else _MEANINGS)
            if any(_match(name, given) for name in meaning if not name.loose)
        ]
        if meanings:
            plain = [] if given == own else [Name(own, 1.0)]
            return [*chain.from_iterable(meanings), *plain]
    return [Name(words, weight) for words, weight in ((own, 1.0), (about, 0.95)) if words]


@lru_cache(maxsize=16384)
def known_kinds(label: str, *, column: bool = False) -> set[str]:
    """Kinds of value that a label, or a column's heading, has in the table; empty for any other text."""
    have = tokens(label) if len(label) <= 50 else ()
    names = chain.from_iterable(_COLUMNS if column else _MEANINGS)
    return {name.kind for name in names if name.words[0] in have and _match(name, have)}


def is_known(label: str) -> bool:
    """True if a text is a label of one of the table's meanings."""
    return bool(known_kinds(label))


def role_of(heading: str) -> str:
    """Party that a heading names, such as "Bill to": seller, buyer or consignee; empty if none."""
    words = set(tokens(heading if len(heading) <= 50 else "")) - _PARTY
    return next(iter(words)) if len(words) == 1 and words.issubset(ROLES) else ""


def is_joint(text: str) -> bool:
    """True for a word between a document's number and its date, such as `dated`."""
    return fold(text.rstrip(" :")) in RULES["joints"]


def fit(names: Iterable[Name], label: str) -> float:
    """Best fit of a label with one of the names, from 0 to 1."""
    return best_fit(names, label)[0]


def best_fit(names: Iterable[Name], label: str) -> tuple[float, str]:
    """Best fit of a label with one of the names, and the kind of value under that name."""
    have = tokens(label)
    return max(((name.weight * _match(name, have), name.kind) for name in names), default=(0.0, ""))


def _match(name: Name, have: Tokens) -> float:
    """How well a label's words fit a name, from 0 to 1."""
    if not set(name.words).issubset(have):
        return 0.0
    extra = [word for word in have if word not in name.words]
    if not extra:
        return 1.0
    if name.also is not None:
        return 0.94 if name.also.issuperset(extra) else 0.0
    return 0.0 if _TELLING.intersection(extra) else max(0.0, 0.85 - 0.15 * len(extra))


def snake(text: str) -> str:
    """Convert a name to a key: `Invoice No.` becomes `invoice_number`."""
    words = re.findall(r"[^\W_]+|[#%]", re.sub(r"\([^)]*\)", " ", text.lower()[:80]))
    return "_".join(dict.fromkeys(_SHORT.get(word, word) for word in words if word not in ("the", "a", "an")))
