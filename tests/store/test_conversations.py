"""The last conversation over the same documents is found again, in whatever program it went on."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from docspeed_cli.store.conversations import Conversation, last_conversation, remember_conversation
from tests.store.conftest import KEY, SERVER, Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "state" / "ledger.db")


def talk(session_id: str, *documents: str) -> Conversation:
    return Conversation(session_id, documents, tuple(f"file_{d}" for d in documents), ("a, b.pdf", "é"))


def test_the_last_conversation_over_the_same_documents_in_their_order(kept: Kept) -> None:
    ledger, ticks = kept.open(), itertools.count(1.0)
    for spoken in (talk("s1", "a", "b"), talk("s2", "a", "b"), talk("s3", "b", "a"), talk("s4")):
        remember_conversation(ledger, SERVER, KEY, spoken, next(ticks))
    assert last_conversation(ledger, SERVER, KEY, ("a", "b")) == talk("s2", "a", "b")
    assert last_conversation(ledger, SERVER, KEY, ("b", "a")) == talk("s3", "b", "a")
    assert last_conversation(ledger, SERVER, KEY, ("a",)) is None
    assert last_conversation(ledger, SERVER, KEY, ()) == talk("s4")
    assert last_conversation(ledger, SERVER, KEY) == talk("s4")
    assert last_conversation(ledger, "sandbox", KEY) is None
    assert last_conversation(ledger, SERVER, "another key") is None


def test_a_turn_makes_a_conversation_the_last_one_again(kept: Kept) -> None:
    ledger, ticks = kept.open(), itertools.count(1.0)
    for spoken in (talk("s1", "a"), talk("s2", "a"), talk("s1", "a")):
        remember_conversation(ledger, SERVER, KEY, spoken, next(ticks))
    assert last_conversation(kept.open(), SERVER, KEY, ("a",)) == talk("s1", "a")


def test_a_reset_server_has_no_conversations(kept: Kept) -> None:
    ledger = kept.open()
    for server in (SERVER, "sandbox"):
        remember_conversation(ledger, server, KEY, talk("s1", "a"), 1.0)
    ledger.forget_server("sandbox")
    assert last_conversation(ledger, "sandbox", KEY) is None
    assert last_conversation(ledger, SERVER, KEY) == talk("s1", "a")
