"""Find the run that a command line names, by its id, its name or `@last`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docspeed_cli.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context
    from docspeed_cli.store.runs import RunRecord


def find_run(context: Context, text: str) -> RunRecord:
    """The run with this id, or the newest of this name; `@last` is the newest of all. NotFound."""
    found = context.ledger.runs.find(text, context.settings.named_server)
    if found is None:
        what = "no run over many inputs yet" if text == "@last" else f"no run {text}"
        raise NotFound(f"the ledger has {what}", hint="`docspeed runs list`")
    return found


def check_run_name(name: str) -> None:
    """UsageError if a run can't be named like this."""
    if name.startswith(("@", "-")) or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"--name {name!r}: a name begins with neither @ nor -, and has no line breaks or blanks around it"
        )
