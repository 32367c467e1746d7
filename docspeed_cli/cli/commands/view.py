"""The command `docspeed view`: a result as a page in the browser."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

from docspeed_cli.cli.flags import NOTHING, Argument, Files, Text, Texts, flag, output_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.errors import DocspeedError, NotFound, UsageError
from docspeed_cli.core.files import display_path, write_errors, write_whole
from docspeed_cli.core.timefmt import counted
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.output.target import file_target, make_folder
from docspeed_cli.jobs.stored.result_documents import named_documents, operation_of, result_documents
from docspeed_cli.jobs.stored.stored_results import StoredResult, stored_results
from docspeed_cli.review.documents import check_installed
from docspeed_cli.review.html import IndexRow, index_page, page_chunks
from docspeed_cli.review.page import MAX_PAGES, ResultPage

_KEPT_SECONDS = 7 * 86_400
"""Age at which a page in the state folder is deleted."""

_MAX_NAME = 80

Result = Annotated[
    str,
    Argument(
        "[RESULT]",
        "a result file, a folder or a file of JSON lines, a run, a job id, or @last (the default)",
        "results",
    ),
]
Documents = Annotated[
    Texts,
    Argument("[DOCUMENT]...", "the document, if docspeed does not know it or it has moved", "documents"),
]


class ViewOptions(ServerOptions):
    """The options of `view`."""

    pages: Annotated[
        int,
        flag(
            "--pages",
            f"most pages to show (default {MAX_PAGES})",
            "N",
            NOTHING,
            panel="View",
            minimum=1,
        ),
    ] = MAX_PAGES
    open_: Annotated[
        bool | None,
        flag("--open/--no-open", "open the page in the browser (the default at a terminal)", panel="View"),
    ] = None
    output: Annotated[
        Text,
        output_flag(
            "-o --output", "write the page to this file, or several pages to this folder", "PATH", Files()
        ),
    ] = None


@guide("docspeed view", "docspeed view extracted/1.json invoices/1.pdf", "docspeed view extracted/ -o pages/")
def view(options: ViewOptions, result: Result = "@last", documents: Documents = None) -> Action:
    """Show a result beside its document as a page in the browser.

    The page is one HTML file that needs no network. Click a value to see where it was read.
    """

    def action(context: Context) -> int:
        named = named_documents(documents or ())
        for path in (*named, Path(result)):
            context.files_read.add(path, str(path))
        many = Path(result).is_dir() or (options.output is not None and options.output.endswith("/"))
        found = iter(stored_results(context, [result]))
        first = next(found, None)
        if first is None:
            raise NotFound(f"{result}: there is no result to show")
        # Two tell one result from several; a run's thousands must not all be in memory for that.
        second = next(found, None)
        if second is None and not many:
            path = _write_one(context, options, first, named)
        elif named:
            raise UsageError(f"{result} has several results; name documents only for a single result")
        else:
            listed = [first] if second is None else [first, second]
            path = _write_many(context, options, result, chain(listed, found))
        context.output.value({"path": str(path)}) if options.json else context.output.text(str(path))
        environment = context.environment
        if opens_browser(options.open_, environment.env, environment.stdout.isatty(), sys.platform):
            open_in_browser(context, path)
        return 0

    return action


# -- one result


def _write_one(context: Context, options: ViewOptions, result: StoredResult, named: Sequence[Path]) -> Path:
    result.check()
    target = file_target(options.output)
    path = target.path or _views_folder(context) / f"{_page_name(result)}.html"
    for note in _write_page(context, options, result, named, path)[1]:
        context.output.note(note)
    return path


def _write_page(
    context: Context, options: ViewOptions, result: StoredResult, named: Sequence[Path], path: Path
) -> tuple[IndexRow, list[str]]:
    """Write the page of one result; return its row in an index, and what there is to say about it."""
    files = result_documents(context, result, named)
    context.files_read.check_output(path, "-o")
    if any(file.path is not None for file in files):
        check_installed()
    title = ", ".join(file.name for file in files if file.name) or result.label
    operation = operation_of(context, result)
    with ResultPage(result.payload, operation, title, files, options.pages) as shown:
        data = shown.data
        hint = "make that path writable, or choose another with `-o FILE`"
        with write_errors(path, code="write_failed", hint=hint):
            write_whole(path, page_chunks(data, shown.pictures()), private=True)
    notes = [*(document.note for document in data.documents if document.note), *data.notes]
    missing = sum(value.is_missing for value in data.values)
    content = counted(len(data.values), "value") + (f", {missing} not found" if missing else "")
    pages = sum(len(document.pages) for document in data.documents)
    about = f"{title}, {counted(pages, 'page')}" if pages else ""
    return IndexRow(result.label, path.name, data.operation, content, about), notes


# -- several results


def _write_many(context: Context, options: ViewOptions, name: str, results: Iterable[StoredResult]) -> Path:
    folder = Path(options.output) if options.output else _views_folder(context) / _safe(Path(name).name, name)
    if folder.is_file():
        raise UsageError(f"-o {folder} is a file; the pages of several results go to a folder")
    make_folder(folder, f"-o {folder}")
    rows = []
    for number, result in enumerate(results, 1):
        path = folder / f"{number:04}-{_page_name(result)}.html"
        context.files_read.check_output(path, "-o")
        try:
            result.check()
            rows.append(_write_page(context, options, result, (), path)[0])
        except DocspeedError as error:
            # Every other page would meet these too.
            if error.code in ("write_failed", "no_review"):
                raise
            problem = error.message.removeprefix(f"{result.label}: ")
            context.output.warn(f"{result.label}: {problem}")
            rows.append(IndexRow(result.label, "", problem=problem))
    index = folder / "index.html"
    write_whole(index, [index_page(name, rows)], private=True)
    return index


# -- where pages go


def _views_folder(context: Context) -> Path:
    """Make the folder of pages in the state folder, and delete those that are a week old."""
    folder = context.settings.state_dir / "views"
    make_folder(
        folder, "view", "add `-o PAGE.html`, or set DOCSPEED_STATE_DIR to a folder that you can write to"
    )
    now = context.environment.now()
    for path in folder.rglob("*.html"):
        if now - path.stat().st_mtime > _KEPT_SECONDS:
            path.unlink(missing_ok=True)
    return folder


def _page_name(result: StoredResult) -> str:
    whole = display_path(result.path.resolve()) if result.path else result.job.ref if result.job else ""
    return _safe(Path(result.label).stem, whole + result.label)


def _safe(name: str, whole: str) -> str:
    """Return a file name of letters and digits for `name`, with a digest of `whole` that makes it unique."""
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in name).strip("-.")
    digest = hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{kept[:_MAX_NAME] or 'result'}-{digest}"


# -- the browser


def opens_browser(asked: bool | None, env: Mapping[str, str], at_terminal: bool, platform: str) -> bool:
    """Whether to open the page: as asked, or at a terminal of a machine with a display."""
    if asked is not None:
        return asked
    if platform in ("darwin", "win32"):
        # Over SSH the page would open on a screen where the user is not.
        return at_terminal and not env.get("SSH_CONNECTION")
    return at_terminal and bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def open_in_browser(context: Context, path: Path) -> None:
    """Open a page in the user's browser, or say that there is none."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        context.output.warn("no browser could be opened; open the file yourself")
