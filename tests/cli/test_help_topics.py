"""`docspeed help TOPIC`: every topic is there, fits its reader's screen, and its samples work when pasted."""

from __future__ import annotations

import tomllib

import pytest

from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.cli.help_topics import CONFIG, PARTS, SCHEMA, topic_text
from docspeed_cli.core.settings import SETTINGS
from tests.stage import Stage


def test_help_lists_exactly_the_topics_that_have_a_text() -> None:
    assert list(PARTS) == list(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_topic_in_a_pipe_fits_80_columns(stage: Stage, topic: str) -> None:
    ran = stage.run("help", topic, env={"COLUMNS": ""})
    assert (ran.code, ran.err, ran.out) == (0, "", f"{topic_text(topic)}\n")
    assert [line for line in ran.out.splitlines() if len(line) > 80 or line != line.rstrip()] == []


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("columns", [60, 100])
def test_topic_at_a_terminal_wraps_between_words_at_its_width(stage: Stage, topic: str, columns: int) -> None:
    stage.columns = columns
    ran = stage.run("help", topic, terminal=True)
    assert (ran.code, ran.err) == (0, "")
    to_copy = {line for part in PARTS[topic] if isinstance(part, str) for line in part.splitlines()}
    wrapped = [line for line in ran.out.splitlines() if line not in to_copy]
    assert [line for line in wrapped if len(line) > columns and " " in line.strip()] == []
    assert ran.out.split() == topic_text(topic).split()


def test_topic_at_a_wide_terminal_stops_at_100_columns(stage: Stage) -> None:
    stage.columns = 200
    assert stage.run("help", "output", terminal=True).out == topic_text("output", 100) + "\n"


def test_topic_schemas_has_a_sample_that_extract_accepts(stage: Stage) -> None:
    stage.columns = 60
    assert SCHEMA in stage.run("help", "schemas", terminal=True).out
    document = stage.document("a.pdf")
    assert stage.run("extract", document, "--schema", SCHEMA, "--dry-run").code == 0


def test_topic_environment_has_a_config_file_with_known_settings() -> None:
    assert set(tomllib.loads(CONFIG)) <= {setting.name for setting in SETTINGS}


def test_help_with_an_unknown_topic_lists_the_topics(stage: Stage) -> None:
    ran = stage.run("help", "weather")
    assert (ran.code, ran.out) == (2, "")
    assert "no such topic: weather" in ran.err and "exit-codes" in ran.err


def test_help_with_a_misspelled_topic_suggests_the_nearest(stage: Stage) -> None:
    assert "did you mean `docspeed help exit-codes`?" in stage.run("help", "exit-code").err
