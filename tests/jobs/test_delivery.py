"""Where `-o` points, and what the files there are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Source, Style
from docspeed_cli.core.settings import resolve
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.target import Target, target
from docspeed_cli.terminal.output import Output
from tests.stage import Stream


@pytest.mark.parametrize(
    ("form", "extension"), [("markdown", "md"), ("text", "txt"), ("csv", "csv"), (None, "json")]
)
def test_a_file_s_extension_is_its_format_s(tmp_path: Path, form: str | None, extension: str) -> None:
    environment = Environment({}, Stream(), Stream(), Stream())
    env = {"DOCSPEED_STATE_DIR": str(tmp_path / "state"), "DOCSPEED_CONFIG": str(tmp_path / "none.toml")}
    context = Context(environment, resolve({}, env), Output(environment, Style(format=form)))
    delivery = Delivery(context, Target(Path("out"), many=True))
    assert delivery.files.path_for(Source("a.pdf", path=Path("a.pdf")), "parse") == Path(f"out/a.{extension}")


@pytest.mark.parametrize(
    "pattern",
    [
        "{}",
        "{0}",
        "{stem",
        "stem}",
        "{other}",
        "{stem.__class__}",
        "{stem[0]}",
        "{stem!z}",
        "{stem:d}",
        "{stem:{x}}",
    ],
)
def test_a_pattern_that_can_t_be_used_is_told_before_anything_is_sent(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="--output-name") as caught:
        target(str(tmp_path), True, pattern=pattern)
    assert "{stem}, {name}, {operation}, {ext}" in caught.value.message


def test_a_pattern_needs_a_folder() -> None:
    with pytest.raises(UsageError, match="-o DIR"):
        target(None, True, pattern="{stem}")


# -- where `-o` points


def test_without_a_place_there_is_no_file() -> None:
    assert target(None, True).folder is None


def test_one_result_goes_to_a_file(tmp_path: Path) -> None:
    to = target(str(tmp_path / "a.json"), False)
    assert (to.path, to.folder) == (tmp_path / "a.json", None)


def test_many_results_go_to_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert target(str(folder), True, make=False).folder == folder
    assert not folder.exists()
    to = target(str(folder), True)
    assert to.folder == folder
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["there", "new/"])
def test_one_result_goes_to_a_folder_where_that_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    to = target(f"{tmp_path}/{name}", False)
    assert to.many and to.folder == tmp_path / name


def test_many_results_do_not_go_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    with pytest.raises(UsageError, match="folder"):
        target(str(tmp_path / "a.json"), True)
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_a_file_in_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        target(str(tmp_path / "gone" / "a.json"), False)


def test_a_folder_that_can_t_be_made_is_told(tmp_path: Path) -> None:
    """Before anything is sent, as wrong usage."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError):
        target(str(tmp_path / "file" / "folder"), True)
