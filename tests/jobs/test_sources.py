"""Documents are found and checked before anything is sent, and all problems are reported together."""

from __future__ import annotations

import io
import os
import shutil
import struct
import sys
import tempfile
import zipfile
from itertools import chain
from pathlib import Path

import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import InputProblem, UsageError
from docspeed_cli.core.files import file_digest
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.jobs.documents.input_set import discard, invalid_input
from docspeed_cli.jobs.documents.media_types import media_type_of
from docspeed_cli.jobs.documents.named_documents import listed_source, local_source
from docspeed_cli.jobs.filenames import comparable
from docspeed_cli.jobs.sources import collect, stored_source
from tests.stage import Stream

PDF = b"%PDF-1.7\n...\n%%EOF\n"
BMP = struct.pack("<2sIIIIii", b"BM", 58, 0, 54, 40, 1, 1) + b"\1\0\x18\0" + bytes(28)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def office(*members: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for member in members:
            archive.writestr(member, "<xml/>")
    return content.getvalue()


DOCX = office("[Content_Types].xml", "word/document.xml")
XLSX = office("[Content_Types].xml", "xl/workbook.xml")


def world(stdin: bytes = b"", *, typing: bool = False) -> Environment:
    return Environment({}, Stream(stdin, terminal=typing), Stream(), Stream(), Interrupts())


def put(path: Path, content: bytes = PDF) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def labels(inputs: Inputs, stdin: bytes = b"") -> list[str]:
    found = collect(inputs, world(stdin)).documents()
    return [each.label if isinstance(each, Source) else str(each) for each in found]


def problem(inputs: Inputs, stdin: bytes = b"") -> UsageError:
    with pytest.raises(UsageError) as caught:
        list(collect(inputs, world(stdin)).documents())
    assert caught.value.exit_code == 2
    return caught.value


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; temporary files go to a folder beside it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "here"


# -- types


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (b"\xef\xbb\xbf\r\n" + PDF, "application/pdf"),
        (b"x" * 1000 + PDF, "application/pdf"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"II+\0\x08\0\0\0", "image/tiff"),
        (b"MM\0+\0\x08\0\0", "image/tiff"),
        (b"GIF87a\1\0\1\0", "image/gif"),
        (b"GIF89a\1\0\1\0", "image/gif"),
        (BMP, "image/bmp"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (XLSX, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
    ids=[
        "pdf",
        "pdf after a byte order mark",
        "pdf after other bytes",
        "png",
        "jpeg",
        "raw jpeg",
        "tiff",
        "big-endian tiff",
        "bigtiff",
        "big-endian bigtiff",
        "gif 87",
        "gif 89",
        "bmp",
        "webp",
        "docx",
        "xlsx",
    ],
)
@pytest.mark.parametrize("name", ["document", "scan.PDF", "photo.jpeg", "notes.txt"])
def test_media_type_is_found_by_content_whatever_the_name(
    here: Path, content: bytes, media_type: str, name: str
) -> None:
    path = put(here / name, content)
    assert media_type_of(path) == media_type
    assert local_source("the label", path) == Source(
        "the label", path=path, filename=name, content_type=media_type, size=len(content)
    )


@pytest.mark.parametrize(
    "content",
    [
        b"plain text",
        b"BM is a car maker",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"<html></html>",
        b"\0" * 100,
        b"PK\x03\x04 and no more",
        office("mimetype", "content.xml"),
        office("notes/word/x", "sword/y"),
        DOCX[:100],
        b"x" * 2000 + PDF,
    ],
    ids=["text", "bm", "wave", "html", "zeros", "cut zip", "odf", "other zip", "half docx", "late pdf"],
)
def test_media_type_of_unsupported_content_is_a_problem(here: Path, content: bytes) -> None:
    with pytest.raises(InputProblem, match="PDF, PNG, JPEG, TIFF, WebP, BMP, GIF, DOCX and XLSX"):
        media_type_of(put(here / "file.bin", content))


@pytest.mark.parametrize("name", ["a.pdf", "a.PNG", "a.tiff"])
def test_media_type_unlike_the_suffix_is_a_problem(here: Path, name: str) -> None:
    with pytest.raises(InputProblem, match=f"is named {Path(name).suffix}, but its content"):
        media_type_of(put(here / name, b"plain text"))


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx"])
def test_media_type_of_damaged_office_file_is_a_problem(here: Path, name: str) -> None:
    """A run over a folder must not skip it in silence: the user meant this document."""
    with pytest.raises(InputProblem, match=f"is named {Path(name).suffix}, but its content"):
        media_type_of(put(here / name, DOCX[: len(DOCX) // 2]))


def test_media_type_of_empty_file_is_a_problem(here: Path) -> None:
    with pytest.raises(InputProblem, match="is empty"):
        local_source("a.pdf", put(here / "a.pdf", b""))


@pytest.mark.parametrize("name", ["gone.pdf", "gone/a.pdf", "x" * 300 + ".pdf", "a\0b.pdf"])
def test_local_source_missing_file_is_a_problem(here: Path, name: str) -> None:
    with pytest.raises(InputProblem, match=r"no such file|name too long|null"):
        local_source(name, here / name)


def test_local_source_path_through_a_file_is_a_problem(here: Path) -> None:
    with pytest.raises(InputProblem):
        local_source("a.pdf/b.pdf", put(here / "a.pdf") / "b.pdf")


def test_local_source_link_is_followed(here: Path) -> None:
    put(here / "real.pdf")
    (here / "link.pdf").symlink_to("real.pdf")
    (here / "broken.pdf").symlink_to("gone.pdf")
    assert local_source("link.pdf", here / "link.pdf").content_type == "application/pdf"
    with pytest.raises(InputProblem, match="no such file"):
        local_source("broken.pdf", here / "broken.pdf")


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="needs files that name pipes")
def test_local_source_pipe_is_copied() -> None:
    """`parse <(command)` names a pipe: bytes read to find its type would be missing from the upload."""
    reader, writer = os.pipe()
    os.write(writer, PDF * 1000)
    os.close(writer)
    try:
        source = local_source("pipe", Path(f"/dev/fd/{reader}"))
    except InputProblem:
        pass
    else:
        assert source.path is not None and source.path.read_bytes() == PDF * 1000
    finally:
        os.close(reader)


def test_file_digest_depends_on_content_only(here: Path) -> None:
    one, same, other = put(here / "1.pdf"), put(here / "2.pdf"), put(here / "3.pdf", PNG)
    assert file_digest(one) == file_digest(same) != file_digest(other)
    assert (
        file_digest(put(here / "e.pdf", b""))
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


# -- files and ids


def test_collect_documents_keep_the_given_order(here: Path) -> None:
    for name in ("b.pdf", "a.pdf"):
        put(here / name)
    assert labels(Inputs(["b.pdf", "a.pdf", "b.pdf"], ["file_2", "file_1"])) == [
        "b.pdf",
        "a.pdf",
        "b.pdf",
        "file_2",
        "file_1",
    ]


def test_inputs_given_needs_at_least_one() -> None:
    assert not Inputs().given
    assert Inputs(["a"]).given and Inputs(file_ids=["f"]).given and Inputs(listed="-").given


@pytest.mark.parametrize("file_id", ["", " ", "a\nb", "a\x1b[2J"])
def test_stored_source_unprintable_or_blank_id_is_a_problem(file_id: str) -> None:
    with pytest.raises(InputProblem, match="not a file id"):
        stored_source(file_id)
    assert "--file-id" in problem(Inputs(file_ids=[file_id])).message


def test_collect_file_id_ignores_local_file_of_that_name(here: Path) -> None:
    put(here / "file_1", b"not a document")
    assert labels(Inputs(file_ids=["file_1"])) == ["file_1"]


# -- folders


def test_collect_folder_without_recursive_names_the_flag(here: Path) -> None:
    put(here / "scans" / "a.pdf")
    assert "scans: it is a folder; add `--recursive`" in problem(Inputs(["scans"])).message


def test_collect_recursive_sorts_documents(here: Path) -> None:
    for name in ("b.pdf", "a.png", "sub/c.pdf", "sub/deep/er/d.pdf", "z.PDF", "10.pdf", "9.pdf"):
        put(here / "scans" / name)
    found = list(collect(Inputs(["scans"], recursive=True), world()).documents())
    names = ["10.pdf", "9.pdf", "a.png", "b.pdf", "sub/c.pdf", "sub/deep/er/d.pdf", "z.PDF"]
    assert [each.label for each in found if isinstance(each, Source)] == [f"scans/{name}" for name in names]
    assert all(isinstance(each, Source) and each.below == Path("scans") for each in found)


def test_collect_recursive_skips_hidden_files_and_folders(here: Path) -> None:
    for name in (".hidden.pdf", ".git/a.pdf", "sub/.cache/b.pdf", "c.pdf"):
        put(here / "scans" / name)
    assert labels(Inputs(["scans"], recursive=True)) == ["scans/c.pdf"]


def test_collect_recursive_hidden_folder_can_be_named(here: Path) -> None:
    put(here / ".scans" / "a.pdf")
    assert labels(Inputs([".scans"], recursive=True)) == [".scans/a.pdf"]


def test_collect_recursive_lists_skipped_files(here: Path) -> None:
    for name, content in (("a.pdf", PDF), ("notes.txt", b"text"), ("sub/data.csv", b"1,2")):
        put(here / "scans" / name, content)
    found = collect(Inputs(["scans"], recursive=True), world())
    assert [each.label for each in found.checked] == ["scans/a.pdf"]
    assert list(found.skipped) == [Path("scans/notes.txt"), Path("scans/sub/data.csv")]


def test_collect_recursive_damaged_document_is_a_problem(here: Path) -> None:
    for name, content in (("a.pdf", PDF), ("b.pdf", b"text"), ("c.pdf", b"")):
        put(here / "scans" / name, content)
    message = problem(Inputs(["scans"], recursive=True)).message
    assert "scans/b.pdf: it is named .pdf" in message
    assert "scans/c.pdf: it is empty" in message
    assert "a.pdf" not in message


def test_collect_recursive_links_and_pipes_are_skipped_or_reported(here: Path) -> None:
    """A broken link with a document's suffix is a problem; everything else is skipped and listed."""
    if sys.platform == "win32":
        pytest.skip("needs named pipes")
    put(here / "scans" / "a.pdf")
    put(here / "elsewhere" / "b.pdf")
    os.mkfifo(here / "scans" / "pipe.pdf")
    (here / "scans" / "more").symlink_to(here / "elsewhere")
    put(here / "scans" / "README", b"")
    found = collect(Inputs(["scans"], recursive=True), world())
    assert [each.label for each in found.checked] == ["scans/a.pdf"]
    assert list(map(str, found.skipped)) == ["scans/README", "scans/more", "scans/pipe.pdf"]
    (here / "scans" / "gone.pdf").symlink_to("nowhere")
    message = problem(Inputs(["scans"], recursive=True)).message
    assert message == "scans/gone.pdf: no such file (a broken link)"


@pytest.mark.parametrize("word", ["–wait", "—wait", "−−wait"])
def test_collect_flag_with_the_dash_of_a_word_processor_is_recognised(here: Path, word: str) -> None:
    message = problem(Inputs([word])).message
    assert message == f"{word}: no such file; did you mean `--wait`?"


def test_collect_recursive_unreadable_folder_is_a_problem(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(here / "scans" / "a.pdf")
    put(here / "scans" / "locked" / "b.pdf")
    scan = os.scandir

    def refusing(path: Path | str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    message = problem(Inputs(["scans"], recursive=True)).message
    assert message == "scans/locked: can't be read: Permission denied"


def test_collect_list_with_folder_is_a_problem(here: Path) -> None:
    put(here / "scans" / "a.pdf")
    (here / "list.txt").write_text("scans\n")
    said = problem(Inputs(listed="list.txt", recursive=True)).message
    assert said == "list.txt, line 1: scans: it is a folder; list the documents in it instead"


@pytest.mark.parametrize("recursive", [False, True])
def test_collect_empty_name_is_a_problem(here: Path, recursive: bool) -> None:
    put(here / "a.pdf")
    assert "an input is empty; is a variable unset?" in problem(Inputs([""], recursive=recursive)).message


def test_collect_name_that_is_not_utf8_is_shown_with_escapes(here: Path) -> None:
    path = put(here / os.fsdecode(b"M\xfcller.pdf"))
    (found,) = collect(Inputs(["."], recursive=True), world()).documents()
    assert isinstance(found, Source)
    assert (found.label, found.filename, found.path) == ("M\\xfcller.pdf", "M\\xfcller.pdf", Path(path.name))


def test_local_source_device_is_a_problem() -> None:
    with pytest.raises(InputProblem, match="is not a file"):
        local_source("/dev/zero", Path("/dev/zero"))


def test_collect_interrupted_stdin_leaves_no_copy(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(*_: object) -> None:
        assert list(here.iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(here))
    monkeypatch.setattr(shutil, "copyfileobj", broken_off)
    with pytest.raises(KeyboardInterrupt):
        collect(Inputs(["-"]), world(PDF))
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("names", [[], [".hidden.pdf"], ["sub/"]])
def test_collect_recursive_empty_folder_is_a_problem(here: Path, names: list[str]) -> None:
    (here / "scans" / "sub").mkdir(parents=True)
    for name in names:
        if not name.endswith("/"):
            put(here / "scans" / name)
    assert "scans: no files" in problem(Inputs(["scans"], recursive=True)).message


def test_collect_files_and_folders_keep_the_given_order(here: Path) -> None:
    for name in ("z.pdf", "scans/b.pdf", "scans/a.pdf", "last.pdf"):
        put(here / name)
    inputs = Inputs(["z.pdf", "scans", "last.pdf"], recursive=True)
    assert labels(inputs) == ["z.pdf", "scans/a.pdf", "scans/b.pdf", "last.pdf"]


# -- lists


def test_collect_list_has_paths_and_file_ids(here: Path) -> None:
    for name in ("a.pdf", "with space.pdf", "sub/b.pdf", "é.pdf", "file_here"):
        put(here / name)
    put(
        here / "list.txt",
        "a.pdf\n\n  with space.pdf  \nfile_123\r\nsub/b.pdf\né.pdf\nfile_here\nsha256:ab-c".encode(),
    )
    found = list(collect(Inputs(listed="list.txt"), world()).documents())
    assert [(each.label, each.file_id) for each in found if isinstance(each, Source)] == [
        ("a.pdf", None),
        ("with space.pdf", None),
        ("file_123", "file_123"),
        ("sub/b.pdf", None),
        ("é.pdf", None),
        ("file_here", None),
        ("sha256:ab-c", "sha256:ab-c"),
    ]


@pytest.mark.parametrize("text", ["gone.pdf", "gone.PNG", "sub/gone", "./file_1", "two words", "a.b", "é"])
def test_listed_source_neither_file_nor_id_is_a_problem(text: str) -> None:
    with pytest.raises(InputProblem, match="no such file"):
        listed_source(text)


def test_collect_list_problem_names_its_line(here: Path) -> None:
    put(here / "a.pdf")
    put(here / "list.txt", b"a.pdf\n\ngone.pdf\nfile_1\n")
    assert problem(Inputs(listed="list.txt")).message == "list.txt, line 3: gone.pdf: no such file"


@pytest.mark.parametrize("content", [None, b"a.pdf\0b.pdf\0", PNG])
def test_collect_unreadable_list_is_a_problem(here: Path, content: bytes | None) -> None:
    if content is not None:
        put(here / "list.txt", content)
    assert "--from list.txt" in problem(Inputs(listed="list.txt")).message


def test_collect_empty_list_has_no_documents(here: Path) -> None:
    put(here / "list.txt", b"\n \n")
    assert labels(Inputs(listed="list.txt")) == []


def test_collect_list_with_byte_order_mark_is_read(here: Path) -> None:
    """Some editors and shells write one."""
    put(here / "a.pdf")
    put(here / "list.txt", b"\xef\xbb\xbfa.pdf\n")
    assert labels(Inputs(listed="list.txt")) == ["a.pdf"]


# -- a list on standard input


def test_collect_stdin_list_is_read_line_by_line(here: Path) -> None:
    put(here / "a.pdf")
    read: list[bytes] = []

    class Slowly(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            read.append(self.readline())
            return read[-1]

    stream = io.TextIOWrapper(Slowly(b"a.pdf\nfile_1\nfile_2\n"))
    found = iter(
        collect(Inputs(listed="-"), Environment({}, stream, Stream(), Stream(), Interrupts())).documents()
    )
    assert read == []
    assert getattr(next(found), "label", None) == "a.pdf"
    assert len(read) == 1


def test_collect_stdin_list_bad_line_is_an_error_in_its_place(here: Path) -> None:
    put(here / "a.pdf")
    put(here / "text.pdf", b"text")
    found = list(
        collect(Inputs(listed="-"), world(b"a.pdf\ngone.pdf\n\ntext.pdf\n  file_1 \r\n")).documents()
    )
    assert [bool(each.problem) for each in found] == [False, True, True, False]
    error = invalid_input(found[1])
    assert (error.message, error.code, error.reason) == (
        "gone.pdf: no such file",
        "invalid_input",
        "no such file",
    )
    assert str(found[2].problem).startswith("it is named .pdf")
    assert [each.position for each in found] == [0, 1, 2, 3]


def test_collect_stdin_list_bytes_that_are_not_utf8_are_an_error(here: Path) -> None:
    found = list(collect(Inputs(listed="-"), world(b"\xff\xfa.pdf\nfile_1\n")).documents())
    assert [bool(each.problem) for each in found] == [True, False]


def test_collect_files_come_before_stdin_list(here: Path) -> None:
    put(here / "a.pdf")
    assert labels(Inputs(["a.pdf"], ["file_1"], "-"), b"file_2\n") == ["a.pdf", "file_1", "file_2"]


# -- a document on standard input


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of temporary copies."""
    return tmp_path / "temporary"


def test_collect_stdin_document_is_copied_privately(kept: Path) -> None:
    (source,) = collect(Inputs(["-"]), world(DOCX)).documents()
    assert isinstance(source, Source) and source.path is not None
    assert (source.label, source.filename, source.size) == ("-", "stdin.docx", len(DOCX))
    assert source.path.read_bytes() == DOCX
    assert source.path.parent == kept
    assert source.path.stat().st_mode & 0o077 == 0
    discard([source])
    assert list(kept.iterdir()) == []


def test_collect_stdin_document_takes_filename() -> None:
    (source,) = collect(Inputs(["-"], filename="invoice 7.pdf"), world(PDF)).documents()
    assert isinstance(source, Source)
    assert (source.label, source.filename) == ("invoice 7.pdf", "invoice 7.pdf")
    discard([source])


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"text", "not of a supported type")])
def test_collect_stdin_without_document_is_a_problem(kept: Path, content: bytes, message: str) -> None:
    found = problem(Inputs(["-"]), content)
    assert found.message.startswith("standard input: ") and message in found.message
    assert list(kept.iterdir()) == []


def test_collect_stdin_terminal_is_a_problem() -> None:
    with pytest.raises(UsageError, match="terminal"):
        list(collect(Inputs(["-"]), world(PDF, typing=True)).documents())


@pytest.mark.parametrize("inputs", [Inputs(["-", "-"]), Inputs(["-"], listed="-")])
def test_collect_stdin_twice_is_a_problem(inputs: Inputs) -> None:
    assert "once" in problem(inputs, PDF).message


def test_collect_problem_deletes_copy_of_stdin(kept: Path) -> None:
    problem(Inputs(["-", "gone.pdf"]), PDF)
    assert list(kept.iterdir()) == []


def test_discard_keeps_files_of_the_user(here: Path) -> None:
    path = put(here / "docspeed-stdin-notes.pdf")
    problem(Inputs(["docspeed-stdin-notes.pdf", "gone.pdf"]))
    assert path.exists()
    discard([local_source(path.name, path)])
    assert path.exists()


# -- several problems


def test_collect_reports_all_problems_together(here: Path) -> None:
    put(here / "good.pdf")
    put(here / "text.pdf", b"text")
    put(here / "scans" / "empty.pdf", b"")
    put(here / "list.txt", b"gone.png\ngood.pdf\n")
    inputs = Inputs(["good.pdf", "text.pdf", "gone.pdf", "scans"], [" "], "list.txt", recursive=True)
    found = problem(inputs)
    assert isinstance(found.details, list)
    assert [text.split(":")[0] for text in found.details] == [
        "text.pdf",
        "gone.pdf",
        "scans/empty.pdf",
        "--file-id ' '",
        "list.txt, line 1",
    ]
    assert found.message.startswith("5 inputs can't be used:")
    assert all(text in found.message for text in found.details)


def test_collect_single_problem_is_one_line() -> None:
    found = problem(Inputs(["gone.pdf"]))
    assert found.message == "gone.pdf: no such file"
    assert found.details is None


def test_collect_many_problems_are_counted() -> None:
    found = problem(Inputs([f"gone-{n}.pdf" for n in range(1000)]))
    assert found.message.startswith("1000 inputs can't be used:")
    assert found.message.endswith("and 980 more")
    assert isinstance(found.details, list) and len(found.details) == 1000


# -- lists as people and programs write them


@pytest.mark.parametrize("name", ["#1.pdf", " a.pdf", "a.pdf ", '"a".pdf', "~a.pdf", "# a", "'a.pdf'"])
def test_collect_list_takes_a_file_of_exactly_that_name(here: Path, name: str) -> None:
    put(here / name)
    put(here / "list.txt", f"{name}\n".encode())
    assert labels(Inputs(listed="list.txt")) == [name]
    assert labels(Inputs(listed="-"), f"{name}\n".encode()) == [name]


@pytest.mark.parametrize(
    "line", ["a b.pdf", "  a b.pdf\t", '"a b.pdf"', "'a b.pdf'", "~/a b.pdf", '"~/a b.pdf"', "a b.pdf\r"]
)
def test_collect_list_line_names_a_file(here: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("HOME", str(here))
    put(here / "a b.pdf")
    content = f"# the scans of March\n\n{line}\n  # and no more\n".encode()
    (found,) = collect(Inputs(listed="-"), world(content)).documents()
    assert isinstance(found, Source)
    assert found.path is not None
    assert found.path.resolve() == (here / "a b.pdf").resolve()


@pytest.mark.parametrize("name", [b"caf\xe9.pdf", b"\xff.pdf", b"a\nb.pdf", b" #x.pdf\r", b'"q".pdf'])
def test_collect_list_with_nul_takes_any_name(here: Path, name: bytes) -> None:
    (here / os.fsdecode(name)).write_bytes(PDF)
    content = name + b"\0file_1\0"
    put(here / "list", content)
    for inputs in (Inputs(listed="list", null=True), Inputs(listed="-", null=True)):
        found = list(collect(inputs, world(content)).documents())
        paths = [each.path for each in found if isinstance(each, Source)]
        assert paths == [Path(os.fsdecode(name)), None]


@pytest.mark.parametrize(
    "name", [b"caf\xe9.pdf", b"\xff.pdf", b"a\xc2\x85b.pdf", b"a\x0bb.pdf", b"a\xe2\x80\xa8b.pdf"]
)
def test_collect_list_takes_names_as_the_file_system_has_them(here: Path, name: bytes) -> None:
    (here / os.fsdecode(name)).write_bytes(PDF)
    put(here / "list", name + b"\r\n")
    for inputs in (Inputs(listed="list"), Inputs(listed="-")):
        (found,) = collect(inputs, world(name + b"\n")).documents()
        assert isinstance(found, Source)
        assert found.path == Path(os.fsdecode(name))


def test_collect_list_of_find_print0_without_null_names_the_flag(here: Path) -> None:
    put(here / "a.pdf")
    put(here / "list", b"a.pdf\0b.pdf\0")
    assert "`--null` reads one" in problem(Inputs(listed="list")).message
    (found,) = collect(Inputs(listed="-"), world(b"a.pdf\0")).documents()
    assert "`--null` reads one" in str(found)
    assert "--null is for a list" in problem(Inputs(files=("a.pdf",), null=True)).message


def test_collect_list_line_too_long_for_a_name_is_a_problem(here: Path) -> None:
    put(here / "list", b"x" * 5000 + b".pdf\n")
    assert "File name too long" in problem(Inputs(listed="list")).message


# -- shards


def shards(world: Environment, parts: int, **inputs: object) -> list[list[str]]:
    """The labels of the documents in each part."""
    named = [Inputs(shard=f"{part}/{parts}", **inputs) for part in range(1, parts + 1)]  # type: ignore[arg-type]
    return [[source.label for source in collect(each, world).documents()] for each in named]


def test_shard_takes_each_document_once_wherever_the_folder_is(tmp_path: Path) -> None:
    taken = []
    for folder in (tmp_path / "a", tmp_path / "mnt" / "elsewhere"):
        for number in range(60):
            path = folder / f"box {number % 3}" / f"{number}.pdf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PDF)
        found = shards(world(), 5, files=(str(folder),), recursive=True)
        assert sorted(chain(*found)) == sorted(map(str, folder.rglob("*.pdf")))
        assert all(5 <= len(part) <= 20 for part in found)
        taken.append([[label.removeprefix(str(folder)) for label in part] for part in found])
    assert taken[0] == taken[1]


def test_shard_takes_documents_whose_results_have_one_name_together(tmp_path: Path) -> None:
    for number in range(20):
        for name in (f"é{number}.pdf", f"É{number}.PDF", f"e\u0301{number}.tiff"):
            (tmp_path / name).write_bytes(PDF)
    for part in shards(world(), 3, files=(str(tmp_path),), recursive=True):
        assert len(part) == 3 * len({Path(comparable(Path(label))).stem for label in part})


def test_shard_divides_stored_files_and_a_list_on_standard_input() -> None:
    ids = [f"file_{number}" for number in range(40)]
    by_id = shards(world(), 3, file_ids=tuple(ids))
    assert sorted(chain(*by_id)) == sorted(ids)
    piped = [Inputs(listed="-", shard=f"{part}/3") for part in (1, 2, 3)]
    text = "\n".join(ids).encode()
    found = [[each.label for each in collect(one, world(text)).documents()] for one in piped]
    assert found == by_id


def test_shard_ignores_an_unusable_document_of_another_part(tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").touch()
    failed = 0
    for part in (1, 2):
        try:
            collect(Inputs((str(tmp_path / "empty.pdf"),), shard=f"{part}/2"), world())
        except UsageError:
            failed += 1
    assert failed == 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/3/5", "-1/3", "٣/٥"])
def test_shard_malformed_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="--shard"):
        collect(Inputs(shard=text), world())
