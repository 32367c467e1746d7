"""Read and write JSON so that every number keeps the text that it was written with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# A user can lower Python's limit, but not below 640.
_MAX_DIGITS = 600
"""Digits of the longest whole number that becomes an `int`; Python refuses to convert very long ones."""

_NEGATIVE_ZERO = re.compile(r"-0(?![.\d])")
_NEGATIVE_ZERO_BYTES = re.compile(_NEGATIVE_ZERO.pattern.encode())
"""Finds `-0`, the whole number that Python changes, even in a text that only contains it."""

_MAX_DEPTH = 200
"""Levels of the deepest JSON that a request may have."""

_MAX_INDENT = 40
"""Levels after which a deeper one is indented no further."""

_TOKEN = r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+'


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
    """Separators of JSON; with `indent`, one member per line."""

    comma: str = ","
    colon: str = ":"
    indent: int | None = None


COMPACT = Spacing()
SPACED = Spacing(", ", ": ")
INDENTED = Spacing(",", ": ", 2)


# -- reading


def read_json(text: str | bytes, *, strict: bool = False) -> Any:
    """Parse JSON. ValueError if it is not JSON, and TooDeep if Python can't read it.

    If `strict`, Python's `NaN` and `Infinity` and more levels than a request has are errors too.
    """
    hooks: dict[str, Any] = {"parse_float": _read_float}
    if strict:
        hooks["parse_constant"] = _refuse_constant
    try:
        value = _loads(text, hooks)
    except RecursionError:
        raise TooDeep("it is nested too deeply") from None
    if strict and _is_deeper(value, _MAX_DEPTH):
        raise TooDeep("it is nested too deeply")
    return value


def _loads(text: str | bytes, hooks: dict[str, Any]) -> Any:
    """Parse JSON; whole numbers go through a function of ours only if Python would change one."""
    import json

    if isinstance(text, str):
        plain = _NEGATIVE_ZERO.search(text) is None
    else:
        plain = 0 not in text[:4] and _NEGATIVE_ZERO_BYTES.search(text) is None  # UTF-16 has zeros there
    if plain:
        try:
            return json.loads(text, **hooks)
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise
        except ValueError:  # Python refuses very long numbers
            pass
    return json.loads(text, parse_int=_read_int, **hooks)


def _is_deeper(value: Any, levels: int) -> bool:
    inside = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        below = (each.values() if isinstance(each, dict) else each for each in inside)
        inside = [item for items in below for item in items if isinstance(item, dict | list)]
    return bool(inside)


def _read_float(text: str) -> float:
    number = float(text)
    return number if repr(number) == text else Number(text)


def _read_int(text: str) -> float:
    return Number(text) if len(text) > _MAX_DIGITS or text == "-0" else int(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


# -- writing


def to_json(value: Any, spacing: Spacing = COMPACT, *, ascii_only: bool = False) -> str:
    """Write JSON; numbers that were read keep their text."""
    return "".join(json_chunks(value, spacing, ascii_only=ascii_only))


def json_file(value: Any) -> Iterator[bytes]:
    """Yield the content of a JSON file for people, with a final newline."""
    for chunk in json_chunks(value, INDENTED):
        # JSON may hold half of a surrogate pair, as `\ud800`; that must not cost a paid result.
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


def indented(text: str, max_chars: int) -> tuple[str, bool]:
    """JSON indented for people, and whether all of it fits; numbers and strings stay as written.

    Longer output ends after about `max_chars` characters.
    """
    parts: list[str] = []
    depth, before, left = 0, "", max_chars
    for found in re.finditer(_TOKEN, text):
        token = found[0]
        opened, closes = before in ("[", "{"), token in ("]", "}")
        depth += opened - closes
        if opened != closes or before == ",":
            token = "\n" + "  " * min(depth, _MAX_INDENT) + token
        parts.append(": " if token == ":" else token)
        before = found[0]
        left -= len(parts[-1])
        if left < 0:
            return "".join(parts), False
    return "".join(parts), True
