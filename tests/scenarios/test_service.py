"""Scenarios against the real service, audited at the end; all of them with TANBU_SCENARIOS=all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scenarios.files import NAMES, played
from tests.scenarios.service import serve_and_audit

BY_DEFAULT = ("freezes-in-line", "log-keys", "shanghai")
SERVED = NAMES if os.environ.get("TANBU_SCENARIOS") == "all" else BY_DEFAULT


@pytest.mark.parametrize("name", SERVED)
def test_the_service_makes_the_same_log_and_audits_clean(name: str, tmp_path: Path) -> None:
    done = played(name)
    for report in serve_and_audit(done, tmp_path):
        assert report.facts["state_root"] == done.state_root
        assert report.facts["records"] == len(done.records)
        assert report.facts["grams"] == done.proved[0].facts["grams"]
