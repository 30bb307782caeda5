"""Audits directories of tiles and trust, and says what state each log makes; a program of its own.

python -P -m tests.scenarios.elsewhere DIR…      one line each: name, state root, count, records
"""

from __future__ import annotations

import sys
from pathlib import Path

from registry.cli.trusting import read_trust
from registry.store.scratch import Scratch
from registry.store.sources import TileDirectory
from registry.verify.audit import audit
from registry.verify.means import HereCrew

if __name__ == "__main__":
    for place in map(Path, sys.argv[1:]):
        with Scratch() as scratch:
            report = audit(
                TileDirectory(place / "tiles"),
                memory=scratch,
                crew=HereCrew(),
                trust=read_trust(place / "trust"),
            )
        facts = report.facts
        print(place.name, facts["state_root"], facts["state_count"], facts["records"])
