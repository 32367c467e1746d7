"""Make the Typer command of a description: for help, and for command lines with an error."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TextIO

import typer
from typer.core import TyperCommand

from docspeed_cli.cli.flags import Flag
from docspeed_cli.cli.framework import REQUIRED, Description, Guide, Invocation, Parameter, describe
from docspeed_cli.cli.groups import HELP
from docspeed_cli.cli.help_layout import MAX_WIDTH, TOPICS, examples_section, more_section
from docspeed_cli.core.errors import UsageError, combine_errors

if TYPE_CHECKING:
    from docspeed_cli.cli.groups import Called, Entry

CONTEXT: dict[str, Any] = {"help_option_names": list(HELP[0]), "max_content_width": MAX_WIDTH}

_PANELS = ("Arguments", "Options", "Input", "Request", "Waiting", "Many inputs", "Faults", "Output", "Server")


class HelpRow(NamedTuple):
    """A flag or argument in the help: its parameter's name, its panel, and the two columns."""

    name: str
    panel: str
    flags: str
    about: str


class Command(TyperCommand):
    """A command whose help groups its flags, and ends with examples and where to read on."""

    guide = Guide()
    explained_in: frozenset[str] = frozenset()
    """The topics that explain its flags and arguments."""

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
        topics = [topic for topic in TOPICS if topic in self.explained_in]
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
    return typer_command(describe(entry))


def typer_command(description: Description) -> Any:
    """Make the Typer command; calling it returns an Invocation."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    entry = description.entry
    shown = inspect.getdoc(description.function) or entry.about
    app.command(entry.name, cls=_class_of(description), help=shown, context_settings=CONTEXT)(
        _function(description)
    )
    return typer.main.get_command(app)


def _class_of(description: Description) -> type[Command]:
    explained = (topic for parameter in description.parameters for topic in parameter.declared.topics)

    class Described(Command):
        guide = description.guide
        explained_in = frozenset(explained)

    return Described


def parse_command_line(called: Called, stderr: TextIO) -> Invocation | str:
    """What a command line asks for; the text of the help if it asks for that. UsageError if it is wrong."""
    help_text = io.StringIO()
    with redirect_stdout(help_text), redirect_stderr(stderr):
        try:
            found = build(called.entry).main(
                args=list(called.rest), prog_name=called.path, standalone_mode=False
            )
        except typer.TyperException as error:
            from docspeed_cli.cli.usage_errors import explain_usage_error

            raise explain_usage_error(error.format_message(), called.path, called.rest) from None
    return found if isinstance(found, Invocation) else help_text.getvalue().removesuffix("\n")


def _function(description: Description) -> Callable[..., Invocation]:
    """The command as a function with a parameter for each flag and argument, as Typer wants it."""

    def invoke(**values: Any) -> Invocation:
        return description.invocation(values)

    parameters = [_parameter(each) for each in description.parameters]
    invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return invoke


def _parameter(parameter: Parameter) -> inspect.Parameter:
    declared = parameter.declared
    if isinstance(declared, Flag):
        info: Any = typer.Option(
            *declared.names,
            help=declared.about,
            rich_help_panel=declared.panel,
            metavar=declared.metavar,
            min=declared.minimum,
            max=declared.maximum,
            hidden=declared.hidden,
            show_default=False,
        )
    else:
        info = typer.Argument(metavar=declared.metavar, help=declared.about, show_default=False)
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if parameter.default is REQUIRED else parameter.default,
        annotation=Annotated[parameter.kind, info],
    )
