"""What an entry costs the writer: rounds of 1,000 one-signature transfers among 1,000 accounts.

    python -m tests.writer.speed --entries 100000 [--profile] [--directory DIR]

Signatures are not made and not verified: API processes do that. Everything else is the writer's
own path: decode, rules, hashes, one transaction with its fsync for each round. U, the cost of one
Ed25519 verification, is measured in the same run.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from registry.chain import ed25519
from registry.chain.strict import format_base64
from registry.ledger.apply import public_key_of
from registry.ledger.codec import parse_entry
from registry.ledger.refusals import Refusal
from registry.ledger.signing import SigningKey
from registry.ports import Admitted
from registry.store.database import open_for_writing
from registry.store.log import SqlLogStore
from registry.store.migrate import create_database
from registry.writer.commit import Writer
from tests import books

ACCOUNTS = 1_000
ROUND = 1_000
SERIALS = 10_000_000


class Clock:
    """Stands where it is put."""

    def __init__(self, now_ms: int) -> None:
        self.time_ms = now_ms

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> int:
        return self.time_ms


def admitted(note: bytes, *keys: SigningKey) -> Admitted:
    """A note as an API process hands it over; verified by `keys`, or by nobody."""
    parsed = parse_entry(note)
    by_name = {key.signer: public_key_of(key.vkey) for key in keys}
    found = tuple(by_name[signer] for signer in parsed.entry.signers if signer in by_name)
    return Admitted(note, len(parsed.text), parsed.signatures, found)


def found_book(writer: Writer) -> books.Book:
    """Parties, 1,000 personal accounts, and credits in each."""
    book = books.Book()
    notes = [*book.founding(), book.issuance("CN-GD-PHCER-2023-000001", SERIALS)]
    notes += [book.person(f"p{n}") for n in range(ACCOUNTS)]
    notes += [
        book.transfer(
            "farm", f"p{n}", batch="CN-GD-PHCER-2023-000001", quantity_g=9_000 * books.TONNE
        )
        for n in range(ACCOUNTS)
    ]
    for at in range(0, len(notes), ROUND):
        for outcome in writer.commit([admitted(note) for note in notes[at : at + ROUND]]):
            if isinstance(outcome, Refusal):
                raise SystemExit(outcome.message())
    return book


def transfers(book: books.Book) -> Iterator[Admitted]:
    """Random transfers of 1 to 9 t, without end."""
    chance = random.Random(1)
    people = []
    for n in range(ACCOUNTS):
        key = books.account_key(f"p{n}")
        line = f"— {key.holder} ".encode()
        line += format_base64(bytes.fromhex(key.signer[-8:]) + bytes(64)).encode() + b"\n"
        people.append((key.holder, key.signer, public_key_of(key.vkey), line))
    while True:
        source, target = chance.sample(people, 2)
        text = (
            f"tanbu.entry/v1\n{book.origin}\n"
            f'{{"from":"{source[0]}","id":"{book.next_id()}",'
            f'"items":[{{"batch":"CN-GD-PHCER-2023-000001",'
            f'"quantity_g":{chance.randrange(1, 10) * books.TONNE}}}],"kind":"transfer",'
            f'"not_after":{book.now_ms + books.DAY_MS},"reason":"internal",'
            f'"signers":["{source[1]}"],"to":"{target[0]}"}}\n'
        ).encode()
        note = text + b"\n" + source[3]
        yield Admitted(note, len(text), (bytes(64),), (source[2],))


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
    arguments.add_argument("--profile", action="store_true")
    arguments.add_argument("--directory", type=Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        path = Path(directory) / "tanbu.sqlite3"
        create_database(path, books.ORIGIN)
        store = SqlLogStore(open_for_writing(path))
        clock = Clock(books.T0)
        writer = Writer(store, clock)
        book = found_book(writer)
        gc.collect()
        gc.freeze()
        run(writer, book, clock, options)
        size = sum(p.stat().st_size for p in path.parent.iterdir())
        print(f"database {size / writer.head.size:.0f} bytes per entry")
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory {resident:.0f} MB, of which the interpreter and libraries are most")


def run(writer: Writer, book: books.Book, clock: Clock, options: argparse.Namespace) -> None:
    unit_us = verification_us()
    print(f"one verification {unit_us:.1f} us")
    source = transfers(book)
    profile = cProfile.Profile()
    wall = cpu = 0.0
    count = refused = 0
    shown_at = 10_000
    for _ in range(options.entries // ROUND):
        entries = [next(source) for _ in range(ROUND)]
        clock.time_ms += 100
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
            shown_at += max(10_000, options.entries // 10)
            wall = cpu = 0.0
            count, shown_at = 0, max(10_000, options.entries // 10)
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    os.nice(0)
    main()
