"""A JSON number keeps its own text wherever the program shows it or sends it."""

from __future__ import annotations

import csv
import io
import json
import shlex
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage

NUMBERS = ("1234.50", "12345678901234567.89", "1e400", "-0", "1E5", "0.0000001", "-1.0E-7", "7" * 5000)
by_number = pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:24])


def result(number: str) -> bytes:
    template = """{"fields": {"total": {"value": N, "page": 1}, "parts": [N], "deep": {"x": [{"y": N}]}},
        "line_items": {"items": [{"amount": N}]}, "zip": N}"""
    return template.replace("N", number).encode()


def schema(number: str) -> str:
    return f'{{"fields": [{{"key": "total", "type": "number", "minimum": {number}}}], "tables": []}}'


@by_number
def test_number_in_a_result_keeps_its_text_in_every_format(
    stage: Stage, service: Service, number: str
) -> None:
    service.payload = lambda operation, body: result(number)
    (stage.folder / "s.json").write_text(schema("1"))
    argv = ("extract", "--file-id", "f", "--schema", str(stage.folder / "s.json"), "--wait")
    for form in ("csv", "markdown", "text", "json"):
        ran = stage.run(*argv, "--format", form)
        assert (ran.code, number in ran.out.replace("\\", "")) == (0, True)
    rows = csv.reader(io.StringIO(stage.run(*argv, "--format", "csv", "--table", "fields").out))
    assert [row[1] for row in rows][1:4] == [number, number, number]
    for flags in ((), ("--json",)):
        shown = stage.run(*argv, *flags, terminal=True)
        assert (shown.code, number[:99] in shown.out.replace("\n", "")) == (0, True)


@by_number
def test_number_in_a_result_of_no_known_shape(stage: Stage, service: Service, number: str) -> None:
    service.payload = lambda operation, body: f'{{"weights": [{number}]}}'.encode()
    shown = stage.run("parse", "--file-id", "f", "--wait", terminal=True)
    assert (shown.code, number[:99] in shown.out) == (0, True)


@by_number
def test_number_in_set_is_sent_as_it_is(stage: Stage, service: Service, number: str) -> None:
    argv = ("parse", "--file-id", "f", "--set", f"dpi={number}", "--set", f'a={{"b": [{number}]}}')
    shown = stage.run(*argv, "--dry-run", "--json").out
    curl = shlex.split(stage.run(*argv, "--dry-run", "--format", "curl").out)[-1]
    assert stage.run(*argv).code == 0
    for text in (shown, curl, service.calls[-1].body.decode()):
        assert text.replace(" ", "").count(f'"dpi":{number},"a":{{"b":[{number}]}}') == 1


@by_number
def test_number_in_a_schema_is_sent_as_it_is(stage: Stage, service: Service, number: str) -> None:
    service.payload = lambda operation, body: b'{"fields": {}}'
    argv = ("extract", "--file-id", "f", "--schema", schema(number))
    for flags in (("--dry-run", "--json"), ("--dry-run", "--format", "curl")):
        assert f'"minimum":{number}}}' in stage.run(*argv, *flags).out.replace(" ", "")
    assert stage.run(*argv).code == 0
    assert f'"minimum":{number}}}'.encode() in service.calls[-1].body


@pytest.mark.parametrize(
    ("first", "second", "jobs"),
    [
        ("1.10", "1.1", 1),
        ("1E5", "100000.0", 1),
        ("-0", "0", 1),
        ("12345678901234567.88", "12345678901234567.89", 2),
        ("1e400", "1e401", 2),
        ("7" * 5000, "7" * 4999 + "8", 2),
    ],
    ids=lambda value: str(value)[:20],
)
def test_number_of_another_value_makes_another_request(
    stage: Stage, service: Service, first: str, second: str, jobs: int
) -> None:
    for number in (first, second):
        assert stage.run("extract", "--file-id", "f", "--schema", schema(number)).code == 0
    assert service.count(SUBMIT) == jobs


BODIES = [f'{{ "amount":{number},\r\n "a\\u00e9/\\/" : [1 ,2.50] }}\n' for number in NUMBERS]


@pytest.mark.parametrize("body", [*BODIES, '{"twice": 1, "twice": 2}'], ids=lambda body: body[:30])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_body_is_sent_as_its_bytes(stage: Stage, service: Service, body: str, encoding: str) -> None:
    service.at("/v1/ocr", *[Reply.of(200, {"pages": []})] * 2)
    path = Path(stage.folder / "body.json")
    path.write_bytes(body.encode(encoding))
    for name in (str(path), "-"):
        assert stage.run("api", "POST", "/v1/ocr", "--body", name, stdin=path.read_bytes()).code == 0
        assert service.calls[-1].body == body.encode()
    curl = stage.run("api", "POST", "/v1/ocr", "--body", str(path), "--dry-run", "--format", "curl").out
    assert shlex.split(curl)[-1] == body


@pytest.mark.parametrize("constant", ["NaN", "-Infinity", "Infinity"])
def test_body_and_schema_with_what_only_python_reads_are_usage_errors(
    stage: Stage, service: Service, constant: str
) -> None:
    for argv in (
        ("api", "POST", "/v1/ocr", "--body", "-"),
        ("extract", "--file-id", "f", "--schema", "-"),
    ):
        ran = stage.run(*argv, stdin=f'{{"fields": [{constant}]}}'.encode())
        assert (ran.code, f"it is not JSON: {constant} is not a JSON value" in ran.err) == (2, True)
    assert service.calls == []


@by_number
def test_number_in_an_error_s_details_keeps_its_text(stage: Stage, service: Service, number: str) -> None:
    detail = f'{{"detail": {{"code": "invalid_input", "message": "no", "details": {{"least": {number}}}}}}}'
    service.always(SUBMIT, Reply(422, detail.encode()))
    ran = stage.run("parse", "--file-id", "f", "--json")
    assert (ran.code, f'"details": {{"least": {number}}}' in ran.err) == (7, True)
    assert json.loads(ran.err, parse_int=str)["error"]["code"] == "invalid_input"
