from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fake_service import Service
from tests.real.browser import CHROMIUM
from tests.real.machine import Machine

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def machine(tmp_path: Path, service: Service) -> Iterator[Machine]:
    """A user's machine whose server is the service on a loopback port."""
    with service.listening() as base_url:
        yield Machine(tmp_path, base_url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A chromium, in which each test opens pages; skips the test where none is installed."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(autouse=True, scope="session")
def _signals_reach_the_program() -> None:
    """Handle signals that `nohup` or a background shell ignores, because child processes inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
