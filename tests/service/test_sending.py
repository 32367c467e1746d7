"""A document is sent as it was read, or the upload fails with the reason."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.service.sending import Upload

CONTENT = bytes(range(256)) * 1000
SIZE = 64 * 1024


def upload_of(path: Path) -> Upload:
    path.write_bytes(CONTENT)
    return Upload(path, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "scan.pdf", "application/pdf")


def shrink(path: Path) -> None:
    os.truncate(path, 100_000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def rewrite(path: Path) -> None:
    path.write_bytes(CONTENT[::-1])


def rewrite_quietly(path: Path) -> None:
    before = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"x" * len(CONTENT))
    other.replace(path)


def test_upload_reads_the_content_and_its_length_again_and_again(tmp_path: Path) -> None:
    with upload_of(tmp_path / "a").open() as file:
        for _ in range(2):
            assert (file.seek(0, os.SEEK_END), file.tell(), file.seek(0)) == (len(CONTENT), len(CONTENT), 0)
            assert b"".join(iter(lambda: file.read(SIZE), b"")) == CONTENT


def test_upload_that_grows_sends_what_was_read(tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a")
    with upload.open() as file, upload.path.open("ab") as writer:
        first = file.read(SIZE)
        writer.write(b"more")
        writer.flush()
        assert first + b"".join(iter(lambda: file.read(SIZE), b"")) == CONTENT


@pytest.mark.parametrize("change", [shrink, empty, rewrite, rewrite_quietly])
def test_upload_that_changes_while_it_is_sent_is_broken_off(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    upload = upload_of(tmp_path / "a")
    with upload.open() as file:
        file.read(SIZE)
        change(upload.path)
        with pytest.raises(DocspeedError, match=r"scan\.pdf changed since it was read"):
            list(iter(lambda: file.read(SIZE), b""))


@pytest.mark.parametrize("change", [shrink, empty, rewrite, rewrite_quietly, replace])
def test_upload_that_changed_before_it_is_sent_is_broken_off(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    upload = upload_of(tmp_path / "a")
    change(upload.path)
    with upload.open() as file, pytest.raises(DocspeedError, match="changed since it was read"):
        list(iter(lambda: file.read(SIZE), b""))


def test_upload_of_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    upload = upload_of(tmp_path / "a")
    upload.path.unlink()
    with pytest.raises(DocspeedError, match=r"scan\.pdf can't be read: No such file"):
        upload.open()
