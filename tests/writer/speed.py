"""What an entry costs the writer: rounds of 1,000 one-signature transfers among 1,000 accounts.

    python -m tests.writer.speed --entries 100000 [--back] [--profile] [--directory DIR]

The load is the benchmark's (registry.bench), but signatures are not made and not verified: API
processes do that. Everything else is the writer's own path: decode, rules, hashes, one transaction
with its fsync for each round. U, the cost of one Ed25519 verification, is measured beside it.

The benchmark's transfers cut holdings into ever more pieces, so the state grows with the log. With
--back every second transfer returns what the one before it brought: the state stays as it is, and
what is left is the cost of a longer log.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from registry.bench.founding import AUTHORITY, OPERATOR, Founding
from registry.bench.load import TONNE_G, TONNES_MAX, entry_id, holder_key
from registry.chain import ed25519
from registry.chain.strict import format_base64
from registry.ledger.apply import public_key_of
from registry.ledger.entries.authority import EnrolledKey, Founder
from registry.ledger.refusals import Refusal
from registry.ports import Admitted
from registry.store.database import open_for_writing
from registry.store.log import SqlLogStore
from registry.store.migrate import create_database
from registry.writer.commit import Writer
from tests import books
from tests.logs import Clock, admitted

ACCOUNTS = 1_000
ROUND = 1_000


def found_book(writer: Writer, clock: Clock) -> Founding:
    """The benchmark's book: 1,000 personal accounts, ten batches."""
    founding = Founding(books.ORIGIN, clock.now_ms(), ACCOUNTS)
    operator, authority = holder_key(OPERATOR), holder_key(AUTHORITY)
    genesis = books.Book(now_ms=clock.now_ms()).genesis(
        signers=tuple(sorted((operator.signer, authority.signer))),
        operator=Founder(party=OPERATOR, title="operator"),
        authority=Founder(party=AUTHORITY, title="authority"),
        keys=(EnrolledKey(key=operator.vkey), EnrolledKey(key=authority.vkey)),
        by=(operator, authority),
    )
    notes = [genesis, *founding.notes()]
    for part in (notes[:2], notes[2:]):
        for at in range(0, len(part), ROUND):
            for outcome in writer.commit([admitted(note) for note in part[at : at + ROUND]]):
                if isinstance(outcome, Refusal):
                    raise SystemExit(outcome.message())
        clock.tick(10_000)  # the rulebook begins
    return founding


def transfers(founding: Founding, *, back: bool) -> Iterator[Admitted]:
    """The benchmark's transfers, with signatures of noughts; `back`: each is returned at once."""
    chance = random.Random(1)
    people = []
    for n, holder in enumerate(founding.holders):
        key = holder_key(holder)
        line = f"— {holder} ".encode()
        line += format_base64(bytes.fromhex(key.signer[-8:]) + bytes(64)).encode() + b"\n"
        people.append((holder, key.signer, public_key_of(key.vkey), line, founding.batches_of(n)))
    number = 0
    while True:
        source = people[number % ACCOUNTS]
        target = people[(number + chance.randrange(1, ACCOUNTS)) % ACCOUNTS]
        batch, quantity_g = chance.choice(source[4]), chance.randint(1, TONNES_MAX) * TONNE_G
        for giver, taker in ((source, target), (target, source)) if back else ((source, target),):
            text = (
                f"tanbu.entry/v1\n{founding.origin}\n"
                f'{{"from":"{giver[0]}","id":"{entry_id(founding.now_ms, number)}",'
                f'"items":[{{"batch":"{batch}","quantity_g":{quantity_g}}}],"kind":"transfer",'
                f'"not_after":{founding.now_ms + books.DAY_MS},"reason":"internal",'
                f'"signers":["{giver[1]}"],"to":"{taker[0]}"}}\n'
            ).encode()
            yield Admitted(text + b"\n" + giver[3], len(text), (bytes(64),), (giver[2],))
            number += 1


def verification_us() -> float:
    """U: microseconds of one verification of a 340-byte message."""
    key = books.party_key("farm")
    message = bytes(340)
    public, signature = ed25519.public_key(key.seed), ed25519.sign(key.seed, message)
    best = 1.0
    for _ in range(5):
        started = time.process_time()
        for _ in range(1_000):
            ed25519.verify(public, signature, message)
        best = min(best, (time.process_time() - started) / 1_000)
    return best * 1e6


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=50_000)
    arguments.add_argument("--back", action="store_true")
    arguments.add_argument("--profile", action="store_true")
    arguments.add_argument("--directory", type=Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        path = Path(directory) / "tanbu.sqlite3"
        create_database(path, books.ORIGIN)
        clock = Clock()
        writer = Writer(SqlLogStore(open_for_writing(path)), clock)
        founding = found_book(writer, clock)
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 20, 100)  # as the writer's process does
        run(writer, founding, clock, options)
        size = sum(p.stat().st_size for p in path.parent.iterdir())
        print(f"database {size / writer.head.size:.0f} bytes per entry")
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory {resident:.0f} MB, libraries included")


def run(writer: Writer, founding: Founding, clock: Clock, options: argparse.Namespace) -> None:
    unit_us = verification_us()
    print(f"one verification {unit_us:.1f} us")
    source = transfers(founding, back=options.back)
    profile = cProfile.Profile()
    wall = cpu = 0.0
    count = refused = 0
    shown_at = step = max(10_000, options.entries // 10)
    for _ in range(options.entries // ROUND):
        entries = [next(source) for _ in range(ROUND)]
        clock.tick(100)
        started, started_cpu = time.perf_counter(), time.process_time()
        if options.profile:
            outcomes = profile.runcall(writer.commit, entries)
        else:
            outcomes = writer.commit(entries)
        wall += time.perf_counter() - started
        cpu += time.process_time() - started_cpu
        count += ROUND
        refused += sum(isinstance(outcome, Refusal) for outcome in outcomes)
        if count >= shown_at:
            each, each_cpu = wall / count * 1e6, cpu / count * 1e6
            print(
                f"{writer.head.size:>9} entries: {each_cpu:5.1f} us CPU = {each_cpu / unit_us:.2f}"
                f" U, {each:5.1f} us wall per entry; refused {refused}",
                flush=True,
            )
            wall = cpu = 0.0
            count, shown_at = 0, step
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
