"""Each setting comes from the first place that has it, and a bad value is told by that place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.errors import AuthError, UsageError
from docspeed_cli.core.settings import (
    BASE_URL,
    SETTINGS,
    VARIABLES,
    Settings,
    duration,
    resolve,
    saved_keys,
    server_url,
    switch,
    workers,
)

KEY = "ds_key_that_must_not_be_shown"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    return path


def settle(config: Path, flags: Mapping[str, Any] | None = None, /, **env: str) -> Settings:
    return resolve(flags or {}, {"DOCSPEED_CONFIG": str(config), "DOCSPEED_STATE_DIR": "/state", **env})


# -- where a value comes from

EACH = pytest.mark.parametrize(
    ("name", "default", "filed", "env", "flag", "values"),
    [
        (
            "base_url",
            BASE_URL,
            '"https://file.example/"',
            "https://env.example/",
            "https://flag.example/",
            ("https://file.example", "https://env.example", "https://flag.example"),
        ),
        ("timeout", None, '"1m"', "2m", "3m", (60.0, 120.0, 180.0)),
        ("timeout", None, "60", "120", "180", (60.0, 120.0, 180.0)),
        ("timeout", None, "1.5", "2.5", "3.5", (1.5, 2.5, 3.5)),
        ("poll_interval", None, '"1s"', "2s", "3s", (1.0, 2.0, 3.0)),
        ("wait", False, "true", "yes", True, (True, True, True)),
        ("wait", False, "true", "0", True, (True, False, True)),
        ("wait", False, "true", "1", False, (True, True, False)),
        ("wait", False, "false", "on", False, (False, True, False)),
        ("format", None, '"csv"', "text", "id", ("csv", "text", "id")),
        ("concurrency", 8, "1", "2", "256", (1, 2, 256)),
    ],
)


@EACH
def test_flag_then_environment_then_file_then_default(
    config: Path, name: str, default: Any, filed: str, env: str, flag: Any, values: tuple[Any, Any, Any]
) -> None:
    variable, option = f"DOCSPEED_{name.upper()}", f"--{name.replace('_', '-')}"
    found = [settle(config)]
    config.write_text(f"{name} = {filed}\n", "utf-8")
    found += [
        settle(config),
        settle(config, **{variable: env}),
        settle(config, {name: flag}, **{variable: env}),
        settle(config, {name: flag}),
        settle(config, {name: None}),
    ]
    expected = [default, *values, values[2], values[0]]
    assert [each.values[name] for each in found] == expected
    origins = ["default", str(config), variable, option, option, str(config)]
    assert [each.origins[name] for each in found] == origins


def test_every_setting_is_tried_above() -> None:
    tried = {arguments[0] for arguments in EACH.args[1]}
    assert tried == {setting.name for setting in SETTINGS}


def test_an_empty_variable_is_no_value(config: Path) -> None:
    env = {f"DOCSPEED_{setting.name.upper()}": "" for setting in SETTINGS}
    found = settle(config, **env)
    assert set(found.origins.values()) == {"default"}


def test_every_variable_of_the_contract_is_told() -> None:
    assert {name for name, _ in VARIABLES} >= {
        "DOCSPEED_API_KEY",
        "DOCSPEED_BASE_URL",
        "DOCSPEED_TIMEOUT",
        "DOCSPEED_WAIT",
        "DOCSPEED_FORMAT",
        "DOCSPEED_CONCURRENCY",
        "DOCSPEED_CONFIG",
        "DOCSPEED_STATE_DIR",
        "DOCSPEED_DEBUG",
    }


# -- bad values

BAD = pytest.mark.parametrize(
    ("name", "text", "filed"),
    [
        ("base_url", "ftp://host", '"ftp://host"'),
        ("base_url", "http://host.example", "17"),
        ("timeout", "soon", '"soon"'),
        ("timeout", "-1", "-1"),
        ("timeout", "inf", "inf"),
        ("timeout", "nan", "nan"),
        ("timeout", "1s2", "[1]"),
        ("poll_interval", "1 week", "{a = 1}"),
        ("wait", "maybe", "2"),
        ("format", "yaml", '"yaml"'),
        ("format", "JSON ", "true"),
        ("concurrency", "0", "0"),
        ("concurrency", "257", "257"),
        ("concurrency", "1.5", "1.5"),
        ("concurrency", "-1", "true"),
        ("concurrency", "many", "1979-05-27"),
    ],
)


@BAD
def test_a_bad_value_is_told_by_its_place(config: Path, name: str, text: str, filed: str) -> None:
    variable, option = f"DOCSPEED_{name.upper()}", f"--{name.replace('_', '-')}"
    with pytest.raises(UsageError) as in_flag:
        settle(config, {name: text})
    assert in_flag.value.message.startswith(f"{option}: ")
    with pytest.raises(UsageError) as in_env:
        settle(config, **{variable: text})
    assert in_env.value.message.startswith(f"{variable}: ")
    config.write_text(f"{name} = {filed}\n", "utf-8")
    with pytest.raises(UsageError) as in_file:
        settle(config)
    assert str(config) in in_file.value.message and name in in_file.value.message


def test_a_bad_value_that_another_place_overrides_does_not_matter(config: Path) -> None:
    config.write_text('timeout = "soon"\n')
    assert settle(config, DOCSPEED_TIMEOUT="90").values["timeout"] == 90
    assert settle(config, {"timeout": "5"}, DOCSPEED_TIMEOUT="soon").values["timeout"] == 5


def test_an_unknown_key_is_told_with_its_line(config: Path) -> None:
    config.write_text('# comment\nwait = true\n\n  timeot = "90s"\n', "utf-8")
    with pytest.raises(UsageError) as caught:
        settle(config)
    assert caught.value.message == f"{config}, line 4: timeot is not a setting"
    assert "timeout" in (caught.value.hint or "")


def test_an_unknown_table_is_told(config: Path) -> None:
    config.write_text('\n[server]\nbase_url = "https://host"\n', "utf-8")
    with pytest.raises(UsageError, match=r"line 2: server is not a setting"):
        settle(config)


@pytest.mark.parametrize("line", [f'api_key = "{KEY}"', f'"api_key" = "{KEY}"', f'api_key = ["{KEY}"]'])
def test_a_key_does_not_belong_in_the_file(config: Path, line: str) -> None:
    config.write_text(f"wait = true\n{line}\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        settle(config)
    assert f"{config}, line 2: api_key" in caught.value.message
    assert caught.value.hint == "docspeed auth login"
    assert KEY not in json.dumps(caught.value.as_json())


@pytest.mark.parametrize(
    "content",
    [b"wait = maybe", b"wait", b"\xff\xfe", b"wait = true\nwait = true", b"[[", b"a=" + b"[" * 9999],
)
def test_a_file_that_is_not_toml_is_named(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        settle(config)
    assert str(config) in caught.value.message


def test_a_folder_in_the_file_s_place_is_named(config: Path) -> None:
    config.mkdir()
    with pytest.raises(UsageError, match=r"config\.toml"):
        settle(config)


# -- places


def test_the_files_are_where_the_variables_say(tmp_path: Path) -> None:
    env = {"DOCSPEED_CONFIG": str(tmp_path / "my.toml"), "DOCSPEED_STATE_DIR": str(tmp_path / "state")}
    found = resolve({}, env)
    assert found.config_file == tmp_path / "my.toml"
    assert found.credentials == tmp_path / "credentials.json"
    assert found.state_dir == tmp_path / "state"


def test_a_tilde_is_the_user_s_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = resolve({}, {"DOCSPEED_CONFIG": "~/my.toml", "DOCSPEED_STATE_DIR": "~/state"})
    assert (found.config_file, found.state_dir) == (tmp_path / "my.toml", tmp_path / "state")


# -- durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("1.5", 1.5),
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("30d", 2_592_000),
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("1h30m10.5s", 5410.5),
        (" 2H ", 7200),
    ],
)
def test_a_duration(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "1x",
        "1 h",
        "-1",
        "+1",
        "1h 30m",
        "1h30",
        "1.",
        ".5",
        "1e3",
        "inf",
        "nan",
        "1_0",
        "٣",
        "²",
        "1,5",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2000),
            st.sampled_from([("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_parts_of_a_duration_add_up(parts: list[tuple[int, tuple[str, float]]]) -> None:
    text = "".join(f"{number}{unit}" for number, (unit, _) in parts)
    assert duration(text) == pytest.approx(sum(number * size for number, (_, size) in parts))


@given(st.text() | st.from_regex(r"[0-9.]+(ms|s|m|h|d)?", fullmatch=True))
def test_a_duration_is_a_length_of_time_or_told(text: str) -> None:
    try:
        found = duration(text)
    except ValueError as error:
        assert str(error)
    else:
        assert found >= 0 and math.isfinite(found)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "d", "9" * 5000])
def test_a_duration_without_end_is_told(text: str) -> None:
    """No clock can sleep that long."""
    with pytest.raises(ValueError, match=r"\w"):
        duration(text)


@given(st.text())
def test_no_text_breaks_a_switch_or_a_number(text: str) -> None:
    for read in (switch, workers, server_url):
        try:
            found = read(text)
        except ValueError as error:
            assert str(error)
        else:
            assert isinstance(found, bool | int | str)


# -- servers


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sandbox", "sandbox"),
        ("https://api.docspeed.ai", "https://api.docspeed.ai"),
        ("https://api.docspeed.ai/", "https://api.docspeed.ai"),
        (" https://api.docspeed.ai ", "https://api.docspeed.ai"),
        ("HTTPS://API.Docspeed.AI", "https://api.docspeed.ai"),
        ("https://host.example:8443", "https://host.example:8443"),
        ("https://host.example/prefix", "https://host.example/prefix"),
        ("https://host.example/pre/fix//", "https://host.example/pre/fix"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://localhost:8787/", "http://localhost:8787"),
        ("http://LOCALHOST", "http://localhost"),
        ("http://docspeed.localhost", "http://docspeed.localhost"),
        ("http://[::1]:8787", "http://[::1]:8787"),
    ],
)
def test_a_server_is_an_origin_and_a_path_without_a_final_slash(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "http://api.docspeed.ai",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[2001:db8::1]",
        "http://[::]",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://127.0.0.1@host.example",
        "http://localhost@host.example",
        "http://notlocalhost",
        "http://127.0.0.1:80@host.example",
    ],
)
def test_plain_http_is_for_this_machine_only(text: str) -> None:
    with pytest.raises(ValueError, match=r"unencrypted|no user"):
        server_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://user@host",
        "https://user:secret@host",
        "https://:secret@host",
        "https://host?a=1",
        "https://host/#part",
    ],
)
def test_a_server_holds_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="no user") as caught:
        server_url(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "host",
        "host:8787",
        "//host",
        "https://",
        "https:///x",
        "ftp://host",
        "file:///etc",
        "Sandbox",
        "https://host:99999",
        "https://host:port",
        "https://[::1",
        "https://[zz]",
        "http://ho st",
        "javascript:1",
    ],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        server_url(text)


@given(st.text(st.sampled_from("htps:/[].@?#127localhost0 x%\\\t\n-")).map(lambda rest: f"http://{rest}"))
def test_no_http_url_leads_the_key_to_another_machine(text: str) -> None:
    import httpx

    try:
        url = httpx.URL(server_url(text))
    except (ValueError, httpx.InvalidURL):
        return
    assert url.host in ("localhost", "::1") or url.host.endswith(".localhost") or url.host.startswith("127.")


# -- keys


def keys(config: Path, content: str | bytes, /, **env: str) -> tuple[str, str]:
    path = config.with_name("credentials.json")
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return settle(config, **env).key()


def test_no_key_at_all(config: Path) -> None:
    assert settle(config).key() == ("", "")


def test_the_sandbox_needs_no_key(config: Path) -> None:
    found, where = settle(config, {"base_url": "sandbox"}, DOCSPEED_API_KEY=KEY).key()
    assert found == ""
    assert "sandbox" in where


def test_the_environment_s_key_wins(config: Path) -> None:
    content = json.dumps({BASE_URL: "saved"})
    assert keys(config, content, DOCSPEED_API_KEY=f" {KEY}\n") == (KEY, "DOCSPEED_API_KEY")
    assert keys(config, content, DOCSPEED_API_KEY=" ") == ("saved", str(config.with_name("credentials.json")))


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (BASE_URL, "vendor"),
        (f"{BASE_URL}/prefix", "vendor"),
        ("https://host.example", "plain"),
        ("https://host.example:8443/x", "port"),
        ("https://other.example", ""),
        ("https://host.example:9999", ""),
        ("https://api.docspeed.ai.example", ""),
        ("http://127.0.0.1:8787", ""),
    ],
)
def test_a_saved_key_goes_to_its_own_origin_only(config: Path, server: str, expected: str) -> None:
    content = json.dumps(
        {BASE_URL: "vendor", "https://host.example": "plain", "https://host.example:8443": "port"}
    )
    assert keys(config, content, DOCSPEED_BASE_URL=server)[0] == expected


@pytest.mark.parametrize("bad", ["a\nb", "a b", "“key”", "k\x00", "k\x7f", "ключ", "a\rb"])
def test_a_key_that_no_header_can_hold_is_told_and_not_shown(config: Path, bad: str) -> None:
    with pytest.raises(AuthError) as in_env:
        settle(config, DOCSPEED_API_KEY=bad).key()
    with pytest.raises(AuthError) as in_file:
        keys(config, json.dumps({BASE_URL: bad}))
    assert "DOCSPEED_API_KEY" in in_env.value.message
    assert "credentials.json" in in_file.value.message
    for caught in (in_env, in_file):
        assert bad not in caught.value.message
        assert caught.value.hint == "docspeed auth login"


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff", b"[]", b"null", b'"key"'])
def test_a_damaged_file_of_keys_is_told_and_not_shown(config: Path, content: bytes) -> None:
    with pytest.raises(AuthError) as caught:
        keys(config, content)
    assert "credentials.json" in caught.value.message
    assert caught.value.exit_code == 4


def test_a_folder_in_the_place_of_the_keys_is_told(config: Path) -> None:
    config.with_name("credentials.json").mkdir()
    with pytest.raises(AuthError, match=r"credentials\.json"):
        settle(config).key()


def test_no_file_of_keys_is_no_key(tmp_path: Path) -> None:
    assert saved_keys(tmp_path / "credentials.json") == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('timeout = "soon"', "timeout: 'soon' is not a duration like 90, 90s, 30m or 2h"),
        ("concurrency = 0", "concurrency: '0' is not a whole number from 1 to 256"),
        ("wait = [1]", "wait: '[1]' is neither true nor false"),
    ],
)
def test_a_bad_value_is_told_with_its_line(config: Path, line: str, said: str) -> None:
    config.write_text(f'# mine\nformat = "json"\n\n{line}\n', "utf-8")
    with pytest.raises(UsageError) as caught:
        resolve({}, {"DOCSPEED_CONFIG": str(config)})
    assert caught.value.message == f"{config}, line 4: {said}"


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 64 + ".example", ("a" * 60 + ".") * 5, "xn--é..x"])
def test_a_host_that_can_be_no_name(host: str) -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        server_url(f"https://{host}")


@pytest.mark.parametrize("host", ["a.b.", "bücher.example", "a" * 63 + ".example", "[::1]", "10.0.0.1"])
def test_a_host_that_can_be_a_name(host: str) -> None:
    assert server_url(f"https://{host}:8443") == f"https://{host}:8443"
