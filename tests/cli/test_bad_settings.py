"""A config file with mistakes, or none, or no home to look for it: what helps to mend that still runs."""

from __future__ import annotations

import errno
import json
import pwd
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.cli.help_topics import CONFIG
from docspeed_cli.core.settings import BASE_URL, NOWHERE, SETTINGS
from tests.fake_service import KEY, SUBMIT, Service
from tests.stage import Ran, Stage, lines

MISTAKES = 'wiat = true\nformat = "xml"\n\ntimeout = "soon"\n'


def config(stage: Stage, content: str | bytes = MISTAKES) -> Path:
    """The user's config file, with this in it."""
    path = stage.folder / "config" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def checks(ran: Ran, name: str) -> list[dict[str, Any]]:
    """The doctor's lines of this name."""
    found = [json.loads(line) for line in lines(ran.out)]
    return [line for line in found if line["check"] == name]


# -- mistakes


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
def test_what_helps_to_mend_them_runs(stage: Stage, argv: tuple[str, ...], env: dict[str, str]) -> None:
    whole = stage.run(*argv)
    if not env:
        config(stage)
    assert stage.run(*argv, env=env) == whole
    assert (whole.code, whole.err) == (0, "")


@pytest.mark.parametrize(
    "argv",
    [("config", "show"), ("parse", "--file-id", "f"), ("jobs", "list"), ("auth", "status")],
    ids=" ".join,
)
def test_what_goes_by_them_tells_them_all(stage: Stage, service: Service, argv: tuple[str, ...]) -> None:
    path = config(stage)
    ran = stage.run(*argv)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.splitlines() == [
        f"error: {path}, line 1: wiat is not a setting",
        f"  {path}, line 4: timeout: 'soon' is not a duration like 90, 90s, 30m or 2h",
        f"  {path}, line 2: format: 'xml' is not one of json, markdown, text, csv, id",
        f"hint: did you mean wait? the settings are {', '.join(setting.name for setting in SETTINGS)}",
    ]
    assert len(json.loads(stage.run(*argv, "--json").err)["error"]["details"]) == 3


def test_those_of_flags_and_variables_are_told_with_them(stage: Stage) -> None:
    config(stage, "wiat = true\n")
    ran = stage.run("parse", "--file-id", "f", "--timeout", "x", env={"DOCSPEED_CONCURRENCY": "many"})
    flag, name, variable, _ = ran.err.splitlines()
    assert ran.code == 2
    assert ("--timeout" in flag, "wiat" in name, "DOCSPEED_CONCURRENCY" in variable) == (True,) * 3


def test_the_doctor_tells_each_and_goes_on(stage: Stage) -> None:
    path = config(stage)
    ran = stage.run("doctor", "--sandbox", "--json")
    told = checks(ran, "settings")
    assert (ran.code, ran.err) == (2, "")
    assert [(line["ok"], line["found"].partition(": ")[0]) for line in told] == [
        (False, f"{path}, line 1"),
        (False, f"{path}, line 4"),
        (False, f"{path}, line 2"),
    ]
    assert told[0]["hint"].startswith("did you mean wait?")
    assert "docspeed help environment" in told[1]["hint"]
    assert checks(ran, "ledger") and checks(ran, "sandbox") and checks(ran, "server")
    shown = stage.run("doctor", "--sandbox", terminal=True, env={"NO_COLOR": "1"}).out
    assert "line 1: wiat is not a setting" in " ".join(shown.split())


@pytest.mark.parametrize(
    "content", [b'base_ulr = "https://own.example"\n', b'base_url = "own.example"\n', b"\xff\xfe", b"wait ="]
)
def test_the_doctor_sends_no_key_to_a_server_that_was_perhaps_not_meant(
    stage: Stage, service: Service, content: bytes
) -> None:
    config(stage, content)
    ran = stage.run("doctor", "--json")
    (server,) = checks(ran, "server")
    assert (ran.code, service.calls) == (2, [])
    assert "not asked" in server["found"]
    stage.run("doctor", "--base-url", BASE_URL)
    assert service.calls


def test_the_doctor_asks_the_usual_server_where_no_other_can_be_meant(stage: Stage, service: Service) -> None:
    config(stage, 'format = "xml"\n')
    ran = stage.run("doctor", "--json", env={"DOCSPEED_TIMEOUT": "soon"})
    assert (ran.code, len(checks(ran, "settings")), len(service.calls)) == (2, 2, 1)


def test_a_flag_s_mistake_is_not_borne(stage: Stage) -> None:
    assert stage.run("doctor", "--base-url", "ftp://x").code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfew\0", "config.toml is not UTF-8 text"),
        (b"wait = maybe", "config.toml is not TOML: Invalid value (at line 1, column 8)"),
        (None, "config.toml is a folder"),
    ],
)
def test_a_file_that_can_t_be_read_says_why(stage: Stage, content: bytes | None, said: str) -> None:
    if content is None:
        (stage.folder / "config" / "config.toml").mkdir(parents=True)
    else:
        config(stage, content)
    ran = stage.run("parse", "--file-id", "f")
    assert (ran.code, said in ran.err) == (2, True), ran.err
    (line,) = checks(stage.run("doctor", "--sandbox", "--json"), "settings")
    assert said in line["found"]
    assert stage.run("config", "path").code == 0


def test_a_file_that_may_not_be_read_has_a_way_round(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this user, whoever runs the test: root may read everything."""

    def refused(path: Path, encoding: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    config(stage)
    monkeypatch.setattr(Path, "read_text", refused)
    ran = stage.run("jobs", "list")
    assert (ran.code, ran.out) == (2, "")
    assert "config.toml: Permission denied\nhint: DOCSPEED_CONFIG names another" in ran.err


# -- none


def test_a_file_that_is_named_and_not_there_is_told_once(stage: Stage, service: Service) -> None:
    path = stage.folder / "nope" / "x.toml"
    env = {"DOCSPEED_CONFIG": str(path)}
    ran = stage.run("parse", "--file-id", "f", env=env)
    assert (ran.code, ran.err) == (0, f"note: DOCSPEED_CONFIG names {path}, and there is no such file\n")
    assert stage.run("parse", "--file-id", "f", "--quiet", env=env).err == ""
    ran = stage.run("config", "path", env=env)
    assert (ran.out, ran.err) == (f"{path}\n", "")
    (line,) = checks(stage.run("doctor", "--json", env=env), "settings")
    assert (line["ok"], "there is none" in line["found"], "DOCSPEED_CONFIG" in line["hint"]) == (True,) * 3


def test_keys_may_be_kept_where_there_is_no_such_file(stage: Stage, service: Service) -> None:
    path = stage.folder / "ci" / "config.toml"
    env = {"DOCSPEED_CONFIG": str(path), "DOCSPEED_API_KEY": ""}
    assert stage.run("auth", "login", stdin=KEY.encode(), env=env).code == 0
    assert stage.run("parse", "--file-id", "f", env=env).err == ""
    assert service.count(SUBMIT) == 1


# -- no home


@pytest.fixture(params=[None, ""], ids=["no HOME", "an empty HOME"])
def no_home(stage: Stage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Stage:
    """A user without a home: as in a container with a uid of its own."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if request.param is not None:
        monkeypatch.setenv("HOME", request.param)
    stage.env = {"DOCSPEED_CONFIG": "", **({} if request.param is None else {"HOME": request.param})}
    return stage


def test_no_home_is_no_obstacle(no_home: Stage, service: Service) -> None:
    for argv in (("parse", "--file-id", "f"), ("jobs", "list"), ("help", "output"), ("completion", "bash")):
        ran = no_home.run(*argv)
        assert (ran.code, ran.err) == (0, "")
    assert service.count(SUBMIT) == 1


def test_without_a_place_for_the_ledger_the_work_goes_on(no_home: Stage) -> None:
    ran = no_home.run("parse", "--file-id", "f", env={"DOCSPEED_STATE_DIR": ""})
    assert (ran.code, json.loads(ran.out)["job_id"]) == (0, "job_1")
    assert f"the ledger {NOWHERE}" in ran.err
    ran = no_home.run("parse", "--file-id", "f", env={"DOCSPEED_STATE_DIR": "~/state"})
    assert (ran.code, f"the ledger {NOWHERE}" in ran.err) == (0, True)


def test_without_a_home_no_key_is_kept(no_home: Stage) -> None:
    ran = no_home.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": ""})
    assert (ran.code, "no API key" in ran.err) == (4, True)
    ran = no_home.run("auth", "login", stdin=KEY.encode())
    assert (ran.code, "hint: DOCSPEED_CONFIG names another" in ran.err) == (1, True)
    for named in ("", "~/my.toml"):
        ran = no_home.run("config", "path", env={"DOCSPEED_CONFIG": named})
        assert (ran.code, ran.out, "DOCSPEED_CONFIG" in ran.err) == (2, "", True)
    (line,) = checks(no_home.run("doctor", "--sandbox", "--json"), "settings")
    assert (line["ok"], "no home" in line["found"], "DOCSPEED_CONFIG" in line["hint"]) == (True,) * 3


# -- what is shown of them


def test_the_path_of_the_file_is_a_word_for_a_shell(stage: Stage) -> None:
    path = stage.base()["DOCSPEED_CONFIG"]
    assert stage.run("config", "path").out == f"{path}\n"
    assert stage.run("config", "path", env={"DOCSPEED_FORMAT": "json"}).out == f"{path}\n"
    assert json.loads(stage.run("config", "path", "--json").out) == {"path": path}


@pytest.mark.parametrize(
    ("flags", "origin"),
    [(("--sandbox",), "--sandbox"), (("--base-url", "https://x.example"), "--base-url"), ((), "default")],
)
def test_the_server_is_from_the_flag_that_named_it(stage: Stage, flags: tuple[str, ...], origin: str) -> None:
    found = [json.loads(line) for line in lines(stage.run("config", "show", *flags).out)]
    assert found[0]["origin"] == origin


def test_the_file_that_is_shown_is_a_good_one(stage: Stage) -> None:
    assert CONFIG.text in stage.run("help", "environment").out
    path = config(stage, CONFIG.text)
    found = [json.loads(line) for line in lines(stage.run("config", "show").out)]
    filed = {line["name"]: line["value"] for line in found if line["origin"] == str(path)}
    assert filed == tomllib.loads(CONFIG.text) | {"timeout": 1800}
