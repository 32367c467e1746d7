"""What one command works with: environment, settings, output, client, ledger and locks."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, DocspeedError
from docspeed_cli.core.models import Job
from docspeed_cli.core.settings import Settings, loopback
from docspeed_cli.core.timefmt import span
from docspeed_cli.terminal.output import Output

if TYPE_CHECKING:
    from docspeed_cli.jobs.documents.downloads import Downloads
    from docspeed_cli.jobs.output.files_read import FilesRead
    from docspeed_cli.jobs.report import Report
    from docspeed_cli.service.client import Client
    from docspeed_cli.service.rate_limit import RateLimiter
    from docspeed_cli.store.kept_results import KeptResults
    from docspeed_cli.store.ledger import Ledger
    from docspeed_cli.store.locks import Locks
    from docspeed_cli.store.postgres import PostgresDatabase
    from docspeed_cli.store.postgres_locks import AdvisoryLocks


T = TypeVar("T")


class ClientOptions(NamedTuple):
    """How a client sleeps, retries and spools."""

    sleep: Callable[[float], None] | None = None
    """Sleeps between two tries; None: the environment's sleep."""
    retry_rate_limits: bool = False
    """Whether a rate limit is waited out however often it is met: true for runs over many documents."""
    spool_dir: Path | None = None
    """Folder of the file that a large result becomes, so that it need not be copied there."""


class _shared_property(cached_property[T]):
    """A property whose value a context shares with all contexts made from it."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        def make_or_share(context: Context) -> T:
            made_from = context._made_from
            return make(context) if made_from is None else getattr(made_from, make.__name__)

        super().__init__(make_or_share)


class Context:
    """What a command works with. Nothing changes its attributes once it is made."""

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        output: Output,
        *,
        made_from: Context | None = None,
        client_options: ClientOptions | None = None,
    ) -> None:
        self.environment = environment
        self.settings = settings
        self.output = output
        self.server = settings.base_url
        self._made_from = made_from
        self._opened: ExitStack = made_from._opened if made_from is not None else ExitStack()
        self._client_options = client_options or ClientOptions()

    def close(self) -> None:
        """Close everything that was opened, also by contexts made from this one."""
        self._opened.close()

    def close_client(self) -> None:
        """Close this context's client, if it was made."""
        # A look at `self.client` would make one, and fail where there is no key.
        if "client" in self.__dict__:
            self.client.close()

    def with_client(self, **options: Any) -> Context:
        """The same context with another client, whose `ClientOptions` differ, under the same rate limit."""
        named = (self.environment, self.settings, self.output)
        return Context(*named, made_from=self, client_options=self._client_options._replace(**options))

    def with_server(self, server: str) -> Context:
        """The same context for another server, as if the command line had named it."""
        origins = {**self.settings.origins, "base_url": "--sandbox"}
        settings = self.settings._replace(base_url=server, origins=origins)
        return Context(self.environment, settings, self.output, made_from=self)

    @_shared_property
    def report(self) -> Report:
        """The jobs or the run of this command, for `--notify`."""
        from docspeed_cli.jobs.report import Report

        return Report()

    # -- the ledger and the state folder

    @_shared_property
    def shared_database(self) -> PostgresDatabase | None:
        """The database of a shared ledger; None without one. Unavailable if it can't be used."""
        address = self.settings.ledger
        if address is None:
            return None
        self.output.secrets.update(address.secrets)
        environment = self.environment
        connect = installed_postgres()
        database: PostgresDatabase = connect(address, self.output.warn, environment.now, environment.sleep)
        return database

    @_shared_property
    def ledger(self) -> Ledger:
        """The ledger of jobs."""
        from docspeed_cli.store.ledger import Ledger

        path, database = self.settings.state_dir / "ledger.db", self.shared_database
        ledger = Ledger(path, self.output.warn, self.environment.now, database)
        self._opened.callback(ledger.close)
        return ledger

    @_shared_property
    def locks(self) -> Locks | AdvisoryLocks:
        """One lock for each request."""
        if self.shared_database is not None:
            _ = self.ledger  # closes the database at the end
            return self.shared_database.locks
        from docspeed_cli.store.locks import Locks

        locks = Locks(self.settings.state_dir / "locks", self.output.warn)
        self._opened.callback(locks.close)
        return locks

    @_shared_property
    def files_read(self) -> FilesRead:
        """The files that this command reads, which no result may replace."""
        from docspeed_cli.jobs.output.files_read import FilesRead

        settings = self.settings
        ours = (settings.config_file, settings.credentials, settings.state_dir / "ledger.db")
        return FilesRead(ours, self.environment.stdin)

    @_shared_property
    def kept(self) -> KeptResults:
        """The results that are kept."""
        from docspeed_cli.store.kept_results import KeepLimits, KeptResults

        settings = self.settings
        each = settings.keep_results_each if settings.keep_results else -1
        limits = KeepLimits(each, settings.keep_results_total)
        kept = KeptResults(self.ledger.database, limits, self.output.warn, self.environment.now)
        self._opened.callback(kept.close)
        return kept

    @_shared_property
    def downloads(self) -> Downloads:
        """The documents that this command downloads."""
        from docspeed_cli.jobs.documents.downloads import opened_downloads

        return opened_downloads(self.environment, self.settings, self.output, self._opened)

    # -- the server

    def wait_command(self, jobs: Sequence[Job]) -> str:
        """The command that waits for these jobs."""
        return f"docspeed jobs wait {' '.join(job.shell_ref for job in jobs)}{self.settings.server_flags}"

    def result_command(self, job: Job, flags: str = "") -> str:
        """The command that delivers this job's result."""
        return f"docspeed jobs result {job.shell_ref}{self.settings.server_flags}{flags}"

    @property
    def address(self) -> str:
        """The URL that paths are appended to."""
        return "http://sandbox.localhost" if self.settings.sandbox else self.server

    @property
    def sleep(self) -> Callable[[float], None]:
        """Sleeps in whatever thread uses this context."""
        return self._client_options.sleep or self.environment.sleep

    @cached_property
    def rate_limiter(self) -> RateLimiter:
        """The rate limit that all requests to this server share."""
        from docspeed_cli.service.rate_limit import RateLimiter

        made_from = self._made_from
        if made_from is not None and made_from.server == self.server:
            return made_from.rate_limiter
        return RateLimiter(self.environment.monotonic)

    @cached_property
    def client(self) -> Client:
        """The client for this server. AuthError where a key is needed and there is none."""
        from docspeed_cli.service.client import Client

        environment = self.environment
        if self.settings.sandbox:
            folder, now = self.settings.state_dir / "sandbox", environment.now
            # One sandbox for all threads.
            transport = cache(lambda url: _sandbox_transport(folder, now))
            environment = environment._replace(transport=transport)
            self.note_sandbox()
        client = Client(
            self.address,
            self.key,
            environment,
            self.rate_limiter,
            on_exchange=self.output.exchange if self.output.style.verbose else None,
            on_retry=self._report_retry,
            auth_hint=self._auth_hint,
            **self._client_options._asdict(),
        )
        self._opened.callback(client.close)
        return client

    def note_sandbox(self) -> None:
        """Say that a result does not come from the service."""
        self.output.note("the sandbox reads text by simple rules, not with the service's models")

    def _report_retry(self, error: DocspeedError, delay: float) -> None:
        # In a run over many documents the progress line shows what the rate limit does.
        if not (self._client_options.retry_rate_limits and error.status == 429):
            self.output.progress(f"{error.message}; trying again in {span(delay)}")

    # -- the key

    @cached_property
    def key(self) -> str:
        """The key for this server; a server on this machine needs none."""
        from urllib.parse import urlsplit

        key, _ = self.known_key()
        if not (key or self.settings.sandbox or loopback(urlsplit(self.server).hostname or "")):
            raise self.no_key()
        from docspeed_cli.service.client import MIN_REDACTED_LENGTH

        if len(key) >= MIN_REDACTED_LENGTH:
            self.output.secrets.add(key)
        return key

    def known_key(self) -> tuple[str, str]:
        """The key for this server and where it came from. Warns if other users can read that file."""
        key, source = self.settings.key()
        path = self.settings.credentials
        if source == str(path) and os.name == "posix" and path.stat().st_mode & 0o077:
            self.output.warn(
                f"other users can read the keys in {path}; fix it with `chmod 600 {shlex.quote(str(path))}`"
            )
        return key, source

    def no_key(self) -> AuthError:
        """The error for a server that needs a key, when there is none."""
        return AuthError(
            f"no API key for {self.server}",
            code="no_key",
            hint=f"run `docspeed auth login{self.settings.server_flags}`, or set DOCSPEED_API_KEY;"
            f" `--sandbox` works without a key{self._servers_with_keys()}",
        )

    def _servers_with_keys(self) -> str:
        """The servers that have a saved key, in words, for a user who named another server."""
        from docspeed_cli.core.api_keys import saved_keys

        servers = list(saved_keys(self.settings.credentials))[:3]
        return f"; a key is saved for {', '.join(servers)}" if servers else ""

    @property
    def _auth_hint(self) -> str | None:
        """What to do about a refused key that wins over any that `auth login` saves."""
        if self.known_key()[1] != "DOCSPEED_API_KEY":
            return None
        return f"fix DOCSPEED_API_KEY; or unset it, then `docspeed auth login{self.settings.server_flags}`"

    @cached_property
    def fingerprint(self) -> str:
        """What stands for the key in the ledger; the key can't be derived from it."""
        import hashlib

        key, _ = self.settings.key()
        return hashlib.sha256(b"docspeed ledger " + key.encode()).hexdigest()[:16] if key else ""


def _sandbox_transport(folder: Path, now: Callable[[], float]) -> Any:
    import httpx

    create_app = installed_sandbox().create_app
    try:
        return httpx.WSGITransport(create_app(folder, now=now))
    except OSError as error:
        raise DocspeedError(
            f"the sandbox can't keep its files in {folder}: {error.strerror or error}",
            hint="set DOCSPEED_STATE_DIR to another folder, or empty this one: `docspeed sandbox reset`",
        ) from None


def installed_sandbox() -> Any:
    """The sandbox package. DocspeedError if the extra is not installed."""
    import importlib

    from docspeed_cli.core.extras import check_extra

    check_extra("sandbox", "the sandbox is not installed", code="no_sandbox")
    return importlib.import_module("docspeed_cli.sandbox")


def installed_postgres() -> Any:
    """The class that opens a shared ledger. DocspeedError if the extra is not installed."""
    import importlib

    from docspeed_cli.core.extras import check_extra

    problem = "the library for a shared ledger is not installed"
    check_extra("postgres", problem, code="no_postgres", otherwise="; `--local-ledger` goes on without it")
    return importlib.import_module("docspeed_cli.store.postgres").PostgresDatabase
