"""The README's recipes do what they say, pasted into a shell."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest

from docspeed_cli.cli.help_topics import CONFIG
from tests.real.machine import Machine

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def recipes() -> dict[str, str]:
    """The recipes by their first words."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"^## Recipes\n.*?```sh\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    parts = [part.strip() for part in block[1].split("\n\n")]
    return {re.sub(r"[:,(;].*", "", part.splitlines()[0]).strip("# "): part for part in parts}


@pytest.fixture
def desk(tmp_path: Path) -> Machine:
    """A folder with the documents that the recipes name."""
    invoice, packet = EXAMPLES / "invoice.pdf", EXAMPLES / "packet.pdf"
    for name in ("invoice.pdf", "sample.pdf", "rest.pdf", "a.pdf", "invoices/one.pdf", "scans/two.pdf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(invoice, tmp_path / name)
    for name in ("packet.pdf", "b.pdf", "c.pdf", "scans/three.pdf"):
        shutil.copy(packet, tmp_path / name)
    shutil.copy(EXAMPLES / "invoice.schema.json", tmp_path)
    return Machine(tmp_path)


def pasted(desk: Machine, recipe: str) -> str:
    done = desk.bash(f"set -eu -o pipefail\n{recipes()[recipe]}\n", env={"DOCSPEED_BASE_URL": "sandbox"})
    assert done.code == 0, done.err
    return done.out.decode()


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


def test_each_recipe_has_its_test() -> None:
    assert list(recipes()) == [
        "a folder of invoices",
        "a schema from a sample",
        "a gate in CI",
        "split a packet",
        "ask across documents",
        "submit here",
        "retry what failed",
    ]


def test_folder_into_one_table(desk: Machine) -> None:
    pasted(desk, "a folder of invoices")
    rows = table(desk.folder / "fields.csv")
    assert ["invoices/one.pdf", "invoice.invoice_number", "KLS/25-26/1847"] in rows


def test_schema_from_a_sample(desk: Machine) -> None:
    assert json.loads(pasted(desk, "a schema from a sample"))["fields"]


def test_gate_in_ci(desk: Machine) -> None:
    assert json.loads(pasted(desk, "a gate in CI"))["doc_class"] == "invoice"


def test_split_and_extract_each_part(desk: Machine) -> None:
    pasted(desk, "split a packet")
    parts = sorted(path.stem for path in (desk.folder / "parts").iterdir())
    assert parts == ["1-1", "2-3", "4-5", "6-6"]
    results = sorted(path.stem for path in (desk.folder / "sections").iterdir())
    assert results == parts


def test_ask_and_go_on(desk: Machine) -> None:
    first, second = map(json.loads, pasted(desk, "ask across documents").splitlines())
    assert first["answer"] and first["session_id"] == second["session_id"]


def test_submit_here_collect_there(desk: Machine) -> None:
    pasted(desk, "submit here")
    ids = (desk.folder / "ids.txt").read_text().split()
    results = [json.loads(path.read_bytes()) for path in (desk.folder / "collected").iterdir()]
    assert (len(ids), sorted(result["page_count"] for result in results)) == (2, [2, 6])


def test_one_bad_document_does_not_keep_the_others_from_being_collected(desk: Machine) -> None:
    (desk.folder / "scans" / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing that a reader could use\n%%EOF\n")
    done = desk.bash(recipes()["submit here"], env={"DOCSPEED_BASE_URL": "sandbox"})
    assert done.code == 5
    assert len(list((desk.folder / "collected").iterdir())) == 2


def blocks(language: str) -> list[str]:
    """The blocks of this language."""
    text = (ROOT / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_no_two_commands_write_into_the_same_folder() -> None:
    folders = re.findall(r" -o (\S+/)", "".join([*blocks("console"), *blocks("sh")]))
    assert len(folders) > 3
    assert sorted(set(folders)) == sorted(folders)


def test_completion_in_a_fresh_home(desk: Machine) -> None:
    (block,) = [block for block in blocks("sh") if "docspeed completion" in block]
    done = desk.bash(f"set -eu\n{block}")
    assert done.code == 0, done.err
    for shell, path in (
        ("bash", ".local/share/bash-completion/completions/docspeed"),
        ("zsh", ".zfunc/_docspeed"),
        ("fish", ".config/fish/completions/docspeed.fish"),
    ):
        assert (desk.folder / path).read_bytes() == desk.run("completion", shell).out


def test_the_config_file_that_is_shown(desk: Machine) -> None:
    (filed,) = blocks("toml")
    (opening,) = [block for block in blocks("sh") if "config path" in block]
    assert filed == f"{CONFIG.text}\n"
    editor = desk.folder / "editor"
    editor.write_text(f"#!/bin/sh\ncat > \"$1\" <<'END'\n{filed}END\n")
    editor.chmod(0o755)
    assert desk.bash(opening, env={"EDITOR": str(editor)}).code == 0
    found = [json.loads(line) for line in desk.run("config", "show").out.splitlines()]
    assert {line["name"]: line["value"] for line in found}["concurrency"] == 16


def test_retry_what_failed(desk: Machine) -> None:
    broken = desk.folder / "scans" / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4\nnothing that a reader could use\n%%EOF\n")
    done = desk.bash(recipes()["retry what failed"], env={"DOCSPEED_BASE_URL": "sandbox"})
    lines = [json.loads(line) for line in (desk.folder / "again.jsonl").read_text().splitlines()]
    assert (done.code, [line["input"] for line in lines]) == (5, ["scans/broken.pdf"]), done.err


def test_the_script_for_ci_puts_each_value_under_its_heading(desk: Machine) -> None:
    """Whatever the order of the schema's fields, and wherever they are grouped."""
    schema = json.loads((EXAMPLES / "invoice.schema.json").read_text("utf-8"))
    schema["fields"].reverse()
    (desk.folder / "backwards.json").write_text(json.dumps(schema), "utf-8")
    shutil.copy(EXAMPLES / "invoice.pdf", desk.folder / "invoices" / "a \\ 'b'.pdf")
    (desk.folder / "invoices" / "torn.pdf").write_bytes(b"%PDF-1.7 and no more")
    script = f"bash {EXAMPLES}/ci/invoices.sh invoices backwards.json"
    done = desk.bash(script, env={"DOCSPEED_FLAGS": "--sandbox"})
    assert done.code == 5, done.err
    assert done.out.decode() == "2 invoices in invoices.csv, exit 5\n"
    (number,) = {row[1] for row in table(desk.folder / "invoices.csv")[1:]}
    assert table(desk.folder / "invoices.csv")[0] == ["file", "invoice_number", "grand_total"]
    assert sorted(row[0] for row in table(desk.folder / "invoices.csv")[1:]) == [
        "invoices/a \\ 'b'.pdf",
        "invoices/one.pdf",
    ]
    assert not number.isdigit()
    assert desk.bash(script, env={"DOCSPEED_FLAGS": "--sandbox"}).code == 5
    kept = [(desk.folder / name).read_bytes() for name in ("invoices.csv", "results.jsonl")]
    assert desk.bash(script.replace("invoices backwards", "gone backwards")).code == 2
    assert kept == [(desk.folder / name).read_bytes() for name in ("invoices.csv", "results.jsonl")]
    assert not list(desk.folder.glob("*.new"))
