"""`docspeed chat`: one question, a conversation at a terminal, and questions from standard input."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage, lines


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


def answering(service: Service) -> None:
    """Let the service answer each question by repeating it, in one session."""
    service.payload = lambda operation, body: json.dumps(
        {"answer": f"re {body['query']}", "citations": [], "session_id": "s1"}
    ).encode()


def sessions(service: Service) -> list[str | None]:
    """Return the session that each question was asked in."""
    return [body.get("session_id") for body in service.bodies()]


@pytest.mark.parametrize(
    "refusal",
    [
        Reply.of(404, {"detail": {"code": "session_not_found", "message": "unknown id s1"}}),
        Reply.of(422, {"detail": "the session has expired"}),
    ],
    ids=["404", "422"],
)
def test_chat_session_forgotten_by_server_starts_a_new_one(
    stage: Stage, service: Service, refusal: Reply
) -> None:
    answering(service)
    assert stage.run("chat", "first?", "--file-id", "f").code == 0
    service.then(SUBMIT, refusal)
    ran = stage.run("chat", "second?", "--continue")
    assert (ran.code, json.loads(ran.out)["answer"]) == (0, "re second?")
    assert "note: the server has forgotten this conversation; starting a new one" in ran.err
    assert sessions(service) == [None, "s1", None]


def test_chat_session_kept_when_another_thing_is_not_found(stage: Stage, service: Service) -> None:
    answering(service)
    stage.run("chat", "first?", "--file-id", "f")
    service.then(SUBMIT, Reply.of(404, {"detail": "no such file"}))
    assert stage.run("chat", "second?", "--continue").code == 6
    assert sessions(service) == [None, "s1"]


def test_chat_questions_from_stdin_are_one_conversation(stage: Stage, service: Service) -> None:
    answering(service)
    ran = stage.run("chat", "-", "--file-id", "f", stdin=b"How much?\n\n When? \n")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["answer"] for line in lines(ran.out)] == ["re How much?", "re When?"]
    assert [body["query"] for body in service.bodies()] == ["How much?", "When?"]
    assert sessions(service) == [None, "s1"]


def test_chat_questions_from_stdin_stop_at_the_first_error(stage: Stage, service: Service) -> None:
    answering(service)
    service.then(SUBMIT, Reply.of(422, {"detail": "too long"}))
    ran = stage.run("chat", "-", "--file-id", "f", stdin=b"How much?\nWhen?\n")
    assert (ran.code, ran.out, len(service.bodies())) == (7, "", 1)


def test_chat_questions_from_empty_stdin_are_a_usage_error(stage: Stage, service: Service) -> None:
    ran = stage.run("chat", "-", "--file-id", "f", stdin=b"\n")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err == "error: no question on standard input\n"
