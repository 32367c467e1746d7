"""Compile a rule's expression into a function over a result's values.

The syntax is a small part of Python's: each node of the syntax tree must be of a kind on our list. Nothing is
evaluated as Python, and there are no attributes, calls or loops but ours. Arithmetic is decimal.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from docspeed_cli.core.suggest import nearest
from docspeed_cli.results.cells import base_kind
from docspeed_cli.results.keys import keys_ending
from docspeed_cli.results.operands import (
    FUNCTIONS,
    FailedComparison,
    Function,
    Scope,
    Unreadable,
    as_bool,
    as_text,
    calculate,
    compare_values,
    items_of,
    read_alike,
)
from docspeed_cli.results.patterns import repeats_repetition
from docspeed_cli.results.readings import read_date

MAX_LENGTH = 2000
"""Characters of the longest expression."""
# A list of all currencies has more than 300 parts.
_MAX_NODES = 1000
_MAX_MATCHED = 1000
"""Characters of the longest text that `matches` looks at."""
_MAX_DIGITS = 20
"""Most digits that `round` keeps."""

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_COMPARISONS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_NAMES = (*FUNCTIONS, "matches", "field")
"""Names of the functions."""

Evaluate = Callable[[Scope], Any]


class ExpressionError(ValueError):
    """What is wrong with an expression, before it sees any result."""


class Names(NamedTuple):
    """The names that an expression may use; None in place of them where they are not known."""

    fields: Mapping[str, str]
    """The type of each field, as far as the schema says."""
    tables: Mapping[str, Mapping[str, str]]
    """The type of each column by table."""

    def all(self) -> list[str]:
        """Return every name, the columns as `table.column`."""
        columns = [f"{table}.{column}" for table, named in self.tables.items() for column in named]
        return [*self.fields, *self.tables, *columns]


class Expression(NamedTuple):
    """A compiled expression."""

    source: str
    evaluate: Callable[[Scope], bool]
    names: tuple[str, ...]


def compile_expression(source: str, names: Names | None = None, each: str | None = None) -> Expression:
    """Compile an expression; `each` is the table whose columns may stand without its name.

    ExpressionError for a syntax that is not ours, and, where names are known, for names that are not there.
    """
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"it is longer than {MAX_LENGTH} characters")
    try:
        # Python would take a blank before the expression for an indent.
        tree = ast.parse(source.strip(), mode="eval")
    except SyntaxError as error:
        raise ExpressionError(f"it can't be read: {error.msg}{_near(source.strip(), error)}") from None
    # Python raises MemoryError for an expression that is nested too deeply, not for a lack of memory.
    except (ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"it can't be read: {error}") from None
    if sum(1 for _ in ast.walk(tree)) > _MAX_NODES:
        raise ExpressionError(f"it has more than {_MAX_NODES} parts")
    compiler = _Compiler(source.strip(), names, each)
    shape, evaluate = compiler.compile(tree.body)
    if shape not in ("bool", "any"):
        each_row = " for each row; add `each`, or use sum, min, max or count" if shape == "column" else ""
        raise ExpressionError(f"it gives a {_WORDS.get(shape, shape)}{each_row}, not true or false")
    return Expression(source.strip(), lambda scope: as_bool(evaluate(scope)), tuple(compiler.used))


def _near(source: str, error: SyntaxError) -> str:
    """Where in the expression Python stopped reading."""
    lines, number, column = source.splitlines(), error.lineno or 1, error.offset or 0
    rest = lines[number - 1][column - 1 :] if 0 < number <= len(lines) and column > 0 else ""
    return f" at {rest[:20]!r}" if rest else ""


_WORDS = {"column": "value", "table": "table", "number": "number", "text": "text", "date": "date"}


class _Compiler:
    """Compiles the nodes of one expression to functions, each with the shape of its value."""

    def __init__(self, source: str, names: Names | None, each: str | None) -> None:
        self._source = source
        self._names = names
        self._each = each
        self.used: dict[str, None] = {}

    def compile(self, node: ast.expr) -> tuple[str, Evaluate]:
        """Return the shape (number, text, date, bool, column, table or any) and the function."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._name(_dotted(node))
        if isinstance(node, ast.BoolOp):
            return self._logic(node)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return self._arithmetic(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise ExpressionError(f"`{self._text(node)}` is not allowed in an expression")

    def _text(self, node: ast.expr) -> str:
        return (ast.get_source_segment(self._source, node) or "this")[:60]

    def _constant(self, node: ast.Constant) -> tuple[str, Evaluate]:
        value = node.value
        if isinstance(value, bool):
            return "bool", lambda scope: value
        if isinstance(value, int | float):
            # From the source, because the parser has already made a binary float of `0.1`.
            number = Decimal(self._text(node).replace("_", ""))
            return "number", lambda scope: number
        if not isinstance(value, str):
            raise ExpressionError(f"`{self._text(node)}` is neither a number nor a text")
        found = read_date(value) if _ISO_DATE.fullmatch(value) else None
        return ("date", lambda scope: found) if found else ("text", lambda scope: value)

    def _name(self, name: str) -> tuple[str, Evaluate]:
        if name in ("true", "false"):
            return "bool", lambda scope: name == "true"
        self.used[name] = None
        return self._shape_of(name), lambda scope: scope.find(name)

    def _shape_of(self, name: str) -> str:
        if self._names is None:
            return "any"
        if self._each is not None and len(keys_ending(name, self._names.tables.get(self._each, {}))) == 1:
            return "any"
        if len(keys_ending(name, self._names.fields)) == 1:
            return "any"
        if name in self._names.tables:
            return "table"
        table, _, column = name.rpartition(".")
        if table in self._names.tables and column in self._names.tables[table]:
            return "column"
        own = self._names.tables.get(self._each, ()) if self._each else ()
        near = nearest_name(name, [*self._names.all(), *own])
        raise ExpressionError(f"there is no {name!r}" + (f"; did you mean {near!r}?" if near else ""))

    def _kind_of(self, node: ast.expr) -> str:
        """The type that the schema gives a name, as `base_kind` returns it."""
        if self._names is None or not isinstance(node, ast.Name | ast.Attribute):
            return ""
        name = _dotted(node)
        own = self._names.tables.get(self._each or "", {})
        return base_kind(own.get(name) or self._names.fields.get(name) or "")

    def _logic(self, node: ast.BoolOp) -> tuple[str, Evaluate]:
        parts = [self._condition(value) for value in node.values]
        if isinstance(node.op, ast.And):
            return "bool", lambda scope: all(as_bool(part(scope)) for part in parts)
        return "bool", lambda scope: any(as_bool(part(scope)) for part in parts)

    def _condition(self, node: ast.expr) -> Evaluate:
        shape, evaluate = self.compile(node)
        if shape not in ("bool", "any"):
            raise ExpressionError(f"`{self._text(node)}` is neither true nor false")
        return evaluate

    def _unary(self, node: ast.UnaryOp) -> tuple[str, Evaluate]:
        if isinstance(node.op, ast.Not):
            condition = self._condition(node.operand)
            return "bool", lambda scope: not as_bool(condition(scope))
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise ExpressionError(f"`{self._text(node)}` is not allowed in an expression")
        factor = Decimal(-1 if isinstance(node.op, ast.USub) else 1)
        shape, operand = self._operand(node.operand)
        return shape, lambda scope: calculate("*", operand(scope), factor, scope)

    def _arithmetic(self, node: ast.BinOp) -> tuple[str, Evaluate]:
        (left_shape, left), (right_shape, right) = self._operand(node.left), self._operand(node.right)
        symbol = _ARITHMETIC[type(node.op)]
        shape = "column" if "column" in (left_shape, right_shape) else "number"
        if shape == "number" and symbol in ("+", "-"):
            shape = "any"  # a date and a number of days make a date
        return shape, lambda scope: calculate(symbol, left(scope), right(scope), scope)

    def _operand(self, node: ast.expr) -> tuple[str, Evaluate]:
        shape, evaluate = self.compile(node)
        if shape in ("text", "bool", "table"):
            raise ExpressionError(f"`{self._text(node)}` can't be used in arithmetic")
        return shape, evaluate

    def _comparison(self, node: ast.Compare) -> tuple[str, Evaluate]:
        parts = [node.left, *node.comparators]
        tests = [
            self._test(left, kind, right)
            for left, kind, right in zip(parts, node.ops, parts[1:], strict=False)
        ]
        return "bool", lambda scope: all(test(scope) for test in tests)

    def _test(self, left: ast.expr, kind: ast.cmpop, right: ast.expr) -> Evaluate:
        one = self._single(left)
        if isinstance(kind, ast.In | ast.NotIn):
            return self._membership(
                self._text(left), one, right, "in" if isinstance(kind, ast.In) else "not in"
            )
        if type(kind) not in _COMPARISONS:
            raise ExpressionError("`is` is not allowed in an expression; use == or present()")
        other = self._single(right)
        symbol = _COMPARISONS[type(kind)]
        kinds = {self._kind_of(left), self._kind_of(right)} - {""}
        texts = self._text(left), self._text(right)

        def test(scope: Scope) -> bool:
            pair = read_alike(one(scope), other(scope), scope, kinds)
            holds = compare_values(symbol, *pair, scope.tolerance)
            if not holds:
                scope.note(FailedComparison(texts[0], symbol, texts[1], *pair))
            return holds

        return test

    def _single(self, node: ast.expr) -> Evaluate:
        shape, evaluate = self.compile(node)
        if shape in ("column", "table"):
            more = "add `each` to the rule, or use sum, min, max or count"
            raise ExpressionError(f"`{self._text(node)}` has a value for each row: {more}")
        return evaluate

    def _membership(self, left: str, one: Evaluate, node: ast.expr, symbol: str) -> Evaluate:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            several = [self._single(item) for item in node.elts]

            def items(scope: Scope) -> Sequence[Any]:
                return [item(scope) for item in several]
        else:
            shape, column = self.compile(node)
            if shape not in ("column", "any"):
                raise ExpressionError(f"`{self._text(node)}` is neither a list nor a column")

            def items(scope: Scope) -> Sequence[Any]:
                return items_of(column(scope))

        right = self._text(node)

        def test(scope: Scope) -> bool:
            value = one(scope)
            pairs = (read_alike(value, item, scope, set()) for item in items(scope))
            holds = any(compare_values("==", *pair, scope.tolerance) for pair in pairs) is (symbol == "in")
            if not holds:
                scope.note(FailedComparison(left, symbol, right, value))
            return holds

        return test

    def _call(self, node: ast.Call) -> tuple[str, Evaluate]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _NAMES or node.keywords:
            raise ExpressionError(
                f"`{self._text(node.func)}` is not a function here; there are {', '.join(_NAMES)}"
            )
        if name == "field":
            return self._name(self._literal(node, 0, 1))
        if name == "matches":
            return "bool", self._matches(node)
        function = FUNCTIONS[name]
        if not function.least <= len(node.args) <= function.most:
            raise ExpressionError(f"`{self._text(node)}`: {name} takes {_takes(function)}")
        compiled = [self.compile(argument) for argument in node.args]
        for argument, (shape, _) in zip(node.args, compiled, strict=True):
            wide = shape in ("column", "table")
            if wide and (not function.columns or (shape == "table" and name not in ("count", "present"))):
                raise ExpressionError(
                    f"`{self._text(node)}`: {self._text(argument)} is a {shape}, not a value"
                )
        if name == "round" and len(node.args) == 2:
            self._check_digits(node)
        arguments = [evaluate for _, evaluate in compiled]

        def call(scope: Scope) -> Any:
            return function.call(scope, *(argument(scope) for argument in arguments))

        # Where a rule holds for each row, what is the same for all of them is calculated once.
        whole = self._each is not None and all(isinstance(each, ast.Attribute) for each in node.args)
        return function.gives, _once(call, id(node)) if whole else call

    def _check_digits(self, node: ast.Call) -> None:
        try:
            digits = int(ast.literal_eval(node.args[1]))
        except (ValueError, TypeError):
            digits = _MAX_DIGITS + 1
        if abs(digits) > _MAX_DIGITS:
            raise ExpressionError(
                f"`{self._text(node)}`: the number of digits is a whole number up to {_MAX_DIGITS}"
            )

    def _literal(self, node: ast.Call, index: int, count: int) -> str:
        argument = node.args[index] if len(node.args) == count else None
        if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
            raise ExpressionError(f"`{self._text(node)}` takes a text in quotes")
        return argument.value

    def _matches(self, node: ast.Call) -> Evaluate:
        pattern = self._literal(node, 1, 2)
        try:
            regex = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ExpressionError(f"{pattern!r} is not a regular expression: {error}") from None
        if repeats_repetition(pattern):
            raise ExpressionError(
                f"{pattern!r} repeats a repetition, which may take forever; remove the outer one"
            )
        value = self._single(node.args[0])

        def matches(scope: Scope) -> bool:
            text = as_text(value(scope))
            if len(text) > _MAX_MATCHED:
                raise Unreadable(f"a text of more than {_MAX_MATCHED} characters is not matched")
            return regex.fullmatch(text) is not None

        return matches


def _once(call: Evaluate, key: int) -> Evaluate:
    def remembered(scope: Scope) -> Any:
        if key not in scope.shared:
            scope.shared[key] = call(scope)
        return scope.shared[key]

    return remembered


def nearest_name(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that was probably meant, even if only the part after its last dot was given."""
    short = {key.rpartition(".")[2]: key for key in reversed(known)}
    near = nearest(name, [*known, *short])
    return near if near in known else short.get(near or "")


def _takes(function: Function) -> str:
    count = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
    return f"{count} argument{'' if count == '1' else 's'}"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise ExpressionError("only names may stand before a dot")
