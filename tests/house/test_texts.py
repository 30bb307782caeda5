"""The texts say what is: commands exist, links lead somewhere, the two READMEs are one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house import texts, tree
from tools.reference_shell import commands, help_of

READMES = ("README.md", "README.zh-CN.md")
MAKE_IN_PROSE = re.compile(r"`make ([a-z]+)")


def page(name: str) -> texts.Page:
    return texts.read((tree.REPO / name).read_text(encoding="utf-8"))


def test_both_readmes_have_the_same_shape() -> None:
    english, chinese = (page(name) for name in READMES)
    assert english.levels == chinese.levels
    assert english.blocks == chinese.blocks


@pytest.mark.parametrize("name", READMES)
def test_the_readme_names_two_commands_first(name: str) -> None:
    assert texts.commands(page(name))[:2] == [["make", "run"], ["make", "test"]]


@pytest.mark.parametrize("name", READMES)
def test_what_the_readme_makes_can_be_made(name: str) -> None:
    targets = texts.make_targets((tree.REPO / "Makefile").read_text(encoding="utf-8"))
    text = (tree.REPO / name).read_text(encoding="utf-8")
    named = {words[1] for words in texts.commands(page(name)) if words[0] == "make"}
    named |= set(MAKE_IN_PROSE.findall(text))
    assert {"run", "test"} <= named
    assert named - targets == set()


def unknown_words(words: list[str]) -> list[str]:
    """What a `tanbu …` command line says that the command does not know."""
    known = set(commands())
    named = tuple(words[1:3]) if tuple(words[1:3]) in known else tuple(words[1:2])
    if named not in known:
        return [" ".join(words[:3])]
    said = help_of(named)
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    return [f"{' '.join(named)} {option}" for option in options if f"{option} " not in said]


@pytest.mark.parametrize("name", READMES)
def test_what_the_readme_runs_exists(name: str) -> None:
    lines = [words for words in texts.commands(page(name)) if words[0].endswith("tanbu")]
    assert lines
    assert [unknown for words in lines for unknown in unknown_words(words)] == []


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("tanbu verify e.json --trust t", []),
        ("tanbu entry sign d.note --help", []),
        ("tanbu fly --high", ["tanbu fly --high"]),
        ("tanbu verify e.json --hope t", ["verify --hope"]),
    ],
)
def test_an_unknown_command_or_option_is_found(line: str, unknown: list[str]) -> None:
    assert unknown_words(line.split()) == unknown


def dead_links(where: Path, page: texts.Page) -> list[str]:
    """The links of a page, relative ones, that lead to no file."""
    relative = [link.partition("#")[0] for link in page.links if "://" not in link]
    return [link for link in relative if link and not (where.parent / link).exists()]


def test_every_link_leads_somewhere() -> None:
    pages = [path for path in tree.files() if path.suffix == ".md"]
    assert len(pages) > 10
    assert {
        tree.name(path): dead
        for path in pages
        if (dead := dead_links(path, texts.read(path.read_text(encoding="utf-8"))))
    } == {}


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    seen = texts.read("[a](there.md) [b](gone.md#part) [c](https://example.com) `[d](code.md)`")
    assert dead_links(tmp_path / "page.md", seen) == ["gone.md"]


def test_a_page_is_taken_apart() -> None:
    seen = texts.read("# A\n\n```sh\n# no heading\nmake run \\\n  X=1\n```\n\n## B [c](d)\n")
    assert seen.levels == (1, 2)
    assert seen.blocks == (texts.Block("sh", "# no heading\nmake run \\\n  X=1"),)
    assert seen.links == ("d",)
    assert texts.commands(seen) == [["make", "run", "X=1"]]


def test_targets_are_read_from_a_makefile() -> None:
    makefile = ".PHONY: a\nA := b\na: b\n\tc: d\nb c: ; e\n$(X)/y: z\n"
    assert texts.make_targets(makefile) == {"a", "b", "c"}


def test_the_licence_is_whole() -> None:
    text = (tree.REPO / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    directory = tree.REPO / "docs" / "adr"
    index = (directory / "README.md").read_text(encoding="utf-8")
    decisions = sorted(p for p in directory.iterdir() if p.name != "README.md")
    assert [p.name[:4] for p in decisions] == [f"{n:04}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert f"({path.name})" in index
        assert text.startswith(f"# {path.name[:4]} ")
        for part in ("Drivers", "Options", "Decision", "Cost"):
            assert f"**{part}.**" in text, f"{path.name} lacks {part}"
        assert text.count("\n") <= 60, f"{path.name} is longer than a page"
