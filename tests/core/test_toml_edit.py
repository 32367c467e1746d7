"""Values set and removed in the text of a config file, whose comments and layout stay."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.toml_edit import toml_literal, with_value, without_value

FILE = """\
# mine

timeout = "90s"  # long enough
'wait' = true

# the one that may break
[env.staging] # here
  base_url = "https://staging.example#1"
"""
STAGING = ("env", "staging")


@pytest.mark.parametrize(
    ("before", "table", "name", "value", "after"),
    [
        ("", (), "wait", True, "wait = true\n"),
        ("wait = true", (), "concurrency", 9, "wait = true\nconcurrency = 9\n"),
        ("# mine\n", (), "wait", True, "# mine\nwait = true\n"),
        ("", STAGING, "wait", True, "[env.staging]\nwait = true\n"),
        (FILE, (), "timeout", "2h", FILE.replace("90s", "2h")),
        (FILE, (), "wait", False, FILE.replace("'wait' = true", "wait = false")),
        (FILE, (), "format", "id", FILE.replace("= true\n", '= true\nformat = "id"\n')),
        (FILE, STAGING, "base_url", "sandbox", FILE.replace("https://staging.example#1", "sandbox")),
        (FILE, STAGING, "wait", True, f"{FILE}wait = true\n"),
        (FILE, ("env", "b"), "wait", True, f"{FILE}\n[env.b]\nwait = true\n"),
        ("# of a\n[env.a]\nwait = true\n", (), "wait", False, "wait = false\n# of a\n[env.a]\nwait = true\n"),
        ("[env.a]\n\n[env.b]\n", ("env", "a"), "wait", True, "[env.a]\nwait = true\n\n[env.b]\n"),
    ],
)
def test_with_value_changes_one_line(
    before: str, table: tuple[str, ...], name: str, value: bool | int | str, after: str
) -> None:
    assert with_value(before, table, name, value) == after


def test_without_value_removes_one_line() -> None:
    assert without_value(FILE, (), "wait") == FILE.replace("'wait' = true\n", "")
    assert without_value(FILE, STAGING, "base_url") == FILE.partition("  base_url")[0]


@pytest.mark.parametrize(("table", "name"), [((), "format"), (("env", "b"), "wait"), (STAGING, "wait")])
def test_without_value_that_is_not_there_is_a_key_error(table: tuple[str, ...], name: str) -> None:
    with pytest.raises(KeyError):
        without_value(FILE, table, name)


@pytest.mark.parametrize(
    "text",
    [
        'wait = """\nformat = "x"\n"""\n',
        'format = """\nx"""\n',
        'env.staging.format = "x"\n',
        'env = {staging = {format = "x"}}\n',
    ],
)
def test_value_in_another_form_is_refused(text: str) -> None:
    table = () if "env" not in text else STAGING
    with pytest.raises(ValueError, match="does not edit"):
        with_value(text, table, "format", "json")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_literal_reads_as_the_same_value(text: str) -> None:
    assert tomllib.loads(f"x = {toml_literal(text)}") == {"x": text}
