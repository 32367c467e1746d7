"""Describe a command as its function declares it: parameters, guide, and what a command line becomes.

A command's function takes one value of an `Options` class and, as parameters, its own flags; it returns
the action to perform. Its module is loaded when it is called, and nothing is read or sent before the command
line is parsed. Nothing here loads Typer, which a plain command line does without.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_type_hints

from docspeed_cli.cli.flags import Argument, Files, Flag
from docspeed_cli.cli.options import Options
from docspeed_cli.core.paths import path_on_disk

if TYPE_CHECKING:
    from docspeed_cli.cli.groups import Entry

Action = Callable[[Any], int]
"""What a command does with its context; returns the exit code.

Loosely typed: a command's annotations are resolved when it is described, and naming `Context` would load it
then.
"""

REQUIRED: Any = ...
"""Default of a parameter that must be given."""


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


class Parameter(NamedTuple):
    """A flag or an argument of a command: its name in the program, its type, and how it is declared."""

    name: str
    kind: Any
    default: Any
    declared: Flag | Argument

    @property
    def is_switch(self) -> bool:
        """Whether it is a flag without a value."""
        return self.kind in (bool, bool | None)

    @property
    def names_files(self) -> bool:
        """Whether its value may be the path of a file."""
        completes = self.declared.completes
        return isinstance(completes, Files) or completes in ("documents", "instructions", "results")

    @property
    def is_hidden(self) -> bool:
        """Whether neither help nor completion show it."""
        return isinstance(self.declared, Flag) and self.declared.hidden


class Description(NamedTuple):
    """A command as its function declares it; `parameters` are its own, then those of its options."""

    entry: Entry
    function: FunctionType
    options: type[Options]
    parameters: tuple[Parameter, ...]
    own: frozenset[str]
    """Names of the parameters that the function takes itself."""
    guide: Guide

    @property
    def flags(self) -> dict[str, tuple[Parameter, bool]]:
        """Every way to write a flag: its parameter, and what it sets a switch to."""
        return {
            spelling: (parameter, on)
            for parameter in self.parameters
            if isinstance(parameter.declared, Flag)
            for spelling, on in parameter.declared.spellings.items()
        }

    @property
    def arguments(self) -> list[Parameter]:
        """The parameters that are not flags."""
        return [parameter for parameter in self.parameters if isinstance(parameter.declared, Argument)]

    def options_of(self, values: Mapping[str, Any]) -> Options:
        """The command's options with these values."""
        return self.options(**self._located(values, own=False))

    def invocation(self, values: Mapping[str, Any]) -> Invocation:
        """What a command line with these values asks for. UsageError if the command refuses them."""
        options = self.options_of(values)
        return Invocation(
            self.function(options=options, **self._located(values, own=True)), options, self.guide
        )

    def _located(self, values: Mapping[str, Any], *, own: bool) -> dict[str, Any]:
        """The values of the command's own parameters, or of those that it shares, with paths as on disk."""
        paths = {each.name for each in self.parameters if each.names_files}
        wanted = {name: value for name, value in values.items() if (name in self.own) == own}
        return {name: _on_disk(value) if name in paths else value for name, value in wanted.items()}


def _on_disk(value: Any) -> Any:
    """A path, or each path in a list, as the file on disk is named; an `@` before it stays."""
    if isinstance(value, list):
        return [_on_disk(each) for each in value]
    if not isinstance(value, str):  # the parameter was not given
        return value
    mark = "@" if value.startswith("@") and not os.path.lexists(value) else ""
    return mark + path_on_disk(value.removeprefix(mark))


_GUIDES: dict[Callable[..., Any], Guide] = {}


def guide(
    *examples: str, formats: tuple[str, ...] = ("json",), works_with_bad_settings: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command its guide."""

    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        _GUIDES[function] = Guide(examples, formats, works_with_bad_settings)
        return function

    return keep


@cache
def describe(entry: Entry) -> Description:
    """Load a command's module and describe the command."""
    module, _, name = entry.where.partition(":")
    function = getattr(import_module(f"docspeed_cli.cli.commands.{module}"), name)
    hints = get_type_hints(function, include_extras=True)
    options = hints.pop("options")
    defaults = _defaults(function)
    own = [
        Parameter(name, hints[name].__origin__, defaults.get(name, REQUIRED), hints[name].__metadata__[0])
        for name in _parameter_names(function)
        if name != "options"
    ]
    parameters = (*own, *_shared(options))
    names = frozenset(parameter.name for parameter in own)
    return Description(entry, function, options, parameters, names, _GUIDES.get(function, Guide()))


def _parameter_names(function: FunctionType) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _defaults(function: FunctionType) -> dict[str, Any]:
    # `inspect.signature` knows them too, but `inspect` takes as long to load as this whole module.
    given = function.__defaults__ or ()
    positional = function.__code__.co_varnames[: function.__code__.co_argcount]
    return {
        **dict(zip(positional[len(positional) - len(given) :], given, strict=True)),
        **(function.__kwdefaults__ or {}),
    }


def _shared(options: type[Options]) -> Iterator[Parameter]:
    """A parameter for each flag that the class or a base of it declares."""
    hints = get_type_hints(options, include_extras=True)
    for base in options.__mro__[:-1]:
        for name in base.__annotations__:
            hint = hints.pop(name, None)
            if hasattr(hint, "__metadata__"):
                found = cast(Any, hint)
                yield Parameter(name, found.__origin__, getattr(options, name), found.__metadata__[0])
