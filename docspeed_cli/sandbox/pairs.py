"""Find labels with their values, and the parties of a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, takewhile
from typing import NamedTuple

from docspeed_cli.sandbox.labels import TABLE, is_joint, is_known, known_kinds, role_of, tokens
from docspeed_cli.sandbox.layout import PageLayout
from docspeed_cli.sandbox.lines import Line, is_label
from docspeed_cli.sandbox.values import CURRENCY, find_date, parse_number

BESIDE, BELOW = 0.97, 0.8  # how sure a pair is if its value is to the right of its label, or below

COMPANY = re.compile(TABLE["rules"]["company"], re.IGNORECASE)
_MAX_LINES = 2000  # of a page; bounds the search for neighbours
_COLON = re.compile(r"(?P<label>[^:]{2,48}?)\s*(?::-?|=)\s*(?P<value>(?!//)\S.*)")
_NOTE = re.compile(r"\(?[\d.,]+%\)?:?|[^\W\d]*\(\d+\)|\(\d+")  # a percentage, or a number in brackets


class Pair(NamedTuple):
    """A label and its value with their lines, and the party it belongs to; `sure` is below 1 for a guess."""

    label: str
    value: str
    lines: tuple[Line, ...]
    sure: float = 1.0
    role: str = ""


def page_pairs(page: PageLayout) -> Iterator[Pair]:
    """Pairs of one page, with those for the name and address of each party."""
    parties = _parties(page)
    roles = {line: role for role, lines in parties for line in lines}
    taken = set[Line]()
    for pair in _labelled(page):
        own = {roles.get(line, "") for line in pair.lines}
        role = own.pop() if len(own) == 1 else ""
        yield pair._replace(role=role)
        taken.update(pair.lines if role and pair.sure >= BESIDE else ())
    for role, lines in parties:
        plain = [line for line in lines if line not in taken and not line.text.endswith(":")]
        titled = plain and (role != "seller" or COMPANY.search(plain[0].text))  # a slogan is not a name
        if titled and not re.search(r"\d$|^\d|@", plain[0].text):
            yield Pair("Name", plain[0].text, tuple(plain[:1]), 0.96, role)
        if len(plain) > 1:
            address = ", ".join(line.text.rstrip(",") for line in plain[1:])
            yield Pair("Address", address, tuple(plain[1:]), 0.96, role)


def _labelled(page: PageLayout) -> Iterator[Pair]:
    """Pairs from top to bottom: a value is in its label's line, to the right, or below."""
    rows = _rows(page.lines[:_MAX_LINES])
    in_table = {line for table in page.tables for line in table.lines}
    across = [list(_across(row, in_table)) for row in rows]
    labels = {pair.lines[0] for beside in across for pair in beside if len(pair.lines) > 1}
    for at, (row, beside) in enumerate(zip(rows, across, strict=True)):
        yield from beside
        done = {line for pair in beside if _is_data(pair.value) for line in pair.lines}
        if sum(bool(known_kinds(line.text, column=True)) for line in row) < 2:
            left = [line for line in row if line not in done]
            yield from (pair for pair in _below(left, rows[at + 1 : at + 5]) if pair.lines[1] not in labels)


def _rows(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines side by side, from left to right, whichever blocks they are in."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        if rows and line.box[1] + line.box[3] - rows[-1][-1].box[1] - rows[-1][-1].box[3] <= line.height:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def _across(row: list[Line], in_table: set[Line]) -> Iterator[Pair]:
    """Pairs of one row."""
    parts = [part for line in row for part in _parts(line)]
    head = ""
    for at, (label, value, lines, sure, _) in enumerate(parts):
        if head and is_joint(label):
            label = f"{head} date"
        listed = lines[0] in in_table
        named = is_known(label) or (is_label(label) and (at == 0 or not listed))
        if not label or (not named and (listed or sure < 1)):
            continue
        head = " ".join(word for word in tokens(label) if word != "number") if is_known(label) else ""
        right = parts[at + 1 :]
        values = list(takewhile(lambda other: not other.label, right))
        numbers = takewhile(lambda other: parse_number(other.value) is not None, values)
        label = label.rstrip(" :")
        if value:
            yield Pair(label, value, lines, sure)
        elif values:
            last = [values[0], *numbers][-1]  # a row of amounts ends with the one that counts
            yield Pair(label, last.value, lines + last.lines, BESIDE)
        elif right and not right[0].value and not _is_caption(right[0].label):
            yield Pair(label, right[0].label, lines + right[0].lines, BESIDE)


def _is_caption(text: str) -> bool:
    """True for a text that is a label, and so not the value of the label beside it."""
    return is_known(text) or text.endswith(":")


def _parts(line: Line) -> Iterator[Pair]:
    """Labels with their values in a line, or one of the two: `Bill No. 12 Date: 3 May 2026` has two pairs."""
    label, value, sure = _split_label(line.text)
    words, start = value.split(), 0
    for at in range(1, len(words)):
        if at <= start or not _is_data(words[at - 1]) or _is_data(words[at]):
            continue
        end = next((end for end in range(at + 1, len(words)) if _is_data(words[end])), len(words))
        following = " ".join(words[at:end])
        if is_joint(following) or is_known(following):
            yield Pair(label, " ".join(words[start:at]), (line,), sure)
            label, start = following, end
    yield Pair(label, " ".join(words[start:]), (line,), sure)


def _split_label(text: str) -> tuple[str, str, float]:
    """First label of a line, the rest, and how sure that is; a line without a value is all label."""
    words = text.replace(" %", "%").split()
    at = next((at for at, word in enumerate(words) if _is_data(word)), len(words))
    if 0 < at < len(words):
        dated = " ".join(words[at - 1 :])
        written = find_date(dated)[1]
        at -= bool(CURRENCY.fullmatch(words[at - 1]) or (written and dated.startswith(written)))
    label = " ".join(words[:at])
    match = _COLON.fullmatch(text)
    if match and (":" in label or not is_known(label)):
        return match["label"].strip(), match["value"].strip(), 1.0
    if at == 0 or text.startswith(":"):
        return "", text.lstrip(": "), 1.0
    is_house = at == 1 and len(words) > 2 and tokens(label) == ("number",)  # `No. 48, 2nd Cross`
    if at == len(words) or at > 6 or len(words) > 12 or is_house:
        return text, "", 1.0
    return label, " ".join(words[at:]), 0.85


def _is_data(word: str) -> bool:
    """True for a word of a value: with a digit or a currency, but not a percentage or a note in brackets."""
    return bool(re.search(r"\d|[₹$€£]", word)) and not _NOTE.fullmatch(word)


def _below(row: Sequence[Line], rows: Sequence[list[Line]]) -> Iterator[Pair]:
    """Pairs of a row's labels with the values right below; a column of values belongs to a table."""
    for line in row:
        title = "id" in known_kinds(line.text) and "number" not in tokens(line.text)  # such as "Tax invoice"
        if title or not (is_known(line.text) or is_label(line.text)):
            continue
        value = _beneath(line, rows)
        after = _beneath(value, rows) if value else None
        column = value and after and all(_is_data(x.text.split()[0]) for x in (value, after))
        if value and not column and not _is_caption(value.text):
            yield Pair(line.text.rstrip(" :"), value.text, (line, value), BELOW)


def _beneath(line: Line, rows: Sequence[list[Line]]) -> Line | None:
    """Closest line right below."""
    x0, _, x1, y1 = line.box
    for other in chain.from_iterable(rows):
        near = -0.3 * line.height < other.box[1] - y1 < 1.2 * line.height
        if near and other.box[0] < x1 and other.box[2] > x0:
            return other
    return None


def _parties(page: PageLayout) -> list[tuple[str, list[Line]]]:
    """Roles and their lines, below headings such as "Seller" and "Bill to"."""
    in_table = {line for table in page.tables for line in table.lines}
    groups: list[tuple[str, list[Line]]] = []  # lines close together, and the role that the first one names
    for line in page.lines:
        role = role_of(line.text)
        beyond = groups and (line in in_table) != (groups[-1][1][0] in in_table)
        if role or not groups or beyond or _far(groups[-1][1], line):
            groups.append((role, [line]))
        else:
            groups[-1][1].append(line)
    return [(role, lines[1:]) for role, lines in groups if role]


def _far(lines: list[Line], line: Line) -> bool:
    """True if a line is in another column than a heading and the lines below it, or well below them."""
    last = lines[-1]
    if abs(line.box[1] - last.box[1]) < 0.5 * line.height and ":" in (last.text[-1], line.text[0]):
        return False  # a value beside its label
    shift = min(abs(line.box[0] - other.box[0]) for other in (lines[0], last))
    gap = line.box[1] - last.box[3]
    gaps = (other.box[1] - above.box[3] for above, other in pairwise(lines[1:]))
    usual = max((other for other in gaps if other > -2), default=gap)  # less is beside, not below
    return shift > 6 * line.height or not -2 < gap < min(1.6 * line.height, usual + 0.5 * line.height)
