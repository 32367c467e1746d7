"""`docspeed doctor`: one line for each check, with the next step for a problem."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import trustme

from tests.fake_service import KEY, Service
from tests.stage import Stage, lines


def findings(stage: Stage, *flags: str, key: str = KEY, env: Mapping[str, str] = {}) -> dict[str, Any]:
    """Return what the doctor found, by the name of the check."""
    ran = stage.run("doctor", *flags, "--json", env={"DOCSPEED_API_KEY": key, **env})
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


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, "none; neither HTTPS_PROXY nor ALL_PROXY is set"),
        ({"HTTP_PROXY": "http://p:1"}, "none; neither HTTPS_PROXY nor ALL_PROXY is set"),
        ({"https_proxy": "http://ann:secret@p:3128"}, "http://p:3128 from https_proxy"),
        ({"ALL_PROXY": "p", "no_proxy": "x"}, "http://p:1080 from ALL_PROXY"),
        (
            {"HTTPS_PROXY": "p", "NO_PROXY": ".docspeed.ai"},
            "none; NO_PROXY (.docspeed.ai) exempts",
        ),
        ({"HTTPS_PROXY": "http://ann:secret@"}, "HTTPS_PROXY is not a URL"),
        ({"HTTPS_PROXY": "socks4://ann:secret@p"}, "HTTPS_PROXY names a proxy of the kind socks4"),
    ],
)
def test_doctor_proxy_shows_the_variable_and_no_password(
    stage: Stage, env: dict[str, str], found: str
) -> None:
    shown = findings(stage, env=env)
    assert shown["proxy"].startswith(found)
    assert "secret" not in str(shown)
    broken = "HTTPS_PROXY" in found[:11]
    assert ("was not asked, because the proxy can't be used" in shown["server"]) == broken


def test_doctor_trust_names_the_variable_that_won(stage: Stage) -> None:
    path = stage.folder / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    assert findings(stage)["trust"] == "the system's certificates"
    for variable, others in (
        ("SSL_CERT_FILE", {"REQUESTS_CA_BUNDLE": "/missing", "CURL_CA_BUNDLE": "/missing"}),
        ("REQUESTS_CA_BUNDLE", {"CURL_CA_BUNDLE": "/missing"}),
        ("CURL_CA_BUNDLE", {"SSL_CERT_FILE": ""}),
    ):
        found = findings(stage, env={variable: str(path), **others})["trust"]
        assert found.startswith(f"the system's certificates, and {path} from {variable}")
        assert found.endswith("; ignored: CURL_CA_BUNDLE") == (variable == "REQUESTS_CA_BUNDLE")


def test_doctor_trust_takes_a_list_of_folders_of_which_some_are_missing(stage: Stage) -> None:
    env = {"SSL_CERT_DIR": f"/missing:{stage.folder}:"}
    assert findings(stage, env=env)["trust"].startswith("the system's certificates, and /missing:")


@pytest.mark.parametrize(
    "variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_doctor_trust_reports_unusable_certificates_by_their_variable(stage: Stage, variable: str) -> None:
    for content in (None, b"", b"no certificate"):
        path = stage.folder / f"ca-{content!r}.pem"
        if content is not None:
            path.write_bytes(content)
        ran = stage.run("doctor", "--json", env={variable: str(path)})
        (bad,) = (line for line in map(json.loads, lines(ran.out)) if not line["ok"])
        assert (ran.code, bad["check"], str(path) in bad["found"]) == (9, "trust", True)
        assert bad["hint"].startswith(f"fix {variable}")
