"""A document's type by its content: as strict as the service must be, and no stricter."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from docspeed_cli.core.errors import InputProblem
from docspeed_cli.jobs.documents.media_types import media_type_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
BINARY_PDF = PDF.replace(b"endobj", b"stream\n\x80\0\xff\nendstream endobj")


def type_of(folder: Path, content: bytes, name: str = "document") -> str:
    (folder / name).write_bytes(content)
    return media_type_of(folder / name)


def problem(folder: Path, content: bytes, name: str = "document") -> str:
    with pytest.raises(InputProblem) as raised:
        type_of(folder, content, name)
    return str(raised.value)


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for name in names:
            written.writestr(name, "<xml/>")
    return content.getvalue()


# -- Office documents


@pytest.mark.parametrize(
    ("names", "media_type"),
    [
        (("[Content_Types].xml", "word\\document.xml"), DOCX),
        (("_rels\\.rels", "xl\\workbook.xml", "[Content_Types].xml"), XLSX),
        (("[content_types].xml", "WORD/DOCUMENT.XML"), DOCX),
        (("/[Content_Types].xml", "/xl/workbook.xml"), XLSX),
        (("docProps\\app.xml", "[Content_Types].xml", "word\\media\\image1.png"), DOCX),
    ],
)
def test_media_type_of_office_document_by_any_program(
    tmp_path: Path, names: tuple[str, ...], media_type: str
) -> None:
    assert type_of(tmp_path, archive(*names)) == media_type


@pytest.mark.parametrize(
    "names",
    [
        ("word/document.xml",),
        ("word/list.txt", "notes.txt"),
        ("xl/data.csv",),
        ("[Content_Types].xml", "ppt/presentation.xml"),
        ("[Content_Types].xml", "src/word/x"),
        ("sword/document.xml", "[Content_Types].xml"),
    ],
)
def test_media_type_of_other_archive_is_a_problem(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert "its content is not of a supported type" in problem(tmp_path, archive(*names))


def test_media_type_of_archive_with_a_damaged_directory_is_a_problem(tmp_path: Path) -> None:
    whole = archive("[Content_Types].xml", "word/document.xml")
    at = whole.index(b"PK\x01\x02")
    for place, value in ((6, b"\xff\xff"), (9, b"\x08"), (28, b"\xff\xff"), (46, b"\xff\xff")):
        damaged = whole[: at + place] + value + whole[at + place + len(value) :]
        if place == 46:  # a name that says that it is UTF-8 and is not
            damaged = damaged[: at + 9] + b"\x08" + damaged[at + 10 :]
        (tmp_path / "a.docx").write_bytes(damaged)
        try:
            assert media_type_of(tmp_path / "a.docx") == DOCX
        except InputProblem as raised:
            assert "named .docx" in str(raised)


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        ("EncryptedPackage", "it is protected with a password; save a copy without one"),
        ("WordDocument", "a Word document in the old format"),
        ("Workbook", "an Excel workbook in the old format"),
        ("PowerPoint Document", "a document in an old format"),
        ("", "a document in an old format"),
    ],
)
@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "letter"])
@pytest.mark.parametrize("distance", [512, 3_000_000, (1 << 20) - 13])
def test_media_type_of_office_container_says_what_it_holds(
    tmp_path: Path, stream: str, what: str, name: str, distance: int
) -> None:
    content = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(distance, b"\0") + stream.encode("utf-16-le") + bytes(64)
    )
    assert what in problem(tmp_path, content, name)


# -- images


def bmp(header_size: int) -> bytes:
    return struct.pack("<2sIHHII", b"BM", 70, 0, 0, 54, header_size) + bytes(120)


@pytest.mark.parametrize("header_size", [12, 16, 40, 52, 56, 64, 108, 124])
def test_media_type_of_every_bmp_version_is_bmp(tmp_path: Path, header_size: int) -> None:
    assert type_of(tmp_path, bmp(header_size)) == "image/bmp"


@pytest.mark.parametrize(
    "content",
    [
        b"BMW AG, Petuelring 130, 80788 Munich, Germany\n",
        b"BM;Bezeichnung;Menge;Preis\n1;Schraube;3;1,20\n" * 40,
        b"BM" + b" " * 100,
        bmp(0),
        bmp(41),
    ],
)
def test_media_type_of_text_that_begins_with_bm_is_a_problem(tmp_path: Path, content: bytes) -> None:
    assert "not of a supported type" in problem(tmp_path, content)


def tiff(order: str, *, big: bool = False, sub: int | None = None, **tags: int) -> bytes:
    """A TIFF whose first directory has a photometric interpretation, and optionally one below it."""
    known = {"photometric": (262, 3), "dng_version": (50706, 1)}
    rows = [(*known[name], 1, value) for name, value in tags.items()]
    size = 8 + 20 * (len(rows) + 1) if big else 2 + 12 * (len(rows) + 1)
    start = 16 if big else 8
    if sub is not None:
        rows.append((330, 18 if big else 4, 1, start + size))
    return (
        struct.pack(f"{order}2sHHHQ" if big else f"{order}2sHI", *_head(order, big), start)
        + _directory(order, big, rows).ljust(size, b"\0")
        + (_directory(order, big, [(262, 3, 1, sub)]) if sub is not None else b"")
    )


def _head(order: str, big: bool) -> tuple[object, ...]:
    mark = b"II" if order == "<" else b"MM"
    return (mark, 43, 8, 0) if big else (mark, 42)


def _directory(order: str, big: bool, rows: list[tuple[int, int, int, int]]) -> bytes:
    written = struct.pack(f"{order}{'Q' if big else 'H'}", len(rows))
    for tag, kind, count, value in rows:
        room = 8 if big else 4
        form = {1: "B", 3: "H", 4: "I", 18: "Q"}[kind]
        inside = struct.pack(f"{order}{form}", value).ljust(room, b"\0")
        written += struct.pack(f"{order}HH{'Q' if big else 'I'}", tag, kind, count) + inside
    return written


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["tiff", "bigtiff"])
def test_media_type_of_tiff_is_tiff_and_of_sensor_data_a_problem(
    tmp_path: Path, order: str, big: bool
) -> None:
    for photometric in (0, 1, 2, 3, 5, 6, 8):
        assert type_of(tmp_path, tiff(order, big=big, photometric=photometric)) == "image/tiff"
        assert type_of(tmp_path, tiff(order, big=big, photometric=photometric, sub=6)) == "image/tiff"
    raw = [
        tiff(order, big=big, photometric=32803),
        tiff(order, big=big, photometric=34892),
        tiff(order, big=big, photometric=2, sub=32803),
        tiff(order, big=big, sub=34892),
        tiff(order, big=big, dng_version=1),
    ]
    for content in raw:
        assert "a camera's raw file" in problem(tmp_path, content, "scan.tif")


@pytest.mark.parametrize("name", ["a.CR2", "a.nef", "a.ARW", "a.dng", "a.pef", "a.srw", "a.3fr"])
def test_media_type_of_tiff_named_as_camera_raw_is_a_problem(tmp_path: Path, name: str) -> None:
    assert "export it as JPEG or TIFF" in problem(tmp_path, b"II*\0\x08\0\0\0" + bytes(40), name)


def test_media_type_of_cr2_by_its_mark_is_a_problem(tmp_path: Path) -> None:
    assert "a camera's raw file" in problem(tmp_path, b"II*\0\x10\0\0\0CR\x02\0" + bytes(40))


@pytest.mark.parametrize(
    "content",
    [b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II+\0\x08\0\0\0" + b"\xff" * 8, tiff("<", sub=32803)[:30]],
)
def test_media_type_of_damaged_tiff_is_still_tiff(tmp_path: Path, content: bytes) -> None:
    assert type_of(tmp_path, content) == "image/tiff"


def test_media_type_of_tiff_with_a_loop_of_directories_ends(tmp_path: Path) -> None:
    looping = tiff("<", sub=1).replace(
        struct.pack("<HHII", 330, 4, 1, 34), struct.pack("<HHII", 330, 4, 1, 8)
    )
    assert type_of(tmp_path, looping) == "image/tiff"


# -- PDF


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\r\n \n",
        b"\0" * 128,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n",
        b"\x1b%-12345X@PJL ENTER LANGUAGE=PDF\r\n",
        b"x" * 1000,
    ],
)
@pytest.mark.parametrize("content", [PDF, BINARY_PDF, BINARY_PDF + b"--boundary--\r\n"])
def test_media_type_of_pdf_behind_other_bytes_is_pdf(tmp_path: Path, before: bytes, content: bytes) -> None:
    assert type_of(tmp_path, before + content) == "application/pdf"


@pytest.mark.parametrize(
    "content",
    [
        b'MAGIC = b"%PDF-"\n',
        b'if (head.startsWith("%PDF-1.4")) { return true; }\n' + PDF[9:],
        b"PDF = b'%PDF-1.4\\n1 0 obj<</Type/Catalog>>endobj\\n%%EOF\\n'\n",
        b'PDF = b"""%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"""\n',
        b"const pdf = `" + PDF + b"`;\n",
        b"A PDF begins with %PDF-1.7 and ends with %%EOF\n",
        b"# How a PDF begins\n\n```\n" + PDF + b"```\n\nand so on; \xc3\xbc\n",
        b"cat > a.pdf <<END\n" + PDF + b"END\n",
        b"%PDF-compatible output is made by this macro\n",
    ],
)
@pytest.mark.parametrize("name", ["source", "make_pdf.py"])
def test_media_type_of_text_that_mentions_pdf_is_a_problem(tmp_path: Path, content: bytes, name: str) -> None:
    assert "not of a supported type" in problem(tmp_path, content, name)


@pytest.mark.parametrize(("distance", "is_pdf"), [(1023, True), (1024, False), (5000, False)])
def test_media_type_of_pdf_header_is_looked_for_in_1024_bytes(
    tmp_path: Path, distance: int, is_pdf: bool
) -> None:
    content = b"\0" * distance + PDF
    if is_pdf:
        assert type_of(tmp_path, content) == "application/pdf"
    else:
        assert "not of a supported type" in problem(tmp_path, content)
