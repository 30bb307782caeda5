"""The table of scenarios is what the scenarios say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import table
from tests.scenarios.files import NAMES


def test_the_page_is_current() -> None:
    assert table.PAGE.read_text(encoding="utf-8") == table.page(), "run: make docs"


def test_every_scenario_has_its_row() -> None:
    page = table.page()
    assert all(page.count(f"[{name}](#{name})") == 1 for name in NAMES)


def test_a_stale_page_is_said_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "scenarios.md"
    monkeypatch.setattr(table, "PAGE", page)
    assert table.main(["--check"]) == 1
    assert "make docs" in capsys.readouterr().out
    assert table.main([]) == 0
    assert table.main(["--check"]) == 0
