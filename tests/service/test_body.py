"""A body keeps its bytes in memory or on disk, and becomes a file whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.files import write_whole
from docspeed_cli.service.body import IN_MEMORY, MAX_JSON_SIZE, Body
from tests.core.test_files import parts

LARGE = b'{"text": "' + b"0123456789abcdef" * (IN_MEMORY // 16) + b'"}'
SIZES = pytest.mark.parametrize("content", [b'{"a": 1}', LARGE], ids=["memory", "disk"])

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def stored(content: bytes, step: int = 65536) -> Body:
    """A body written in steps of so many bytes."""
    body = Body()
    for start in range(0, len(content), step):
        body.write(content[start : start + step])
    return body


def joined(chunks: Iterator[bytes]) -> bytes:
    return b"".join(chunks)


# -- the bytes


@SIZES
@pytest.mark.parametrize("step", [1000, 65536, 10**7])
def test_body_written_in_chunks_reads_back_unchanged(content: bytes, step: int) -> None:
    body = stored(content, step)
    assert body.size == len(content)
    assert joined(body.chunks()) == content
    assert joined(body.chunks()) == content
    body.clear()


@pytest.mark.skipif(os.name != "posix", reason="open files can be removed")
def test_large_body_is_in_a_temporary_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    body = stored(b"x" * IN_MEMORY)
    with pytest.raises(OSError):
        body.write(b"y")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body = stored(LARGE)
    assert list(tmp_path.iterdir()) == []
    body.clear()


def test_chunks_of_a_large_body_are_bounded() -> None:
    body = stored(LARGE * 4)
    assert max(map(len, body.chunks())) <= 1 << 20
    body.clear()


@SIZES
def test_clear_closes_the_file(content: bytes) -> None:
    body = stored(content)
    body.clear()
    with pytest.raises(ValueError, match="closed"):
        joined(body.chunks())


def test_clear_of_a_body_at_a_path_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(LARGE)
    body = Body.at(path)
    assert body.size == len(LARGE)
    assert joined(body.chunks()) == LARGE
    body.clear()
    assert path.read_bytes() == LARGE


@SIZES
@pytest.mark.parametrize(
    ("end", "expected"), [(b"", b"\n"), (b"\n", b"\n"), (b"\n\n", b"\n\n"), (b"\r\n", b"\r\n")]
)
def test_lines_ends_with_a_newline_added_once(content: bytes, end: bytes, expected: bytes) -> None:
    body = stored(content + end)
    assert joined(body.lines()) == content + expected
    body.clear()


def test_lines_of_an_empty_body_is_a_newline() -> None:
    assert joined(Body().lines()) == b"\n"


# -- on one line


class Chopped(Body):
    """A body that is read in chunks of `step` bytes."""

    step = 1

    def chunks(self) -> Iterator[bytes]:
        whole = joined(super().chunks())
        for start in range(0, len(whole), self.step):
            yield whole[start : start + self.step]


@given(
    value=values,
    indent=st.none() | st.integers(0, 9) | st.sampled_from(["\t", "\r\n", " \n \r", "\r"]),
    ascii_only=st.booleans(),
    around=st.text(" \t\r\n", max_size=5),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\r\n:\t"), ("\r,\n \n", " : \r")]),
    step=st.integers(1, 40),
)
def test_on_one_line_keeps_the_value(
    value: Any,
    indent: int | str | None,
    ascii_only: bool,
    around: str,
    separators: tuple[str, str],
    step: int,
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators)
    content = (around + text + around).encode()
    body = Chopped(content)
    assert isinstance(body, Chopped)
    body.step = step
    line = joined(body.on_one_line())
    assert b"\n" not in line and b"\r" not in line
    assert json.dumps(json.loads(line)) == json.dumps(value)
    body.step = len(content)
    assert joined(body.on_one_line()) == line


def test_on_one_line_has_no_byte_order_mark() -> None:
    assert joined(Body(b'\xef\xbb\xbf{"a":\n"\xef\xbb\xbf"}').on_one_line()) == b'{"a":"\xef\xbb\xbf"}'


@given(value=values)
def test_on_one_line_of_one_line_changes_nothing(value: Any) -> None:
    content = json.dumps(value, ensure_ascii=False, separators=(", ", " : ")).encode()
    assert joined(Body(content).on_one_line()) == content


def test_on_one_line_keeps_numbers_escapes_and_duplicate_keys() -> None:
    content = (
        b'{"a": 1.0, "a": 1E400,\n\n  "n": 12345678901234567890,\r\n\t"s": "\\n \\u000a  \\ud800\\u20b9"}\n'
    )
    expected = b'{"a": 1.0, "a": 1E400,"n": 12345678901234567890,"s": "\\n \\u000a  \\ud800\\u20b9"}'
    assert joined(Body(content).on_one_line()) == expected


@pytest.mark.parametrize("shift", range(-3, 4))
def test_on_one_line_joins_line_breaks_across_chunks(shift: int) -> None:
    """The disk is read in chunks; a line break may lie across two of them."""
    filler = b"x" * (256 * 1024 - 4 + shift)
    content = b'["' + filler + b'",\r\n   \r\n  1]  \n \n'
    body = stored(content + b" " * 10)
    assert joined(body.on_one_line()) == b'["' + filler + b'",1]'
    body.clear()


# -- as a value


@SIZES
def test_json_returns_the_value(content: bytes) -> None:
    body = stored(content)
    assert body.json() == json.loads(content)
    body.clear()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_json"),
        (b"<html>", "not_json"),
        (b'{"a": ', "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 200_000, "too_deep"),
    ],
)
def test_json_of_invalid_content_raises_docspeed_error(content: bytes, code: str) -> None:
    with pytest.raises(DocspeedError) as caught:
        Body(content).json()
    assert caught.value.code == code


def test_json_of_a_huge_file_raises_too_large_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(MAX_JSON_SIZE + 1)
    with pytest.raises(DocspeedError) as caught:
        Body.at(path).json()
    assert caught.value.code == "too_large"
    assert caught.value.hint


# -- whether it can be an answer at all

_HTML = b"<!doctype html><html><body>504 Gateway Time-out</body></html>"


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b' {"a": [1, 2]}\r\n',
        b"null",
        b'"text"',
        b"12",
        b'{"a": "\xc3\xa9"}',
        b'{"a": "not UTF-8: \xe9"}',
        b"[" * 5000 + b"]" * 5000,
        LARGE,
        b" " * 500 + LARGE + b"\n" * 500,
        b'[{"a": 1},\n' * 50_000 + b"{}" + b"]" * 50_000,
    ],
    ids=lambda content: content[:12].decode("latin-1") + f" {len(content)}",
)
def test_plausible_accepts_json(content: bytes) -> None:
    body = stored(content)
    assert body.plausible()
    body.clear()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        _HTML,
        _HTML * 10_000,
        b"plain text " * 100_000,
        b'{"a": 1',
        b'{"a": "x',
        b'{"a": 1}}',
        b"{",
        LARGE[:-1],
        LARGE[:-2],
        LARGE[: len(LARGE) // 2],
        LARGE[1:],
        LARGE + b"<html>",
        b"[" * 5000,
    ],
    ids=lambda content: content[:12].decode("latin-1") + f" {len(content)}",
)
def test_plausible_rejects_empty_truncated_and_other_content(content: bytes) -> None:
    body = stored(content)
    assert not body.plausible()
    body.clear()


def test_json_with_a_byte_that_is_not_utf8_keeps_the_rest() -> None:
    assert stored(b'{"a": "M\xfcller"}').json() == {"a": "M\ufffdller"}


def test_plausible_checks_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b'{"a": 1}\n')
    assert Body.at(path).plausible()
    path.write_bytes(b'{"a": ')
    assert not Body.at(path).plausible()


# -- as a file


@SIZES
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_write_whole_writes_a_file_with_a_final_newline(tmp_path: Path, content: bytes, end: bytes) -> None:
    body = stored(content + end)
    path = tmp_path / "result.json"
    write_whole(path, body.lines())
    assert path.read_bytes() == content + b"\n"
    body.clear()
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


@SIZES
def test_write_whole_leaves_the_body_readable(tmp_path: Path, content: bytes) -> None:
    body = stored(content)
    write_whole(tmp_path / "result.json", body.lines())
    assert body.json() == json.loads(content)
    write_whole(tmp_path / "again.json", body.lines())
    body.clear()
    assert (
        (tmp_path / "result.json").read_bytes() == (tmp_path / "again.json").read_bytes() == content + b"\n"
    )
    assert parts(tmp_path) == []


def spooled_in(folder: Path, content: bytes) -> Body:
    """A body as it arrives, whose temporary file is in this folder."""
    body = Body(folder=folder)
    for start in range(0, len(content), 60_000):
        body.write(content[start : start + 60_000])
    return body


@SIZES
@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_save_leaves_only_the_whole_file_in_its_folder(tmp_path: Path, content: bytes, end: bytes) -> None:
    path = tmp_path / "result.json"
    spooled_in(tmp_path, content + end).save(path)
    assert path.read_bytes() == content + b"\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_save_of_a_large_body_moves_its_temporary_file(tmp_path: Path) -> None:
    body = spooled_in(tmp_path, b'{"a": "' + b"x" * IN_MEMORY + b'"}')
    (part,) = tmp_path.iterdir()
    number = part.stat().st_ino
    body.save(tmp_path / "result.json")
    assert (tmp_path / "result.json").stat().st_ino == number


def test_save_to_another_folder_leaves_no_temporary_file(tmp_path: Path) -> None:
    content = b'{"a": "' + b"x" * IN_MEMORY + b'"}'
    other = tmp_path / "other"
    other.mkdir()
    body = spooled_in(tmp_path, content)
    body.save(other / "result.json")
    body.clear()
    assert (other / "result.json").read_bytes() == content + b"\n"
    assert list(tmp_path.iterdir()) == [other]


def test_clear_removes_the_temporary_file(tmp_path: Path) -> None:
    body = spooled_in(tmp_path, b"x" * (IN_MEMORY + 1))
    body.clear()
    assert list(tmp_path.iterdir()) == []


# -- or not at all


def _breaking() -> Iterator[bytes]:
    yield b"half"
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("old", [None, b"the old content"])
def test_write_whole_failure_leaves_the_old_file_only(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "result.json"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, _breaking())
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([] if old is None else [old])


@SIZES
def test_write_whole_over_a_folder_fails_and_leaves_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.mkdir()
    body = stored(content)
    with pytest.raises(OSError):
        write_whole(path, body.lines())
    body.clear()
    assert path.is_dir()
    assert parts(tmp_path) == []


@SIZES
def test_write_whole_in_a_missing_folder_fails(tmp_path: Path, content: bytes) -> None:
    body = stored(content)
    with pytest.raises(OSError):
        write_whole(tmp_path / "gone" / "result.json", body.lines())
    assert body.json() == json.loads(content)
    body.clear()
    assert list(tmp_path.iterdir()) == []


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from docspeed_cli.core.files import write_whole
from docspeed_cli.service.body import Body

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, size, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
body = Body()
try:
    if limit < size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    body.write(b'"' + b"x" * (size - 2) + b'"')
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    write_whole(folder / "result.json", body.lines())
except OSError:
    body.clear()
    print("failed")
"""


@pytest.mark.parametrize(
    ("size", "limit"),
    [(1000, 500), (1000, 1000), (IN_MEMORY * 8, IN_MEMORY), (IN_MEMORY * 8, IN_MEMORY * 8)],
    ids=["small", "small, its newline", "large", "large, its newline"],
)
def test_write_whole_on_a_full_disk_leaves_the_old_file_only(tmp_path: Path, size: int, limit: int) -> None:
    pytest.importorskip("resource")
    (tmp_path / "result.json").write_bytes(b"old")
    argv = [sys.executable, "-c", _FULL_DISK, str(tmp_path), str(size), str(limit)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "failed\n"), ran.stderr
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"result.json": b"old"}


def test_write_whole_never_shows_a_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old\n")

    def watched() -> Iterator[bytes]:
        for _ in range(3):
            assert path.read_bytes() == b"old\n"
            yield b"new "
            assert path.read_bytes() == b"old\n"

    write_whole(path, watched())
    assert path.read_bytes() == b"new new new "


def test_file_is_synced_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(number: int) -> None:
        steps.append("sync")
        fsync(number)

    def replaced(self: Path, target: Path) -> Path:
        steps.append("replace")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_whole(tmp_path / "r.json", [b"1"])
    assert steps == ["sync", "replace"]
