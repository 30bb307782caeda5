"""Key files: one form, one mode, never replaced."""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from registry.chain import ed25519
from registry.chain.checkpoint import LogKeys, open_checkpoint
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import TYPE_COSIGNATURE, TYPE_ED25519, TYPE_MLDSA44, parse_vkey
from registry.chain.tlog import leaf_hash
from registry.signers.keyfile import (
    PrivateKey,
    format_private_key,
    new_key,
    parse_private_key,
    read_key_file,
    write_key_file,
)
from registry.signers.logkeys import ED25519_FILE, MLDSA44_FILE, FileSigner, read_log_keys
from tests.house.kept_out import private_keys

ORIGIN = "sample.invalid/log/0badc0de"


def test_a_key_comes_back_from_its_file(tmp_path: Path) -> None:
    for kind in (TYPE_ED25519, TYPE_MLDSA44):
        path = tmp_path / "keys" / f"{kind}.key"
        key = new_key(ORIGIN, kind)
        write_key_file(path, key)
        assert read_key_file(path) == key
        assert path.stat().st_mode & 0o777 == 0o600
        assert parse_vkey(key.vkey) == key.public


def test_two_new_keys_differ() -> None:
    assert new_key("a.b").seed != new_key("a.b").seed


def test_the_seed_is_not_shown() -> None:
    key = new_key("a.b")
    assert key.seed.hex() not in repr(key)
    assert repr(key.seed) not in repr(key)


def test_the_house_test_knows_the_form() -> None:
    assert private_keys(format_private_key(new_key("a.b")), "keys/a.key") != []


def test_the_form_is_the_one_of_go() -> None:
    """Put together by hand, as golang.org/x/mod/sumdb/note does it."""
    seed = bytes(range(32))
    public = ed25519.public_key(seed)
    key_id = sha256(b"log.example\n\x01" + public).hexdigest()[:8]
    text = "+".join(("PRIVATE", "KEY", "log.example", key_id, b64encode(b"\x01" + seed).decode()))
    key = parse_private_key(text)
    assert key == PrivateKey("log.example", TYPE_ED25519, seed)
    assert format_private_key(key) == text
    assert key.vkey == f"log.example+{key_id}+{b64encode(bytes([1]) + public).decode()}"


def test_a_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    write_key_file(path, new_key("a.b"))
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="never replaced"):
        write_key_file(path, new_key("a.b"))
    assert path.read_bytes() == before


def test_the_mode_does_not_hang_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_key_file(tmp_path / "a.key", new_key("a.b"))
    finally:
        os.umask(before)
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    write_key_file(path, new_key("a.b"))
    path.chmod(mode)
    with pytest.raises(Malformed, match="read by others") as caught:
        read_key_file(path)
    assert "chmod 600" in caught.value.todo


def test_what_is_no_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no key file"):
        read_key_file(tmp_path / "gone.key")
    good = tmp_path / "good.key"
    write_key_file(good, new_key("a.b"))
    (tmp_path / "link.key").symlink_to(good)
    with pytest.raises(Unavailable, match="cannot be read"):
        read_key_file(tmp_path / "link.key")
    os.mkfifo(tmp_path / "pipe.key", 0o600)
    with pytest.raises(Malformed, match="no plain file"):
        read_key_file(tmp_path / "pipe.key")
    line = format_private_key(new_key("a.b")).encode()
    for data in (b"", line, line + b"\n\n", line[1:] + b"\n", b"\xff\n", line + b"\r\n"):
        path = tmp_path / "bad.key"
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(data)
        with pytest.raises(Malformed) as caught:
            read_key_file(path)
        assert str(path) in caught.value.where


def test_a_seed_of_another_key_is_found() -> None:
    one, other = new_key("a.b"), new_key("a.b")
    # Base64 may itself hold "+": the fifth part is all of it.
    mixed = "+".join(
        (*format_private_key(one).split("+", 4)[:4], format_private_key(other).split("+", 4)[4])
    )
    with pytest.raises(NotTrusted, match="does not belong"):
        parse_private_key(mixed)


def test_only_two_types_are_private_keys() -> None:
    with pytest.raises(Malformed, match="0x01 or 0x06"):
        _ = PrivateKey("a.b", TYPE_COSIGNATURE, bytes(32)).vkey
    with pytest.raises(Malformed, match="signs no entries"):
        new_key("a.b", TYPE_MLDSA44).signing_key()


def test_log_keys_sign_checkpoints(tmp_path: Path) -> None:
    write_key_file(tmp_path / ED25519_FILE, new_key(ORIGIN))
    write_key_file(tmp_path / MLDSA44_FILE, new_key(ORIGIN, TYPE_MLDSA44))
    signer = read_log_keys(tmp_path, lambda: 1_767_225_600_999)
    root = leaf_hash(b"a record")
    ed25519_key, mldsa44_key = (parse_vkey(text) for text in signer.vkeys)
    keys = LogKeys(ORIGIN, ed25519_key.public_key, mldsa44_key.public_key)
    head = open_checkpoint(signer.sign_checkpoint(1, root), keys)
    assert (head.size, head.root) == (1, root)


def test_log_keys_of_two_logs_are_refused() -> None:
    other = new_key("sample.invalid/log/deadbeef", TYPE_MLDSA44)
    with pytest.raises(NotTrusted, match="two names"):
        FileSigner(new_key(ORIGIN), other, lambda: 0)
    with pytest.raises(NotTrusted, match="one Ed25519 key"):
        FileSigner(other, new_key(ORIGIN), lambda: 0)
