from __future__ import annotations

import signal
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


@pytest.fixture(autouse=True, scope="session")
def _signals_reach_the_program() -> None:
    """Handle signals that `nohup` or a background shell ignores, because child processes inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
