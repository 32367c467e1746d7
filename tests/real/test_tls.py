"""Certificates: a server with an invalid certificate is sent nothing and asked once."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.fake_service import Service
from tests.real.machine import Machine


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that is in no trust store."""
    return trustme.CA()


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """The context of a server with a certificate for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA, folder: Path) -> dict[str, str]:
    """The environment that makes the program trust this authority."""
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return {"SSL_CERT_FILE": str(path)}


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("elsewhere.example", True)])
def test_tls_with_an_invalid_certificate_sends_nothing(
    tmp_path: Path, service: Service, authority: trustme.CA, name: str, trusted: bool
) -> None:
    with service.listening(tls=serving(authority, name)) as base_url:
        machine = Machine(tmp_path, base_url)
        env = trusting(authority, tmp_path) if trusted else {}
        done = machine.run("parse", "--file-id", "f", "--json", env=env)
        error = json.loads(done.err.splitlines()[-1])["error"]
        assert (done.code, error["code"], error["retryable"]) == (9, "tls", False)
        assert "trying again" not in done.err
        assert service.calls == []
        assert machine.here("jobs", "list", "--json").out == b""


def test_tls_trusts_the_authority_in_ssl_cert_file(
    tmp_path: Path, service: Service, authority: trustme.CA
) -> None:
    with service.listening(tls=serving(authority, "localhost")) as base_url:
        done = Machine(tmp_path, base_url).run(
            "parse", "--file-id", "f", "--wait", env=trusting(authority, tmp_path)
        )
    assert done.code == 0, done.err
    assert done.out == service.results["job_1"] + b"\n"


def test_tls_with_a_missing_ssl_cert_file_is_reported(tmp_path: Path, authority: trustme.CA) -> None:
    with Service().listening(tls=serving(authority, "localhost")) as base_url:
        done = Machine(tmp_path, base_url).run(
            "parse", "--file-id", "f", env={"SSL_CERT_FILE": str(tmp_path / "missing.pem")}
        )
    assert done.code != 0
    assert "missing.pem" in done.err
    assert "Traceback" not in done.err and "unexpected" not in done.err


def test_tls_to_a_plain_http_port_is_a_tls_error(tmp_path: Path, service: Service) -> None:
    with service.listening() as base_url:
        done = Machine(tmp_path, base_url.replace("http:", "https:")).run("parse", "--file-id", "f", "--json")
    assert done.code == 9
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "tls"
    assert service.calls == []


# -- docspeed doctor


def checks(machine: Machine, env: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the doctor's findings by the name of the check."""
    lines = map(json.loads, machine.run("doctor", "--json", env=env).out.splitlines())
    return {line["check"]: line for line in lines}


def test_doctor_tls_certificate_untrusted_names_the_variable(
    tmp_path: Path, service: Service, authority: trustme.CA
) -> None:
    with service.listening(tls=serving(authority, "localhost")) as base_url:
        machine = Machine(tmp_path, base_url)
        seen = checks(machine, trusting(authority, tmp_path))
        assert seen["server"]["ok"] and "accepts the key" in seen["server"]["found"]
        refused = checks(machine, {})["server"]
        assert (refused["ok"], "no secure connection" in refused["found"]) == (False, True)
        assert "SSL_CERT_FILE" in refused["hint"]
