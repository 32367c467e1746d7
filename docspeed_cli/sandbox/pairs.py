"""Find labels with their values, and the parties of a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from docspeed_cli.sandbox.labels import is_column, is_joint, is_known, is_title, role_of, tokens
from docspeed_cli.sandbox.layout import Layout, PageLayout
from docspeed_cli.sandbox.lines import Line, is_label
from docspeed_cli.sandbox.values import CURRENCY, find_date, parse_number

MAX_LINES = 2000  # of a page, among which neighbours are searched
BESIDE, BELOW = 0.97, 0.8  # how sure a pair is whose value is to the right of its label, or below

_COLON = re.compile(r"(?P<label>[^:]{2,48}?)\s*(?::-?|=)\s*(?P<value>(?!//)\S.*)")


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and its value with their lines; `sure` is below 1 for a less certain match."""

    label: str
    value: str
    lines: tuple[Line, ...]
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Party:
    """A seller, buyer or consignee: the lines below its heading."""

    role: str
    lines: tuple[Line, ...]


def find_pairs(layout: Layout) -> list[Pair]:
    """Pairs of all pages in reading order."""
    return [pair for page in layout.pages for pair in page_pairs(page)]


def page_pairs(page: PageLayout) -> Iterator[Pair]:
    """Pairs of one page, from top to bottom: a value is in its label's line, to the right, or below."""
    rows = list(_rows(page.lines[:MAX_LINES]))
    in_table = {line for table in page.tables for line in table.lines}
    for at, row in enumerate(rows):
        below = {} if sum(is_column(line.text) for line in row) > 1 else _below(row, rows[at + 1 : at + 5])
        paired = set[Line]()
        for pair in _across(row, in_table, below):
            yield pair
            if _is_data(pair.value):
                paired.update(pair.lines)
        for line, value in below.items():
            if line not in paired:
                yield Pair(line.text.rstrip(" :"), value.text, (line, value), BELOW)


def _rows(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines side by side, from left to right, whichever blocks they are in."""
    row: list[Line] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        if row and abs(line.box[1] + line.box[3] - row[-1].box[1] - row[-1].box[3]) > line.height:
            yield sorted(row, key=lambda line: line.box[0])
            row = []
        row.append(line)
    if row:
        yield sorted(row, key=lambda line: line.box[0])


def _across(row: list[Line], in_table: set[Line], below: dict[Line, Line]) -> Iterator[Pair]:
    """Pairs of one row."""
    parts = [part for line in row for part in _parts(line)]
    head, skip = "", None
    for at, part in enumerate(parts):
        label, listed = part.label.rstrip(" :"), part.lines[0] in in_table
        if head and is_joint(label):
            label = f"{head} date"
        named = is_known(label) or (is_label(part.label) and (at == 0 or not listed))
        if part is skip or not label or (not named and (listed or part.sure < 1)):
            continue
        head = " ".join(word for word in tokens(label) if word != "number") if is_known(label) else ""
        values = list(takewhile(lambda other: not other.label, parts[at + 1 :]))
        numbers = list(takewhile(lambda other: parse_number(other.value) is not None, values))
        if part.value and not (numbers and parse_number(part.value) is not None):
            yield replace(part, label=label)
        elif values:
            last = numbers[-1] if numbers else values[0]  # a row of amounts ends with the one that counts
            yield Pair(label, last.value, part.lines + last.lines, BESIDE)
        elif not part.value and part is not parts[-1] and _is_text(part, parts[at + 1], below):
            skip = parts[at + 1] if named else None  # a label's value is not a label itself
            yield Pair(label, parts[at + 1].label, part.lines + parts[at + 1].lines, BESIDE)


def _is_text(part: Pair, right: Pair, below: dict[Line, Line]) -> bool:
    """True if the text to the right of a label is its value, and not the next of several headings."""
    line, other = part.lines[0], right.lines[0]
    if right.value or right.label.endswith(":") or is_known(right.label) or len(line.text) > 40:
        return False
    heading = is_label(right.label) or _in_capitals(other)
    headed = heading and line in below and not is_label(below[line].text)
    return not headed and other.box[0] - line.box[2] < 30 * line.height


def _parts(line: Line) -> Iterator[Pair]:
    """Labels with their values in a line, or one of the two: `Bill No. 12 Date: 3 May 2026` has two pairs."""
    label, value, sure = _split(line.text)
    words, start = value.split(), 0
    for at in range(1, len(words)):
        if at <= start or not _is_data(words[at - 1]) or _is_data(words[at]):
            continue
        ends = (n for n in range(at + 1, len(words)) if _is_data(words[n]) or words[n - 1].endswith(":"))
        end = next(ends, len(words))
        following = " ".join(words[at:end])
        if is_joint(following) or is_known(following):
            yield Pair(label, " ".join(words[start:at]), (line,), sure)
            label, start = following, end
    yield Pair(label, " ".join(words[start:]), (line,), sure)


def _split(text: str) -> tuple[str, str, float]:
    """First label of a line, the rest, and how sure that is; a line without a value is all label."""
    words = text.split()
    at = next((at for at, word in enumerate(words) if _is_data(word)), len(words))
    if 0 < at < len(words) and (CURRENCY.fullmatch(words[at - 1]) or _is_date(" ".join(words[at - 1 :]))):
        at -= 1
    label = " ".join(words[:at])
    match = _COLON.fullmatch(text)
    if match and re.search(r"[^\W\d_]", match["label"]) and not (":" not in label and is_known(label)):
        return match["label"].strip(), match["value"].strip(), 1.0
    if at == 0 or text.startswith(":"):
        return "", text.lstrip(": "), 1.0
    if len(words) > 12 or not 0 < at < min(len(words), 7):
        return text, "", 1.0
    return label, " ".join(words[at:]), 0.85


def _is_date(text: str) -> bool:
    day, written = find_date(text)
    return day is not None and text.startswith(written)


def _is_data(word: str) -> bool:
    """True for a word of a value: it has a digit or a currency, and is no percentage or note in brackets."""
    note = r"\(?[\d.,]+%\)?:?|[^\W\d]*\(\d+\)|\(\d+"
    return bool(re.search(r"\d|[₹$€£]", word)) and not re.fullmatch(note, word)


def split_pair(line: Line) -> Pair | None:
    """Pair in a line like `label: value`; None if it is not one."""
    match = _COLON.fullmatch(line.text)
    if not match or re.fullmatch(r"\d+", match["label"].strip()):
        return None
    return Pair(match["label"].strip(), match["value"].strip(), (line,))


def _below(row: Sequence[Line], rows: Sequence[list[Line]]) -> dict[Line, Line]:
    """Values below the labels of a row; a column of values is none."""
    found = {}
    for line in row:
        named = is_known(line.text) or is_label(line.text) or _in_capitals(line)
        if named and not is_title(line.text):
            value = _beneath(line, rows)
            after = _beneath(value, rows) if value else None
            column = value and after and all(_is_data(x.text.split()[0]) for x in (value, after))
            if value and not column and not value.text.endswith(":") and not is_known(value.text):
                found[line] = value
    return found


def _beneath(line: Line, rows: Sequence[list[Line]]) -> Line | None:
    x0, _, x1, y1 = line.box
    near = (
        other
        for row in rows
        for other in row
        if -0.3 * line.height < other.box[1] - y1 < 1.2 * line.height
        and other.box[0] < x1
        and other.box[2] > x0
    )
    return min(near, key=lambda other: other.box[1], default=None)


def _in_capitals(line: Line) -> bool:
    """True for a caption in capitals, as in the boxes of a form."""
    return line.text.isupper() and len(line.words) <= 4 and not re.search(r"\d", line.text)


def find_parties(layout: Layout) -> list[Party]:
    """Lines below headings such as "Seller" and "Bill to", in reading order."""
    return [party for page in layout.pages for party in page_parties(page)]


def page_parties(page: PageLayout) -> Iterator[Party]:
    """Parties of one page."""
    role, heading, lines = "", Line(()), list[Line]()
    for line in page.lines:
        named = role_of(line.text)
        ends = named or len(lines) >= 20 or (role and _far(heading, lines, line))
        if role and lines and ends:
            yield Party(role, tuple(lines))
        if ends:
            role, heading, lines = named, line, []
        elif role:
            lines.append(line)
    if role and lines:
        yield Party(role, tuple(lines))


def _far(heading: Line, lines: list[Line], line: Line) -> bool:
    """True if a line is in another column than a heading and the lines below it, or well below them."""
    last = lines[-1] if lines else heading
    if abs(line.box[1] - last.box[1]) < 0.5 * line.height and ":" in (last.text[-1], line.text[0]):
        return False  # a value beside its label
    shift = min(abs(line.box[0] - other.box[0]) for other in (heading, last))
    return shift > 6 * line.height or not -2 < line.box[1] - last.box[3] < 1.6 * line.height
