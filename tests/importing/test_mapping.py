"""Mappings: those that come with Tanbu parse; typing errors are told with file, line and place."""

from __future__ import annotations

import random
from contextlib import suppress
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Malformed
from registry.importing.mapping import Blocks, Issuances, Projects, Uses, parse_mapping
from tests.importing import tables as t

SHIPPED = ("acr", "art", "isometric", "verra")


def test_these_mappings_come_with_tanbu() -> None:
    names = [file.name for file in resources.files("registry.importing.mappings").iterdir()]
    assert sorted(n for n in names if n.endswith(".toml")) == [f"{name}.toml" for name in SHIPPED]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_mapping_says_what_it_is(name: str) -> None:
    mapping = t.shipped(name)
    assert mapping.mapping == name
    kinds = {type(table) for table in mapping.tables.values()}
    assert Projects in kinds
    assert kinds in ({Projects, Blocks}, {Projects, Issuances, Uses})


@pytest.mark.parametrize("text", [t.BLOCKS, t.ISSUES, t.DRAWN])
def test_the_mappings_of_these_tests_parse(text: str) -> None:
    assert t.mapping(text).program == "SMP"


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


SERIAL = 'serial = { columns = ["S"], form = "{first}-{last}" }'
USES_NOT_ISSUED = 'quantity = { column = "Tonnes", form = "plain", grams = 1_000_000 }\ndate'
USES_ISSUED = 'issued = { column = "Issued", form = "YYYY-MM-DD" }\n' + USES_NOT_ISSUED

# mapping, text in it, what stands there instead, where and why it is refused
FAULTS = [
    (t.BLOCKS, 'program = "SMP"', 'programme = "SMP"', "sample.toml, line 3: Object contains unkn"),
    (t.BLOCKS, 'program = "SMP"', "", "missing required field `program`"),
    (t.BLOCKS, 'program = "SMP"', 'program = "smp"', "sample.toml, line 3: program: Expected"),
    (t.BLOCKS, "unit_g = 1_000_000", "unit_g = 0", "line 5: unit_g: Expected `int` >= 1"),
    (t.BLOCKS, "unit_g = 1_000_000", "unit_g = 1e6", "line 5: unit_g: Expected `int`, got `float`"),
    (t.BLOCKS, 'holds = "blocks"', 'holds = "block"', "line 8: [tables.blocks] holds: Invalid val"),
    (t.BLOCKS, 'project = "Project"', 'projekt = "Project"',
     "line 10: [tables.blocks]: Object contains unknown field `projekt`"),
    (t.BLOCKS, 'column = "Year", form', 'colum = "Year", form',
     "line 11: [tables.blocks] vintage: Object contains unknown field `colum`"),
    (t.BLOCKS, 'form = "YYYY" }', 'form = "JJJJ" }',
     "line 11: [tables.blocks]: 'JJJJ' is no form of a date"),
    (t.BLOCKS, 'form = "comma"', 'form = "commas"', "line 13: [tables.blocks] quantity.form"),
    (t.BLOCKS, '"Issued", form = "YYYY-MM-DD"', '"Issued", form = "YYYY"', "a year alone is no"),
    (t.BLOCKS, "S-{first}-{last}", "S-{first}", "line 17: [tables.blocks]: 'S-{first}-{p}' is no"),
    (t.BLOCKS, "same = { p =", "same = { q =", "the form has no field {q}"),
    (t.BLOCKS, '"used" = "retired"', '"used" = "gone"', "[tables.blocks] status.values[...]"),
    (t.BLOCKS, 'date = { column = "Ended", form = "YYYY-MM-DD" }\n', "", "needs `date`"),
    (t.BLOCKS, 'name = "Title"', 'name = "Title"\nclass = "Kind"', "needs the table [classes]"),
    (t.BLOCKS, 'name = "Title"', 'name = "Title', "sample.toml: the mapping is not TOML"),
    (t.BLOCKS, 'name = "Title"', 'name = "Title"\nname = "Title"', "the mapping is not TOML"),
    (t.BLOCKS, 'registry = "Sample registry"', 'registry = "a\\u200eb"', "text with U+200E"),
    (t.ISSUES, USES_ISSUED, USES_NOT_ISSUED, "`match` names the issue date, but `issued` is miss"),
    (t.ISSUES, 'known_by = ["Ended"]', 'known_by = ["Ended"]\ntogether = ["Kind"]',
     "`together` has another length"),
    (t.ISSUES, "unit_g", "match = []\nunit_g", "`match` is empty"),
    (t.ISSUES, "unit_g", 'match = ["project", "project"]\nunit_g', "names something twice"),
    (t.ISSUES, "unit_g", 'draw = "earliest"\nunit_g', "`draw` is for uses that name no issue date"),
    (t.ISSUES, "buffer = [", f"{SERIAL}\nbuffer = [",
     "which serials went to the buffer is not known"),
    (t.DRAWN, 'draw = "earliest"', "", "`since` has a meaning only with `draw`"),
    (t.DRAWN, 'status = "retired"', f'status = "retired"\n{SERIAL}', "`draw` cuts uses to pieces"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "words"), FAULTS)
def test_a_fault_is_told_with_its_place(text: str, old: str, new: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        t.mapping(changed(text, old, new))
    assert words in str(caught.value)
    assert caught.value.where.startswith("sample.toml")
    assert "\n" not in str(caught.value)


def test_a_mapping_is_utf_8() -> None:
    with pytest.raises(Malformed, match=r"m\.toml, line 2: the mapping is not UTF-8"):
        parse_mapping(b'# a\nmapping = "\xcf\xee"\n', "m.toml")


@pytest.mark.parametrize("value", ["9" * 5_000, "[" * 5_000, "2020-13-41", '"\\ud800"'])
def test_values_beyond_all_measure(value: str) -> None:
    with pytest.raises(Malformed, match=r"^m\.toml: the mapping is not TOML"):
        parse_mapping(f"unit_g = {value}\n".encode(), "m.toml")


@given(st.sampled_from([t.BLOCKS, t.ISSUES, t.DRAWN]), st.integers(0, 2**32))
def test_a_damaged_mapping_is_refused_or_still_one(text: str, seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(text.encode())
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data))
        data[at : at + dice.randint(0, 3)] = dice.choice((b"", b'"', b"{", b"9", b"a", b"\n", b"["))
    with suppress(Malformed):
        assert parse_mapping(bytes(data), "m.toml").tables


def test_a_mapping_has_a_limit() -> None:
    with pytest.raises(Malformed, match="larger than"):
        parse_mapping(b"#" * 1_000_001, "m.toml")
