"""The tables in `docs/` are the code's: exit codes, error codes, faults, settings, packages, goals of speed.

`DOCSPEED_WRITE_DOCS=1 pytest tests/contracts/test_tables.py` writes the generated ones again, between their
markers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from benchmarks.cases import CASES
from benchmarks.cases.case import Figure
from docspeed_cli.cli.help_topics import CONFIG
from docspeed_cli.core import errors
from docspeed_cli.core.errors import CODES, EXIT_PRIORITY, EXITS, DocspeedError
from docspeed_cli.core.settings import SETTINGS, VARIABLES
from tests.contracts.test_imports import FLOORS, PACKAGE, SANDBOX
from tests.real.faults import HEAD, TABLE, as_markdown

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITE = bool(os.environ.get("DOCSPEED_WRITE_DOCS"))


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table_below(text: str, head: Sequence[str]) -> list[list[str]]:
    """Return the rows of the table with this head."""
    _, found, rest = text.partition(f"| {' | '.join(head)} |\n")
    assert found, f"no table with the head {head}"
    lines = rest.split("\n\n", maxsplit=1)[0].splitlines()[1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def exit_codes() -> str:
    rows = [(str(code), name, when, advice) for code, name, when, advice in EXITS]
    return markdown(("code", "name", "when", "a script should"), rows)


def settings() -> str:
    def default(value: object) -> str:
        return "" if value is None else f"`{str(value).lower()}`"

    rows = [(f"`{s.name}`", f"`{s.variable}`", default(s.default), s.about) for s in SETTINGS]
    return markdown(("in `config.toml`", "variable", "default", "about"), rows)


def variables() -> str:
    own = {setting.variable for setting in SETTINGS}
    rows = [(f"`{name}`", about) for name, about in VARIABLES if name not in own]
    return markdown(("variable", "about"), rows)


GENERATED: dict[tuple[str, str], Callable[[], str]] = {
    ("exit-codes.md", "exit-codes"): exit_codes,
    ("exit-codes.md", "error-codes"): lambda: markdown(
        ("`error.code`", "when"), [(f"`{code}`", about) for code, about in CODES.items()]
    ),
    ("faults.md", "faults"): as_markdown,
    ("settings.md", "settings"): settings,
    ("settings.md", "variables"): variables,
}


@pytest.mark.parametrize(("file", "name"), GENERATED, ids=lambda part: part.removesuffix(".md"))
def test_docs_table_is_generated_from_the_code(file: str, name: str) -> None:
    text = (DOCS / file).read_text("utf-8")
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    assert (text.count(start), text.count(end)) == (1, 1), f"{file} has each marker of {name} once"
    before, _, rest = text.partition(start)
    table, _, after = rest.partition(end)
    generated = f"\n{GENERATED[file, name]()}\n\n"
    if WRITE and table != generated:
        (DOCS / file).write_text(f"{before}{start}{generated}{end}{after}", "utf-8")
        return
    assert table == generated


@pytest.mark.parametrize(
    "page", [DOCS.with_name("README.md"), *sorted(DOCS.glob("*.md"))], ids=lambda p: p.name
)
def test_docs_links_point_to_files_that_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


# -- exit codes


def test_docs_exit_codes_have_the_priority_of_the_code() -> None:
    text = " ".join((DOCS / "exit-codes.md").read_text("utf-8").split())
    assert f"the first of {', '.join(map(str, EXIT_PRIORITY))} that occurred" in text


_CODE = re.compile(r'\bcode"?(?:=|: | = )(?:code or )?"(\w+)"')


def test_error_codes_table_has_every_code_that_the_source_uses() -> None:
    ours = [path for path in PACKAGE.rglob("*.py") if path.parent.name not in (SANDBOX, "views")]
    assert {code for path in ours for code in _CODE.findall(path.read_text("utf-8"))} == set(CODES)


ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, DocspeedError) and error is not DocspeedError
]


@pytest.mark.parametrize("error", ERRORS)
def test_exit_codes_table_has_the_code_of_every_error(error: type[DocspeedError]) -> None:
    named = {row.code: row.name for row in EXITS}
    assert error("x").exit_code in EXIT_PRIORITY
    assert error.code in (named[error.exit_code], "outcome_unknown", "ledger_unavailable")


def test_exit_codes_are_those_that_scripts_rely_on() -> None:
    assert {row.code: row.name for row in EXITS} == {
        0: "ok",
        1: "failure",
        2: "usage",
        3: "no_credits",
        4: "auth",
        5: "job_failed",
        10: "not_as_required",
        6: "not_found",
        7: "rejected",
        8: "pending",
        9: "unavailable",
        130: "interrupted",
    }
    assert EXIT_PRIORITY[:8] == (4, 3, 9, 5, 10, 7, 6, 8)


@pytest.mark.parametrize(
    ("codes", "overall"),
    [(set(), 0), ({0}, 0), ({0, 8}, 8), ({8, 6, 7, 5, 9, 3, 4}, 4), ({5, 9}, 9), ({0, 2}, 2), ({1, 6}, 6)],
)
def test_overall_exit_code_is_the_first_by_priority(codes: set[int], overall: int) -> None:
    assert errors.overall_exit_code(codes) == overall


# -- faults


def test_faults_table_is_short_enough_to_read() -> None:
    rows = [line.strip("| ").split(" | ") for line in as_markdown().splitlines()]
    assert {len(row) for row in rows} == {len(HEAD)}
    assert 10 <= len(rows) - 2 <= 16
    assert max(len(cell) for row in rows for cell in row[1:]) <= 40


def test_faults_have_unique_names() -> None:
    names = [fault.name for fault in TABLE]
    assert len(set(names)) == len(names)


# -- settings


def test_docs_config_file_is_the_one_of_help_environment() -> None:
    (sample,) = re.findall(
        r"^```toml\n(.*?)^```", (DOCS / "settings.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert sample == f"{CONFIG}\n"


# -- contributing


def test_docs_packages_are_those_that_exist_in_the_order_of_imports() -> None:
    rows = table_below((DOCS / "contributing.md").read_text("utf-8"), ("package", "is the only place for"))
    names = [name.strip("`") for name, _ in rows]
    assert set(names) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    floor = {name: number for number, packages in enumerate(FLOORS) for name in packages}
    order = [floor.get(name, -1) for name in names]
    assert order == sorted(order, reverse=True)
    assert all(about for _, about in rows)


@pytest.mark.parametrize(
    "head", [("value", "module", "what it is"), ("to add", "change", "generate")], ids="-".join
)
def test_docs_names_are_in_the_files_of_their_row(head: tuple[str, ...]) -> None:
    for row in table_below((DOCS / "contributing.md").read_text("utf-8"), head):
        quoted = re.findall(r"`([\w/.]+)`", " ".join(row))
        paths = [path for name in quoted if name.endswith(".py") for path in (PACKAGE / name, ROOT / name)]
        texts = [path.read_text("utf-8") for path in paths if path.exists()]
        assert len(texts) == sum(name.endswith(".py") for name in quoted), row
        names = [name for name in quoted if name.isidentifier()]
        assert [name for name in names if not re.search(rf"\b{name}\b", " ".join(texts))] == []


def test_docs_map_has_every_module_of_jobs_once() -> None:
    rows = table_below((DOCS / "contributing.md").read_text("utf-8"), ("modules in `jobs/`", "what for"))
    named = [name for names, _ in rows for name in re.findall(r"`([\w/]+)`", names)]
    folder = PACKAGE / "jobs"
    modules = [path.stem for path in folder.glob("[!_]*.py")]
    assert sorted(named) == sorted(
        [*modules, *(f"{path.parent.name}/" for path in folder.glob("*/__init__.py"))]
    )


# -- speed


def test_docs_speed_has_the_figures_and_goals_of_the_benchmarks() -> None:
    def goal(figure: Figure) -> str:
        return f"{'≥' if figure.at_least else '≤'} {figure.limit:g}{figure.unit}"

    goals = {figure.about: goal(figure) for case in CASES for figure in case.figures if figure.limit}
    rows = table_below((DOCS / "speed.md").read_text("utf-8"), ("what", "measured", "goal"))
    assert {about: goal for about, _, goal in rows}.items() <= goals.items()
