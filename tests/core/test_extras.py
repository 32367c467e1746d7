"""The hint for a missing extra fits the way docspeed was installed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.core.extras import EXTRAS, Installation, requirement_source, way_to_add

VENV = Installation(Path("/v"), frozenset({"pyvenv.cfg"}), "/v/bin/python", "/v/bin/pip", "pip")
OTHER_PIP = VENV._replace(pip="/usr/bin/pip")
WHEEL = "/w/docspeed_cli-1-py3-none-any.whl"

WAYS: dict[str, tuple[Installation, str]] = {
    "pip from an index": (VENV, "`pip install 'docspeed-cli[xlsx]'`"),
    "a venv that is not active": (OTHER_PIP, "`/v/bin/python -m pip install 'docspeed-cli[xlsx]'`"),
    "a folder with a blank": (
        OTHER_PIP._replace(python="/my v/bin/python"),
        "`'/my v/bin/python' -m pip install 'docspeed-cli[xlsx]'`",
    ),
    "a wheel": (VENV._replace(source=WHEEL), f"`pip install '{WHEEL}[xlsx]'`"),
    "a checkout": (VENV._replace(source="/src"), "`pip install '/src[xlsx]'`"),
    "an editable checkout": (
        VENV._replace(source="/src", is_editable=True),
        "`pip install -e '/src[xlsx]'`",
    ),
    "a repository": (
        VENV._replace(source="git+https://e.test/r@v1"),
        "`pip install 'docspeed-cli[xlsx] @ git+https://e.test/r@v1'`",
    ),
    "uv pip": (
        OTHER_PIP._replace(installer="uv"),
        "`uv pip install --python /v/bin/python 'docspeed-cli[xlsx]'`",
    ),
    "uv tool": (
        VENV._replace(marks=frozenset({"uv-receipt.toml"}), installer="uv"),
        "`uv tool install 'docspeed-cli[sandbox,xlsx]'`",
    ),
    "uvx": (
        VENV._replace(prefix=Path("/cache/uv/archive-v0/abc"), installer="uv"),
        "run it as `uvx --from 'docspeed-cli[sandbox,xlsx]' docspeed`",
    ),
    "pipx, with uv below it": (
        VENV._replace(marks=frozenset({"pipx_metadata.json"}), installer="uv"),
        "`pipx install --force 'docspeed-cli[sandbox,xlsx]'`",
    ),
    "pipx of a checkout": (
        VENV._replace(marks=frozenset({"pipx_metadata.json"}), source="/src"),
        "`pipx install --force '/src[sandbox,xlsx]'`",
    ),
    "pipx run": (
        VENV._replace(prefix=Path("/pipx/.cache/abc"), marks=frozenset({"pipx_metadata.json"})),
        "run it as `pipx run --spec 'docspeed-cli[sandbox,xlsx]' docspeed`",
    ),
    "a zipapp": (
        VENV._replace(is_zipapp=True),
        "`pipx install 'docspeed-cli[xlsx]'`; a zipapp holds no compiled libraries",
    ),
    "Windows": (VENV._replace(is_windows=True), '`pip install "docspeed-cli[xlsx]"`'),
}


@pytest.mark.parametrize("way", WAYS)
def test_extra_missing_hint_fits_the_installation(way: str) -> None:
    installation, hint = WAYS[way]
    assert way_to_add("xlsx", installation, ["sandbox"]) == hint


SOURCES: list[tuple[dict[str, Any], bool, str | None]] = [
    ({}, False, None),
    ({"url": "file:///my%20src", "dir_info": {"editable": True}}, False, "/my src"),
    ({"url": "file:///C:/src/a%20b", "dir_info": {}}, True, "C:\\src\\a b"),
    ({"url": "file:///gone", "dir_info": {}}, False, None),
    ({"url": "https://e.test/a.whl", "archive_info": {}}, False, "https://e.test/a.whl"),
    ({"url": "https://token@e.test/a.whl", "archive_info": {}}, False, None),
    ({"url": "https://me:secret@e.test/a.whl", "archive_info": {}}, False, None),
    (
        {"url": "ssh://git@e.test/r", "vcs_info": {"vcs": "git", "commit_id": "c0"}},
        False,
        "git+ssh://git@e.test/r@c0",
    ),
    (
        {"url": "file:///r", "vcs_info": {"vcs": "git", "commit_id": "c0", "requested_revision": "v1"}},
        False,
        "git+file:///r@v1",
    ),
]


@pytest.mark.parametrize(("origin", "is_windows", "source"), SOURCES)
def test_extra_source_is_read_from_direct_url(
    origin: dict[str, Any], is_windows: bool, source: str | None
) -> None:
    found = requirement_source(origin, lambda path: "gone" not in path, is_windows=is_windows)
    assert found == source


def test_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert {*EXTRAS} == {*project["optional-dependencies"]} - {"dev", "all"}
    (every,) = project["optional-dependencies"]["all"]
    assert sorted(every.removesuffix("]").partition("[")[2].split(",")) == sorted(EXTRAS)
