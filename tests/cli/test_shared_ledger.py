"""A shared ledger that is away stops a command before anything is sent; its password is never shown."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.stage import Stage

AWAY = {"DOCSPEED_LEDGER": "postgresql://me:s3cret%2Fword@127.0.0.1:1/x?sslpassword=s3cret"}


@pytest.mark.parametrize("more", [(), ("--wait",), ("--fresh",), ("--file-id", "f")])
def test_shared_ledger_away_sends_nothing_and_exits_9(
    stage: Stage, service: Service, more: tuple[str, ...]
) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), *more, "--json", env=AWAY)
    assert ran.code == 9
    error = json.loads(ran.err.splitlines()[0])["error"]
    assert (error["code"], error["retryable"]) == ("ledger_unavailable", True)
    assert "postgresql://me@127.0.0.1:1/x" in error["message"] and "--local-ledger" in error["hint"]
    assert "s3cret" not in ran.err + ran.out
    assert service.count(UPLOAD) == service.count(SUBMIT) == 0


def test_shared_ledger_away_local_ledger_goes_on(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), "--local-ledger", env=AWAY)
    assert ran.code == 0
    assert service.count(SUBMIT) == 1


def test_shared_ledger_away_doctor_says_so(stage: Stage) -> None:
    ran = stage.run("doctor", env=AWAY)
    (found,) = [check for check in map(json.loads, ran.out.splitlines()) if check["check"] == "ledger"]
    assert not found["ok"] and "Connection refused" in found["found"]


@pytest.mark.parametrize(
    "address",
    [
        *(
            "mysql://u:s3cret@h/x",
            "postgresql://u:s3cret/x@h/x",
            "postgresql://u:s3cret@h:s3cret/x",
            "s3cret",
        ),
        "postgresql://u:p@s3cret@h/x",
    ],
)
def test_shared_ledger_malformed_address_is_a_usage_error_without_it(stage: Stage, address: str) -> None:
    ran = stage.run("parse", "--file-id", "f", env={"DOCSPEED_LEDGER": address})
    assert ran.code == 2
    assert "DOCSPEED_LEDGER" in ran.err and "s3cret" not in ran.err


def test_shared_ledger_config_show_hides_the_password(stage: Stage) -> None:
    ran = stage.run("config", "show", env=AWAY)
    assert "postgresql://me@127.0.0.1:1/x" in ran.out and "s3cret" not in ran.out


@pytest.mark.parametrize("kind", ["text", "database"])
def test_ledger_import_of_another_file_is_refused_and_leaves_it(stage: Stage, kind: str) -> None:
    path = Path(stage.document("notes.db"))
    if kind == "database":
        path.unlink()
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE notes (text)")
    before = path.read_bytes()
    ran = stage.run("ledger", "import", str(path), env=AWAY)
    assert ran.code == 2 and "ledger.db" in ran.err
    assert path.read_bytes() == before and [each.name for each in path.parent.glob("notes*")] == [path.name]
