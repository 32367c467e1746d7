"""Start-up: commands that do next to nothing, a TAB in bash, and the opening of the ledger."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.cases.case import Case, Figure, Variant, beyond, over
from benchmarks.measure import Stand, measure

_TAB = """
source "$1"; [ -z "$2" ] && exit
how=$(complete -p docspeed); how=${how##*-F }; how=${how%% *}
COMP_WORDS=(docspeed pa); COMP_CWORD=1; COMP_LINE="docspeed pa"; COMP_POINT=11
$how docspeed pa docspeed
[ "${COMPREPLY[0]%% *}" = parse ]
"""


def _path(stand: Stand) -> dict[str, str]:
    return {**stand.env, "PATH": f"{Path(stand.docspeed).parent}:{stand.env.get('PATH', '')}"}


def _runs(commands: Mapping[str, list[str]], env: Mapping[str, str]) -> dict[str, Variant]:
    return {name: partial(measure, argv, env) for name, argv in commands.items()}


def _start_up(stand: Stand) -> dict[str, Variant]:
    env = _path(stand)
    commands = {
        "bare python": [stand.python, "-c", "pass"],
        "--version": [stand.docspeed, "--version"],
        "--help": [stand.docspeed, "--help"],
        "parse --help": [stand.docspeed, "parse", "--help"],
        "jobs list": [stand.docspeed, "jobs", "list"],
    }
    if http := shutil.which("http", path=env["PATH"]):
        commands["http --version"] = [http, "--version"]
    return _runs(commands, env)


def _tab(stand: Stand) -> dict[str, Variant]:
    script = stand.folder / "completion.bash"
    measure([stand.docspeed, "completion", "bash"], stand.env, stdout=script)
    bash = ["bash", "--norc", "-c", _TAB, "tab", str(script)]
    return _runs(
        {"bare python": [stand.python, "-c", "pass"], "bash": [*bash, ""], "TAB": [*bash, "press"]},
        _path(stand),
    )


START_UP = Case(
    "start-up",
    "commands that do next to nothing, beside a bare interpreter's start",
    15,
    _start_up,
    (
        Figure("`--version` / bare python", over("--version", "bare python"), 2.0),
        Figure("`--help` / bare python", over("--help", "bare python"), 3.0),
        Figure("`parse --help` / bare python", over("parse --help", "bare python"), 6.0),
        Figure("`jobs list` / bare python", over("jobs list", "bare python"), 6.0),
    ),
)
TAB = Case(
    "tab",
    "a completion of `docspeed pa` in bash, without the shell's own start",
    15,
    _tab,
    (Figure("a TAB / bare python", beyond("TAB", "bash", "bare python"), 3.0),),
)

_ROWS = (10, 100_000)


def _ledger(stand: Stand) -> dict[str, Variant]:
    def run(rows: int, how: str) -> Variant:
        path = stand.folder / f"ledger-{rows}.db"
        return lambda: measure([stand.python, stand.rival("ledger.py"), str(path), how], stand.env)

    variants = {
        "bare python": lambda: measure([stand.python, "-c", "pass"], stand.env),
        "import sqlite3": run(0, "sqlite3"),
    }
    for rows in _ROWS:
        if not (stand.folder / f"ledger-{rows}.db").exists():
            run(rows, str(rows))()
        variants[_rows(rows)] = run(rows, "job")
    return variants


def _rows(rows: int) -> str:
    return f"{rows:,} rows"


LEDGER = Case(
    "ledger",
    "a fresh process that opens the ledger, records one job and closes it, beside a bare interpreter's start",
    25,
    _ledger,
    tuple(
        Figure(
            f"ledger of {_rows(rows)} beyond `import sqlite3` / bare python",
            beyond(_rows(rows), "import sqlite3", "bare python"),
            0.45,
        )
        for rows in _ROWS
    ),
)
