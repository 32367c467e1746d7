from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fake_service import Service
from tests.stage import Stage

# No example fails for being slow: the machine may be busy with other tests.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use sockets, processes and shells."""
    for item in items:
        if Path(__file__).parent / "real" in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture
def service() -> Service:
    """A service that follows the published API."""
    return Service()


@pytest.fixture
def stage(tmp_path: Path, service: Service) -> Stage:
    """A user's machine with a key and that service."""
    return Stage(tmp_path, service)
