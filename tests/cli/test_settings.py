"""Settings: where they come from, how they are shown, and exit code 2 for bad ones."""

from __future__ import annotations

import errno
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.cli.help_topics import CONFIG
from docspeed_cli.core.settings import SETTINGS
from tests.fake_service import KEY, SUBMIT, Service
from tests.stage import Ran, Stage, lines

MISTAKES = 'wiat = true\nformat = "xml"\n\ntimeout = "soon"\n'


def checks(ran: Ran, name: str) -> list[dict[str, Any]]:
    """Return the doctor's findings about this check."""
    found = [json.loads(line) for line in lines(ran.out)]
    return [line for line in found if line["check"] == name]


# -- errors in the config file and in variables


@pytest.mark.parametrize(
    "argv",
    [
        ("config", "path"),
        ("help", "environment"),
        ("help", "parse"),
        ("completion", "bash"),
        ("--help",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("env", [{}, {"DOCSPEED_TIMEOUT": "soon"}], ids=["file", "variable"])
def test_settings_bad_help_still_works(stage: Stage, argv: tuple[str, ...], env: dict[str, str]) -> None:
    whole = stage.run(*argv)
    if not env:
        stage.configure(MISTAKES)
    assert stage.run(*argv, env=env) == whole
    assert (whole.code, whole.err) == (0, "")


@pytest.mark.parametrize(
    "argv",
    [("config", "show"), ("parse", "--file-id", "f"), ("jobs", "list"), ("auth", "status")],
    ids=" ".join,
)
def test_settings_bad_error_lists_them_all(stage: Stage, service: Service, argv: tuple[str, ...]) -> None:
    path = stage.configure(MISTAKES)
    ran = stage.run(*argv)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.splitlines() == [
        f"error: {path}: wiat is not a setting",
        f"  {path}: timeout: 'soon' is not a duration like 90, 90s, 30min or 1h 30m",
        f"  {path}: format: 'xml' is not one of json, markdown, text, csv, xlsx, id",
        f"hint: did you mean wait? the settings are {', '.join(setting.name for setting in SETTINGS)}",
    ]
    assert len(json.loads(stage.run(*argv, "--json").err)["error"]["details"]) == 3


def test_settings_bad_flag_file_and_variable_are_listed_together(stage: Stage) -> None:
    stage.configure("wiat = true\n")
    ran = stage.run(
        "parse", "--file-id", "f", "--wait", "--timeout", "x", env={"DOCSPEED_CONCURRENCY": "many"}
    )
    name, flag, variable, _ = ran.err.splitlines()
    assert ran.code == 2
    assert ("wiat" in name, "--timeout" in flag, "DOCSPEED_CONCURRENCY" in variable) == (True,) * 3


def test_settings_bad_doctor_lists_each_error_and_checks_the_rest(stage: Stage) -> None:
    path = stage.configure(MISTAKES)
    ran = stage.run("doctor", "--sandbox", "--json")
    found = checks(ran, "settings")
    assert (ran.code, ran.err) == (2, "")
    assert [line["ok"] for line in found] == [False] * 3
    assert all(line["found"].startswith(f"{path}: ") for line in found)
    assert [line.get("hint", "").partition(" are ")[0] for line in found] == [
        "",
        "",
        "did you mean wait? the settings",
    ]
    assert checks(ran, "ledger") and checks(ran, "sandbox") and checks(ran, "server")
    shown = stage.run("doctor", "--sandbox", terminal=True, env={"NO_COLOR": "1"}).out
    assert "config.toml: wiat is not a setting" in " ".join(shown.split())


STRAIGHT = 'write words and durations in straight quotes, such as `timeout = "30m"`; `true` needs none'


@pytest.mark.parametrize(
    "content",
    [b'base_ulr = "https://own.example"\n', b'base_url = "own.example"\n', b"\xff\xfe\0", b"wait ="],
)
def test_settings_bad_doctor_sends_the_key_nowhere(stage: Stage, service: Service, content: bytes) -> None:
    """The damaged file may name another server than the default one."""
    stage.configure(content)
    ran = stage.run("doctor", "--json")
    (server,) = checks(ran, "server")
    assert (ran.code, service.calls) == (2, [])
    assert "not checked" in server["found"]


def test_settings_bad_flag_doctor_exits_2(stage: Stage) -> None:
    assert stage.run("doctor", "--base-url", "ftp://x").code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfew\0", "config.toml: it is not TOML"),
        (b"wait = maybe", "config.toml: it is not TOML: Invalid value (at line 1, column 8)"),
        (None, "config.toml: Is a directory"),
    ],
)
def test_config_unreadable_error_says_why(stage: Stage, content: bytes | None, message: str) -> None:
    if content is None:
        (stage.folder / "config" / "config.toml").mkdir(parents=True)
    else:
        stage.configure(content)
    ran = stage.run("parse", "--file-id", "f")
    assert (ran.code, message in ran.err) == (2, True), ran.err
    (line,) = checks(stage.run("doctor", "--sandbox", "--json"), "settings")
    assert message in line["found"]
    assert stage.run("config", "path").code == 0


@pytest.mark.parametrize("line", ["timeout = 5m", "timeout = “5m”", "base_url = sandbox", "wait = True"])
def test_config_without_straight_quotes_error_says_how_to_write_values(stage: Stage, line: str) -> None:
    stage.configure(line.encode())
    ran = stage.run("parse", "--file-id", "f")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "hint: " + STRAIGHT), ran.err


@pytest.mark.parametrize("key", ["TIMEOUT", "DOCSPEED_TIMEOUT", "time-out"])
def test_config_key_written_as_elsewhere_error_names_the_setting(stage: Stage, key: str) -> None:
    stage.configure(f"{key} = 5".encode())
    assert "did you mean timeout?" in stage.run("parse", "--file-id", "f").err


def test_config_unreadable_error_names_variable(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root can read every file, so the permission error is simulated."""

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    stage.configure(MISTAKES)
    monkeypatch.setattr(Path, "read_bytes", refused)
    ran = stage.run("jobs", "list")
    assert (ran.code, ran.out) == (2, "")
    assert "config.toml: Permission denied\nhint: set DOCSPEED_CONFIG" in ran.err


# -- no config file, no home folder


def test_config_missing_file_is_no_error(stage: Stage, service: Service) -> None:
    path = stage.folder / "ci" / "config.toml"
    env = {"DOCSPEED_CONFIG": str(path), "DOCSPEED_API_KEY": ""}
    assert stage.run("auth", "login", stdin=KEY.encode(), env=env).code == 0
    assert stage.run("parse", "--file-id", "f", env=env).err == ""
    assert service.count(SUBMIT) == 1
    ran = stage.run("config", "path", env=env)
    assert (ran.out, ran.err) == (f"{path}\n", "")
    (line,) = checks(stage.run("doctor", "--json", env=env), "settings")
    assert (line["ok"], line["found"].startswith(f"{path} (no such file)")) == (True, True)


@pytest.mark.parametrize("variable", ["DOCSPEED_CONFIG", "DOCSPEED_STATE_DIR"])
@pytest.mark.parametrize("value", ["", "~/x"], ids=["unset", "tilde"])
def test_settings_without_home_folder_exit_2(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """In a container, a user id may have no entry in the password file."""
    pwd = pytest.importorskip("pwd")

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    ran = stage.run("parse", "--file-id", "f", env={variable: value})
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert "no home folder\nhint: set HOME, or both DOCSPEED_CONFIG and DOCSPEED_STATE_DIR" in ran.err
    assert stage.run("parse", "--file-id", "f").code == 0


# -- what is shown of settings


def test_config_path_prints_the_bare_path(stage: Stage) -> None:
    path = stage.base()["DOCSPEED_CONFIG"]
    assert stage.run("config", "path").out == f"{path}\n"
    assert stage.run("config", "path", env={"DOCSPEED_FORMAT": "json"}).out == f"{path}\n"
    assert json.loads(stage.run("config", "path", "--json").out) == {"path": path}


@pytest.mark.parametrize(
    ("flags", "origin"),
    [(("--sandbox",), "--sandbox"), (("--base-url", "https://x.example"), "--base-url"), ((), "default")],
)
def test_config_show_server_origin_is_its_flag(stage: Stage, flags: tuple[str, ...], origin: str) -> None:
    found = [json.loads(line) for line in lines(stage.run("config", "show", *flags).out)]
    assert found[0]["origin"] == origin


def test_help_environment_example_config_is_valid(stage: Stage) -> None:
    assert CONFIG in stage.run("help", "environment").out
    path = stage.configure(CONFIG)
    found = [json.loads(line) for line in lines(stage.run("config", "show").out)]
    from_file = {line["name"]: line["value"] for line in found if line["origin"] == str(path)}
    assert from_file == tomllib.loads(CONFIG) | {"timeout": 1800}


def test_config_show_at_terminal_has_a_line_for_each_setting(stage: Stage) -> None:
    ran = stage.run("config", "show", terminal=True, env={"DOCSPEED_WAIT": "true"})
    assert "wait                true  (from DOCSPEED_WAIT)" in ran.out.splitlines()


def waited(ran: Ran) -> bool:
    """Return whether the result was printed rather than the job."""
    return "pages" in json.loads(ran.out)


@pytest.mark.parametrize(
    ("flag", "variable", "in_file", "expected"),
    [
        ("", "", "", False),
        ("--wait", "", "", True),
        ("", "true", "", True),
        ("", "1", "", True),
        ("", "", "wait = true", True),
        ("--no-wait", "true", "wait = true", False),
        ("--wait", "false", "wait = false", True),
        ("", "0", "wait = true", False),
    ],
)
def test_settings_wait_flag_overrides_environment_overrides_file(
    stage: Stage, flag: str, variable: str, in_file: str, expected: bool
) -> None:
    stage.configure(in_file)
    env = {"DOCSPEED_WAIT": variable} if variable else {}
    ran = stage.run("parse", "--file-id", "f", *([flag] if flag else []), env=env)
    assert ran.code == 0, ran.err
    assert waited(ran) is expected
