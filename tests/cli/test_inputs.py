"""What documents can be named, and that all that is wrong is told before anything is sent."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.stage import Stage, lines

PDF = b"%PDF-1.4\nfrom a pipe\n%%EOF\n"


def upload_names(service: Service) -> list[str]:
    """The file names that uploads carried, in order."""
    heads = [call.body.split(b"\r\n\r\n")[0] for call in service.calls if call.kind == UPLOAD]
    return [head.split(b'filename="')[1].split(b'"')[0].decode() for head in heads]


def test_a_path(stage: Stage, service: Service) -> None:
    path = stage.document("scan one.pdf", "hello")
    ran = stage.run("parse", path)
    assert ran.code == 0
    job = json.loads(ran.out)
    assert (job["input"], job["file_id"]) == (path, "file_1")
    assert upload_names(service) == ["scan one.pdf"]
    assert service.files["file_1"] == Path(path).read_bytes()
    (body,) = service.bodies()
    assert body == {"input": {"file_id": "file_1"}, "execution_mode": "async"}


def test_standard_input(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "-", "--wait", stdin=PDF)
    assert ran.code == 0, ran.err
    assert service.files["file_1"] == PDF
    assert upload_names(service)[0].endswith(".pdf")


def test_standard_input_has_the_name_it_is_given(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "-", "--filename", "invoice 7.pdf", stdin=PDF)
    assert ran.code == 0, ran.err
    assert upload_names(service) == ["invoice 7.pdf"]
    assert json.loads(ran.out)["input"] == "invoice 7.pdf"


@pytest.mark.parametrize("flags", [(), ("--filename", "a.pdf"), ("--file-id", "file_9"), ("--dry-run",)])
def test_nothing_of_standard_input_stays_on_the_disk(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    assert stage.run("parse", "-", *flags, stdin=PDF).code == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_ids_in_the_order_given(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "b", "--file-id", "a", "--concurrency", "1")
    assert ran.code == 0
    assert [body["input"]["file_id"] for body in service.bodies()] == ["b", "a"]
    assert service.count(UPLOAD) == 0


def test_a_list_in_a_file_holds_paths_and_ids(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    list_ = stage.folder / "list.txt"
    list_.write_text(f"{path}\n\nfile_77\n")
    ran = stage.run("parse", "--from", str(list_))
    assert ran.code == 0, ran.err
    assert {json.loads(line)["input"] for line in lines(ran.out)} == {path, "file_77"}
    assert service.count(SUBMIT) == 2


def test_a_list_on_standard_input(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--from", "-", stdin=b"file_1\nfile_2\nfile_3\n")
    assert ran.code == 0, ran.err
    assert {body["input"]["file_id"] for body in service.bodies()} == {"file_1", "file_2", "file_3"}


def test_a_bad_line_of_a_streamed_list_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    given = b"file_1\nno/such/paper.pdf\nfile_2\nfile_3\n"
    ran = stage.run("parse", "--from", "-", "--wait", stdin=given)
    assert ran.code == 2
    found = {line["input"]: line for line in map(json.loads, lines(ran.out))}
    assert {"file_1", "file_2", "file_3"} <= set(found)
    assert service.count(SUBMIT) == 3
    assert "paper.pdf" in ran.out + ran.err


def test_a_folder_names_recursive(stage: Stage, service: Service) -> None:
    stage.document("in/a.pdf")
    ran = stage.run("parse", str(stage.folder / "in"))
    assert ran.code == 2
    assert "--recursive" in ran.err
    assert service.calls == []


def test_recursive_takes_supported_files_in_sorted_order(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"in/{name}") for name in ("b.pdf", "a/z.pdf", "c.pdf", "a/b/y.pdf")]
    (stage.folder / "in" / "notes.txt").write_text("no document")
    ran = stage.run("parse", str(stage.folder / "in"), "--recursive", "--concurrency", "1")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["input"] for line in lines(ran.out)] == sorted(paths)
    assert "skipped 1" in ran.err


def test_a_type_is_told_by_content(stage: Stage, service: Service) -> None:
    (stage.folder / "really.bin").write_bytes(b"\x89PNG\r\n\x1a\n rest")
    assert stage.run("parse", str(stage.folder / "really.bin")).code == 0
    (stage.folder / "fake.pdf").write_text("just text")
    before = len(service.calls)
    ran = stage.run("parse", str(stage.folder / "fake.pdf"))
    assert ran.code == 2
    assert len(service.calls) == before


def test_all_problems_of_inputs_are_told_together(stage: Stage, service: Service) -> None:
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


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--timeout", "soon"), "--timeout"),
        (("--poll-interval", "-3"), "--poll-interval"),
        (("--concurrency", "0"), "--concurrency"),
        (("--format", "csv"), "csv"),
        (("--set", "=1"), "--set"),
        (("-o", "no/such/folder/x.json"), "no/such/folder"),
    ],
)
def test_a_bad_option_is_told_together_with_a_bad_input(
    stage: Stage, service: Service, flags: tuple[str, ...], told: str
) -> None:
    ran = stage.run("parse", "missing.pdf", *flags)
    assert (ran.code, ran.out) == (2, "")
    assert "missing.pdf" in ran.err
    assert told in ran.err
    assert service.calls == []


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--timeout", "soon"), "soon"),
        (("--poll-interval", "x"), "x"),
        (("--concurrency", "0"), "0"),
        (("--concurrency", "many"), "many"),
        (("--format", "csv"), "csv"),
        (("--format", "pdf"), "pdf"),
        (("--format", "curl"), "dry-run"),
        (("--json", "--format", "markdown"), "contradict"),
        (("--sandbox", "--base-url", "https://x.example"), "two servers"),
        (("--base-url", "http://x.example"), "https"),
        (("--base-url", "nonsense"), "nonsense"),
        (("--set", "nothing"), "nothing"),
        (("--set", "a=1", "--set", "a.b=2"), "a.b=2"),
        (("--nonsense",), "--nonsense"),
        (("-o", "no/such/folder/x.json"), "no/such/folder"),
        (("--from", "no-list.txt"), "no-list.txt"),
    ],
)
def test_a_bad_option_ends_before_any_request(
    stage: Stage, service: Service, flags: tuple[str, ...], told: str
) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), *flags)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert ran.err.startswith(("error: ", '{"error"'))
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert service.calls == []


@pytest.mark.parametrize(
    "argv", [("parse",), ("upload",), ("jobs", "wait"), ("jobs", "status"), ("nonsense",)]
)
def test_nothing_named(stage: Stage, service: Service, argv: tuple[str, ...]) -> None:
    ran = stage.run(*argv)
    assert (ran.code, ran.out) == (2, "")
    assert "error: " in ran.err and "hint: " in ran.err
    assert service.calls == []


def test_standard_input_is_read_once(stage: Stage, service: Service) -> None:
    for argv in (("-", "-"), ("-", "--from", "-")):
        ran = stage.run("parse", *argv, stdin=PDF)
        assert ran.code == 2
        assert "standard input" in ran.err
    assert service.calls == []


def test_a_terminal_is_no_document(stage: Stage) -> None:
    ran = stage.run("parse", "-", typing=True)
    assert ran.code == 2
    assert "terminal" in ran.err


def test_the_same_document_twice_is_one_job(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, path, "--wait")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["input"] for line in lines(ran.out)] == [path, path]
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1)


def test_a_document_that_is_renamed_is_not_uploaded_again(stage: Stage, service: Service) -> None:
    stage.run("parse", stage.document("a.pdf", "same"))
    ran = stage.run("parse", stage.document("b.pdf", "same"))
    assert ran.code == 0
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1)
    assert json.loads(ran.out)["reused"] is True


def test_a_document_that_has_changed_is_another(stage: Stage, service: Service) -> None:
    stage.run("parse", stage.document("a.pdf", "one"))
    stage.run("parse", stage.document("a.pdf", "two"))
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 2)


def test_another_key_or_server_shares_nothing(stage: Stage, service: Service) -> None:
    service.key = None
    path = stage.document("a.pdf")
    stage.run("parse", path)
    stage.run("parse", path, env={"DOCSPEED_API_KEY": "ds_another_key_1234"})
    stage.run("parse", path, "--base-url", "https://eu.docspeed.example")
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (3, 3)


def test_a_list_with_a_byte_order_mark_and_windows_line_ends(stage: Stage, service: Service) -> None:
    list_ = stage.folder / "list.txt"
    list_.write_bytes(b"\xef\xbb\xbffile_1\r\nfile_2\r\n")
    ran = stage.run("parse", "--from", str(list_))
    assert ran.code == 0, ran.err
    assert {body["input"]["file_id"] for body in service.bodies()} == {"file_1", "file_2"}
