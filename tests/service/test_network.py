"""A server's addresses are tried one after the other, without a long wait for those that lead nowhere."""

from __future__ import annotations

from collections.abc import Mapping

import httpcore
import httpx
import pytest

from docspeed_cli.service.network import addresses_of, connect_to_first

V6, V4, OTHER = "2001:db8::1", "192.0.2.1", "192.0.2.2"
SILENT, REFUSED = httpcore.ConnectTimeout("timed out"), httpcore.ConnectError("refused")


class Wire:
    """Connects to addresses; those in `failures` take their time, or refuse."""

    def __init__(self, failures: Mapping[str, Exception], seconds: float = 15.0) -> None:
        self.failures = failures
        self.seconds = seconds
        self.tried: list[tuple[str, float]] = []

    def left(self) -> float:
        if self.seconds <= 0:
            raise httpx.ConnectTimeout("timed out")
        return self.seconds

    def connect(self, address: str, limit: float) -> str:
        self.tried.append((address, limit))
        if address in self.failures:
            self.seconds -= limit
            raise self.failures[address]
        return f"to {address}"


@pytest.mark.parametrize("failure", [SILENT, REFUSED])
def test_connect_first_address_dead_takes_the_next_after_a_short_time(failure: Exception) -> None:
    wire = Wire({V6: failure})
    assert connect_to_first([V6, V4], wire.connect, wire.left) == (V4, f"to {V4}")
    assert wire.tried == [(V6, 2.0), (V4, 13.0)]


def test_connect_only_address_has_all_the_time() -> None:
    wire = Wire({})
    connect_to_first([V4], wire.connect, wire.left)
    assert wire.tried == [(V4, 15.0)]


def test_connect_no_address_answers_raises_the_last_error_within_the_time() -> None:
    wire = Wire({V6: SILENT, V4: SILENT, OTHER: REFUSED}, 3.0)
    with pytest.raises(httpx.ConnectTimeout):
        connect_to_first([V6, V4, OTHER], wire.connect, wire.left)
    assert wire.tried == [(V6, 2.0), (V4, 1.0)]
    with pytest.raises(httpcore.ConnectError, match="refused"):
        connect_to_first([V6, OTHER], (wire := Wire({V6: SILENT, OTHER: REFUSED})).connect, wire.left)


def test_addresses_of_an_address_is_itself() -> None:
    assert addresses_of("127.0.0.1", 80) == ["127.0.0.1"]
    assert addresses_of("::1", 80) == ["::1"]
