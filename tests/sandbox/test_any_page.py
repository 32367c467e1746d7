"""Random pages: no word is lost or read twice, and every operation succeeds."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from docspeed_cli.sandbox import answers, fields, schemas, sections, views
from docspeed_cli.sandbox.layout import Layout, lay_out
from docspeed_cli.sandbox.lines import Page, Word

TEXTS = st.sampled_from(
    (
        "Total",
        "Date:",
        "Invoice",
        "No.",
        "1,234.00",
        "12/03/2026",
        "Qty",
        "SELLER",
        "Bill",
        "To",
        "x",
        "(5%)",
        "|",
        "#",
    )
)


@st.composite
def words(draw: st.DrawFn) -> Word:
    """A word at a random place, often on a grid as in real documents."""
    text = draw(TEXTS)
    x = draw(st.integers(0, 11)) * 50.0 + draw(st.sampled_from((0.0, 0.0, 3.0, 27.5)))
    y = draw(st.integers(0, 30)) * 14.0 + draw(st.sampled_from((0.0, 0.0, 0.0, 5.0)))
    size = draw(st.sampled_from((10.0, 10.0, 10.0, 18.0)))
    return Word(text, x, y, x + 0.5 * size * len(text), y + size, draw(st.booleans()))


def read(page_words: list[Word]) -> Layout:
    """Layout of one page with these words."""
    return lay_out([Page(600, 450, tuple(page_words))])


@settings(max_examples=100, deadline=None)
@given(st.lists(words(), max_size=80))
def test_layout_any_page_reads_every_word_once(page_words: list[Word]) -> None:
    layout = read(page_words)
    found = Counter(word for line in layout.lines for word in line.words)
    assert found == Counter(page_words)
    ids = [line.region_id for line in layout.lines]
    assert ids == [f"p1:l{number}" for number in range(1, len(ids) + 1)]
    for table in layout.tables:
        assert {line for cell in table.cells for line in cell.lines} == set(table.lines)
        assert all(0 <= cell.column < len(table.columns) for cell in table.cells)


@settings(deadline=None)
@given(st.lists(words(), max_size=60))
def test_operations_any_page_succeed(page_words: list[Word]) -> None:
    layout = read(page_words)
    for grounding in ("ocr_lines", "regions", "cell"):
        views.parse_view("file_1", layout, grounding)
    sections.find_sections(layout)
    schema = fields.read_schema(schemas.build([layout, layout], ""))
    found = fields.extract(layout, schema)["fields"]
    assert isinstance(found, dict) and set(found) == {field.key for field in schema.fields}
    answers.ask([("file_1", layout)], "What is the total on the date?", [], True)
