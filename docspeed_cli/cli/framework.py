"""Turn a typed function into a command: its own flags, the shared options once, help in groups.

A command's function takes one value of an `Options` class and, as parameters, its own flags; it returns
the action to perform. Its module is loaded when it is called, and nothing is read or sent before the command
line is parsed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_type_hints

import typer
from typer.core import TyperCommand

from docspeed_cli.cli.help_layout import MAX_WIDTH, examples_section, more_section
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import UsageError, combine_errors
from docspeed_cli.terminal.streams import Style

if TYPE_CHECKING:
    from docspeed_cli.cli.groups import Entry
    from docspeed_cli.core.settings import Settings

Action = Callable[[Any], int]
"""What a command does with its context; returns the exit code.

Loosely typed: a command's annotations are resolved when it is built, and naming `Context` would load it then.
"""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": MAX_WIDTH}

_PANELS = ("Arguments", "Options", "Input", "Request", "Waiting", "Many inputs", "Faults", "Output", "Server")

_READ_ON = {
    "output": {"format"},
    "scripting": {"wait", "ids"},
    "schemas": {"schema"},
    "exit-codes": {"timeout", "ids"},
}
"""The topics that a command's help points to, by the parameters that they explain."""


class Guide(NamedTuple):
    """A command's examples, which work when pasted, and the formats that it can print."""

    examples: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("json",)
    works_with_bad_settings: bool = False
    """Whether it helps to fix the settings, and so runs even if they are wrong."""


class Invocation(NamedTuple):
    """A command line that was understood: what to do, and with which options."""

    action: Action
    options: Options
    guide: Guide

    def style(self, settings: Settings) -> Style:
        """How to write output. UsageError for a format that the command does not have."""
        options, asked = self.options, self.options.format
        formats = ("json", "curl") if options.dry_run else self.guide.formats
        if asked is not None and asked not in formats:
            curl = "; curl goes with --dry-run" if asked == "curl" else ""
            raise UsageError(f"--format {asked}: this command has {', '.join(formats)}{curl}")
        if options.json and asked not in (None, "json"):
            raise UsageError(f"--json and --format {asked} contradict each other; give only one of them")
        usual = settings.format if settings.format in formats else None
        return Style(
            format="json" if options.json else asked or usual,
            json_errors=options.json,
            quiet=options.quiet,
            verbose=options.verbose,
            bell=options.bell,
        )


_GUIDES: dict[Callable[..., Any], Guide] = {}


def guide(
    *examples: str, formats: tuple[str, ...] = ("json",), works_with_bad_settings: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command its guide."""

    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        _GUIDES[function] = Guide(examples, formats, works_with_bad_settings)
        return function

    return keep


class HelpRow(NamedTuple):
    """A flag or argument in the help: its parameter's name, its panel, and the two columns."""

    name: str
    panel: str
    flags: str
    about: str


class Command(TyperCommand):
    """A command whose help groups its flags, and ends with examples and where to read on."""

    guide = Guide()

    def rows(self, ctx: Any) -> Iterator[HelpRow]:
        """A row for each flag and argument."""
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                # The usage line shows what is required, and `about` the range of a number.
                flags = re.sub(r"<int( range)?>", "N", record[0])
                about = re.sub(r" +\[(required|[x\d<=>]+)\]$", "", record[1])
                yield HelpRow(str(param.name), _panel(param), flags, about)

    def invoke(self, ctx: Any) -> Any:
        """Call the function. UsageError if a value is empty: the shell variable in its place may be unset."""
        empty = [param for param in self.get_params(ctx) if _is_empty(param, ctx.params.get(param.name))]
        names = [str(param.metavar).strip("[]") if _is_argument(param) else param.opts[0] for param in empty]
        if names:
            raise combine_errors([UsageError(f"{name} is empty; is a variable unset?") for name in names])
        return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line, without Typer's braces around required ones."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The flags in their panels."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for row in self.rows(ctx):
            if row.name == "format":
                row = row._replace(about=", ".join(self.guide.formats))
            panels.setdefault(row.panel, []).append((row.flags, row.about))
        for panel in sorted(panels, key=rank):
            with formatter.section(panel):
                formatter.write_dl(panels[panel])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Examples, and the topics that explain more."""
        names = {param.name for param in self.get_params(ctx)}
        topics = [topic for topic, explained in _READ_ON.items() if explained & names]
        more = more_section(topics or ["environment"], formatter.width)
        for part in (*examples_section(self.guide.examples), more):
            formatter.write(f"\n{part}\n")


def _is_argument(param: Any) -> bool:
    return bool(param.param_type_name == "argument")


def _is_empty(param: Any, value: Any) -> bool:
    # Documents and job ids have their own checks, with better messages.
    if _is_argument(param) and param.nargs != 1:
        return False
    texts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(text, str) and not text.strip() for text in texts)


def _panel(param: Any) -> str:
    if _is_argument(param):
        return "Arguments"
    return getattr(param, "rich_help_panel", None) or ("Other" if "--help" in param.opts else "Options")


def rank(panel: str) -> tuple[int, str]:
    """Sort key: the panel's place in the help."""
    return (_PANELS.index(panel) if panel in _PANELS else len(_PANELS), panel)


@cache
def build(entry: Entry) -> Any:
    """Load a command's module and make the Typer command."""
    module, _, name = entry.where.partition(":")
    function = getattr(import_module(f"docspeed_cli.cli.commands.{module}"), name)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    shown = inspect.getdoc(function) or entry.about
    app.command(entry.name, cls=Command, help=shown, context_settings=CONTEXT)(_expanded(function))
    command = typer.main.get_command(app)
    cast(Any, command).guide = _GUIDES.get(function, Guide())
    return command


def _expanded(function: Callable[..., Any]) -> Callable[..., Invocation]:
    """The command with a parameter for each flag, as Typer wants it, in place of `options`."""
    hints = get_type_hints(function, include_extras=True)
    kind: type[Options] = hints["options"]
    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "options"
    ]
    shared = {parameter.name: parameter for parameter in _declared(kind)}

    def invoke(**values: Any) -> Invocation:
        options = kind(**{name: values.pop(name) for name in shared})
        return Invocation(function(options=options, **values), options, _GUIDES.get(function, Guide()))

    parameters = [*own, *shared.values()]
    invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return invoke


def _declared(kind: type[Options]) -> Iterator[inspect.Parameter]:
    """A parameter for each flag that the class or a base of it declares."""
    seen: set[str] = set()
    for base in kind.__mro__:
        for name, annotation in inspect.get_annotations(base, eval_str=True).items():
            if name not in seen and hasattr(annotation, "__metadata__"):
                seen.add(name)
                default = getattr(kind, name)
                yield inspect.Parameter(
                    name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
                )
