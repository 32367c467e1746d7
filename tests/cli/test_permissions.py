"""Keys and kept results are readable by their owner alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from docspeed_cli.service.body import IN_MEMORY, Body
from tests.fake_service import KEY, Service
from tests.stage import Stage

UNKEYED = {"DOCSPEED_API_KEY": ""}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_permissions_of_saved_key_are_private(stage: Stage, service: Service) -> None:
    env = {**UNKEYED, "DOCSPEED_CONFIG": str(stage.folder / "fresh" / "config.toml")}
    (stage.folder / "umask").mkdir()
    before = os.umask(0)
    try:
        assert stage.run("auth", "login", stdin=KEY.encode(), env=env).code == 0
    finally:
        os.umask(before)
    assert mode(stage.folder / "fresh") == 0o700
    assert mode(stage.folder / "fresh" / "credentials.json") == 0o600


@pytest.mark.parametrize("how", ["--sync", "--wait"])
def test_permissions_of_kept_results_are_private(new_stage: Stage, service: Service, how: str) -> None:
    before = os.umask(0)
    try:
        assert new_stage.run("parse", "--file-id", "f", how).code == 0
    finally:
        os.umask(before)
    folder = new_stage.folder / "state" / "kept"
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    assert [mode(each) for each in (folder, path.parent, path)] == [0o700, 0o700, 0o600]


@pytest.mark.skipif(os.name != "posix", reason="open files can be removed")
def test_permissions_spooled_body_has_no_file_name(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    program = (
        "from docspeed_cli.service.body import IN_MEMORY, Body; import os; body = Body();"
        " body.write(b'x' * (IN_MEMORY + 1)); print(os.listdir(os.environ['TMPDIR']), body.size)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"[] {IN_MEMORY + 1}\n"
    assert Body(b"x").size == 1
