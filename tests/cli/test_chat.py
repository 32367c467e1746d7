"""`docspeed chat`: one question, a conversation at a terminal, and questions from standard input."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Ran, Stage, lines


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


@pytest.mark.parametrize(
    "names",
    [
        ("a, b.pdf",),
        ("a, b.pdf", "c.pdf"),
        ("c.pdf", "d.pdf", "e.pdf", "f.pdf"),
        ("a, b.pdf", "c.pdf", "d.pdf", "e.pdf"),
    ],
    ids=" + ".join,
)
def test_chat_result_names_the_cited_documents_whatever_their_names_and_number(
    stage: Stage, service: Service, names: tuple[str, ...]
) -> None:
    ids = [f"file_{number}" for number in range(1, len(names) + 1)]
    cited = [{"doc_id": file_id, "regions": [{"page_index": 0, "text": "7"}]} for file_id in ids]
    service.payload = lambda operation, body: json.dumps({"answer": "7", "citations": cited}).encode()
    paths = [stage.document(name) for name in names]
    assert stage.run("chat", "how much?", *paths).code == 0
    shown = stage.run("jobs", "result", "@last", "--format", "markdown").out
    assert "file_" not in shown
    found = re.findall(r"\d\. (?:.*/)?(.*\.pdf), page 1", shown)
    assert found == list(names)


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


def test_chat_session_that_the_user_named_and_the_server_does_not_know_is_exit_6(
    stage: Stage, service: Service
) -> None:
    answering(service)
    service.then(SUBMIT, Reply.of(422, {"detail": "the session has expired"}))
    ran = stage.run("chat", "first?", "--file-id", "f", "--session-id", "wrong")
    assert (ran.code, ran.out) == (6, "")
    assert "does not know the session wrong" in ran.err and "leave out --session-id" in ran.err
    assert sessions(service) == ["wrong"]


def test_chat_session_kept_when_another_thing_is_not_found(stage: Stage, service: Service) -> None:
    answering(service)
    stage.run("chat", "first?", "--file-id", "f")
    service.then(SUBMIT, Reply.of(404, {"detail": "no such file"}))
    assert stage.run("chat", "second?", "--continue").code == 6
    assert sessions(service) == [None, "s1"]


def test_chat_document_forgotten_by_server_is_to_be_named_again(stage: Stage, service: Service) -> None:
    answering(service)
    path = stage.document("a b.pdf")
    stage.run("chat", "first?", path)
    service.then(SUBMIT, Reply.of(404, {"detail": "there is no file 'file_1'"}))
    ran = stage.run("chat", "second?", "--continue")
    assert ran.code == 6
    assert f"so that they are uploaded again: `docspeed chat 'your question' '{path}'`" in ran.err


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


def test_chat_problems_are_reported_together(stage: Stage, service: Service) -> None:
    flags = ("--timeout", "xx", "--format", "nope", "-o", "gone/a.json", "--set", "nonsense")
    ran = stage.run("chat", "what?", "gone.pdf", *flags)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    for value in ("'xx'", "nope:", "gone/a.json:", "nonsense:", "gone.pdf:"):
        assert value in ran.err, value
    assert ran.err.count("error: ") == 1


def test_chat_questions_from_empty_stdin_are_a_usage_error(stage: Stage, service: Service) -> None:
    ran = stage.run("chat", "-", "--file-id", "f", stdin=b"\n")
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err == "error: no question on standard input\n"


def converse(stage: Stage, *typed: str, flags: tuple[str, ...] = ()) -> Ran:
    """Hold a conversation over a.pdf at a terminal."""
    text = "".join(f"{line}\n" for line in typed).encode()
    return stage.run("chat", stage.document("a.pdf"), *flags, stdin=text, terminal=True, typing=True)


@pytest.mark.parametrize("word", ["exit", "quit", "Quit", "/quit", "/exit"])
def test_chat_word_for_leaving_leaves_and_costs_nothing(stage: Stage, service: Service, word: str) -> None:
    ran = converse(stage, word, "never asked?")
    assert (ran.code, service.bodies()) == (0, [])
    assert "--continue" not in ran.err


@pytest.mark.parametrize("word", ["help", "?", "/help"])
def test_chat_word_for_help_lists_the_commands(stage: Stage, service: Service, word: str) -> None:
    ran = converse(stage, word)
    assert (ran.code, service.bodies()) == (0, [])
    assert "/add FILE" in ran.out and "/save FILE" in ran.out


def test_chat_question_that_begins_with_such_a_word_is_asked(stage: Stage, service: Service) -> None:
    answering(service)
    converse(stage, "help me read page 2", "exit clause?")
    assert [body["query"] for body in service.bodies()] == ["help me read page 2", "exit clause?"]


def test_chat_left_after_a_question_hints_how_to_go_on(stage: Stage, service: Service) -> None:
    answering(service)
    ran = converse(stage, "How much?", "exit")
    assert ran.err.endswith("docspeed chat --continue\n")
    again = stage.run("chat", "--continue", stdin=b"When?\n", terminal=True, typing=True)
    assert again.code == 0, again.err
    assert sessions(service) == [None, "s1"]


def test_chat_added_document_is_asked_about_in_a_new_session(stage: Stage, service: Service) -> None:
    answering(service)
    other = stage.document("b c.pdf")
    ran = converse(stage, "How much?", f'/add "{other}"', "And here?", "/documents")
    assert ran.code == 0, ran.err
    assert [len(body["inputs"]) for body in service.bodies()] == [1, 2]
    assert sessions(service) == [None, None]
    assert f"2. {other}" in ran.out


def test_chat_added_document_that_changes_is_uploaded_again(stage: Stage, service: Service) -> None:
    other = stage.document("b.pdf")

    def answer(operation: str, body: dict[str, Any]) -> bytes:
        stage.document("b.pdf", "changed")
        return b'{"answer": "42", "session_id": "s1"}'

    service.payload = answer
    ran = converse(stage, f"/add {other}", "How much?", "And now?")
    assert ran.code == 0, ran.err
    assert [body["inputs"][1]["file_id"] for body in service.bodies()] == ["file_2", "file_3"]


def test_chat_continued_over_a_file_stored_anew_is_still_over_its_document(
    stage: Stage, service: Service
) -> None:
    answering(service)
    path = stage.document("a.pdf")
    stage.run("chat", "first?", path)
    stage.run("upload", path, "--fresh")
    for flags in ((), (path,)):
        assert stage.run("chat", "again?", *flags, "--continue").code == 0
    assert sessions(service) == [None, "s1", "s1"]


@pytest.mark.parametrize("name", ["", "nowhere.pdf", "notes.txt", "a.pdf"])
def test_chat_added_document_that_cannot_be_used_changes_nothing(
    stage: Stage, service: Service, name: str
) -> None:
    answering(service)
    (stage.folder / "notes.txt").write_text("just text")
    ran = converse(stage, f"/add {stage.folder / name if name else ''}", "How much?", "/documents")
    assert (ran.code, len(service.bodies()[0]["inputs"])) == (0, 1)
    assert "error:" in ran.err
    assert "2. " not in ran.out


def test_chat_added_job_changes_nothing(stage: Stage, service: Service) -> None:
    stage.submit(1)
    answering(service)
    ran = converse(stage, "/add job_1", "How much?", "/documents")
    assert (ran.code, len(service.bodies()[-1]["inputs"])) == (0, 1)
    assert "job_1: it is a job, not a file" in ran.err
    assert "2. " not in ran.out
