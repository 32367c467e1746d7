"""The README's tables say what the code does: exit codes and environment variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docspeed_cli.core import errors
from docspeed_cli.core.errors import CODES, EXIT_PRIORITY, EXITS, DocspeedError
from docspeed_cli.core.settings import SETTINGS, VARIABLES

README = Path(__file__).parents[2] / "README.md"


def section(heading: str) -> str:
    """The text below a heading, up to the next of its kind."""
    text = README.read_text("utf-8")
    parts = re.split(rf"^{re.escape(heading)}\s*$", text, flags=re.MULTILINE)
    assert len(parts) == 2, f"the README has {len(parts) - 1} headings {heading!r}"
    return re.split(r"^## ", parts[1], flags=re.MULTILINE)[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    lines = [line.strip() for line in section(heading).splitlines()]
    start = next((n for n, line in enumerate(lines) if line.startswith("|")), len(lines))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        table.append([cell.strip().replace("\\|", "|") for cell in cells])
    assert len(table) > 2, f"no table below {heading!r}"
    assert all(set(cell) <= set("-: ") for cell in table[1]), "no head"
    return table[2:]


def test_the_table_of_exit_codes_is_the_code_s() -> None:
    assert rows("## Exit codes") == [[str(row.code), row.name, row.when, row.then] for row in EXITS]


def test_the_script_s_table_is_the_code_s() -> None:
    script = (Path(README).parent / "examples" / "ci" / "invoices.sh").read_text("utf-8")
    told = re.findall(r"^# {1,3}(\d+)  (.*)$", script, re.MULTILINE)
    assert told == [(str(row.code), row.then) for row in EXITS]


def test_the_table_of_error_codes_is_the_code_s() -> None:
    assert rows("### Error codes") == [[f"`{code}`", about] for code, about in CODES.items()]


_CODE = re.compile(r'\bcode"?(?:=|: | = )(?:code or )?"(\w+)"')


def test_every_code_that_is_used_is_in_the_table() -> None:
    package = Path(errors.__file__).parents[1]
    ours = [path for path in package.rglob("*.py") if path.parent.name not in ("sandbox", "views")]
    assert {code for path in ours for code in _CODE.findall(path.read_text("utf-8"))} == set(CODES)


def test_the_table_of_variables_is_the_code_s() -> None:
    assert rows("## Settings") == [[f"`{name}`", about] for name, about in VARIABLES]


def test_the_keys_of_the_file_are_told() -> None:
    text = section("## Settings")
    (sentence,) = re.findall(r"`config\.toml` takes ([^.]*)\.", text)
    assert re.findall(r"`(\w+)`", sentence) == [setting.name for setting in SETTINGS]


def test_the_order_of_several_jobs_codes_is_told() -> None:
    assert f"the first of {', '.join(map(str, EXIT_PRIORITY))} that any" in section("## Exit codes")


ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, DocspeedError) and error is not DocspeedError
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_failure_s_exit_code_is_in_the_table(error: type[DocspeedError]) -> None:
    named = {row.code: row.name for row in EXITS}
    assert error.exit_code in named
    assert error("x").exit_code in EXIT_PRIORITY
    if error.code != "outcome_unknown":
        assert error.code == named[error.exit_code]


def test_the_codes_are_the_contract_s() -> None:
    assert {row.code: row.name for row in EXITS} == {
        0: "ok",
        1: "failure",
        2: "usage",
        3: "no_credits",
        4: "auth",
        5: "job_failed",
        6: "not_found",
        7: "rejected",
        8: "pending",
        9: "unavailable",
        130: "interrupted",
    }
    assert EXIT_PRIORITY[:7] == (4, 3, 9, 5, 7, 6, 8)


@pytest.mark.parametrize(
    ("codes", "worst"),
    [(set(), 0), ({0}, 0), ({0, 8}, 8), ({8, 6, 7, 5, 9, 3, 4}, 4), ({5, 9}, 9), ({0, 2}, 2), ({1, 6}, 6)],
)
def test_the_code_of_several_jobs(codes: set[int], worst: int) -> None:
    assert errors.overall_exit_code(codes) == worst
