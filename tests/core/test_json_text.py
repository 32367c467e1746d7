"""Numbers keep their text on the way through JSON, and any depth can be written."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.json_text import (
    INDENTED,
    SPACED,
    Number,
    TooDeep,
    canonical_json,
    indented,
    read_json,
    to_json,
)

TEXTS = (
    *("1234.50", "12345678901234567.89", "1e400", "-1e400", "-0", "1E5", "1e-400", "0.0000001", "1.0", "0"),
    *("-0.0", "1e16", "1E+2", "0e0", "100000000000000000000000000000", "9" * 5000, "-" + "1" * 5000),
    *("1e99999999999999999999", "3.14159265358979323846", "0.10"),
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:24])
def test_json_number_keeps_its_text(text: str) -> None:
    content = f'{{"a":[{text},{{"b":{text}}}],"c":{text}}}'
    value = read_json(content)
    assert to_json(value) == content
    assert str(value["c"]) == text
    assert isinstance(value["c"], int | float)
    assert to_json(read_json(text)) == text


@given(anything)
def test_json_is_written_as_python_writes_it(value: Any) -> None:
    assert to_json(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert to_json(value, SPACED, ascii_only=True) == json.dumps(value)
    assert to_json(value, INDENTED) == json.dumps(value, ensure_ascii=False, indent=2)
    assert canonical_json(value) == json.dumps(value, sort_keys=True, separators=(",", ":"))
    assert to_json(read_json(to_json(value))) == to_json(value)


@pytest.mark.parametrize(
    ("first", "second"), [("1.10", "1.1"), ("1E5", "100000.0"), ("-0", "0"), ("1e-1", "0.1"), ("2.50", "2.5")]
)
def test_canonical_json_of_equal_numbers_is_the_same(first: str, second: str) -> None:
    assert canonical_json(read_json(f"[{first}]")) == canonical_json(read_json(f"[{second}]"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("12345678901234567.89", "12345678901234567.88"),
        ("1e400", "1e401"),
        ("1e-400", "0.0"),
        ("9" * 5000, "9" * 5001),
        ("1e99999999999999999999", "1e400"),
    ],
    ids=lambda text: text[:20],
)
def test_canonical_json_of_other_numbers_differs(first: str, second: str) -> None:
    assert canonical_json(read_json(f"[{first}]")) != canonical_json(read_json(f"[{second}]"))


def test_json_strict_refuses_what_only_python_reads() -> None:
    for text in ("NaN", "[-Infinity]", '{"a":Infinity}'):
        with pytest.raises(ValueError, match="is not a JSON value"):
            read_json(text, strict=True)
    assert math.isnan(read_json("NaN"))


def test_json_of_any_depth_is_written_and_too_deep_is_said() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    assert to_json(deep) == "[" * 20_001 + "]" * 20_001
    with pytest.raises(TooDeep):
        read_json("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize(("depth", "strict"), [(200, True), (800, False)])
def test_json_is_read_up_to_a_depth(depth: int, strict: bool) -> None:
    def text(levels: int) -> str:
        return '{"a":[' * (levels // 2) + "1" + "]}" * (levels // 2)

    assert to_json(read_json(text(depth), strict=strict)) == text(depth)
    with pytest.raises(TooDeep):
        read_json(text(depth + 2), strict=True)


def test_number_counts_like_any_other() -> None:
    number = Number("1234.50")
    assert (number + 1, number == 1234.5, f"{number}", f"{number:.1f}") == (1235.5, True, "1234.50", "1234.5")


def test_indented_json_is_bounded() -> None:
    shown, whole = indented("[" * 1_000_000, 100_000)
    assert (len(shown) < 101_000, whole) == (True, False)
