"""Alone in making foreign text harmless: nothing in a document can act on a terminal or hide in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

MARKS = 5
"""Combining marks kept on one character: pointed Hebrew with cantillation needs five, nothing common more."""

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_SURROGATES = "\ud800-\udfff"
_PLAIN = (
    "\\w\\s\x00-\u02ff\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2100-\u2bff\u3000-\u3029\u3030\uff00-\uff9f"
)
# Combining marks are neither \w nor \s, so what is left is marks, rare punctuation and emoji.
_MARKLIKE = f"[^{_PLAIN}]"

_ASCII = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_NEEDS = f"[{_CONTROLS}{_SURROGATES}{_INVISIBLE}]|{_MARKLIKE}{{{MARKS + 1}}}|(?:\\A|[\\n\\t]){_MARKLIKE}"
_RUN = f"(?:[{_CONTROLS}{_SURROGATES}{_INVISIBLE}]|{_MARKLIKE})+"
_NEWLINES = re.compile("\r\n|[\u2028\u2029]")
_ONE_LINE = str.maketrans("\n\t", "  ")

_HIDDEN = f"[{_CONTROLS}{_SURROGATES}{_INVISIBLE}]"
_CIRCLE = "\u25cc"
_DROPPED = frozenset("\u061c\u200e\u200f")
_JOINERS = frozenset("\u200b\u200c\u200d\u180b\u180c\u180d\u180e\u180f")
_JOINED = (
    "[\u0600-\u109f\u1780-\u17b3\u17b6-\u180a\u1810-\u18af\u1a20-\u1aaf\u1b00-\u1bff\ua800-\ua95f\ua980-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefe\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
_IDEOGRAPH = "[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_KEYCAPS = frozenset("0123456789#*")


def sanitize(text: str, *, multiline: bool = True) -> str:
    """The same text with everything visible that would act on a terminal, reorder, or hide.

    - Controls become their pictures (`␛`), C1 controls, bidi controls, lone surrogates, tags and other
      invisible characters an escape (`\\x9b`, `\\u202e`). `\\n` and `\\t` stay, or are spaces in one line;
      `\\r\\n` and U+2028/9 are line ends.
    - The marks LRM, RLM and ALM are left out: they are frequent in Arabic and Hebrew, have no shape, and
      without them the letters are the same. A soft hyphen is the hyphen that it would be in print.
    - ZWJ, ZWNJ and ZWSP stay, one at a time, inside words of scripts that are spelled with them (Persian,
      Hindi, Khmer, ...), ZWJ and U+FE0F in emoji, variation selectors after ideographs and symbols; anywhere
      else they could only hide something.
    - A character keeps its first five combining marks; a mark without a character gets a dotted circle, so
      that it does not land on what the program itself drew.
    """
    if text.isascii():
        if _ASCII.search(text):
            text = _compiled(_RUN).sub(_shown, text.replace("\r\n", "\n"))
    elif _compiled(_NEEDS).search(text):
        text = _compiled(_RUN).sub(_shown, _NEWLINES.sub("\n", text).lstrip("\ufeff"))
    return text if multiline else text.translate(_ONE_LINE)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiling these costs some 6 ms, which a command that shows nothing foreign need not pay."""
    return re.compile(pattern)


def _shown(run: re.Match[str]) -> str:
    text = run.string
    start, end = run.span()
    before = text[start - 1] if start else "\n"
    return "".join(_pieces(before, run[0], text[end : end + 1]))


def _pieces(before: str, run: str, after: str) -> Iterator[str]:
    """What is shown for a run of suspicious characters; `before` is what was shown last."""
    marks = 0
    for char, following in zip(run, run[1:] + (after or "\n"), strict=True):
        if char in _DROPPED:
            continue
        if _compiled(_HIDDEN).match(char):
            if _belongs(before, char, following, marks):
                shown = char
            else:
                shown, marks = _visible(char), 0
        elif unicodedata.category(char)[0] == "M":
            marks += 1
            shown = _marked(before, char, marks)
        else:
            shown, marks = char, 0
        if shown:
            yield shown
            before = shown[-1]


def _marked(before: str, mark: str, number: int) -> str:
    """A combining mark on what stands before it: one of the first, or a sign that there are too many."""
    if number > MARKS:
        return "\ufffd" if number == MARKS + 1 else ""
    return _CIRCLE + mark if before in "\n\t" else mark


def _belongs(before: str, char: str, following: str, marks: int) -> bool:
    """Whether an invisible character has a meaning just here."""
    if char in _JOINERS:
        if char == "\u200d" and _pictured(before) and _pictured(following):
            return True
        ends = _compiled(_HIDDEN).match(following) or (
            marks >= MARKS and unicodedata.category(following)[0] == "M"
        )
        return bool(_compiled(_JOINED).match(before)) and not ends
    if char in "\ufe0e\ufe0f":
        return before in _KEYCAPS or before in "\u203c\u2049\u3030" or _symbol(before)
    if "\ufe00" <= char <= "\ufe02":
        return bool(_compiled(_IDEOGRAPH).match(before)) or unicodedata.category(before) == "Sm"
    return "\U000e0100" <= char <= "\U000e01ef" and bool(_compiled(_IDEOGRAPH).match(before))


def _symbol(char: str) -> bool:
    return char >= "\xa9" and unicodedata.category(char)[0] == "S"


def _pictured(char: str) -> bool:
    """Whether this can be a part of an emoji sequence."""
    return char == "\ufe0f" or (char > "\u2000" and _symbol(char))


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code in (0x7F, 0xAD):
        return "\u2421" if code == 0x7F else "-"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
