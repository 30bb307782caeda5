"""People's amounts beside the log: leaf files, receipts, and openings of obligors (DESIGN §6).

The log holds `{root, count, total}` of a Merkle sum tree and no person. The platform keeps the leaf
file, private; each person gets a receipt, which verifies offline up to the root. An order's obligor
stands in the log as a commitment; its opening is a private file as well.

Refuses to know: where these files are kept, how salts are drawn, which root the log holds.

Rules
- a file is canonical JSON, one value a line, each line ending in LF; a leaf file begins with a head
- amounts are points, or milligrams of acts; the total is their sum, at most 2^53-1
- a leaf counts as `salt, amount, SHA-256(act)`: a person's name in the file is hashed nowhere
- a forgotten leaf has lost person, act and salt and stands by its hash: the root and all other
  receipts stay as they were
- a receipt is good only for a commitment that its checker has from elsewhere, such as the log

    leaves = parse_leaves(data)
    receipt = receipt_for(leaves, "user-7")
    check_receipt(receipt, commit)          # NotTrusted, or the grams, points … it proves
"""

from hashlib import sha256
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from registry.chain import canonical, sumtree
from registry.chain.errors import Malformed, NotTrusted
from registry.chain.strict import MAX_INT, parse_hex
from registry.chain.sumtree import SALT_BYTES, SumLeaf, SumNode, SumRoot, SumTree
from registry.chain.tlog import HASH_BYTES
from registry.ledger.entries.common import Commit, Int, Part, Sha256

LEAVES_FORM = "tanbu.leaves/v1"
RECEIPT_FORM = "tanbu.receipt/v1"
OPENING_FORM = "tanbu.opening/v1"
OBLIGOR_HEADER = "tanbu.obligor/v1"
LEAVES_MAX = 5_000_000
RECEIPT_PARTS_MAX = 10_000
"""Most acts of one person in one receipt."""
RECEIPT_DEPTH_MAX = 6
_HEX_256 = r"^[0-9a-f]{64}\Z"

Unit = Literal["points", "mg"]
Salt = Annotated[str, Meta(pattern=_HEX_256)]
Words = Annotated[str, Meta(min_length=1, max_length=500)]


class Leaf(Part, frozen=True, kw_only=True):
    """One person's amount: whole (`person`, `act`, `salt`), or forgotten (`hash` alone)."""

    amount: Int
    person: Words | UnsetType = UNSET
    act: Words | UnsetType = UNSET
    salt: Salt | UnsetType = UNSET
    hash: Sha256 | UnsetType = UNSET


class LeafFile(Part, frozen=True, kw_only=True):
    """A platform's leaves in their order, and what they count."""

    unit: Unit
    leaves: tuple[Leaf, ...]


class _Head(Part, frozen=True, kw_only=True):
    form: str
    unit: Unit
    commit: Commit


class Step(Part, frozen=True, kw_only=True):
    """A sibling on the way to the root: its hash and the sum below it."""

    hash: Sha256
    sum: Int


class ReceiptPart(Part, frozen=True, kw_only=True):
    """One leaf of a receipt with its way to the root."""

    index: Int
    amount: Int
    act: Words
    salt: Salt
    path: tuple[Step, ...]


class Receipt(Part, frozen=True, kw_only=True):
    """What one person holds: their leaves under one commitment. Names nobody."""

    form: str
    unit: Unit
    commit: Commit
    parts: Annotated[tuple[ReceiptPart, ...], Meta(min_length=1, max_length=RECEIPT_PARTS_MAX)]


class Opening(Part, frozen=True, kw_only=True):
    """Who an order's obligor is: private, never in log, evidence or page."""

    form: str
    salt: Salt
    name: Words
    id_number: Words


def commit_of(leaves: tuple[Leaf, ...]) -> Commit:
    """The commitment to leaves (at least one); Malformed if the total exceeds 2^53-1."""
    return _as_commit(sumtree.sum_root(map(_tree_leaf, leaves)))


def format_leaves(file: LeafFile) -> bytes:
    """The leaf file: a head line with the commitment, then one line per leaf."""
    head = _Head(form=LEAVES_FORM, unit=file.unit, commit=commit_of(file.leaves))
    return b"".join(_line(value) for value in (head, *file.leaves))


def parse_leaves(data: bytes) -> LeafFile:
    """The leaf file that `data` is; Malformed, with the line, if it is none.

    NotTrusted if its leaves do not make the commitment of its head.
    """
    lines = _lines(data)
    head = _decode(lines[0], _Head, "line 1")
    if head.form != LEAVES_FORM:
        raise Malformed("not a leaf file", where="line 1", todo="make one: tanbu points commit")
    if len(lines) - 1 > LEAVES_MAX:
        raise Malformed(f"more than {LEAVES_MAX} leaves in one file")
    leaves = tuple(_decode(line, Leaf, f"line {n}") for n, line in enumerate(lines[1:], 2))
    for number, leaf in enumerate(leaves, 2):
        _check_leaf(leaf, f"line {number}")
    if commit_of(leaves) != head.commit:
        raise NotTrusted("the leaves do not make the commitment of the file's head", where="line 1")
    return LeafFile(unit=head.unit, leaves=leaves)


def forget(file: LeafFile, person: str) -> LeafFile:
    """The file without person, act and salt of one person; the root stays. Malformed if unknown."""
    if person not in {leaf.person for leaf in file.leaves}:
        raise _no_such_person()
    leaves = tuple(
        Leaf(amount=leaf.amount, hash=_node(leaf).hash.hex()) if leaf.person == person else leaf
        for leaf in file.leaves
    )
    return LeafFile(unit=file.unit, leaves=leaves)


def receipt_for(file: LeafFile, person: str) -> Receipt:
    """The receipt of one person: all their leaves. Malformed if the file has none of theirs."""
    places = [n for n, leaf in enumerate(file.leaves) if leaf.person == person]
    if not places:
        raise _no_such_person()
    tree = SumTree(map(_tree_leaf, file.leaves))
    return Receipt(
        form=RECEIPT_FORM,
        unit=file.unit,
        commit=_as_commit(tree.root),
        parts=tuple(_receipt_part(file.leaves[n], n, tree) for n in places),
    )


def format_receipt(receipt: Receipt) -> bytes:
    """The receipt as a file: one line of canonical JSON."""
    return _line(receipt)


def parse_receipt(data: bytes) -> Receipt:
    """The receipt that `data` is; Malformed if it is none. Whether it is good: `check_receipt`."""
    receipt = _decode_only(data, Receipt)
    if receipt.form != RECEIPT_FORM:
        raise Malformed("not a receipt", todo="make one: tanbu points receipt")
    return receipt


def check_receipt(receipt: Receipt, commit: Commit) -> int:
    """What the receipt proves under `commit`, in its unit; NotTrusted if it proves nothing.

    Each leaf counts once: a receipt that repeats a place is not good.
    """
    if receipt.commit != commit:
        raise NotTrusted("the receipt is for another commitment", where="commit")
    root = SumRoot(bytes.fromhex(commit.root), commit.count, commit.total)
    seen: set[int] = set()
    for part in receipt.parts:
        if part.index in seen:
            raise NotTrusted(f"leaf {part.index} is counted twice", where="parts")
        seen.add(part.index)
        if part.index >= commit.count:
            raise NotTrusted(f"there is no leaf {part.index} among {commit.count}", where="parts")
        path = [SumNode(bytes.fromhex(step.hash), step.sum) for step in part.path]
        leaf = SumLeaf(bytes.fromhex(part.salt), part.amount, _act_sha256(part.act))
        sumtree.check_receipt(leaf, part.index, path, root)
    return sum(part.amount for part in receipt.parts)


def obligor_commit(salt: str, name: str, id_number: str) -> str:
    """The commitment by which an order names a person; `salt` is 32 bytes in hex."""
    parse_hex(salt, SALT_BYTES)
    for text in (name, id_number):
        if "\n" in text:
            raise Malformed("a name or number with a line break", where="opening")
    return sha256(f"{OBLIGOR_HEADER}\n{salt}\n{name}\n{id_number}".encode()).hexdigest()


def format_opening(salt: str, name: str, id_number: str) -> bytes:
    """The private file that opens an obligor's commitment."""
    obligor_commit(salt, name, id_number)
    return _line(Opening(form=OPENING_FORM, salt=salt, name=name, id_number=id_number))


def parse_opening(data: bytes) -> Opening:
    """The opening that `data` is; Malformed if it is none."""
    opening = _decode_only(data, Opening)
    if opening.form != OPENING_FORM:
        raise Malformed("not the opening of an obligor")
    return opening


def check_opening(opening: Opening, commit: str) -> None:
    """Return if the opening is that of `commit`; NotTrusted otherwise."""
    if obligor_commit(opening.salt, opening.name, opening.id_number) != commit:
        raise NotTrusted("the opening is not that of the obligor's commitment")


def _receipt_part(leaf: Leaf, index: int, tree: SumTree) -> ReceiptPart:
    if leaf.act is UNSET or leaf.salt is UNSET:
        raise Malformed("a forgotten leaf has no receipt")
    path = tuple(Step(hash=node.hash.hex(), sum=node.sum) for node in tree.prove(index))
    return ReceiptPart(index=index, amount=leaf.amount, act=leaf.act, salt=leaf.salt, path=path)


def _check_leaf(leaf: Leaf, where: str) -> None:
    whole = [leaf.person, leaf.act, leaf.salt]
    present = sum(1 for field in whole if field is not UNSET)
    if present != (3 if leaf.hash is UNSET else 0):
        raise Malformed("a leaf has person, act and salt, or a hash alone", where=where)


def _tree_leaf(leaf: Leaf) -> SumLeaf | SumNode:
    if leaf.hash is not UNSET:
        return SumNode(parse_hex(leaf.hash, HASH_BYTES), leaf.amount)
    if leaf.salt is UNSET or leaf.act is UNSET:
        raise Malformed("a leaf has person, act and salt, or a hash alone")
    return SumLeaf(parse_hex(leaf.salt, SALT_BYTES), leaf.amount, _act_sha256(leaf.act))


def _node(leaf: Leaf) -> SumNode:
    tree_leaf = _tree_leaf(leaf)
    return tree_leaf if isinstance(tree_leaf, SumNode) else sumtree.leaf_node(tree_leaf)


def _act_sha256(act: str) -> bytes:
    return sha256(act.encode()).digest()


def _as_commit(root: SumRoot) -> Commit:
    if not 0 < root.total <= MAX_INT:
        raise Malformed(f"a total that is 0 or above {MAX_INT}")
    return Commit(root=root.root.hex(), count=root.count, total=root.total)


def _no_such_person() -> Malformed:
    return Malformed("the leaf file has no leaf of this person", todo="check the person's name")


T = TypeVar("T", bound=Part)


def _line(value: Part) -> bytes:
    line = msgspec.json.encode(value, order="sorted")
    canonical.parse_json(line, depth_max=RECEIPT_DEPTH_MAX)
    return line + b"\n"


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if lines.pop() or not lines:
        raise Malformed("the file does not end in a line feed")
    return lines


def _decode_only(data: bytes, kind: type[T]) -> T:
    lines = _lines(data)
    if len(lines) != 1:
        raise Malformed("the file has more than one line")
    return _decode(lines[0], kind, "line 1")


def _decode(line: bytes, kind: type[T], where: str) -> T:
    try:
        value = msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not of the form: {error}", where=where) from error
    if msgspec.json.encode(value, order="sorted") != line:
        raise Malformed("the line is not in canonical form", where=where)
    canonical.parse_json(line, depth_max=RECEIPT_DEPTH_MAX)
    return value
