"""Text from a document can't act on a terminal or hide there; ordinary text of any language is unchanged."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docspeed_cli.terminal.sanitize import sanitize

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNSAFE = st.sampled_from(
    "\x00\x07\x08\x1b\x7f\x85\x9b\r\n\t\ud800\udfff\xad\ufeff\u200b\u200c\u200d\ufe0f\u0301\u0489\u20e3"
    "क्षഇ면가ه❤👩1aא漢\u2028\u2029\U000e0041\U000e0100\U0001f3fd\u180e\u034f\u115f\u3164\u2800 "
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
TEXT = st.text(UNSAFE | st.characters(codec=None), max_size=40)


@pytest.mark.parametrize(
    "text",
    [
        "Plain text, with “quotes” – and €5.\n\tTabbed",
        "می‌خواهم",
        "क्‍ष हिन्दी द्‌",
        "ന്‍ മലയാളം",
        "การทดสอบน้ำ",
        "שָׁלוֹם בְּרֵאשִׁ֖ית",
        "السَّلَامُ عَلَيْكُمْ",
        "Tiếng Việt, e\u0301",
        "漢字 かな 한국어",
        "👨‍👩‍👧 ❤️ 🏳️‍🌈 👍🏽 ™️ ‼️",
        "─│┌ ▓ ∑∫ ≠ ½",
    ],
)
def test_sanitize_ordinary_text_is_unchanged(text: str) -> None:
    assert sanitize(text) == text


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_sanitize_printable_ascii_is_unchanged(text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\x07", "␛[31mred␛]0;title␇"),
        ("a\x00\x7f\x9bb", "a␀␡\\x9bb"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("a\u2028b", "a\\u2028b"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("\u2066x\u2069 א\u200f!", "\\u2066x\\u2069 א\\u200f!"),
        ("pay\u200bpal, z\u200d\u200dz", "pay\\u200bpal, z\\u200d\\u200dz"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("\U000e0041\U000e0042", "\\U000e0041\\U000e0042"),
        ("\ud83d", "\\ud83d"),
        ("\ufefftext", "\\ufefftext"),
    ],
)
def test_sanitize_unsafe_characters_become_visible_escapes(text: str, shown: str) -> None:
    assert sanitize(text) == shown


@pytest.mark.parametrize(
    "char",
    "\u034f\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u2060\u2064\u2065\u206a\u3164\ufe00\ufeff\uffa0\ufff9"
    "\U0001d173\U000e0001",
)
def test_sanitize_zero_width_character_in_a_word_is_visible(char: str) -> None:
    assert sanitize(f"pay{char}pal") == f"pay{char.encode('ascii', 'backslashreplace').decode()}pal"


def test_sanitize_one_line_turns_breaks_into_spaces() -> None:
    assert sanitize("a\r\nb\tc\nd", multiline=False) == "a b c d"


@given(TEXT, st.booleans())
@example("\n\u200e\u0301", True)
@example("ണ\u202e\u200d", True)
def test_sanitize_any_text_is_safe_and_idempotent(text: str, multiline: bool) -> None:
    shown = sanitize(text, multiline=multiline)
    allowed = "\n\t" if multiline else ""
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs") and char not in allowed]
    assert not BIDI & set(shown)
    assert sanitize(shown, multiline=multiline) == shown
    shown.encode()
