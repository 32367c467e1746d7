"""`docspeed diff`: expected results against actual ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from docspeed_cli.cli.flags import NOTHING, Argument, Files, Text, Texts, output_flag, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import FormatOptions
from docspeed_cli.core.errors import NotAsRequired, UsageError, overall_exit_code
from docspeed_cli.core.timefmt import counted, percent
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.stored.expected import Pair, pairs_of, update_expected
from docspeed_cli.jobs.stored.stored_results import decisions_about, read_result_file
from docspeed_cli.results.corrections import rejection_among

if TYPE_CHECKING:
    from docspeed_cli.results.compare import CompareOptions, Comparison, Difference, RowScore, Score


class DiffOptions(FormatOptions):
    """What counts as a difference, and what is done about it."""

    ignore: Annotated[
        Texts, request_flag("--ignore", "leave out this key; * matches anything (repeatable)", "KEY", NOTHING)
    ] = None
    tolerance: Annotated[
        str, request_flag("--tolerance", "how far apart two numbers may be", "NUMBER", NOTHING)
    ] = "0"
    key: Annotated[
        Texts,
        request_flag(
            "--key", "columns that identify a row: line_items=description,code", "TABLE=COLUMNS", NOTHING
        ),
    ] = None
    ignore_case: Annotated[
        Texts,
        request_flag("--ignore-case", "ignore upper and lower case in this key (repeatable)", "KEY", NOTHING),
    ] = None
    exact: Annotated[
        Texts,
        request_flag("--exact", "compare this key character for character (repeatable)", "KEY", NOTHING),
    ] = None
    fail_under: Annotated[
        Text,
        request_flag(
            "--fail-under", "fail only if the share of right values is below this: 0.98", "SHARE", NOTHING
        ),
    ] = None
    junit: Annotated[
        Text, output_flag("--junit", "write a JUnit report to this file", "FILE", Files((".xml",)))
    ] = None
    update: Annotated[
        bool, output_flag("--update", "make the actual results, with their corrections, the expected ones")
    ] = False
    yes: Annotated[bool, output_flag("--yes", "update without a question")] = False


@guide(
    "docspeed diff expected/ actual/",
    "docspeed diff expected/ actual/ --ignore po_number --fail-under 0.98",
    "docspeed diff expected/ actual/ --format markdown > report.md",
    "docspeed diff expected/ actual/ --update --yes",
    formats=("json", "markdown"),
)
def diff(
    options: DiffOptions,
    expected: Annotated[str, Argument("EXPECTED", "expected result, or a folder of them", Files((".json",)))],
    actual: Annotated[str, Argument("ACTUAL", "actual result, or a folder of them", Files((".json",)))],
) -> Action:
    """Compare expected results with actual ones.

    Values are compared by what they mean: 1,240.00 equals 1240, and 2 March 2026 equals 2026-03-02. Ids,
    boxes and whatever else the service adds are left out. Exit code 10 if something differs.
    """

    def action(context: Context) -> int:
        share = options.fail_under
        least = None if share is None else _number_option(share, "--fail-under", most=Decimal(1))
        compared = _compare_options(options)
        pairs = pairs_of(Path(expected), Path(actual), to_update=options.update)
        for path in (path for pair in pairs for path in (pair.expected, pair.actual) if path is not None):
            context.files_read.add(path, str(path))
        if options.junit is not None:
            context.files_read.check_output(Path(options.junit), "--junit")
        if options.update:
            return _update(context, pairs, expected, yes=options.yes)
        return _DiffReport(context, least, options.junit).perform(compared, pairs)

    return action


def _compare_options(options: DiffOptions) -> CompareOptions:
    from docspeed_cli.results.compare import CompareOptions

    row_keys: dict[str, list[str]] = {}
    for text in options.key or ():
        table, _, columns = text.partition("=")
        names = [name.strip() for name in columns.split(",")]
        if not table.strip() or not all(names):
            raise UsageError(f"--key {text}: name a table and its columns, as in line_items=description")
        row_keys[table.strip()] = names
    return CompareOptions(
        options.ignore or (),
        _number_option(options.tolerance, "--tolerance"),
        row_keys,
        options.ignore_case or (),
        options.exact or (),
    )


def _number_option(text: str, name: str, most: Decimal | None = None) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0 or (most is not None and number > most):
        raise UsageError(f"{name} {text}: it is not a number from 0 {'to 1' if most is not None else 'up'}")
    return number


def _update(context: Context, pairs: list[Pair], expected: str, *, yes: bool) -> int:
    """Replace the expected results with the actual ones."""
    output = context.output
    changed, is_unreadable = [], False
    for pair in pairs:
        if pair.actual is None:
            continue
        error = read_result_file(pair.name, pair.actual).error
        if error is not None:
            is_unreadable, refused = True, f"its actual result can't be used ({error.message})"
        else:
            refused = rejection_among(decisions_about(context, pair.actual, None))
        if refused:
            output.warn(f"{pair.name}: {refused}; its expected result stays as it is")
        else:
            changed.append(pair)
    if not changed:
        raise UsageError("there is no actual result to replace an expected one")
    count = counted(len(changed), "expected result")
    if not yes:
        if not context.environment.stdin.isatty():
            raise UsageError(f"--update replaces {count} in {expected}", hint="add `--yes`")
        if not output.confirm(f"replace {count} in {expected}?"):
            output.note("nothing was changed")
            return 0
    for pair in changed:
        update_expected(context, pair)
    output.note(f"updated {count} in {expected}")
    return UsageError.exit_code if is_unreadable else 0


class _Found(NamedTuple):
    """What the comparison of one pair found, or why there was none."""

    name: str
    comparison: Comparison | None = None
    error: str | None = None
    unreadable: bool = False

    @property
    def differences(self) -> Sequence[Difference]:
        """The differences; none if there was no comparison."""
        return self.comparison.differences if self.comparison is not None else ()

    @property
    def status(self) -> str:
        """`same`, `different`, `not compared` because one is missing, or `unreadable`."""
        if self.comparison is None:
            return "unreadable" if self.unreadable else "not compared"
        return "different" if self.differences else "same"


class _DiffReport:
    """Compares pairs of results and prints what was found."""

    def __init__(self, context: Context, least: Decimal | None, junit: str | None) -> None:
        from docspeed_cli.results.compare import Totals

        self.context = context
        self.least = least
        self.junit = junit
        self.totals = Totals()
        self.counts = {"same": 0, "different": 0, "not compared": 0, "unreadable": 0}

    def perform(self, options: CompareOptions, pairs: list[Pair]) -> int:
        """Compare every pair; returns the exit code."""
        from docspeed_cli.results.junit import Case, junit_report

        output, cases = self.context.output, []
        output.ready()
        for found in _compare(pairs, options):
            self.counts[found.status] += 1
            if found.comparison is not None:
                self.totals.add(found.comparison)
            texts = tuple(each.describe() for each in found.differences)
            for text in texts or ([found.error] if found.error else []):
                output.annotate(f"{found.name}: {text}")
            self._print(found)
            if self.junit is not None:
                cases.append(Case(found.name, texts, found.error))
        if self.junit is not None:
            self._write_junit(junit_report(cases))
        self._print_totals(many=len(pairs) > 1)
        return self._exit_code()

    def _exit_code(self) -> int:
        wrong = bool(self.counts["different"])
        if self.least is not None:
            score = self.totals.score
            wrong = score.right < self.least * score.total
        codes = {NotAsRequired.exit_code} if wrong or self.counts["not compared"] else set()
        return overall_exit_code(codes | ({UsageError.exit_code} if self.counts["unreadable"] else set()))

    def _print(self, found: _Found) -> None:
        output, differences = self.context.output, found.differences
        if output.format == "markdown":
            if found.error is not None:
                output.text(f"## {found.name}\n\n{found.error}\n")
            elif differences:
                from docspeed_cli.terminal.views.checks import differences_markdown

                output.text(differences_markdown(found.name, differences))
        elif not output.human_output:
            output.value(_pair_line(found))
        elif found.error is not None:
            output.failure(f"{found.name}: {found.error}")
        elif differences:
            from docspeed_cli.terminal.views.checks import differences_view

            output.show(differences_view(found.name, differences))

    def _print_totals(self, *, many: bool) -> None:
        output, totals = self.context.output, self.totals
        if output.format == "markdown":
            from docspeed_cli.terminal.views.checks import accuracy_markdown

            output.text(accuracy_markdown(totals.keys, totals.rows))
        elif not output.human_output:
            if many:
                output.value({"summary": _diff_summary(self.counts, totals.score, totals.keys, totals.rows)})
        elif many:
            from docspeed_cli.terminal.views.checks import accuracy_view

            output.show(accuracy_view(totals.keys, totals.rows))
        what = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count)
        score = totals.score
        right = (
            f"; {score.right} of {score.total} values right ({percent(score.accuracy)})"
            if score.total
            else ""
        )
        output.progress(f"diff: {what}{right}")

    def _write_junit(self, text: str) -> None:
        from docspeed_cli.core.files import write_whole

        path = Path(str(self.junit))
        try:
            write_whole(path, [text.encode()])
        except OSError as error:
            raise UsageError(f"--junit {path}: can't be written: {error.strerror or error}") from None


def _compare(pairs: list[Pair], options: CompareOptions) -> Iterator[_Found]:
    from docspeed_cli.results.compare import compare_payloads

    for pair in pairs:
        error = pair.problem()
        if error is not None:
            yield _Found(pair.name, error=error)
            continue
        expected, actual = pair.read()
        why = expected.error or actual.error
        if why is not None:
            which = "expected" if expected.error else "actual"
            text = f"the {which} result can't be used: {why.message}"
            yield _Found(pair.name, error=text, unreadable=True)
        else:
            yield _Found(pair.name, compare_payloads(expected.payload, actual.payload, options))


def _pair_line(found: _Found) -> dict[str, Any]:
    line: dict[str, Any] = {"name": found.name, "status": found.status}
    if found.error is not None:
        line["error"] = found.error
    if found.comparison is not None:
        score = found.comparison.score
        line |= {"right": score.right, "total": score.total}
        line["differences"] = [each.to_json() for each in found.differences]
    return line


def _diff_summary(
    counts: dict[str, int], score: Score, keys: dict[str, Score], rows: dict[str, RowScore]
) -> dict[str, Any]:
    return {
        **{word.replace(" ", "_"): count for word, count in counts.items()},
        "accuracy": round(score.accuracy, 6),
        "keys": {key: {**s._asdict(), "accuracy": round(s.accuracy, 6)} for key, s in keys.items()},
        "rows": {
            table: {**s._asdict(), "precision": round(s.precision, 6), "recall": round(s.recall, 6)}
            for table, s in rows.items()
        },
    }
