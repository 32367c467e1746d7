"""What `-o` and `--output-name` name."""

from __future__ import annotations

from pathlib import Path

import pytest

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Source
from docspeed_cli.core.settings import resolve
from docspeed_cli.core.signals import Interrupts
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.output.target import Target, target
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Style
from tests.stage import Stream


@pytest.mark.parametrize(
    ("form", "extension"), [("markdown", "md"), ("text", "txt"), ("csv", "csv"), (None, "json")]
)
def test_result_file_has_the_extension_of_its_format(
    tmp_path: Path, form: str | None, extension: str
) -> None:
    environment = Environment({}, Stream(), Stream(), Stream(), Interrupts())
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
        "{stem!z}",
        "{stem:d}",
        "{stem:{x}}",
    ],
)
def test_output_name_invalid_pattern_is_a_usage_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="--output-name") as caught:
        target(str(tmp_path), True, pattern=pattern)
    assert "{stem}, {name}, {operation}, {ext}" in caught.value.message


def test_output_name_without_folder_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="-o DIR"):
        target(None, True, pattern="{stem}")


# -- `-o`


def test_target_without_output_is_stdout() -> None:
    assert target(None, True).folder is None


def test_target_of_one_result_is_a_file(tmp_path: Path) -> None:
    to = target(str(tmp_path / "a.json"), False)
    assert (to.path, to.folder) == (tmp_path / "a.json", None)


def test_target_of_many_results_is_a_folder_that_need_not_exist(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert target(str(folder), True).folder == folder
    assert not folder.exists()


@pytest.mark.parametrize("name", ["there", "new/"])
def test_target_of_one_result_can_be_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    to = target(f"{tmp_path}/{name}", False)
    assert to.many and to.folder == tmp_path / name


def test_target_of_many_results_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    with pytest.raises(UsageError, match="folder"):
        target(str(tmp_path / "a.json"), True)
    assert (tmp_path / "a.json").read_bytes() == b"old"


def test_target_in_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        target(str(tmp_path / "gone" / "a.json"), False)


def test_target_that_is_a_link_to_itself_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("a.json")
    with pytest.raises(UsageError, match="symbolic link"):
        target(str(tmp_path / "a.json"), False)


def test_target_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError):
        target(str(tmp_path / "file" / "folder"), True)


def test_hint_at_another_output_empties_no_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").touch()
    hints = []
    for name in ("new.json", "a.pdf"):
        with pytest.raises(UsageError) as raised:
            target(str(tmp_path / name), True)
        hints.append("> " in str(raised.value.hint))
    assert hints == [True, False]
