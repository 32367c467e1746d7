"""Compare an expected result with an actual one, value by value and row by row.

Values are compared as what they are: 1,240.00 equals 1240, and 2 March 2026 equals 2026-03-02. Ids, boxes
and whatever else the actual result has besides are left out.
"""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from docspeed_cli.results.facts import Facts, FieldRow
from docspeed_cli.results.fields import Field
from docspeed_cli.results.keys import without_indexes
from docspeed_cli.results.readings import have_other_times, have_other_units, number_of, read_date
from docspeed_cli.results.values import MAX_DEPTH, cell_text

Mark = Callable[[], str | None]
"""Finds the decimal mark of a document."""

_MIN_SIMILARITY = 0.35
"""Least similarity, from 0 to 1, of two rows that are taken for the same one."""
_MAX_PAIRS = 250_000
"""Most pairs of rows whose similarity is measured; more are compared by their position."""

CHANGED, MISSING, EXTRA, ROW_MISSING, ROW_EXTRA = "changed", "missing", "extra", "row missing", "row extra"


class Difference(NamedTuple):
    """One difference; `key` is a field, or a cell such as `line_items[3].amount`, by the expected row."""

    key: str
    kind: str
    expected: Any = None
    actual: Any = None
    page: int | None = None
    text: str = ""
    """The text in the document that the actual value was read from."""

    def describe(self) -> str:
        """Return the difference in words."""
        expected, actual = cell_text(self.expected), cell_text(self.actual)
        texts = {
            CHANGED: f"expected {expected!r}, got {actual!r}",
            MISSING: f"expected {expected!r}, got nothing",
            EXTRA: f"expected nothing, got {actual!r}",
            ROW_MISSING: "row missing",
            ROW_EXTRA: "row not expected",
        }
        page = f" (page {self.page})" if self.page else ""
        return f"{self.key}: {texts[self.kind]}{page}"

    def to_json(self) -> dict[str, Any]:
        """Return the difference as scripts read it; absent members are left out."""
        members: dict[str, Any] = {"key": self.key, "kind": self.kind}
        if self.kind in (CHANGED, MISSING, ROW_MISSING):
            members["expected"] = self.expected
        if self.kind in (CHANGED, EXTRA, ROW_EXTRA):
            members["actual"] = self.actual
        return {**members, **{n: v for n, v in (("page", self.page), ("text", self.text)) if v}}


class Score(NamedTuple):
    """How many values of one key were right, out of all that are expected or actual."""

    right: int = 0
    total: int = 0

    def plus(self, other: Score) -> Score:
        """Add two scores."""
        return Score(self.right + other.right, self.total + other.total)

    @property
    def accuracy(self) -> float:
        """The share of right values; 1 where there was nothing to find."""
        return self.right / self.total if self.total else 1.0


def _total_score(scores: Iterable[Score]) -> Score:
    total = Score()
    for score in scores:
        total = total.plus(score)
    return total


class RowScore(NamedTuple):
    """How many rows of one table were matched, and how many are expected and actual."""

    matched: int = 0
    expected: int = 0
    actual: int = 0

    def plus(self, other: RowScore) -> RowScore:
        """Add two scores."""
        return RowScore(*(one + two for one, two in zip(self, other, strict=True)))

    @property
    def precision(self) -> float:
        """The share of the actual rows that are expected."""
        return self.matched / self.actual if self.actual else 1.0

    @property
    def recall(self) -> float:
        """The share of the expected rows that are there."""
        return self.matched / self.expected if self.expected else 1.0


class Comparison(NamedTuple):
    """What a comparison found: differences, a score for each key, and one for each table's rows."""

    differences: list[Difference]
    keys: dict[str, Score]
    rows: dict[str, RowScore]

    @property
    def score(self) -> Score:
        """All values together."""
        return _total_score(self.keys.values())


class Totals:
    """The scores of several comparisons."""

    def __init__(self) -> None:
        self.keys: dict[str, Score] = {}
        self.rows: dict[str, RowScore] = {}

    def add(self, comparison: Comparison) -> None:
        """Add one comparison."""
        for key, score in comparison.keys.items():
            self.keys[key] = self.keys.get(key, Score()).plus(score)
        for table, found in comparison.rows.items():
            name = without_indexes(table)
            self.rows[name] = self.rows.get(name, RowScore()).plus(found)

    @property
    def score(self) -> Score:
        """All values together."""
        return _total_score(self.keys.values())


class CompareOptions(NamedTuple):
    """What counts as equal. Keys may have `*` for any part, and name columns as `table.column`."""

    ignore: Sequence[str] = ()
    tolerance: Decimal = Decimal(0)
    """The largest difference between two numbers that count as equal."""
    row_keys: Mapping[str, Sequence[str]] = {}
    """The columns that identify a row, by table."""
    ignore_case: Sequence[str] = ()
    exact: Sequence[str] = ()
    """Keys whose texts must be the same character for character."""


def compare_payloads(expected: Any, actual: Any, options: CompareOptions = CompareOptions()) -> Comparison:  # noqa: B008
    """Compare two payloads."""
    return _Pair(options, Facts(expected), Facts(actual)).compare()


class _Pair:
    """Two results, whose documents may use different decimal marks, and what their comparison found."""

    def __init__(self, options: CompareOptions, expected: Facts, actual: Facts) -> None:
        self._options = options
        self._expected, self._actual = expected, actual
        self._marks: tuple[Mark, Mark] = (lambda: expected.mark, lambda: actual.mark)
        self._found = Comparison([], {}, {})

    def compare(self) -> Comparison:
        """Compare all fields and tables that are not to be ignored."""
        for key, field in self._expected.fields.items():
            if not self._is_ignored(key):
                self._compare_value(without_indexes(key), field, self._actual.fields.get(key))
        for table, rows in self._expected.tables.items():
            if not self._is_ignored(table):
                self._compare_rows(table, rows, self._actual.tables.get(table, []))
        return self._found

    def _is_ignored(self, key: str) -> bool:
        return _matches_pattern(without_indexes(key), self._options.ignore)

    def _compare_rows(self, table: str, expected: list[FieldRow], actual: list[FieldRow]) -> None:
        columns = {name for row in expected for name in row if not self._is_ignored(f"{table}.{name}")}
        matches = self.match(table, expected, actual, columns)
        self._found.rows[table] = RowScore(len(matches), len(expected), len(actual))
        keys = {name: f"{without_indexes(table)}.{name}" for name in columns}
        for index, row in enumerate(expected):
            cells = {name: field for name, field in row.items() if name in columns}
            if index in matches:
                other = actual[matches[index]]
                for name, field in cells.items():
                    self._compare_value(keys[name], field, other.get(name))
                continue
            place = f"{table}[{index + 1}]"
            self._found.differences.append(Difference(place, ROW_MISSING, _compared_values(row, columns)))
            self._count_wrong(keys, cells)
        taken = set(matches.values())
        for index, row in enumerate(actual):
            if index not in taken:
                place = f"{table}[{index + 1}]"
                self._found.differences.append(
                    Difference(place, ROW_EXTRA, actual=_compared_values(row, columns))
                )
                self._count_wrong(keys, {name: row[name] for name in keys if name in row})

    def _compare_value(self, key: str, expected: Field, actual: Field | None) -> None:
        """Compare two values; `key` is without the numbers of rows."""
        value = actual.value if actual is not None else None
        if expected.value == value and type(expected.value) is type(value):
            if not _is_blank(value):
                self._count(key, right=True)
            return
        blank = _is_blank(expected.value), _is_blank(value)
        if all(blank):
            return
        right = not any(blank) and self.equal(key, expected.value, value)
        self._count(key, right=right)
        if not right:
            kind = MISSING if blank[1] else EXTRA if blank[0] else CHANGED
            page, text = (actual.page, actual.quoted_text) if actual is not None else (None, "")
            difference = Difference(expected.key, kind, expected.value, value, page, text)
            self._found.differences.append(difference)

    def _count(self, key: str, *, right: bool) -> None:
        keys = self._found.keys
        keys[key] = keys.get(key, Score()).plus(Score(right, 1))

    def _count_wrong(self, keys: Mapping[str, str], cells: Mapping[str, Field]) -> None:
        for name, field in cells.items():
            if not _is_blank(field.value):
                self._count(keys[name], right=False)

    def equal(self, key: str, expected: Any, actual: Any, depth: int = 0) -> bool:
        """Whether two values of a key are the same."""
        if isinstance(expected, list) and isinstance(actual, list) and depth < MAX_DEPTH:
            same_length = len(expected) == len(actual)
            pairs = zip(expected, actual, strict=False)
            return same_length and all(self.equal(key, one, other, depth + 1) for one, other in pairs)
        texts = cell_text(expected), cell_text(actual)
        if texts[0] == texts[1]:
            return True
        if _matches_pattern(key, self._options.exact):
            return False
        numbers = number_of(expected, self._marks[0]), number_of(actual, self._marks[1])
        if numbers[0] is not None and numbers[1] is not None:
            near = abs(numbers[0] - numbers[1]) <= self._options.tolerance
            return near and not have_other_units(*texts)
        dates = read_date(texts[0]), read_date(texts[1])
        if dates[0] is not None and dates[1] is not None:
            return dates[0] == dates[1] and not have_other_times(*texts)
        plain = _normal(texts[0]), _normal(texts[1])
        if plain[0] == plain[1]:
            return True
        folds = bool(self._options.ignore_case) and _matches_pattern(key, self._options.ignore_case)
        return folds and plain[0].casefold() == plain[1].casefold()

    # -- rows

    def match(
        self, table: str, expected: Sequence[FieldRow], actual: Sequence[FieldRow], columns: set[str]
    ) -> dict[int, int]:
        """Return the actual row for each expected one, by index: by key columns, or the most similar."""
        named = self._options.row_keys.get(table)
        if named:
            return self._match_by_key(table, expected, actual, named)
        matches = {
            index: index
            for index, (row, other) in enumerate(zip(expected, actual, strict=False))
            if self._same(table, row, other, columns)
        }
        if len(matches) == len(expected):
            return matches
        left = [index for index in range(len(expected)) if index not in matches]
        free = [index for index in range(len(actual)) if index not in matches]
        # In a single column, only its place tells which row a changed one was.
        if len(columns) == 1 or len(left) * len(free) > _MAX_PAIRS:
            return {**matches, **{index: index for index in left if index < len(actual)}}
        # The most similar rows first; of equally similar ones, those that stand closest to each other.
        pairs = sorted(
            (
                -self._similarity(table, expected[one], actual[other], columns),
                abs(one - other),
                one,
                other,
            )
            for one in left
            for other in free
        )
        taken: set[int] = set()
        for similarity, _, one, other in pairs:
            if -similarity >= _MIN_SIMILARITY and one not in matches and other not in taken:
                matches[one] = other
                taken.add(other)
        return matches

    def _match_by_key(
        self, table: str, expected: Sequence[FieldRow], actual: Sequence[FieldRow], named: Sequence[str]
    ) -> dict[int, int]:
        free: dict[tuple[str, ...], list[int]] = {}
        for index, row in enumerate(actual):
            free.setdefault(self._key(table, row, named, self._marks[1]), []).append(index)
        matches: dict[int, int] = {}
        for index, row in enumerate(expected):
            found = free.get(self._key(table, row, named, self._marks[0]))
            if found:
                matches[index] = found.pop(0)
        return matches

    def _key(self, table: str, row: FieldRow, named: Sequence[str], mark: Mark) -> tuple[str, ...]:
        return tuple(self._canonical(f"{table}.{name}", row.get(name), mark) for name in named)

    def _canonical(self, key: str, field: Field | None, mark: Mark) -> str:
        """A text that is equal for values that are equal."""
        if field is None or _is_blank(field.value):
            return ""
        number = number_of(field.value, mark)
        text = cell_text(field.value)
        if number is not None:
            return str(number.normalize())
        found = read_date(text)
        plain = found.isoformat() if found is not None else _normal(text)
        return plain.casefold() if _matches_pattern(key, self._options.ignore_case) else plain

    def _same(self, table: str, row: FieldRow, other: FieldRow, columns: set[str]) -> bool:
        return all(self._similar(table, name, row, other) == 1.0 for name in row if name in columns)

    def _similarity(self, table: str, row: FieldRow, other: FieldRow, columns: set[str]) -> float:
        names = [name for name in row if name in columns]
        return sum(self._similar(table, name, row, other) for name in names) / len(names) if names else 1.0

    def _similar(self, table: str, name: str, row: FieldRow, other: FieldRow) -> float:
        """How similar two cells are, from 0 to 1."""
        one, two = row[name].value, other[name].value if name in other else None
        if one == two and type(one) is type(two):
            return 1.0
        if _is_blank(one) or _is_blank(two):
            return 1.0 if _is_blank(one) and _is_blank(two) else 0.0
        if self.equal(f"{table}.{name}", one, two):
            return 1.0
        words = {*cell_text(one).casefold().split()}, {*cell_text(two).casefold().split()}
        return 0.5 * len(words[0] & words[1]) / max(len(words[0] | words[1]), 1)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _is_blank(value: Any) -> bool:
    if isinstance(value, list | dict):
        return not value
    return value is None or (isinstance(value, str) and not value.strip())


def _matches_pattern(key: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern names the key, or something that it is part of."""
    # `fnmatch` itself would ignore case on Windows only, so a comparison would differ there.
    return any(fnmatch.fnmatchcase(key, pattern) or key.startswith(f"{pattern}.") for pattern in patterns)


def _compared_values(row: FieldRow, columns: set[str]) -> dict[str, Any]:
    return {name: field.value for name, field in row.items() if name in columns}
