"""`docspeed check`: checks existing results by the user's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.commands.common import checked_schema, read_rules
from docspeed_cli.cli.flags import Argument, Files, Text, Texts, output_flag, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.errors import DocspeedError, NotAsRequired, UsageError
from docspeed_cli.core.timefmt import counted
from docspeed_cli.jobs.checking import check_error, describe_check
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.stored.result_documents import corrected_payload
from docspeed_cli.jobs.stored.stored_results import StoredResult, stored_results

if TYPE_CHECKING:
    from docspeed_cli.results.rules import Check, Rules


@guide(
    "docspeed check extracted/ --rules rules.toml",
    "docspeed check @last --rules rules.toml | jq -c 'select(.status != \"passed\")'",
    "docspeed check --draft invoice.schema.json > rules.toml",
)
def check(
    options: ServerOptions,
    results: Annotated[
        Texts,
        Argument(
            "[RESULT]...",
            "result files, folders of them, runs, job ids, or - for JSON lines; @last is the newest",
            "results",
        ),
    ] = None,
    rules: Annotated[Text, request_flag("--rules", "the rules (TOML)", "FILE", Files((".toml",)))] = None,
    schema: Annotated[
        Text,
        request_flag(
            "--schema",
            "the results' schema, which must have every name in the rules",
            "FILE",
            Files((".json",)),
            topics=("schemas",),
        ),
    ] = None,
    strict: Annotated[bool, request_flag("--strict", "fail on warnings too")] = False,
    draft: Annotated[
        Text,
        output_flag(
            "--draft", "print rules that this schema suggests, and check nothing", "SCHEMA", Files((".json",))
        ),
    ] = None,
) -> Action:
    """Check results by your own rules.

    Rules are about arithmetic, dates, formats, and values that must be there. No request is sent. Exit code
    10 if a rule of severity `error` fails or a value can't be read.
    """

    def action(context: Context) -> int:
        if draft is not None:
            return _print_draft(context, draft)
        if rules is None or not results:
            missing = "a result: a file, a folder, a run or a job id" if rules else "`--rules FILE`"
            raise UsageError(f"check needs {missing}", hint="`docspeed check --draft SCHEMA` prints rules")
        of = checked_schema(context, schema) if schema is not None else None
        known = read_rules(context, rules, "--rules", of)
        return _CheckReport(context, known, strict=strict).perform(results)

    return action


def _print_draft(context: Context, path: str) -> int:
    from docspeed_cli.results.draft_rules import draft_rules

    text = draft_rules(checked_schema(context, path, "--draft"))
    if text is None:
        raise UsageError(f"--draft {path}: the schema's form is not known", hint="`docspeed help schemas`")
    context.output.text(text.rstrip("\n"))
    return 0


class _CheckReport:
    """Checks results one after the other and prints what was found."""

    def __init__(self, context: Context, rules: Rules, *, strict: bool) -> None:
        self.context = context
        self.rules = rules
        self.strict = strict
        self.counts = {"passed": 0, "warned": 0, "failed": 0}

    def perform(self, names: list[str]) -> int:
        """Check every result; returns the exit code."""
        output = self.context.output
        output.ready()
        for result in stored_results(self.context, names):
            self._check(result)
        for name, near in self.rules.unfound():
            output.warn(f"no result has {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        total = sum(self.counts.values())
        what = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count)
        output.progress(f"check: {counted(total, 'result')}: {what}")
        return NotAsRequired.exit_code if self.counts["failed"] else 0

    def _check(self, result: StoredResult) -> None:
        payload = None
        try:
            if result.error is None:
                payload = corrected_payload(self.context, result)
        except DocspeedError as error:
            result = result._replace(error=error)
        if result.error is not None:
            self.counts["failed"] += 1
            self._print_unreadable(result)
            return
        checks = self.rules.check(payload, result.label)
        failed = check_error(checks, strict=self.strict) is not None
        status = "failed" if failed else "warned" if any(found.failed for found in checks) else "passed"
        self.counts[status] += 1
        self._print(result, status, checks)

    def _print(self, result: StoredResult, status: str, checks: list[Check]) -> None:
        output = self.context.output
        wrong = [found for found in checks if found.failed]
        for found in wrong:
            output.annotate(f"{result.label}: {describe_check(found)}")
        if not output.human_output:
            output.value(_checked_line(result, status, checks))
        elif wrong:
            from docspeed_cli.terminal.views.checks import checks_view

            output.show(checks_view(result.label, wrong))

    def _print_unreadable(self, result: StoredResult) -> None:
        output, error = self.context.output, result.error
        assert error is not None
        if output.human_output:
            output.failure(f"{result.label}: {error.message}")
            if error.hint:
                output.hint(error.hint)
        else:
            output.value({**_checked_line(result, "unreadable", []), "error": error.to_json()})


def _checked_line(result: StoredResult, status: str, checks: list[Check]) -> dict[str, Any]:
    job = result.job
    return {
        "input": result.label,
        **({"job_id": job.ref} if job is not None else {}),
        "status": status,
        "checks": [found.to_json() for found in checks],
    }
