"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from docspeed_cli.core.files import write_whole

CHUNKS = [b'{"a": ', b"1}", b"\n"]


def parts(folder: Path) -> list[str]:
    """Names of unfinished files."""
    return [path.name for path in folder.rglob("*") if path.name.endswith(".part")]


@pytest.mark.usefixtures("umask")
def test_write_whole_creates_a_file_with_the_umask_s_mode(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_whole(path, CHUNKS)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.usefixtures("umask")
def test_write_whole_over_an_existing_file_preserves_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_whole(path, CHUNKS)
    assert path.stat().st_mode & 0o777 == 0o604
    assert path.read_bytes() == b"".join(CHUNKS)


def test_write_whole_private_restricts_the_file_to_its_user(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_whole(path, CHUNKS, private=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_write_whole_through_a_symlink_writes_its_target(tmp_path: Path) -> None:
    folder, link = tmp_path / "there", tmp_path / "here" / "result.json"
    folder.mkdir()
    link.parent.mkdir()
    (folder / "real.json").write_bytes(b"old")
    link.symlink_to("../there/real.json")
    write_whole(link, CHUNKS)
    assert link.is_symlink()
    assert (folder / "real.json").read_bytes() == b"".join(CHUNKS)
    assert parts(tmp_path) == []


def test_write_whole_through_a_dangling_symlink_creates_its_target(tmp_path: Path) -> None:
    link = tmp_path / "result.json"
    link.symlink_to("real.json")
    write_whole(link, CHUNKS)
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_bytes() == b"".join(CHUNKS)


def test_write_whole_through_a_symlink_to_another_disk_writes_its_target(tmp_path: Path) -> None:
    disk = tmp_path.stat().st_dev
    places = [Path("/dev/shm"), Path(tempfile.gettempdir()), Path(__file__).parent]
    others = [place for place in places if place.is_dir() and place.stat().st_dev != disk]
    other = next((place for place in others if os.access(place, os.W_OK)), None)
    if other is None:
        pytest.skip("needs a second file system")
    link, real = tmp_path / "result.json", other / f"docspeed-test-{tmp_path.name}-{os.getpid()}.json"
    link.symlink_to(real)
    try:
        write_whole(link, CHUNKS)
        assert real.read_bytes() == b"".join(CHUNKS)
        assert link.is_symlink()
    finally:
        real.unlink(missing_ok=True)
    assert parts(tmp_path) == []


def test_write_whole_to_a_device_writes_directly(tmp_path: Path) -> None:
    link = tmp_path / "nothing"
    link.symlink_to(os.devnull)
    for path in (Path(os.devnull), link):
        write_whole(path, CHUNKS)
    assert not stat.S_ISREG(Path(os.devnull).stat().st_mode)
    assert link.is_symlink()


def test_write_whole_to_a_named_pipe_writes_directly(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("needs named pipes")
    path, found = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    reader.start()
    write_whole(path, CHUNKS)
    reader.join(20)
    assert found == [b"".join(CHUNKS)]
    assert path.is_fifo()
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_write_whole_where_the_mount_decides_modes_writes_the_file(tmp_path: Path, fixed_modes: None) -> None:
    write_whole(tmp_path / "out.json", [b"{}"])
    assert (tmp_path / "out.json").read_bytes() == b"{}"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_write_whole_where_there_is_no_sync_writes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)
    write_whole(tmp_path / "out.json", [b"{}"])
    assert (tmp_path / "out.json").read_bytes() == b"{}"


def test_write_whole_to_a_broken_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "out.json").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        write_whole(tmp_path / "out.json", [b"{}"])
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
