"""Read and write JSON so that every number keeps the text that it was written with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_NEGATIVE_ZERO = r"-0(?![.\d])"
"""The whole number that Python changes, or a text that looks like it."""


class Number(float):
    """A number that Python would write in another way than its source does, such as `1.10` or `1e400`."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class TooDeep(ValueError):
    """JSON that is nested more deeply than Python can read."""


class Spacing(NamedTuple):
    """What stands between two members, and between a name and its value; `indent` puts each on a line."""

    comma: str = ","
    colon: str = ":"
    indent: int | None = None


COMPACT = Spacing()
SPACED = Spacing(", ", ": ")
INDENTED = Spacing(",", ": ", 2)


# -- reading


def read_json(text: str | bytes, *, strict: bool = False) -> Any:
    """Parse JSON. ValueError if it is not JSON, and TooDeep if Python can't read it.

    If `strict`, Python's `NaN` and `Infinity` are errors too.
    """
    import json

    hooks: dict[str, Any] = {"parse_float": _read_float}
    if strict:
        hooks["parse_constant"] = _refuse_constant
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    if re.search(_NEGATIVE_ZERO, text):  # a function for every whole number costs a tenth of the time
        hooks["parse_int"] = _read_int
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise TooDeep("it is nested too deeply") from None


def _read_float(text: str) -> float:
    number = float(text)
    return number if repr(number) == text else Number(text)


def _read_int(text: str) -> float:
    return Number(text) if text == "-0" else int(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


# -- writing


def to_json(value: Any, spacing: Spacing = COMPACT, *, ascii_only: bool = False) -> str:
    """Write JSON; numbers that were read keep their text."""
    return "".join(json_chunks(value, spacing, ascii_only=ascii_only))


def json_file(value: Any) -> Iterator[bytes]:
    """Yield the content of a JSON file for people, with a final newline."""
    for chunk in json_chunks(value, INDENTED):
        yield chunk.encode("utf-8", "surrogatepass")
    yield b"\n"


def plain_json(value: Any) -> str:
    """Write values that did not come from JSON as JSON, four times as fast as `to_json`."""
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def canonical_json(value: Any) -> str:
    """Write JSON that is the same for equal values: members sorted, numbers by value, ASCII only."""
    return "".join(json_chunks(value, COMPACT, ascii_only=True, number=_by_value, sort=True))


def json_chunks(
    value: Any,
    spacing: Spacing = COMPACT,
    *,
    ascii_only: bool = False,
    number: Callable[[Number], str] = str,
    sort: bool = False,
) -> Iterator[str]:
    """Yield JSON piece by piece, as deeply as the value is nested; `number` writes a `Number`."""
    import json

    encode = json.JSONEncoder(ensure_ascii=ascii_only, default=str).encode
    # Objects and lists that are open, each with its further members and its closing bracket. Not recursive,
    # because the server decides how deeply a value is nested.
    inside: list[tuple[Iterator[tuple[str, Any]], str]] = []

    def line() -> str:
        return "" if spacing.indent is None else "\n" + " " * (spacing.indent * len(inside))

    before, item = "", value
    while True:
        comma = ""
        if isinstance(item, dict) and item:
            members = sorted(item.items()) if sort else item.items()
            named = ((f"{encode(str(name))}{spacing.colon}", each) for name, each in members)
            inside.append((named, "}"))
            yield f"{before}{{"
        elif isinstance(item, list | tuple) and item:
            inside.append(((("", each) for each in item), "]"))
            yield f"{before}["
        else:
            yield before + (number(item) if isinstance(item, Number) else encode(item))
            comma = spacing.comma
        member = next(inside[-1][0], None) if inside else None
        while inside and member is None:
            _, closing = inside.pop()
            yield line() + closing
            comma = spacing.comma
            member = next(inside[-1][0], None) if inside else None
        if member is None:
            return
        name, item = member
        before = comma + line() + name


def _by_value(number: Number) -> str:
    """Return a number as Python writes it, unless that would change its value."""
    from decimal import Decimal

    plain = "0" if number.text == "-0" else repr(float(number))
    try:
        return plain if Decimal(plain) == Decimal(number.text) else number.text
    except ArithmeticError:  # an exponent of twenty digits
        return number.text
