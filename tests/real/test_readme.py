"""The commands in the README and in `docs/` do what the text says, pasted into a shell."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import openpyxl
import pytest

from tests.real.machine import Done, Machine

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DAMAGED = b"%PDF-1.4\nnothing that a reader could use\n%%EOF\n"


def blocks(text: str, language: str = "sh") -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def sections(file: str) -> dict[str, str]:
    """The text below each heading of a file."""
    parts = re.split(r"^##+ (.*)\n", (ROOT / file).read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


README = sections("README.md")
HEADINGS = list(README)
RECIPES = HEADINGS[HEADINGS.index("Ten recipes") + 1 : HEADINGS.index("Where to read on")]


class Trial:
    """A checkout, and beside it the folder in which the README has its readers try the recipes."""

    def __init__(self, folder: Path, server: str) -> None:
        self.machine = Machine(folder, server)
        checkout = folder / "checkout"
        checkout.mkdir()
        shutil.copytree(EXAMPLES, checkout / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        self.folder = folder / "docspeed-trial"
        (preparation,) = blocks(README["Ten recipes"])
        done = self.machine.bash(f"set -eu\ncd checkout\n{preparation}")
        assert done.code == 0, done.err

    def bash(self, script: str) -> Done:
        """Run a script in that folder, against the server."""
        return self.machine.bash(f"set -u -o pipefail\ncd docspeed-trial\n{script}")

    def recipe(self, heading: str) -> str:
        """What a recipe prints; it must not fail."""
        done = self.bash(f"set -e\n{recipe(heading)}")
        assert done.code == 0, done.err
        return done.out.decode()

    def read(self, name: str) -> str:
        """A file's text."""
        return (self.folder / name).read_text("utf-8")


def recipe(heading: str) -> str:
    """The commands of a recipe."""
    (block,) = blocks(README[heading])
    return block


@pytest.fixture
def trial(tmp_path: Path, quick_sandbox: str) -> Trial:
    return Trial(tmp_path, quick_sandbox)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


# -- the README


def test_readme_has_at_most_1300_words() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 1300


def test_readme_first_result_works_without_a_key(trial: Trial) -> None:
    (block,) = blocks(README["First result, without a key"])
    install, parse = block.splitlines()
    assert install.startswith("python3 -m venv .venv && .venv/bin/pip install")
    done = trial.machine.bash(
        f"cd checkout && {parse.removeprefix('.venv/bin/')}", env={"DOCSPEED_API_KEY": ""}
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["page_count"] == 2


def test_readme_has_ten_recipes_with_a_test_each() -> None:
    assert len(RECIPES) == 10
    source = Path(__file__).read_text("utf-8")
    assert [heading for heading in RECIPES if f'recipe("{heading}")' not in source] == []


def test_readme_recipes_never_write_into_the_same_folder() -> None:
    folders = re.findall(r" -o (\S+/)", "".join(map(recipe, RECIPES)))
    assert len(folders) >= 3 and len(set(folders)) == len(folders)


def test_recipe_fields_of_an_invoice_are_printed(trial: Trial) -> None:
    shown = recipe("Read the fields of an invoice")
    without_key = {"DOCSPEED_BASE_URL": "sandbox", "DOCSPEED_API_KEY": ""}
    done = trial.machine.bash(f"set -e\ncd docspeed-trial\n{shown}", env=without_key)
    assert json.loads(done.out)["doc_class"] == "invoice", done.err


def test_recipe_folder_writes_a_file_for_each_document(trial: Trial) -> None:
    trial.recipe("Process a folder, one result file for each document")
    assert sorted(path.name for path in (trial.folder / "extracted").iterdir()) == [
        "invoice.json",
        "packet.json",
    ]
    shutil.copy(trial.folder / "invoice.pdf", trial.folder / "invoices" / "new.pdf")
    before = {path: path.stat().st_mtime_ns for path in (trial.folder / "extracted").iterdir()}
    trial.recipe("Process a folder, one result file for each document")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (trial.folder / "extracted" / "new.json").exists()


def test_recipe_spreadsheet_has_a_row_for_each_document(trial: Trial) -> None:
    trial.recipe("Turn a folder of invoices into a spreadsheet")
    book = openpyxl.load_workbook(trial.folder / "invoices.xlsx")
    assert book.sheetnames == ["Documents", "line_items", "Evidence", "Problems"]
    found = {row[0]: row for row in book["Documents"].iter_rows(values_only=True)}
    assert set(found) == {"input", "invoices/invoice.pdf", "invoices/packet.pdf"}
    assert found["invoices/invoice.pdf"][3] == "KLS/25-26/1847"


def test_recipe_schema_from_a_sample_extracts_another_document(trial: Trial) -> None:
    assert json.loads(trial.recipe("Make a schema from a sample"))["fields"]


def test_recipe_text_and_table_are_written(trial: Trial) -> None:
    trial.recipe("Get the text as markdown and a table as CSV")
    assert "Grand Total" in trial.read("invoice.md")
    assert len(rows(trial.read("items.csv"))) > 3


def test_recipe_split_extracts_each_part(trial: Trial) -> None:
    trial.recipe("Split a packet and extract each part")
    parts = sorted(path.stem for path in (trial.folder / "parts").iterdir())
    assert parts == ["1-1", "2-3", "4-5", "6-6"]
    assert sorted(path.stem for path in (trial.folder / "sections").iterdir()) == parts


def test_recipe_questions_continue_one_conversation(trial: Trial) -> None:
    first, second = map(json.loads, trial.recipe("Ask questions").splitlines())
    assert first["answer"] and first["session_id"] == second["session_id"]


def test_recipe_required_value_present_exits_0(trial: Trial) -> None:
    result = json.loads(trial.recipe("Fail a CI job when a value is missing or wrong"))
    assert result["doc_class"] == "invoice"


def test_recipe_required_value_missing_exits_10(trial: Trial) -> None:
    schema = json.loads(trial.read("invoice.schema.json"))
    schema["fields"].append({"key": "spaceship", "description": "Name of the spaceship", "type": "string"})
    (trial.folder / "invoice.schema.json").write_text(json.dumps(schema), "utf-8")
    command = recipe("Fail a CI job when a value is missing or wrong")
    done = trial.bash(command.replace("grand_total,", "spaceship,"))
    assert (done.code, "spaceship" in done.err) == (10, True), done.err


def test_recipe_submit_and_collect_writes_every_result(trial: Trial) -> None:
    trial.recipe("Submit on one machine, collect on another")
    results = [json.loads(path.read_bytes()) for path in (trial.folder / "collected").iterdir()]
    assert len(trial.read("ids.txt").split()) == 2
    assert sorted(result["page_count"] for result in results) == [2, 6]


def test_recipe_submit_and_collect_with_a_failed_job_writes_the_other_results(trial: Trial) -> None:
    (trial.folder / "invoices" / "damaged.pdf").write_bytes(DAMAGED)
    assert trial.bash(recipe("Submit on one machine, collect on another")).code == 5
    assert len(list((trial.folder / "collected").iterdir())) == 2


def test_recipe_retry_processes_only_the_failed_document(trial: Trial) -> None:
    (trial.folder / "invoices" / "damaged.pdf").write_bytes(DAMAGED)
    (trial.folder / "invoices" / "empty.pdf").touch()
    (trial.folder / "invoices" / "~$invoice.docx").write_bytes(b"\x05user")
    done = trial.bash(recipe("Retry only what failed"))
    again = [json.loads(line)["input"] for line in trial.read("again.jsonl").splitlines()]
    assert (done.code, sorted(again)) == (5, ["invoices/damaged.pdf", "invoices/empty.pdf"]), done.err


# -- docs/


def test_docs_jobs_commands_submit_wait_and_write_the_result(trial: Trial) -> None:
    shutil.copy(trial.folder / "invoice.pdf", trial.folder / "scan.pdf")
    block, *_ = blocks((ROOT / "docs" / "jobs.md").read_text("utf-8"))
    done = trial.bash(f"set -e\n{block}")
    assert done.code == 0, done.err
    assert json.loads(trial.read("scan.json"))["page_count"] == 2


def test_docs_many_documents_commands_write_files_and_lines(trial: Trial) -> None:
    shutil.copy(trial.folder / "invoice.schema.json", trial.folder / "s.json")
    shown = "\n".join(blocks((ROOT / "docs" / "many-documents.md").read_text("utf-8")))
    done = trial.bash(f"set -e\n{shown}")
    assert done.code == 0, done.err
    assert {path.name for path in (trial.folder / "parsed").iterdir()} == {"invoice.json", "packet.json"}
    lines = [json.loads(line) for line in trial.read("results.jsonl").splitlines()]
    assert {"input", "file_id", "job_id", "operation", "status", "result"} <= set(lines[0])
    assert (trial.folder / "listed").is_dir()
    assert len(rows(trial.read("invoices.csv"))) == 3
    assert len(rows(trial.read("items.csv"))) > 3
    assert rows(trial.read("cells.csv"))[0][:4] == ["input", "page", "table", "row"]


def test_docs_completion_commands_work_in_a_fresh_home(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (block,) = blocks(sections("docs/settings.md")["Shell completion"])
    done = machine.bash(f"set -eu\n{block}")
    assert done.code == 0, done.err
    for shell in ("zsh", "fish"):
        assert machine.run("completion", "--install", shell).code == 0
    for shell, path in (
        ("bash", ".local/share/bash-completion/completions/docspeed"),
        ("zsh", ".zfunc/_docspeed"),
        ("fish", ".config/fish/completions/docspeed.fish"),
    ):
        assert (tmp_path / path).read_bytes() == machine.run("completion", shell).out


def test_docs_config_file_is_changed_and_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    section = sections("docs/settings.md")["The config file"]
    (changing,), (config,) = blocks(section), blocks(section, "toml")
    done = machine.bash(f"set -e\n{changing}")
    assert (done.code, done.out) == (0, b"1800.0\n"), done.err
    path = Path(machine.run("config", "path").out.decode().strip())
    path.write_text(config, "utf-8")
    found = [json.loads(line) for line in machine.run("config", "show").out.splitlines()]
    assert {line["name"]: line["value"] for line in found}["concurrency"] == 16


# -- examples/ci


def test_ci_script_puts_each_value_under_its_heading(trial: Trial) -> None:
    """Also with fields in another order, and with a document that fails."""
    schema = json.loads(trial.read("invoice.schema.json"))
    schema["fields"].reverse()
    (trial.folder / "backwards.json").write_text(json.dumps(schema), "utf-8")
    (trial.folder / "invoices" / "packet.pdf").unlink()
    shutil.copy(trial.folder / "invoice.pdf", trial.folder / "invoices" / "a \\ 'b'.pdf")
    (trial.folder / "invoices" / "torn.pdf").write_bytes(b"%PDF-1.7 and no more")
    done = trial.bash("bash ci/invoices.sh invoices backwards.json")
    assert done.code == 5, done.err
    head, *found = rows(trial.read("invoices.csv"))
    assert head == ["input", "status", "invoice.invoice_number", "invoice.grand_total", "error"]
    assert sorted(row[0] for row in found) == [
        "invoices/a \\ 'b'.pdf",
        "invoices/invoice.pdf",
        "invoices/torn.pdf",
    ]
    assert {tuple(row[2:4]) for row in found} == {("KLS/25-26/1847", "393757.0"), ("", "")}
    assert [row[-1] != "" for row in found].count(True) == 1


def test_ci_script_compares_with_expected_results(trial: Trial) -> None:
    (trial.folder / "invoices" / "packet.pdf").unlink()
    compare = "bash ci/goldens.sh invoices invoice.schema.json expected"
    assert trial.bash(compare).code == 2  # nothing is expected yet
    assert trial.bash("docspeed diff expected actual --update --yes").code == 0
    assert trial.bash(compare).code == 0
    path = trial.folder / "expected" / "invoice.json"
    path.write_text(path.read_text("utf-8").replace("393757", "393758"), "utf-8")
    done = trial.bash(compare)
    assert (done.code, "invoice.grand_total" in done.out.decode()) == (10, True)
    assert "invoice.grand_total" in trial.read("report.xml")


def test_ci_script_with_wrong_usage_keeps_the_earlier_results(trial: Trial) -> None:
    (trial.folder / "invoices" / "packet.pdf").unlink()
    assert trial.bash("bash ci/invoices.sh invoices invoice.schema.json").code == 0
    kept = trial.read("invoices.csv")
    assert trial.bash("bash ci/invoices.sh gone invoice.schema.json").code == 2
    assert kept == trial.read("invoices.csv")
