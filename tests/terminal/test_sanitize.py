"""Foreign text can't act on a terminal, and honest text of any language comes through."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docspeed_cli.terminal.sanitize import MARKS, sanitize

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NASTY = st.sampled_from(
    "\x00\x07\x08\x1b\x7f\x85\x9b\r\n\t\ud800\udfff\xad\ufeff\u200b\u200c\u200d\ufe0f\u0301\u0489\u20e3"
    "क्षഇ면가ه❤👩1aא漢\u2028\u2029\U000e0041\U000e0100\U0001f3fd\u180e\u034f\u115f\u3164\u2800 "
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
TEXT = st.text(NASTY | st.characters(codec=None), max_size=40)

HONEST = [
    "Plain text, with “quotes” – and €5.\n\tTabbed",
    "می‌خواهم",
    "क्‍ष हिन्दी द्‌",
    "ന്‍ മലയാളം",
    "ភាសា\u200bខ្មែរ",
    "การทดสอบน้ำ",
    "שָׁלוֹם בְּרֵאשִׁ֖ית",
    "السَّلَامُ عَلَيْكُمْ",
    "Tiếng Việt, e\u0301",
    "漢字 葛󠄀城 かな 한국어",
    "👨‍👩‍👧 ❤️ 1️⃣ 🏳️‍🌈 👍🏽 ™️ ‼️",
    "─│┌ ▓ ∑∫ ≠ ½",
]


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_is_left_alone(text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]0;title\x07", "␛[31mred␛]0;title␇"),
        ("a\x00\x7f\x9bb", "a␀␡\\x9bb"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("a\u2028b", "a\nb"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("pay\u200bpal, z\u200d\u200dz", "pay\\u200bpal, z\\u200d\\u200dz"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("\U000e0041\U000e0042", "\\U000e0041\\U000e0042"),
        ("\ud83d", "\\ud83d"),
        ("\ufefftext, \ufeff", "text, \\ufeff"),
        ("Bundes\xadrepublik", "Bundes-republik"),
        ("א\u200f!", "א!"),
        ("\u0301x", "\u25cc\u0301x"),
    ],
)
def test_what_acts_or_hides_becomes_visible(text: str, shown: str) -> None:
    assert sanitize(text) == shown


def test_one_line() -> None:
    assert sanitize("a\r\nb\tc\nd", multiline=False) == "a b c d"


def test_a_flood_of_marks_is_cut() -> None:
    shown = sanitize("z" + "\u0301" * 1000 + "y")
    assert shown == "z" + "\u0301" * MARKS + "\ufffdy"


@given(TEXT, st.booleans())
@example("\n\u200e\u0301", True)
@example("ക" + "\u0d4d" * 5 + "\u200d\u0d4d", True)
def test_clean_text_is_harmless_and_stays_as_it_is(text: str, multiline: bool) -> None:
    shown = sanitize(text, multiline=multiline)
    allowed = "\n\t" if multiline else ""
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs") and char not in allowed]
    assert not BIDI & set(shown)
    assert sanitize(shown, multiline=multiline) == shown
    shown.encode()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_ascii_is_left_alone(text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize(
    "char",
    "\u034f\u115f\u1160\u17b4\u180e\u200b\u2060\u2061\u2064\u2065\u206a\u3164\ufe00\ufeff\uffa0\ufff9\ufffa\ufffb\U0001d173\U000e0001",
)
def test_what_has_no_shape_hides_nowhere_in_a_word(char: str) -> None:
    code = f"u{ord(char):04x}" if ord(char) < 0x10000 else f"U{ord(char):08x}"
    assert sanitize(f"pay{char}pal") == f"pay\\{code}pal"


def test_a_joiner_is_joined_to_something() -> None:
    """Two of them in a row, or one before what hides, look like one and are another word."""
    assert sanitize("می\u200c\u200cخ") == "می\\u200c\\u200cخ"
    assert sanitize("می\u200c\u2060خ").count("\\u") == 2
