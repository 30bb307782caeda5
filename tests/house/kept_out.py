"""What no file of the repository may hold: private keys, package indexes, paths of one machine.

Checkers over the text of a file, like those in laws.py; and one over the bytes of a file in
keys/, where only public keys and trust roots may lie. The words looked for are put together from
halves, so that this file does not accuse itself.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    load_ssh_private_key,
)

_PRIVATE = [
    re.compile("-----BEGIN " + r"[A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----"),
    re.compile("PRIVATE" + r"\+KEY\+"),
    re.compile("AGE-SECRET" + "-KEY-1"),
    re.compile("PuTTY-User" + "-Key-File"),
    re.compile(r"\bgh[pousr]_" + r"[A-Za-z0-9]{36}\b"),
    re.compile(r"\bAKIA" + r"[0-9A-Z]{16}\b"),
]
_INDEX = [
    re.compile(r"(^|\s)--(extra-)?index" + r"-url\b"),
    re.compile(r"(^|\s)--find" + r"-links\b"),
    re.compile("pypi" + r"\.org/simple"),
    re.compile("files\\." + r"pythonhosted\.org"),
    re.compile(r"\bindex" + r"-url\s*="),
    re.compile(r"\bregistry = " + '"http'),
    re.compile(r'\b(url|resolved)"?\s*[=:]\s*"http[^"]*' + r"\.(whl|tgz|tar\.gz)"),
]
_MACHINE = [
    re.compile(r"(?<![\w.-])/(work|root|farm|Users|opt/wheels)" + r"/"),
    re.compile(r"(?<![\w.-])/home/" + r"(?!<)[a-z]"),
    re.compile(r"(?<![\w.-])/tmp/" + r"(lab|plan)\b"),
    re.compile(r"\b[A-Z]:\\" + r"Users\\"),
    re.compile(r"(?<![\w.-])~/?\.pyenv" + r"\b"),
]


def _complain(patterns: list[re.Pattern[str]], what: str, text: str, where: str) -> list[str]:
    return [
        f"{where}:{number} {what}"
        for number, line in enumerate(text.split("\n"), 1)
        if any(pattern.search(line) for pattern in patterns)
    ]


def private_keys(text: str, where: str) -> list[str]:
    """Complain of the heads and forms in which private keys and tokens are written."""
    return _complain(_PRIVATE, "holds a private key or a token", text, where)


def index_addresses(text: str, where: str) -> list[str]:
    """Complain of package indexes: where packages come from is the machine's matter."""
    return _complain(_INDEX, "names a package index", text, where)


def machine_paths(text: str, where: str) -> list[str]:
    """Complain of paths that exist on one machine only."""
    return _complain(_MACHINE, "names a path of one machine", text, where)


SEED_BYTES = (32, 64)
"""An Ed25519 or ML-DSA seed, and an Ed25519 seed with its public key."""


def private_file(data: bytes, where: str) -> list[str]:
    """Complain of a file that is, or whose whole content encodes, a private key."""
    found = [f"{where} parses as a private key"] if _parses_as_private(data) else []
    for form, content in _contents(data):
        if len(content) in SEED_BYTES:
            found.append(f"{where} is {len(content)} bytes as {form}, the size of a private seed")
    return found


def _contents(data: bytes) -> list[tuple[str, bytes]]:
    forms = [("raw bytes", data)]
    compact = b"".join(data.split())
    try:
        forms.append(("hex", binascii.unhexlify(compact)))
    except binascii.Error:
        forms.append(("hex", b""))
    try:
        forms.append(("base64", base64.b64decode(compact, validate=True)))
    except binascii.Error:
        forms.append(("base64", b""))
    return forms


def _parses_as_private(data: bytes) -> bool:
    for load in (load_pem_private_key, load_der_private_key, load_ssh_private_key):
        try:
            load(data, password=None)
        except TypeError:  # a private key, and locked with a password
            return True
        except ValueError:
            continue
        return True
    return False
