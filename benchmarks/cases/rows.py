"""Rows: many kept results as CSV and as a workbook."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.cases.case import Case, Figure, Variant, grown, over
from benchmarks.measure import Stand, measure

_ROOT = Path(__file__).parents[2]
_CSV = "[input_filename, (.fields | to_entries[] | .value.value)] | @csv"


def _kept(stand: Stand, count: int) -> tuple[dict[str, str], Path]:
    """The environment with a run whose results are kept, and the folder that has them as files."""
    state = stand.state(f"rows-{count}")
    state["DOCSPEED_BASE_URL"] = "http://127.0.0.1:9"  # no server is there: all comes from what is kept
    folder = stand.folder / f"rows-{count}"
    if not folder.exists():
        argv = [stand.python, stand.rival("kept.py"), state["DOCSPEED_STATE_DIR"], str(folder), str(count)]
        measure(argv, {**stand.env, "PYTHONPATH": str(_ROOT)})
    return state, folder


def _rows(stand: Stand, count: int, form: str) -> Variant:
    state, _ = _kept(stand, count)
    out = stand.folder / f"rows.{form}"
    argv = [stand.docspeed, "jobs", "result", "@bench", "--format", form, "--quiet", "-o", str(out)]
    return partial(measure, argv, state, jobs=count)


def _jq(stand: Stand, folder: Path) -> Variant:
    shell = ["sh", "-c", f"jq -r '{_CSV}' \"$1\"/*.json", "sh", str(folder)]
    return partial(measure, shell, stand.env, stdout=stand.folder / "jq.csv", jobs=10_000)


def _least_workbook(stand: Stand, folder: Path) -> Variant:
    argv = [stand.python, stand.rival("to_xlsx.py"), str(folder), str(stand.folder / "rival.xlsx")]
    return partial(measure, argv, stand.env, jobs=10_000)


def _case(
    form: str, about: str, runs: int, rival: str, least: Callable[[Stand, Path], Variant], figure: Figure
) -> Case:
    def variants(stand: Stand) -> dict[str, Variant]:
        _, folder = _kept(stand, 10_000)
        few = _rows(stand, 100, form)
        return {"docspeed": _rows(stand, 10_000, form), rival: least(stand, folder), "docspeed, 100": few}

    peak = grown(f"peak, 10,000 results to {form} beyond 100", 30, "docspeed", "docspeed, 100")
    return Case(f"rows-{form}", about, runs, variants, (figure, peak), warm=False)


ROWS_CSV = _case(
    "csv",
    "10,000 results of 20 kB that are kept, as CSV, beside jq's @csv over files",
    3,
    "jq @csv",
    _jq,
    Figure("10,000 results to csv / jq @csv", over("docspeed", "jq @csv"), 1.0),
)
ROWS_XLSX = _case(
    "xlsx",
    "10,000 results of 20 kB that are kept, as a workbook, beside the minimal program with XlsxWriter",
    1,
    "XlsxWriter",
    _least_workbook,
    Figure("10,000 results to xlsx / minimal program with XlsxWriter", over("docspeed", "XlsxWriter"), 1.5),
)
