"""A result that is passed on as it comes arrives whole, however often its answer is cut."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docspeed_cli.core.errors import Unavailable
from docspeed_cli.service.body import Body
from docspeed_cli.service.outlet import HELD_BACK, Outlet

RESULT = json.dumps({"pages": [f"{number:07d}" for number in range(HELD_BACK // 5)]}).encode()


class Reader:
    """Standard output, as far as an outlet knows it."""

    def __init__(self) -> None:
        self.read = bytearray()
        self.outlet = Outlet(self.write)

    def write(self, chunk: bytes) -> None:
        self.read += chunk

    def answer(self, content: bytes, step: int = 65536) -> Body:
        """One answer with this content."""
        payload = Body(outlet=self.outlet)
        for start in range(0, len(content), step):
            payload.write(content[start : start + step])
        return payload


@pytest.fixture
def reader() -> Reader:
    return Reader()


def rest(payload: Body) -> bytes:
    return b"".join(payload.lines())


def test_a_result_is_held_back_until_it_is_large(reader: Reader) -> None:
    payload = reader.answer(RESULT[:HELD_BACK])
    assert not reader.read and not reader.outlet.used
    payload.write(RESULT[HELD_BACK : HELD_BACK + 1])
    assert reader.read == RESULT[: HELD_BACK + 1]


@pytest.mark.parametrize("end", [b"", b"\n", b" \n\n"])
def test_what_is_passed_on_ends_with_a_newline(reader: Reader, end: bytes) -> None:
    payload = reader.answer(RESULT + end)
    assert payload.plausible()
    assert reader.read + rest(payload) == RESULT + (end or b"\n")


cuts = st.lists(st.integers(0, len(RESULT) - 1), max_size=5)
steps = st.sampled_from([1000, 65536, 300_000, 10**7])


@settings(max_examples=40, deadline=None)
@given(cuts, st.lists(steps, min_size=6, max_size=6))
def test_each_repeated_answer_goes_on_where_the_last_was_cut(cuts: list[int], steps: list[int]) -> None:
    reader = Reader()
    for cut, step in zip(cuts, steps, strict=False):
        assert not reader.answer(RESULT[:cut], step).plausible()
        assert RESULT.startswith(reader.read)
    payload = reader.answer(RESULT, steps[-1])
    assert payload.plausible()
    assert reader.read + rest(payload) == RESULT + b"\n"


def changed(at: int) -> bytes:
    return RESULT[:at] + (b"x" if RESULT[at : at + 1] != b"x" else b"y") + RESULT[at + 1 :]


@pytest.mark.parametrize("back", [1, 1000, 60_000])
def test_another_result_is_not_added_to_the_first(reader: Reader, back: int) -> None:
    cut = HELD_BACK + 65536 * 3
    reader.answer(RESULT[:cut])
    with pytest.raises(Unavailable, match="another one"):
        reader.answer(changed(len(reader.read) - back), 10_000)
    assert reader.read == RESULT[:cut]


@pytest.mark.parametrize("second", [b"{}", b"", RESULT[: HELD_BACK + 1], RESULT[:HELD_BACK]])
def test_a_shorter_answer_is_no_end_of_a_longer_one(reader: Reader, second: bytes) -> None:
    reader.answer(RESULT[: HELD_BACK + 100_000])
    assert not reader.answer(second).plausible()
    assert len(reader.read) == HELD_BACK + 100_000


def pages(content: bytes) -> Iterable[bytes]:
    return [content + b" " * HELD_BACK, content * (HELD_BACK // len(content) + 1)]


@pytest.mark.parametrize("content", [*pages(b"<html>"), *pages(b"error {")])
def test_what_is_no_json_is_passed_on_to_nobody(reader: Reader, content: bytes) -> None:
    assert not reader.answer(content).plausible()
    assert reader.read == b""


def test_a_small_result_needs_no_outlet(reader: Reader) -> None:
    payload = reader.answer(b'{"pages": []}')
    assert payload.plausible()
    assert rest(payload) == b'{"pages": []}\n'
    assert not reader.read
