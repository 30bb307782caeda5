"""Markdown as the house tests read it: headings, code blocks, links, the commands in them."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

HEADING = re.compile(r"(#{1,6}) +\S")
FENCE = re.compile(r"(```+|~~~+)\s*(\w*)\s*")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced code block: its language and its text."""

    language: str
    text: str


class Page(NamedTuple):
    """What a page is made of: the levels of its headings, its code blocks, where its links go."""

    levels: tuple[int, ...]
    blocks: tuple[Block, ...]
    links: tuple[str, ...]


def read(text: str) -> Page:
    """Take a Markdown page apart."""
    levels: list[int] = []
    blocks: list[Block] = []
    links: list[str] = []
    open_block: list[str] | None = None
    language = ""
    for line in text.split("\n"):
        fence = FENCE.fullmatch(line)
        if open_block is not None:
            if fence is not None and not fence[2]:
                blocks.append(Block(language, "\n".join(open_block)))
                open_block = None
            else:
                open_block.append(line)
        elif fence is not None:
            open_block, language = [], fence[2]
        else:
            if (heading := HEADING.match(line)) is not None:
                levels.append(len(heading[1]))
            links += LINK.findall(re.sub(r"`[^`]*`", "", line))
    return Page(tuple(levels), tuple(blocks), tuple(links))


def commands(page: Page) -> list[list[str]]:
    """The command lines of the page's `sh` blocks as words; comments and continuations undone."""
    found = []
    for block in page.blocks:
        if block.language == "sh":
            for line in block.text.replace("\\\n", " ").split("\n"):
                words = shlex.split(line, comments=True)
                if words:
                    found.append(words)
    return found


def make_targets(makefile: str) -> set[str]:
    """The targets that a Makefile has rules for."""
    rules = re.findall(r"^([a-z][a-z-]*(?: [a-z-]+)*):(?!=)", makefile, re.MULTILINE)
    return {name for names in rules for name in names.split()}
