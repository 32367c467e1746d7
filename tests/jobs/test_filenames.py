"""Names of result files are unique, valid on any system, and stay inside their folder."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docspeed_cli.core.models import Job, Source, State
from docspeed_cli.jobs.filenames import ResultNames, safe_filename

ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=300)

# -- names


def reserved(name: str) -> bool:
    """Whether Windows reserves this name for a device, or forbids it."""
    stem = name.split(".", maxsplit=1)[0].rstrip(" ").upper()
    devices = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    numbered = {f"{device}{digit}" for device in ("COM", "LPT") for digit in "123456789¹²³"}
    return stem in devices | numbered or name[-1] in " ." or any(char in '<>:"/\\|?*' for char in name)


def check(name: str) -> None:
    assert name not in ("", ".", "..")
    assert "/" not in name and "\\" not in name and Path(name).name == name
    assert not [char for char in name if unicodedata.category(char) == "Cc"]
    assert not reserved(name)
    assert len(os.fsencode(name)) <= 180


@given(ANYTHING)
@example("..")
@example("../../etc/passwd")
@example("\x85\x9b31m")
@example("con")
@example("NUL.txt")
@example("aux .json")
@example("com¹")
@example("CONIN$")
@example("a" * 179 + ". b")
@example("é" * 300)
@example("\ud800")
@example("\udcff")
def test_safe_filename_of_any_text_is_valid_everywhere(text: str) -> None:
    check(safe_filename(text))


@given(st.text("./\\ ~:\0", max_size=10))
def test_safe_filename_of_a_path_stays_in_the_folder(text: str) -> None:
    folder = Path("/out")
    assert Path(os.path.normpath(folder / safe_filename(text))).parent == folder


@given(ANYTHING)
def test_safe_filename_is_idempotent(text: str) -> None:
    assert safe_filename(safe_filename(text)) == safe_filename(text)


@pytest.mark.parametrize(
    "name",
    [
        "invoice",
        "Rechnung März 2026",
        "請求書",
        "a-b_c (1)",
        "v1.2",
        "file_123",
        "contract",
        "communal",
        "🧾",
    ],
)
def test_safe_filename_keeps_valid_names(name: str) -> None:
    assert safe_filename(name) == name


@pytest.mark.parametrize("text", ["", " ", ".", "...", "\0", "/"])
def test_safe_filename_of_unusable_text_is_not_empty(text: str) -> None:
    assert re.fullmatch("_+", safe_filename(text))


# -- a file for each input


@pytest.fixture
def folder() -> ResultNames:
    return ResultNames(Path("out"), "json")


def local(path: str, below: str | None = None) -> Source:
    return Source(path, path=Path(path), filename=Path(path).name, below=Path(below) if below else None)


def names(folder: ResultNames, *sources: Source) -> list[str]:
    return [str(folder.name(source, "parse")) for source in sources]


def test_result_name_comes_from_the_input(folder: ResultNames) -> None:
    found = names(
        folder,
        local("scans/a.pdf"),
        local("no suffix"),
        local("b.tar.png"),
        Source("file_1", file_id="file_1"),
        Source("-", path=Path("x"), filename="stdin.pdf"),
    )
    assert found == [
        "out/a.json",
        "out/no suffix.json",
        "out/b.tar.json",
        "out/file_1.json",
        "out/stdin.json",
    ]


def test_result_name_of_a_job_comes_from_its_input_or_id(folder: ResultNames) -> None:
    job = Job("parse", "completed", State.DONE, job_id="job_1", input="scans/a.pdf")
    assert folder.name(None, "parse", job) == Path("out/a.json")
    assert folder.name(None, "parse", job._replace(input=None)) == Path("out/job_1.json")
    assert folder.name(None, "parse", job._replace(input=None, job_id="../../etc")).parent == Path("out")


def test_result_name_is_never_that_of_a_file_of_corrections(folder: ResultNames) -> None:
    found = names(folder, local("a.pdf"), local("a.corrections.pdf"), local("b.Corrections.png"))
    assert found == ["out/a.json", "out/a_corrections.json", "out/b_corrections.json"]


def test_result_names_of_equal_inputs_differ(folder: ResultNames) -> None:
    found = names(
        folder, local("x/a.pdf"), local("y/a.pdf"), local("a.png"), local("a-2.pdf"), local("a-2.png")
    )
    assert found[0] == "out/a.json"
    assert len(set(found)) == 5


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("A.pdf", "a.pdf"),
        ("STRASSE.pdf", "straße.pdf"),
        ("caf\u00e9.pdf", "cafe\u0301.pdf"),
        ("a?.pdf", "a*.pdf"),
        ("a .pdf", "a.pdf"),
        ("a" * 300 + ".pdf", "a" * 301 + ".pdf"),
    ],
    ids=["case", "folded case", "composed", "replaced", "stripped", "cut"],
)
def test_result_names_equal_on_some_file_system_differ(folder: ResultNames, one: str, two: str) -> None:
    found = names(folder, local(one), local(two))
    alike = {unicodedata.normalize("NFC", name).casefold() for name in found}
    assert len(alike) == 2


def test_result_names_are_stable_between_runs() -> None:
    sources = [local(f"{folder}/a.pdf") for folder in "xyz"]
    runs = [names(ResultNames(Path("out"), "json"), *sources) for _ in range(2)]
    assert runs[0] == runs[1]


def test_result_names_keep_the_folder_structure(folder: ResultNames) -> None:
    found = names(
        folder,
        local("scans/a.pdf", "scans"),
        local("scans/2025/q1/a.pdf", "scans"),
        local("scans/2026/q1/a.pdf", "scans"),
    )
    assert found == ["out/a.json", "out/2025/q1/a.json", "out/2026/q1/a.json"]


PARTS = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda part: part != "."
)


@given(st.lists(PARTS, min_size=1, max_size=4))
@example(["..", "..", "a.pdf"])
@example(["con", "nul", "a.pdf"])
@example(["a. ", "b.pdf"])
@example(["~", "a.pdf"])
def test_result_names_of_any_path_stay_in_the_folder(parts: list[str]) -> None:
    folder = ResultNames(Path("out"), "json")
    path = Path("in").joinpath(*parts)
    found = folder.name(Source("a", path=path, filename=path.name, below=Path("in")), "parse")
    assert found.parts[0] == "out"
    for part in found.parts[1:-1]:
        check(part)
    assert found.parts[-1].endswith(".json")


@given(st.lists(st.sampled_from(["a", "A", "a-2", "a-3", "á", "a\u0301", "b"]), max_size=12))
def test_result_names_are_unique(stems: list[str]) -> None:
    folder = ResultNames(Path("out"), "json")
    found = names(folder, *(local(f"{number}/{stem}.pdf") for number, stem in enumerate(stems)))
    assert len({name.casefold() for name in found}) == len(stems)


# -- names by a pattern


def patterned(pattern: str, *sources: Source) -> list[str]:
    return names(ResultNames(Path("out"), "json", pattern), *sources)


def test_output_name_pattern_names_the_files() -> None:
    source = local("scans/a.pdf")
    assert patterned("{stem}.{operation}.{ext}", source) == ["out/a.parse.json"]
    assert patterned("{name}.json", source) == ["out/a.pdf.json"]
    assert patterned("{{{stem}}}.json", source) == ["out/{a}.json"]


def test_output_name_pattern_without_placeholder_still_gives_unique_names() -> None:
    found = patterned("result.{ext}", local("a.pdf"), local("b.pdf"))
    assert found == ["out/result.json", "out/result-2.json"]
    assert len(set(patterned("result", local("a.pdf"), local("b.pdf")))) == 2


@pytest.mark.parametrize("pattern", ["../{stem}", "/etc/{stem}", "{stem}/../../x", "..", "..\\{stem}"])
def test_output_name_pattern_stays_in_the_folder(pattern: str) -> None:
    (found,) = patterned(pattern, local("a.pdf"))
    assert Path(os.path.normpath(found)).parent == Path("out")
