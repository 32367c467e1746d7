"""A result as a page: `docspeed view` beside drawing the document's pages alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.cases.case import Case, Figure, Variant, over
from benchmarks.measure import Stand, measure

_EXAMPLES = Path(__file__).parents[2] / "examples"
_COPIES = 5
"""Of the invoice, which has two pages."""


def _view(stand: Stand) -> dict[str, Variant]:
    document, result = stand.folder / "ten-pages.pdf", stand.folder / "ten-pages.json"
    state = stand.state("view")
    if not result.exists():
        _write_pages(document)
        schema = str(_EXAMPLES / "invoice.schema.json")
        argv = [stand.docspeed, "extract", str(document), "--schema", schema, "--sandbox", "--wait"]
        measure([*argv, "-o", str(result)], state)
    page = str(stand.folder / "ten-pages.html")
    view = [stand.docspeed, "view", str(result), str(document), "--no-open", "-o", page]
    render = [stand.python, stand.rival("render_pages.py"), str(document)]
    return {"docspeed": partial(measure, view, state), "pypdfium2": partial(measure, render, stand.env)}


def _write_pages(document: Path) -> None:
    import pypdfium2

    whole = pypdfium2.PdfDocument.new()
    for _ in range(_COPIES):
        whole.import_pages(pypdfium2.PdfDocument(_EXAMPLES / "invoice.pdf"))
    whole.save(document)


VIEW = Case(
    "view",
    "an invoice of 10 pages as a page to look at, beside the minimal program that draws its pages",
    7,
    _view,
    (Figure("page of a 10-page invoice / drawing its pages", over("docspeed", "pypdfium2"), 3.0),),
)
