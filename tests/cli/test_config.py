"""`config get`, `set` and `unset`, and the environments of the config file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docspeed_cli.core.settings import SETTINGS
from tests.cli.test_completion import at
from tests.fake_service import SUBMIT, Service
from tests.stage import Stage, lines

STAGING = """\
# ours
timeout = "90s"

[env.staging]
base_url = "https://staging.example"
wait = true
"""


def origins(stage: Stage, *flags: str, **env: str) -> dict[str, str]:
    """Return where each setting comes from."""
    ran = stage.run("config", "show", "--json", *flags, env=env)
    assert ran.code == 0, ran.err
    return {line["name"]: line["origin"] for line in map(json.loads, lines(ran.out))}


# -- get, set, unset


@pytest.mark.parametrize("setting", [setting.name for setting in SETTINGS])
def test_config_set_value_is_the_one_that_get_prints(stage: Stage, setting: str) -> None:
    values = {"base_url": "https://x.example", "format": "id", "timeout": "90s", "poll_interval": "2s"}
    sizes = {"keep_results_each": "3 MB", "keep_results_total": "4 GB", "download_limit": "1 MB"}
    values["ledger"] = "postgresql://u@h/db"
    value = {"concurrency": "3", **values, **sizes}.get(setting, "true")
    ran = stage.run("config", "set", setting, value)
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert f"set {setting} in " in ran.err
    seconds = {"90s": "90.0", "2s": "2.0"}
    assert stage.run("config", "get", setting).out == f"{seconds.get(value, value)}\n"


def test_config_set_keeps_comments_and_other_settings(stage: Stage) -> None:
    path = stage.configure(STAGING)
    assert stage.run("config", "set", "timeout", "2h").code == 0
    assert stage.run("config", "set", "--env", "staging", "concurrency", "4").code == 0
    assert path.read_text() == STAGING.replace("90s", "2h") + "concurrency = 4\n"
    for argv in (("unset", "timeout"), ("unset", "--env", "staging", "concurrency")):
        assert stage.run("config", *argv).code == 0
    assert path.read_text() == STAGING.replace('timeout = "90s"\n', "")


def test_config_set_without_a_file_makes_one_that_only_the_user_reads(stage: Stage) -> None:
    path = stage.folder / "new" / "config.toml"
    assert stage.run("config", "set", "wait", "yes", env={"DOCSPEED_CONFIG": str(path)}).code == 0
    assert path.read_text() == "wait = true\n"
    assert path.stat().st_mode & 0o077 == 0


def test_config_set_ledger_with_a_password_hides_it_and_closes_the_file(stage: Stage) -> None:
    path = stage.configure("wait = true\n")
    path.chmod(0o644)
    ran = stage.run("config", "set", "ledger", "-", stdin=b"postgresql://u:s3cret@h/db\n")
    shown = stage.run("config", "get", "ledger")
    assert (ran.code, shown.out) == (0, "postgresql://u@h/db\n")
    assert "s3cret" not in ran.err + shown.err and "s3cret" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_config_set_value_from_stdin(stage: Stage) -> None:
    assert stage.run("config", "set", "timeout", "-", stdin=b"7s\n").code == 0
    assert stage.run("config", "get", "timeout").out == "7.0\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("set", "timeout", "soon"), "timeout: 'soon' is not a duration"),
        (("set", "base_url", "http://x.example"), "would send the key unencrypted"),
        (("set", "timeot", "9"), "did you mean timeout?"),
        (("get", "timeot"), "did you mean timeout?"),
        (("set", "poll-interval", "9"), "did you mean poll_interval?"),
        (("set", "api_key", "hidden"), "hint: docspeed auth login"),
        (("set", "--env", "a.b", "wait", "true"), "letters, digits, - and _"),
    ],
)
def test_config_wrong_setting_or_value_changes_nothing(
    stage: Stage, argv: tuple[str, ...], message: str
) -> None:
    path = stage.configure(STAGING)
    ran = stage.run("config", *argv)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err and "hidden" not in ran.err
    assert path.read_text() == STAGING


def test_config_unset_removes_what_no_setting_is_called(stage: Stage) -> None:
    path = stage.configure("wiat = true\nwait = true\n")
    assert stage.run("config", "unset", "wiat").code == 0
    assert path.read_text() == "wait = true\n"
    ran = stage.run("config", "unset", "timeout")
    assert ran.code == 0 and "timeout is not set in" in ran.err


def test_config_set_says_what_wins_over_it(stage: Stage) -> None:
    ran = stage.run("config", "set", "timeout", "1h", env={"DOCSPEED_TIMEOUT": "5"})
    assert "note: DOCSPEED_TIMEOUT wins over it" in ran.err


def test_config_file_that_lines_cannot_edit_is_left_alone(stage: Stage) -> None:
    path = stage.configure('timeout = """\n90s"""\n')
    ran = stage.run("config", "set", "timeout", "9s")
    assert ran.code == 2 and "change the file in an editor" in ran.err
    assert path.read_text() == 'timeout = """\n90s"""\n'


# -- environments


def test_env_flag_wins_over_variables_and_the_file(stage: Stage) -> None:
    path = stage.configure(STAGING)
    found = origins(stage, "--env", "staging", DOCSPEED_BASE_URL="https://x.example", DOCSPEED_WAIT="0")
    assert (found["base_url"], found["wait"]) == ("--env staging",) * 2
    assert (found["timeout"], found["env"]) == (str(path), "--env")
    assert origins(stage, "--env", "staging", "--sandbox")["base_url"] == "--sandbox"


def test_env_variable_loses_against_a_settings_own_variable(stage: Stage) -> None:
    path = stage.configure(STAGING)
    found = origins(stage, DOCSPEED_ENV="staging", DOCSPEED_WAIT="0")
    assert (found["base_url"], found["wait"]) == (f"{path}, env.staging", "DOCSPEED_WAIT")
    assert origins(stage)["base_url"] == "default"


def test_env_server_gets_the_request_and_stays_in_hints(stage: Stage, service: Service) -> None:
    stage.configure(STAGING.replace("wait = true\n", ""))
    ran = stage.run("parse", "--file-id", "f", "--env", "staging", terminal=True)
    assert ran.code == 0, ran.err
    assert service.count(SUBMIT) == 1
    assert stage.rows()[0]["server"] == "https://staging.example"
    hints = [line for line in lines(ran.err) if "hint" in line]
    assert hints and all(line.endswith(" --env staging") for line in hints)


@pytest.mark.parametrize(
    ("content", "argv", "message"),
    [
        (STAGING, ("--env", "stagng"), "has no environment 'stagng'\nhint: did you mean `--env staging`?"),
        (STAGING, ("--env", "x"), "hint: the environments are staging"),
        ("", ("--env", "x"), "docspeed config set --env NAME base_url URL"),
        ("[env.a]\nwiat = true\n", (), "env.a.wiat is not a setting"),
        ('[env.a]\napi_key = "hidden"\n', (), "remove env.a.api_key"),
        ("env = 5\n", (), "env has a table for each environment"),
        ('[env.a]\ntimeout = "soon"\n', ("--env", "a"), "env.a.timeout: 'soon' is not a duration"),
    ],
)
def test_env_wrong_is_a_usage_error(
    stage: Stage, service: Service, content: str, argv: tuple[str, ...], message: str
) -> None:
    stage.configure(content)
    ran = stage.run("parse", "--file-id", "f", *argv)
    assert (ran.code, service.calls) == (2, [])
    assert message in ran.err and "hidden" not in ran.err


def test_env_new_is_made_by_config_set(stage: Stage) -> None:
    assert stage.run("config", "set", "--env", "test", "base_url", "sandbox").code == 0
    assert stage.run("config", "get", "base_url", "--env", "test").out == "sandbox\n"
    assert stage.run("config", "get", "base_url").out == "https://api.docspeed.ai\n"


# -- completion


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (("config", "set", "ti"), "timeout"),
        (("config", "unset", ""), "wait"),
        (("config", "set", "wait", ""), "false"),
        (("config", "set", "format", ""), "markdown"),
        (("config", "set", "base_url", ""), "sandbox"),
    ],
)
def test_config_completion_offers_settings_and_values(words: tuple[str, ...], some: str) -> None:
    assert some in [value.text for value in at(*words).values]


def test_env_completion_offers_the_environments(stage: Stage, tmp_path: Path) -> None:
    stage.configure(STAGING)
    ran = stage.run("4", "parse", "a.pdf", "--env", "", env={"_DOCSPEED_COMPLETE": "1"})
    assert "staging" in ran.out
