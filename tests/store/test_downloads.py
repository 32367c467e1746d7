"""Downloads are kept by content; the least recently used go, but none of the last hours."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from docspeed_cli.store.downloads import Download, DownloadFolder

HOUR = 3600.0


def keep(folder: DownloadFolder, url: str, content: bytes, used_at: float) -> Download:
    download = Download(hashlib.sha256(content).hexdigest(), etag="e")
    with folder.new_file() as file:
        file.write(content)
        folder.keep(url, file, download)
    os.utime(folder.path(download.digest), (used_at, used_at))
    return download


def test_download_is_found_with_its_validators_until_it_is_damaged(tmp_path: Path) -> None:
    folder = DownloadFolder(tmp_path / "downloads")
    assert folder.find("https://x.example/a?key=secret") is None
    kept = keep(folder, "https://x.example/a?key=secret", b"%PDF", 1.0)
    assert folder.find("https://x.example/a?key=secret") == kept
    assert folder.find("https://x.example/a?key=other") is None
    assert folder.path(kept.digest).stat().st_mode & 0o077 == 0
    assert not any(
        "secret" in path.name or b"secret" in path.read_bytes() for path in folder.path("").iterdir()
    )
    folder.path(kept.digest).write_bytes(b"%PDX")
    assert folder.find("https://x.example/a?key=secret") is None


def test_prune_deletes_the_least_recently_used_until_the_rest_fits(tmp_path: Path) -> None:
    folder, now = DownloadFolder(tmp_path), 1000 * HOUR
    old, older, new = (
        keep(folder, f"https://x.example/{n}", bytes([n]) * 1000, now - age * HOUR)
        for n, age in enumerate((20, 30, 1))
    )
    folder.prune(2900, now)
    assert [folder.path(each.digest).exists() for each in (old, older, new)] == [True, False, True]
    folder.prune(0, now)
    assert [folder.path(each.digest).exists() for each in (old, older, new)] == [False, False, True]
