"""Documents as arguments: paths, folders, lists, file ids and standard input.

All problems are reported together, before anything is sent.
"""

from __future__ import annotations

import json
import tempfile
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.groups import commands
from docspeed_cli.core.models import Request
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.reading import read_documents
from tests.fake_service import SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage, by_input, file_ids, lines

PDF = b"%PDF-1.4\nfrom a pipe\n%%EOF\n"


def upload_names(service: Service) -> list[str]:
    """Return the file names of the uploads, in order."""
    heads = [call.body.split(b"\r\n\r\n")[0] for call in service.calls if call.kind == UPLOAD]
    return [head.split(b'filename="')[1].split(b'"')[0].decode() for head in heads]


def test_input_path_is_uploaded_and_submitted(stage: Stage, service: Service) -> None:
    path = stage.document("scan one.pdf", "hello")
    ran = stage.run("parse", path)
    assert ran.code == 0
    job = json.loads(ran.out)
    assert (job["input"], job["file_id"]) == (path, "file_1")
    assert upload_names(service) == ["scan one.pdf"]
    assert service.files["file_1"] == Path(path).read_bytes()
    (body,) = service.bodies()
    assert body == {"input": {"file_id": "file_1"}, "execution_mode": "async"}


def test_input_stdin_is_uploaded(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "-", "--wait", stdin=PDF)
    assert ran.code == 0, ran.err
    assert service.files["file_1"] == PDF
    assert upload_names(service)[0].endswith(".pdf")


def test_input_stdin_with_filename_is_uploaded_under_it(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "-", "--filename", "invoice 7.pdf", stdin=PDF)
    assert ran.code == 0, ran.err
    assert upload_names(service) == ["invoice 7.pdf"]
    assert json.loads(ran.out)["input"] == "invoice 7.pdf"


@pytest.mark.parametrize("flags", [(), ("--filename", "a.pdf"), ("--file-id", "file_9"), ("--dry-run",)])
def test_input_stdin_leaves_no_temporary_file(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    assert stage.run("parse", "-", *flags, stdin=PDF).code == 0
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("flag", ["--wait", "--dry-run"])
def test_input_stdin_beyond_the_limit_leaves_no_temporary_file(
    stage: Stage, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    ran = stage.run("parse", str(stage.document("a.pdf")), "-", "--limit", "1", flag, stdin=PDF)
    assert (ran.code, len(service.files)) == (0, int(flag == "--wait"))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_input_file_ids_are_submitted_in_order(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "b", "--file-id", "a", "--concurrency", "1")
    assert ran.code == 0
    assert [body["input"]["file_id"] for body in service.bodies()] == ["b", "a"]
    assert service.count(UPLOAD) == 0


def test_input_from_file_takes_paths_and_ids(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    list_ = stage.folder / "list.txt"
    list_.write_text(f"{path}\n\nfile_77\n")
    ran = stage.run("parse", "--from", str(list_))
    assert ran.code == 0, ran.err
    assert {json.loads(line)["input"] for line in lines(ran.out)} == {path, "file_77"}
    assert service.count(SUBMIT) == 2


def test_input_from_stdin_takes_ids(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--from", "-", stdin=b"file_1\nfile_2\nfile_3\n")
    assert ran.code == 0, ran.err
    assert {body["input"]["file_id"] for body in service.bodies()} == {"file_1", "file_2", "file_3"}


def test_input_from_stdin_bad_line_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    given = b"file_1\nno/such/paper.pdf\nfile_2\nfile_3\n"
    ran = stage.run("parse", "--from", "-", "--wait", stdin=given)
    assert ran.code == 2
    found = {line["input"]: line for line in map(json.loads, lines(ran.out))}
    assert {"file_1", "file_2", "file_3"} <= set(found)
    assert service.count(SUBMIT) == 3
    assert "paper.pdf" in ran.out + ran.err


def test_input_folder_without_recursive_is_a_usage_error(stage: Stage, service: Service) -> None:
    stage.document("in/a.pdf")
    ran = stage.run("parse", str(stage.folder / "in"))
    assert ran.code == 2
    assert "--recursive" in ran.err
    assert service.calls == []


def test_input_recursive_takes_supported_files_in_sorted_order(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"in/{name}") for name in ("b.pdf", "a/z.pdf", "c.pdf", "a/b/y.pdf")]
    (stage.folder / "in" / "notes.txt").write_text("no document")
    ran = stage.run("parse", str(stage.folder / "in"), "--recursive", "--concurrency", "1")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["input"] for line in lines(ran.out)] == sorted(paths)
    assert "skipped 1" in ran.err


def test_input_type_is_detected_by_content(stage: Stage, service: Service) -> None:
    (stage.folder / "really.bin").write_bytes(b"\x89PNG\r\n\x1a\n rest")
    assert stage.run("parse", str(stage.folder / "really.bin")).code == 0
    (stage.folder / "fake.pdf").write_text("just text")
    before = len(service.calls)
    ran = stage.run("parse", str(stage.folder / "fake.pdf"))
    assert ran.code == 2
    assert len(service.calls) == before


def test_input_problems_are_reported_together(stage: Stage, service: Service) -> None:
    good = stage.document("good.pdf")
    (stage.folder / "text.pdf").write_text("just text")
    (stage.folder / "empty.pdf").write_bytes(b"")
    (stage.folder / "folder").mkdir()
    names = ["text.pdf", "empty.pdf", "folder", "missing.pdf"]
    ran = stage.run("parse", good, *(str(stage.folder / name) for name in names), "--set", "nonsense")
    assert (ran.code, ran.out) == (2, "")
    for name in [*names, "nonsense"]:
        assert name in ran.err
    assert service.calls == []
    assert stage.rows() == []


def test_input_problems_come_with_those_of_settings_formats_and_flags(stage: Stage, service: Service) -> None:
    flags = "--timeout xx --poll-interval yy --concurrency 0 --format nope --schema {bad --check gone.toml"
    ran = stage.run("extract", "gone.pdf", *flags.split(), "-o", "gone/a.json", "--set", "nonsense", "--wait")
    assert (ran.code, ran.out) == (2, "")
    values = ("'xx'", "'yy'", "'0'", "nope:", "nonsense:")
    for name in (*values, "--schema:", "gone.toml:", "gone.pdf:", "gone/a.json:"):
        assert name in ran.err, name
    assert ran.err.count("error: ") == 1 and service.calls == []


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--shard 9/3", "--shard 9/3"),
        ("--max-pages x --file-id f", "--max-pages: 'x'"),
        ("--max-pages", "--max-pages"),
        ("--nosuch value.json", "--nosuch"),
    ],
)
def test_input_problems_come_with_those_of_flags_that_can_not_be_read(
    stage: Stage, service: Service, flags: str, named: str
) -> None:
    ran = stage.run("parse", "gone.pdf", *flags.split())
    assert (ran.code, ran.out, ran.err.count("error: "), service.calls) == (2, "", 1, [])
    assert named in ran.err and "gone.pdf: no such file" in ran.err and "value.json" not in ran.err, ran.err


@pytest.mark.parametrize(
    "line", ["--nosuch in --recursive", "in --nosuch --recursive", "bad --x --skip-invalid"]
)
def test_input_problems_are_no_more_than_those_of_the_whole_command_line(stage: Stage, line: str) -> None:
    stage.document("in/a.pdf")
    (stage.folder / "bad").write_bytes(b"")
    words = [str(stage.folder / word) if word in ("in", "bad") else word for word in line.split()]
    ran = stage.run("parse", *words, "--from", "no-list.txt")
    assert (ran.code, ran.err.splitlines()[0][:21]) == (2, "error: no such option")
    assert len(ran.err.splitlines()) == 2, ran.err


@pytest.mark.parametrize("entry", [each.path for each in commands(PROGRAM, "") if not each.entry.entries])
def test_flag_that_is_misspelt_is_a_usage_error_of_every_command(stage: Stage, entry: str) -> None:
    for flags in (("--nosuch",), ("x", "--nosuch=1"), ("--format",)):
        ran = stage.run(*entry.split(), *flags)
        assert (ran.code, "unexpected" in ran.err) == (2, False), ran.err


@pytest.mark.parametrize(
    "argv", [("parse",), ("upload",), ("jobs", "wait"), ("jobs", "status"), ("nonsense",)]
)
def test_input_missing_is_a_usage_error(stage: Stage, service: Service, argv: tuple[str, ...]) -> None:
    ran = stage.run(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err and "hint: " in ran.err
    assert service.calls == []


def test_input_stdin_named_twice_is_a_usage_error(stage: Stage, service: Service) -> None:
    for argv in (("-", "-"), ("-", "--from", "-")):
        ran = stage.run("parse", *argv, stdin=PDF)
        assert ran.code == 2
        assert "standard input" in ran.err
    assert service.calls == []


def test_input_stdin_at_terminal_is_a_usage_error(stage: Stage) -> None:
    ran = stage.run("parse", "-", typing=True)
    assert ran.code == 2
    assert "terminal" in ran.err


def test_input_from_file_with_bom_and_crlf_takes_ids(stage: Stage, service: Service) -> None:
    list_ = stage.folder / "list.txt"
    list_.write_bytes(b"\xef\xbb\xbffile_1\r\nfile_2\r\n")
    ran = stage.run("parse", "--from", str(list_))
    assert ran.code == 0, ran.err
    assert {body["input"]["file_id"] for body in service.bodies()} == {"file_1", "file_2"}


@pytest.mark.parametrize("flags", [(), ("-o", "out\udcfe")], ids=["lines", "a folder"])
def test_input_file_name_that_is_not_utf8_is_processed(
    stage: Stage, service: Service, flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    for name in ("a.pdf", "M\udcfcller.pdf", "z.pdf"):
        stage.document(f"in/{name}", name.encode("ascii", "backslashreplace").decode())
    ran = stage.run("parse", "in", "--recursive", "--wait", *flags)
    assert ran.code == 0, ran.err
    assert set(by_input(ran)) == {"in/a.pdf", "in/M\\xfcller.pdf", "in/z.pdf"}
    again = stage.run("parse", "in", "--recursive", "--wait", *flags)
    assert (again.code, service.count(SUBMIT)) == (0, 3)
    alone = stage.run("parse", "in/M\udcfcller.pdf", "--wait", "--fresh", "--filename", "x\udcfe.pdf")
    assert alone.code == 0, alone.err


def test_input_deleted_before_upload_is_an_error(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")

    def gone(context: Context, request: Request) -> Request:
        found = read_documents(context, request)
        Path(path).unlink()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("docspeed_cli.jobs.tasks.read_documents", gone)
        ran = stage.run("parse", path)
    assert (ran.code, "changed since it was read" in ran.err) == (1, True)


def test_file_id_that_is_a_job_is_found_before_anything_is_sent(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "file_1")
    service.calls.clear()
    ran = stage.run("parse", *file_ids("file_9", "job_1"), stage.document("a.pdf"))
    assert (ran.code, service.calls) == (2, [])
    assert "job_1: it is a job, not a file" in ran.err


def test_file_id_of_digits_is_taken_for_a_file(stage: Stage, service: Service) -> None:
    """A server may number its files and its jobs alike."""
    service.then(SUBMIT, Reply.of(202, {"job_id": "17", "status": "queued"}))
    stage.run("parse", "--file-id", "5")
    assert stage.run("parse", "--file-id", "17").code == 0


@pytest.mark.parametrize("quoted", [False, True])
def test_input_below_the_home_folder_that_the_shell_did_not_expand_is_found(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch, quoted: bool
) -> None:
    monkeypatch.setenv("HOME", str(stage.folder))
    stage.document("a.pdf")
    (stage.folder / "s.json").write_text('{"fields": [{"key": "total"}]}')
    document = "~/a.pdf" if quoted else str(stage.folder / "a.pdf")
    ran = stage.run("extract", document, "--schema=~/s.json", "--wait", "--output=~/out/")
    assert (ran.code, (stage.folder / "out" / "a.json").exists()) == (0, True), ran.err
    assert stage.run("diff", "~/out", str(stage.folder / "out"), "--junit=~/diff.xml").code == 0
    assert (stage.folder / "diff.xml").exists()
    (stage.folder / "ask.txt").write_text("invoices")
    assert stage.run("schema", "--instructions", "@~/ask.txt", "--wait").code == 0


@pytest.mark.parametrize("there", ["NFC", "NFD"])
@pytest.mark.parametrize("named", ["NFC", "NFD"])
def test_input_with_an_accent_in_another_form_is_found(
    stage: Stage, service: Service, there: Literal["NFC", "NFD"], named: Literal["NFC", "NFD"]
) -> None:
    path = stage.document(unicodedata.normalize(there, "Résumé.pdf"))
    name = unicodedata.normalize(named, path)
    (stage.folder / "list.txt").write_text(f"{name}\n", "utf-8")
    for argv in ((name,), ("--from", str(stage.folder / "list.txt"))):
        assert stage.run("parse", *argv, "--wait").code == 0
    assert service.count(SUBMIT) == 1
