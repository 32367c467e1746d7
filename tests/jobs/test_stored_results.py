"""Results that are on this machine."""

from __future__ import annotations

import warnings
from pathlib import Path

from docspeed_cli.jobs.stored.stored_results import read_result_file


def test_read_result_file_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"fields": {}}')
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_result_file("a", path)
    assert found.payload == {"fields": {}}
    assert caught == []
