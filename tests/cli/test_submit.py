"""What the request is: `--set`, the flags, and `--dry-run`, which sends nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import KEY, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage, lines


def body_of(stage: Stage, *flags: str) -> str:
    """The body that these flags make, as text: order counts."""
    ran = stage.run("parse", "--file-id", "f", "--dry-run", *flags)
    assert ran.code == 0, ran.err
    return json.dumps(json.loads(ran.out)["body"])


@pytest.mark.parametrize(
    ("flags", "added"),
    [
        (("--profile", "grounded"), {"profile": "grounded"}),
        (("--profile", "of-next-year"), {"profile": "of-next-year"}),
        (("--grounding", "ocr_lines"), {"grounding": "ocr_lines"}),
        (("--grounding", "word"), {"grounding": "word"}),
        (("--set", "pages=[1,2]"), {"pages": [1, 2]}),
        (("--set", "name=plain text"), {"name": "plain text"}),
        (("--set", 'name="5"'), {"name": "5"}),
        (("--set", "n=5"), {"n": 5}),
        (("--set", "n=NaN"), {"n": "NaN"}),
        (("--set", "n=null"), {"n": None}),
        (("--set", "n="), {"n": ""}),
        (("--set", "q=a=b"), {"q": "a=b"}),
        (("--set", "a.b=1", "--set", "a.c=2"), {"a": {"b": 1, "c": 2}}),
        (("--set", 'a={"b":1}', "--set", "a.c=2"), {"a": {"b": 1, "c": 2}}),
    ],
)
def test_flags_make_the_body(stage: Stage, service: Service, flags: tuple[str, ...], added: object) -> None:
    assert isinstance(added, dict)
    whole = {"input": {"file_id": "f"}, "execution_mode": "async", **added}
    assert body_of(stage, *flags) == json.dumps(whole)
    assert service.calls == []


def test_set_wins_over_what_the_program_would_say(stage: Stage) -> None:
    assert json.loads(body_of(stage, "--set", "input.page=3"))["input"] == {"file_id": "f", "page": 3}
    assert json.loads(body_of(stage, "--grounding", "cell", "--set", "grounding=x"))["grounding"] == "x"


def test_sync_is_said_in_the_body(stage: Stage) -> None:
    assert json.loads(body_of(stage, "--sync"))["execution_mode"] == "sync"


def test_a_dry_run_prints_the_request_and_sends_nothing(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, "--dry-run", "--wait")
    assert ran.code == 0
    shown = json.loads(ran.out)
    assert shown["method"] == "POST"
    assert shown["url"] == "https://api.docspeed.ai/api/v1/parse"
    assert shown["body"]["execution_mode"] == "async"
    assert path in json.dumps(shown["uploads"])
    assert service.calls == []
    assert stage.rows() == []


def test_a_dry_run_uses_the_id_of_a_stored_document(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    before = len(service.calls)
    shown = json.loads(stage.run("parse", path, "--dry-run").out)
    assert shown["body"]["input"] == {"file_id": "file_1"}
    assert "uploads" not in shown
    assert len(service.calls) == before


@pytest.mark.parametrize("flags", [(), ("--format", "curl")])
def test_a_dry_run_needs_no_key(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    path = stage.document("a.pdf")
    for argv in (("--file-id", "f"), (path,)):
        ran = stage.run("parse", *argv, "--dry-run", *flags, env={"DOCSPEED_API_KEY": ""})
        assert ran.code == 0, ran.err
    assert service.calls == []


def test_a_dry_run_over_many_prints_a_line_each(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    ran = stage.run("parse", *paths, "--dry-run")
    assert ran.code == 0
    assert len([json.loads(line) for line in lines(ran.out)]) == 3
    assert service.calls == []


def test_a_dry_run_still_tells_what_is_wrong(stage: Stage) -> None:
    assert stage.run("parse", "missing.pdf", "--dry-run").code == 2


def test_curl_names_the_variable_and_not_the_key(stage: Stage, service: Service) -> None:
    path = stage.document("it's a.pdf")
    ran = stage.run("parse", path, "--set", "note=it's $HOME `id`", "--dry-run", "--format", "curl")
    assert ran.code == 0
    assert "$DOCSPEED_API_KEY" in ran.out
    assert KEY not in ran.out
    assert "https://api.docspeed.ai/api/v1/parse" in ran.out
    assert service.calls == []


def test_curl_names_no_file_that_is_gone(stage: Stage) -> None:
    ran = stage.run("parse", "-", "--dry-run", "--format", "curl", stdin=b"%PDF-1.4\nx")
    if ran.code == 0:
        named = ran.out.split('files=@"')[1].split('"')[0]
        assert named == "-" or Path(named).exists(), "the command can't work"
    else:
        assert ran.code == 2


def test_a_redone_request_has_another_key_for_each_submission(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    stage.run("parse", "--file-id", "f", "--fresh")
    tokens = [call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT]
    assert len(tokens) == len(set(tokens)) == 2
    assert service.count(UPLOAD) == 0


def test_repetitions_within_a_run_have_the_same_key(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(503, {}), Reply.of(429, {}))
    assert stage.run("parse", "--file-id", "f").code == 0
    tokens = {call.headers["idempotency-key"] for call in service.calls if call.kind == SUBMIT}
    assert (service.count(SUBMIT), len(tokens)) == (3, 1)


@pytest.mark.parametrize("accepted", [200, 201, 202])
def test_a_job_may_be_accepted_with_any_of_these(stage: Stage, service: Service, accepted: int) -> None:
    service.has("job_7", "completed")
    service.then(SUBMIT, Reply.of(accepted, {"job_id": "job_7", "status": "Accepted"}))
    ran = stage.run("parse", "--file-id", "f")
    assert ran.code == 0
    assert (json.loads(ran.out)["job_id"], json.loads(ran.out)["status"]) == ("job_7", "Accepted")


@pytest.mark.parametrize(
    "answer",
    [
        {"file_id": "file_x", "files": []},
        {"files": [{"file_id": "file_x", "filename": "a.pdf"}]},
        {"file_id": "file_x"},
        {"file_id": "file_x", "files": [{"file_id": "file_x"}], "more": {"unknown": True}},
    ],
)
def test_an_upload_s_answer_may_have_any_of_these_shapes(
    stage: Stage, service: Service, answer: object
) -> None:
    service.then(UPLOAD, Reply.of(200, answer))
    assert stage.run("parse", stage.document("a.pdf")).code == 0
    assert service.bodies()[0]["input"] == {"file_id": "file_x"}
