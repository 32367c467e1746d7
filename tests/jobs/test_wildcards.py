"""Wildcards that no shell expanded, and `--exclude`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, Service
from tests.stage import Stage, by_input, lines


@pytest.fixture(autouse=True)
def folder(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with documents."""
    for name in ("b.pdf", "a.pdf", "[x].pdf", ".hidden.pdf", "in/c.pdf", "in/old/d.pdf", "in/old/c_old.pdf"):
        stage.document(name)
    monkeypatch.chdir(stage.folder)


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (("*.pdf",), ["[x].pdf", "a.pdf", "b.pdf"]),
        (("./?.pdf",), ["./a.pdf", "./b.pdf"]),
        (("in/**/*.pdf",), ["in/c.pdf", "in/old/c_old.pdf", "in/old/d.pdf"]),
        (("[x].pdf", "a.pdf"), ["[x].pdf", "a.pdf"]),
        (("*.pdf", "--exclude", "a.*", "--exclude", "[[]*"), ["b.pdf"]),
        (("in", "--recursive", "--exclude", "*_old.pdf"), ["in/c.pdf", "in/old/d.pdf"]),
        (("in", "--recursive", "--exclude", "in/old/"), ["in/c.pdf"]),
        (("i*", "--recursive", "--exclude", "*/old/*"), ["in/c.pdf"]),
        (("a.pdf", "b.pdf", "--exclude", "b.pdf"), ["a.pdf"]),
    ],
)
def test_wildcard_and_exclude_choose_documents(stage: Stage, argv: tuple[str, ...], found: list[str]) -> None:
    ran = stage.run("parse", *argv, "--wait", "--ordered")
    assert ran.code == 0, ran.err
    assert [json.loads(line)["input"] for line in lines(ran.out)] == found


def test_wildcard_of_one_match_is_a_run_all_the_same(stage: Stage) -> None:
    ran = stage.run("parse", "a*.pdf", "--wait")
    assert by_input(ran).keys() == {"a.pdf"}


def test_exclude_applies_to_lists(stage: Stage) -> None:
    Path("list.txt").write_text("a.pdf\nb.pdf\n")
    for name, content in (("list.txt", b""), ("-", b"a.pdf\nb.pdf\n")):
        ran = stage.run("parse", "--from", name, "--exclude", "b*", "--wait", stdin=content)
        assert by_input(ran).keys() == {"a.pdf"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("*.tiff",), "*.tiff: no file matches"),
        (("a.pdf", "--exclude", "*.pdf"), "--exclude leaves no document"),
    ],
)
def test_wildcard_without_documents_is_a_usage_error(
    stage: Stage, service: Service, argv: tuple[str, ...], message: str
) -> None:
    ran = stage.run("parse", *argv, "--wait")
    assert (ran.code, service.count(SUBMIT)) == (2, 0)
    assert message in ran.err
