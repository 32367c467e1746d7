"""In GitHub Actions: errors become annotations, and no text from outside becomes a workflow command."""

from __future__ import annotations

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage


def test_github_actions_server_message_is_not_a_command(stage: Stage, service: Service) -> None:
    message = "no\n::set-env name=X::y\n::error::z"
    service.then(SUBMIT, Reply.of(422, {"detail": message}))
    ran = stage.run("parse", "--file-id", "f", env={"GITHUB_ACTIONS": "true"})
    commands = [line for line in ran.err.splitlines() if line.strip().startswith("::")]
    assert [line.split("::")[1].split()[0] for line in commands] == ["group", "endgroup", "error"]


def test_github_actions_input_name_is_not_a_command(stage: Stage, service: Service) -> None:
    """GitHub reads a command after leading spaces, and one in the old `##[…]` form anywhere in a line."""
    service.always(SUBMIT, Reply.of(422, {"detail": "a ##[add-mask]b"}))
    names = ["::warning::x", "x\n  ::error::y"]
    ids = [word for name in names for word in ("--file-id", name)]
    for flags in ((), ("--wait",), ("--json",)):
        ran = stage.run("parse", *ids, *flags, env={"GITHUB_ACTIONS": "true"})
        ours = ("::group::docspeed", "::endgroup::", "::error title=docspeed::")
        commands = [line for line in ran.err.splitlines() if line.strip().startswith("::")]
        assert [line for line in commands if not line.startswith(ours)] == []
        assert "##[" not in ran.err


def test_github_actions_annotation_has_no_escape_sequences(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "a\x1b[31mb\u202ec\x9b"}))
    ran = stage.run("parse", "--file-id", "f", env={"GITHUB_ACTIONS": "true"})
    assert not {"\x1b", "\u202e", "\x9b"} & set(ran.err)


def test_github_actions_annotation_names_the_document(stage: Stage, service: Service) -> None:
    service.final = "failed"
    documents = [stage.document("a,b:c%.pdf"), stage.document("d.pdf")]
    for argv in (documents, documents[:1]):
        ran = stage.run("parse", *argv, "--wait", "--fresh", env={"GITHUB_ACTIONS": "true"})
        marks = sorted(line for line in ran.err.splitlines() if line.startswith("::error"))
        names = [path.replace("a,b:c%", "a%2Cb%3Ac%25") for path in argv]
        assert [mark.split("::")[1] for mark in marks] == [
            f"error file={name},title=docspeed" for name in names
        ]


def test_github_actions_annotation_of_a_name_too_long_for_a_path(stage: Stage, service: Service) -> None:
    service.final = "failed"
    long = "x" * 5000
    ran = stage.run("parse", "--file-id", long, "--file-id", "f", "--wait", env={"GITHUB_ACTIONS": "true"})
    assert ran.code == 5 and f"::error title=docspeed::{long}: ended" in ran.err


def test_github_actions_batch_failures_are_annotated(stage: Stage, service: Service) -> None:
    service.final = "failed"
    env = {"GITHUB_ACTIONS": "true"}
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", env=env)
    marks = sorted(line for line in ran.err.splitlines() if line.startswith("::error"))
    assert marks == [f"::error title=docspeed::{name}: ended with status failed" for name in "ab"]
