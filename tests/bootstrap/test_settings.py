"""Settings: what is given, the environment, the file, the default; in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.chain.errors import Malformed
from registry.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TANBU_{name.upper()}", raising=False)


def test_the_defaults_are_for_one_machine() -> None:
    settings = read_settings(data=Path("/nowhere"))
    assert settings.host == "127.0.0.1"
    assert (settings.port, settings.workers, settings.alone) == (8000, 2, False)
    assert Settings.model_fields["data"].default == Path("var")


def test_what_is_given_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('port = 1\nworkers = 3\nhost = "::1"\n')
    monkeypatch.setenv("TANBU_DATA", str(tmp_path))
    monkeypatch.setenv("TANBU_PORT", "2")
    monkeypatch.setenv("TANBU_WORKERS", "5")
    settings = read_settings(port=3, workers=None)
    assert settings.data == tmp_path
    assert (settings.port, settings.workers, settings.host) == (3, 5, "::1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = 99999", "port"),
        ('port = "many"', "port"),
        ("workers = 0", "workers"),
        ("colour = 1", "colour"),
        ("port 1", "cannot be read"),
        ("alone = 7", "alone"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(Malformed, match=words):
        read_settings(data=tmp_path)


def test_a_wrong_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANBU_PORT", "-1")
    with pytest.raises(Malformed, match="port"):
        read_settings(data=tmp_path)
