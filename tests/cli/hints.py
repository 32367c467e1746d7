"""Finds the hints in the source, and does what a printed hint says."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import SAME_AGAIN, Interrupted
from tests.fake_service import KEY, SUBMIT, Call, Reply, Service
from tests.stage import Clock, Ran, Stage

SOURCE = Path(__file__).parents[2] / "docspeed_cli"
_HELP = {"help_topics.py", "options.py", "typer_command.py", "groups.py", "help.py", "errors.py"}
"""Modules whose texts are help, or tables for it."""
_NOT_ADDED = {"--from -", "--body"}
"""Flags in hints that a program before the pipe, or the user, gives a value."""
_AGAIN = re.compile(r"the (?:same command|whole pipeline) again(?P<anew> without `--fresh`)?")
_ANY_AGAIN = r"the (?:same command|whole pipeline) again(?: without --fresh)?"
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


# -- in the source


def templates() -> dict[str, str]:
    """Each text in the source that proposes a command, a flag or the same command, and where it stands.

    What is filled in is a null character.
    """
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name in _HELP or path.parent.name == "sandbox" or path.name == "__init__.py":
            continue
        for line, text in _texts(ast.parse(path.read_text("utf-8"))):
            found.setdefault(text, f"{path.relative_to(SOURCE)}:{line}")
    return found


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for hint in _hints(tree):
        for line, text in _strings(hint):
            proposes = "`" in text or "docspeed " in text or SAME_AGAIN in text
            if proposes and re.search(r"[a-z]+ \S*[a-z]", text):
                yield line, text
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for line, text in _strings(tree, docstrings):
        if "`docspeed " in text or (SAME_AGAIN in text and text != SAME_AGAIN):
            yield line, text


def _hints(tree: ast.AST) -> Iterator[ast.AST]:
    """The expressions that give hints, by the names of what they are given to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "hint")
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "hint":
                yield from node.args
        elif isinstance(node, ast.Assign):
            if any(isinstance(name, ast.Name) and "hint" in name.id for name in node.targets):
                yield node.value
        elif isinstance(node, ast.FunctionDef) and re.search("hint|command|again|advice", node.name):
            yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)


def _strings(tree: ast.AST, without: set[int] = frozenset()) -> Iterator[tuple[int, str]]:  # type: ignore[assignment]
    if id(tree) in without:
        return
    if isinstance(tree, ast.JoinedStr):
        yield tree.lineno, "".join(str(v.value) if isinstance(v, ast.Constant) else "\0" for v in tree.values)
        return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield tree.lineno, tree.value
    if isinstance(tree, ast.Call) and getattr(tree.func, "id", "") == "guide":
        return
    for child in ast.iter_child_nodes(tree):
        yield from _strings(child, without)


def pattern_of(template: str) -> re.Pattern[str]:
    """What a printed text without backticks looks like that was made from this template."""
    plain = template.replace("`", "")
    parts = [".*?".join(map(re.escape, part.split("\0"))) for part in plain.split(SAME_AGAIN)]
    return re.compile(_ANY_AGAIN.join(parts))


# -- printed


@dataclass
class Played:
    """A command line and what it printed."""

    argv: tuple[str, ...]
    ran: Ran
    options: Mapping[str, Any]

    @property
    def lines(self) -> list[str]:
        """What it said, a line for each message."""
        found = _COLOURS.sub("", self.ran.err).replace("\r", "\n").splitlines()
        return [*found, *(f"hint: {hint}" for hint in self._json_hints())]

    def _json_hints(self) -> Iterator[str]:
        for line in (self.ran.out + self.ran.err).splitlines():
            if line.startswith("{") and line.endswith("}") and '"hint"' in line:
                members = json.loads(line)
                error = members.get("error")
                hint = error.get("hint") if isinstance(error, dict) else members.get("hint")
                if hint:
                    yield hint


class InterruptingClock(Clock):
    """A clock that can interrupt whoever waits, as Ctrl-C does."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupts = False

    def _pass(self, seconds: float) -> None:
        if self.interrupts:
            raise Interrupted(2)
        super()._pass(seconds)


@dataclass
class Walker:
    """A user who does what every hint says, and the requests that the service has answered."""

    stage: Stage
    clock: InterruptingClock
    played: list[Played] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)
    paid_again: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path) -> Walker:
        folder.mkdir()
        clock = InterruptingClock()
        walker = cls(Stage(folder, Service(), clock=clock), clock)
        answer = walker.service.handle

        def handle(call: Call) -> Reply:
            reply = answer(call)
            if call.kind == SUBMIT and call.method == "POST" and reply.status < 300 and not reply.fault:
                walker._count(call)
            return reply

        walker.service.handle = handle  # type: ignore[method-assign]
        return walker

    @property
    def service(self) -> Service:
        return self.stage.service

    def _count(self, call: Call) -> None:
        """Note a request that was accepted; one whose job fails has no answer."""
        text = json.dumps({**call.json, "execution_mode": None}, sort_keys=True)
        for file_id, content in self.service.files.items():
            text = text.replace(f'"{file_id}"', hashlib.sha256(content).hexdigest())
        if call.path + text in self.answered:
            self.paid_again.append(f"{call.path} {text}")
        if self.service.final == "completed":
            self.answered.add(call.path + text)

    def play(self, *argv: str, **options: Any) -> Ran:
        """Run a command whose hints are followed later."""
        ran = self.stage.run(*argv, **options)
        self.played.append(Played(argv, ran, options))
        return ran

    def follow(self) -> list[str]:
        """Do what every hint says, with a service in good health; returns what went wrong."""
        self.service.behave()
        self.service.final, self.service.polls, self.clock.interrupts = "completed", 1, False
        self.service.key = KEY
        wrong: list[str] = []
        for played in self.played:
            for line in played.lines:
                for argv, options in self._proposed(played, line):
                    self.paid_again.clear()
                    ran = self.stage.run(*argv, **options)
                    wrong_usage = ran.code == 2 and "fix what failed" not in line + ran.err
                    if wrong_usage or "unexpected" in ran.err or self.paid_again:
                        what = f"exit {ran.code}: {ran.err}" if not self.paid_again else "pays again"
                        wrong.append(f"{shlex.join(played.argv)}\n  {line}\n  {shlex.join(argv)}\n  {what}")
        return wrong

    def _proposed(self, played: Played, line: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
        """The command lines that a message proposes, with how to run them."""
        hint = line.partition("hint: ")[2] or line.partition("-> ")[2]
        commands = re.findall(r"`(docspeed [^`]*)`", line)
        if hint.startswith("docspeed ") and "`" not in hint:
            commands.append(hint)
        options = {name: value for name, value in played.options.items() if name != "stdin"}
        for command in commands:
            words = self._filled(command)[1:]
            if words[:2] == ["sandbox", "serve"]:
                words.append("--help")  # it would serve without end
            if "did you mean" in line:
                words.append("--help")  # what it is called with is up to the user
            login = words[:2] == ["auth", "login"]
            yield words, {**options, **({"stdin": KEY.encode(), "typing": False} if login else {})}
        if not hint:
            return
        again, argv = _AGAIN.search(hint), list(played.argv)
        dropped = re.findall(r"(?:without|in place of) `(-[^`]+)`", hint)
        flags = [flag for flag in re.findall(r"`(--?\w[^`]*)`", hint) if flag not in (*dropped, *_NOT_ADDED)]
        values = {*dropped} & {"--set"}
        pairs = pairwise(["", *argv])
        argv = [word for before, word in pairs if word not in dropped and before not in values]
        mistaken = re.search(r"no such option: (\S+)", played.ran.err)
        for flag in flags:
            if mistaken:
                yield [flag if word == mistaken[1] else word for word in argv], dict(played.options)
            else:
                yield [*argv, *self._filled(flag)], dict(played.options)
        if (again or dropped) and not flags:
            yield argv, dict(played.options)

    def _filled(self, text: str) -> list[str]:
        """The words of a command with a value in place of each word in capitals."""
        folder = self.stage.folder
        listed = folder / "listed.txt"
        listed.write_text("f_listed\n")
        (folder / "hinted.schema.json").write_text('{"fields": [{"key": "total"}]}')
        values = {
            "FILE": self.stage.document("named.pdf"),
            "ID": "job_1" if text.startswith("docspeed") else "f_named",
            "LIST": str(listed),
            "DIR": str(folder / "saved"),
            "NAME": "pages",
            "FILE.xlsx": str(folder / "saved.xlsx"),
            "SCHEMA": str(folder / "hinted.schema.json"),
            "KEY=VALUE": "a=1",
            "URL": "https://staging.example",
        }
        if text == "-o FILE":
            values["FILE"] = str(folder / "saved.json")
        text = {"--timeout": "--timeout 60", "--from": "--from LIST"}.get(text, text)
        return [values.get(word, word) for word in shlex.split(text)]
