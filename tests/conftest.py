from __future__ import annotations

import errno
import gc
import itertools
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from docspeed_cli.core.errors import Interrupted
from docspeed_cli.store.ledger import Ledger
from tests.fake_service import Call, Reply, Service, serve
from tests.postgres import Server
from tests.stage import Stage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# No example fails for being slow: the machine may be busy with other tests. Each run has other examples.
settings.register_profile(
    "patient", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


collect_ignore = ["real"] if sys.platform == "win32" else []
"""Those tests need terminals, signals and shells of POSIX systems, which their imports show."""

_IN_MEMORY = Path("/dev/shm")
_ENOUGH = 2_000_000_000
"""Free bytes that let all tests have their folders in memory; containers often have 64 MB."""


def pytest_configure() -> None:
    """Keep compiled tests, and put the tests' folders into memory."""
    # Otherwise each worker compiles every test again, which takes it longer than all other preparations.
    sys.dont_write_bytecode = False
    # On a disk, waiting for the ledger's syncs takes half of the time.
    if _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free > _ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use sockets, processes and shells."""
    real = str(Path(__file__).parent / "real") + os.sep
    for item in items:
        if str(item.path).startswith(real):
            item.add_marker(pytest.mark.real)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the modules and tests, which live to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def service() -> Service:
    """A service that follows the published API."""
    return Service()


@pytest.fixture
def interrupted_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service, where Ctrl-C comes in the middle of each exchange."""

    def interrupt(call: Call) -> Reply:
        raise Interrupted(2)

    monkeypatch.setattr(service, "handle", interrupt)
    return service


@pytest.fixture
def fixed_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse changes of files' modes, as a disk does where the mount decides them."""

    def refuse(*args: object, **named: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)


@pytest.fixture
def umask() -> Iterator[None]:
    """Make new files readable by their group, and by no others."""
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a user without jobs; making its tables takes a third of a short test."""
    folder = tmp_path_factory.mktemp("empty") / "state"
    Ledger(folder / "ledger.db", pytest.fail, time.time).close()
    return folder


@pytest.fixture
def new_stage(tmp_path: Path, service: Service) -> Stage:
    """A new user's machine with a key and that service."""
    return Stage(tmp_path, service)


@pytest.fixture
def stage(new_stage: Stage, empty_ledger: Path) -> Stage:
    """The machine of a user who has called the program before."""
    shutil.copytree(empty_ledger, new_stage.folder / "state")
    return new_stage


@pytest.fixture(scope="session")
def quick_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sandbox that has done each job when it is first asked for it."""
    from docspeed_cli.sandbox import create_app
    from docspeed_cli.sandbox.serve import make_server

    times = itertools.count(int(time.time()))  # a second passes at each look
    server = make_server(create_app(tmp_path_factory.mktemp("sandbox"), now=times.__next__), 0)
    with serve(server):
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A chromium, in which each test opens pages; skips the test where none is installed."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server; skips the test where none is installed."""
    server = Server()
    Server.running.append(server)
    yield server
    Server.running.remove(server)
    server.delete()
