"""Answers with citations, and sections of a packet."""

from __future__ import annotations

from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox

DOC = papers.lines_pdf(["The warehouse is in Mysuru.", "Capacity: 400 pallets", "Manager: R. Meenakshi"])
OTHER = papers.lines_pdf(["The office is in Pune.", "Capacity: 30 desks"])


def test_ask_without_match_says_so(sandbox: Sandbox) -> None:
    body = sandbox.ask("/api/v1/ask", DOC, query="Which aeroplanes fly?")
    assert "Nothing in the documents matches" in body["answer"]
    assert body["citations"] == [] and body["session_id"].startswith("sess_")


def test_ask_answer_cites_its_lines(sandbox: Sandbox) -> None:
    body = sandbox.ask("/api/v1/ask", DOC, query="Who is the manager?")
    assert body["answer"] == "“Manager: R. Meenakshi” (page 1)"
    (region,) = body["citations"][0]["regions"]
    assert (region["page_index"], region["region_id"], region["text"]) == (
        0,
        "p1:l3",
        "Manager: R. Meenakshi",
    )
    assert len(region["bbox"]) == 4


def test_ask_words_of_a_question_do_not_count(sandbox: Sandbox) -> None:
    document = papers.lines_pdf(["CGST: 25,287.28", "Interest is charged on payments after the date."])
    body = sandbox.ask("/api/v1/ask", document, query="How much CGST is charged?")
    assert body["answer"] == "“CGST: 25,287.28” (page 1)"
    body = sandbox.ask("/api/v1/ask", document, query="Wie hoch ist die CGST?")
    assert body["answer"] == "“CGST: 25,287.28” (page 1)"


def test_ask_heading_that_is_a_label_is_quoted_once(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    paper.put(50, 80, "Handelsrechnung (380) Nr. 471113", "B", 14)
    paper.put(50, 120, "vom", "B", 14)
    for row in range(6):
        paper.put(50, 160 + 14 * row, f"Position {row} ist vollständig geliefert")
    body = sandbox.ask("/api/v1/ask", paper.bytes(), query="Handelsrechnung 380")
    assert body["answer"].count("471113") == len(body["citations"][0]["regions"]) == 1


def test_ask_value_comes_before_a_title_with_the_same_words(sandbox: Sandbox) -> None:
    paper = papers.Paper()
    paper.put(50, 80, "INVOICE", "B", 16)
    paper.put(50, 120, "SELLER", "B", 16)
    for row, text in enumerate(("Rohstoff AG", "Pune", "Invoice No.: R-7", "Origin: Pune", "Terms: 30 days")):
        paper.put(50, 150 + 14 * row, text)
    body = sandbox.ask("/api/v1/ask", paper.bytes(), query="Which invoice is it?")
    assert body["answer"] == "“Invoice No.: R-7” (page 1)"


def test_ask_without_grounding_has_no_citations(sandbox: Sandbox) -> None:
    body = sandbox.ask("/api/v1/ask", DOC, query="manager", include_grounding=False)
    assert "Meenakshi" in body["answer"] and body["citations"] == []


def test_ask_over_several_documents_names_the_document(sandbox: Sandbox) -> None:
    ids = [sandbox.file_id(DOC), sandbox.file_id(OTHER)]
    body = {"inputs": [{"file_id": file_id} for file_id in ids], "query": "capacity in desks"}
    answer = sandbox.json(sandbox.post("/api/v1/ask", body))
    assert answer["answer"] == "“Capacity: 30 desks” (page 1 of document 2)"
    assert [citation["doc_id"] for citation in answer["citations"]] == [ids[1]]


def test_ask_follow_up_uses_previous_question(sandbox: Sandbox) -> None:
    inputs = [{"file_id": sandbox.file_id(DOC)}]
    first = sandbox.json(sandbox.post("/api/v1/ask", {"inputs": inputs, "query": "What is the capacity?"}))
    session = {"inputs": inputs, "session_id": first["session_id"]}
    again = sandbox.json(sandbox.post("/api/v1/ask", {**session, "query": "and exactly?"}))
    assert again["answer"] == first["answer"] and again["session_id"] == first["session_id"]
    alone = sandbox.json(sandbox.post("/api/v1/ask", {"inputs": inputs, "query": "and exactly?"}))
    assert alone["citations"] == []


def test_ask_session_with_other_inputs_returns_422(sandbox: Sandbox) -> None:
    inputs = [{"file_id": sandbox.file_id(DOC)}, {"file_id": sandbox.file_id(OTHER)}]
    session = sandbox.json(sandbox.post("/api/v1/ask", {"inputs": inputs, "query": "x"}))["session_id"]
    turned = {"inputs": inputs[::-1], "query": "x", "session_id": session}
    assert sandbox.json(sandbox.post("/api/v1/ask", turned), 422)["detail"]["code"] == "session_mismatch"
    unknown = {"inputs": inputs, "query": "x", "session_id": "sess_é"}
    assert sandbox.json(sandbox.post("/api/v1/ask", unknown), 404)["detail"]["code"] == "session_not_found"


def test_ask_odd_questions_succeed(sandbox: Sandbox) -> None:
    for query in ("", "???", "\ud800 capacity", "capacity " * 5000):
        assert "answer" in sandbox.ask("/api/v1/ask", DOC, query=query)


def test_split_by_page_numbers(sandbox: Sandbox) -> None:
    pages = [["Lease", "words", f"Page {n} of {m}"] for n, m in ((1, 2), (2, 2), (1, 1))]
    sections = sandbox.ask("/v1/split", papers.lines_pdf(*pages))["sections"]
    assert [(s["start_page_index"], s["end_page_index"]) for s in sections] == [(0, 1), (2, 2)]
    assert sections[0]["kind"] == "document"


def test_split_by_titles_and_page_numbers(sandbox: Sandbox) -> None:
    pages = (
        ["INVOICE", "Invoice No: 1", "Total: 5.00"],
        ["INVOICE", "Invoice No: 1", "and so on"],
        ["INVOICE", "Invoice No: 2", "Total: 6.00"],
        ["more of it"],
        ["RECEIPT", "Paid: 6.00"],
    )
    sections = sandbox.ask("/v1/split", papers.lines_pdf(*pages))["sections"]
    assert [(s["kind"], s["start_page_index"], s["end_page_index"]) for s in sections] == [
        ("invoice", 0, 1),
        ("invoice", 2, 3),
        ("receipt", 4, 4),
    ]


def test_split_invoice_title_above_other_lines_is_one_section(sandbox: Sandbox) -> None:
    first = ["INVOICE", "12 March 2026", "Invoice No: R-7", "Total: 120.00"]
    second = ["INVOICE", "48 Main Road", "Invoice No: R-7 (continued)", "Total: 120.00"]
    third = ["INVOICE", "12 March 2026", "Invoice No: R-8", "Total: 50.00"]
    sections = sandbox.ask("/v1/split", papers.lines_pdf(first, second, third))["sections"]
    assert [(s["start_page_index"], s["end_page_index"]) for s in sections] == [(0, 1), (2, 2)]


def test_split_titles_in_german_and_french_name_their_kinds(sandbox: Sandbox) -> None:
    titles = ["Rechnung", "Lieferschein", "Facture", "Bon de commande", "Angebot"]
    found = sandbox.ask("/v1/split", papers.lines_pdf(*([title] for title in titles)))["sections"]
    kinds = ["invoice", "delivery_note", "invoice", "purchase_order", "quotation"]
    assert [section["kind"] for section in found] == kinds
