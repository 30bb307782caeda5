"""Auditing: a good log is good; whatever byte is altered, it says so, and where."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from registry.chain.checkpoint import Checkpoint, sign_checkpoint
from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.chain.tiles import TileAddress, parse_bundle
from registry.chain.tlog import EMPTY_ROOT, leaf_hash
from registry.ledger.codec import format_record, parse_record
from registry.ledger.replay import MemoryIds
from registry.ledger.sealing import SealWatch
from registry.ledger.state import MemoryState, State, state_root
from registry.verify.audit import audit
from registry.verify.bundle import BundleTask, check_bundle, used_ids
from registry.verify.judging import Judge
from registry.verify.means import HereCrew
from registry.verify.report import Report
from registry.verify.treecheck import TreeCheck
from registry.verify.trust import Trust
from tests.books import ORIGIN, T0, TONNE, Book, party_key
from tests.verify.logs import FileTiles, MemoryLog, log_trust, sample_log

TRUST = Trust((log_trust(Book()),))


class Memory:
    """State and ids in memory."""

    def __init__(self) -> None:
        self.state = Items()
        self.ids = ListedIds()


class Items(MemoryState):
    """A state map with the verbs of a scratch."""

    def store(self, changes: object) -> None:  # type: ignore[override]  # both callers' forms
        if isinstance(changes, State):
            super().store(changes)
            return
        for key, data in changes:  # type: ignore[attr-defined]  # pairs
            if data is None:
                self.values.pop(key, None)
            else:
                self.values[key] = data

    def items(self) -> Iterator[tuple[str, bytes]]:
        yield from sorted(self.values.items())


class ListedIds(MemoryIds):
    """Ids that can be listed."""

    def items(self) -> Iterator[tuple[bytes, int]]:
        yield from sorted((key, held[1]) for key, held in self._held.items())


def run(files: dict[str, bytes], trust: Trust | None = TRUST) -> Report:
    return audit(FileTiles(files), memory=Memory(), crew=HereCrew(), trust=trust)


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    return sample_log()


@pytest.fixture(scope="module")
def longer() -> MemoryLog:
    """More than two bundles: full and partial tiles, and a tile of level 1."""
    book = Book()
    notes = book.founding() + book.walk()[:-2]
    notes += [book.transfer("farm", "mill", quantity_g=TONNE) for _ in range(600 - len(notes))]
    return MemoryLog(book, notes)


def test_a_good_log_is_good(log: MemoryLog) -> None:
    report = run(log.files())
    assert report.size == log.size
    assert report.root == log.root(log.size).hex()
    assert report.facts["records"] == log.size
    assert report.facts["signatures"] == 67
    assert report.facts["grams"]["retired"] == 37 * TONNE
    assert report.facts["entries"]["transfer"] == 5
    assert sum(report.facts["entries"].values()) == log.size
    root, count = state_root(sorted(log.state.values.items()))
    assert (report.facts["state_root"], report.facts["state_count"]) == (root.hex(), count)
    assert [step.number for step in report.steps] == list(range(1, 8))
    value = report.as_json()
    assert msgspec.json.decode(msgspec.json.encode(value)) == value
    assert "Not witnessed" in " ".join(s.en for s in report.not_checked)


def test_without_trust_it_says_so(log: MemoryLog) -> None:
    report = run(log.files(), None)
    assert "No trust was given" in report.not_checked[0].en
    assert "未提供信任根" in report.not_checked[0].zh


def test_every_size_of_a_log(longer: MemoryLog) -> None:
    for size in (1, 2, 255, 256, 257, 511, 512, 513, 600):
        part = MemoryLog.__new__(MemoryLog)
        part.__dict__.update(longer.__dict__)
        part.records = longer.records[:size]
        part.size, part.note = size, longer.sign(size)
        assert run(part.files()).facts["records"] == size


def test_progress_ends_with_the_whole(longer: MemoryLog) -> None:
    seen: list[tuple[int, int]] = []
    audit(
        FileTiles(longer.files()),
        memory=Memory(),
        crew=HereCrew(),
        trust=TRUST,
        progress=lambda done, size: seen.append((done, size)),
    )
    assert seen == [(256, 600), (512, 600), (600, 600)]


# ---------------------------------------------------------------- altered bytes


def altered(files: dict[str, bytes], path: str, at: int, bit: int) -> dict[str, bytes]:
    data = files[path]
    bent = data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]
    return {**files, path: bent}


@pytest.mark.parametrize("trust", [TRUST, None], ids=["trust", "no trust"])
def test_every_altered_byte_of_a_small_log_is_seen(log: MemoryLog, trust: Trust | None) -> None:
    files, chance = log.files(), random.Random(3)
    for path, data in files.items():
        places = range(len(data)) if len(data) < 300 else chance.sample(range(len(data)), 60)
        for at in places:
            with pytest.raises(NotTrusted) as caught:
                run(altered(files, path, at, chance.randrange(8)), trust)
            assert caught.value.where, f"{path} byte {at}: {caught.value}"


def test_altered_bytes_of_a_longer_log_are_seen_where_they_are(longer: MemoryLog) -> None:
    files, chance = longer.files(), random.Random(4)
    assert any(path.startswith("tile/1/") for path in files)
    for path, data in files.items():
        for at in chance.sample(range(len(data)), 4):
            with pytest.raises(NotTrusted) as caught:
                run(altered(files, path, at, chance.randrange(8)))
            where = str(caught.value)
            if path.startswith("tile/entries/") and at > 20:
                index = record_at(longer, path, at)
                # A length that is altered moves all records after it.
                assert path in where or f"record {index}" in where, where
            elif path.startswith("tile/"):
                assert path in where or "record" in where, where
            else:
                assert "checkpoint" in where, where


def record_at(log: MemoryLog, path: str, at: int) -> int:
    bundle = int(path.split("/")[2][:3])
    length = 0
    for index in range(bundle * 256, log.size):
        length += 2 + len(log.records[index])
        if at < length:
            return index
    raise AssertionError(path)


@pytest.mark.parametrize("cut", [0, 1, 31, 32, 500])
def test_truncated_tiles_are_bad(longer: MemoryLog, cut: int) -> None:
    files = longer.files()
    for path, data in files.items():
        if cut < len(data):
            with pytest.raises(NotTrusted) as caught:
                run({**files, path: data[:cut]})
            assert path in caught.value.where


def test_longer_tiles_are_bad(longer: MemoryLog) -> None:
    files = longer.files()
    for path, data in files.items():
        with pytest.raises(NotTrusted):
            run({**files, path: data + data[:32]})


def test_missing_tiles_could_not_be_checked(longer: MemoryLog) -> None:
    files = longer.files()
    for path in files:
        with pytest.raises(Unavailable) as caught:
            run({name: data for name, data in files.items() if name != path})
        assert caught.value.where == path


def test_an_earlier_fault_comes_before_a_missing_tile(longer: MemoryLog) -> None:
    files = altered(longer.files(), "tile/entries/000", 30_000, 2)
    del files["tile/entries/001"]
    with pytest.raises(NotTrusted) as caught:
        run(files)
    assert "tile/entries/000" in str(caught.value)


# ---------------------------------------------------------------- other logs, other rules


def test_a_log_that_trust_does_not_name() -> None:
    other = Book("other.invalid/log/00000000")
    foreign = MemoryLog(other, other.founding())
    with pytest.raises(Unavailable, match="not among"):
        run(foreign.files())
    assert run(foreign.files(), None).origin == other.origin


def test_another_log_under_a_trusted_checkpoint(log: MemoryLog) -> None:
    other = Book("other.invalid/log/00000000")
    foreign = MemoryLog(other, other.founding())
    head = Checkpoint(ORIGIN, foreign.size, foreign.root(foreign.size))
    note = sign_checkpoint(head, log.book.ed25519_seed, log.book.mldsa44_seed, T0 // 1_000)
    with pytest.raises(NotTrusted, match="the checkpoint is of sample"):
        run({**foreign.files(), "checkpoint": note})


def test_an_authority_that_trust_does_not_name(log: MemoryLog) -> None:
    other = msgspec.structs.replace(
        log_trust(Book()), authority_keys=(party_key("authority", 1).vkey,)
    )
    with pytest.raises(NotTrusted, match=r"authority\.test"):
        run(log.files(), Trust((other,)))


def test_an_unknown_ruleset_could_not_be_checked() -> None:
    book = Book()
    newer = MemoryLog(book, [book.genesis(ruleset=2)], check=False)
    with pytest.raises(Unavailable, match="ruleset 2") as caught:
        run(newer.files())
    assert caught.value.where == "record 0"
    files = newer.files()
    path = "tile/entries/000.p/1"
    files[path] = files[path].replace(b'"ruleset":2', b'"ruleset":3')
    with pytest.raises(NotTrusted):  # the number itself was altered: its hash says so
        run(files)


def signed_log(book: Book, notes: list[bytes]) -> MemoryLog:
    """A log that its operator has signed although the rules refuse what is in it."""
    return MemoryLog(book, notes, check=False)


def test_what_the_rules_refuse_is_bad_though_the_log_signed_it() -> None:
    book = Book()
    over = signed_log(book, [*book.founding(), book.transfer("mill", "farm"), book.order()])
    with pytest.raises(NotTrusted, match="503 insufficient") as caught:
        run(over.files())
    assert caught.value.where == "record 19"


def test_an_entry_with_a_bad_signature_is_bad_though_the_log_signed_it() -> None:
    book = Book()
    note = book.transfer("farm", "mill")
    at = len(note) - 30
    bent = note[:at] + (b"A" if note[at : at + 1] != b"A" else b"B") + note[at + 1 :]
    log = signed_log(book, [*book.founding(), bent, book.order()])
    with pytest.raises(NotTrusted, match=r"signature of farm\.test") as caught:
        run(log.files())
    assert "record 19" in caught.value.where


def test_the_same_id_twice_is_bad_though_the_log_signed_it() -> None:
    book = Book()
    note = book.transfer("farm", "mill")
    log = signed_log(book, [*book.founding(), note, book.order(), note])
    with pytest.raises(NotTrusted, match="same id at index 19") as caught:
        run(log.files())
    assert caught.value.where == "record 21"


def test_records_out_of_form_order_or_time_are_bad_though_the_log_signed_them() -> None:
    for bend, words in (
        (lambda r: format_record(9, T0 - 1, parse_record(r).note), "goes back"),
        (lambda r: format_record(8, T0, parse_record(r).note), "its index is 8"),
        (lambda r: r.replace(b'":"', b'": "', 1), "canonical"),
        (lambda r: r.replace(b"9 ", b"09 ", 1), "leading zero"),
        (lambda r: r + b"\n", "last line"),
        (lambda r: b"", "begin"),
        (lambda r: b"9 " + b"1" * 60_000, "begin"),
    ):
        log = sample_log()
        log.records[9] = bend(log.records[9])
        again = MemoryLog.__new__(MemoryLog)
        again.__dict__.update(log.__dict__)
        again.hashes = type(log.hashes)(check_hashes(log.records))
        again.note = again.sign(again.size)
        with pytest.raises(NotTrusted, match=words) as caught:
            run(again.files())
        assert "record 9" in caught.value.where


def check_hashes(records: list[bytes]) -> list[bytes]:
    return [leaf_hash(record) for record in records]


def test_a_log_without_records_has_nothing_to_check() -> None:
    book = Book()
    note = sign_checkpoint(
        Checkpoint(ORIGIN, 0, EMPTY_ROOT), book.ed25519_seed, book.mldsa44_seed, T0 // 1_000
    )
    for trust in (TRUST, None):
        with pytest.raises(Unavailable, match="no records"):
            run({"checkpoint": note}, trust)


# ---------------------------------------------------------------- parts


def test_a_growing_log_is_followed_to_its_newest_checkpoint(longer: MemoryLog) -> None:
    small = MemoryLog.__new__(MemoryLog)
    small.__dict__.update(longer.__dict__)
    small.records, small.size, small.note = longer.records[:300], 300, longer.sign(300)

    class Growing(FileTiles):
        """Serves the smaller log's checkpoint once; its partial tiles are gone by then."""

        asked = 0

        def checkpoint(self) -> bytes:
            self.asked += 1
            return small.note if self.asked == 1 else self.files["checkpoint"]

    report = audit(Growing(longer.files()), memory=Memory(), crew=HereCrew(), trust=TRUST)
    assert report.size == 600


def test_a_bundle_names_the_first_of_its_faults(longer: MemoryLog) -> None:
    data = longer.files()["tile/entries/000"]
    judge = Judge(Items(), SealWatch())
    judged = judge.bundle(parse_bundle(data, 256))
    assert (judged.count, judged.error) == (256, None)
    tile = longer.files()["tile/0/000"]
    task = BundleTask(
        first=0, count=256, data=data, judged=256, keys=judged.keys, tile=tile, stored=tile
    )
    good = check_bundle(task)
    assert good.fault is None
    assert good.root == longer.hashes.read_hashes([(8, 0)])[0]
    assert [used[1] for used in used_ids(good)] == list(range(256))
    bent_tile = tile[:3200] + b"x" + tile[3201:]
    for change, kind, index in (
        ({"tile": bent_tile}, "hash", 100),
        ({"stored": bent_tile}, "stored", 100),
        ({"keys": bytes(32) + judged.keys[32:]}, "signature", 0),
        ({"keys": judged.keys[:-32]}, "signature", 255),
        ({"tile": bent_tile, "keys": judged.keys[:-32]}, "hash", 100),
    ):
        fault = check_bundle(msgspec.structs.replace(task, **change)).fault
        assert fault is not None
        assert (fault.kind, fault.index) == (kind, index)
    with pytest.raises(Malformed):
        check_bundle(msgspec.structs.replace(task, count=255))


def test_tree_check_compares_tiles_above(longer: MemoryLog) -> None:
    tree = TreeCheck(None)
    for first in range(0, 512, 256):
        hashes = longer.files()[f"tile/0/{first // 256:03}"]
        tree.add(hashes, longer.hashes.read_hashes([(8, first // 256)])[0])
    assert tree.root() == longer.root(512)
    above = TileAddress(1, 0, 2)
    good = longer.files()["tile/1/000.p/2"]
    tree.check_partial(above, good)
    for bent in (good[:-1] + b"x", good[:32], good + good[:32], b""):
        with pytest.raises(NotTrusted):
            tree.check_partial(above, bent)
    tail = longer.files()["tile/0/002.p/88"]
    assert tree.root_after(tail, 88) == longer.root(600)
    assert tree.root_after(tail, 10) == longer.root(522)
    tree.add(tail, b"")
    assert tree.root() == longer.root(600)
    assert tree.encoded()[:8] == (600).to_bytes(8, "big")


def test_errors_of_an_audit_are_of_the_four_kinds(log: MemoryLog) -> None:
    files = log.files()
    for path in files:
        for junk in (b"", b"\x00" * 70_000, b"\xff" * 10, b"[" * 10_000):
            with pytest.raises(TanbuError):
                run({**files, path: junk})
