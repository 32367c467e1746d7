"""Compare a schema's names with a document's labels."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_WORDS = {
    "no": "number", "nos": "number", "num": "number", "nr": "number", "#": "number", "amt": "amount",
    "qty": "quantity", "inv": "invoice", "acct": "account", "desc": "description", "%": "percent",
    "pct": "percent", "percentage": "percent", "tel": "phone", "telephone": "phone", "mob": "mobile",
    "dt": "date", "dated": "date", "addr": "address", "bill": "invoice", "ref": "reference", "uom": "unit",
    "ifs": "ifsc", "id": "number", "gst#": "gstin", "units": "unit", "items": "item", "totals": "total",
}  # fmt: skip
_PHRASES = (
    (r"purchase order", "po"), (r"\bp\.?\s?o\.?(?=\W|$)", "po "), (r"a/c", "account "), (r"e-mail", "email"),
    (r"sub[- ]total", "subtotal"), (r"\bbill(ed)? to\b", "buyer"), (r"\bship(ped)? to\b", "consignee"),
    (r"\bgst (number|no\b\.?|in\b)", "gstin "), (r"\bs\. ?no\b|\bsr\.? ?no\b|\bsl\.? ?no\b", "serial number"),
)  # fmt: skip
_FILLER = frozenset(
    {"the", "of", "a", "an", "for", "in", "on", "and", "inr", "rs", "usd", "eur", "gbp", "is"}
)
_TELLING = re.compile(
    "due|tax|subtotal|taxable|po|ship|delivery|bank|account|[csi]gst|round|discount|words|packing|vehicle|place|"
    "order|payment|shipping|freight|paid|previous|balance|unit|rate|percent|buyer|consignee"
)

# Each group lists the names of one thing, the clearest first.
_GROUPS: tuple[tuple[str, ...], ...] = (
    ("invoice number", "tax invoice number", "document number", "invoice"),
    ("invoice date", "date of invoice", "date of issue", "issue date", "date"),
    ("due date", "payment due date", "payment due", "date due", "due on", "pay by", "due"),
    ("grand total", "invoice total", "total amount", "total payable", "amount payable", "net payable",
     "total due", "total invoice amount", "total invoice value", "amount due", "balance due", "total",
     "net amount", "amount"),
    ("subtotal", "taxable value", "taxable amount", "total taxable value", "net total", "total before tax"),
    ("total tax", "tax amount", "tax total", "total gst", "gst amount", "gst", "vat", "tax"),
    ("po number", "order number", "po", "buyer po", "your order number", "customer po number"),
    ("po date", "order date"),
    ("gstin", "gstin number", "gstin uin", "gst registration number", "gst"),
    ("account number", "bank account number", "account"),
    ("bank name", "bank", "bank branch"),
    ("ifsc", "ifsc code", "bank ifsc"),
    ("place of supply", "supply place"),
    ("payment terms", "terms of payment", "terms"),
    ("round off", "rounding", "rounded off"),
    ("receipt number", "receipt"),
    ("delivery date", "delivery by", "date of delivery", "deliver by"),
    ("phone", "phone number", "mobile", "mobile number", "contact number"),
    ("email", "email address"),
    ("amount in words", "total in words", "rupees in words"),
    ("currency", "currency code"),
    ("reverse charge", "is reverse charge", "tax payable on reverse charge"),
    ("description", "item", "item description", "product", "particulars", "details", "goods", "service",
     "contents", "description goods", "item name", "product name", "name"),
    ("quantity", "quantity shipped", "count", "pcs"),
    ("unit", "unit measure"),
    ("rate", "unit price", "unit rate", "price", "price per unit", "price each", "unit cost", "cost"),
    ("amount", "line total", "total", "line amount", "total amount", "value", "net amount", "total price"),
    ("gst percent", "gst rate", "tax percent", "tax rate", "vat percent", "rate tax"),
    ("hsn sac", "hsn", "sac", "hsn code", "hsn sac code"),
    ("taxable value", "taxable amount", "taxable", "net value"),
    ("serial number", "line number", "number", "serial", "line", "position"),
)  # fmt: skip


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """Significant words of a name in one spelling: `Inv. No.` equals `invoice_number`."""
    text = text.replace("_", " ").lower()
    text = re.sub(r"(?<=\w)\s*@?\s*\(?\d+(?:\.\d+)?\s?%\)?$", " ", text)  # a tax rate is not part of the name
    text = re.sub(r"\((?:inr|rs\.?|usd|eur|gbp|[₹$€£])\)", " ", text)
    for pattern, plain in _PHRASES:
        text = re.sub(pattern, plain, text)
    words = (_WORDS.get(word, word) for word in re.findall(r"[^\W_]+|[#%]", text))
    return tuple(word for word in words if word not in _FILLER)


_BY_TOKENS: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
for _group in _GROUPS:
    _BY_TOKENS.setdefault(tokens(_group[0]), []).append(_group)
    for _name in _group[1:]:
        _BY_TOKENS.setdefault(tokens(_name), []).append(_group)


def names_of(key: str, description: str = "") -> list[tuple[tuple[str, ...], float]]:
    """Names that a field may have in a document, each with a weight from 0 to 1."""
    own = tokens(key)
    found: dict[tuple[str, ...], float] = {own: 1.0}
    about = tokens(description) if len(description) <= 60 else ()
    if about:
        found.setdefault(about, 0.95)
    for given in (own, about):
        for group in _BY_TOKENS.get(given, ()) if given else ():
            _add_group(found, group, given)
    return [(name, weight) for name, weight in found.items() if name]


def _add_group(found: dict[tuple[str, ...], float], group: Iterable[str], given: tuple[str, ...]) -> None:
    listed = [tokens(name) for name in group]
    # A field under one of its clear names is certain; one that is only called "amount" may be another.
    start = 0.97 if listed.index(given) < len(listed) - 1 else 0.9
    for rank, name in enumerate(listed):
        weight = start - 0.02 * rank - (0.1 if len(name) == 1 and rank > 2 else 0)
        found[name] = max(found.get(name, 0), weight)


def fit(names: Iterable[tuple[tuple[str, ...], float]], label: str) -> float:
    """Best fit of a label with one of the names, from 0 to 1."""
    have = tokens(label)
    if not have or len(have) > 8:
        return 0.0
    return max((weight * _match(name, have) for name, weight in names), default=0.0)


def _match(name: tuple[str, ...], have: tuple[str, ...]) -> float:
    if name == have:
        return 1.0
    if len(name) > 1 and sorted(name) == sorted(have):
        return 0.95
    extra = [word for word in have if word not in name]
    if len(have) - len(extra) < len(set(name)) or any(_TELLING.fullmatch(word) for word in extra):
        return 0.0
    return max(0.0, 0.85 - 0.15 * len(extra))


def snake(text: str) -> str:
    """Convert a name to a key: `Invoice No.` becomes `invoice_number`."""
    text = re.sub(r"\([^)]*\)", " ", text.lower()[:80])
    words = (("number" if word in ("no", "nos", "#") else _WORDS.get(word, word)) for word in
             re.findall(r"[^\W_]+|[#%]", text) if word not in ("the", "a", "an"))  # fmt: skip
    return "_".join(words)
