"""Tables as bytes: what is cut into fields, what refuses a file, and the words that it is told."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Malformed
from registry.importing.read import RECORD_BYTES_MAX, Record, Source, Splitter, records
from tests.importing import tables as t

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=8)


def cells(data: bytes, chunk: int = 1 << 16) -> list[list[str]]:
    splitter = Splitter("utf-8", ",")
    return [splitter.split(record, "f") for record in records(t.source("f", data, chunk))]


@given(ROWS, st.integers(1, 40), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_writes_is_read(rows: list[list[str]], chunk: int, ending: str) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=ending).writerows(rows)
    assert cells(text.getvalue().encode(), chunk) == rows


def test_rows_are_numbered_as_records_and_hashed_without_their_ends() -> None:
    data = b'a,b\r\n1,"x\ny"\r\n\r\n2,z'
    found = list(records(t.source("f", data)))
    assert [record.number for record in found] == [1, 2, 3, 4]
    assert [record.data for record in found] == [b"a,b", b'1,"x\ny"', b"", b"2,z"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'a,b\n1,"x\n2,y\n', "row 2: a quotation mark is never closed"),
        (b'a,b\n1,x"y"\n', "row 2: quotation marks out of place"),
        (b'a,b\n1,"x"y\n', "row 2: quotation marks out of place"),
        (b"a,b\n1,x\0y\n", "row 2: a zero byte"),
        (b"a,b\n1,x\r2,y\n", "row 2: a carriage return inside a row"),
        (b"a,b\nx\xcf\xee\xc4\xbf,1\n", "row 2: not utf-8: byte 0xcf at place 2 of the row"),
        (b"a,b\n" + b"x" * (RECORD_BYTES_MAX + 1), "a line is longer than"),
        (b'a,b\n"' + b"x\n" * (RECORD_BYTES_MAX // 2 + 1), "row 2: a record is longer than"),
    ],
)
def test_a_fault_of_form_refuses_the_file(data: bytes, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        cells(data)
    assert words in str(caught.value)
    assert caught.value.where.startswith("f")
    assert caught.value.todo


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "1.csv: the file is empty"),
        (b"\n", "1.csv: the file is empty"),
        (b"\xef\xbb\xbfTitle,Project\n", "byte order mark"),
        (b'[{"a": 1}]\n', "looks like JSON"),
        (b"a,b\n1,2\n", "no table of the mapping 'sample' has these columns"),
        (b"\xcf\xee\xc4\xbf,b\n", "row 1: not utf-8"),
        (b"Serial,Project\n", "column 'Year' is missing from the header"),
        (b"Title,Project,Project\n", "column 'Project' stands twice in the header"),
        (b"Title,Serial,Project\n", "fit several tables of the mapping: blocks, projects"),
    ],
)
def test_a_header_that_does_not_fit_refuses_the_file(data: bytes, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        t.plan_of(t.BLOCKS, data)
    assert words in str(caught.value)
    assert caught.value.todo
    assert "\n" not in str(caught.value)


def test_other_encodings_are_for_the_mapping_to_name() -> None:
    title = t.table(("Title", "Project"), ("林场", "P1"))
    named = t.BLOCKS.replace("unit_g", 'encoding = "ENC"\nunit_g', 1)
    with_bom = t.plan_of(named.replace("ENC", "utf-8-sig"), b"\xef\xbb\xbf" + title)
    gbk = t.plan_of(named.replace("ENC", "gb18030"), title.decode().encode("gbk"))
    assert with_bom.projects == gbk.projects == {"P1": "林场"}


def test_another_delimiter_is_for_the_mapping_to_name() -> None:
    text = t.BLOCKS.replace("unit_g", 'delimiter = ";"\nunit_g', 1)
    assert t.plan_of(text, b'Title;Project\n"a;b";P1\n').projects == {"P1": "a;b"}


def test_the_same_file_twice_is_refused() -> None:
    data = t.table(("Title", "Project"), ("a", "P1"))
    with pytest.raises(Malformed, match=r"the same bytes as 1\.csv"):
        t.plan_of(t.BLOCKS, data, data)


def test_a_file_is_read_one_record_at_a_time() -> None:
    line = b"x" * 50 + b",1\n"

    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield line * 1_000

    tracemalloc.start()
    count = sum(1 for _ in records(Source("f", chunks)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 1_000_000


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    splitter = Splitter("utf-8", ",")
    with suppress(Malformed):
        for record in records(t.source("f", data, 7)):
            fields = splitter.split(record, "f")
            assert sum(len(field.encode()) for field in fields) <= len(data)


def test_a_record_keeps_its_own_bytes() -> None:
    assert Splitter("utf-8", ",").split(Record(5, b'"a""b",'), "f") == ['a"b', ""]
