"""What is checked before a log goes on (DESIGN §7, Start); each fault is one clear line.

Run by a short process of its own before the others start, so that none of them loads Alembic:

    python -m registry.bootstrap.start DATA [--alone]      prints what it found as JSON
"""

import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from registry.bootstrap.data import DataDirectory, SystemClock, locked
from registry.bootstrap.life import report
from registry.bootstrap.publishing import check_keys, make_publisher
from registry.bootstrap.refusal_key import read_refusal_key
from registry.bootstrap.stamping import read_authorities
from registry.chain import ed25519
from registry.chain.errors import Broken, TanbuError
from registry.ledger.logkeys import read_log
from registry.ledger.rulesets import number_at, ruleset
from registry.ledger.state import StateReader
from registry.service.refusing import check_key
from registry.signers.logkeys import FileSigner
from registry.store.database import open_for_writing, origin_of
from registry.store.log import SqlState
from registry.store.migrate import upgrade_database
from registry.store.publication import SqlPublicationStore
from registry.store.statements import statements_for


@dataclass(frozen=True, slots=True)
class Started:
    """What a data directory holds."""

    origin: str
    size: int
    published_size: int
    without_notes: str = ""
    """Why refusals are answered without signed notes; empty if they are signed."""
    stamps: bool = False
    """There are authorities to be asked for time stamps."""


def check_start(data: DataDirectory, *, alone: bool = False) -> Started:
    """Check all that can be checked quickly, bring an older schema forward, publish what is due.

    Raises Unavailable, NotTrusted, Malformed or Broken with the reason why the log must not go on.
    """
    ed25519.self_check()
    stamps = bool(read_authorities(data))
    with locked(data):
        upgrade_database(data.database)
        signer = FileSigner(data.keys, SystemClock().now_ms)
        engine = open_for_writing(data.database)
        with engine.connect() as connection:
            origin = origin_of(connection)
            state = SqlState(connection, statements_for(engine))
            log = read_log(state)
            without_notes = _without_notes(data, state)
        if origin != log.origin:
            raise Broken(f"the database is that of {origin}, its state that of {log.origin}")
        ruleset(number_at(log, SystemClock().now_ms()))
        store = SqlPublicationStore(engine)
        with closing(store):
            check_keys(store, signer)
            publisher = make_publisher(store, data, signer)
            publisher.open(alone=alone)
            publisher.step()
            published = publisher.published
            size = store.head().size
        engine.dispose()
    published_size = 0 if published is None else published.size
    return Started(origin, size, published_size, without_notes, stamps)


def _without_notes(data: DataDirectory, state: StateReader) -> str:
    """Why refusals will be answered without notes, where that lies and what to do."""
    held = read_refusal_key(data)
    if held.key is None:
        return " — ".join(part for part in (held.fault, held.where, held.todo) if part)
    return check_key(state, held.key, SystemClock().now_ms())[1]


def main(arguments: list[str]) -> int:
    """Check, and print what there is."""
    data = DataDirectory(Path(arguments[0]))
    try:
        started = check_start(data, alone="--alone" in arguments[1:])
    except TanbuError as error:
        return report("start", error)
    if started.without_notes:
        sys.stderr.write(f"tanbu: refusals get no signed note: {started.without_notes}\n")
    found = {"origin": started.origin, "size": started.size, "stamps": started.stamps}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
