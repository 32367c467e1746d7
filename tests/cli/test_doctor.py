"""`docspeed doctor`: one line for each check, with the next step for a problem."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_service import KEY, Service
from tests.stage import Stage, lines


def findings(stage: Stage, *flags: str, key: str) -> dict[str, Any]:
    """Return what the doctor found, by the name of the check."""
    ran = stage.run("doctor", *flags, "--json", env={"DOCSPEED_API_KEY": key})
    return {line["check"]: line["found"] for line in map(json.loads, lines(ran.out))}


def test_doctor_without_a_key_on_loopback_does_not_say_that_a_key_is_accepted(
    stage: Stage, service: Service
) -> None:
    service.key = None
    found = findings(stage, "--base-url", "http://127.0.0.1:8787", key="")
    assert found["key"].startswith("none; ")
    assert found["server"].startswith("http://127.0.0.1:8787 answers in ")
    assert "key" not in found["server"]


def test_doctor_with_a_key_says_that_it_is_accepted(stage: Stage, service: Service) -> None:
    assert findings(stage, key=KEY)["server"].endswith(" and accepts the key")
