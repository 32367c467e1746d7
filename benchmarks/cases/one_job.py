"""One job, from submission to result."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from benchmarks.cases.case import Case, Figure, Variant, cpu_over
from benchmarks.measure import KEY, Sample, Stand, measure


def _one_job(base: str, stand: Stand, env: Mapping[str, str]) -> dict[str, Variant]:
    def checked(argv: list[str]) -> Sample:
        with stand.exactly(1):
            return measure([*argv], env, stdout=stand.folder / "one.json")

    def docspeed() -> Sample:
        (file_id,) = stand.ids(1)
        return checked([stand.docspeed, "parse", "--file-id", file_id, "--wait", "--base-url", base])

    def httpx() -> Sample:
        (file_id,) = stand.ids(1)
        return checked([stand.python, stand.rival("one.py"), base, file_id, KEY])

    def shell(script: str) -> Variant:
        return lambda: checked(["sh", stand.rival(script), base, KEY, *stand.ids(1)])

    variants = {"docspeed": docspeed, "httpx": httpx, "curl, jq": shell("job.sh")}
    if shutil.which("http", path=env.get("PATH")):
        variants["httpie, jq"] = shell("job-httpie.sh")
    return variants


def _job(stand: Stand) -> dict[str, Variant]:
    return _one_job(stand.http, stand, stand.env)


def _job_tls(stand: Stand) -> dict[str, Variant]:
    if stand.https is None:
        raise RuntimeError("trustme is not installed: no certificate for https")
    authority = str(stand.folder / "ca.pem")
    return _one_job(
        stand.https, stand, {**stand.env, "SSL_CERT_FILE": authority, "CURL_CA_BUNDLE": authority}
    )


_FIGURES = (
    Figure("one job / minimal httpx program, CPU", cpu_over("docspeed", "httpx"), 1.2, timed=False),
    Figure("one job / curl and jq, CPU", cpu_over("docspeed", "curl, jq"), None, timed=False),
)

JOB = Case(
    "job",
    "one job from submission to result, ledger included, beside the minimal httpx program",
    15,
    _job,
    _FIGURES,
)
JOB_TLS = Case("job-tls", "the same against https", 15, _job_tls, _FIGURES)
