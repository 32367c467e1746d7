"""One table of settings; each comes from a flag, the environment, the config file, or its default."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import AuthError, UsageError, combine_errors
from docspeed_cli.core.operations import FORMATS, SANDBOX
from docspeed_cli.core.suggest import nearest

BASE_URL = "https://api.docspeed.ai"

NOWHERE = Path(os.devnull, "no-home")
"""The folder where the user's own can't be known: nothing is in it, and nothing can be put there."""

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+|\d+(?:\.\d+)?")
_LONGEST = 1e9
"""Seconds; a system's own waiting goes no further than some ten of these."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")


def duration(text: str) -> float:
    """Seconds in `90`, `90s`, `30m`, `2h`, `1h30m`, `30d`. ValueError otherwise."""
    word = text.strip().lower()
    if not word.isascii() or not _DURATION.fullmatch(word):
        raise ValueError(f"{text!r} is not a duration like 90, 90s, 30m or 2h")
    seconds = sum(float(number) * _UNITS[unit or ""] for number, unit in _PART.findall(word))
    if seconds > _LONGEST:
        raise ValueError(f"{text[:20]!r}… is not a duration: it never ends")
    return seconds


def switch(text: str) -> bool:
    """True or false in the words that people use for them. ValueError otherwise."""
    word = text.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def workers(text: str) -> int:
    """A number of requests at a time, 1 to 256. ValueError otherwise."""
    if not text.strip().isdecimal() or not 1 <= int(text) <= 256:
        raise ValueError(f"{text!r} is not a whole number from 1 to 256")
    return int(text)


def known_format(text: str) -> str:
    """The name of an output format. ValueError otherwise."""
    if text not in FORMATS:
        raise ValueError(f"{text!r} is not one of {', '.join(FORMATS)}")
    return text


def server_url(text: str) -> str:
    """The base URL without a final slash, or `sandbox`. ValueError for what a key must not be sent to."""
    if text == SANDBOX:
        return SANDBOX
    from urllib.parse import urlsplit

    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or not _nameable(parts.hostname):
        raise ValueError(f"{text!r} is not a URL like {BASE_URL}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a base URL holds no user, password, query or fragment")
    if parts.scheme == "http" and not loopback(parts.hostname):
        raise ValueError(
            f"{text!r} would send the key unencrypted; plain http is for loopback only, use https"
        )
    port = "" if parts.port is None else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _nameable(host: str) -> bool:
    """Whether a host can have this name at all: whoever looks it up would stumble over it."""
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return False
    labels = host.removesuffix(".").split(".")
    return len(host) <= 253 and all(0 < len(label) <= 63 for label in labels)


def loopback(host: str) -> bool:
    """Whether the host is this machine by name or address."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Setting(NamedTuple):
    """One row of the table of settings."""

    name: str
    read: Callable[[str], Any]
    default: Any
    about: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"DOCSPEED_{self.name.upper()}"


SETTINGS = (
    Setting("base_url", server_url, BASE_URL, "the server; `sandbox` is the stand-in in this process"),
    Setting("timeout", duration, None, "how long a wait may take; none: to the job's end"),
    Setting("poll_interval", duration, None, "the least time between two looks at a job"),
    Setting("wait", switch, False, "follow each job and print its result"),
    Setting("format", known_format, None, "the output format where a command has it"),
    Setting("concurrency", workers, 8, "requests at a time"),
)

VARIABLES = (
    ("DOCSPEED_API_KEY", "the key; wins over a saved one"),
    *((setting.variable, setting.about) for setting in SETTINGS),
    ("DOCSPEED_CONFIG", "the config file, instead of config.toml in the user's config folder"),
    ("DOCSPEED_STATE_DIR", "where the ledger and the sandbox live"),
    ("DOCSPEED_DEBUG", "1 prints tracebacks"),
)


class Settings(NamedTuple):
    """Every setting with its value, and where each came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    config_file: Path
    state_dir: Path
    env: Mapping[str, str]
    config_exists: bool = True
    """Whether there is a config file."""
    faults: tuple[UsageError, ...] = ()
    """What is wrong with the file and the variables, where that was borne."""
    server_uncertain: bool = False
    """Whether another server than the usual one may have been meant by what is wrong."""

    @property
    def server(self) -> str:
        """The base URL, or `sandbox`."""
        return str(self.values["base_url"])

    @property
    def sandbox(self) -> bool:
        """Whether the stand-in in this process answers."""
        return self.server == SANDBOX

    @property
    def credentials(self) -> Path:
        """The file that `auth login` keeps keys in."""
        return self.config_file.with_name("credentials.json")

    @property
    def no_home(self) -> bool:
        """Whether there is no place for a config file: it would be in a home, and the user has none."""
        return self.config_file.is_relative_to(NOWHERE)

    @property
    def config_missing(self) -> bool:
        """Whether a config file is named that is not there, and no keys are kept in its place."""
        named = bool(self.env.get("DOCSPEED_CONFIG"))
        return named and not self.config_exists and not os.path.lexists(self.credentials)

    def key(self) -> tuple[str, str]:
        """The API key for this server and where it came from; empty where there is none."""
        if self.sandbox:
            return "", "the sandbox needs none"
        key = self.env.get("DOCSPEED_API_KEY", "").strip()
        if key:
            return sendable(key, "DOCSPEED_API_KEY"), "DOCSPEED_API_KEY"
        saved = saved_keys(self.credentials).get(origin(self.server), "")
        return (sendable(saved, str(self.credentials)), str(self.credentials)) if saved else ("", "")


def sendable(key: str, where: str) -> str:
    """The key, if it can stand in a header."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise AuthError(
            f"the key in {where} holds characters that no key has (a line break, a quote from a copy?)",
            hint="docspeed auth login",
        )
    return key


def origin(url: str) -> str:
    """Scheme, host and port: what a key is bound to."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def saved_keys(path: Path) -> dict[str, str]:
    """The saved keys by origin; none where there is no such file."""
    import json

    try:
        keys = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise AuthError(f"can't read {path}: {_reason(error)}", hint="docspeed auth login") from None
    if not isinstance(keys, dict):
        raise AuthError(f"{path} does not hold keys by server", hint="docspeed auth login")
    return {str(server): str(key) for server, key in keys.items()}


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not JSON"


def resolve(flags: Mapping[str, Any], env: Mapping[str, str], *, tolerate: bool = False) -> Settings:
    """Each setting from the first place that has it. UsageError names the place of each bad value.

    With `bear` the defaults stand in for what is wrong with the file and the variables.
    """
    file = _read_config(config_path(env))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    in_flags: list[UsageError] = []
    elsewhere = list(file.faults)
    server_uncertain = bool(file.faults)
    for setting in SETTINGS:
        try:
            values[setting.name], origins[setting.name] = _pick(setting, flags, env, file)
        except UsageError as error:
            values[setting.name], origins[setting.name] = setting.default, "default"
            (elsewhere if flags.get(setting.name) is None else in_flags).append(error)
            server_uncertain = server_uncertain or setting.name == "base_url"
    if in_flags or (elsewhere and not tolerate):
        raise combine_errors([*in_flags, *elsewhere])
    server_uncertain = server_uncertain and origins["base_url"] == "default"
    return Settings(
        values, origins, file.path, state_dir(env), env, file.there, tuple(elsewhere), server_uncertain
    )


def _pick(
    setting: Setting,
    flags: Mapping[str, Any],
    env: Mapping[str, str],
    file: _File,
) -> tuple[Any, str]:
    flag = _flag(setting, flags)
    if flags.get(setting.name) is not None:
        value = flags[setting.name]
        return (_read(setting, value, flag) if isinstance(value, str) else value), flag
    if env.get(setting.variable):
        return _read(setting, env[setting.variable], setting.variable), setting.variable
    if setting.name in file.values:
        value, place = file.values[setting.name]
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _read(setting, text, place), str(file.path)
    return setting.default, "default"


def _flag(setting: Setting, flags: Mapping[str, Any]) -> str:
    if setting.name == "base_url" and flags.get(SANDBOX):
        return "--sandbox"
    return f"--{setting.name.replace('_', '-')}"


def _read(setting: Setting, text: str, where: str) -> Any:
    try:
        return setting.read(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


class _Filed(NamedTuple):
    """A value of the config file, and the place where it stands."""

    value: Any
    place: str


class _File(NamedTuple):
    """The config file: what it sets, and what is wrong with it."""

    path: Path
    there: bool = True
    values: Mapping[str, _Filed] = {}
    faults: tuple[UsageError, ...] = ()


def _read_config(path: Path) -> _File:
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return _File(path, there=False)
    except (OSError, UnicodeDecodeError) as error:
        return _File(path, faults=(_unreadable(path, error),))
    import tomllib

    try:
        filed = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return _File(path, faults=(UsageError(f"{path} is not TOML: {error}"),))
    placed = {
        name: _Filed(value, f"{path}, line {_line_of(name, text)}: {name}") for name, value in filed.items()
    }
    known = [setting.name for setting in SETTINGS]
    faults = tuple(_unknown(name, placed[name].place, known) for name in placed if name not in known)
    return _File(path, values=placed, faults=faults)


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> UsageError:
    if isinstance(error, UnicodeDecodeError):
        return UsageError(f"{path} is not UTF-8 text", hint="save it as UTF-8")
    if isinstance(error, IsADirectoryError):
        return UsageError(f"{path} is a folder", hint="DOCSPEED_CONFIG names a file in it, or another file")
    return UsageError(
        f"can't read {path}: {error.strerror or error}", hint="DOCSPEED_CONFIG names another config file"
    )


def _unknown(name: str, place: str, known: Sequence[str]) -> UsageError:
    if name == "api_key":
        told = f"{place}: a key does not belong in this file; take it out"
        return UsageError(told, hint="docspeed auth login")
    near = nearest(name, known)
    meant = f"did you mean {near}? " if near else ""
    return UsageError(f"{place} is not a setting", hint=f"{meant}the settings are {', '.join(known)}")


def _line_of(name: str, text: str) -> int:
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}\b")
    return next((i for i, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def config_path(env: Mapping[str, str]) -> Path:
    """Where the config file is, whether or not there is one."""
    if env.get("DOCSPEED_CONFIG"):
        return _at_home(lambda: _named(env["DOCSPEED_CONFIG"], env))
    from platformdirs import user_config_path

    return _at_home(lambda: user_config_path("docspeed", appauthor=False)) / "config.toml"


def state_dir(env: Mapping[str, str]) -> Path:
    """Where the ledger and the sandbox live."""
    if env.get("DOCSPEED_STATE_DIR"):
        return _at_home(lambda: _named(env["DOCSPEED_STATE_DIR"], env))
    from platformdirs import user_state_path

    return _at_home(lambda: user_state_path("docspeed", appauthor=False))


def _named(text: str, env: Mapping[str, str]) -> Path:
    if text.startswith("~") and env.get("HOME") == "":
        raise RuntimeError("pathlib would begin at the root")
    return Path(text).expanduser()


def _at_home(place: Callable[[], Path]) -> Path:
    """A path that may begin at the user's home; a user whose uid has no name may have none."""
    try:
        path = place()
    except RuntimeError:
        return NOWHERE
    return NOWHERE if path.parts[:1] == ("~",) else path
