from __future__ import annotations

from typing import Any

from docspeed_cli.results.rules import parse_rules
from docspeed_cli.review.queue import FAILED, LOW, REST, Concern, find_concerns, in_order, summarize_result

GOOD = {"value": "Basel", "region_ids": ["p1:l1"], "text": "City Basel"}


def payload(**fields: Any) -> dict[str, Any]:
    return {"fields": fields}


def test_concerns_are_of_values_that_are_missing_without_evidence_or_doubtful() -> None:
    result = payload(
        city=GOOD,
        none={"value": None, "region_ids": []},
        bare={"value": "x"},
        unsure=GOOD | {"confidence": 0.5},
        sure=GOOD | {"confidence": 0.95},
        other=GOOD | {"value": "Bern"},
        day={"value": "2026-03-14", "page_index": 0, "text": "14 March 2026"},
        charged={"value": False, "page_index": 0, "text": "No"},
        amount={"value": 1240.5, "page_index": 0, "text": "1.240,50"},
        address={"value": "Main Street 1, Basel", "page_index": 0, "text": "Main Street 1\nBasel"},
        wrong={"value": 12, "page_index": 0, "text": "13"},
    )
    found = {key: (concern.level, *concern.reasons) for key, concern in find_concerns(result).items()}
    assert found == {
        "none": (FAILED, "no value"),
        "bare": (FAILED, "no evidence"),
        "unsure": (LOW, "confidence 50%"),
        "other": (LOW, "differs from the document's text"),
        "wrong": (LOW, "differs from the document's text"),
    }


def test_concerns_of_cells_count_empty_ones_as_doubtful_only() -> None:
    rows = [{"a": GOOD, "b": GOOD}, {"a": GOOD}, {"a": {"value": "x"}, "b": {"value": "y"}}]
    found = find_concerns(payload(city=GOOD) | {"line_items": {"items": rows}})
    assert {key: concern.level for key, concern in found.items()} == {
        "items[2].b": LOW,
        "items[3].a": FAILED,
        "items[3].b": FAILED,
    }


def test_queue_begins_with_what_failed_a_rule_then_doubts_then_the_rest() -> None:
    rules = parse_rules('[[rule]]\nname = "r"\ncheck = "total > net"', "r.toml")
    fine = payload(city=GOOD)
    failed = payload(net=GOOD | {"value": 9, "text": "9"}, total=GOOD | {"value": 5, "text": "5"})
    summaries = [summarize_result(fine, "extract"), summarize_result(failed, "extract", rules.check(failed))]
    assert [(each.level, each.value_count) for each in summaries] == [(REST, 1), (FAILED, 2)]
    concerns = find_concerns(failed, summaries[1].failures)
    assert concerns["total"].level == FAILED and concerns["total"].reasons[0].startswith("r: ")
    marked = {"c": Concern(FAILED), "b": Concern(LOW)}
    assert in_order(["a", "b", "c", "d"], marked) == [2, 1, 0, 3]


def test_rule_about_what_the_result_does_not_have_concerns_the_document() -> None:
    rules = parse_rules('[[rule]]\nname = "r"\ncheck = "gone > 1"', "r.toml")
    summary = summarize_result(payload(city=GOOD), "extract", rules.check(payload(city=GOOD)))
    assert summary.level == FAILED and [key for key, _ in summary.failures] == [""]
