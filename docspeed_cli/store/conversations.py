"""The chat sessions in the ledger: what a later question may go on with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from docspeed_cli.store.ledger import Ledger


class Conversation(NamedTuple):
    """A chat session: its documents in their order, as digests or ids, and as the service's file ids."""

    session_id: str
    documents: tuple[str, ...]
    file_ids: tuple[str, ...]
    names: tuple[str, ...]


def remember_conversation(ledger: Ledger, server: str, key: str, talk: Conversation, now: float) -> None:
    """Put down the session that a later question may go on with."""
    lists = [json.dumps(list(part)) for part in (talk.documents, talk.file_ids, talk.names)]
    ledger.write(
        "INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?)",
        [talk.session_id, server, key, *lists, now],
    )


def last_conversation(
    ledger: Ledger, server: str, key: str, documents: Sequence[str] | None = None
) -> Conversation | None:
    """The last session over these documents in this order, or over any where none are given."""
    where = "AND documents = ?" if documents is not None else ""
    rows = ledger.read(
        "SELECT session_id, documents, file_ids, names FROM conversations "
        f"WHERE server = ? AND key = ? {where} ORDER BY updated_at DESC LIMIT 1",
        [server, key, *([json.dumps(list(documents))] if documents is not None else [])],
    )
    if not rows:
        return None
    try:
        session_id, *lists = rows[0]
        return Conversation(str(session_id), *(tuple(map(str, json.loads(part))) for part in lists))
    except (ValueError, TypeError):  # damage within a value
        return None
