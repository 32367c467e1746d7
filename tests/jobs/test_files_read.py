"""Which paths lead to a file that the command reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docspeed_cli.jobs.output.files_read import FilesRead


def test_files_read_on_standard_input_are_known_by_any_path(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "link").symlink_to("a.pdf")
    with (tmp_path / "a.pdf").open() as stdin:
        read = FilesRead((), stdin)
        assert read.label_at(tmp_path / "link") == "the file on standard input"
        assert read.label_at(tmp_path / "b.pdf") is None


def test_files_read_leaves_out_devices_and_folders(tmp_path: Path) -> None:
    with Path(os.devnull).open() as stdin:
        read = FilesRead((), stdin)
        read.add(tmp_path, "folder")
        assert (read.label_at(Path(os.devnull)), read.label_at(tmp_path)) == (None, None)


def test_files_read_that_do_not_exist_are_known_by_folder_and_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("none.toml")
    read = FilesRead([tmp_path / "none.toml"])
    for name in ("none.toml", "sub/../none.toml", "NONE.toml", "link"):
        assert read.label_at(tmp_path / name) is not None, name
    assert read.label_at(tmp_path / "sub" / "none.toml") is None


def test_files_read_of_another_case_are_known_where_the_file_system_takes_them_for_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    if not (tmp_path / "A.PDF").exists():
        pytest.skip("this file system tells upper from lower case")
    read = FilesRead([tmp_path / "a.pdf"])
    assert read.label_at(tmp_path / "A.PDF") is not None


def test_files_read_name_that_no_file_can_have_replaces_none() -> None:
    assert FilesRead().label_at(Path("n" * 300)) is None
