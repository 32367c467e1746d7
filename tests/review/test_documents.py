from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from docspeed_cli.review.documents import DocumentProblem, open_document, to_jpeg
from tests.review.papers import MARK, huge_image, image, pdf
from tests.sandbox.papers import raw_pdf

UPRIGHT = (100 / 600, 181 / 800, 228 / 600, 204.5 / 800)
"""Where the text of a paper is, about."""


def _around(text: str, path: Path) -> tuple[float, float, float, float]:
    document = open_document(path)
    page = document.text(1)
    assert page is not None
    ((box,),) = page.find(text, 3)
    document.close()
    return box


def test_find_on_an_upright_page_gives_the_place_of_the_text(tmp_path: Path) -> None:
    assert _around(MARK, pdf(tmp_path / "a.pdf")) == pytest.approx(UPRIGHT, abs=0.01)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_find_on_a_rotated_page_gives_the_place_as_people_see_it(tmp_path: Path, rotation: int) -> None:
    x0, y0, x1, y1 = UPRIGHT
    seen = {
        90: (1 - y1, x0, 1 - y0, x1),
        180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
        270: (y0, 1 - x1, y1, 1 - x0),
    }
    assert _around(MARK, pdf(tmp_path / "a.pdf", rotation=rotation)) == pytest.approx(
        seen[rotation], abs=0.01
    )


def test_find_on_a_cropped_page_counts_from_what_is_seen(tmp_path: Path) -> None:
    seen = (50 / 500, 131 / 650, 178 / 500, 154.5 / 650)
    assert _around(MARK, pdf(tmp_path / "a.pdf", cropped=True)) == pytest.approx(seen, abs=0.01)


@pytest.mark.parametrize(
    ("rotation", "cropped", "wide"), [(0, False, 600), (90, False, 800), (90, True, 650)]
)
def test_picture_of_a_page_shows_the_text_where_it_is_found(
    tmp_path: Path, rotation: int, cropped: bool, wide: float
) -> None:
    document = open_document(pdf(tmp_path / "a.pdf", rotation=rotation, cropped=cropped))
    assert document.size(1).width == pytest.approx(wide)
    picture = document.picture(1, 600).convert("L")
    page = document.text(1)
    assert page is not None
    ((box,),) = page.find(MARK, 3)
    edges = [round(side * length) for side, length in zip(box, picture.size * 2, strict=True)]
    assert picture.crop(edges).getextrema()[0] < 100  # the ink of the text
    picture.paste(255, (edges[0] - 3, edges[1] - 3, edges[2] + 3, edges[3] + 3))
    assert picture.getextrema()[0] > 200  # and nothing else


@pytest.mark.parametrize("rotation", [0, 90])
def test_find_value_of_a_form_that_has_no_appearance_where_it_is_drawn(tmp_path: Path, rotation: int) -> None:
    """Viewers draw such a value themselves."""
    field = (
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Ada Lovelace) /Rect [200 293 400 313] /F 4"
        " /DA (/F1 12 Tf 0 g) >>"
    )
    page = f"/Annots [6 0 R] /Rotate {rotation}"
    (tmp_path / "a.pdf").write_bytes(raw_pdf("", page=page, objects=[field], fields="6 0 R"))
    picture = open_document(tmp_path / "a.pdf").picture(1, 600).convert("L").point(lambda grey: grey < 128)
    x0, y0, x1, y1 = _around("Ada Lovelace", tmp_path / "a.pdf")
    left, top, right, bottom = picture.getbbox()
    width, height = picture.size
    assert x0 * width - 2 <= left < right <= x1 * width + 2
    assert y0 * height - 2 <= top < bottom <= y1 * height + 2


def test_open_document_with_an_xfa_form_logs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.pdf").write_bytes(raw_pdf("", fields="] /XFA [(template) 4 0 R"))
    open_document(tmp_path / "a.pdf")
    assert not caplog.records


def test_find_text_of_a_page_with_a_note_and_inherited_edges(tmp_path: Path) -> None:
    """Pdfium gives such a page other edges when it makes the note a part of it."""
    note = "<< /Type /Annot /Subtype /FreeText /Rect [20 350 300 390] /F 4 /AP << /N 7 0 R >> >>"
    look = "<< /Type /XObject /Subtype /Form /BBox [0 0 280 40] /Length 0 >>\nstream\n\nendstream"
    content = "BT /F1 20 Tf 100 200 Td (Below) Tj ET"
    plain, noted = tmp_path / "plain.pdf", tmp_path / "noted.pdf"
    plain.write_bytes(raw_pdf(content))
    noted.write_bytes(raw_pdf(content, page="/Annots [6 0 R]", objects=[note, look]))
    assert _around("Below", noted) == pytest.approx(_around("Below", plain), abs=0.001)


def test_find_text_with_damaged_codes_and_hyphens_at_the_ends_of_lines(tmp_path: Path) -> None:
    codes = b"/CIDInit /ProcSet findresource begin 1 begincodespacerange <00> <FF> endcodespacerange"
    codes += b" 1 beginbfchar <7E> <DBFFDFFFDBFF> endbfchar end"
    font = (
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>"
    )
    content = "BT /F2 20 Tf 50 300 Td (Broken ~ code) Tj 0 -24 Td (a long emer-) Tj 0 -24 Td (gency) Tj ET"
    document = raw_pdf(
        content,
        page="/Resources << /Font << /F2 7 0 R >> >>",
        objects=[f"<< /Length {len(codes)} >>\nstream\n{codes.decode()}\nendstream", font],
    )
    (tmp_path / "a.pdf").write_bytes(document)
    assert _around("Broken", tmp_path / "a.pdf") and _around("a long emer-", tmp_path / "a.pdf")


def test_find_number_in_any_usual_form(tmp_path: Path) -> None:
    document = open_document(pdf(tmp_path / "a.pdf", ["Sum 1,240.50 EUR 18% 7017 1.240,5 12,405"]))
    page = document.text(1)
    assert page is not None
    assert [len(page.find_number(number, 9)) for number in ("1240.5", "18.0", "7017", "701", "12405")] == [
        2,
        1,
        1,
        0,
        1,
    ]


def test_find_takes_whole_words_only_and_nothing_that_is_too_frequent(tmp_path: Path) -> None:
    document = open_document(pdf(tmp_path / "a.pdf", ["tax Tax taxes in voice 250 2500"]))
    page = document.text(1)
    assert page is not None
    assert [len(page.find(text, 2)) for text in ("TAX", "invoice", "250", "axes", "")] == [2, 1, 1, 0, 0]
    assert page.find("tax", 1) == []


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_picture_of_a_photo_is_turned_as_its_camera_says(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, clockwise
    document = open_document(image(tmp_path / name, exif=exif))
    picture = document.picture(1, 1000)
    assert document.size(1) == picture.size == (200, 400)
    assert [picture.getpixel(at)[0] > 128 for at in ((20, 20), (180, 20), (20, 380))] == [True, False, True]


def test_picture_of_a_tiff_is_of_the_page_that_is_asked_for(tmp_path: Path) -> None:
    others = [Image.new("L", (50 + n, 60), 255) for n in range(2)]
    document = open_document(image(tmp_path / "a.tif", save_all=True, append_images=others))
    assert (document.page_count, document.size(3)) == (3, (51, 60))
    assert document.picture(3, 1000).getextrema()[0] == (255, 255)
    assert document.picture(1, 1000).getextrema()[0] == (0, 255)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif"])
def test_picture_of_an_image_that_is_cut_short_shows_the_part_that_is_there(
    tmp_path: Path, name: str
) -> None:
    path = image(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-40])
    picture = open_document(path).picture(1, 1000)
    assert [picture.getpixel(at)[0] > 128 for at in ((20, 20), (380, 20))] == [False, True]


def test_picture_of_a_long_strip_fits_into_a_jpeg(tmp_path: Path) -> None:
    document = open_document(image(tmp_path / "a.png", (2, 70_000)))
    assert to_jpeg(document.picture(1, 1400))


@pytest.mark.parametrize("damage", ["no width", "cut short"])
def test_picture_of_a_tiff_with_a_damaged_page_shows_the_pages_before_it(tmp_path: Path, damage: str) -> None:
    path = image(tmp_path / "a.tif", save_all=True, append_images=[Image.new("L", (40, 50))] * 2)
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    (second,) = struct.unpack_from("<I", content, first + 2 + 12 * count)
    struct.pack_into("<H", content, second + 2, 0)
    path.write_bytes(content[: second + 5] if damage == "cut short" else content)
    document = open_document(path)
    assert document.page_count == 1 and document.picture(1, 1000).size == (400, 200)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "RGBA", "CMYK", "I;16", "I;16B"])
def test_picture_of_an_image_of_any_mode_is_in_colours(tmp_path: Path, mode: str) -> None:
    suffix = ".tif" if mode in ("CMYK", "La", "I;16B") else ".png"
    path = tmp_path / f"a{suffix}"
    Image.new("LA" if mode == "La" else mode, (30, 20)).save(path)
    if mode == "La":  # the tag says that the colours are multiplied by the alpha
        extra = b"\x52\1\3\0\1\0\0\0"
        path.write_bytes(path.read_bytes().replace(extra + b"\2", extra + b"\1"))
    assert open_document(path).picture(1, 100).mode == "RGB"


def test_picture_of_a_huge_jpeg_is_decoded_small(tmp_path: Path) -> None:
    document = open_document(image(tmp_path / "a.jpg", (30_000, 4_000)))
    assert document.picture(1, 1400).size == (1400, 187)


def test_picture_of_an_image_that_would_take_gigabytes_is_refused(tmp_path: Path) -> None:
    document = open_document(huge_image(tmp_path / "a.png"))
    with pytest.raises(DocumentProblem, match="30000 × 10000 pixels are too many"):
        document.picture(1, 1400)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"%PDF-1.7 nothing", "damaged"),
        (b"\x89PNG\r\n\x1a\nnothing", "not an image"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "not an image",
        ),  # Pillow would start a program
        (b"", "not an image"),
    ],
)
def test_open_document_that_is_damaged_says_so(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DocumentProblem, match=why):
        open_document(tmp_path / "a")
