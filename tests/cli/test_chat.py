"""`docspeed chat`: one question, a conversation at a terminal, and questions from standard input."""

from __future__ import annotations

import json

from tests.fake_service import Service
from tests.stage import Stage


def test_chat_document_before_question_is_a_usage_error(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("chat", path, "What is the total?")
    assert ran.code == 2
    assert f"hint: docspeed chat 'What is the total?' {path}" in ran.err
    assert service.calls == []


def test_chat_answer_at_terminal_hints_at_continue(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'{"answer": "7", "citations": [], "session_id": "s"}'
    first = stage.run("chat", "how much?", stage.document("bill.pdf"), terminal=True)
    again = stage.run("chat", "and when?", "--continue", terminal=True)
    for ran in (first, again):
        assert ran.err.endswith(" docspeed chat 'your next question' --continue\n")


def test_chat_save_to_existing_file_does_not_overwrite_it(stage: Stage, service: Service) -> None:
    path, kept = stage.document("a.pdf"), stage.folder / "notes.md"
    kept.write_text("mine")
    service.payload = lambda operation, body: b'{"answer": "42", "citations": [], "session_id": "s"}'
    typed = f"How much?\n/save {kept}\n/quit\n".encode()
    ran = stage.run("chat", path, stdin=typed, terminal=True, typing=True)
    assert ran.code == 0
    assert "exists" in ran.err
    assert kept.read_text() == "mine"


def test_chat_save_names_the_cited_documents(stage: Stage, service: Service) -> None:
    cited = [{"doc_id": "file_1", "regions": [{"page_index": 0, "text": "7"}]}]
    service.payload = lambda operation, body: json.dumps({"answer": "7", "citations": cited}).encode()
    path, notes = stage.document("bill.pdf"), stage.folder / "notes.md"
    ran = stage.run("chat", path, terminal=True, typing=True, stdin=f"how much?\n/save {notes}\n".encode())
    assert ran.code == 0, ran.err
    assert "bill.pdf" in notes.read_text() and "file_1" not in notes.read_text()
