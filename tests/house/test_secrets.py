"""No private key, no package index and no path of one machine stands in the tree."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.house import kept_out, tree

Checker = Callable[[str, str], list[str]]
CHECKERS: list[Checker] = [kept_out.private_keys, kept_out.index_addresses, kept_out.machine_paths]


@pytest.mark.parametrize("checker", CHECKERS)
def test_the_tree_is_free_of_it(checker: Checker) -> None:
    looked_at = list(tree.texts())
    assert len(looked_at) > 20
    assert [c for where, text in looked_at for c in checker(text, where)] == []


@pytest.mark.parametrize(
    ("checker", "line"),
    [
        (kept_out.private_keys, "-----BEGIN " + "PRIVATE KEY-----"),
        (kept_out.private_keys, "-----BEGIN OPENSSH " + "PRIVATE KEY-----"),
        (kept_out.private_keys, "-----BEGIN ENCRYPTED " + "PRIVATE KEY-----"),
        (kept_out.private_keys, "PRIVATE+" + "KEY+log.example+c74f20a3+AYEKFALVFGyN"),
        (kept_out.index_addresses, "--extra-" + "index-url https://mirror.example/simple"),
        (kept_out.index_addresses, "x @ https://files." + "pythonhosted.org/a.whl"),
        (kept_out.index_addresses, '"resolved": ' + '"https://mirror.example/a.tgz"'),
        (kept_out.machine_paths, 'open("/' + 'work/shared/a")'),
        (kept_out.machine_paths, "see /home/" + "maria/tanbu"),
        (kept_out.machine_paths, "C:\\" + "Users\\maria"),
    ],
)
def test_a_breach_is_found(checker: Checker, line: str) -> None:
    assert checker(f"fine\n{line}\n", "a.txt") != []
    assert checker(f"fine\n{line}\n", "a.txt")[0].startswith("a.txt:2 ")


@pytest.mark.parametrize(
    "line",
    ["/var/lib/tanbu", "https://tanbu.example/work/orders", "--no-emit-index-url", "../shared"],
)
def test_an_innocent_line_passes(line: str) -> None:
    assert [c for checker in CHECKERS for c in checker(line, "a.txt")] == []


def test_keys_holds_public_keys_only() -> None:
    kept = [path for path in tree.files() if tree.name(path).startswith("keys/")]
    assert kept, "keys/ has at least its README"
    assert [c for p in kept for c in kept_out.private_file(p.read_bytes(), tree.name(p))] == []


SEED = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(SEED)


@pytest.mark.parametrize(
    "data",
    [
        SEED,
        SEED + KEY.public_key().public_bytes_raw(),
        SEED.hex().encode() + b"\n",
        base64.b64encode(SEED) + b"\n",
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
    ],
    ids=["seed", "seed and key", "hex", "base64", "PEM", "DER", "OpenSSH", "locked PEM"],
)
def test_a_private_file_is_found(data: bytes) -> None:
    assert kept_out.private_file(data, "keys/a") != []


def test_a_public_key_passes() -> None:
    public = KEY.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    vkey = b"log.example+00000000+" + base64.b64encode(b"\x01" + public.public_bytes_raw())
    assert kept_out.private_file(pem, "keys/a") == []
    assert kept_out.private_file(vkey + b"\n", "keys/a") == []
