"""Runs over many documents."""

from __future__ import annotations

from benchmarks.cases.case import Case, Figure, Variant, grown, rates
from benchmarks.measure import KEY, Sample, Stand, measure

_THREADS = "32"


def parse_listed(stand: Stand) -> list[str]:
    """The command that parses the file ids on its standard input."""
    return [stand.docspeed, "parse", "--from", "-", "--wait", "--concurrency", _THREADS, "--quiet"]


def _batch(stand: Stand, count: int) -> Sample:
    argv, out = parse_listed(stand), stand.folder / "many.jsonl"
    with stand.exactly(count):
        sample = measure(argv, stand.state(str(count)), stdin=stand.listed(count), stdout=out, jobs=count)
    with out.open("rb") as lines:
        assert sum(1 for _ in lines) == count
    return sample


def _many(stand: Stand) -> dict[str, Variant]:
    out = stand.folder / "many.txt"

    def httpx() -> Sample:
        argv = [stand.python, stand.rival("many.py"), stand.http, KEY, _THREADS]
        with stand.exactly(2000):
            return measure(argv, stand.env, stdin=stand.listed(2000), stdout=out, jobs=2000)

    def curl() -> Sample:
        argv = ["xargs", "-P", "8", "-n", "1", "sh", stand.rival("job.sh"), stand.http, KEY]
        with stand.exactly(100):
            return measure(argv, stand.env, stdin=stand.listed(100), stdout=out, jobs=100)

    return {"docspeed": lambda: _batch(stand, 2000), "httpx": httpx, "curl, jq, xargs": curl}


MANY = Case(
    "many",
    "2,000 jobs at concurrency 32, beside httpx.Client in 32 threads, and curl and jq under xargs -P 8",
    5,
    _many,
    (
        Figure("jobs/s / minimal httpx program", rates("docspeed", "httpx"), 0.8, at_least=True),
        Figure("jobs/s / curl, jq, xargs -P 8", rates("docspeed", "curl, jq, xargs"), 10.0, at_least=True),
    ),
    warm=False,
)
MANY_MEMORY = Case(
    "many-memory",
    "peak memory of a run over 10,000 documents, beyond that of one over 100",
    2,
    lambda stand: {
        "10,000 jobs": lambda: _batch(stand, 10_000),
        "100 jobs": lambda: _batch(stand, 100),
    },
    (grown("peak, 10,000 jobs beyond 100", 30, "10,000 jobs", "100 jobs"),),
    warm=False,
)
