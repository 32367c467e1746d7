"""The parser accepts every command in help texts, README and `docs/`; a shell runs the help's examples."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.framework import Invocation
from docspeed_cli.cli.groups import commands, find
from docspeed_cli.cli.perform import style_of
from docspeed_cli.cli.typer_command import build
from docspeed_cli.core.settings import resolve
from tests.real.machine import Machine

TOP = Path(__file__).parents[2]


def examples() -> Iterator[str]:
    """Yield every example of every command."""
    for called in commands(PROGRAM, PROGRAM.name):
        yield from called.entry.examples if called.entry.entries else build(called.entry).guide.examples


EXAMPLES = tuple(dict.fromkeys(examples()))


def documented(text: str) -> Iterator[str]:
    """Yield the lines of shell in a markdown text: in fenced blocks, and complete commands in backticks."""
    for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from (line.removeprefix("$ ") for line in block.splitlines())
    inline = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (span for span in re.findall(r"`(docspeed [^`]+)`", inline) if not _PLACEHOLDER.search(span))


_PLACEHOLDER = re.compile(r"…|\b[A-Z]{2,}\b|--help|help ")
"""A placeholder, or a call that prints help."""

PAGES = (TOP / "README.md", *sorted((TOP / "docs").glob("*.md")))
DOCUMENTED = tuple(
    dict.fromkeys(
        line for page in PAGES for line in documented(page.read_text("utf-8")) if "docspeed " in line
    )
)


# -- in the parser


def invocations(example: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of docspeed in a line of shell."""
    line = re.sub(r'"?\$\((docspeed [^)]*)\)"?', r"; \1", example)
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    for apart, call in groupby(words, lambda word: set(word) <= set("|&;")):
        argv = list(call)
        if not apart and Path(argv[0]).name == "docspeed":
            end = next((n for n, word in enumerate(argv) if word in ("<", ">")), None)
            yield argv[1:end]


@pytest.mark.parametrize("example", dict.fromkeys((*EXAMPLES, *DOCUMENTED)))
def test_example_is_accepted_by_the_parser(example: str, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[env.staging]\n")
    for argv in invocations(example):
        called = find(argv, PROGRAM)
        command = build(called.entry)
        found = command.main(args=list(called.rest), prog_name=called.path, standalone_mode=False)
        assert isinstance(found, Invocation)
        env = {"DOCSPEED_CONFIG": str(config), "DOCSPEED_STATE_DIR": str(tmp_path)}
        assert style_of(found, resolve(found.options.settings(), env))


def test_help_examples_all_call_docspeed() -> None:
    assert [example for example in EXAMPLES if not list(invocations(example))] == []


def test_examples_are_found_in_the_docs() -> None:
    assert sum(bool(list(invocations(line))) for line in DOCUMENTED) > 40


def test_examples_in_a_line_of_shell_are_found() -> None:
    piped = "docspeed upload *.pdf --format id | docspeed parse --from - > a 2>&1"
    line = f"{piped} && jq . a; eval \"$(docspeed x 'y z')\" || bin/docspeed z < a"
    assert list(invocations(line)) == [
        ["upload", "*.pdf", "--format", "id"],
        ["parse", "--from", "-"],
        ["x", "y z"],
        ["z"],
    ]


# -- in a shell

KEYBOARD = ("docspeed chat invoice.pdf contract.pdf", "docspeed jobs watch", "docspeed jobs watch --sandbox")
"""These need a terminal; tests/real has their tests."""

ELSEWHERE = re.compile(
    r"docspeed (auth |sandbox serve|review|ledger import)|Out-String|/v1/classify|xdg-open"
)
"""These need a server with keys, a database, a browser, another shell or an endpoint of the service."""

SHELL = re.compile(r"^(?!docspeed )|[|&;<>$*?~{\\]")
"""What only a shell understands; other lines are words, some of them in quotes."""

PASTED = [example for example in EXAMPLES if example not in KEYBOARD and not ELSEWHERE.search(example)]

DOCUMENTS = (
    "a.pdf",
    "b.pdf",
    "c.pdf",
    "d.pdf",
    "contract.pdf",
    "scans/1.pdf",
    "invoices/1.pdf",
    "invoices/2.pdf",
)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory, quick_sandbox: str) -> tuple[Path, dict[str, str]]:
    """A folder with documents, jobs and a conversation, and the real id for each example's `job_123`."""
    folder = tmp_path_factory.mktemp("home")
    for name in ("invoice.pdf", "packet.pdf", "invoice.schema.json"):
        shutil.copy(TOP / "examples" / name, folder)
    shutil.copy(TOP / "examples" / "invoice.schema.json", folder / "s.json")
    for name in ("scans", "invoices"):
        (folder / name).mkdir(parents=True)
    for name in DOCUMENTS:
        (folder / name).write_bytes((TOP / "examples" / "invoice.pdf").read_bytes() + f"% {name}\n".encode())
    user = Machine(folder, quick_sandbox)
    stored = user.run("upload", "invoice.pdf", "--format", "id").out.decode().strip()
    asked = f'{{"execution_mode": "async", "input": {{"file_id": "{stored}"}}}}'
    (folder / "request.json").write_text(asked, "utf-8")
    ids = {"file_123": stored}
    for placeholder, document in (("job_1", "a.pdf"), ("job_2", "b.pdf"), ("job_123", "invoice.pdf")):
        ids[placeholder] = user.run("parse", document, "--format", "id").out.decode().strip()
    assert user.run("chat", "What is the total?", "invoice.pdf").code == 0
    assert user.run("jobs", "wait", *(ids[name] for name in ids if name.startswith("job"))).code == 0
    named = ("--schema", "s.json", "--wait", "--name", "march", "-o", "extracted/")
    assert user.run("extract", "invoices/", "--recursive", *named).code == 0
    for name in ("expected", "actual", "results"):
        shutil.copytree(folder / "extracted", folder / name)
    shutil.copy(folder / "extracted" / "1.json", folder / "result.json")
    shutil.copy(folder / "invoices" / "1.pdf", folder / "scan.pdf")
    (folder / "rules.toml").write_text('[[rule]]\nname = "total"\ncheck = "present(grand_total)"\n', "utf-8")
    return folder, ids


@pytest.mark.real
@pytest.mark.parametrize("example", PASTED)
def test_example_runs_as_it_is_pasted(
    example: str, tmp_path: Path, furnished: tuple[Path, dict[str, str]], quick_sandbox: str
) -> None:
    folder, ids = furnished
    shutil.copytree(folder, tmp_path / "home")
    line = re.sub(r"\b(file|job)_\d+\b", lambda found: ids[found[0]], example)
    machine = Machine(tmp_path / "home", "" if "--sandbox" in example else quick_sandbox)
    if SHELL.search(line):
        ran = machine.bash(f"set -o pipefail; {line}")
    else:
        ran = machine.here(*shlex.split(line)[1:])
    assert ran.code == 0, ran.err
