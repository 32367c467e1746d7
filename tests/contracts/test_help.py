"""The `--help` of every command equals the recorded text.

After an intended change, `DOCSPEED_WRITE_HELP=1 pytest tests/contracts/test_help.py` updates the texts in
`tests/contracts/help/`, and the diff shows the change to its reviewer.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.groups import Entry
from docspeed_cli.cli.help_layout import TOPICS
from tests.stage import Stage

TEXTS = Path(__file__).parent / "help"
WRITE = bool(os.environ.get("DOCSPEED_WRITE_HELP"))


def walk(entries: tuple[Entry, ...], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Yield every command and group with the words that call it."""
    for entry in entries:
        yield (*before, entry.name), entry
        yield from walk(entry.entries, (*before, entry.name))


FOUND = dict(walk(COMMANDS))
PAGES: list[tuple[str, ...]] = [(), *FOUND]
LEAVES = {words: entry for words, entry in FOUND.items() if not entry.entries}


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def text_of(stage: Stage, words: tuple[str, ...], flag: str = "--help") -> str:
    ran = stage.run(*words, flag)
    assert (ran.code, ran.err) == (0, "")
    return ran.out


def file_of(words: tuple[str, ...]) -> Path:
    return TEXTS / ("-".join(words or ("docspeed",)) + ".txt")


def recorded(words: tuple[str, ...]) -> str:
    """The help of a command, which equals what the command prints."""
    return file_of(words).read_text("utf-8")


# -- word for word


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_help_equals_the_recorded_text(stage: Stage, words: tuple[str, ...]) -> None:
    text = text_of(stage, words)
    if WRITE:
        TEXTS.mkdir(exist_ok=True)
        file_of(words).write_text(text, "utf-8")
    assert file_of(words).exists(), "a new command: record its help as described above"
    assert text == recorded(words)


def test_help_has_no_recorded_text_of_a_removed_command() -> None:
    left = set(TEXTS.iterdir()) - {file_of(words) for words in PAGES}
    if WRITE:
        for path in left:
            path.unlink()
        return
    assert left == set()


def test_help_fits_80_columns_without_escape_sequences() -> None:
    for words in PAGES:
        text = recorded(words)
        assert [line for line in text.splitlines() if len(line) > 80] == []
        assert "\x1b" not in text
        assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_help_at_60_columns_fits(
    stage: Stage, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    described, _, _ = text_of(stage, words).partition("\nExamples:")
    assert [line for line in described.splitlines() if len(line) > 60] == []


def test_help_begins_with_usage_and_ends_with_more() -> None:
    for words in PAGES:
        usage, about, *sections = recorded(words).split("\n\n")
        assert usage.startswith(f"Usage: {' '.join(('docspeed', *words))} ")
        if words:
            assert " ".join(about.split()) == FOUND[words].about
        title, *more = sections[-1].splitlines()
        assert title == "More:"
        assert more[-1].split()[:2] == ["man", "docspeed"]
        topics = re.findall(r"^  docspeed help (\S+)  ", sections[-1], flags=re.MULTILINE)
        assert set(topics) <= set(TOPICS)
        assert topics or FOUND[words].entries


def test_help_names_values_by_their_meaning() -> None:
    machine = r"<\w+( range)?>|\bTEXT\b(?!\|)|\bINTEGER\b|x[<>]=|\{[A-Z]"
    assert [words for words in PAGES if re.search(machine, recorded(words))] == []


@pytest.mark.parametrize("words", [(), ("parse",), ("jobs",)], ids=" ".join)
def test_help_short_flag_prints_the_same(stage: Stage, words: tuple[str, ...]) -> None:
    assert text_of(stage, words, "-h") == text_of(stage, words)


def test_help_of_group_without_command_is_printed(stage: Stage) -> None:
    for words in ((), *(words for words, entry in FOUND.items() if entry.entries)):
        ran = stage.run(*words)
        assert (ran.code, ran.out, ran.err) == (0, text_of(stage, words), "")


# -- lists of commands


def test_help_list_has_the_first_line_of_each_docstring() -> None:
    for entry in LEAVES.values():
        module, _, name = entry.where.partition(":")
        function = getattr(import_module(f"docspeed_cli.cli.commands.{module}"), name)
        assert (inspect.getdoc(function) or "").split("\n", maxsplit=1)[0] == entry.about


def test_help_summary_is_one_sentence() -> None:
    for entry in FOUND.values():
        assert entry.about.endswith(".") and entry.about[0].isupper() and "\n" not in entry.about


def test_help_of_group_lists_all_its_commands() -> None:
    for words, group in FOUND.items():
        for entry in group.entries:
            assert re.search(rf"^  {entry.name} ", recorded(words), flags=re.MULTILINE)


# -- promised commands and flags

INPUTS = ("--file-id", "--from", "--recursive", "--filename")
REQUEST = ("--set", "--dry-run", "--sync", "--fresh")
WAITING = ("--wait", "--no-wait", "--timeout", "--poll-interval")
RESULTS = ("--format", "-o", "--output")
COMMON = ("--json", "--quiet", "--verbose", "--sandbox", "--help")
OPERATION = (*INPUTS, *REQUEST, *WAITING, *RESULTS)

FLAGS = {
    "parse": (*OPERATION, "--concurrency", "--profile", "--grounding"),
    "extract": (*OPERATION, "--concurrency", "--grounding", "--schema", "--table"),
    "split": (*OPERATION, "--concurrency"),
    "tables": (*OPERATION, "--concurrency", "--grounding", "--table"),
    "schema": (*OPERATION, "--instructions"),
    "chat": (
        *INPUTS,
        "--set",
        "--dry-run",
        "--sync",
        *WAITING,
        *RESULTS,
        "--session-id",
        "--continue",
        "--no-grounding",
    ),
    "upload": (*INPUTS, "--format"),
    "jobs status": (),
    "jobs wait": ("--any", "--timeout", "--poll-interval"),
    "jobs result": RESULTS,
    "jobs list": (),
    "jobs forget": (),
    "api": (*WAITING, *RESULTS, "--set"),
    "auth login": (),
    "auth status": (),
    "auth logout": (),
    "config show": (),
    "config path": (),
    "doctor": (),
    "help": (),
    "completion": (),
    "sandbox serve": ("--port", "--latency", "--fail", "--seed"),
    "sandbox reset": (),
}
SERVER = {"--sandbox", "--base-url"}
NO_SERVER = {"completion", "config path", "help", "sandbox serve", "sandbox reset"}


@pytest.mark.parametrize("command", FLAGS)
def test_help_has_every_promised_flag(command: str) -> None:
    words = tuple(command.split())
    assert words in LEAVES, "no such command"
    text, _, _ = recorded(words).partition("\nExamples:")
    shown = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))
    wanted = {*FLAGS[command], *COMMON} - (SERVER if command in NO_SERVER else set())
    assert wanted - shown == set()
    assert command not in NO_SERVER or not shown & SERVER


def test_help_has_no_flag_for_the_key() -> None:
    for words in PAGES:
        assert not re.search(r"--api-key\b", recorded(words))


def test_help_common_flags_come_last() -> None:
    """Readers look for a command's own flags first."""
    order = ["Arguments", "Input", "Request", "Waiting", "Many inputs", "Output", "Server", "Other"]
    for words in LEAVES:
        panels = re.findall(rf"^({'|'.join(order)}):", recorded(words), re.MULTILINE)
        assert panels == [panel for panel in order if panel in panels]


def test_help_examples_call_the_command() -> None:
    for words in FOUND:
        if words[0] not in ("completion", "auth", "doctor", "config"):
            _, _, examples = recorded(words).partition("\nExamples:")
            assert f"docspeed {' '.join(words)}" in examples


@pytest.mark.parametrize("line", ["completion bash", "config path", "help output", "sandbox reset"])
@pytest.mark.parametrize("flags", [("--sandbox",), ("--base-url", "https://x.example")], ids=" ".join)
def test_server_flags_are_accepted_by_local_commands(stage: Stage, line: str, flags: tuple[str, ...]) -> None:
    """An alias may add a server flag to every command."""
    plain = stage.run(*line.split())
    assert (plain.code, stage.run(*line.split(), *flags)) == (0, plain)


@pytest.mark.parametrize(
    ("words", "panel", "flags"),
    [
        (("extract",), "Output", ("--require KEY,KEY", "--require-all", "--table NAME")),
        (("jobs", "list"), "Server", ("--refresh",)),
    ],
    ids=str,
)
def test_help_flag_is_in_its_panel(words: tuple[str, ...], panel: str, flags: tuple[str, ...]) -> None:
    (section,) = [part for part in recorded(words).split("\n\n") if part.startswith(f"{panel}:")]
    for flag in flags:
        assert f"\n  {flag} " in section


def test_help_more_is_one_aligned_table() -> None:
    for words in FOUND:
        _, _, more = recorded(words).partition("\nMore:\n")
        found = [re.match(r"  \S.*?  +(?=\S)", line) for line in more.splitlines()]
        assert len({line and line.end() for line in found}) == 1 and all(found)
