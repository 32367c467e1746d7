"""Check results by what `--require` names and by the rules of `--check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError, NotAsRequired

if TYPE_CHECKING:
    from docspeed_cli.results.requirements import Requirements
    from docspeed_cli.results.rules import Check, Rules

_MAX_NAMED = 5
"""Most failed checks that one message names."""


class ResultChecks(NamedTuple):
    """The values that the results of one command must have, and the rules that they must follow."""

    requirements: Requirements | None = None
    rules: Rules | None = None
    strict: bool = False
    """Whether rules of severity `warning` fail a result too."""

    def check(self, payload: Any, document: str) -> tuple[tuple[Check, ...], DocspeedError | None]:
        """Return what the rules found, and the error for a result that is not as required."""
        found = tuple(self.rules.check(payload, document)) if self.rules is not None else ()
        missing = self.requirements.check(payload) if self.requirements is not None else None
        return found, missing or check_error(found, strict=self.strict)


def check_error(checks: Sequence[Check], *, strict: bool = False) -> DocspeedError | None:
    """Return the error for a result that fails its rules; None if it does not."""
    failed = [found for found in checks if found.failed and (strict or found.severity == "error")]
    if not failed:
        return None
    texts = [describe_check(found) for found in failed[:_MAX_NAMED]]
    if len(failed) > _MAX_NAMED:
        texts.append(f"and {len(failed) - _MAX_NAMED} more")
    rules = list(dict.fromkeys(found.rule for found in failed))
    reason = f"the rule {rules[0]!r} fails" if len(rules) == 1 else f"{len(rules)} rules fail"
    return NotAsRequired(
        texts[0] if len(texts) == 1 else "".join((f"{reason}:", *(f"\n  {text}" for text in texts))),
        code="check_failed",
        details={"checks": [found.to_json() for found in failed]},
        reason=reason,
    )


def describe_check(found: Check) -> str:
    """Return a failed check in words: the rule, the row, and what is wrong."""
    row = f", row {found.row}" if found.row is not None else ""
    difference = f" (difference {found.difference})" if found.difference is not None else ""
    return f"{found.rule}{row}: {found.message}{difference}"
