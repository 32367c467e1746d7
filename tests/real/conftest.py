from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_service import Service
from tests.real.machine import Machine


@pytest.fixture
def machine(tmp_path: Path, service: Service) -> Iterator[Machine]:
    """A user's machine whose server is the service on a loopback port."""
    with service.listening() as base_url:
        yield Machine(tmp_path, base_url)
