"""Key files: read as written, refused when others can read them, and damaged ones never used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.chain.note import TYPE_COSIGNATURE, TYPE_ED25519, TYPE_MLDSA44, parse_vkey
from registry.chain.strict import format_base64
from registry.signers.keyfile import (
    PREFIX,
    PrivateKey,
    format_private_key,
    new_key,
    parse_private_key,
    read_key_file,
    write_key_file,
)

SEED = bytes(range(32))
KEY = PrivateKey("exchange.test", TYPE_ED25519, SEED)


@pytest.mark.parametrize("type", [TYPE_ED25519, TYPE_MLDSA44])
def test_a_key_is_read_as_it_was_written(tmp_path: Path, type: int) -> None:
    key = new_key("log.example/a", type)
    path = tmp_path / "keys" / "a.key"
    write_key_file(path, key)
    assert read_key_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert parse_vkey(read_key_file(path).vkey).type == type


def test_every_new_key_is_another() -> None:
    assert len({new_key("a.b").seed for _ in range(50)}) == 50


def test_the_verifier_key_is_that_of_the_seed() -> None:
    assert parse_vkey(KEY.vkey).public_key == ed25519.public_key(SEED)
    assert KEY.signing_key().vkey == KEY.vkey


def test_a_seed_is_not_shown() -> None:
    assert SEED.hex() not in repr(KEY)
    assert repr(SEED)[2:20] not in repr(KEY)


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_key_file(path, KEY)
    with pytest.raises(Unavailable, match="never replaced"):
        write_key_file(path, new_key("other.test"))
    assert read_key_file(path) == KEY
    assert [p.name for p in tmp_path.iterdir()] == ["a.key"]


def test_a_mask_of_the_environment_changes_no_mode(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_key_file(tmp_path / "a.key", KEY)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    write_key_file(path, KEY)
    path.chmod(mode)
    with pytest.raises(Malformed, match="can be read by others") as caught:
        read_key_file(path)
    assert caught.value.todo.startswith(f"chmod 600 {path}")


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    write_key_file(tmp_path / "a.key", KEY)
    (tmp_path / "link.key").symlink_to(tmp_path / "a.key")
    os.mkfifo(tmp_path / "pipe.key", 0o600)
    for name in ("link.key", "pipe.key", "none.key", "."):
        with pytest.raises(TanbuError):
            read_key_file(tmp_path / name)


def damaged() -> list[str]:
    good = format_private_key(KEY)
    other = format_base64(bytes([TYPE_ED25519]) + bytes(32))
    cosigner = format_base64(bytes([TYPE_COSIGNATURE]) + SEED)
    stem = f"{PREFIX}exchange.test+{KEY.public.key_id.hex()}"
    flipped = good[:-9] + ("A" if good[-9] != "A" else "B") + good[-8:]
    return [
        "",
        good + " ",
        good.replace("exchange.test", "exchange.tesT"),
        good.removeprefix(PREFIX),
        good.replace("exchange.test+", "exchange.test+0"),
        f"{stem}+{other}",
        f"{stem}+{cosigner}",
        f"{stem}+",
        stem,
        flipped,
        "x" * 2_000,
    ]


@pytest.mark.parametrize("text", damaged())
def test_a_damaged_file_is_no_key_and_its_content_is_not_told(text: str, tmp_path: Path) -> None:
    with pytest.raises((Malformed, NotTrusted)):
        parse_private_key(text)
    path = tmp_path / "a.key"
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    with pytest.raises((Malformed, NotTrusted)) as caught:
        read_key_file(path)
    assert format_base64(b"\x01" + SEED)[4:20] not in str(caught.value)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("data", [b"", b"\xff\n", b"a\nb\n", b"a"])
def test_a_key_file_is_one_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(Malformed):
        read_key_file(path)


def test_what_is_no_key_cannot_be_made() -> None:
    for name, kind in (("a.b", TYPE_COSIGNATURE), ("a b", TYPE_ED25519), ("", TYPE_ED25519)):
        with pytest.raises(Malformed):
            new_key(name, kind)
    with pytest.raises(Malformed, match="signs no entries"):
        new_key("a.b", TYPE_MLDSA44).signing_key()
