"""Turn instructions such as "number, due date and the line items" into fields."""

from __future__ import annotations

import re

from docspeed_cli.sandbox.items import Field, ItemTable
from docspeed_cli.sandbox.labels import snake

_LEAD = re.compile(
    r"^(?:(?:please|kindly|can you|could you|i|we|want|need|would like|to|extract|get|give me|find|"
    r"pull( out)?|capture|read|return|build|make|create|a|an|the|schema|fields?|following|values?|for|with|"
    r"all|each|every|its|their|also|list of|of|from|as well as|including|include|plus)\b[\s:]*)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\s+(?:from|of|on|in|for) (?:the |an? |each |every |these |this |all )?"
    r"(?:invoices?|bills?|receipts?|(purchase )?orders?|documents?|contracts?|statements?|pdfs?|files?)\b.*$",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(
    r"(?:\w+ )?(?:invoices?|bills?|receipts?|purchase orders?|documents?|contracts?|statements?)",
    re.IGNORECASE,
)
_ITEMS = re.compile(
    r"\b(line items?|items table|items|positions|products|rows)\b\s*"
    r"(?P<columns>\([^)]*\)|(?:with|:|including|each with)\s+(?:their\s+|its\s+|the\s+)?[^.;\n]*)?",
    re.IGNORECASE,
)
_DEFAULT_COLUMNS = "description, quantity, unit price, amount"
_TYPES = (
    ("string", r"number$|\bno$|\bid$|code|name|address|gstin|terms|words|reference|currency"),
    ("date", r"\bdate\b|\bdated\b|\bday$|deadline|\bdue$"),
    ("boolean", r"^(is|has|was|whether)\b"),
    ("number", r"total|amount|price|rate|\btax\b|\b[csi]?gst\b|\bvat\b|quantity|\bqty\b|discount|value"
               r"|balance|count|percent|%|weight|\bcost\b|\bfees?\b|\bhours\b|freight|shipping|^tip$"),
)  # fmt: skip


def read_instructions(text: str) -> tuple[list[Field], list[ItemTable]]:
    """Fields and tables that the text asks for."""
    text = text[:20_000]
    tables = []
    match = _ITEMS.search(text)
    if match:
        columns = (match["columns"] or "").strip("(): ")
        columns = re.sub(r"^(each with|with|including)\b", "", columns) or _DEFAULT_COLUMNS
        tables = [ItemTable("line_items", tuple(_nouns(columns)))]
        text = text[: match.start()] + "," + text[match.end() :]
    return _nouns(text), tables


def _nouns(text: str) -> list[Field]:
    """Fields named in a list with commas, line breaks and "and"."""
    fields: dict[str, Field] = {}
    for part in re.split(r"[,;\n•]|\.\s|\.$|\s-\s|\band\b|&|\bor\b|:\s", text):
        noun = _TAIL.sub("", _LEAD.sub("", part.strip(" .-*\t")))
        noun = re.sub(r"^whether (?:it|they|the \w+) (?=is|are|has)", "", _LEAD.sub("", noun)).strip(
            " .:'\"()"
        )
        key = snake(noun)
        if key and len(noun.split()) <= 5 and not _DOCUMENT.fullmatch(noun):
            fields.setdefault(key, Field(key, noun[0].upper() + noun[1:], _type(noun)))
    return list(fields.values())


def _type(noun: str) -> str:
    return next((kind for kind, words in _TYPES if re.search(words, noun, re.IGNORECASE)), "string")
