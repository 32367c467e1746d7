"""Plain command lines are parsed without Typer, and mean what Typer says they mean."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.flags import Argument, Texts
from docspeed_cli.cli.framework import Description, Invocation, describe
from docspeed_cli.cli.groups import commands, find
from docspeed_cli.cli.quick_parse import quick_parse
from docspeed_cli.cli.typer_command import typer_command
from docspeed_cli.core.errors import UsageError
from tests.stage import Stage

DESCRIPTIONS = {
    called.path: describe(called.entry)
    for called in commands(PROGRAM, PROGRAM.name)
    if not called.entry.entries
}
KINDS = (str, str | None, int, int | None, bool, bool | None, Texts)
"""The types of parameters that can be parsed without Typer."""
WORDS = (
    "a.pdf",
    "-",
    "--",
    "",
    " ",
    "7",
    "-1",
    "007",
    "1_0",
    "0",
    "x=y",
    "@last",
    "-h",
    "--help",
    "--jso",
    "-q",
    "-qv",
    "-oq",
)


def parse_with_typer(description: Description, words: list[str]) -> dict[str, Any] | None:
    """The values that Typer finds; None for an error, and for help."""
    found: list[dict[str, Any]] = []

    class Recorded(Description):
        def invocation(self, values: Any) -> Invocation:
            found.append(dict(values))
            return super().invocation(values)

    with suppress(UsageError, typer.TyperException):
        typer_command(Recorded(*description)).main(args=words, prog_name="docspeed", standalone_mode=False)
    return found[0] if found else None


def plain(values: dict[str, Any] | None) -> dict[str, Any] | None:
    """The values, where a list without texts is the same as none."""
    return values and {name: None if value == [] else value for name, value in values.items()}


@st.composite
def lines(draw: st.DrawFn) -> tuple[Description, list[str]]:
    """A command with words that it may or may not accept."""
    description = DESCRIPTIONS[draw(st.sampled_from(sorted(DESCRIPTIONS)))]
    spellings = sorted(description.flags)
    texts = st.sampled_from(WORDS)
    piece = st.one_of(
        texts.map(lambda text: [text]),
        st.sampled_from(spellings).map(lambda name: [name]),
        st.tuples(st.sampled_from(spellings), texts).map(list),
        st.tuples(st.sampled_from(spellings), texts).map(lambda pair: ["=".join(pair)]),
        st.tuples(st.sampled_from(spellings), texts).map(lambda pair: ["".join(pair)]),
    )
    return description, [word for words in draw(st.lists(piece, max_size=5)) for word in words]


@given(lines())
def test_quick_parse_finds_what_typer_finds(line: tuple[Description, list[str]]) -> None:
    description, words = line
    found = quick_parse(description, words)
    if found is not None:
        assert plain(found) == plain(parse_with_typer(description, words))


@pytest.mark.parametrize(
    "line",
    [
        "parse --file-id file_123 --profile grounded --wait",
        "parse a.pdf -o out --no-wait --wait b.pdf",
        "parse --from=- -0 --limit 3 -qv",
        "extract a.pdf --schema schema.json --set a=1 --set b=2",
        "jobs list",
        "jobs list --status running --limit 5 --json",
        "jobs wait job_1 job_2 --timeout 5s",
        "api POST /v1/ocr --body -",
        "chat a.pdf -- question",
        "runs show",
        "diff expected actual --tolerance 0.01",
    ],
)
def test_quick_parse_understands_a_plain_line(line: str) -> None:
    called = find(line.split(), PROGRAM)
    description = describe(called.entry)
    found = quick_parse(description, called.rest)
    assert found is not None
    assert plain(found) == plain(parse_with_typer(description, list(called.rest)))


@pytest.mark.parametrize(
    "line",
    [
        "parse --help",
        "parse -h",
        "parse --file i",
        "parse --output",
        "parse a.pdf --limit none",
        "parse a.pdf --limit 0",
        "parse a.pdf --json=yes",
        "sandbox serve --port 65536",
        "api GET",
        "runs show a b",
        "parse -- -a.pdf",
    ],
)
def test_quick_parse_leaves_other_lines_to_typer(line: str) -> None:
    called = find(line.split(), PROGRAM)
    assert quick_parse(describe(called.entry), called.rest) is None


def test_quick_parse_leaves_an_empty_value_to_typer() -> None:
    description = DESCRIPTIONS["docspeed parse"]
    assert quick_parse(description, ["a.pdf", "--output", ""]) is None
    assert quick_parse(description, [""]) == {**quick_parse(description, []), "files": [""]}  # type: ignore[dict-item]


@pytest.mark.parametrize("path", sorted(DESCRIPTIONS))
def test_parameters_have_known_types_and_many_words_come_last(path: str) -> None:
    parameters = DESCRIPTIONS[path].parameters
    assert [parameter.name for parameter in parameters if parameter.kind not in KINDS] == []
    arguments = [parameter.kind for parameter in parameters if isinstance(parameter.declared, Argument)]
    assert Texts not in arguments[:-1]


@pytest.mark.parametrize(
    ("line", "flag", "following"),
    [
        ("parse --file-id --sandbox --wait", "--file-id", "--sandbox"),
        ("parse a.pdf --wait -o --json", "-o", "--json"),
        ("parse --timeout -q", "--timeout", "-q"),
        ("parse --file-id --format=id", "--file-id", "--format"),
        ("parse a.pdf -qo -v", "-qo", "-v"),
        ("parse a.pdf -o -qv", "-o", "-qv"),
        ("parse a.pdf -o --help", "-o", "--help"),
        ("parse a.pdf --timeout -h", "--timeout", "-h"),
    ],
)
def test_flag_without_its_value_is_a_usage_error(stage: Stage, line: str, flag: str, following: str) -> None:
    ran = stage.run(*line.split())
    assert (ran.code, f"{flag} has no value: {following} follows it" in ran.err) == (2, True), ran.err


def test_flag_as_a_value_is_taken_with_an_equals_sign_and_as_a_document(stage: Stage) -> None:
    for line in (
        "parse --file-id=--sandbox",
        "parse --file-id f -- --output --json",
        "parse --file-id f -qoout -v",
    ):
        assert "has no value" not in stage.run(*line.split()).err
