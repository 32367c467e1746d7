"""Text that users write is read in every encoding and with every line end that their programs write."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path

import pytest

from docspeed_cli.core.text_files import decode_text, read_lines, read_text

TEXT = 'wait = true  # "Größe" 漢字\n'
ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "little-endian utf-16": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "big-endian utf-16": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "little-endian utf-16 without a mark": TEXT.encode("utf-16-le"),
    "big-endian utf-16 without a mark": TEXT.encode("utf-16-be"),
    "utf-32": TEXT.encode("utf-32"),
}
OTHER_ENDS = "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i\rj"


class Dripping(io.BytesIO):
    """A pipe that hands over one byte at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(1)


def lines(content: bytes, end: str = "\n") -> list[str]:
    whole, dripping = list(read_lines(io.BytesIO(content), end)), list(read_lines(Dripping(content), end))
    assert whole == dripping
    return whole


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_decode_text_takes_every_encoding(content: bytes) -> None:
    assert decode_text(content) == TEXT


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_decode_text_of_nothing_is_empty(content: bytes) -> None:
    assert decode_text(content) == ""
    assert lines(content) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"caf\xe9", "it is not UTF-8 text"),
        (codecs.BOM_UTF8 + b"\xff", "it is not UTF-8 text"),
        (codecs.BOM_UTF16_LE + b"a", "it is not UTF-16 text"),
        (codecs.BOM_UTF16_BE + b"\xdc\x00", "it is not UTF-16 text"),
        (b"%PDF-1.4\0\0", "it is not text: it has NUL characters"),
        (b"\0\0\0\0", "it is not text: it has NUL characters"),
    ],
)
def test_decode_text_of_other_content_says_what_it_is(content: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        decode_text(content)


def test_read_text_turns_crlf_into_lf_and_leaves_other_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("a\r\nb\rc\x0bd\x85e\u2028f\n".encode())
    assert read_text(path) == "a\nb\rc\x0bd\x85e\u2028f\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a.pdf\nb.pdf\n", ["a.pdf", "b.pdf"]),
        ("a.pdf\r\nb.pdf", ["a.pdf", "b.pdf"]),
        (f"{OTHER_ENDS}\n", [OTHER_ENDS]),
        ("\n\na\n", ["", "", "a"]),
        ("\u0a0a.pdf\n\u0d0a.pdf\n", ["\u0a0a.pdf", "\u0d0a.pdf"]),
        ("one line " * 20_000, ["one line " * 20_000]),
    ],
    ids=["lf", "crlf", "other ends", "empty", "characters with the bytes of line ends", "long"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_read_lines_end_at_lf_and_crlf_only(content: str, expected: list[str], encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    assert lines(mark + content.encode(encoding)) == expected


@pytest.mark.parametrize("name", [b"caf\xe9.pdf", b"\xff", b"\xfe\xfb.pdf", b"a\x80\x81", b"\xed\xa0\x80"])
def test_read_lines_keeps_names_that_are_not_text(name: bytes) -> None:
    assert [os.fsencode(line) for line in lines(name + b"\nb.pdf\n")] == [name, b"b.pdf"]


def test_read_lines_with_nul_keeps_every_character() -> None:
    assert lines(b" a\nb\r\n\0#c\0\xe9\0", "\0") == [" a\nb\r\n", "#c", os.fsdecode(b"\xe9")]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of this kind")
def test_read_lines_yields_a_line_before_the_next_one_is_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", 0) as sender:
        found = read_lines(stream)
        for line in ("a", "b.pdf"):
            sender.write(line.encode() + b"\n")
            assert next(found) == line
