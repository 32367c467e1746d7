"""Values in a rule's expression: read as numbers, dates or texts when it is clear what they must be."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from docspeed_cli.results.fields import Field
from docspeed_cli.results.keys import without_indexes
from docspeed_cli.results.readings import number_of, read_date
from docspeed_cli.results.values import cell_text

Operand = Decimal | date | bool | str | Field | list[Any] | None
"""A field or cell as it is in the result, a column of them, or what was calculated."""


class Unreadable(Exception):
    """A value that can't be read as what the expression needs."""


class FailedComparison(NamedTuple):
    """A comparison that does not hold: both sides as the rule writes them, and their values."""

    left: str
    symbol: str
    right: str
    left_value: Any
    right_value: Any = None

    def __str__(self) -> str:
        left = f"{self.left} is {shown(self.left_value)}"
        if self.right_value is None or _is_literal(self.right):
            return f"{left}, not {self.symbol} {self.right}"
        return f"{left}, {self.right} is {shown(self.right_value)}"

    @property
    def difference(self) -> str | None:
        """The left side less the right side: a number, or days; None for texts."""
        left, right = self.left_value, self.right_value
        if isinstance(left, Decimal) and isinstance(right, Decimal):
            return shown(left - right)
        return str((left - right).days) if isinstance(left, date) and isinstance(right, date) else None


def _is_literal(text: str) -> bool:
    return text[:1] in "\"'" or text.replace(".", "", 1).lstrip("-").isdigit()


class Scope:
    """The values of one result, and of one row of it where a rule holds for each row."""

    def __init__(
        self,
        field: Callable[[str], Operand],
        *,
        row: Mapping[str, Field] | None = None,
        mark: Callable[[], str | None] = lambda: None,
        tolerance: Decimal = Decimal(0),
        is_first: Callable[[str, str], bool] = lambda name, value: True,
        shared: dict[int, Any] | None = None,
    ) -> None:
        self.field = field
        self.row = row
        self.mark = mark
        self.tolerance = tolerance
        self.is_first = is_first
        """Whether no earlier document of the run has this value under this name."""
        self.shared: dict[int, Any] = {} if shared is None else shared
        """What was calculated for all rows, by the node of the expression."""
        self.looked_at: dict[str, Field] = {}
        self.comparison: FailedComparison | None = None
        """The last comparison that did not hold."""

    def note(self, comparison: FailedComparison) -> None:
        """Remember a comparison that does not hold."""
        self.comparison = comparison

    def find(self, name: str) -> Operand:
        """The field, column or table of this name; the row's cell first."""
        found = self.row.get(name) if self.row is not None else None
        operand = self.field(name) if found is None else found
        for value in operand if isinstance(operand, list) else (operand,):
            if isinstance(value, Field):
                self.looked_at[value.key] = value
        return operand


# -- reading operands


def as_number(value: Operand, scope: Scope) -> Decimal:
    """Read an operand as a number. Unreadable if it is none."""
    number = number_of(value.value, scope.mark) if isinstance(value, Field) else value
    if not isinstance(number, Decimal):
        raise _unreadable(value, "a number")
    return number


def as_date(value: Operand) -> date:
    """Read an operand as a date. Unreadable if it is none, or could be two."""
    found = _as_date_if_one(value)
    if found is None:
        raise _unreadable(value, "a date")
    return found


def as_text(value: Operand) -> str:
    """Read an operand as text, with its white space made single blanks."""
    if isinstance(value, Field):
        return " ".join(cell_text(_present_value(value)).split())
    return " ".join(value.split()) if isinstance(value, str) else shown(value)


def as_bool(value: Operand) -> bool:
    """Read an operand as true or false. Unreadable if it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Field):
        content = _present_value(value)
        word = content.strip().lower() if isinstance(content, str) else content
        if isinstance(word, bool) or word in ("true", "false", "yes", "no"):
            return word in (True, "true", "yes")
    raise _unreadable(value, "true or false")


def is_present(value: Operand) -> bool:
    """Whether an operand has a value; of a column or table, whether it has rows and each has a value."""
    if isinstance(value, list):
        return bool(value) and all(map(is_present, value))
    content = value.value if isinstance(value, Field) else value
    if isinstance(content, list):
        return any(item not in (None, "") for item in content)
    return content is not None and not (isinstance(content, str) and not content.strip())


def _present_value(field: Field) -> Any:
    if not is_present(field):
        raise _unreadable(field, "a value")
    return field.value


def _unreadable(value: Operand, wanted: str) -> Unreadable:
    if not isinstance(value, Field):
        return Unreadable(f"{shown(value)} is not {wanted}")
    if not is_present(value):
        return Unreadable(f"{value.key} has no value")
    return Unreadable(f"{value.key} can't be read as {wanted}: {cell_text(value.value)[:80]!r}")


def shown(value: Any) -> str:
    if isinstance(value, Field):
        return cell_text(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}" if abs(value.adjusted()) < 30 else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a column" if isinstance(value, list) else "no value" if value is None else str(value)


# -- comparing


def read_alike(left: Operand, right: Operand, scope: Scope, kinds: set[str]) -> tuple[Any, Any]:
    """Read both operands as the type that they share: numbers, dates, or texts.

    `kinds` are the types that the schema gives them.
    """
    for value in (left, right):
        if isinstance(value, list):
            raise Unreadable("a column can't be compared as one value")
        if value is None or (isinstance(value, Field) and not is_present(value)):
            raise Unreadable(f"{value.key if isinstance(value, Field) else 'a value'} has no value")
    if isinstance(left, bool) or isinstance(right, bool):
        return as_bool(left), as_bool(right)
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return as_number(left, scope), as_number(right, scope)
    if isinstance(left, date) or isinstance(right, date) or "date" in kinds:
        return as_date(left), as_date(right)
    if kinds & {"number", "integer"} and not isinstance(left, str) and not isinstance(right, str):
        return as_number(left, scope), as_number(right, scope)
    texts = as_text(left), as_text(right)
    if "text" in kinds or isinstance(left, str) or isinstance(right, str) or texts[0] == texts[1]:
        return texts
    for read in (as_date, lambda value: as_number(value, scope)):
        try:
            return read(left), read(right)
        except Unreadable:
            continue
    return texts


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare_values(symbol: str, left: Any, right: Any, tolerance: Decimal) -> bool:
    """Compare two values of one type; numbers may be as far apart as the tolerance says."""
    if isinstance(left, str) and symbol not in ("==", "!="):
        raise Unreadable(f"{left[:80]!r} and {right[:80]!r} are neither two numbers nor two dates")
    if tolerance and isinstance(left, Decimal) and abs(left - right) <= tolerance:
        return symbol in ("==", "<=", ">=")
    return COMPARISONS[symbol](left, right)


# -- arithmetic

ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def calculate(symbol: str, left: Operand, right: Operand, scope: Scope) -> Operand:
    """Calculate with two operands; with columns row by row, and None where a value is missing."""
    if isinstance(left, list) or isinstance(right, list):
        count = len(left) if isinstance(left, list) else len(right)  # type: ignore[arg-type]
        both = [value if isinstance(value, list) else [value] * count for value in (left, right)]
        if len(both[0]) != len(both[1]):
            raise Unreadable("two columns of different lengths can't be combined")
        return [
            calculate(symbol, one, other, scope) if is_present(one) and is_present(other) else None
            for one, other in zip(*both, strict=True)
        ]
    dates = [_as_date_if_one(value) for value in (left, right)]
    if symbol == "-" and dates[0] and dates[1]:
        return Decimal((dates[0] - dates[1]).days)
    if symbol in ("+", "-") and dates[0] and not dates[1]:
        days = as_number(right, scope)
        try:
            shift = timedelta(days=int(days))
            return dates[0] + shift if symbol == "+" else dates[0] - shift
        except OverflowError:
            raise Unreadable(f"there is no date {days} days away") from None
    return ARITHMETIC[symbol](as_number(left, scope), as_number(right, scope))  # type: ignore[no-any-return]


def _as_date_if_one(value: Operand) -> date | None:
    if isinstance(value, Field) and isinstance(value.value, str):
        return read_date(value.value)
    return value if isinstance(value, date) else None


# -- functions


def items_of(value: Operand) -> list[Any]:
    """The values of a column, without empty cells; for a field with several values, these values."""
    if isinstance(value, Field) and isinstance(value.value, list):
        return [Field(value.key, item, *value.sources) for item in value.value if item not in (None, "")]
    return [item for item in value if is_present(item)] if isinstance(value, list) else [value]


def _sum_of_numbers(scope: Scope, value: Operand) -> Decimal:
    return sum((as_number(item, scope) for item in items_of(value)), Decimal(0))


def _extreme(choose: Callable[[Iterable[Any]], Any]) -> Callable[..., Any]:
    def extreme(scope: Scope, *values: Operand) -> Any:
        items = items_of(values[0]) if len(values) == 1 else list(values)
        if not items:
            raise Unreadable("a column without values has no minimum and no maximum")
        dates = [_as_date_if_one(item) for item in items]
        return choose(dates if all(dates) else [as_number(item, scope) for item in items])

    return extreme


def _count(scope: Scope, value: Operand) -> Decimal:
    return Decimal(len(items_of(value)) if is_present(value) or isinstance(value, list) else 0)


def _round(scope: Scope, value: Operand, digits: Operand = Decimal(0)) -> Decimal:
    places = int(as_number(digits, scope))
    # As the rules' reference promises; Python's own rounding would make 0.12 of 0.125.
    return as_number(value, scope).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _days(scope: Scope, first: Operand, second: Operand) -> Decimal:
    return Decimal((as_date(second) - as_date(first)).days)


def _unique(scope: Scope, value: Operand) -> bool:
    if isinstance(value, list):
        texts = [as_text(item) for item in value if is_present(item)]
        return len(set(texts)) == len(texts)
    name = without_indexes(value.key) if isinstance(value, Field) else ""
    return not is_present(value) or scope.is_first(name, as_text(value))


class Function(NamedTuple):
    """A function that expressions may call."""

    call: Callable[..., Any]
    gives: str
    least: int
    most: int
    columns: bool = False
    """Whether its argument may be a column."""


FUNCTIONS = {
    "sum": Function(_sum_of_numbers, "number", 1, 1, columns=True),
    "count": Function(_count, "number", 1, 1, columns=True),
    "min": Function(_extreme(min), "any", 1, 20, columns=True),
    "max": Function(_extreme(max), "any", 1, 20, columns=True),
    "abs": Function(lambda scope, value: abs(as_number(value, scope)), "number", 1, 1),
    "round": Function(_round, "number", 1, 2),
    "days": Function(_days, "number", 2, 2),
    "unique": Function(_unique, "bool", 1, 1, columns=True),
    "present": Function(lambda scope, value: is_present(value), "bool", 1, 1, columns=True),
}
