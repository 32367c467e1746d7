from __future__ import annotations

from pathlib import Path

import pytest

from tests.service import Service
from tests.stage import Stage


@pytest.fixture
def service() -> Service:
    """A service that follows the published API."""
    return Service()


@pytest.fixture
def stage(tmp_path: Path, service: Service) -> Stage:
    """A user's machine with a key and that service."""
    return Stage(tmp_path, service)
