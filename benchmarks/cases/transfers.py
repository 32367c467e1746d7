"""Large results that are printed or written, and a large document that is uploaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.cases.case import MB, SMALL, Case, Cost, Figure, Round, Variant, beyond, grown
from benchmarks.measure import KEY, Sample, Stand, measure


def _result(size: int, *, piped: bool, rival: bool = True) -> Callable[[Stand], dict[str, Variant]]:
    def variants(stand: Stand) -> dict[str, Variant]:
        out = stand.folder / "result.json"
        where = [] if piped else ["-o", str(out)]

        def taken(sample: Sample) -> Sample:
            if not piped:
                assert out.stat().st_size >= SMALL
                out.unlink()
            return sample

        def docspeed(size: int) -> Variant:
            argv = [stand.docspeed, "jobs", "result", f"job_{size}_0", *where]
            # Kept, the second round's result would come from this machine.
            env = {**stand.env, "DOCSPEED_KEEP_RESULTS": "false"}
            return lambda: taken(measure(argv, env, piped=piped))

        def curl(size: int) -> Variant:
            url = f"{stand.http}/v1/jobs/job_{size}_0/result"
            argv = ["curl", "-sSf", "-H", f"Authorization: Bearer {KEY}", url]
            return lambda: taken(
                measure([*argv, *([] if piped else ["-o", str(out)])], stand.env, piped=piped)
            )

        return {
            "docspeed": docspeed(size),
            "docspeed, 1 kB": docspeed(SMALL),
            **({"curl": curl(size)} if rival else {}),
        }

    return variants


def _bytes_figure(where: str, limit: float) -> tuple[Figure, ...]:
    return (Figure(f"200 MB to {where} / curl", beyond("docspeed", "docspeed, 1 kB", "curl"), limit),)


RESULT_FILE = Case(
    "result-file",
    "a result of 200 MB to a file with -o, beyond our start-up, beside curl -o",
    7,
    _result(200 * MB, piped=False),
    _bytes_figure("a file", 1.35),
)
RESULT_PIPE = Case(
    "result-pipe",
    "a result of 200 MB into a pipe, beyond our start-up, beside curl",
    7,
    _result(200 * MB, piped=True),
    # Printed whole or not at all, so the bytes are written to disk and read again first.
    _bytes_figure("a pipe", 2.5),
)
MEMORY_FILE = Case(
    "memory-file",
    "peak memory for a result of 500 MB with -o, beyond that for 1 kB",
    3,
    _result(500 * MB, piped=False, rival=False),
    (grown("peak, 500 MB to a file beyond 1 kB", 15, "docspeed", "docspeed, 1 kB"),),
    warm=False,
)
MEMORY_PIPE = Case(
    "memory-pipe",
    "peak memory for a result of 500 MB into a pipe, beyond that for 1 kB",
    3,
    _result(500 * MB, piped=True, rival=False),
    (grown("peak, 500 MB to a pipe beyond 1 kB", 15, "docspeed", "docspeed, 1 kB"),),
    warm=False,
)


def _upload(stand: Stand) -> dict[str, Variant]:
    def document(name: str, size: int) -> Path:
        path = stand.folder / name
        with path.open("wb") as file:
            file.write(b"%PDF-1.7\n")
            file.truncate(size)
        return path

    large, small = document("large.pdf", 1 << 30), document("small.pdf", SMALL)
    digest = "import hashlib, sys; print(hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256').hexdigest())"
    form = ["-H", f"Authorization: Bearer {KEY}", f"{stand.http}/api/v1/upload"]

    def upload(path: Path) -> Variant:
        return lambda: measure([stand.docspeed, "upload", str(path), "--fresh"], stand.env)

    return {
        "docspeed": upload(large),
        "docspeed, 1 kB": upload(small),
        "sha256": lambda: measure([stand.python, "-c", digest, str(large)], stand.env),
        "sha256, 1 kB": lambda: measure([stand.python, "-c", digest, str(small)], stand.env),
        "curl -F": lambda: measure(["curl", "-sSf", "-F", f"files=@{large}", *form], stand.env),
    }


def _sent(found: Round, cost: Cost) -> float:
    """The send alone: without our start-up and the digest, over curl's."""
    ours = cost(found["docspeed"]) - cost(found["docspeed, 1 kB"])
    digest = cost(found["sha256"]) - cost(found["sha256, 1 kB"])
    return (ours - digest) / cost(found["curl -F"])


UPLOAD = Case(
    "upload",
    "an upload of 1 GiB without the digest that comes on top, beside curl -F",
    5,
    _upload,
    (
        Figure("1 GiB sent / curl -F", _sent, 1.4),
        Figure("1 GiB with its digest / curl -F", beyond("docspeed", "docspeed, 1 kB", "curl -F"), None),
        grown("peak, 1 GiB beyond 1 kB", 15, "docspeed", "docspeed, 1 kB"),
    ),
)
