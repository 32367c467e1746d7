"""Where settings come from, how their values are parsed, and what errors name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.api_keys import saved_keys
from docspeed_cli.core.errors import AuthError, UsageError
from docspeed_cli.core.settings import (
    BASE_URL,
    SETTINGS,
    VARIABLES,
    Settings,
    concurrency,
    duration,
    resolve,
    server_url,
    size,
    switch,
)

KEY = "ds_key_that_must_not_be_shown"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    return path


def resolved(config: Path, flags: Mapping[str, Any] | None = None, /, **env: str) -> Settings:
    return resolve(flags or {}, {"DOCSPEED_CONFIG": str(config), "DOCSPEED_STATE_DIR": "/state", **env})


# -- precedence

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
        (
            *("ledger", None, '"postgres://u:p@a/x?port=7&sslpassword=s"', "postgresql://b", "local"),
            ("postgresql://u@a/x?port=7", "postgresql://b", None),
        ),
        ("keep_results", True, "false", "yes", False, (False, True, False)),
        ("keep_results_each", 16_000_000, "1000", "2 kB", "3MB", (1_000, 2_000, 3_000_000)),
        ("keep_results_total", 2_000_000_000, '"1 GB"', "2 kB", "0", (10**9, 2_000, 0)),
        ("download_limit", 200_000_000, "1000", "2 kB", "3MB", (1_000, 2_000, 3_000_000)),
    ],
)


@EACH
def test_resolve_prefers_flag_then_variable_then_file_then_default(
    config: Path, name: str, default: Any, filed: str, env: str, flag: Any, values: tuple[Any, Any, Any]
) -> None:
    variable, option = f"DOCSPEED_{name.upper()}", f"--{name.replace('_', '-')}"
    option = "--local-ledger" if name == "ledger" else option
    found = [resolved(config)]
    config.write_text(f"{name} = {filed}\n", "utf-8")
    found += [
        resolved(config),
        resolved(config, **{variable: env}),
        resolved(config, {name: flag}, **{variable: env}),
        resolved(config, {name: flag}),
        resolved(config, {name: None}),
    ]
    expected = [default, *values, values[2], values[0]]
    assert [getattr(each, name) for each in found] == expected
    origins = ["default", str(config), variable, option, option, str(config)]
    assert [each.origins[name] for each in found] == origins


def test_resolve_precedence_test_covers_every_setting() -> None:
    tried = {arguments[0] for arguments in EACH.args[1]}
    assert tried == {setting.name for setting in SETTINGS}


def test_resolve_empty_variable_counts_as_unset(config: Path) -> None:
    env = {f"DOCSPEED_{setting.name.upper()}": "" for setting in SETTINGS}
    found = resolved(config, **env)
    assert set(found.origins.values()) == {"default"}


def test_variables_table_lists_every_variable_of_the_contract() -> None:
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
        ("poll_interval", "1 fortnight", "{a = 1}"),
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
def test_resolve_bad_value_error_names_its_place(config: Path, name: str, text: str, filed: str) -> None:
    variable, option = f"DOCSPEED_{name.upper()}", f"--{name.replace('_', '-')}"
    with pytest.raises(UsageError) as in_flag:
        resolved(config, {name: text})
    assert in_flag.value.message.startswith(f"{option}: ")
    with pytest.raises(UsageError) as in_env:
        resolved(config, **{variable: text})
    assert in_env.value.message.startswith(f"{variable}: ")
    config.write_text(f"{name} = {filed}\n", "utf-8")
    with pytest.raises(UsageError) as in_file:
        resolved(config)
    assert str(config) in in_file.value.message and name in in_file.value.message


def test_resolve_overridden_bad_value_is_ignored(config: Path) -> None:
    config.write_text('timeout = "soon"\n')
    assert resolved(config, DOCSPEED_TIMEOUT="90").timeout == 90
    assert resolved(config, {"timeout": "5"}, DOCSPEED_TIMEOUT="soon").timeout == 5


def test_config_unknown_key_error_names_it_and_lists_the_settings(config: Path) -> None:
    config.write_text('# comment\nwait = true\n\n  timeot = "90s"\n', "utf-8")
    with pytest.raises(UsageError) as caught:
        resolved(config)
    assert caught.value.message == f"{config}: timeot is not a setting"
    assert "timeout" in (caught.value.hint or "")


def test_config_unknown_table_error_names_it(config: Path) -> None:
    config.write_text('\n[server]\nbase_url = "https://host"\n', "utf-8")
    with pytest.raises(UsageError, match=r"config\.toml: server is not a setting"):
        resolved(config)


@pytest.mark.parametrize("line", [f'api_key = "{KEY}"', f'"api_key" = "{KEY}"', f'api_key = ["{KEY}"]'])
def test_config_api_key_is_refused_without_repeating_it(config: Path, line: str) -> None:
    config.write_text(f"wait = true\n{line}\n", "utf-8")
    with pytest.raises(UsageError) as caught:
        resolved(config)
    assert f"{config}: remove api_key" in caught.value.message
    assert caught.value.hint == "docspeed auth login"
    assert KEY not in json.dumps(caught.value.to_json())


@pytest.mark.parametrize(
    "content",
    [b"wait = maybe", b"wait", b"\xff\xfe\0", b"wait = true\nwait = true", b"[["],
)
def test_config_malformed_file_error_names_the_file(config: Path, content: bytes) -> None:
    config.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        resolved(config)
    assert str(config) in caught.value.message


def test_config_folder_in_place_of_file_error_names_it(config: Path) -> None:
    config.mkdir()
    with pytest.raises(UsageError, match=r"config\.toml"):
        resolved(config)


# -- paths


def test_resolve_paths_follow_the_variables(tmp_path: Path) -> None:
    env = {"DOCSPEED_CONFIG": str(tmp_path / "my.toml"), "DOCSPEED_STATE_DIR": str(tmp_path / "state")}
    found = resolve({}, env)
    assert found.config_file == tmp_path / "my.toml"
    assert found.credentials == tmp_path / "credentials.json"
    assert found.state_dir == tmp_path / "state"


def test_resolve_tilde_in_variable_expands_to_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
        ("30min", 1800),
        ("30 mins", 1800),
        ("1h 30m", 5400),
        ("2 hours", 7200),
        ("1 Hour and 30 Minutes", 5400),
        ("1 hr, 15 secs", 3615),
        ("2 days, 3 hours, and 1 minute", 183_660),
        ("1.5 h", 5400),
        (".5h", 1800),
        ("90 seconds", 90),
        ("2w", 1_209_600),
        ("500 milliseconds", 0.5),
        ("1h\t30m", 5400),
    ],
)
def test_duration_with_units_returns_seconds(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "1x",
        "-1",
        "+1",
        "1h, 30",
        "1,5h",
        "1 30m",
        "1 hour and",
        "and 1 hour",
        "1 fortnight",
        "1 month",
        "1hand30m",
        "1h30",
        "1.",
        "1e3",
        "inf",
        "nan",
        "1_0",
        "٣",
        "²",
        "1,5",
    ],
)
def test_duration_malformed_text_raises(text: str) -> None:
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
def test_duration_of_several_parts_is_their_sum(parts: list[tuple[int, tuple[str, float]]]) -> None:
    text = "".join(f"{number}{unit}" for number, (unit, _) in parts)
    assert duration(text) == pytest.approx(sum(number * size for number, (_, size) in parts))


@given(st.text() | st.from_regex(r"[0-9.]+(ms|s|m|h|d)?", fullmatch=True))
def test_duration_any_text_is_finite_or_raises(text: str) -> None:
    try:
        found = duration(text)
    except ValueError as error:
        assert str(error)
    else:
        assert found >= 0 and math.isfinite(found)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "d"])
def test_duration_over_the_maximum_is_the_maximum(text: str) -> None:
    """`time.sleep` raises OverflowError for such a number."""
    assert duration(text) == 1e9


@given(st.text())
def test_setting_parsers_any_text_parses_or_raises_value_error(text: str) -> None:
    for read in (switch, concurrency, server_url, size):
        try:
            found = read(text)
        except ValueError as error:
            assert str(error)
        else:
            assert isinstance(found, bool | int | str)


# -- sizes


@pytest.mark.parametrize(
    ("text", "bytes_", "shown"),
    [
        ("500 kB", 500_000, "500 kB"),
        ("16MB", 16_000_000, "16 MB"),
        (" 1.5 gb ", 1_500_000_000, "1500 MB"),
        ("16000000", 16_000_000, "16 MB"),
        ("1234", 1234, "1234"),
        ("0", 0, "0 GB"),
        ("9" * 400, 10**15, "1000000 GB"),
    ],
)
def test_size_with_or_without_unit_returns_bytes(text: str, bytes_: int, shown: str) -> None:
    found = size(text)
    assert (found, str(found), json.dumps(found)) == (bytes_, shown, str(bytes_))


@pytest.mark.parametrize("text", ["", "MB", "-1", "16 MiB", "1,5 GB", "١٦ MB", "16 MB MB", "large"])
def test_size_malformed_text_raises(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size like"):
        size(text)


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
        ("https://host.example:443/x", "https://host.example/x"),
        ("http://localhost:80", "http://localhost"),
        ("https://host.example:80", "https://host.example:80"),
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
        ("http://localhost.:8787", "http://localhost.:8787"),
    ],
)
def test_server_url_is_normalised(text: str, url: str) -> None:
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
def test_server_url_plain_http_beyond_loopback_raises(text: str) -> None:
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
def test_server_url_with_user_query_or_fragment_raises(text: str) -> None:
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
        "https://api.docspeed.ai\\v1",
        "https://http://host",
        "'https://host'",
        "https://host\u200b",
        "https://user:secret@host:port",
        "https://user:secret@[::1",
    ],
)
def test_server_url_malformed_raises(text: str) -> None:
    with pytest.raises(ValueError, match="is not a URL") as caught:
        server_url(text)
    assert "secret" not in str(caught.value)


@given(st.text(st.sampled_from("htps:/[].@?#127localhost0 x%\\\t\n-")).map(lambda rest: f"http://{rest}"))
def test_server_url_plain_http_always_reaches_loopback(text: str) -> None:
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
    return resolved(config, **env).key()


def test_key_without_variable_or_file_is_empty(config: Path) -> None:
    assert resolved(config).key() == ("", "")


def test_key_for_sandbox_is_empty(config: Path) -> None:
    found, where = resolved(config, {"base_url": "sandbox"}, DOCSPEED_API_KEY=KEY).key()
    assert found == ""
    assert "sandbox" in where


def test_key_in_variable_wins_over_saved_key(config: Path) -> None:
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
def test_key_saved_for_one_origin_is_not_used_for_another(config: Path, server: str, expected: str) -> None:
    content = json.dumps(
        {BASE_URL: "vendor", "https://host.example": "plain", "https://host.example:8443": "port"}
    )
    assert keys(config, content, DOCSPEED_BASE_URL=server)[0] == expected


@pytest.mark.parametrize("bad", ["a\nb", "a b", "k\x00", "k\x7f", "ключ", "a\rb"])
def test_key_unfit_for_a_header_raises_without_repeating_it(config: Path, bad: str) -> None:
    with pytest.raises(AuthError) as in_env:
        resolved(config, DOCSPEED_API_KEY=bad).key()
    with pytest.raises(AuthError) as in_file:
        keys(config, json.dumps({BASE_URL: bad}))
    assert "DOCSPEED_API_KEY" in in_env.value.message
    assert "credentials.json" in in_file.value.message
    for caught in (in_env, in_file):
        assert bad not in caught.value.message
    # A saved key would not be used while the variable is set.
    assert in_env.value.hint == "set DOCSPEED_API_KEY to the key alone"
    assert in_file.value.hint == "docspeed auth login"


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ('"ds_key_1"', "quotes"),
        ("'ds_key_1'", "quotes"),
        ("`ds_key_1`", "quotes"),
        ("“ds_key_1”", "quotes"),
        ("«ds_key_1»", "quotes"),
        ("ds_key_1'", "quotes"),
        ('"Bearer ds_key_1"', "quotes"),
        ("Bearer ds_key_1", "begins with Bearer"),
        ("bearer\tds_key_1", "begins with bearer"),
        ("BEARER: ds_key_1", "begins with BEARER"),
        ("Authorization: Bearer ds_key_1", "begins with Authorization: Bearer"),
        ("export DOCSPEED_API_KEY=ds_key_1", "begins with export DOCSPEED_API_KEY="),
        ("DOCSPEED_API_KEY=ds_key_1", "begins with DOCSPEED_API_KEY="),
    ],
)
def test_key_copied_with_more_than_itself_says_what_is_too_much(config: Path, bad: str, word: str) -> None:
    with pytest.raises(AuthError) as caught:
        resolved(config, DOCSPEED_API_KEY=bad).key()
    assert word in caught.value.message
    assert "ds_key_1" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("good", ["bearer_1", "Bearer-key", "k'ey", "key=", "sk_live.4-2~"])
def test_key_of_printable_characters_is_taken(config: Path, good: str) -> None:
    assert resolved(config, DOCSPEED_API_KEY=f" {good}\n").key()[0] == good


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff", b"[]", b"null", b'"key"'])
def test_saved_keys_damaged_file_raises_auth_error(config: Path, content: bytes) -> None:
    with pytest.raises(AuthError) as caught:
        keys(config, content)
    assert "credentials.json" in caught.value.message
    assert caught.value.exit_code == 4


def test_saved_keys_folder_in_place_of_file_raises(config: Path) -> None:
    config.with_name("credentials.json").mkdir()
    with pytest.raises(AuthError, match=r"credentials\.json"):
        resolved(config).key()


def test_saved_keys_missing_file_is_empty(tmp_path: Path) -> None:
    assert saved_keys(tmp_path / "credentials.json") == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('timeout = "soon"', "timeout: 'soon' is not a duration like 90, 90s, 30min or 1h 30m"),
        ("concurrency = 0", "concurrency: '0' is not a whole number from 1 to 256"),
        ("wait = [1]", "wait: '[1]' is neither true nor false"),
    ],
)
def test_config_bad_value_error_names_file_and_key(config: Path, line: str, message: str) -> None:
    config.write_text(f'# mine\nformat = "json"\n\n{line}\n', "utf-8")
    with pytest.raises(UsageError) as caught:
        resolve({}, {"DOCSPEED_CONFIG": str(config)})
    assert caught.value.message == f"{config}: {message}"


@pytest.mark.parametrize("host", ["a..b", ".a", "a" * 64 + ".example", "xn--é..x"])
def test_server_url_invalid_hostname_raises(host: str) -> None:
    with pytest.raises(ValueError, match="is not a URL"):
        server_url(f"https://{host}")


@pytest.mark.parametrize("host", ["a.b.", "bücher.example", "a" * 63 + ".example", "[::1]", "10.0.0.1"])
def test_server_url_valid_hostname_is_kept(host: str) -> None:
    assert server_url(f"https://{host}:8443") == f"https://{host}:8443"
