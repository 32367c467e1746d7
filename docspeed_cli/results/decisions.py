"""What reviewers decided about one result: the content of their file, and how two of them are merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from docspeed_cli.core.json_text import to_json
from docspeed_cli.results.values import cell_text

ACCEPTED, CORRECTED, REJECTED, NOTE = "accepted", "corrected", "rejected", "note"

_MEMBERS = frozenset({"field", "decision", "old", "new", "text", "reviewer", "time"})
"""Members of a decision in the file; others were added by hand, and are kept."""

Key = tuple[str, bool]
"""The field, and whether the decision is a note: a field has one note and one other decision."""

_LISTED = (ACCEPTED, REJECTED, NOTE)
"""Decisions in the list `decisions`; a correction is in another list."""


class Decision(NamedTuple):
    """One decision about a field, or about the whole document where `field` is empty."""

    field: str
    decision: str
    value: Any = None
    """The new value of a correction, the text of a note, or the text of the value that was accepted."""
    old: Any = None
    """The value that was corrected."""
    reviewer: str | None = None
    time: str | None = None
    """When it was made, as RFC 3339."""

    @property
    def key(self) -> Key:
        """The key under which this decision replaces an earlier one."""
        return self.field, self.decision == NOTE

    def says_the_same(self, other: Decision) -> bool:
        """Whether both reviewers decided alike."""
        return self.decision == other.decision and to_json(self.value) == to_json(other.value)


Decisions = dict[Key, Decision]


class Change(NamedTuple):
    """A change to save: the new decision and the one that the reviewer saw; None means none."""

    key: Key
    decision: Decision | None
    seen: Decision | None


def read_decisions(content: Any) -> Decisions:
    """Return the decisions in a file's content. ValueError if it has another form."""
    corrections = content.get("corrections") if isinstance(content, dict) else None
    listed = content.get("decisions", []) if isinstance(content, dict) else None
    if not isinstance(corrections, list) or not isinstance(listed, list):
        raise ValueError("it has no list of corrections")
    found = [_read(item, CORRECTED, "new") for item in corrections]
    found += [
        _read(item, item.get("decision") if isinstance(item, dict) else None, "text") for item in listed
    ]
    return {decision.key: decision for decision in found}


def _read(item: Any, decision: Any, value: str) -> Decision:
    if not isinstance(item, dict) or not isinstance(item.get("field", ""), str):
        raise ValueError("a correction or another decision is an object with a field")
    if decision != CORRECTED and decision not in _LISTED:
        raise ValueError(f"a decision is {', '.join(_LISTED)}, not {decision!r}")
    if decision == CORRECTED and (not item.get("field") or "new" not in item):
        raise ValueError("a correction has a field and a new value")
    return Decision(
        item.get("field", ""),
        decision,
        item.get(value),
        item.get("old"),
        item.get("reviewer"),
        item.get("time"),
    )


def decisions_content(decisions: Mapping[Key, Decision], before: Any = None) -> dict[str, Any]:
    """Return the content of the file; members of the file `before` that are not ours are kept."""
    before = before or {}
    listed_before = [*before.get("corrections", ()), *before.get("decisions", ())]
    extended = {_decision_identity(item): item for item in listed_before if not _MEMBERS.issuperset(item)}
    corrections: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for each in decisions.values():
        ours = _as_json(each)
        theirs = extended.get(_decision_identity(ours), {}) if extended else {}
        more = {name: value for name, value in theirs.items() if name not in _MEMBERS}
        (corrections if each.decision == CORRECTED else others).append(ours | more)
    return {**before, "corrections": corrections, "decisions": others}


def _decision_identity(item: Mapping[str, Any]) -> str:
    """Return what tells a decision in the file from the others."""
    return to_json([item.get(name) for name in ("field", "decision", "new", "text", "time")])


def _as_json(each: Decision) -> dict[str, Any]:
    """Return a decision as its list in the file has it: corrections, or all others."""
    by = {"reviewer": each.reviewer, "time": each.time}
    if each.decision == CORRECTED:
        return {"field": each.field, "old": each.old, "new": each.value, **by}
    field = {"field": each.field} if each.field else {}
    text = {} if each.value is None else {"text": each.value}
    return {"decision": each.decision, **field, **text, **by}


def merge_changes(
    decisions: Mapping[Key, Decision], changes: Iterable[Change]
) -> tuple[Decisions, list[Decision]]:
    """Return the decisions with these changes, and those that the changes replace unseen."""
    merged, replaced = dict(decisions), []
    for change in changes:
        now = merged.pop(change.key, None)
        is_new = now is not None and now != change.seen
        if is_new and (change.decision is None or not now.says_the_same(change.decision)):
            replaced.append(now)
        if change.decision is not None:
            merged[change.key] = change.decision
    return merged, replaced


def outdated(decisions: Mapping[Key, Decision], texts: Mapping[str, str]) -> list[Decision]:
    """Return the decisions about values that have other texts now, as in a result that was made again."""
    return [
        each for each in decisions.values() if each.field and not _decision_holds(each, texts.get(each.field))
    ]


def _decision_holds(each: Decision, text: str | None) -> bool:
    if each.decision == CORRECTED:
        return (text or "") in (cell_text(each.old), cell_text(each.value))
    # Older files have acceptances without the text that was shown: there is nothing to compare.
    return each.decision != ACCEPTED or each.value in (None, text)


def is_reviewed(decisions: Mapping[Key, Decision], value_count: int) -> bool:
    """Whether the document was accepted or rejected as a whole, or every value has a decision."""
    return ("", False) in decisions or (value_count > 0 and values_left(decisions, value_count) == 0)


def values_left(decisions: Mapping[Key, Decision], value_count: int) -> int:
    """Return how many of so many values have no decision yet."""
    return max(value_count - sum(bool(field) and not is_note for field, is_note in decisions), 0)
