"""Leaf files, receipts and openings: what they prove, and each way in which they must not."""

from __future__ import annotations

from hashlib import sha256

import pytest
from msgspec import structs

from registry.chain.errors import Malformed, NotTrusted
from registry.ledger import people
from registry.ledger.entries.common import Commit
from registry.ledger.people import Leaf, LeafFile


def salt(n: int) -> str:
    return sha256(b"salt %d" % n).hexdigest()


def leaf_file(count: int = 7) -> LeafFile:
    leaves = tuple(
        Leaf(person=f"user-{n % 5}", act=f"ride {n} 样例", amount=1000 + n, salt=salt(n))
        for n in range(count)
    )
    return LeafFile(unit="mg", leaves=leaves)


def test_a_leaf_file_is_read_as_it_was_written() -> None:
    file = leaf_file()
    data = people.format_leaves(file)
    assert people.parse_leaves(data) == file
    assert data.count(b"\n") == 8


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 33])
def test_every_receipt_leads_to_the_commitment(count: int) -> None:
    file = leaf_file(count)
    commit = people.commit_of(file.leaves)
    assert (commit.count, commit.total) == (count, sum(leaf.amount for leaf in file.leaves))
    proved = 0
    for person in {leaf.person for leaf in file.leaves if isinstance(leaf.person, str)}:
        receipt = people.parse_receipt(
            people.format_receipt(people.receipt_for(file, person)),
        )
        assert person.encode() not in people.format_receipt(receipt)
        proved += people.check_receipt(receipt, commit)
    assert proved == commit.total


def test_a_forgotten_person_leaves_root_and_other_receipts_good() -> None:
    file = leaf_file()
    commit = people.commit_of(file.leaves)
    left = people.parse_leaves(people.format_leaves(people.forget(file, "user-1")))
    assert people.commit_of(left.leaves) == commit
    assert people.receipt_for(left, "user-2") == people.receipt_for(file, "user-2")
    data = people.format_leaves(left)
    for gone in ("user-1", "ride 1 ", "ride 6 ", salt(1), salt(6)):
        assert gone.encode() not in data
    with pytest.raises(Malformed, match="no leaf of this person"):
        people.receipt_for(left, "user-1")


def test_a_receipt_proves_nothing_under_another_commitment() -> None:
    receipt = people.receipt_for(leaf_file(), "user-1")
    other = people.commit_of(leaf_file(8).leaves)
    with pytest.raises(NotTrusted, match="another commitment"):
        people.check_receipt(receipt, other)


def test_a_receipt_changed_in_any_field_is_not_good() -> None:
    receipt = people.receipt_for(leaf_file(), "user-1")
    commit, part = receipt.commit, receipt.parts[0]
    step = structs.replace(part.path[0], sum=part.path[0].sum + 1)
    changed = [
        structs.replace(part, amount=part.amount + 1),
        structs.replace(part, act="ride 1000"),
        structs.replace(part, salt=salt(99)),
        structs.replace(part, index=part.index + 1),
        structs.replace(part, index=900),
        structs.replace(part, path=part.path[1:]),
        structs.replace(part, path=(step, *part.path[1:])),
    ]
    for bad in changed:
        with pytest.raises(NotTrusted):
            people.check_receipt(structs.replace(receipt, parts=(bad,)), commit)
    with pytest.raises(NotTrusted, match="counted twice"):
        people.check_receipt(structs.replace(receipt, parts=(part, part)), commit)


def test_a_leaf_file_that_lies_about_its_commitment_is_not_trusted() -> None:
    data = people.format_leaves(leaf_file()).replace(b'"amount":1003', b'"amount":1004')
    with pytest.raises(NotTrusted, match="do not make the commitment"):
        people.parse_leaves(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not end in a line feed"),
        (b"{}\n", "not of the form"),
        (b'{"form":"tanbu.leaves/v1"}', "does not end"),
        (people.format_leaves(leaf_file()).replace(b'{"act"', b'{ "act"', 1), "canonical"),
        (people.format_leaves(leaf_file()).replace(b"leaves/v1", b"leaves/v2"), "not a leaf file"),
        (
            people.format_leaves(leaf_file()).replace(b'"person":"user-1",', b"", 1),
            "person, act and salt, or a hash alone",
        ),
    ],
)
def test_what_is_no_leaf_file_is_malformed(data: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        people.parse_leaves(data)


def test_a_receipt_of_another_form_is_malformed() -> None:
    data = people.format_receipt(people.receipt_for(leaf_file(), "user-1"))
    for bad in (data + data, data[:-1], data.replace(b"receipt/v1", b"receipt/v2"), b"[]\n"):
        with pytest.raises(Malformed):
            people.parse_receipt(bad)


def test_a_total_above_the_largest_integer_is_malformed() -> None:
    leaves = tuple(Leaf(person="a", act="b", amount=2**53 - 1, salt=salt(n)) for n in range(2))
    with pytest.raises(Malformed, match="total"):
        people.commit_of(leaves)
    with pytest.raises(Malformed, match="total"):
        people.commit_of((Leaf(person="a", act="b", amount=0, salt=salt(1)),))


def test_an_opening_opens_its_commitment_and_no_other() -> None:
    data = people.format_opening(salt(1), "样例被告 SAMPLE", "440000-SAMPLE")
    opening = people.parse_opening(data)
    text = f"tanbu.obligor/v1\n{salt(1)}\n样例被告 SAMPLE\n440000-SAMPLE"
    commit = sha256(text.encode()).hexdigest()
    assert people.obligor_commit(salt(1), opening.name, opening.id_number) == commit
    people.check_opening(opening, commit)
    for bad in (
        structs.replace(opening, name="另一人"),
        structs.replace(opening, id_number="1"),
        structs.replace(opening, salt=salt(2)),
    ):
        with pytest.raises(NotTrusted):
            people.check_opening(bad, commit)
    with pytest.raises(Malformed):
        people.parse_opening(data.replace(b"opening/v1", b"opening/v0"))
    with pytest.raises(Malformed, match="line break"):
        people.obligor_commit(salt(1), "a\nb", "c")


def test_a_commitment_is_a_value_of_entries() -> None:
    assert isinstance(people.commit_of(leaf_file().leaves), Commit)
