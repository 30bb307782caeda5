"""A log that has changed its keys, before whoever holds old trust, new trust, or a forged line."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from registry.chain.checkpoint import Checkpoint
from registry.chain.errors import NotTrusted, TanbuError, Unavailable
from registry.chain.note import Note, Signature, format_note, parse_note
from registry.ledger.logkeys import KeyHistory, read_history
from registry.store.scratch import Scratch
from registry.verify.audit import audit
from registry.verify.loghead import learned_keys
from registry.verify.means import HereCrew
from registry.verify.report import Report
from registry.verify.trust import Trust, TrustedKey, format_trust, parse_log_trust
from tests.books import DAY_MS, T0, TONNE, Book
from tests.logpairs import LogPair, log_pair, rotation, sign
from tests.verify.logs import TIME_S, FileTiles, MemoryLog, log_trust
from tests.verify.twin import verify

UNTIL_MS = T0 + 30 * DAY_MS


class Rotated:
    """The founding book; a rotation at `at`; a transfer while both pairs sign; one afterwards."""

    def __init__(self, *, over: bool) -> None:
        self.book = Book()
        notes = [*self.book.founding(), rotation(self.book, 2, UNTIL_MS)]
        self.at = len(notes) - 1
        notes.append(self.book.transfer("farm", "mill", quantity_g=TONNE))
        times = [T0] * len(notes)
        if over:
            self.book.now_ms = UNTIL_MS
            notes.append(self.book.transfer("farm", "mill", quantity_g=TONNE))
            times.append(UNTIL_MS)
        self.log = MemoryLog(self.book, notes, times=times)
        self.old, self.new = log_pair(self.book, 1), log_pair(self.book, 2)

    def note(self, *pairs: LogPair, size: int = 0) -> bytes:
        """The log's head, signed by these pairs and no others."""
        size = size or self.log.size
        return sign(Checkpoint(self.book.origin, size, self.log.root(size)), TIME_S, *pairs)

    def evidence(self, note: bytes | None = None) -> bytes:
        """About the entry that changed the keys."""
        if note is not None:
            self.log.note = note
        return self.log.evidence(self.at)

    def audit(self, trust: Trust | None, note: bytes | None = None) -> Report:
        files = self.log.files()
        if note is not None:
            files["checkpoint"] = note
        with Scratch() as scratch:
            return audit(FileTiles(files), memory=scratch, crew=HereCrew(), trust=trust)

    @property
    def history(self) -> KeyHistory:
        return read_history(self.log.state)

    @property
    def old_trust(self) -> Trust:
        return self.log.trust()

    @property
    def new_trust(self) -> Trust:
        return trust_in(self.book, learned_keys(self.history, log_trust(self.book).log_keys))


def trust_in(book: Book, keys: Sequence[TrustedKey]) -> Trust:
    return Trust((msgspec.structs.replace(log_trust(book), log_keys=tuple(keys)),))


def keys_of(pair: LogPair, **sizes: int) -> list[TrustedKey]:
    return [TrustedKey(key=key, **sizes) for key in pair.vkeys]


def bent(note: bytes, which: LogPair) -> bytes:
    """The note with every line of a pair no longer what it was."""
    parsed = parse_note(note)
    ids = {key.split("+")[1] for key in which.vkeys}
    lines = [
        Signature(line.name, line.key_id, line.body[:-1] + bytes([line.body[-1] ^ 1]))
        if line.key_id.hex() in ids
        else line
        for line in parsed.signatures
    ]
    return format_note(Note(parsed.text, tuple(lines)))


@pytest.fixture
def during() -> Rotated:
    return Rotated(over=False)


@pytest.fixture
def afterwards() -> Rotated:
    return Rotated(over=True)


# ---------------------------------------------------------------- files


def test_both_pairs_sign_and_each_is_enough_for_who_knows_it(during: Rotated) -> None:
    assert len(parse_note(during.log.note).signatures) == 4
    old = verify(during.evidence(), during.old_trust)
    assert old.facts["uncounted"] == ["+".join(k.split("+")[:2]) for k in during.new.vkeys]
    assert any("The log may have changed its keys" in s.en for s in old.not_checked)
    new = verify(during.evidence(), during.new_trust)
    assert new.facts["uncounted"] == []
    assert "logkey" in new.about
    only_new = trust_in(during.book, keys_of(during.new))
    assert len(verify(during.evidence(), only_new).facts["uncounted"]) == 2


def test_afterwards_old_trust_says_what_to_do(afterwards: Rotated) -> None:
    assert len(parse_note(afterwards.log.note).signatures) == 2
    with pytest.raises(Unavailable, match="changed its keys, or it is forged") as caught:
        verify(afterwards.evidence(), afterwards.old_trust)
    assert "tanbu audit" in caught.value.todo
    assert caught.value.where.startswith("step 3")
    verify(afterwards.evidence(), afterwards.new_trust)


def test_a_forged_line_beside_a_good_one(during: Rotated) -> None:
    data = during.evidence(bent(during.note(during.new, during.old), during.new))
    # Who does not know the new keys cannot tell, and does not count their lines.
    assert len(verify(data, during.old_trust).facts["uncounted"]) == 2
    with pytest.raises(NotTrusted):
        verify(data, during.new_trust)
    data = during.evidence(bent(during.note(during.new, during.old), during.old))
    with pytest.raises(NotTrusted):
        verify(data, during.old_trust)
    verify(data, during.new_trust)  # the old lines have no say any more


def test_the_old_keys_alone_fool_nobody_who_knows_the_new(afterwards: Rotated) -> None:
    for rotated in (afterwards, Rotated(over=False)):
        data = rotated.evidence(rotated.note(rotated.old))
        with pytest.raises(NotTrusted, match="do not count at this size"):
            verify(data, rotated.new_trust)


def test_the_new_keys_alone_do_not_count_before_their_entry(during: Rotated) -> None:
    size = during.at
    small = MemoryLog(during.book, [*Book().founding()])
    assert small.size == size
    small.note = during.note(during.new, size=size)
    with pytest.raises(NotTrusted, match="do not count at this size"):
        verify(small.evidence(3), during.new_trust)
    with pytest.raises(Unavailable, match="changed its keys, or it is forged"):
        verify(small.evidence(3), during.old_trust)


# ---------------------------------------------------------------- audits


def test_an_audit_follows_the_log_from_key_to_key(afterwards: Rotated) -> None:
    report = afterwards.audit(afterwards.old_trust)
    said = " ".join(s.en for s in report.not_checked)
    assert "put in force by operator and authority" in said
    assert afterwards.new.ed25519.split("+")[1] in said
    wanted = [msgspec.to_builtins(key) for key in afterwards.new_trust.logs[0].log_keys]
    assert report.facts["log_keys"] == wanted
    again = afterwards.audit(afterwards.new_trust)
    assert "--new-trust" not in " ".join(s.en for s in again.not_checked)
    assert afterwards.audit(None).facts["log_keys"] == wanted
    assert afterwards.audit(trust_in(afterwards.book, keys_of(afterwards.new))).size


def test_what_an_audit_learns_is_a_trust_file(afterwards: Rotated) -> None:
    (trust,) = afterwards.new_trust.logs
    assert parse_log_trust(format_trust(trust)) == trust
    sizes = [(key.from_size, key.until_size) for key in trust.log_keys]
    at = afterwards.at + 1
    assert sizes == [(0, at), (0, at), (at, msgspec.UNSET), (at, msgspec.UNSET)]


FORGED = [
    (False, ("old",), "Ed25519 line"),
    (False, ("new",), "Ed25519 line"),
    (True, ("old",), "no signature line"),
    (True, ("third",), "no signature line"),
    (False, ("new", "third"), "Ed25519 line"),
]


@pytest.mark.parametrize(("over", "by", "words"), FORGED)
@pytest.mark.parametrize("trusted", ["old", "new", "none"])
def test_an_audit_wants_every_key_that_is_due(
    over: bool, by: tuple[str, ...], words: str, trusted: str
) -> None:
    rotated = Rotated(over=over)
    pairs = {"old": rotated.old, "new": rotated.new, "third": log_pair(rotated.book, 3)}
    trust = {"old": rotated.old_trust, "new": rotated.new_trust, "none": None}[trusted]
    with pytest.raises(NotTrusted) as caught:
        rotated.audit(trust, rotated.note(*(pairs[name] for name in by)))
    assert caught.value.where == "checkpoint"
    if trusted == "none":
        assert words in caught.value.message


def test_an_old_line_beside_the_new_ones_does_no_harm_afterwards(afterwards: Rotated) -> None:
    afterwards.audit(afterwards.old_trust, afterwards.note(afterwards.new, afterwards.old))


def test_a_bad_line_of_a_key_that_is_due_spoils_the_checkpoint(during: Rotated) -> None:
    good = during.note(during.new, during.old)
    during.audit(during.old_trust, good)
    for pair in (during.old, during.new):
        with pytest.raises(NotTrusted):
            during.audit(during.old_trust, bent(good, pair))


def refused(rotated: Rotated, trust: Trust) -> TanbuError:
    with pytest.raises(TanbuError) as caught:
        rotated.audit(trust)
    return caught.value


def test_trust_that_names_none_of_the_keys(afterwards: Rotated) -> None:
    strangers = trust_in(afterwards.book, keys_of(log_pair(afterwards.book, 3)))
    error = refused(afterwards, strangers)
    assert isinstance(error, NotTrusted)
    assert "no key that this log ever had" in error.message
    half = [*keys_of(afterwards.old)[:1], *keys_of(log_pair(afterwards.book, 3))[1:]]
    assert isinstance(refused(afterwards, trust_in(afterwards.book, half)), NotTrusted)


def test_trust_that_has_ended_the_last_key_it_names(afterwards: Rotated) -> None:
    ended = trust_in(afterwards.book, keys_of(afterwards.new, until_size=5))
    assert isinstance(refused(afterwards, ended), Unavailable)
    # An older key that was ended still leads to the newer one: the authority signed for it.
    old_ended = trust_in(afterwards.book, keys_of(afterwards.old, until_size=5))
    afterwards.audit(old_ended)
    kept = learned_keys(afterwards.history, old_ended.logs[0].log_keys)
    assert [key.until_size for key in kept[:2]] == [5, 5]
