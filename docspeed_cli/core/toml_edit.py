"""Change one value in the text of a config file, and leave its comments and layout alone.

Python reads TOML but does not write it. The files that we write have one value on each line, so we
edit lines. In any other file, an edit that would change more than its value is refused.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from docspeed_cli.core.json_text import to_json

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?")
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'#\[{][^#]*?)"""


def toml_literal(value: bool | int | str) -> str:
    """The value as it is written in TOML."""
    # A JSON text is a TOML text too, but for DEL, which only TOML wants escaped.
    return to_json(value).replace("\x7f", "\\u007F")


def with_value(text: str, table: tuple[str, ...], name: str, value: bool | int | str) -> str:
    """The text with this value in a table. ValueError if lines are not enough to edit it."""
    inner = expected = tomllib.loads(text)
    for key in table:
        inner = inner.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{'.'.join(table)} is not a table")
    inner[name] = value
    lines, line = text.splitlines(keepends=True), f"{name} = {toml_literal(value)}"
    start, end, found = _table_lines(lines, table)
    at = _key_line(lines[start:end], name)
    if at is not None:
        lines[start + at] = _replaced(lines[start + at], line)
    elif found:
        place = _last_key_line(lines, start, end)
        lines[place:place] = [f"{line}\n"]
    else:
        lines += ["\n"] * bool(lines) + [f"[{'.'.join(table)}]\n", f"{line}\n"]
    return _checked("".join(each if each.endswith("\n") else f"{each}\n" for each in lines), expected)


def without_value(text: str, table: tuple[str, ...], name: str) -> str:
    """The text without the value of this name. KeyError without one; ValueError if lines are not enough."""
    inner = expected = tomllib.loads(text)
    for key in table:
        inner = inner[key]
    del inner[name]
    lines = text.splitlines(keepends=True)
    start, end, _ = _table_lines(lines, table)
    at = _key_line(lines[start:end], name)
    if at is not None:
        del lines[start + at]
    return _checked("".join(lines), expected)


def _checked(text: str, expected: dict[str, Any]) -> str:
    try:
        same = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise ValueError("the value spans several lines, or has a form that docspeed does not edit")
    return text


def _table_lines(lines: list[str], table: tuple[str, ...]) -> tuple[int, int, bool]:
    """Return a table's first line, the line after its last, and whether the text has it; () is the top."""
    headers = [
        (at, _header_keys(match[1]))
        for at, text in enumerate(lines)
        if (match := _HEADER.fullmatch(text.rstrip()))
    ]
    places = [*(at for at, _ in headers), len(lines)]
    if not table:
        return 0, places[0], True
    for number, (at, keys) in enumerate(headers):
        if keys == table:
            return at + 1, places[number + 1], True
    return len(lines), len(lines), False


def _header_keys(header: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in header.split("."))


def _key_line(lines: list[str], name: str) -> int | None:
    pattern = re.compile(rf"""\s*["']?{re.escape(name)}["']?\s*=""")
    return next((at for at, text in enumerate(lines) if pattern.match(text)), None)


def _replaced(old: str, line: str) -> str:
    """The new line, indented like the old one and with its comment."""
    rest = re.fullmatch(rf"(\s*)[^=]+=\s*{_VALUE}(\s*#.*?)?\s*", old)
    indent, comment = (rest[1], rest[2] or "") if rest else ("", "")
    return f"{indent}{line}{comment}\n"


def _last_key_line(lines: list[str], start: int, end: int) -> int:
    """Where a new line goes: below the last one of the table, above what belongs to the next table."""
    keys = [at for at in range(start, end) if re.match(r"\s*[^\s#=]+\s*=", lines[at])]
    if keys:
        return keys[-1] + 1
    if start:
        return start
    while end and lines[end - 1].lstrip().startswith("#") and len(lines) > end:
        end -= 1
    return end
