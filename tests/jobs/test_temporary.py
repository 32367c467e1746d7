"""Temporary files on a full disk."""

from __future__ import annotations

import errno

import pytest

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.jobs.output.temporary import TemporaryDisk


def test_temporary_disk_that_was_full_is_not_used_again() -> None:
    """Space may become free during the run; what was not written before is missing all the same."""
    disk, used = TemporaryDisk(), []
    with pytest.raises(DocspeedError, match="No space left on device"), disk:
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(DocspeedError, match="No space left on device"), disk:
        used.append("again")
    assert used == []
