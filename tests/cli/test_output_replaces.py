"""`-o` never replaces a file that the command reads, nor in a folder one that docspeed did not write."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.stage import Ran, Stage, by_input, file_ids

SCHEMA = json.dumps({"fields": [{"key": "total"}]})


@pytest.fixture
def files(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A current folder with documents, and every other kind of file that a command reads."""
    monkeypatch.chdir(stage.folder)
    stage.document("a.pdf")
    stage.document("b.pdf")
    (stage.folder / "sub").mkdir()
    for name, text in {
        "list.txt": "a.pdf\nb.pdf\n",
        "schema.json": SCHEMA,
        "why.txt": "the totals",
        "body.json": '{"input": {"file_id": "f"}}',
    }.items():
        (stage.folder / name).write_text(text)
    (stage.folder / "link.pdf").symlink_to("a.pdf")
    os.link("a.pdf", "hard.pdf")
    return stage


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(stage: Stage, *argv: str) -> Ran:
    """Run a command that must change nothing and ask nothing."""
    stage.base()
    before = contents(stage.folder)
    ran = stage.run(*argv)
    assert (ran.code, ran.out, stage.service.calls) == (2, "", []), ran.err
    assert {name: text for name, text in contents(stage.folder).items() if name in before} == before
    assert "would replace" in ran.err or "results of many inputs go to a folder" in ran.err
    return ran


ONE = ["a.pdf", "./a.pdf", "sub/../a.pdf", "link.pdf", "hard.pdf"]


@pytest.mark.parametrize("output", ONE)
def test_output_file_that_is_the_document_is_a_usage_error(files: Stage, output: str) -> None:
    refused(files, "parse", "a.pdf", "--wait", "-o", output)


@pytest.mark.parametrize("command", ["schema", "extract", "chat"])
def test_output_file_that_is_the_document_is_a_usage_error_of_each_command(
    files: Stage, command: str
) -> None:
    more = {"extract": ["--schema", "schema.json"], "schema": ["b.pdf"]}.get(command, [])
    asked = ["what?"] if command == "chat" else []
    refused(files, command, *asked, "link.pdf", *more, "--wait", "-o", "a.pdf")


@pytest.mark.parametrize(
    "argv",
    [
        "parse --from list.txt --wait -o ./list.txt",
        "extract a.pdf --schema schema.json --wait -o sub/../schema.json",
        "schema --instructions @why.txt --wait -o why.txt",
        "schema a.pdf --instructions @why.txt --wait -o a.pdf",
        "api POST /v1/x --body body.json -o body.json",
        "parse a.pdf --wait -o config/config.toml",
        "parse --file-id f --wait -o state/ledger.db",
        "jobs result job_1 -o config/config.toml",
        "parse a.pdf b.pdf --wait -o . --output-name {name}",
        "parse . --recursive --wait -o . --output-name {name}",
        "parse link.pdf b.pdf --wait -o . --output-name {name}",
        "parse --from list.txt a.pdf --wait -o . --output-name list.txt",
        "extract a.pdf b.pdf --schema schema.json --wait -o ./ --output-name schema.json",
        "extract a.pdf b.pdf --schema schema.json --wait --format csv -o b.pdf",
        "extract a.pdf b.pdf --schema schema.json --wait --format xlsx -o ./schema.json",
    ],
)
def test_output_that_is_a_file_that_is_read_is_a_usage_error(files: Stage, argv: str) -> None:
    files.run("jobs", "list")  # makes the ledger
    refused(files, *argv.split(), *(["--overwrite"] if "--output-name" in argv else []))


@pytest.mark.parametrize(
    "names",
    [
        ["sub/x.pdf"],
        ["b.pdf", "sub/x.pdf"],
        ["a.pdf", "c, d.pdf", "sub/x.pdf"],
        ["a.pdf", "b.pdf", "c.pdf", "sub/x.pdf", "e.pdf"],
    ],
    ids=" + ".join,
)
def test_output_of_a_job_that_would_replace_one_of_its_documents_is_a_usage_error(
    files: Stage, names: list[str]
) -> None:
    for name in names:
        files.document(name)
    assert files.run("schema", *names, "--wait").code == 0
    files.service.calls.clear()
    for command in (("jobs", "result"), ("view",)):
        refused(files, *command, "@last", "-o", "sub/x.pdf")


def test_output_file_that_is_a_missing_settings_file_is_a_usage_error(files: Stage) -> None:
    files.base()
    (files.folder / "config" / "config.toml").unlink()
    for name in ("credentials.json", "./CREDENTIALS.json"):
        ran = files.run("parse", "a.pdf", "--wait", "-o", f"config/{name}")
        assert (ran.code, files.service.calls) == (2, [])


def test_output_file_that_replaces_an_input_is_reported_with_all_other_problems(files: Stage) -> None:
    (files.folder / "rules.toml").write_text("[[rule]]\n")
    argv = ("extract", "a.pdf", "none.pdf", "--schema", "{", "--check", "rules.toml", "--require", "total")
    ran = files.run(*argv, "--set", "x", "--fresh", "--no-resubmit", "--format", "csv", "-o", "a.pdf")
    assert (ran.code, files.service.calls) == (2, [])
    for problem in (
        "--schema: it is not JSON",
        "--set x: write KEY=VALUE",
        "rules.toml, line 1: ",
        "--fresh and --no-resubmit contradict each other",
        "none.pdf: no such file",
    ):
        assert problem in ran.err
    ran = files.run("parse", "a.pdf", "--wait", "--name", "@x", "--failures", "none/x", "-o", "a.pdf")
    assert "--name" in ran.err and "would replace" in ran.err


def test_output_file_of_another_spelling_names_both_files(files: Stage) -> None:
    ran = refused(files, "parse", "a.pdf", "--wait", "-o", "link.pdf")
    assert ran.err.startswith("error: -o link.pdf would replace a.pdf, which this command reads\n")


def test_output_name_that_is_an_input_read_from_a_pipe_fails_that_input_alone(files: Stage) -> None:
    (files.folder / "out").mkdir()
    inside = files.document("out/c.pdf")
    argv = ("parse", "--from", "-", "--wait", "-o", "out", "--output-name", "{name}", "--overwrite")
    ran = files.run(*argv, stdin=f"a.pdf\n{inside}\nb.pdf\n".encode())
    found = by_input(ran)
    assert [found[name]["status"] for name in ("a.pdf", inside, "b.pdf")] == [
        "completed",
        "failed",
        "completed",
    ]
    assert found[inside]["error"]["code"] == "usage"
    assert Path(inside).read_bytes().startswith(b"%PDF")
    assert files.service.count(SUBMIT) == 2


def test_output_file_beside_the_inputs_is_written(files: Stage) -> None:
    """Devices, pipes and other names are no files that are lost."""
    for output in ("c.pdf", "/dev/null", "sub/a.pdf"):
        assert files.run("parse", "a.pdf", "--wait", "-o", output).code == 0


# -- files in a folder that docspeed did not write


def run_to(stage: Stage, *flags: str, schema: str = SCHEMA, terminal: bool = False) -> Ran:
    return stage.run(
        "extract", "a.pdf", "b.pdf", "--schema", schema, "--wait", "-o", "out", *flags, terminal=terminal
    )


def test_output_folder_file_of_something_else_fails_its_input_before_it_is_sent(files: Stage) -> None:
    (files.folder / "out").mkdir()
    (files.folder / "out" / "a.json").write_text("my notes")
    ran = run_to(files)
    found = by_input(ran)
    assert (ran.code, found["a.pdf"]["error"]["code"], found["b.pdf"]["status"]) == (
        2,
        "output_exists",
        "completed",
    )
    assert "--overwrite" in found["a.pdf"]["error"]["hint"]
    assert (files.folder / "out" / "a.json").read_text() == "my notes"
    assert (files.service.count(UPLOAD), files.service.count(SUBMIT)) == (1, 1)
    assert run_to(files, "--overwrite").code == 0
    assert json.loads((files.folder / "out" / "a.json").read_text())["operation"] == "extract"


def test_output_folder_edited_result_is_left_as_it_is(files: Stage, service: Service) -> None:
    assert run_to(files).code == 0
    (files.folder / "out" / "a.json").write_text("corrected by hand")
    for schema in (SCHEMA, json.dumps({"fields": [{"key": "date"}]})):
        assert by_input(run_to(files, schema=schema))["a.pdf"]["error"]["code"] == "output_exists"
    assert (files.folder / "out" / "a.json").read_text() == "corrected by hand"
    assert service.count(SUBMIT) == 3, "b.pdf alone is submitted for the second schema"


def test_output_folder_result_of_any_earlier_request_is_replaced(files: Stage) -> None:
    other = json.dumps({"fields": [{"key": "date"}]})
    first, second, third = run_to(files), run_to(files, schema=other), run_to(files)
    assert (first.code, second.code, third.code) == (0, 0, 0)


def test_output_folder_result_that_went_to_another_folder_too_is_replaced(files: Stage) -> None:
    other = json.dumps({"fields": [{"key": "date"}]})
    assert run_to(files).code == 0
    assert run_to(files, "-o", "elsewhere").code == 0
    assert run_to(files, schema=other).code == 0


def test_output_folder_file_that_appears_during_the_wait_is_left_as_it_is(
    files: Stage, service: Service
) -> None:
    behave = service.payload

    def payload(operation: str, body: dict[str, object]) -> bytes:
        (files.folder / "out" / "a.json").write_text("my notes")
        return behave(operation, body)

    service.payload = payload
    ran = files.run("parse", "a.pdf", "--wait", "-o", "out/")
    assert (ran.code, (files.folder / "out" / "a.json").read_text()) == (2, "my notes")
    again = files.run("parse", "a.pdf", "--wait", "-o", "out/", "--overwrite")
    assert (again.code, service.count(SUBMIT)) == (0, 1), "what was paid for is not paid again"


def test_output_folder_of_jobs_result_keeps_what_others_wrote(files: Stage, service: Service) -> None:
    files.submit(2)
    service.has("job_elsewhere", "completed")
    argv = ("jobs", "result", "job_1", "job_elsewhere", "-o", "out/")
    files.run("jobs", "wait", "job_1")
    assert files.run(*argv).code == 0
    assert files.run(*argv).code == 0, "the same bytes are there already"
    (files.folder / "out" / "f1.json").write_text("my notes")
    ran = files.run(*argv)
    assert (ran.code, by_input(ran)["f1"]["error"]["code"]) == (2, "output_exists")
    assert (files.folder / "out" / "f1.json").read_text() == "my notes"
    assert files.run(*argv, "--overwrite").code == 0
    assert (files.folder / "out" / "f1.json").read_text() != "my notes"


def test_output_folder_in_a_dry_run_names_what_would_fail(files: Stage) -> None:
    (files.folder / "out").mkdir()
    (files.folder / "out" / "a.json").write_text("my notes")
    ran = run_to(files, "--dry-run")
    found = by_input(ran)
    assert (found["a.pdf"]["action"], found["b.pdf"]["action"]) == ("fail", "upload and submit")
    assert ran.code == 2


# -- what `-o` and `--output-name` name


def test_output_file_with_a_name_that_no_file_can_have_is_a_usage_error(files: Stage) -> None:
    ran = files.run("parse", "a.pdf", "--wait", "-o", "x" * 300 + ".json")
    assert (ran.code, files.service.calls) == (2, [])
    assert "too long" in ran.err


@pytest.mark.parametrize("command", ["schema a.pdf --wait", "chat what? a.pdf", "api POST /v1/x --wait"])
@pytest.mark.parametrize("output", ["sub", "new/"])
def test_output_folder_of_a_command_with_one_result_is_a_usage_error(
    files: Stage, command: str, output: str
) -> None:
    ran = files.run(*command.split(), "-o", output)
    assert (ran.code, ran.err, files.service.calls) == (
        2,
        f"error: -o {output} is a folder; name a file in it\n",
        [],
    )


def test_output_without_suffix_is_a_file_for_one_input_and_says_so(files: Stage) -> None:
    ran = files.run("parse", "a.pdf", "--wait", "-o", "parsed")
    assert ran.code == 0 and (files.folder / "parsed").is_file()
    assert "note: parsed is a file; `-o parsed/` names a folder" in ran.err
    for output in ("parsed", "parsed.json"):
        assert "names a folder" not in files.run("parse", "a.pdf", "--wait", "-o", output).err


def test_output_without_suffix_is_a_folder_for_several_inputs(files: Stage) -> None:
    assert files.run("parse", "a.pdf", "b.pdf", "--wait", "-o", "parsed").code == 0
    assert sorted(path.name for path in (files.folder / "parsed").iterdir()) == ["a.json", "b.json"]


@pytest.mark.parametrize("pattern", ["../x", "/tmp/x", "a/{stem}", "a\\{stem}", "", "..", " "])
def test_output_name_with_a_path_is_a_usage_error(files: Stage, pattern: str) -> None:
    ran = files.run("parse", "a.pdf", "b.pdf", "--wait", "-o", "out", "--output-name", pattern)
    assert (ran.code, files.service.calls) == (2, [])
    assert "--output-name" in ran.err


def test_output_folder_failure_names_its_document_once_and_the_flag(files: Stage) -> None:
    (files.folder / "out").mkdir()
    (files.folder / "out" / "a.json").write_text("my notes")
    err = run_to(files, terminal=True).err
    assert " a.pdf: the output file exists and holds something else; `--overwrite` replaces it\n" in err


def test_input_that_fails_is_named_once(files: Stage) -> None:
    ran = files.run(
        "parse", "--from", "-", "--wait", stdin=b"none.pdf\n", terminal=True, env={"TERM": "dumb"}
    )
    assert "none.pdf: no such file" in ran.err and "none.pdf: none.pdf" not in ran.err


def test_failures_never_replace_the_rows_of_the_same_run(stage: Stage, service: Service) -> None:
    output = str(stage.folder / "rows.csv")
    flags = ("--schema", '{"fields": [{"key": "x"}]}', "--wait", "--format", "csv")
    ran = stage.run("extract", *file_ids("f", "g"), *flags, "-o", output, "--failures", output)
    assert (ran.code, service.calls) == (2, [])
    assert f"--failures {output} would replace the results of `-o`" in ran.err
