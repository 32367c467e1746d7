from __future__ import annotations

import json
import re
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from docspeed_cli.cli.commands.view import opens_browser
from tests.stage import Ran, Stage

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an invoice, whose fields the sandbox has extracted."""
    folder = tmp_path_factory.mktemp("extracted")
    for name in ("invoice.pdf", "packet.pdf", "invoice.schema.json"):
        shutil.copy(EXAMPLES / name, folder)
    with chdir(folder):
        argv = "extract invoice.pdf --schema invoice.schema.json --sandbox --wait -o result.json"
        ran = Stage(folder).run(*argv.split())
    assert ran.code == 0, ran.err
    return folder


@pytest.fixture
def trial(stage: Stage, extracted: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A user in a copy of that folder."""
    shutil.copytree(extracted, stage.folder, dirs_exist_ok=True)
    monkeypatch.chdir(stage.folder)
    return stage


def data_of(path: str | Path) -> dict[str, Any]:
    """Return the data of a page."""
    text = Path(path).read_text("utf-8")
    found: dict[str, Any] = json.loads(text.split('id="data">')[1].split("</script>")[0])
    found["pictures"] = len(re.findall(r'id="picture-\d+-\d+">', text))
    return found


def viewed(ran: Ran) -> dict[str, Any]:
    assert (ran.code, ran.err) == (0, ""), ran.err
    return data_of(ran.out.strip())


def test_view_last_result_has_its_documents_pages(trial: Stage) -> None:
    data = viewed(trial.run("view"))
    assert (data["title"], data["operation"], data["pictures"]) == ("invoice.pdf", "extract", 2)
    number = next(value for value in data["values"] if value["key"] == "invoice.invoice_number")
    assert (number["text"], number["places"][0]["page"]) == ("KLS/25-26/1847", 1)
    assert all(place["boxes"] for value in data["values"] for place in value["places"])


def test_view_page_is_readable_by_the_user_alone(trial: Stage) -> None:
    path = Path(trial.run("view").out.strip())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.is_relative_to(trial.folder / "state")


def test_view_result_file_finds_the_document_of_its_file_id(trial: Stage) -> None:
    assert viewed(trial.run("view", "result.json"))["pictures"] == 2


def test_view_result_whose_document_has_moved_beside_it_finds_it(trial: Stage) -> None:
    Path("elsewhere").mkdir()
    for name in ("result.json", "invoice.pdf"):
        Path(name).rename(f"elsewhere/{name}")
    assert viewed(trial.run("view", "elsewhere/result.json"))["pictures"] == 2


def test_view_document_that_has_changed_is_not_shown(trial: Stage) -> None:
    shutil.copy("packet.pdf", "invoice.pdf")
    ran = trial.run("view")
    assert (ran.code, data_of(ran.out.strip())["pictures"]) == (0, 0)
    assert "invoice.pdf has changed since the result was made" in ran.err


def test_view_document_that_is_named_is_shown_and_another_content_is_said(trial: Stage) -> None:
    Path("invoice.pdf").rename("moved.pdf")
    assert "invoice.pdf is not here" in trial.run("view").err
    assert viewed(trial.run("view", "@last", "moved.pdf"))["pictures"] == 2
    ran = trial.run("view", "@last", "packet.pdf", "--pages", "3")
    assert data_of(ran.out.strip())["pictures"] == 3
    assert "not the file that the result was made from" in ran.err
    assert "3 of 6 pages are shown; `--pages 6` shows all" in ran.err


def test_view_document_of_a_result_from_elsewhere_is_named(trial: Stage) -> None:
    shutil.rmtree(trial.folder / "state")
    ran = trial.run("view", "result.json")
    assert "The ledger does not know the document" in ran.err
    data = viewed(trial.run("view", "result.json", "invoice.pdf"))
    assert (data["operation"], data["pictures"]) == ("extract", 2)


def test_view_chat_over_two_documents_has_both(trial: Stage) -> None:
    ran = trial.run("chat", "What is the grand total?", "invoice.pdf", "packet.pdf", "--sandbox")
    assert ran.code == 0, ran.err
    data = viewed(trial.run("view"))
    found = {document["name"]: len(document["pages"]) for document in data["documents"]}
    assert found == {"invoice.pdf": 2, "packet.pdf": 6}
    assert {place["document"] for value in data["values"] for place in value["places"]} == {0, 1}


def test_view_folder_is_an_index_with_a_page_each(trial: Stage) -> None:
    Path("results").mkdir()
    shutil.copy("result.json", "results/a.json")
    Path("results/bad.json").write_text("{")
    ran = trial.run("view", "results", "-o", "pages/")
    assert (ran.code, ran.out) == (0, "pages/index.html\n")
    index = Path("pages/index.html").read_text("utf-8")
    (link,) = re.findall(r'href="([^"]+)"', index)
    assert data_of(Path("pages") / link)["pictures"] == 2
    assert "bad.json" in index and "not JSON" in index and "bad.json" in ran.err


def test_view_run_is_an_index_of_its_results(trial: Stage) -> None:
    argv = "extract invoice.pdf packet.pdf --schema invoice.schema.json --sandbox --wait --name march"
    assert trial.run(*argv.split()).code == 0
    ran = trial.run("view", "march")
    assert (ran.code, ran.err) == (0, "")
    assert Path(ran.out.strip()).read_text("utf-8").count("<a href=") == 2


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("view", "gone"), 6, "no such file, folder, run or job"),
        (("view", "result.json", "gone.pdf"), 2, "gone.pdf: no such file"),
        (("view", "result.json", "-o", "result.json"), 2, "would replace"),
        (("view", "result.json", "invoice.pdf", "-o", "invoice.pdf"), 2, "would replace"),
        (("view", "result.json", "-o", "invoice.pdf"), 2, "would replace"),
        (("view", "@last", "-o", "invoice.pdf"), 2, "would replace"),
        (("view", "-"), 6, "there is no result to show"),
        (("crop", "-", "--field", "x", "-o", "a.png"), 6, "there is no result to show"),
        (("crop", "result.json", "--field", "invoice_number", "-o", "a.gif"), 2, "must end in .png"),
        (("crop", "result.json", "--field", "grand_totl", "-o", "a.png"), 2, "no value of this name"),
        (("crop", "result.json", "invoice.pdf", "--field", "x", "-o", "invoice.pdf"), 2, "would replace"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_view_and_crop_wrong_use_says_what_is_wrong(
    trial: Stage, argv: tuple[str, ...], code: int, message: str
) -> None:
    ran = trial.run(*argv)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err


def test_view_deletes_its_old_pages(trial: Stage) -> None:
    path = Path(trial.run("view").out.strip())
    trial.clock.time += path.stat().st_mtime + 8 * 86_400
    trial.run("view", "result.json")
    assert not path.exists()


@pytest.mark.parametrize(
    ("asked", "env", "terminal", "platform", "opens"),
    [
        (None, {"DISPLAY": ":0"}, True, "linux", True),
        (None, {"WAYLAND_DISPLAY": "wayland-0"}, True, "linux", True),
        (None, {"DISPLAY": ":0"}, False, "linux", False),
        (None, {}, True, "linux", False),
        (None, {}, True, "darwin", True),
        (None, {"SSH_CONNECTION": "x"}, True, "darwin", False),
        (True, {}, False, "linux", True),
        (False, {"DISPLAY": ":0"}, True, "linux", False),
    ],
)
def test_view_opens_the_browser_at_a_terminal_with_a_display(
    asked: bool | None, env: dict[str, str], terminal: bool, platform: str, opens: bool
) -> None:
    assert opens_browser(asked, env, terminal, platform) is opens


# -- crop


def test_crop_is_the_place_of_a_value(trial: Stage) -> None:
    ran = trial.run("crop", "result.json", "--field", "line_items[2].amount", "-o", "amount.png")
    assert (ran.code, ran.out) == (0, "")
    with Image.open("amount.png") as picture:
        assert 60 < picture.width < 200 and 20 < picture.height < 80
        assert sum(picture.convert("L").histogram()[:100]) > 50


def test_crop_never_replaces_the_document(trial: Stage) -> None:
    document, result = Path("scan.png"), Path("scan.json")
    with Image.new("RGB", (400, 300), "white") as picture:
        picture.save(document)
    before = document.read_bytes()
    fields = {"a": {"value": "x", "page_index": 0, "bbox": [10, 10, 90, 40]}}
    trial.service.payload = lambda operation, body: json.dumps({**body["input"], "fields": fields}).encode()
    argv = ("extract", "scan.png", "--schema", "invoice.schema.json", "--wait", "-o", str(result))
    assert trial.run(*argv).code == 0
    ran = trial.run("crop", str(result), "--field", "a", "-o", str(document))
    assert (ran.code, document.read_bytes(), "would replace" in ran.err) == (2, before, True), ran.err


def test_crop_to_a_pipe_is_png(trial: Stage) -> None:
    assert trial.run("crop", "@last", "--field", "invoice_number").raw.startswith(b"\x89PNG")
    assert trial.run("crop", "@last", "--field", "invoice_number", terminal=True).code == 2


def test_crop_of_a_value_without_a_place_says_so(trial: Stage) -> None:
    fields = {"a": {"value": "nowhere", "page_index": 1}, "b": {"value": "nor there"}}
    Path("result.json").write_text(json.dumps({"fields": fields}))
    for field, message in (("a", "a is on page 2, but its place"), ("b", "does not say where b was read")):
        ran = trial.run("crop", "result.json", "invoice.pdf", "--field", field, "-o", "a.png")
        assert ran.code == 6 and message in ran.err
