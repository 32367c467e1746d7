"""`docspeed ledger status`, `migrate` and `import`: the ledger itself, not what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from docspeed_cli.cli.flags import Argument, Files, Text
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.settings import Size
from docspeed_cli.jobs.context import Context

_COUNTED = {
    "jobs": "jobs",
    "uploads": "uploads",
    "conversations": "conversations",
    "runs": "runs",
    "kept_results": "kept",
}
"""What is counted, and its table."""


@guide("docspeed ledger status", "docspeed ledger status --json | jq .jobs")
def ledger_status(options: ServerOptions) -> Action:
    """Show where the ledger is, its version, and how much is in it."""

    def action(context: Context) -> int:
        database = context.ledger.database
        counts = {name: database.read(f"SELECT count(*) FROM {at}")[0][0] for name, at in _COUNTED.items()}
        ((kept,),) = database.read("SELECT coalesce(sum(size), 0) FROM kept")
        _show_members(
            context, {**_ledger_members(context), **counts, "kept_bytes": int(kept), "bytes": database.size()}
        )
        return 0

    return action


@guide("docspeed ledger migrate")
def migrate_ledger(options: ServerOptions) -> Action:
    """Upgrade the ledger's tables for this version of docspeed.

    Each command does so by itself; this one is for an administrator who has the right to create tables.
    """

    def action(context: Context) -> int:
        _show_members(context, _ledger_members(context))
        return 0

    return action


@guide("docspeed ledger import", "docspeed ledger import old/ledger.db")
def import_(
    options: ServerOptions,
    file: Annotated[
        Text, Argument("[FILE]", "a ledger's file; by default this machine's", Files((".db",)))
    ] = None,
) -> Action:
    """Copy a local ledger, with its kept results, into the shared one.

    It can be run again: rows that are there already stay unchanged. Run it while no command uses the local
    ledger.
    """

    def action(context: Context) -> int:
        path = Path(file) if file else context.settings.state_dir / "ledger.db"
        if context.settings.ledger is None:
            hint = "set DOCSPEED_LEDGER to the URL of its database"
            raise UsageError("there is no shared ledger to import into", hint=hint)
        if not path.is_file():
            raise UsageError(f"there is no ledger at {path}; name its file")
        import sqlite3
        from contextlib import closing

        from docspeed_cli.store.sqlite import LedgerCopy

        try:
            source = LedgerCopy(str(path), context.output.warn, context.environment.now)
        except sqlite3.Error as error:
            raise UsageError(f"can't import {path}: {error}; name a state folder's `ledger.db`") from None
        with closing(source):
            from docspeed_cli.store.transfer import import_ledger

            target = context.shared_database
            assert target is not None
            _ = context.ledger  # closes the database at the end
            imported = import_ledger(source, target)
        counts = {name: imported[table] for name, table in _COUNTED.items()}
        _show_members(context, {"from": str(path), "ledger": target.where, **counts})
        return 0

    return action


def _ledger_members(context: Context) -> dict[str, Any]:
    database = context.ledger.database
    engine, layout = database.engine()
    return {"ledger": database.where, "engine": engine, "layout": layout}


def _show_members(context: Context, members: dict[str, Any]) -> None:
    """Print members: as JSON, or at a terminal one on each line."""
    if not context.output.human_output:
        context.output.value(members)
        return
    for name, value in members.items():
        shown = str(Size(value)) if name.endswith("bytes") else str(value)
        context.output.row(f"{name.replace('_', ' '):<14}", prose=shown)
