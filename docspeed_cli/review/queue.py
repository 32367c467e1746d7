"""Decide which values a reviewer sees first, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from docspeed_cli.results.decisions import CORRECTED, Decision, Decisions, outdated
from docspeed_cli.results.fields import Field, read_extraction, read_row
from docspeed_cli.results.readings import read_date, read_number
from docspeed_cli.results.rules import Check
from docspeed_cli.results.values import cell_text, is_number
from docspeed_cli.review.panel import Panel
from docspeed_cli.review.places import Locator

FAILED, LOW, REST = 0, 1, 2
"""Levels: it failed a rule or lacks a value or evidence; its evidence is low; all else."""

_LOW_CONFIDENCE = 0.8
_CONFIDENCES = ("confidence", "score")


class Concern(NamedTuple):
    """Why a value is looked at: its level, and the reasons in words."""

    level: int
    reasons: tuple[str, ...] = ()


Failure = tuple[str, str]
"""The key of a value that a failed rule looked at, empty for none, and what is wrong."""


class ResultSummary(NamedTuple):
    """What the queue knows of a result that is not open."""

    level: int
    value_count: int
    failures: tuple[Failure, ...] = ()
    outdated: tuple[Decision, ...] = ()
    """Decisions that no longer hold, because the values have changed since."""

    def standing(self, decisions: Decisions) -> Decisions:
        """Return the decisions that hold."""
        return {key: each for key, each in decisions.items() if each not in self.outdated}


def summarize_result(
    payload: Any, operation: str, checks: Sequence[Check] = (), decisions: Decisions | None = None
) -> ResultSummary:
    """Return where in the queue a result belongs, and which decisions about it are outdated."""
    values = Panel(payload, operation, {"": Locator(payload, None)}, {}).values
    known = {value.key: value.text for value in values}
    old = outdated(decisions or {}, known)
    found_failures = [*_failed_checks(checks), *((each.field, _change_since(each)) for each in old)]
    failures = tuple((key if key in known else "", reason) for key, reason in found_failures)
    if not known:
        failures = (*failures, ("", "The result has no values."))
    found = find_concerns(payload, failures)
    levels = [concern.level for key, concern in found.items() if key in known or not key]
    return ResultSummary(min(levels, default=REST), len(known), failures, tuple(old))


def _change_since(decision: Decision) -> str:
    by = f" by {decision.reviewer}" if decision.reviewer else ""
    text = cell_text(decision.old if decision.decision == CORRECTED else decision.value)
    return f"changed since {text or 'an empty value'} was {decision.decision}{by}"


def find_concerns(payload: Any, failures: Iterable[Failure] = ()) -> dict[str, Concern]:
    """Return the concerns of a result's values by key; an empty key has those of the whole document."""
    found: dict[str, list[tuple[int, str]]] = {}
    failed = ((key, FAILED, reason) for key, reason in failures)
    for key, level, reason in (*failed, *_weaknesses(payload)):
        found.setdefault(key, []).append((level, reason))
    return {
        key: Concern(min(level for level, _ in listed), tuple(reason for _, reason in listed))
        for key, listed in found.items()
    }


def in_order(keys: Sequence[str], concerns: Mapping[str, Concern]) -> list[int]:
    """Return the places of values in the order in which they are reviewed."""
    rest = Concern(REST)
    return sorted(range(len(keys)), key=lambda place: concerns.get(keys[place], rest).level)


def _failed_checks(checks: Iterable[Check]) -> Iterator[Failure]:
    for check in checks:
        if check.failed:
            for key in dict.fromkeys(field.key for field in check.values) or ("",):
                yield key, f"{check.rule}: {check.message}"


def _weaknesses(payload: Any) -> Iterator[tuple[str, int, str]]:
    extraction = read_extraction(payload)
    if extraction is None:
        return
    for field in extraction.fields:
        if field.value in (None, "", []):
            yield field.key, FAILED, "no value"
        elif not field.has_evidence:
            yield field.key, FAILED, "no evidence"
        else:
            yield from _doubts(field)
    for name, rows in extraction.line_items.items():
        cells = [{cell.key: cell for cell in read_row(row)} for row in rows]
        columns = list(dict.fromkeys(key for row in cells for key in row))
        for number, row in enumerate(cells, 1):
            has_evidence = any(cell.has_evidence for cell in row.values())
            for column in columns:
                cell = row.get(column) or Field(column, None)
                yield from _cell_doubts(cell.renamed(f"{name}[{number}].{column}"), row_has=has_evidence)


def _cell_doubts(cell: Field, *, row_has: bool) -> Iterator[tuple[str, int, str]]:
    """Yield the concerns of a cell; an empty one is a low concern, because many tables have some."""
    if cell.value in (None, "", []):
        yield cell.key, LOW, "empty"
    elif not cell.has_evidence and not row_has:
        yield cell.key, FAILED, "no evidence"
    else:
        yield from _doubts(cell)


def _doubts(field: Field) -> Iterator[tuple[str, int, str]]:
    for source in field.sources:
        numbers = [source.get(name) for name in _CONFIDENCES] if isinstance(source, dict) else []
        for number in numbers:
            if is_number(number) and number < _LOW_CONFIDENCE:
                yield field.key, LOW, f"confidence {float(number):.0%}"
    quote = field.quoted_text
    # Documents print lists, and yes and no, in words of their own language.
    if (
        quote
        and not isinstance(field.value, list | dict | bool)
        and not _is_in(cell_text(field.value), quote)
    ):
        yield field.key, LOW, "differs from the document's text"


def _is_in(text: str, quote: str) -> bool:
    """Whether a quote prints the value: literally, or as the same number or date."""
    # Lines that are joined differ in spaces and commas.
    letters, whole = ("".join(filter(str.isalnum, part)).casefold() for part in (text, quote))
    if letters in whole:
        return True
    for read in (read_number, read_date):
        value = read(text)
        if value is not None:
            found = read(quote)
            # A quote with more than the number or date can't be compared.
            return found is None or found == value
    return False
