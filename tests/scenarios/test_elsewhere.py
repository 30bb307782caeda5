"""Each scenario's log, copied elsewhere as tiles alone, makes the same state byte for byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.chain import tiles
from registry.verify.trust import file_name, format_trust
from tests.scenarios.files import NAMES, played
from tests.scenarios.play import Played, PublishedLog

REPO = Path(__file__).resolve().parents[2]


def copied(done: Played, place: Path) -> None:
    """The published tiles, bundles and checkpoint, and a trust file; nothing else."""
    log = PublishedLog(done)
    paths = [tile.path for tile in tiles.tiles_for(log.size)]
    paths += [bundle.path for bundle in tiles.new_bundles(0, log.size)]
    files = {f"tiles/{path}": log.read(path) for path in paths}
    files["tiles/checkpoint"] = log.note
    (trust,) = done.trust.logs
    files[f"trust/{file_name(trust.origin)}"] = format_trust(trust)
    for path, data in files.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_another_process_elsewhere_comes_to_the_same_state(hash_seed: str, tmp_path: Path) -> None:
    for name in NAMES:
        copied(played(name), tmp_path / name)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.elsewhere", *NAMES],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPO),
            "PYTHONHASHSEED": hash_seed,
            "TZ": "Pacific/Kiritimati",
            "LC_ALL": "C",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    wanted = [
        f"{name} {done.state_root} {len(done.state.values)} {len(done.records)}"
        for name, done in ((name, played(name)) for name in NAMES)
    ]
    assert ran.stdout.splitlines() == wanted
