"""Pages are counted by a document's own structure, and never guessed."""

from __future__ import annotations

import re
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.models import Source
from docspeed_cli.jobs.documents.page_count import page_count
from docspeed_cli.jobs.documents.pdf_pages import pdf_pages


def fpdf(pages: int, *, password: str | None = None) -> bytes:
    pdf = FPDF()
    for _ in range(pages):
        pdf.add_page()
    if password is not None:
        pdf.set_encryption(owner_password=password)
    return bytes(pdf.output())


def with_streams(pages: int, *, packed: bool = True, count: int | None = None) -> bytes:
    """Return a PDF whose objects are in an object stream, and whose cross-references are a stream."""
    kids = " ".join(f"{number} 0 R" for number in range(3, 3 + pages))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count or pages}>>"]
    objects += ["<</Type/Page/Parent 2 0 R/Title(a \\) (nested\\)) b)>>"] * pages
    offsets = [sum(len(text) + 1 for text in objects[:number]) for number in range(len(objects))]
    head = " ".join(f"{number} {offset}" for number, offset in enumerate(offsets, 1)) + " "
    content = (head + "\n".join(objects)).encode()
    body = b"junk before it\n%PDF-1.5\n"
    last = len(objects) + 1
    base, at = len(b"junk before it\n"), len(body)
    members = b"/Type/ObjStm/N %d/First %d" % (len(objects), len(head))
    body += stream(last, members, content, packed=packed)
    rows = [b"\0\0\0\0"] + [struct.pack(">BHB", 2, last, index) for index in range(len(objects))]
    rows.append(struct.pack(">BHB", 1, at - base, 0))
    start = len(body) - base
    members = b"/Type/XRef/Size %d/W[1 2 1]/Root 1 0 R" % (last + 1)
    return body + stream(last + 1, members, b"".join(rows)) + b"startxref\n%d\n%%%%EOF\n" % start


def stream(number: int, members: bytes, content: bytes, *, packed: bool = True) -> bytes:
    if packed:
        content, members = zlib.compress(content), members + b"/Filter/FlateDecode"
    head = b"%d 0 obj <<%s/Length %d>>" % (number, members, len(content))
    return head + b"\nstream\n" + content + b"\nendstream\nendobj\n"


def tiff(pages: int, *, order: str = "<", big: bool = False, circle: bool = False) -> bytes:
    """Return the directories of a TIFF with this many pages."""
    head, offset, count = (16, "Q", "Q") if big else (8, "I", "H")
    size = struct.calcsize(f"{order}{count}{offset}")
    magic = {("<", False): b"II*\0", (">", False): b"MM\0*", ("<", True): b"II+\0", (">", True): b"MM\0+"}[
        order, big
    ]
    content = magic + (struct.pack(f"{order}HH", 8, 0) if big else b"") + struct.pack(order + offset, head)
    for number in range(1, pages + 1):
        following = head + number * size if number < pages else head if circle else 0
        content += struct.pack(f"{order}{count}{offset}", 0, following)
    return content


def counted(folder: Path, content: bytes, media_type: str = "application/pdf") -> int | None:
    path = folder / "document"
    path.write_bytes(content)
    return page_count(Source("document", path=path, content_type=media_type))


@pytest.mark.parametrize("pages", [1, 7])
def test_page_count_pdf(tmp_path: Path, pages: int) -> None:
    assert counted(tmp_path, fpdf(pages)) == pages
    assert counted(tmp_path, with_streams(pages)) == pages
    assert counted(tmp_path, with_streams(pages, packed=False)) == pages


def test_page_count_changed_pdf_has_the_pages_of_its_last_version(tmp_path: Path) -> None:
    first = fpdf(3)
    pages_at = first.index(b"/Type /Pages")
    number = int(first[:pages_at].rsplit(b" 0 obj", 1)[0].split()[-1])
    kid = first[first.index(b"/Kids [") :].split(b"[", 1)[1].split(b"]")[0].split(b"R")[0] + b"R"
    at = len(first)
    changed = first + b"%d 0 obj\n<</Type/Pages/Kids[%s]/Count 1>>\nendobj\n" % (number, kid)
    previous = int(first.rsplit(b"startxref", 1)[1].split()[0])
    changed += b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Prev %d>>\nstartxref\n%d\n%%%%EOF" % (
        number, at, previous, len(changed),
    )  # fmt: skip
    assert counted(tmp_path, changed) == 1


def test_page_count_pdf_with_another_one_attached_is_its_own_or_unknown(tmp_path: Path) -> None:
    outer, attached = fpdf(2), stream(99, b"/Type/EmbeddedFile", fpdf(3), packed=False)
    head, mark, tail = outer.rpartition(b"xref\n0")
    path = tmp_path / "a.pdf"
    path.write_bytes(head + attached + mark + tail)
    assert page_count(Source("a.pdf", path=path, content_type="application/pdf")) in (2, None)


@pytest.mark.parametrize(
    "content",
    [
        fpdf(2, password="secret"),
        fpdf(2)[:-40],
        fpdf(2).replace(b"/Count 2", b"/Count 5"),
        fpdf(2).replace(b"/Kids [3 0 R", b"/Kids [1 0 R"),  # a circle
        with_streams(2, count=9),
        b"%PDF-1.4\nno structure\n%%EOF\n",
        b"%PDF-" + b"%" * 4000 + b"startxref 5",
    ],
)
def test_page_count_pdf_that_does_not_tell_is_unknown(tmp_path: Path, content: bytes) -> None:
    assert counted(tmp_path, content) is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_page_count_tiff_is_its_directories(tmp_path: Path, order: str, big: bool) -> None:
    content = tiff(3, order=order, big=big)
    assert counted(tmp_path, content, "image/tiff") == 3
    assert counted(tmp_path, content[:-1], "image/tiff") is None
    assert counted(tmp_path, tiff(3, order=order, big=big, circle=True), "image/tiff") is None


def test_page_count_tiff_that_goes_on_far_outside_the_file_is_unknown(tmp_path: Path) -> None:
    content = b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63 + 8)
    assert counted(tmp_path, content, "image/tiff") is None


def test_page_count_nodes_that_share_what_is_below_them_are_not_followed_without_end() -> None:
    levels = [f"<</Type/Pages/Kids[{n} 0 R {n} 0 R]/Count 2>>" for n in range(3, 63)]
    objects = ["<</Type/Catalog/Pages 2 0 R>>", *levels, "<</Type/Pages/Kids[]/Count 0>>"]
    content, places = b"%PDF-1.4\n", ""
    for number, text in enumerate(objects, 1):
        places += f"{len(content):010d} 00000 n \n"
        content += f"{number} 0 obj\n{text}\nendobj\n".encode()
    table = f"xref\n1 {len(objects)}\n{places}trailer\n<</Root 1 0 R>>\nstartxref\n{len(content)}\n%%EOF\n"
    with pytest.raises(ValueError, match="as many pages"):
        pdf_pages(content + table.encode())


def test_page_count_stream_of_references_that_two_tables_share_is_read_once(tmp_path: Path) -> None:
    content = with_streams(2)
    place = content.rsplit(b"startxref\n", 1)[1].split()[0]
    base = len(b"junk before it\n")
    first = len(content) - base
    content += b"xref\n0 0\ntrailer\n<</Root 1 0 R/XRefStm %b>>\n" % place
    last = len(content) - base
    content += b"xref\n0 0\ntrailer\n<</Root 1 0 R/XRefStm %b/Prev %d>>\n" % (place, first)
    assert counted(tmp_path, content + b"startxref\n%d\n%%%%EOF\n" % last) == 2


def test_page_count_pdf_with_bytes_before_and_after_it(tmp_path: Path) -> None:
    content = fpdf(3)
    start = int(content.rsplit(b"startxref\n", 1)[1].split()[0])
    assert counted(tmp_path, content + bytes(5000)) == 3
    assert counted(tmp_path, b"HTTP/1.1 200 OK\r\n\r\n" + content) == 3
    # An object of nine bytes in place of the binary mark: offsets count from the first byte of the file.
    moved = b"\n" * 9 + content
    moved = re.sub(rb"(\d{10}) (\d{5}) n", lambda m: b"%010d %b n" % (int(m[1]) + 9, m[2]), moved)
    assert counted(tmp_path, moved.replace(b"startxref\n%d" % start, b"startxref\n%d" % (start + 9))) == 3


def test_page_count_image_has_one_page_and_other_documents_do_not_tell(tmp_path: Path) -> None:
    assert counted(tmp_path, b"\x89PNG", "image/png") == 1
    assert counted(tmp_path, b"PK", "application/zip") is None
    assert page_count(Source("f1", file_id="f1")) is None
    assert page_count(Source("gone", path=tmp_path / "gone", content_type="application/pdf")) is None


@given(st.data())
def test_page_count_damaged_pdf_is_counted_or_unknown(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([with_streams(3), with_streams(2, packed=False), fpdf(2)])))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    with suppress(ValueError):
        assert pdf_pages(bytes(content)) >= 0
