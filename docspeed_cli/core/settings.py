"""Settings: each comes from a flag, an environment variable, `config.toml`, or its default."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docspeed_cli.core.config_file import ConfigFile, choose_environment, unknown_settings
from docspeed_cli.core.errors import UsageError, combine_errors
from docspeed_cli.core.operations import FORMATS, SANDBOX

if TYPE_CHECKING:
    from platformdirs import PlatformDirs

    from docspeed_cli.core.ledger_address import LedgerAddress

BASE_URL = "https://api.docspeed.ai"

_UNITS = {
    name: seconds
    for names, seconds in (
        ("ms msec msecs millisecond milliseconds", 0.001),
        ("s sec secs second seconds", 1.0),
        ("m min mins minute minutes", 60.0),
        ("h hr hrs hour hours", 3600.0),
        ("d day days", 86400.0),
        ("w week weeks", 604800.0),
    )
    for name in names.split()
}
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_DURATION_PART = rf"{_NUMBER} ?([a-z]+) ?"
_DURATION = rf"(?:{_DURATION_PART})+|{_NUMBER}"
_DURATION_JOINT = r"(?:\s*,)?\s+(?:and\s+)?"

_UNIT_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = r"([0-9]+(?:\.[0-9]+)?) ?(|b|kb|mb|gb|tb)"
_MAX_SIZE = 1e15
"""Bytes: more than any disk has, and still exact as a float."""

_MAX_DURATION = 1e9
"""Seconds, about 30 years; operating systems refuse to sleep for more than a few times this."""


def duration(text: str) -> float:
    """Parse `90`, `90s`, `30min`, `2 hours` or `1h 30m` into seconds. ValueError for anything else."""
    words = re.sub(_DURATION_JOINT, " ", text.strip().lower())
    parts = re.findall(_DURATION_PART, words) or [(words, "s")]
    if (
        not words.isascii()
        or not re.fullmatch(_DURATION, words)
        or not _UNITS.keys() >= {unit for _, unit in parts}
    ):
        raise ValueError(f"{text!r} is not a duration like 90, 90s, 30min or 1h 30m")
    return min(sum(float(number) * _UNITS[unit] for number, unit in parts), _MAX_DURATION)


def switch(text: str) -> bool:
    """Parse `true`, `yes`, `on`, `1` and their opposites. ValueError for anything else."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{text!r} is neither true nor false")


class Size(int):
    """A number of bytes, written in the largest decimal unit that shows it exactly."""

    def __str__(self) -> str:
        unit = next(unit for unit in ("GB", "MB", "kB", "") if self % _UNIT_BYTES[unit.lower()] == 0)
        return f"{self // _UNIT_BYTES[unit.lower()]} {unit}".rstrip()


def size(text: str) -> Size:
    """Parse `500 kB`, `16MB`, `1.5 GB` or a number of bytes. ValueError for anything else."""
    found = re.fullmatch(_SIZE, text.strip().lower())
    if not found:
        raise ValueError(f"{text!r} is not a size like 500 kB, 16 MB or 2 GB")
    return Size(min(float(found[1]) * _UNIT_BYTES[found[2]], _MAX_SIZE))


def concurrency(text: str) -> int:
    """Parse the number of requests at a time, 1 to 256. ValueError for anything else."""
    if not text.strip().isdecimal() or not 1 <= int(text) <= 256:
        raise ValueError(f"{text!r} is not a whole number from 1 to 256")
    return int(text)


def known_format(text: str) -> str:
    """Check the name of an output format. ValueError for an unknown one."""
    if text not in FORMATS:
        raise ValueError(f"{text!r} is not one of {', '.join(FORMATS)}")
    return text


def server_url(text: str) -> str:
    """Normalise a base URL (no final slash), or return `sandbox`.

    ValueError for a malformed URL, and for one to which the key would travel unencrypted.
    """
    if text == SANDBOX:
        return SANDBOX
    from urllib.parse import urlsplit

    malformed = ValueError(f"{re.sub('//[^/]*@', '//…@', text)!r} is not a URL like {BASE_URL}")
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # every name look-up does this first, and crashes where it fails
    except ValueError:
        raise malformed from None
    path = parts.path.rstrip("/")
    # Characters that come along in copying: a look-up of the name would say only that it is unknown.
    usable = host and not re.search(r"""[\s"'<>\\^`{|}\u200b-\u200f]""", host)
    usable = usable and path.isprintable() and not path.startswith("//")
    if parts.scheme not in ("http", "https") or not usable:
        raise malformed
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a base URL takes no user, password, query or fragment")
    if parts.scheme == "http" and not loopback(host):
        why = "would send the key unencrypted; use https (plain http is for loopback only)"
        raise ValueError(f"{text!r} {why}")
    host = f"[{host}]" if ":" in host else host
    # The same server must not have two names: its jobs would be paid for under each.
    usual = port in (None, 443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{host}{'' if usual else f':{port}'}{path}"


def flag_for_server(server: str) -> str:
    """The flag that makes another command use a server."""
    return "--sandbox" if server == SANDBOX else f"--base-url {server}"


def loopback(host: str) -> bool:
    """True if the host is this machine, by name or address."""
    host = host.rstrip(".")
    if host in ("127.0.0.1", "localhost"):  # nearly always; ipaddress takes a millisecond to load
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def ledger(text: str) -> LedgerAddress | None:
    """Parse where the ledger is; None for the state folder. ValueError, without the text, for no address."""
    from docspeed_cli.core.ledger_address import ledger_address

    return ledger_address(text)


class Setting(NamedTuple):
    """One row of the table of settings."""

    name: str
    read: Callable[[str], Any]
    """Parses the text of a flag, a variable or the file; ValueError says what is wrong with it."""
    default: Any
    about: str

    @property
    def variable(self) -> str:
        """Environment variable that sets it."""
        return f"DOCSPEED_{self.name.upper()}"


SETTINGS = (
    Setting("base_url", server_url, BASE_URL, "the server; `sandbox` runs the local stand-in"),
    Setting("timeout", duration, None, "longest wait; without it, until the job ends"),
    Setting("poll_interval", duration, None, "shortest time between two status requests for a job"),
    Setting("wait", switch, False, "follow each job and print its result"),
    Setting("format", known_format, None, "output format, for commands that have it"),
    Setting("concurrency", concurrency, 8, "requests at a time"),
    Setting(
        "ledger", ledger, None, "URL of a PostgreSQL database with a shared ledger; else the state folder"
    ),
    Setting("keep_results", switch, True, "keep each result in the state folder"),
    Setting("keep_results_each", size, Size(16_000_000), "largest result that is kept"),
    Setting(
        "keep_results_total", size, Size(2_000_000_000), "all kept results; the least recently used go first"
    ),
    Setting("download_limit", size, Size(200_000_000), "largest document that is downloaded from a URL"),
)

VARIABLES = (
    ("DOCSPEED_API_KEY", "the API key; wins over a saved one"),
    *((setting.variable, setting.about) for setting in SETTINGS),
    ("DOCSPEED_ENV", "environment of the config file to use, in place of `--env`"),
    ("DOCSPEED_CONFIG", "path of the config file, in place of config.toml in the user's config folder"),
    ("DOCSPEED_STATE_DIR", "folder of the ledger and the sandbox"),
    ("DOCSPEED_DEBUG", "`1` prints tracebacks"),
)


class Settings(NamedTuple):
    """Every setting's value and origin, and the folders that the program uses."""

    base_url: str
    """Base URL of the server, or `sandbox`."""
    timeout: float | None
    """Seconds that a wait may take; None waits until the job ends."""
    poll_interval: float | None
    """Least seconds between two status requests for a job."""
    wait: bool
    format: str | None
    concurrency: int
    ledger: LedgerAddress | None
    """Address of the shared ledger; None if it is in the state folder."""
    keep_results: bool
    keep_results_each: int
    """Bytes of the largest result that is kept."""
    keep_results_total: int
    """Bytes that all kept results may take."""
    download_limit: int
    """Bytes of the largest document that is downloaded from a URL."""
    origins: Mapping[str, str]
    """Where each value came from: a flag, a variable, the config file's path, or `default`."""
    config_file: Path
    """Path of the config file, whether or not it exists."""
    state_dir: Path
    env: Mapping[str, str]
    chosen: tuple[str | None, bool] = (None, False)
    """Name of the environment, if one was chosen, and whether `--env` named it."""
    error: UsageError | None = None
    """What is wrong with the settings; a wrong value is the default then."""

    @property
    def sandbox(self) -> bool:
        """True if the server is the stand-in that runs in this process."""
        return self.base_url == SANDBOX

    @property
    def named_server(self) -> str | None:
        """Server that the command line names; only its jobs and runs are meant then."""
        return self.base_url if self.origins["base_url"].startswith("--") else None

    @property
    def server_flags(self) -> str:
        """Flags that name this server and its environment in another command, after a space."""
        name, by_flag = self.chosen
        chosen = f" --env {name}" if by_flag else ""
        if self.origins["base_url"] not in ("--base-url", "--sandbox") or self.base_url == BASE_URL:
            return chosen
        return f" {flag_for_server(self.base_url)}{chosen}"

    @property
    def credentials(self) -> Path:
        """File in which `docspeed auth login` saves API keys."""
        return self.config_file.with_name("credentials.json")

    def key(self) -> tuple[str, str]:
        """API key for this server and where it came from; two empty strings if there is none."""
        if self.sandbox:
            return "", "the sandbox needs none"
        from docspeed_cli.core.api_keys import origin, saved_keys, sendable

        key, source = self.env.get("DOCSPEED_API_KEY", "").strip(), "DOCSPEED_API_KEY"
        if not key:
            key, source = saved_keys(self.credentials).get(origin(self.base_url), ""), str(self.credentials)
        return (sendable(key, source), source) if key else ("", "")


_FLAGS = {"ledger": "--local-ledger"}
"""Flags with another name than their setting."""


def resolve(flags: Mapping[str, Any], env: Mapping[str, str], *, lenient: bool = False) -> Settings:
    """Take each setting from its first source: flag, variable, environment, config file, default.

    An environment that `--env` names comes before the variables. One UsageError lists every bad value and
    every unknown key of the file, each with its place; if `lenient`, it is the settings' `error`.
    """
    path = config_path(env)
    try:
        config = choose_environment(path, flags.get("env"), env.get("DOCSPEED_ENV"))
        errors = unknown_settings(path, config.values, [setting.name for setting in SETTINGS])
    except UsageError as error:
        config, errors = ConfigFile(path, {}), [error]
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        name = setting.name
        source = next(_values_by_origin(setting, flags, env, config), None)
        if source is None:
            values[name], origins[name] = setting.default, "default"
            continue
        value, place, origins[name] = source
        try:
            values[name] = setting.read(value) if isinstance(value, str) else value
        except ValueError as error:
            values[name] = setting.default
            errors.append(UsageError(f"{place}: {error}"))
    wrong = combine_errors(errors) if errors else None
    if wrong is not None and not lenient:
        raise wrong
    return Settings(
        **values,
        origins=origins,
        config_file=path,
        state_dir=state_dir(env),
        env=env,
        chosen=(config.chosen, config.by_flag),
        error=wrong,
    )


def _values_by_origin(
    setting: Setting, flags: Mapping[str, Any], env: Mapping[str, str], config: ConfigFile
) -> Iterator[tuple[Any, str, str]]:
    """Each value that is given for a setting, its place in messages, and its origin; the first one counts."""
    name, variable = setting.name, setting.variable
    flag = "--sandbox" if name == "base_url" and flags.get(SANDBOX) else _FLAGS.get(name)
    flag = flag or f"--{name.replace('_', '-')}"
    in_environment = name in config.chosen_values
    if flags.get(name) is not None:
        yield flags[name], flag, flag
    place = f"{config.path}: env.{config.chosen}.{name}"
    if in_environment and config.by_flag:
        yield str(config.chosen_values[name]), place, f"--env {config.chosen}"
    if env.get(variable):
        yield env[variable], variable, variable
    if in_environment:
        yield str(config.chosen_values[name]), place, f"{config.path}, env.{config.chosen}"
    if name in config.values:
        yield str(config.values[name]), f"{config.path}: {name}", str(config.path)


def config_path(env: Mapping[str, str]) -> Path:
    """Path of the config file, whether or not it exists. UsageError if the user has no home folder."""
    return _user_path(env.get("DOCSPEED_CONFIG"), lambda dirs: dirs.user_config_path / "config.toml")


def state_dir(env: Mapping[str, str]) -> Path:
    """Folder of the ledger and the sandbox. UsageError if the user has no home folder."""
    return _user_path(env.get("DOCSPEED_STATE_DIR"), lambda dirs: dirs.user_state_path)


def _user_path(given: str | None, default: Callable[[PlatformDirs], Path]) -> Path:
    # In a container a user id may have no entry in the password file, and so no home. Older releases of
    # platformdirs leave the `~` in the path then, and a folder of that name would be made in the current one.
    try:
        if given:
            return Path(given).expanduser()
        from platformdirs import PlatformDirs

        return default(PlatformDirs("docspeed", appauthor=False)).expanduser()
    except RuntimeError:
        hint = "set HOME, or both DOCSPEED_CONFIG and DOCSPEED_STATE_DIR"
        raise UsageError("there is no home folder", hint=hint) from None
