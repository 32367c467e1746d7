"""Completion of words and files in real shells: bash and zsh at a terminal, fish by `complete -C`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.core.operations import GROUNDINGS
from tests.real.completions.shells import (
    WORDS,
    Terminal,
    answers,
    both_ways,
    needs_bash,
    needs_fish,
    needs_zsh,
    run,
)


@needs_bash
def test_completion_bash_completes_words(bash: Terminal) -> None:
    expected = {
        **WORDS,
        "true && docspeed   par": "true && docspeed   parse ",
        "X=1 docspeed spl": "X=1 docspeed split ",
    }
    assert answers(expected, bash) == expected


@needs_bash
def test_completion_bash_completes_files(bash: Terminal) -> None:
    expected = {
        "docspeed parse my": r"docspeed parse my\ file.pdf ",
        r"docspeed parse my\ f": r"docspeed parse my\ file.pdf ",
        "docspeed parse 'my f": "docspeed parse 'my file.pdf' ",
        'docspeed parse "my f': 'docspeed parse "my file.pdf" ',
        "docspeed parse SC": "docspeed parse SCAN.PDF ",
        "docspeed parse x.pdf sub": r"docspeed parse x.pdf sub\ dir/",
        r"docspeed parse sub\ dir/": r"docspeed parse sub\ dir/inner.tiff ",
        r"docspeed parse \$p": r"docspeed parse \$price\ \(1\).png ",
        "docspeed parse ~/work/SC": "docspeed parse ~/work/SCAN.PDF ",
        "docspeed parse -- my": r"docspeed parse -- my\ file.pdf ",
        "docspeed chat my": r"docspeed chat my\ file.pdf ",
        "docspeed chat 'what?' my": r"docspeed chat 'what?' my\ file.pdf ",
        "docspeed extract --schema f": "docspeed extract --schema form.json ",
        "docspeed extract --schema=f": "docspeed extract --schema=form.json ",
        r"docspeed parse -o my\ n": r"docspeed parse -o my\ notes.txt ",
        r"docspeed parse --output=my\ n": r"docspeed parse --output=my\ notes.txt ",
        "docspeed parse --output='my n": "docspeed parse --output='my notes.txt' ",
        "docspeed schema --instructions @fo": r"docspeed schema --instructions \@form.json ",
        r"docspeed schema --instructions \@fo": r"docspeed schema --instructions \@form.json ",
        "docspeed parse a:b": r"docspeed parse a:b\@c\=d.pdf ",
        "docspeed parse --timeout my": "docspeed parse --timeout my",
    }
    assert answers(expected, bash) == expected


@needs_bash
def test_completion_bash_lists_descriptions(bash: Terminal) -> None:
    bash.send("docspeed auth \t\t")
    bash.until(r"login +Save an API key for the server\.\s+status +Show which API key")


@needs_bash
def test_completion_bash_in_mid_line_completes_the_word(bash: Terminal) -> None:
    bash.send("docspeed par a.pdf" + "\x02" * 6 + "\t\x18l")
    assert bash.until(r"LINE<(.*?)>")[1] in ("docspeed parse a.pdf", "docspeed parse  a.pdf")


@needs_bash
@pytest.mark.parametrize("less", ["=", ":@", "=:@"])
def test_completion_bash_with_other_wordbreaks_completes(bash: Terminal, less: str) -> None:
    bash.send(f'COMP_WORDBREAKS=${{COMP_WORDBREAKS//[x{less}]/}}; printf "%s\\n" set\n')
    bash.until("\nset\r?\nREADY> ")
    expected = {
        "docspeed parse --format=ma": "docspeed parse --format=markdown ",
        "docspeed extract --schema=f": "docspeed extract --schema=form.json ",
        "docspeed parse a:b": "docspeed parse a:b@c=d.pdf ",
        "docspeed schema --instructions=@fo": "docspeed schema --instructions=@form.json ",
    }
    found = answers(expected, bash)
    assert {line: text.replace("\\", "") for line, text in found.items()} == expected


ASKED = r"""
eval "$(docspeed completion bash)"
complete -p docspeed
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_docspeed docspeed "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@needs_bash
def test_completion_bash_function_without_terminal_replies(env: Mapping[str, str], work: Path) -> None:
    def asked(line: str, *words: str) -> list[str]:
        printed = run(["bash", "--norc", "--noprofile", "-c", ASKED, "bash", line, *words], env, work)
        registered, *found = printed.splitlines()
        assert registered == "complete -F _docspeed docspeed"
        return found

    assert asked("docspeed jobs ", "docspeed", "jobs", "")[:3] == ["status", "wait", "result"]
    assert asked("docspeed parse --grounding=", "docspeed", "parse", "--grounding", "=") == [*GROUNDINGS]
    assert asked("docspeed extract --schema f", "docspeed", "extract", "--schema", "f") == ["form.json"]


# -- zsh


@needs_zsh
@both_ways
def test_completion_zsh_first_tab_completes(zsh: Terminal) -> None:
    assert zsh.completed("docspeed par") == "docspeed parse "


@needs_zsh
def test_completion_zsh_completes_words(zsh: Terminal) -> None:
    assert answers(WORDS, zsh) == WORDS


@needs_zsh
def test_completion_zsh_completes_files(zsh: Terminal) -> None:
    expected = {
        "docspeed parse my": r"docspeed parse my\ file.pdf ",
        r"docspeed parse my\ f": r"docspeed parse my\ file.pdf ",
        "docspeed parse 'my f": "docspeed parse 'my file.pdf' ",
        "docspeed parse SC": "docspeed parse SCAN.PDF ",
        "docspeed parse x.pdf sub": r"docspeed parse x.pdf sub\ dir/",
        r"docspeed parse sub\ dir/": r"docspeed parse sub\ dir/inner.tiff ",
        r"docspeed parse \$p": r"docspeed parse \$price\ \(1\).png ",
        "docspeed parse ~/work/SC": "docspeed parse ~/work/SCAN.PDF ",
        "docspeed chat my": r"docspeed chat my\ file.pdf ",
        "docspeed extract --schema f": "docspeed extract --schema form.json ",
        "docspeed extract --schema=f": "docspeed extract --schema=form.json ",
        r"docspeed parse --output=my\ n": r"docspeed parse --output=my\ notes.txt ",
        "docspeed schema --instructions @fo": "docspeed schema --instructions @form.json ",
        "docspeed parse a:b": "docspeed parse a:b@c=d.pdf ",
        "docspeed parse --timeout my": "docspeed parse --timeout my",
    }
    assert answers(expected, zsh) == expected


@needs_zsh
def test_completion_zsh_lists_all_files_for_a_list_file(zsh: Terminal) -> None:
    """A single folder among the files must not be completed at once."""
    zsh.send("docspeed parse --from \t\t")
    zsh.until(r"SCAN\.PDF.*form\.json.*my\\? notes\.txt.*sub\\? dir")


@needs_zsh
def test_completion_zsh_lists_descriptions(zsh: Terminal) -> None:
    zsh.send("docspeed auth \t\t")
    zsh.until(r"login +-- Save an API key for the server\.\s+status +-- Show which API key")


# -- fish


@needs_fish
@both_ways
def test_completion_fish_completes_words(fish: Any) -> None:
    assert fish("docspeed par") == ["parse\tRead the pages, text, markdown and regions of each document."]
    assert fish("docspeed jobs ")[:2] == [
        "status\tShow the current state of jobs.",
        "wait\tFollow jobs to their end.",
    ]
    assert "--grounding\twhat evidence points to: ocr_lines, regions, cell, or another name" in fish(
        "docspeed parse --gr"
    )
    assert fish("docspeed parse --grounding ") == ["ocr_lines", "regions", "cell"]
    assert fish("docspeed parse --grounding=reg") == ["--grounding=regions"]
    assert fish("docspeed parse --dry-run --format ") == [
        "json",
        "curl",
    ]
    assert fish("docspeed parse --timeout ") == []


@needs_fish
@both_ways
def test_completion_fish_replaces_completions_from_the_manual_page(fish: Any, tmp_path: Path) -> None:
    generated = tmp_path / "data" / "fish" / "generated_completions"
    generated.mkdir(parents=True)
    generated.joinpath("docspeed.fish").write_text("complete -c docspeed -l qzqz -d 'of a page'\n")
    assert fish("docspeed parse --qz") == []
    assert fish("docspeed par") == ["parse\tRead the pages, text, markdown and regions of each document."]


@needs_fish
def test_completion_fish_completes_files(fish: Any) -> None:
    assert set(fish("docspeed parse ")) == {
        "$price (1).png",
        "SCAN.PDF",
        "a:b@c=d.pdf",
        "my file.pdf",
        "sub dir/",
    }
    assert fish("docspeed parse my") == ["my file.pdf"]
    assert fish("docspeed parse my\\ f") == ["my file.pdf"]
    assert fish("docspeed parse 'my f") == ["my file.pdf"]
    assert fish("docspeed parse x.pdf sub\\ dir/") == ["sub dir/inner.tiff"]
    assert fish("docspeed parse ~/work/SC") == ["~/work/SCAN.PDF"]
    assert fish("docspeed extract --schema fo") == ["form.json"]
    assert fish("docspeed extract --schema=fo") == ["--schema=form.json"]
    assert fish("docspeed schema --instructions @fo") == ["@form.json"]
    assert fish("docspeed parse -o my\\ n") == ["my notes.txt"]
