"""One run against one server: its ledger, locks, key and connection; and what a piece of work is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
)
from docspeed_cli.core.models import Job, Source
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.settings import BASE_URL, Settings, loopback
from docspeed_cli.core.timefmt import span
from docspeed_cli.terminal.output import Output

if TYPE_CHECKING:
    from docspeed_cli.service.body import Body, NewBody
    from docspeed_cli.service.client import Client
    from docspeed_cli.service.exchange import Response
    from docspeed_cli.service.rate_limit import RateLimiter
    from docspeed_cli.store.ledger import Ledger
    from docspeed_cli.store.locks import Locks

T = TypeVar("T")

_ROOM = 256 * 1024 * 1024
"""Bytes that an answer may need."""
Task = Generator[float, None, T]


class WaitOptions(NamedTuple):
    """How jobs are obtained and followed."""

    wait: bool = False
    timeout: float | None = None
    until: float | None = None
    """When a run over many ends its wait, by the monotonic clock; one job's wait begins with its own."""
    floor: float = 0.0
    fresh: bool = False
    batch: str | None = None
    new_body: NewBody = None
    """Makes the body that takes a result in."""


class Outcome(NamedTuple):
    """What became of one piece of work: its job, its result where it was waited for, or its error."""

    source: Source | None = None
    job: Job | None = None
    payload: Body | None = None
    error: DocspeedError | None = None
    output: str | None = None
    skipped_existing: bool = False
    """Whether the output was there before."""
    operation: str | None = None
    seconds: float = 0.0
    status: Response | None = None
    """The server's last answer on the job's status."""


class Session:
    """One run of the program against one server: its ledger, locks and connection, each made when needed."""

    def __init__(
        self, world: Environment, settings: Settings, output: Output, command: str = "docspeed"
    ) -> None:
        self.world = world
        self.settings = settings
        self.output = output
        self.command = command
        """The command line, as a shell takes it."""
        self.server = settings.base_url
        self.progress: Callable[[Job], None] = lambda job: None
        self.sleep = world.sleep
        self.waited_for: dict[str, Job] = {}
        """Jobs that this run waits for, or has not handed over: what it names where it is interrupted."""
        self.result_flags: str | None = None
        """The flags with which `jobs result` hands over what this run waits for; None if nothing."""
        self.batch = False
        """Whether this is a run over many inputs, which the same command takes up again."""
        self.so_far: Callable[[], str] = str
        """How far such a run has come, in words."""
        self.sending: dict[int, str] = {}
        """What is being submitted, by its row; once a run is broken off, nobody knows their fate."""
        self.reused = count(1)
        """Counts the jobs that are used again."""
        output.server_flags = self.flags
        self.workers = ExitStack()
        """Ends those who still work for this session: what they write into is closed after them."""
        self._stack = ExitStack()

    def close(self) -> None:
        """Close what was opened."""
        with self._stack:
            self.workers.close()

    @property
    def any_server(self) -> bool:
        """Whether the user named no server, so that a job's own may be used if it needs no key."""
        return self.settings.origins["base_url"] == "default"

    @property
    def named_server(self) -> str | None:
        """The server that this very command names; None where a setting or the default does."""
        return self.server if self.settings.origins["base_url"] in ("--base-url", "--sandbox") else None

    def at(self, server: str) -> Session:
        """A session like this one with another server, closed with this one."""
        settings = self.settings._replace(
            base_url=server, origins={**self.settings.origins, "base_url": "--sandbox"}
        )
        other = Session(self.world, settings, self.output, self.command)
        other.progress, other.waited_for = self.progress, self.waited_for
        self._stack.callback(other.close)
        return other

    # -- what there is one of

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger in the state folder."""
        from docspeed_cli.store.ledger import Ledger

        ledger = Ledger(self.settings.state_dir / "ledger.db", self.output.warn, self.world.now)
        self._stack.callback(ledger.close)
        return ledger

    @cached_property
    def locks(self) -> Locks:
        """The locks in the state folder."""
        from docspeed_cli.store.locks import Locks

        locks = Locks(self.settings.state_dir / "locks", self.output.warn)
        self._stack.callback(locks.close)
        return locks

    @cached_property
    def api(self) -> Client:
        """The connection to the server. AuthError where a key is needed and there is none."""
        from docspeed_cli.service.client import Client

        world = self.world
        if self.settings.sandbox:
            world = replace(self.world, transport=self._sandbox)
            self.output.note("the sandbox reads text by plain rules; it is not the service's models")
        api = Client(
            self.address,
            self.key,
            world,
            self.gate,
            sleep=lambda seconds: self.sleep(seconds),
            on_exchange=self.output.exchange if self.output.style.verbose else None,
            on_retry=self._on_retry,
            auth_hint=self._auth_hint,
        )
        self._stack.callback(api.close)
        return api

    @property
    def address(self) -> str:
        """What paths are added to."""
        return "http://sandbox.localhost" if self.settings.sandbox else self.server

    @cached_property
    def key(self) -> str:
        """The key for this server; none is needed on this machine."""
        key, _ = self.known_key()
        if not key and not self.settings.sandbox and not _on_this_machine(self.server):
            raise self.no_key()
        from docspeed_cli.service.exchange import MIN_REDACTED_LENGTH

        if len(key) >= MIN_REDACTED_LENGTH:
            self.output.secrets.add(key)
        return key

    def known_key(self) -> tuple[str, str]:
        """The key for this server and where it came from; a warning where others may read it there."""
        key, source = self.settings.key()
        path = self.settings.credentials
        if source == str(path) and os.name == "posix" and path.stat().st_mode & 0o077:
            self.output.warn(f"others may read the keys in {path}; chmod 600 {shlex.quote(str(path))}")
        return key, source

    @property
    def _auth_hint(self) -> str | None:
        """What to do about a key that wins over any that `auth login` saves."""
        if self.known_key()[1] != "DOCSPEED_API_KEY":
            return None
        return f"mend DOCSPEED_API_KEY; or unset it, then docspeed auth login{self.flags}"

    @cached_property
    def gate(self) -> RateLimiter:
        """What all requests of the run pass through."""
        from docspeed_cli.service.rate_limit import RateLimiter

        return RateLimiter(self.world.monotonic)

    def no_key(self) -> AuthError:
        """What is said where a key is needed and there is none."""
        return AuthError(
            f"no API key for {self.server}",
            code="no_key",
            hint=f"docspeed auth login{self.flags}, or set DOCSPEED_API_KEY; --sandbox works without a key",
        )

    @cached_property
    def fingerprint(self) -> str:
        """What stands for the key in the ledger; the key can't be had from it."""
        import hashlib

        key, _ = self.settings.key()
        return hashlib.sha256(b"docspeed ledger " + key.encode()).hexdigest()[:16] if key else ""

    def _sandbox(self, base_url: str) -> Any:
        import httpx

        create_app = installed_sandbox().create_app
        folder = self.settings.state_dir / "sandbox"
        try:
            return httpx.WSGITransport(create_app(folder, now=self.world.now))
        except OSError as error:
            raise DocspeedError(
                f"the sandbox can't keep its files in {folder}: {error.strerror or error}",
                hint="DOCSPEED_STATE_DIR names another folder; docspeed sandbox reset empties this one",
            ) from None

    def _on_retry(self, error: DocspeedError, delay: float) -> None:
        """Tell of a repetition; in a run over many inputs the progress line tells what the gate does."""
        if self.batch and error.status == 429:
            return
        self.output.progress(f"{error.message}; trying again in {span(delay)}")

    @property
    def flags(self) -> str:
        """The flags that name this run's server in another command, where it is not the usual one."""
        if self.named_server in (None, BASE_URL):
            return ""
        return " --sandbox" if self.server == SANDBOX else f" --base-url {self.server}"

    def resume_command(self, jobs: Sequence[Job]) -> str:
        """The command that takes up the wait for these jobs."""
        return f"docspeed jobs wait {' '.join(job.shell_ref for job in jobs)}{self.flags}"

    @property
    def results_dir(self) -> Path:
        """Where payloads that came inline are kept: the server has no job to ask for them again."""
        return self.settings.state_dir / "results"

    @property
    def spool_dir(self) -> Path | None:
        """Where an answer that is paid for is taken in; None, the system's own place, if there is no room."""
        from shutil import disk_usage

        with suppress(OSError):
            if disk_usage(self.settings.state_dir).free < _ROOM:
                return None
        return self.results_dir

    def cached_result_path(self, job: Job) -> Path:
        return self.results_dir / f"{job.token}.json"


def installed_sandbox() -> Any:
    """The sandbox package. DocspeedError where the extra is not installed."""
    import importlib
    import importlib.util

    if not all(importlib.util.find_spec(name) for name in ("werkzeug", "pypdfium2")):
        raise DocspeedError(
            "the sandbox is not installed", code="no_sandbox", hint="pip install 'docspeed-cli[sandbox]'"
        )
    return importlib.import_module("docspeed_cli.sandbox")


def run_to_completion(task: Task[T], world: Environment) -> T:
    """Bring one piece of work to its end in this thread."""
    try:
        while True:
            due = next(task)
            world.sleep(max(0.0, due - world.monotonic()))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _on_this_machine(server: str) -> bool:
    from urllib.parse import urlsplit

    return loopback(urlsplit(server).hostname or "")
