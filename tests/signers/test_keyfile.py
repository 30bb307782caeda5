"""Key files: read as written, refused when others can read them, and damaged ones never used."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from registry.chain import ed25519
from registry.chain.errors import Malformed
from registry.chain.note import TYPE_COSIGNATURE, TYPE_ED25519, TYPE_MLDSA44, parse_vkey
from registry.chain.strict import format_base64
from registry.signers.keyfile import (
    PREFIX,
    PrivateKey,
    format_key,
    new_key,
    parse_key,
    read_key,
    write_key,
)

SEED = bytes(range(32))
KEY = new_key("exchange.test", TYPE_ED25519, SEED)


@pytest.mark.parametrize("type", [TYPE_ED25519, TYPE_MLDSA44])
def test_a_key_is_read_as_it_was_written(tmp_path: Path, type: int) -> None:
    key = new_key("log.example/a", type, SEED)
    path = tmp_path / "keys" / "a.key"
    write_key(path, key)
    assert read_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["a.key"]
    assert parse_vkey(read_key(path).vkey).type == type


def test_the_verifier_key_is_that_of_the_seed() -> None:
    assert parse_vkey(KEY.vkey).public_key == ed25519.public_key(SEED)
    assert KEY.vkey.startswith("exchange.test+")


def test_a_seed_is_not_shown() -> None:
    assert SEED.hex() not in repr(KEY)
    assert repr(SEED)[2:20] not in repr(KEY)


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_key(path, KEY)
    with pytest.raises(Malformed, match="no key is overwritten"):
        write_key(path, new_key("other.test", TYPE_ED25519, bytes(32)))
    assert read_key(path) == KEY
    assert [p.name for p in tmp_path.iterdir()] == ["a.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    write_key(path, KEY)
    path.chmod(mode)
    with pytest.raises(Malformed, match="others can read") as caught:
        read_key(path)
    assert caught.value.todo.startswith(f"chmod 600 {path}")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_key(tmp_path / "a.key")


def test_a_directory_is_no_key(tmp_path: Path) -> None:
    with pytest.raises((Malformed, OSError)):
        read_key(tmp_path)


def damaged() -> list[bytes]:
    good = format_key(KEY)
    other = format_base64(bytes([TYPE_ED25519]) + bytes(32))
    cosigner = format_base64(bytes([TYPE_COSIGNATURE]) + SEED)
    flipped = bytearray(good)
    flipped[-10] ^= 1
    stem = f"{PREFIX}exchange.test+{KEY.verifier.key_id.hex()}"
    return [
        b"",
        b"\n",
        b"\xff" * 40,
        good[:-1],
        good + b"\n",
        good.replace(b"exchange.test", b"exchange.tesT"),
        good.removeprefix(PREFIX.encode()),
        f"{stem}+{other}\n".encode(),
        f"{stem}+{cosigner}\n".encode(),
        f"{stem}+\n".encode(),
        f"{stem}\n".encode(),
        bytes(flipped),
        b"x" * 2_000,
    ]


@pytest.mark.parametrize("data", damaged())
def test_a_damaged_file_is_no_key_and_its_content_is_not_told(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="no private key file"):
        parse_key(data)
    path = tmp_path / "a.key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(Malformed) as caught:
        read_key(path)
    assert format_base64(b"\x01" + SEED)[:20] not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: new_key("a.b", TYPE_COSIGNATURE, SEED),
        lambda: new_key("a.b", TYPE_ED25519, SEED[1:]),
        lambda: new_key("a b", TYPE_ED25519, SEED),
    ],
)
def test_what_is_no_key_cannot_be_made(make: object) -> None:
    assert callable(make)
    with pytest.raises(Malformed):
        make()


def test_a_key_is_a_value() -> None:
    assert PrivateKey("a.b", TYPE_ED25519, SEED) == new_key("a.b", TYPE_ED25519, SEED)
