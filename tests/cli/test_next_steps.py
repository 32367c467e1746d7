"""Hints that name what was meant: another command's flag, another kind of id, a similar name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import Service
from tests.stage import Stage


def test_flag_of_another_command_has_a_hint_with_its_commands(stage: Stage) -> None:
    ran = stage.run("parse", "--schema", "s.json", "a.pdf")
    assert ran.code == 2 and "hint: --schema is a flag of extract," in ran.err
    ran = stage.run("jobs", "list", "--wait")
    assert "parse, extract, split and others; `docspeed jobs list --help`" in ran.err


def test_name_of_another_kind_is_an_error_that_names_the_kind(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    stage.document("invoice.pdf")
    Path("binary.pdf").write_bytes(b"%PDF-1.4\n\xff\n%%EOF\n")
    Path("rules.toml").touch()
    Path("list.txt").touch()
    Path("ids.txt").write_text("job_1\n")
    assert stage.run("parse", "invoice.pdf", "--wait", "--name", "march", "-o", "out/").code == 0
    run = json.loads(stage.run("runs", "list").out)["run"]
    for argv, what, hint in (
        (
            "parse --file-id job_1",
            "job_1: it is a job, not a file",
            "its result: `docspeed jobs result job_1`",
        ),
        ("chat what? --file-id job_1", "job_1: it is a job, not a file", "docspeed jobs result job_1"),
        (
            "parse --file-id file_9 --file-id job_1",
            "job_1: it is a job, not a file",
            "docspeed jobs result job_1",
        ),
        ("parse --from ids.txt", "1 × it is a job, not a file", ""),
        ("parse --file-id ./invoice.pdf", "it is a file on this machine; name it without `--file-id`", ""),
        ("parse file_1", "no such file; `--file-id`", ""),
        ("parse job_1", "no such file; for a job's result, `docspeed jobs result job_1`", ""),
        ("parse invoce.pdf", "no such file; did you mean invoice.pdf?", ""),
        ("jobs status file_1", "file_1 is a stored file, not a job", "docspeed jobs status job_1"),
        (
            "jobs wait invoice.pdf",
            "invoice.pdf is a file, not a job",
            "docspeed jobs list --input invoice.pdf",
        ),
        ("jobs result out/invoice.json", "is a file, not a job", "docspeed jobs status job_1"),
        (f"jobs wait {run}", "is a run, not a job", "name it @march"),
        ("runs show job_1", "no run job_1", "it is a job: `docspeed jobs status job_1`"),
        ("runs show mach", "no run mach", "did you mean march? `docspeed runs list`"),
        ("view invoice.pdf", "it is a document, not a result; name its result", ""),
        ("parse --from lst.txt", "--from lst.txt: no such file; did you mean list.txt?", ""),
        ("parse invoice.pdf --wait -o list.txt/a.json", "list.txt is a file, not a folder", "another place"),
        (
            "parse out --recursive -o list.txt/x/ --wait",
            "can't make the folder list.txt/x: list.txt is a file",
            "",
        ),
        ("parse out --recursive --failures list.txt/x", "list.txt is a file, not a folder", ""),
        ("parse --from out", "it is a folder; `--recursive FOLDER`", ""),
        ("parse --from invoice.pdf", "it is a document, not a list; leave out `--from`", ""),
        ("extract invoice.pdf --schema out", "it is a folder; name a file in it", ""),
        ("extract invoice.pdf --schema binary.pdf", "can't read binary.pdf: it is a document", ""),
        ("check out --rules rulez.toml", "can't read rulez.toml: no such file; did you mean rules.toml?", ""),
    ):
        ran = stage.run(*argv.split())
        assert ran.code in (1, 2, 6) and what in ran.err and hint in ran.err, f"{argv}\n{ran.err}"


def test_api_path_without_its_beginning_has_a_hint_with_the_path(stage: Stage) -> None:
    for method, path, meant in (
        ("GET", "/jobs/job_9/result", "/v1/jobs/job_9/result"),
        ("GET", "jobs/x", "/v1/jobs/x"),
        ("POST", "/v1/parse", "/api/v1/parse"),
        ("POST", "/schema/auto?x=1", "/v1/schema/auto"),
    ):
        ran = stage.run("api", method, path, *(["--set", "a=1"] if method == "POST" else []))
        assert ran.code == 6 and f"did you mean `docspeed api {method} {meant}`?" in ran.err, ran.err
    assert "did you mean" not in stage.run("api", "GET", "/v1/nothing").err


def test_list_of_json_lines_names_the_stored_files(stage: Stage, service: Service) -> None:
    printed = stage.run("parse", stage.document("a.pdf"), stage.document("b.pdf")).out
    ran = stage.run("split", "--from", "-", stdin=printed.encode())
    assert ran.code == 0, ran.err
    assert {body["input"]["file_id"] for body in service.bodies()[-2:]} == {"file_1", "file_2"}
    listed = Path(stage.folder, "list.json")
    for text, what in (
        ('{"pages": []}\n', 'line 1: {"pages": []}: this JSON has no file_id; a list has'),
        ('{\n "pages": []}\n', "it is JSON, not a list; a list has a path"),
        ("[1]\n", "it is JSON, not a list"),
        ('{"x": "' + "y" * 9000 + '"}', "this JSON has no file_id"),
    ):
        listed.write_text(text)
        ran = stage.run("parse", "--from", str(listed))
        assert ran.code == 2 and what in ran.err and len(ran.err) < 1500, ran.err


def test_no_key_for_a_server_names_those_that_have_one(stage: Stage) -> None:
    keys = stage.configure("").with_name("credentials.json")
    keys.write_text('{"https://api.docspeed.ai": "ds_0123456789"}')
    keys.chmod(0o600)
    argv = ("jobs", "status", "x", "--base-url", "https://eu.example")
    ran = stage.run(*argv, env={"DOCSPEED_API_KEY": ""})
    assert ran.code == 4
    assert ran.err.endswith("`--sandbox` works without a key; a key is saved for https://api.docspeed.ai\n")


def test_name_similar_to_a_known_one_is_sent_with_a_note(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--profile", "groundd", "--grounding", "new")
    assert service.bodies()[-1]["profile"] == "groundd"
    assert (
        "note: --profile groundd is sent as it is, but is not a known name; did you mean grounded?" in ran.err
    )
    assert "--grounding" not in ran.err
    ran = stage.run(
        "extract", "--file-id", "f", "--schema", '{"fields": [{"key": "a"}]}', "--grounding", "cel"
    )
    assert "--grounding cel is sent as it is" in ran.err


def test_interrupt_before_a_submission_says_so_and_proposes_the_same_command(
    stage: Stage, interrupted_service: Service
) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, "--wait", "--fresh")
    said = f"stopped before anything was submitted\nhint: docspeed parse {path} --wait\n"
    assert (ran.code, ran.out, ran.err) == (130, "", said)
