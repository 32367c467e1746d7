"""Kept results: what it costs to keep them, and what they save."""

from __future__ import annotations

from benchmarks.cases.case import MB, SMALL, Case, Figure, Variant, grown, over
from benchmarks.cases.many import parse_listed
from benchmarks.measure import Sample, Stand, measure


def _keep(stand: Stand) -> dict[str, Variant]:
    def run(name: str, **env: str) -> Variant:
        def variant() -> Sample:
            ids, out = stand.listed(2000, 20_000), stand.folder / "kept.jsonl"
            with stand.exactly(2000):
                return measure(
                    parse_listed(stand), {**stand.state(name), **env}, stdin=ids, stdout=out, jobs=2000
                )

        return variant

    return {"kept": run("keep"), "not kept": run("keep-none", DOCSPEED_KEEP_RESULTS="false")}


KEEP = Case(
    "keep",
    "2,000 results of 20 kB that are kept, beside the same run without keeping",
    7,
    _keep,
    (Figure("2,000 results of 20 kB, kept / not kept", over("kept", "not kept"), 1.05),),
)


def _resume(stand: Stand) -> dict[str, Variant]:
    """10,000 documents that are all done: their files are there, or only what is kept."""
    env, ids = stand.state("resume"), stand.folder / "resume.txt"

    def run(*where: str) -> Sample:
        out = stand.folder / "resume.jsonl"
        sample = measure([*parse_listed(stand), *where], env, stdin=ids, stdout=out, jobs=10_000)
        with out.open("rb") as lines:
            assert sum(1 for _ in lines) == 10_000
        return sample

    files = ("-o", str(stand.folder / "resumed"))
    if not ids.exists():
        stand.listed(10_000).rename(ids)
        run(*files)

    def resumed(*where: str) -> Sample:
        before = stand.counts()
        sample = run(*where)
        assert stand.counts() == before, "the server was asked"
        return sample

    return {"kept results": resumed, "finished files": lambda: resumed(*files)}


RESUME = Case(
    "resume",
    "a run over 10,000 documents again, from kept results and from finished files",
    3,
    _resume,
    (
        Figure("10,000 kept results / finished files", over("kept results", "finished files"), 1.5),
        grown("peak, 10,000 kept results beyond finished files", 15, "kept results", "finished files"),
    ),
)


def _kept_memory(stand: Stand) -> dict[str, Variant]:
    def run(size: int) -> Variant:
        argv = [stand.docspeed, "jobs", "result", f"job_{size}_0"]
        return lambda: measure(argv, stand.state("kept-memory"), piped=True)

    return {"16 MB": run(16 * MB), "1 kB": run(SMALL)}


KEPT_MEMORY = Case(
    "kept-memory",
    "peak memory for a result of 16 MB that is kept, and then handed over, beyond that for 1 kB",
    2,
    _kept_memory,
    (grown("peak, 16 MB kept beyond 1 kB", 15, "16 MB", "1 kB"),),
    warm=False,
)
