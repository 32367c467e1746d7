"""`docspeed doctor`: what it reports of a wrong clock, an unusable ledger and another server."""

from __future__ import annotations

import json

import pytest

from docspeed_cli.core.extras import EXTRAS
from tests.fake_service import POLL, REFUSED, Reply, Service
from tests.stage import Stage, lines


def found_by_doctor(stage: Stage, name: str) -> dict[str, object]:
    lines = map(json.loads, stage.run("doctor", "--json").out.splitlines())
    return next(line for line in lines if line["check"] == name)


def test_doctor_ledger_in_memory_is_reported(new_stage: Stage, service: Service) -> None:
    (new_stage.folder / "state").mkdir()
    (new_stage.folder / "state" / "ledger.db").mkdir()
    ledger = found_by_doctor(new_stage, "ledger")
    assert (ledger["ok"], "in memory only" in str(ledger)) == (False, True)


@pytest.mark.parametrize(
    ("body", "unrecognised_error"), [(b"<html>nginx</html>", True), (b'{"detail": "no job"}', False)]
)
def test_doctor_other_server_is_reported(
    stage: Stage, service: Service, body: bytes, unrecognised_error: bool
) -> None:
    service.always(POLL, Reply(404, body))
    found = str(found_by_doctor(stage, "server"))
    assert ("not in the service's format" in found, "accepts the key" in found) == (
        unrecognised_error,
        not unrecognised_error,
    )


@pytest.mark.parametrize("body", [b"<html>nginx</html>", b'{"detail": "Not Found"}'])
def test_doctor_base_url_with_a_path_is_a_problem(stage: Stage, service: Service, body: bytes) -> None:
    service.always(POLL, Reply(404, body))
    ran = stage.run("doctor", "--json", "--base-url", "https://docs.example/v1")
    server = next(line for line in map(json.loads, lines(ran.out)) if line["check"] == "server")
    assert (ran.code, server["ok"]) == (6, False)
    assert "try `--base-url https://docs.example`" in server["hint"]


def test_doctor_names_the_source_of_settings(stage: Stage, service: Service) -> None:
    ran = stage.run("doctor", "--json", env={"DOCSPEED_TIMEOUT": "5m"})
    assert "timeout from DOCSPEED_TIMEOUT" in ran.out


def test_doctor_unreachable_server_does_not_hint_at_doctor(stage: Stage, service: Service) -> None:
    for reply in (REFUSED, Reply.of(429, {"detail": "slow down"})):
        service.then(POLL, reply)
        ran = stage.run("doctor", "--json")
        (line,) = [found for found in map(json.loads, lines(ran.out)) if not found["ok"]]
        assert (ran.code, line["check"], "doctor" in line["hint"]) == (9, "server", False)


def test_doctor_at_terminal_aligns_hints(stage: Stage) -> None:
    stage.columns = 60
    ran = stage.run("doctor", terminal=True, env={"DOCSPEED_API_KEY": "", "NO_COLOR": "1", "TERM": "dumb"})
    (bad,) = [number for number, line in enumerate(ran.out.splitlines()) if line.startswith("bad")]
    found, *below = ran.out.splitlines()[bad:]
    assert found.index("no API key") == 16
    assert below[0].startswith(" " * 16 + "-> ")


def test_auth_status_of_sandbox_has_no_key(stage: Stage) -> None:
    ran = stage.run("auth", "status", "--sandbox", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"server": "sandbox", "key": None, "source": None})


def test_doctor_sandbox_that_is_the_server_and_not_installed_is_a_problem(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRAS, "sandbox", ("no_such_module",))
    assert stage.run("doctor").code == 0
    ran = stage.run("doctor", "--sandbox")
    last = json.loads(lines(ran.out)[-1])
    assert (ran.code, last["check"], last["ok"]) == (1, "sandbox", False)
    assert "[sandbox]" in last["hint"]
