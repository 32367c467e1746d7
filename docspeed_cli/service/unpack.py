"""Unpack gzip by the content, not its label: proxies and storage servers write wrong labels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31
"""zlib's number for the largest window and a gzip header."""

_PIECE = 1024 * 1024
"""Bytes that are unpacked at a time: 1 MB of gzip can hold 1 GB."""


def unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress content that begins with gzip's magic bytes; pass any other content through.

    JSON never begins with them. DecodingError for damaged gzip.
    """
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(_GZIP):
            break
    all_chunks = chain([first], chunks)
    return _gunzipped(all_chunks) if first.startswith(_GZIP) else all_chunks


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    import zlib

    import httpx

    member = zlib.decompressobj(_GZIP_FORMAT)
    try:
        for chunk in chunks:
            while chunk:
                if member.eof:
                    # One byte only: the other may come with the next chunk.
                    if not chunk.startswith(_GZIP[:1]):
                        return  # padding after the last member
                    member = zlib.decompressobj(_GZIP_FORMAT)
                yield member.decompress(chunk, _PIECE)
                chunk = member.unconsumed_tail or member.unused_data
        yield member.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from None
    if not member.eof:
        raise httpx.DecodingError("it is cut short")
