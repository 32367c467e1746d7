"""An answer's bytes stay what they were, in memory and on the disk, and become files whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.service.body import IN_MEMORY, READABLE, Body, write_whole

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


def stored(content: bytes, folder: Path | None = None, step: int = 65536) -> Body:
    """A payload that came in pieces."""
    payload = Body(folder)
    for start in range(0, len(content), step):
        payload.write(content[start : start + step])
    return payload


def joined(chunks: Iterator[bytes]) -> bytes:
    return b"".join(chunks)


def parts(folder: Path) -> list[str]:
    """Files that are not finished."""
    return [path.name for path in folder.rglob("*") if path.name.endswith(".part")]


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


# -- the bytes


@SIZES
@pytest.mark.parametrize("step", [1000, 65536, 10**7])
def test_what_comes_in_pieces_comes_out_as_it_was(tmp_path: Path, content: bytes, step: int) -> None:
    payload = stored(content, tmp_path, step)
    assert payload.size == len(content)
    assert joined(payload.chunks()) == content
    assert joined(payload.chunks()) == content
    payload.clear()


def test_a_small_payload_touches_no_disk(tmp_path: Path) -> None:
    payload = stored(b"x" * IN_MEMORY, tmp_path)
    assert list(tmp_path.iterdir()) == []
    payload.write(b"y")
    assert len(list(tmp_path.iterdir())) == 1
    payload.clear()


def test_a_large_payload_can_be_read_while_it_still_comes(tmp_path: Path) -> None:
    payload = stored(LARGE, tmp_path)
    assert joined(payload.chunks()) == LARGE
    payload.write(b"more")
    assert joined(payload.chunks()) == LARGE + b"more"
    payload.clear()


def test_large_payloads_come_in_bounded_chunks(tmp_path: Path) -> None:
    payload = stored(LARGE * 4, tmp_path)
    assert max(map(len, payload.chunks())) <= 1 << 20
    payload.clear()


def test_an_unfinished_payload_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    payload = stored(LARGE, tmp_path)
    (part,) = tmp_path.iterdir()
    assert part.stat().st_mode & 0o077 == 0
    payload.clear()


@SIZES
def test_what_is_thrown_away_leaves_nothing(tmp_path: Path, content: bytes) -> None:
    payload = stored(content, tmp_path)
    payload.clear()
    assert list(tmp_path.iterdir()) == []
    assert payload.size == 0
    assert joined(payload.chunks()) == b""
    payload.write(b"again")
    assert joined(payload.chunks()) == b"again"


def test_a_file_s_payload_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(LARGE)
    payload = Body.at(path)
    assert payload.size == len(LARGE)
    assert joined(payload.chunks()) == LARGE
    payload.clear()
    assert path.read_bytes() == LARGE


@SIZES
@pytest.mark.parametrize(
    ("end", "expected"), [(b"", b"\n"), (b"\n", b"\n"), (b"\n\n", b"\n\n"), (b"\r\n", b"\r\n")]
)
def test_a_final_newline_is_added_once(tmp_path: Path, content: bytes, end: bytes, expected: bytes) -> None:
    payload = stored(content + end, tmp_path)
    assert joined(payload.lines()) == content + expected
    payload.clear()


def test_a_final_newline_is_added_to_nothing_at_all() -> None:
    assert joined(Body().lines()) == b"\n"


# -- on one line


class Chopped(Body):
    """A payload that is read in chunks of this size."""

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
def test_on_one_line_it_is_the_same_value(
    value: Any,
    indent: int | str | None,
    ascii_only: bool,
    around: str,
    separators: tuple[str, str],
    step: int,
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators)
    content = (around + text + around).encode()
    payload = Chopped.of(content)
    assert isinstance(payload, Chopped)
    payload.step = step
    line = joined(payload.on_one_line())
    assert b"\n" not in line and b"\r" not in line
    assert json.dumps(json.loads(line)) == json.dumps(value)
    payload.step = len(content)
    assert joined(payload.on_one_line()) == line


@given(value=values)
def test_what_is_on_one_line_is_untouched(value: Any) -> None:
    content = json.dumps(value, ensure_ascii=False, separators=(", ", " : ")).encode()
    assert joined(Body.of(content).on_one_line()) == content


def test_numbers_escapes_and_duplicates_are_untouched_on_one_line() -> None:
    content = (
        b'{"a": 1.0, "a": 1E400,\n\n  "n": 12345678901234567890,\r\n\t"s": "\\n \\u000a  \\ud800\\u20b9"}\n'
    )
    expected = b'{"a": 1.0, "a": 1E400,"n": 12345678901234567890,"s": "\\n \\u000a  \\ud800\\u20b9"}'
    assert joined(Body.of(content).on_one_line()) == expected


@pytest.mark.parametrize("shift", range(-3, 4))
def test_line_breaks_at_the_edge_of_what_is_read_at_once(tmp_path: Path, shift: int) -> None:
    """The disk is read in chunks; a break may lie across two of them."""
    filler = b"x" * (256 * 1024 - 4 + shift)
    content = b'["' + filler + b'",\r\n   \r\n  1]  \n \n'
    payload = stored(content + b" " * 10, tmp_path)
    assert joined(payload.on_one_line()) == b'["' + filler + b'",1]'
    payload.clear()


# -- as a value


@SIZES
def test_the_content_as_a_value(tmp_path: Path, content: bytes) -> None:
    payload = stored(content, tmp_path)
    assert payload.json() == json.loads(content)
    payload.clear()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_json"),
        (b"<html>", "not_json"),
        (b'{"a": ', "not_json"),
        (b'"\xff"', "not_json"),
        (b"[" * 200_000, "too_deep"),
    ],
)
def test_what_is_no_value_is_an_expected_failure(content: bytes, code: str) -> None:
    with pytest.raises(DocspeedError) as caught:
        Body.of(content).json()
    assert caught.value.code == code


def test_a_number_of_more_digits_than_python_reads_is_kept_as_it_is_written() -> None:
    assert Body.of(b"[1, " + b"9" * 5000 + b"]").json() == [1, "9" * 5000]


def test_what_is_too_large_to_be_parsed_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(READABLE + 1)
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
        b"[" * 5000 + b"]" * 5000,
        LARGE,
        b" " * 500 + LARGE + b"\n" * 500,
        b'[{"a": 1},\n' * 50_000 + b"{}" + b"]" * 50_000,
    ],
    ids=lambda content: content[:12].decode("latin-1") + f" {len(content)}",
)
def test_json_is_plausible(tmp_path: Path, content: bytes) -> None:
    payload = stored(content, tmp_path)
    assert payload.plausible()
    payload.clear()


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
def test_what_is_empty_cut_or_something_else_is_not(tmp_path: Path, content: bytes) -> None:
    payload = stored(content, tmp_path)
    assert not payload.plausible()
    payload.clear()


def test_a_small_file_s_payload_is_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(b'{"a": 1}\n')
    assert Body.at(path).plausible()
    path.write_bytes(b'{"a": ')
    assert not Body.at(path).plausible()


# -- as a file

FOLDERS = pytest.mark.parametrize("spool", [True, False], ids=["in its folder", "elsewhere"])


@SIZES
@FOLDERS
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_payload_becomes_a_file_with_a_final_newline(
    tmp_path: Path, content: bytes, spool: bool, end: bytes
) -> None:
    payload = stored(content + end, tmp_path if spool else None)
    path = tmp_path / "result.json"
    payload.keep(path)
    assert path.read_bytes() == content + b"\n"
    payload.clear()
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


@SIZES
@FOLDERS
def test_a_kept_payload_can_still_be_read(tmp_path: Path, content: bytes, spool: bool) -> None:
    payload = stored(content, tmp_path if spool else None)
    payload.keep(tmp_path / "result.json")
    assert payload.json() == json.loads(content)
    payload.keep(tmp_path / "again.json")
    payload.clear()
    assert (
        (tmp_path / "result.json").read_bytes() == (tmp_path / "again.json").read_bytes() == content + b"\n"
    )
    assert parts(tmp_path) == []


@SIZES
@FOLDERS
@pytest.mark.usefixtures("umask")
def test_a_new_file_has_the_mode_that_the_user_s_umask_gives(
    tmp_path: Path, content: bytes, spool: bool
) -> None:
    path = tmp_path / "result.json"
    stored(content, tmp_path if spool else None).keep(path)
    assert path.stat().st_mode & 0o777 == 0o640


@SIZES
@FOLDERS
@pytest.mark.usefixtures("umask")
def test_a_file_that_was_there_keeps_its_mode(tmp_path: Path, content: bytes, spool: bool) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    path.chmod(0o604)
    stored(content, tmp_path if spool else None).keep(path)
    assert path.stat().st_mode & 0o777 == 0o604
    assert path.read_bytes() == content + b"\n"


@SIZES
@FOLDERS
def test_a_private_file_is_the_user_s_alone(tmp_path: Path, content: bytes, spool: bool) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    stored(content, tmp_path if spool else None).keep(path, private=True)
    assert path.stat().st_mode & 0o777 == 0o600


@SIZES
@FOLDERS
def test_a_link_stays_and_what_it_points_to_is_written(tmp_path: Path, content: bytes, spool: bool) -> None:
    folder, link = tmp_path / "there", tmp_path / "here" / "result.json"
    folder.mkdir()
    link.parent.mkdir()
    (folder / "real.json").write_bytes(b"old")
    link.symlink_to("../there/real.json")
    payload = stored(content, link.parent if spool else None)
    payload.keep(link)
    payload.clear()
    assert link.is_symlink()
    assert (folder / "real.json").read_bytes() == content + b"\n"
    assert parts(tmp_path) == []


@SIZES
@FOLDERS
def test_a_link_to_what_is_not_there_yet(tmp_path: Path, content: bytes, spool: bool) -> None:
    link = tmp_path / "result.json"
    link.symlink_to("real.json")
    stored(content, tmp_path if spool else None).keep(link)
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_bytes() == content + b"\n"


@SIZES
@FOLDERS
def test_a_link_to_another_disk(tmp_path: Path, content: bytes, spool: bool) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev or not os.access(other, os.W_OK):
        pytest.skip("needs a second file system")
    link, real = tmp_path / "result.json", other / f"docspeed-test-{tmp_path.name}-{os.getpid()}.json"
    link.symlink_to(real)
    payload = stored(content, tmp_path if spool else None)
    try:
        payload.keep(link)
        assert real.read_bytes() == content + b"\n"
        assert link.is_symlink()
    finally:
        payload.clear()
        real.unlink(missing_ok=True)
    assert parts(tmp_path) == []


@SIZES
def test_a_device_is_written_as_it_is(tmp_path: Path, content: bytes) -> None:
    link = tmp_path / "nothing"
    link.symlink_to(os.devnull)
    for path in (Path(os.devnull), link):
        stored(content).keep(path)
    assert not stat.S_ISREG(Path(os.devnull).stat().st_mode)
    assert link.is_symlink()


@SIZES
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_written_as_it_is(tmp_path: Path, content: bytes) -> None:
    path, found = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    reader.start()
    stored(content).keep(path)
    reader.join(20)
    assert found == [content + b"\n"]
    assert path.is_fifo()
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


# -- or not at all


def _breaking() -> Iterator[bytes]:
    yield b"half"
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("old", [None, b"the old content"])
def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "result.json"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, _breaking())
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([] if old is None else [old])


@SIZES
@FOLDERS
def test_a_folder_in_the_file_s_place_stays(tmp_path: Path, content: bytes, spool: bool) -> None:
    path = tmp_path / "result.json"
    path.mkdir()
    payload = stored(content, tmp_path if spool else None)
    with pytest.raises(OSError):
        payload.keep(path)
    payload.clear()
    assert path.is_dir()
    assert parts(tmp_path) == []


@SIZES
def test_a_folder_that_is_gone_is_an_error(tmp_path: Path, content: bytes) -> None:
    payload = stored(content, tmp_path)
    with pytest.raises(OSError):
        payload.keep(tmp_path / "gone" / "result.json")
    assert payload.json() == json.loads(content)
    payload.clear()
    assert list(tmp_path.iterdir()) == []


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from docspeed_cli.service.body import Body

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, size, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
payload = Body(folder)
try:
    if limit < size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    payload.write(b'"' + b"x" * (size - 2) + b'"')
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    payload.keep(folder / "result.json")
except OSError:
    payload.clear()
    print("told")
"""


@pytest.mark.parametrize(
    ("size", "limit"),
    [(1000, 500), (1000, 1000), (IN_MEMORY * 8, IN_MEMORY), (IN_MEMORY * 8, IN_MEMORY * 8)],
    ids=["small", "small, its newline", "large", "large, its newline"],
)
def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, size: int, limit: int
) -> None:
    pytest.importorskip("resource")
    (tmp_path / "result.json").write_bytes(b"old")
    argv = [sys.executable, "-c", _FULL_DISK, str(tmp_path), str(size), str(limit)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "told\n"), ran.stderr
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"result.json": b"old"}


def test_nobody_ever_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old\n")

    def watched() -> Iterator[bytes]:
        for _ in range(3):
            assert path.read_bytes() == b"old\n"
            yield b"new "
            assert path.read_bytes() == b"old\n"

    write_whole(path, watched())
    assert path.read_bytes() == b"new new new "


@pytest.mark.parametrize("spool", [True, False])
def test_a_file_takes_its_place_once_it_is_on_the_disk(
    tmp_path: Path, spool: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    if spool:
        payload = Body(tmp_path)
        payload.write(b"[" + b"1," * IN_MEMORY + b"1]")
        payload.keep(tmp_path / "r.json")
    else:
        write_whole(tmp_path / "r.json", [b"1"])
    assert steps == ["sync", "replace"]
