"""gzip is known by its content; what the label says does not matter."""

from __future__ import annotations

import gzip
import json
import zlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.service.unpack import unpacked


@given(st.binary(max_size=5000), st.integers(1, 50), st.integers(1, 3))
def test_unpacked_gzip_is_the_content_however_it_is_cut(content: bytes, size: int, members: int) -> None:
    packed = gzip.compress(content) * members
    chunks = (packed[start : start + size] for start in range(0, len(packed), size))
    assert b"".join(unpacked(chunks)) == content * members


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"<html>", zlib.compress(b"{}"), b"\x1f"])
def test_unpacked_leaves_everything_else_as_it_is(content: bytes) -> None:
    for chunks in ([content], [content[:1], b"", content[1:]]):
        assert b"".join(unpacked(iter(chunks))) == content


def test_unpacked_ignores_padding_after_gzip() -> None:
    assert b"".join(unpacked(iter([gzip.compress(b"{}") + bytes(512)]))) == b"{}"


@pytest.mark.parametrize("damage", ["cut", "header only", "changed", "no length"])
def test_unpacked_damaged_gzip_raises(damage: str) -> None:
    packed = gzip.compress(json.dumps(list(range(1000))).encode())
    damaged = {
        "cut": packed[:-20],
        "header only": packed[:10],
        "changed": packed[:40] + b"\x00\xff\x00" + packed[43:],
        "no length": packed[:-4],
    }
    with pytest.raises(httpx.DecodingError):
        list(unpacked(iter([damaged[damage]])))


def test_unpacked_bomb_comes_in_bounded_pieces() -> None:
    packed = gzip.compress(bytes(30_000_000))
    assert max(map(len, unpacked(iter([packed])))) <= 1024 * 1024
