"""The topics of `docspeed help`: as wide as the terminal, as far as that is read well."""

from __future__ import annotations

import json

import pytest

from docspeed_cli.cli.framework import TOPICS
from docspeed_cli.cli.man_page import PARTS, Sample, explained
from tests.stage import Stage


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("columns", [60, 80, 100])
def test_lines_end_between_words_at_the_terminal_s_width(stage: Stage, topic: str, columns: int) -> None:
    stage.columns = columns
    ran = stage.run("help", topic, terminal=True)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []
    usual = explained(topic)
    assert ran.out.split() == usual.split()
    assert columns < 100 or len(lines) < len(usual.splitlines())


def test_a_wider_terminal_gets_no_longer_lines_than_are_read_well(stage: Stage) -> None:
    stage.columns = 200
    assert stage.run("help", "output", terminal=True).out == explained("output", 100) + "\n"
    assert stage.run("help", "output", env={"COLUMNS": ""}).out == explained("output", 80) + "\n"
    assert stage.run("help", "output", env={"COLUMNS": "60"}).out == explained("output", 60) + "\n"


def test_the_sample_of_a_schema_can_be_pasted(stage: Stage) -> None:
    (sample,) = [part.text for part in PARTS["schemas"]() if isinstance(part, Sample)]
    schema = json.loads(sample)
    assert schema["tables"][0]["fields"][0] == {"key": "amount", "type": "number"}
    stage.columns = 60
    assert sample in stage.run("help", "schemas", terminal=True).out
    assert sample in stage.run("help", "schemas").out
    page = stage.run("help", "man").out
    assert ".EX\n{\n  \\(dqdoc_class\\(dq: \\(dqinvoice\\(dq,\n" in page
    document = stage.document("a.pdf")
    assert stage.run("extract", document, "--schema", sample, "--dry-run").code == 0
