"""Draft a file of rules from a schema: what its keys suggest, for the user to keep, change or delete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from docspeed_cli.core.json_text import to_json
from docspeed_cli.core.toml_edit import toml_literal
from docspeed_cli.results.expressions import Names
from docspeed_cli.results.rules import names_of

_HEAD = """\
# Rules for the results of this schema. Keep what holds for your documents, and delete the rest.
# See docspeed help rules; to try them: docspeed check RESULTS --rules THIS_FILE
"""

_WORDS = {
    "number": r"(invoice|document|bill|receipt|order)_?(number|no|id)|number",
    "date": r"(invoice|document|issue|bill)_?date|date",
    "due": r"(payment_?)?due(_?date)?",
    "subtotal": r"sub_?total|net(_?amount|_?total)?|total_?(net|before_?tax)|taxable_?(amount|value)",
    "tax": r"(total_?)?(tax|vat)(_?amount|_?total)?",
    "total": r"(grand_?)?total(_?(due|amount|gross))?|amount_?due|invoice_?total|gross(_?amount|_?total)?",
    "currency": r"currency(_?code)?",
    "gstin": r"gstin|gst_?(number|no)",
    "iban": r"iban",
    "quantity": r"(item_?)?(quantity|qty)",
    "price": r"(unit_?|item_?)?(price|rate)",
    "net": r"taxable_?(value|amount)|net(_?amount|_?total|_?value)?",
    "amount": r"(line_?|item_?)?(amount|total|line_?total)(_?net)?",
}
"""Regular expressions for a key's last part in lower case, by its meaning."""

_GSTIN = r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]Z[0-9A-Z]"
_IBAN = r"[A-Z]{2}[0-9]{2}[ 0-9A-Z]{11,40}"


def draft_rules(schema: Any) -> str | None:
    """Return a rules file for a schema; None if the schema's form is not known."""
    names = names_of(schema)
    if names is None:
        return None
    rules = [*_field_rules(names), *_table_rules(names)]
    if not rules:
        first = next(iter(names.fields), None)
        rules = (
            [_rule(f"{first} is there", f"present({_written(first)})", "Each document must have it.")]
            if first
            else []
        )
    return "\n".join([_HEAD, *rules])


def _field_rules(names: Names) -> Iterator[str]:
    keys = _by_word(names.fields)
    number, total = keys.get("number"), keys.get("total")
    for key in filter(None, (number, keys.get("date"), total)):
        yield _rule(
            f"{key} is there", f"present({_written(key)})", "A person must look at a document without it."
        )
    if number:
        yield _rule(
            f"{number} is new",
            f"unique({_written(number)})",
            "No two documents of a run may have the same one.",
        )
    if "date" in keys and "due" in keys:
        check = f"{_written(keys['due'])} >= {_written(keys['date'])}"
        when = f"present({_written(keys['due'])})"
        yield _rule("due after the date", check, when=when, severity="warning")
    if total and "subtotal" in keys and "tax" in keys:
        check = f"{_written(keys['subtotal'])} + {_written(keys['tax'])} == {_written(total)}"
        yield _rule("subtotal and tax make the total", check, tolerance="0.01")
    if "currency" in keys:
        check = f'{_written(keys["currency"])} in ("EUR", "USD", "GBP")'
        # A schema does not tell which currencies are right, so this rule waits for the user's list.
        yield _commented(_rule("currency that we use", check, "List yours."))
    for word, pattern in (("gstin", _GSTIN), ("iban", _IBAN)):
        if word in keys:
            check = f"matches({_written(keys[word])}, {pattern!r})"
            yield _rule(f"{keys[word]} is well formed", check, when=f"present({_written(keys[word])})")


def _table_rules(names: Names) -> Iterator[str]:
    fields = _by_word(names.fields)
    for table, columns in names.tables.items():
        keys = _by_word(columns)
        amount = keys.get("net") or keys.get("subtotal") or keys.get("amount")
        if amount and {"quantity", "price"} <= keys.keys():
            check = f"{_written(keys['quantity'])} * {_written(keys['price'])} == {_written(amount)}"
            name = f"amounts of {table} are quantity times price"
            yield _rule(
                name, check, each=table, tolerance="0.01", when=f"present({_written(keys['quantity'])})"
            )
        whole = fields.get("subtotal") or fields.get("total")
        if amount and whole:
            check = f"sum({_written(f'{table}.{amount}')}) == {_written(whole)}"
            yield _rule(f"{table} add up to {whole}", check, tolerance="0.01")


def _by_word(keys: Iterable[str]) -> dict[str, str]:
    """The first key for each word that we know."""
    found: dict[str, str] = {}
    for key in keys:
        last = re.sub(r"[^a-z0-9]+", "_", key.rpartition(".")[2].lower())
        for word, pattern in _WORDS.items():
            if word not in found and re.fullmatch(pattern, last):
                found[word] = key
                break
    return found


def _written(key: str) -> str:
    """A key as an expression writes it; one with blanks or hyphens needs quotes."""
    plain = all(part.isidentifier() for part in key.split("."))
    return key if plain else f"field({to_json(key)})"


def _rule(name: str, check: str, about: str = "", tolerance: str = "", **members: str) -> str:
    lines = [f"# {about}"] if about else []
    texts = {"name": name, "check": check, **members}
    lines += ["[[rule]]", *(f"{member} = {_toml(text)}" for member, text in texts.items())]
    lines += [f"tolerance = {tolerance}"] if tolerance else []
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    """A text as TOML: between single quotes as it is, or else escaped."""
    return f"'{text}'" if "'" not in text and '"' in text else toml_literal(text)


def _commented(rule: str) -> str:
    return "".join(line if line.startswith("#") else f"# {line}" for line in rule.splitlines(keepends=True))
