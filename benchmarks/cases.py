"""The cases: what is run side by side, and what is made of the samples."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measure import KEY, Sample, Stand, measure

Round = Mapping[str, Sample]
Variant = Callable[[], Sample]
Cost = Callable[[Sample], float]
"""Wall time or CPU time of a sample: on a busy machine the second is the steadier one."""
Formula = Callable[[Round, Cost], float]

MB = 1_000_000
SLACK = 1000
"""The size of a result that costs nothing."""


@dataclass(frozen=True)
class Figure:
    """One number out of each round, and what it may be."""

    about: str
    of: Formula
    limit: float | None
    unit: str = "×"
    at_least: bool = False
    timed: bool = True
    """Whether it is made of times, so that it can be had of CPU time as well."""

    def met(self, value: float) -> bool | None:
        """Whether the value is within the limit; None where there is none."""
        if self.limit is None:
            return None
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Case:
    """What is run in each round, one after another, and the figures that come out of it."""

    name: str
    about: str
    runs: int
    variants: Callable[[Stand], dict[str, Variant]]
    figures: tuple[Figure, ...]
    warm: bool = True
    """Whether a round goes before those that count."""


def _over(ours: str, theirs: str) -> Formula:
    return lambda found, cost: cost(found[ours]) / cost(found[theirs])


def _cpu_over(ours: str, theirs: str) -> Formula:
    """Of CPU time: docspeed looks at a new job after a quarter of a second, and the others look at once."""
    return lambda found, _: found[ours].cpu / found[theirs].cpu


def _beyond(ours: str, least: str, theirs: str) -> Formula:
    """What is beyond our own start-up, over what they take in all."""
    return lambda found, cost: (cost(found[ours]) - cost(found[least])) / cost(found[theirs])


def _rates(ours: str, theirs: str) -> Formula:
    return lambda found, cost: (
        (found[ours].jobs / cost(found[ours])) / (found[theirs].jobs / cost(found[theirs]))
    )


def _grown(about: str, limit: float, large: str, small: str) -> Figure:
    """By how much one peak of memory is above another."""
    return Figure(
        about, lambda found, _: (found[large].peak - found[small].peak) / MB, limit, " MB", timed=False
    )


# -- start-up

_TAB = """
source "$1"; [ -z "$2" ] && exit
how=$(complete -p docspeed); how=${how##*-F }; how=${how%% *}
COMP_WORDS=(docspeed pa); COMP_CWORD=1; COMP_LINE="docspeed pa"; COMP_POINT=11
$how docspeed pa docspeed
[ "${COMPREPLY[0]%% *}" = parse ]
"""


def _path(stand: Stand) -> dict[str, str]:
    return {**stand.env, "PATH": f"{Path(stand.docspeed).parent}:{stand.env.get('PATH', '')}"}


def _runs(commands: Mapping[str, list[str]], env: Mapping[str, str]) -> dict[str, Variant]:
    return {name: partial(measure, argv, env) for name, argv in commands.items()}


def _start_up(stand: Stand) -> dict[str, Variant]:
    env = _path(stand)
    commands = {
        "bare python": [stand.python, "-c", "pass"],
        "--version": [stand.docspeed, "--version"],
        "--help": [stand.docspeed, "--help"],
        "parse --help": [stand.docspeed, "parse", "--help"],
        "jobs list": [stand.docspeed, "jobs", "list"],
    }
    if http := shutil.which("http", path=env["PATH"]):
        commands["http --version"] = [http, "--version"]
    return _runs(commands, env)


def _tab(stand: Stand) -> dict[str, Variant]:
    script = stand.folder / "completion.bash"
    measure([stand.docspeed, "completion", "bash"], stand.env, stdout=script)
    bash = ["bash", "--norc", "-c", _TAB, "tab", str(script)]
    return _runs(
        {"bare python": [stand.python, "-c", "pass"], "bash": [*bash, ""], "TAB": [*bash, "press"]},
        _path(stand),
    )


START_UP = Case(
    "start-up",
    "commands that do next to nothing, beside a bare interpreter's start",
    15,
    _start_up,
    (
        Figure("`--version` / bare python", _over("--version", "bare python"), 2.0),
        Figure("`--help` / bare python", _over("--help", "bare python"), 3.0),
        Figure("`parse --help` / bare python", _over("parse --help", "bare python"), 5.5),
        Figure("`jobs list` / bare python", _over("jobs list", "bare python"), 6.0),
    ),
)
TAB = Case(
    "tab",
    "a completion of `docspeed pa` in bash, without the shell's own start",
    15,
    _tab,
    (Figure("a TAB / bare python", _beyond("TAB", "bash", "bare python"), 3.0),),
)


# -- one job


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


def _job_figures() -> tuple[Figure, ...]:
    return (
        Figure("one job / least httpx program, CPU", _cpu_over("docspeed", "httpx"), 1.2, timed=False),
        Figure("one job / curl and jq, CPU", _cpu_over("docspeed", "curl, jq"), None, timed=False),
    )


JOB = Case(
    "job",
    "one job from submission to result, ledger included, beside the least httpx program",
    15,
    _job,
    _job_figures(),
)
JOB_TLS = Case("job-tls", "the same against https", 15, _job_tls, _job_figures())


# -- bytes


def _result(size: int, *, piped: bool, rival: bool = True) -> Callable[[Stand], dict[str, Variant]]:
    def variants(stand: Stand) -> dict[str, Variant]:
        out = stand.folder / "result.json"
        where = [] if piped else ["-o", str(out)]

        def taken(sample: Sample) -> Sample:
            if not piped:
                assert out.stat().st_size >= SLACK
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
            "docspeed, 1 kB": docspeed(SLACK),
            **({"curl": curl(size)} if rival else {}),
        }

    return variants


def _bytes_figure(where: str, limit: float) -> tuple[Figure, ...]:
    return (Figure(f"200 MB to {where} / curl", _beyond("docspeed", "docspeed, 1 kB", "curl"), limit),)


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
    (_grown("peak, 500 MB to a file beyond 1 kB", 15, "docspeed", "docspeed, 1 kB"),),
    warm=False,
)
MEMORY_PIPE = Case(
    "memory-pipe",
    "peak memory for a result of 500 MB into a pipe, beyond that for 1 kB",
    3,
    _result(500 * MB, piped=True, rival=False),
    (_grown("peak, 500 MB to a pipe beyond 1 kB", 15, "docspeed", "docspeed, 1 kB"),),
    warm=False,
)


def _upload(stand: Stand) -> dict[str, Variant]:
    def document(name: str, size: int) -> Path:
        path = stand.folder / name
        with path.open("wb") as file:
            file.write(b"%PDF-1.7\n")
            file.truncate(size)
        return path

    large, small = document("large.pdf", 1 << 30), document("small.pdf", SLACK)
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
        Figure("1 GiB with its digest / curl -F", _beyond("docspeed", "docspeed, 1 kB", "curl -F"), None),
        _grown("peak, 1 GiB beyond 1 kB", 15, "docspeed", "docspeed, 1 kB"),
    ),
)


# -- the ledger

_ROWS = (10, 100_000)


def _ledger(stand: Stand) -> dict[str, Variant]:
    def run(rows: int, how: str) -> Variant:
        path = stand.folder / f"ledger-{rows}.db"
        return lambda: measure([stand.python, stand.rival("ledger.py"), str(path), how], stand.env)

    variants = {
        "bare python": lambda: measure([stand.python, "-c", "pass"], stand.env),
        "import sqlite3": run(0, "sqlite3"),
    }
    for rows in _ROWS:
        if not (stand.folder / f"ledger-{rows}.db").exists():
            run(rows, str(rows))()
        variants[_rows(rows)] = run(rows, "job")
    return variants


def _rows(rows: int) -> str:
    return f"{rows:,} rows"


LEDGER = Case(
    "ledger",
    "a fresh process that opens the ledger, records one job and closes it, beside a bare interpreter's start",
    25,
    _ledger,
    tuple(
        Figure(
            f"ledger of {_rows(rows)} beyond `import sqlite3` / bare python",
            _beyond(_rows(rows), "import sqlite3", "bare python"),
            0.45,
        )
        for rows in _ROWS
    ),
)


# -- many documents

_THREADS = 32


def _batch(stand: Stand, count: int) -> Sample:
    argv = [stand.docspeed, "parse", "--from", "-", "--wait", "--concurrency", str(_THREADS), "--quiet"]
    out = stand.folder / "many.jsonl"
    with stand.exactly(count):
        sample = measure(argv, stand.state(str(count)), stdin=stand.listed(count), stdout=out, jobs=count)
    with out.open("rb") as lines:
        assert sum(1 for _ in lines) == count
    return sample


def _many(stand: Stand) -> dict[str, Variant]:
    out = stand.folder / "many.txt"

    def httpx() -> Sample:
        argv = [stand.python, stand.rival("many.py"), stand.http, KEY, str(_THREADS)]
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
        Figure("jobs/s / least httpx program", _rates("docspeed", "httpx"), 0.8, at_least=True),
        Figure("jobs/s / curl, jq, xargs -P 8", _rates("docspeed", "curl, jq, xargs"), 10.0, at_least=True),
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
    (_grown("peak, 10,000 jobs beyond 100", 30, "10,000 jobs", "100 jobs"),),
    warm=False,
)


# -- kept results


def _keep(stand: Stand) -> dict[str, Variant]:
    def run(name: str, **env: str) -> Variant:
        argv = [stand.docspeed, "parse", "--from", "-", "--wait", "--concurrency", str(_THREADS), "--quiet"]

        def variant() -> Sample:
            ids, out = stand.listed(2000, 20_000), stand.folder / "kept.jsonl"
            with stand.exactly(2000):
                return measure(argv, {**stand.state(name), **env}, stdin=ids, stdout=out, jobs=2000)

        return variant

    return {"kept": run("keep"), "not kept": run("keep-none", DOCSPEED_KEEP_RESULTS="false")}


KEEP = Case(
    "keep",
    "2,000 results of 20 kB that are kept, beside the same run without keeping",
    7,
    _keep,
    (Figure("2,000 results of 20 kB, kept / not kept", _over("kept", "not kept"), 1.05),),
)


def _resume(stand: Stand) -> dict[str, Variant]:
    """10,000 documents that are all done: their files are there, or only what is kept."""
    env, ids = stand.state("resume"), stand.folder / "resume.txt"
    argv = [stand.docspeed, "parse", "--from", "-", "--wait", "--concurrency", str(_THREADS), "--quiet"]

    def run(*where: str) -> Sample:
        out = stand.folder / "resume.jsonl"
        sample = measure([*argv, *where], env, stdin=ids, stdout=out, jobs=10_000)
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
        Figure("10,000 kept results / finished files", _over("kept results", "finished files"), 1.5),
        _grown("peak, 10,000 kept results beyond finished files", 15, "kept results", "finished files"),
    ),
)


def _kept_memory(stand: Stand) -> dict[str, Variant]:
    def run(size: int) -> Variant:
        argv = [stand.docspeed, "jobs", "result", f"job_{size}_0"]
        return lambda: measure(argv, stand.state("kept-memory"), piped=True)

    return {"16 MB": run(16 * MB), "1 kB": run(SLACK)}


KEPT_MEMORY = Case(
    "kept-memory",
    "peak memory for a result of 16 MB that is kept, and then handed over, beyond that for 1 kB",
    2,
    _kept_memory,
    (_grown("peak, 16 MB kept beyond 1 kB", 15, "16 MB", "1 kB"),),
    warm=False,
)

# -- rows

_CSV = "[input_filename, (.fields | to_entries[] | .value.value)] | @csv"


def _rows_state(stand: Stand, count: int) -> tuple[dict[str, str], Path]:
    """The environment with a run whose results are kept, and the folder that has them as files."""
    state = stand.state(f"rows-{count}")
    state["DOCSPEED_BASE_URL"] = "http://127.0.0.1:9"  # no server is there: all comes from what is kept
    folder = stand.folder / f"rows-{count}"
    if not folder.exists():
        argv = [stand.python, stand.rival("kept.py"), state["DOCSPEED_STATE_DIR"], str(folder), str(count)]
        measure(argv, {**stand.env, "PYTHONPATH": str(Path(__file__).parents[1])})
    return state, folder


def _rows_of(stand: Stand, count: int, form: str) -> Variant:
    state, _ = _rows_state(stand, count)
    out = stand.folder / f"rows.{form}"
    argv = [stand.docspeed, "jobs", "result", "@bench", "--format", form, "--quiet", "-o", str(out)]
    return lambda: measure(argv, state, jobs=count)


def _rows_csv(stand: Stand) -> dict[str, Variant]:
    _, folder = _rows_state(stand, 10_000)
    shell = ["sh", "-c", f"jq -r '{_CSV}' \"$1\"/*.json", "sh", str(folder)]
    jq = partial(measure, shell, stand.env, stdout=stand.folder / "jq.csv", jobs=10_000)
    few = _rows_of(stand, 100, "csv")
    return {"docspeed": _rows_of(stand, 10_000, "csv"), "jq @csv": jq, "docspeed, 100": few}


def _rows_xlsx(stand: Stand) -> dict[str, Variant]:
    _, folder = _rows_state(stand, 10_000)
    argv = [stand.python, stand.rival("to_xlsx.py"), str(folder), str(stand.folder / "rival.xlsx")]
    least = partial(measure, argv, stand.env, jobs=10_000)
    few = _rows_of(stand, 100, "xlsx")
    return {"docspeed": _rows_of(stand, 10_000, "xlsx"), "XlsxWriter": least, "docspeed, 100": few}


ROWS_CSV = Case(
    "rows-csv",
    "10,000 results of 20 kB that are kept, as CSV, beside jq's @csv over files",
    3,
    _rows_csv,
    (
        Figure("10,000 results to csv / jq @csv", _over("docspeed", "jq @csv"), 1.0),
        _grown("peak, 10,000 results to csv beyond 100", 30, "docspeed", "docspeed, 100"),
    ),
    warm=False,
)
ROWS_XLSX = Case(
    "rows-xlsx",
    "10,000 results of 20 kB that are kept, as a workbook, beside the least program with XlsxWriter",
    1,
    _rows_xlsx,
    (
        Figure("10,000 results to xlsx / XlsxWriter's least program", _over("docspeed", "XlsxWriter"), 1.5),
        _grown("peak, 10,000 results to xlsx beyond 100", 30, "docspeed", "docspeed, 100"),
    ),
    warm=False,
)

CASES = (
    START_UP,
    TAB,
    JOB,
    JOB_TLS,
    RESULT_FILE,
    RESULT_PIPE,
    MEMORY_FILE,
    MEMORY_PIPE,
    UPLOAD,
    LEDGER,
    MANY,
    MANY_MEMORY,
    KEEP,
    RESUME,
    KEPT_MEMORY,
    ROWS_CSV,
    ROWS_XLSX,
)
