"""The benchmark runs from end to end: its load is taken, its log audited, no figure missing.

How large the figures are is no test's business: machines are shared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FIGURES = (
    "verify_ceiling_per_s",
    "batch_per_s",
    "batch_ratio",
    "single_per_s",
    "single_ratio",
    "single_p99_ms",
    "empty_per_s",
    "audit_per_s",
    "audit_ratio",
    "server_rss_mb",
    "disk_ratio",
)


def test_a_short_run_has_all_its_figures(tmp_path: Path) -> None:
    words = ["bench", "--entries", "1000", "--seconds", "1", "--data", tmp_path / "data", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "registry.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["entries"] == 1_000
    assert [size for size, _ in found["curve"]] == [1_000]
    for name in FIGURES:
        assert found[name] > 0, name
    ratio = found["batch_per_s"] / found["verify_ceiling_per_s"]
    assert abs(found["batch_ratio"] - ratio) < 0.002
    assert (tmp_path / "data" / "tiles" / "checkpoint").exists()
