"""Makes text from a document or the server safe to print at a terminal."""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d\ufe00-\ufe0f"
"""Zero-width characters that spell words in Persian and Hindi, and make one emoji of several."""

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"  # controls and lone surrogates
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # change the direction of text, or end a line
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters with an effect and no shape: controls, bidi controls, tags, and everything of zero width."""

# A joiner stays where the letter before it is not Latin; between Latin letters it could only hide something.
_UNSAFE = f"[{_HIDDEN}][{_JOINERS}]*|(?<![\u0300-\U0010ffff])[{_JOINERS}]+"
_ONE_LINE = str.maketrans("\n\t", "  ")


def sanitize(text: str, *, multiline: bool = True) -> str:
    r"""The text with visible escapes in place of characters that act on a terminal, reorder text or hide.

    A control character becomes its picture (`␛`), any other an escape (`\u202e`). `\n` and `\t` stay, or
    become spaces where the text must fit on one line; `\r\n` is a line end.
    """
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        # The pattern is compiled by its first use: many commands print no such text.
        text = re.sub(
            _UNSAFE, lambda found: "".join(map(_visible_form, found[0])), text.replace("\r\n", "\n")
        )
    return text if multiline else text.translate(_ONE_LINE)


def _visible_form(char: str) -> str:
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return chr(0x2421 if code == 0x7F else 0x2400 + code)
    return char.encode("ascii", "backslashreplace").decode()
