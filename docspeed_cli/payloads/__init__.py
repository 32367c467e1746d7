"""Alone in reading payloads whose exact shape nobody promised.

Every reader takes any JSON value and raises for none; what it can't make sense of, it leaves out.
"""

from docspeed_cli.payloads.extraction import Field, columns, fields, has_fields, line_items
from docspeed_cli.payloads.grids import Table, has_tables, tables
from docspeed_cli.payloads.outline import Node, Outline, outline
from docspeed_cli.payloads.reading import Citation, Page, Region, Section, answer, citations, pages, sections
from docspeed_cli.payloads.values import compact, member, scalar

__all__ = [
    "Citation",
    "Field",
    "Node",
    "Outline",
    "Page",
    "Region",
    "Section",
    "Table",
    "answer",
    "citations",
    "columns",
    "compact",
    "fields",
    "has_fields",
    "has_tables",
    "line_items",
    "member",
    "outline",
    "pages",
    "scalar",
    "sections",
    "tables",
]
