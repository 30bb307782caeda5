"""Opening a log: genesis in two hands (DESIGN §3).

    vkeys = make_log_keys(data, origin)               # the log's own, in the data directory
    draft = draft_genesis(origin, Foundation(...))    # signed by the operator
    note = sign_draft(draft, [authority_key])         # elsewhere: tanbu entry sign
    open_log(data, note, SystemClock())               # judged by the rules themselves, index 0

A step that was interrupted is done by calling it again with the same genesis.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from registry.bootstrap.data import DataDirectory, locked
from registry.bootstrap.publishing import make_publisher
from registry.chain.checkpoint import check_origin
from registry.chain.errors import Broken, Malformed, NotTrusted, Unavailable
from registry.chain.note import TYPE_ED25519, TYPE_MLDSA44
from registry.ledger.apply import verify_here
from registry.ledger.codec import Parsed, parse_entry, parse_record
from registry.ledger.entries import Genesis
from registry.ledger.entries.authority import EnrolledKey, Founder, LogKeys
from registry.ledger.logkeys import read_history
from registry.ledger.refusals import Refusal
from registry.ledger.replay import judge
from registry.ledger.signing import SigningKey, sign_entry
from registry.ledger.state import MemoryState, State
from registry.ports import Admitted, Clock, Published
from registry.signers.keyfile import new_key, write_key_file
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE, FileSigner, read_first_pair
from registry.store.database import open_for_writing, origin_of
from registry.store.log import SqlLogStore
from registry.store.migrate import create_database
from registry.store.publication import SqlPublicationStore
from registry.writer.commit import Writer

RULESET = 1
"""The newest: what a log that is opened now begins with."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """What a genesis says. `keys`: verifier keys of operator and authority, for both together."""

    region: str
    offset_min: int
    operator: Founder
    authority: Founder
    keys: tuple[str, ...]
    log_keys: tuple[str, str]


def make_log_keys(data: DataDirectory, origin: str) -> tuple[str, str]:
    """Make the log's two private keys; their verifier keys, Ed25519 first.

    Keys that are there already, of this origin, are kept. Raises NotTrusted if they are another's.
    """
    check_origin(origin)
    for name, kind in ((ED25519_FILE, TYPE_ED25519), (MLDSA44_FILE, TYPE_MLDSA44)):
        if not (data.keys / name).exists():
            write_key_file(data.keys / name, new_key(origin, kind))
    ed25519, mldsa44 = read_first_pair(data.keys)
    if ed25519.name != origin:
        raise NotTrusted(
            f"the keys in this data directory are those of {ed25519.name}",
            where=str(data.keys),
            todo="choose another data directory; keys are never replaced",
        )
    return ed25519.vkey, mldsa44.vkey


def draft_genesis(
    origin: str,
    foundation: Foundation,
    *,
    entry_id: str,
    not_after: int,
    signers: Iterable[str],
    keys: Iterable[SigningKey],
) -> bytes:
    """A genesis with the signature lines of `keys`; the others of `signers` sign elsewhere.

    Raises Malformed if it is not of the form.
    """
    check_origin(origin)
    ed25519, mldsa44 = foundation.log_keys
    genesis = Genesis(
        id=entry_id,
        not_after=not_after,
        signers=tuple(sorted(signers)),
        region=foundation.region,
        offset_min=foundation.offset_min,
        ruleset=RULESET,
        operator=foundation.operator,
        authority=foundation.authority,
        keys=tuple(EnrolledKey(key=key) for key in foundation.keys),
        log_keys=LogKeys(ed25519=ed25519, mldsa44=mldsa44),
    )
    return sign_entry(origin, genesis, keys)


def open_log(data: DataDirectory, genesis_note: bytes, clock: Clock) -> Published:
    """Open the log that a complete genesis founds, and publish it at size 1.

    Raises NotTrusted if the rules refuse it or the keys at hand are not those it names,
    Unavailable if the data directory holds another log.
    """
    parsed = parse_entry(genesis_note)
    log_state = _judge_genesis(parsed, clock.now_ms())
    signer = FileSigner(data.keys, clock.now_ms)
    signer.check(read_history(log_state), 1, clock.now_ms())
    with locked(data):
        if not data.database.exists():
            create_database(data.database, parsed.origin)
        _commit_genesis(data, parsed, clock)
        return _publish(data, signer)


def _judge_genesis(parsed: Parsed, now_ms: int) -> MemoryState:
    """The state after the genesis; NotTrusted if the rules refuse it."""
    if not isinstance(parsed.entry, Genesis):
        raise Malformed("this entry is no genesis", where="kind")
    base = MemoryState()
    state = State(base)
    refusal = judge(state, parsed, 0, now_ms, verify_here)
    if refusal is not None:
        raise NotTrusted(
            f"the rules refuse this genesis: {refusal.message()} ({refusal.number} {refusal.name})",
            todo="make a new draft; both hands sign it",
        )
    base.store(state)
    return base


def _commit_genesis(data: DataDirectory, parsed: Parsed, clock: Clock) -> None:
    engine = open_for_writing(data.database)
    with engine.connect() as connection:
        origin = origin_of(connection)
    with closing(SqlLogStore(engine)) as store:
        if store.head().size:
            first = parse_record(next(store.records(0, 1))).note
            if first != parsed.note:
                raise Unavailable(
                    f"the data directory already holds a log, {origin}",
                    where=str(data.root),
                    todo="choose another data directory",
                )
        elif origin != parsed.origin:
            raise Unavailable(f"the database was made for {origin}", where=str(data.root))
        else:
            entry = Admitted(parsed.note, len(parsed.text), parsed.signatures, ())
            (outcome,) = Writer(store, clock).commit([entry])
            if isinstance(outcome, Refusal):
                raise Broken(f"the genesis was judged good and then refused: {outcome}")
            store.fold()
    engine.dispose()


def _publish(data: DataDirectory, signer: FileSigner) -> Published:
    engine = open_for_writing(data.database)
    with closing(SqlPublicationStore(engine)) as store:
        publisher = make_publisher(store, data, signer)
        publisher.open()
        publisher.step()
        published = publisher.published
    engine.dispose()
    if published is None:
        raise Broken("the genesis is in the log, but nothing was published")
    return published
