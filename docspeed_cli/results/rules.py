"""Check results by the rules that a user writes: arithmetic, formats, and values that must be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Context, Decimal, DecimalException, localcontext
from typing import Any, NamedTuple

from docspeed_cli.core.errors import UsageError, combine_errors
from docspeed_cli.core.suggest import nearest
from docspeed_cli.results.expressions import (
    Expression,
    ExpressionError,
    Names,
    compile_expression,
    nearest_name,
)
from docspeed_cli.results.facts import Facts, FieldRow
from docspeed_cli.results.fields import Field
from docspeed_cli.results.keys import find_key
from docspeed_cli.results.operands import Operand, Scope, Unreadable
from docspeed_cli.results.schema import leaf_types, read_schema
from docspeed_cli.results.values import cell_text

_PRECISION = 50
"""Digits that arithmetic keeps."""
_MAX_EXPONENT = 10_000
_MAX_VALUES = 50
"""Most values that one outcome lists: a sum may look at thousands."""

_HEADING = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_MEMBERS = ("name", "check", "each", "when", "tolerance", "severity")

PASS, FAIL, UNREADABLE, SKIPPED = "pass", "fail", "unreadable", "skipped"


class Rule(NamedTuple):
    """One rule. With `each`, it holds for each row of that table; with `when`, only where that is true."""

    name: str
    check: Expression
    each: str | None = None
    when: Expression | None = None
    tolerance: Decimal = Decimal(0)
    severity: str = "error"


class Check(NamedTuple):
    """What a rule found in one document, or in one row of it, counted from 1."""

    rule: str
    outcome: str
    """`pass`, `fail`, `unreadable` or `skipped`."""
    severity: str = "error"
    row: int | None = None
    message: str = ""
    difference: str | None = None
    """The left side less the right side of the comparison that failed: a number, or days."""
    values: tuple[Field, ...] = ()
    """The values that the rule looked at."""

    @property
    def failed(self) -> bool:
        """Whether the rule does not hold, or can't be checked."""
        return self.outcome in (FAIL, UNREADABLE)

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as scripts read it; absent members are left out."""
        members = {
            "rule": self.rule,
            "outcome": self.outcome,
            "severity": self.severity,
            "row": self.row,
            "message": self.message or None,
            "difference": self.difference,
            "values": [_value_json(field) for field in self.values] or None,
        }
        return {name: value for name, value in members.items() if value is not None}


def _value_json(field: Field) -> dict[str, Any]:
    members = {"key": field.key, "value": field.value, "page": field.page, "text": field.quoted_text or None}
    return {name: value for name, value in members.items() if value is not None or name == "value"}


class Rules:
    """The rules of one file, for the documents of one run: `unique` holds over all of them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._seen: dict[tuple[str, str, str], str] = {}
        """The document that first had a value, by rule, place and value."""
        self._unfound = {
            (name, rule.each)
            for rule in self.rules
            for name in (*rule.check.names, *(rule.when.names if rule.when else ()), rule.each)
            if name is not None
        }
        self._known: tuple[str, ...] = ()

    def unfound(self) -> list[tuple[str, str | None]]:
        """Return the names that no result has had so far, each with the name that was probably meant."""
        names = sorted({name for name, _ in self._unfound})
        return [(name, nearest_name(name, self._known)) for name in names]

    def check(self, payload: Any, document: str = "") -> list[Check]:
        """Check one result: an outcome for each rule; with `each`, one for each row that is not fine.

        `document` names the result in the messages of `unique`.
        """
        named = _Named(Facts(payload))
        if self._unfound:
            self._unfound = {names for names in self._unfound if not named.has(*names)}
            self._known = self._known or tuple(named.names())
        with localcontext(Context(prec=_PRECISION, Emin=-_MAX_EXPONENT, Emax=_MAX_EXPONENT)):
            return [outcome for rule in self.rules for outcome in self._check(rule, named, document)]

    def _check(self, rule: Rule, named: _Named, document: str) -> Iterator[Check]:
        shared: dict[int, Any] = {}
        if rule.each is None:
            yield self._outcome(rule, named, document, shared)
            return
        rows = named.rows(rule.each)
        found = [self._outcome(rule, named, document, shared, number) for number in range(1, len(rows) + 1)]
        yield from (outcome for outcome in found if outcome.failed)
        if not any(outcome.failed for outcome in found):
            passed = any(outcome.outcome == PASS for outcome in found)
            yield Check(rule.name, PASS if passed else SKIPPED, rule.severity)

    def _outcome(
        self, rule: Rule, named: _Named, document: str, shared: dict[int, Any], row: int | None = None
    ) -> Check:
        cells = named.rows(rule.each)[row - 1] if rule.each is not None and row is not None else None
        clash: list[str] = []

        def is_first(name: str, value: str) -> bool:
            first = self._seen.setdefault((rule.name, name, value), document)
            clash[:] = [] if first == document else [first]
            return first == document

        scope = Scope(
            named.find, row=cells, mark=named.mark, tolerance=rule.tolerance, is_first=is_first, shared=shared
        )
        try:
            if rule.when is not None and not _condition_holds(rule.when, scope):
                return Check(rule.name, SKIPPED, rule.severity, row)
            # An outcome lists the values that the check looked at, not those of its condition.
            scope.looked_at.clear()
            if rule.check.evaluate(scope):
                return Check(rule.name, PASS, rule.severity, row)
            outcome, message, difference = FAIL, *_why(rule, scope, clash)
        except Unreadable as error:
            outcome, message, difference = UNREADABLE, str(error), None
        except DecimalException as error:
            # For 0 / 0 the kind of error is InvalidOperation, and only its text names the division.
            why = "division by zero" if "Division" in f"{type(error).__name__} {error}" else "out of range"
            outcome, message, difference = UNREADABLE, f"can't be calculated: {why}", None
        values = tuple(scope.looked_at.values())[:_MAX_VALUES]
        return Check(rule.name, outcome, rule.severity, row, message, difference, values)


def _condition_holds(when: Expression, scope: Scope) -> bool:
    try:
        return when.evaluate(scope)
    except (Unreadable, DecimalException):
        return False  # what a rule depends on is not there


def _why(rule: Rule, scope: Scope, clash: list[str]) -> tuple[str, str | None]:
    """Say why a rule fails, and by how much."""
    if clash:
        return f"{clash[0]} has the same value", None
    if scope.comparison is None:
        return f"not true: {rule.check.source}", None
    return str(scope.comparison), scope.comparison.difference


class _Named:
    """The fields, columns and rows of one result by the names that rules use."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._found: dict[str, Operand] = {}

    def mark(self) -> str | None:
        """Return the decimal mark that the document uses, if its numbers tell."""
        return self._facts.mark

    def rows(self, table: str) -> list[FieldRow]:
        """Return the rows of a table; none if the result has no such table."""
        name = find_key(table, self._facts.tables)
        return self._facts.tables[name] if name is not None else []

    def has(self, name: str, each: str | None) -> bool:
        """Return whether a rule with `each` finds something under this name in its rows."""
        table, _, column = name.rpartition(".")
        places = [(each, name), (table, column)]
        in_rows = any(column in row for of, column in places if of for row in self.rows(of))
        return in_rows or find_key(name, self._facts.fields) is not None or bool(self.rows(name))

    def names(self) -> Iterator[str]:
        """Yield all names that a rule may use, the columns as `table.column`."""
        yield from self._facts.fields
        for table, rows in self._facts.tables.items():
            yield table
            yield from dict.fromkeys(f"{table}.{column}" for row in rows for column in row)

    def find(self, name: str) -> Operand:
        """Return the field, the column or the rows of this name; a field without a value if there is none."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Operand:
        key = find_key(name, self._facts.fields)
        if key is not None:
            return self._facts.fields[key]
        if rows := self.rows(name):
            return [next(iter(row.values()), None) for row in rows]
        table, _, column = name.rpartition(".")
        of = find_key(table, self._facts.tables) if table else None
        if of is None:
            return Field(name, None)
        rows = self._facts.tables[of]
        return [
            row.get(column) or Field(f"{of}[{number}].{column}", None) for number, row in enumerate(rows, 1)
        ]


# -- the file


def names_of(schema: Any) -> Names | None:
    """Return the names that rules over this schema's results may use; None if its form is not known."""
    known = read_schema(schema)
    if known is None:
        return None
    tables = {table.key: leaf_types(table.children) for table in known.tables}
    return Names(leaf_types(known.fields), tables)


def parse_rules(text: str, where: str, names: Names | None = None) -> Rules:
    """Read a file of rules. UsageError with every problem, each with its line in the file."""
    import tomllib

    try:
        # A float can't hold a tolerance of 0.01 exactly, and a difference of one cent would depend on that.
        content = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"{where}: it is not TOML: {error}") from None
    listed = content.get("rule")
    unknown = [name for name in content if name != "rule"]
    if unknown or not isinstance(listed, list) or not listed:
        what = f"{unknown[0]!r} is not known" if unknown else "it has no rules"
        raise _invalid(f"{where}: {what}; a rule is a `[[rule]]` with `name` and `check`")
    lines = _Lines(text)
    problems: list[UsageError] = []
    rules: list[Rule] = []
    for index, members in enumerate(listed):
        try:
            rules.append(_read_rule(members, names))
        except _RuleProblem as problem:
            line = lines.of(index, problem.member)
            problems.append(_invalid(f"{where}, line {line}: {problem}"))
    repeated = [
        rule.name for number, rule in enumerate(rules) if rule.name in {r.name for r in rules[:number]}
    ]
    if repeated:
        problems.append(_invalid(f"{where}: two rules are named {repeated[0]!r}"))
    if problems:
        raise combine_errors(problems)
    return Rules(rules)


def _invalid(message: str) -> UsageError:
    return UsageError(message, code="invalid_rules", hint="docspeed help rules")


class _RuleProblem(ValueError):
    """What is wrong with one member of a rule."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


def _read_rule(members: Any, names: Names | None) -> Rule:
    if not isinstance(members, dict):
        raise _RuleProblem("name", "a rule is a table with `name` and `check`")
    for member in members:
        if member not in _MEMBERS:
            near = nearest(member, _MEMBERS)
            known = f"did you mean {near}?" if near else f"a rule has {', '.join(_MEMBERS)}"
            raise _RuleProblem(member, f"{member!r} is not known; {known}")
    for member in ("name", "check", "each", "when", "severity"):
        value = members.get(member)
        if value is None and member in ("name", "check"):
            raise _RuleProblem("", f"the rule has no `{member}`")
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise _RuleProblem(member, f"{member} must be a text, not {cell_text(value) or 'empty'}")
    each, when, severity = members.get("each"), members.get("when"), members.get("severity", "error")
    if severity not in ("error", "warning"):
        raise _RuleProblem("severity", f"severity is `error` or `warning`, not {severity!r}")
    if each is not None and names is not None and each not in names.tables:
        near = nearest(each, names.tables)
        raise _RuleProblem(
            "each", f"there is no table {each!r}" + (f"; did you mean {near!r}?" if near else "")
        )
    tolerance = members.get("tolerance", 0)
    is_number = isinstance(tolerance, int | Decimal) and not isinstance(tolerance, bool)
    if not is_number or not Decimal(tolerance).is_finite() or tolerance < 0:
        raise _RuleProblem("tolerance", f"tolerance must be a number from 0 up, not {tolerance}")
    return Rule(
        members["name"],
        _compiled("check", members["check"], names, each),
        each,
        _compiled("when", when, names, each) if when else None,
        Decimal(tolerance),
        severity,
    )


def _compiled(member: str, source: str, names: Names | None, each: str | None) -> Expression:
    try:
        return compile_expression(source, names, each)
    except ExpressionError as error:
        raise _RuleProblem(member, f"{member}: {error}") from None


class _Lines:
    """Where the rules and their members stand in the text: TOML readers don't tell."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")  # `splitlines` also splits at characters that end no line
        self._starts = [number for number, line in enumerate(self._lines, 1) if _HEADING.match(line)]

    def of(self, index: int, member: str) -> int:
        """Return the line of a rule's member, or of the rule, counted from 1."""
        if index >= len(self._starts):
            return 1
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._lines) + 1
        named = re.compile(rf"\s*[\"']?{re.escape(member)}[\"']?\s*=")
        within = (number for number in range(start, end) if member and named.match(self._lines[number - 1]))
        return next(within, start)
