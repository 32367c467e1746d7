"""`docspeed auth`: the key is read from a pipe or a prompt, checked, and saved for one server."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from docspeed_cli.cli.commands.auth import masked
from tests.fake_service import KEY, POLL, REFUSED, RESULT, SUBMIT, UPLOAD, Reply, Service
from tests.stage import Stage

NO_KEY = {"DOCSPEED_API_KEY": ""}


@pytest.fixture
def stage(tmp_path: Path, service: Service) -> Stage:
    """A user's machine without a key."""
    return Stage(tmp_path, service, env=NO_KEY)


def saved(stage: Stage) -> dict[str, str]:
    """Return the saved keys by server."""
    path = stage.folder / "config" / "credentials.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    assert isinstance(found, dict)
    return found


def test_login_with_piped_key_saves_it_for_later_requests(stage: Stage, service: Service) -> None:
    assert stage.run("parse", "--file-id", "f").code == 4
    ran = stage.run("auth", "login", stdin=KEY.encode() + b"\n")
    assert ran.code == 0, ran.err
    path = stage.folder / "config" / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert saved(stage) == {"https://api.docspeed.ai": KEY}
    assert stage.run("parse", "--file-id", "f").code == 0
    assert service.calls[-1].headers["authorization"] == f"Bearer {KEY}"


def test_login_with_a_rejected_key_does_not_save_it(stage: Stage, service: Service) -> None:
    ran = stage.run("auth", "login", stdin=b"ds_some_wrong_key_0000\n")
    assert (ran.code, ran.out) == (4, "")
    assert saved(stage) == {}


def test_login_checks_the_key_without_submitting(stage: Stage, service: Service) -> None:
    stage.run("auth", "login", stdin=KEY.encode())
    assert service.calls, "the key is checked if the server can be reached"
    assert {call.method for call in service.calls} == {"GET"}
    assert (service.count(SUBMIT), service.count(UPLOAD)) == (0, 0)


def test_login_with_unreachable_server_saves_the_key_with_a_warning(stage: Stage, service: Service) -> None:
    for kind in (POLL, RESULT, SUBMIT):
        service.always(kind, REFUSED)
    ran = stage.run("auth", "login", stdin=KEY.encode())
    assert ran.code == 0
    assert saved(stage) == {"https://api.docspeed.ai": KEY}
    assert "check" in ran.err


def test_login_with_a_pasted_key_drops_the_frame_of_the_terminal(stage: Stage, service: Service) -> None:
    stage.run("auth", "login", stdin=b"\x1b[200~" + KEY.encode() + b"\x1b[201~\n")
    assert saved(stage) == {"https://api.docspeed.ai": KEY}


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"two words here", b"ds_key\x1b[31m", b"ds_\xff\xfe", "ds_schlüssel".encode()]
)
def test_login_with_invalid_key_fails_before_any_request(stage: Stage, service: Service, text: bytes) -> None:
    ran = stage.run("auth", "login", stdin=text)
    assert ran.code in (2, 4)
    assert ran.out == ""
    assert saved(stage) == {}
    assert service.calls == []


def test_saved_key_is_not_sent_to_another_server(stage: Stage, service: Service) -> None:
    stage.run("auth", "login", stdin=KEY.encode())
    ran = stage.run("parse", "--file-id", "f", "--base-url", "https://eu.docspeed.example")
    assert ran.code == 4
    assert {call.host for call in service.calls} <= {"api.docspeed.ai"}


def test_key_in_environment_overrides_the_saved_key(stage: Stage, service: Service) -> None:
    stage.run("auth", "login", stdin=KEY.encode())
    service.key = None
    stage.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": "ds_from_the_environment"})
    assert service.calls[-1].headers["authorization"] == "Bearer ds_from_the_environment"
    ran = stage.run("auth", "login", stdin=KEY.encode(), env={"DOCSPEED_API_KEY": "ds_from_the_environment"})
    assert "DOCSPEED_API_KEY" in ran.err


def test_status_shows_the_source_and_never_the_key(stage: Stage, service: Service) -> None:
    ran = stage.run("auth", "status")
    assert (ran.code, ran.out) == (4, "")
    stage.run("auth", "login", stdin=KEY.encode())
    ran = stage.run("auth", "status", "--json")
    assert ran.code == 0
    assert "credentials" in json.loads(ran.out)["source"]
    ran = stage.run("auth", "status", "--json", env={"DOCSPEED_API_KEY": KEY})
    assert json.loads(ran.out)["source"] == "DOCSPEED_API_KEY"
    assert KEY not in ran.out + ran.err


def test_status_of_a_key_that_the_server_refuses_is_exit_4(stage: Stage, service: Service) -> None:
    key = "ds_another_key_00001111"
    ran = stage.run("auth", "status", env={"DOCSPEED_API_KEY": key})
    assert (ran.code, ran.out) == (4, "")
    assert "from DOCSPEED_API_KEY: the server does not accept the API key (401)" in ran.err
    assert key not in ran.err
    service.always(POLL, REFUSED)
    ran = stage.run("auth", "status", env={"DOCSPEED_API_KEY": key})
    assert (ran.code, json.loads(ran.out)["accepted"]) == (0, None), "a server that is down refuses no key"
    assert "could not be checked" in ran.err


def test_logout_removes_only_the_key_of_this_server(stage: Stage, service: Service) -> None:
    service.key = None
    stage.run("auth", "login", stdin=KEY.encode())
    stage.run("auth", "login", "--base-url", "https://eu.docspeed.example", stdin=b"ds_other_key_42")
    assert stage.run("auth", "logout").code == 0
    assert list(saved(stage)) == ["https://eu.docspeed.example"]
    assert stage.run("auth", "logout").code == 0, "twice is no error"
    assert stage.run("parse", "--file-id", "f").code == 4


def test_key_in_the_config_file_is_an_error(stage: Stage, service: Service) -> None:
    path = stage.folder / "config" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'api_key = "{KEY}"\n')
    ran = stage.run("parse", "--file-id", "f")
    assert ran.code == 2
    assert "auth login" in ran.err and KEY not in ran.err
    assert service.calls == []


def test_key_in_environment_is_stripped(stage: Stage, service: Service) -> None:
    assert stage.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": f" {KEY}\n"}).code == 0


def test_request_with_a_rejected_key_names_the_next_step(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--json", env={"DOCSPEED_API_KEY": "ds_wrong_key_77777"})
    error = json.loads(ran.err)["error"]
    assert (ran.code, error["code"], error["status"]) == (4, "auth", 401)
    assert "auth" in error["hint"]
    assert "Missing bearer token" in error["message"]


def test_redirect_to_another_host_is_not_followed_with_the_key(stage: Stage, service: Service) -> None:
    page = Reply(302, b"", {"Location": "https://portal.example/login"})
    service.always(SUBMIT, page)
    ran = stage.run("parse", "--file-id", "f", env={"DOCSPEED_API_KEY": KEY})
    assert ran.code == 9
    assert {call.host for call in service.calls} == {"api.docspeed.ai"}


@pytest.mark.parametrize("content", [b"{bad", b"", b"[]", b"\xff"])
def test_login_with_a_damaged_credentials_file_fails_and_keeps_it(
    stage: Stage, service: Service, content: bytes
) -> None:
    path = stage.folder / "config" / "credentials.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    for argv in (("parse", "--file-id", "f"), ("auth", "login")):
        ran = stage.run(*argv, stdin=KEY.encode())
        assert (ran.code, ran.out) == (4, "")
        assert "credentials.json" in ran.err and "fix the file or delete it" in ran.err
    assert path.read_bytes() == content


@pytest.mark.parametrize("argv", [("auth", "status"), ("config", "show"), ("doctor",)], ids=" ".join)
def test_credentials_readable_by_others_are_reported_by_each_command(
    stage: Stage, service: Service, argv: tuple[str, ...]
) -> None:
    stage.run("auth", "login", stdin=KEY.encode())
    path = stage.folder / "config" / "credentials.json"
    path.chmod(0o644)
    assert f"chmod 600 {path}" in stage.run(*argv).err


def test_shown_key_is_only_its_last_four_characters(stage: Stage, service: Service) -> None:
    service.key = None
    assert (masked("ds_0123456789_abcd"), masked("short_key")) == ("…abcd", "…")
    key = "zq9w8x7v6j5k4z3q2"
    env = {"DOCSPEED_API_KEY": key}
    shown = "".join(
        stage.run(*argv, env=env).out for argv in (("auth", "status"), ("config", "show"), ("doctor",))
    )
    assert shown.count(key[-4:]) == 3
    assert not any(key[at : at + 5] in shown for at in range(len(key) - 4))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_credentials_readable_by_the_group_are_reported(stage: Stage, mode: int) -> None:
    stage.run("auth", "login", stdin=KEY.encode())
    (stage.folder / "config" / "credentials.json").chmod(mode)
    assert "chmod 600" in stage.run("auth", "status").err


def test_credentials_are_replaced_atomically_and_stay_private(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run("auth", "login", stdin=KEY.encode())
    modes: list[int] = []

    def replaced(self: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(self.stat().st_mode))
        assert json.loads(self.read_text()), "the new file is complete before it replaces the old one"
        assert saved(stage) == {"https://api.docspeed.ai": KEY}
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", replaced)
    ran = stage.run("auth", "login", "--base-url", "https://b.example", stdin=KEY.encode())
    assert (ran.code, modes) == (1, [0o600])
    assert saved(stage) == {"https://api.docspeed.ai": KEY}
    assert sorted(path.name for path in (stage.folder / "config").iterdir()) == [
        "config.toml",
        "credentials.json",
    ]
