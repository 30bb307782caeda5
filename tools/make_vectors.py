"""Make tests/vectors/: what any implementation of our formats must agree with.

    python -m tools.make_vectors            write the files
    python -m tools.make_vectors --check    exit 1 if a file is not what it would be

Nothing here uses the product: trees and Ed25519 edge cases come from the slow implementations in
tests/chain/reference.py, the rest is put together by hand, so that product and vectors check each
other. All keys are derived from public words and are good for nothing else. ML-DSA-44 signing is
randomised: a signature that is in the file already and still verifies is kept, so that a second
run changes nothing.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from nacl.signing import SigningKey

from tools.vector_forms import canonical_forms, strict_forms
from tools.vector_refusal import refusal_notes
from tools.vector_seals import sealed_states

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors" / "chain"

_spec = importlib.util.spec_from_file_location(
    "tanbu_reference", ROOT / "tests" / "chain" / "reference.py"
)
if _spec is None or _spec.loader is None:
    raise SystemExit("tests/chain/reference.py is missing")
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

ORIGIN = "cn-gd.example/log/5f0c91ae"
WITNESS = "witness.example/w1"
TIME_S = 1_763_700_000


def seed(word: str) -> bytes:
    """Return the 32 bytes that stand for a private key in vectors."""
    return sha256(f"tanbu public test key: {word}".encode()).digest()


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def key_id(name: str, type: int, public_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([type]) + public_key).digest()[:4]


def vkey(name: str, type: int, public_key: bytes) -> str:
    ident = key_id(name, type, public_key).hex()
    return f"{name}+{ident}+{b64(bytes([type]) + public_key)}"


def line(name: str, type: int, public_key: bytes, body: bytes) -> str:
    return f"— {name} {b64(key_id(name, type, public_key) + body)}\n"


def _with_unused_bits(encoded: str) -> str:
    """Return other base64 that a lenient decoder takes for the same bytes; it ends in one `=`."""
    return encoded[:-2] + chr(ord(encoded[-2]) + 1) + "="


# ---------------------------------------------------------------- Ed25519

MESSAGE = b"tanbu ed25519 self-check"
IDENTITY = bytes([1]) + bytes(31)
IDENTITY_NOT_CANONICAL = (reference.P + 1).to_bytes(32, "little")
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def ed25519_cases() -> dict[str, Any]:
    """Return one signature per way in which libraries differ, with our verdict on it."""
    secret = reference.secret_scalar(seed("edge"))
    base, order = reference.B, reference.L
    torsion = reference.Point.decode(ORDER_8)
    honest_key = (secret * base).encode()
    mixed_key = (secret * base + torsion).encode()
    honest = SigningKey(seed("edge")).sign(MESSAGE).signature

    def signed(key: bytes, r_bytes: bytes, nonce: int) -> bytes:
        s = (nonce + reference.challenge(r_bytes, key, MESSAGE) * secret) % order
        return r_bytes + bytes(s.to_bytes(32, "little"))

    def first_nonce(good: Callable[[bytes], bool], torsion_r: int) -> tuple[int, bytes]:
        for nonce in range(1, 1000):
            r_bytes = (nonce * base + torsion_r * torsion).encode()
            if good(r_bytes):
                return nonce, r_bytes
        raise SystemExit("no nonce found")

    def residue(r_bytes: bytes, torsion_r: int) -> int:
        return int(torsion_r + reference.challenge(r_bytes, mixed_key, MESSAGE)) % 8

    gone, gone_r = first_nonce(lambda r: residue(r, 0) == 0, 0)
    both, both_r = first_nonce(lambda r: residue(r, 3) == 0, 3)
    left, left_r = first_nonce(lambda r: residue(r, 0) != 0, 0)
    above = (int.from_bytes(honest[32:], "little") + order).to_bytes(32, "little")
    plain = (5 * base).encode() + (5).to_bytes(32, "little")
    cases = [
        ("a plain signature", True, honest_key, honest),
        ("a signature of another message", False, honest_key, _other_message()),
        ("S not below L", False, honest_key, honest[:32] + above),
        ("A the neutral point", False, IDENTITY, plain),
        ("A the neutral point, not canonical", False, IDENTITY_NOT_CANONICAL, plain),
        ("R the neutral point", False, honest_key, signed(honest_key, IDENTITY, 0)),
        (
            "R the neutral point, not canonical",
            False,
            honest_key,
            signed(honest_key, IDENTITY_NOT_CANONICAL, 0),
        ),
        ("A of mixed order, no residue", True, mixed_key, signed(mixed_key, gone_r, gone)),
        ("A and R of mixed order, no residue", True, mixed_key, signed(mixed_key, both_r, both)),
        ("A of mixed order, residue left", False, mixed_key, signed(mixed_key, left_r, left)),
    ]
    for name, accepted, key, signature in cases:
        if reference.verify(key, signature, MESSAGE) is not accepted:
            raise SystemExit(f"the reference decides otherwise: {name}")
    return {
        "message": MESSAGE.decode(),
        "cases": [
            {"name": name, "accepted": accepted, "key": key.hex(), "signature": signature.hex()}
            for name, accepted, key, signature in cases
        ],
        "bad_public_keys": {
            "neutral": IDENTITY.hex(),
            "neutral, sign bit set": (IDENTITY[:31] + b"\x80").hex(),
            "neutral, not canonical": IDENTITY_NOT_CANONICAL.hex(),
            "order 2": (reference.P - 1).to_bytes(32, "little").hex(),
            "order 4": bytes(32).hex(),
            "order 8": ORDER_8.hex(),
            "y = p + 3, not canonical": (reference.P + 3).to_bytes(32, "little").hex(),
            "no point of the curve": bytes([2, *[0] * 31]).hex(),
        },
    }


def _other_message() -> bytes:
    return SigningKey(seed("edge")).sign(b"another").signature


# ---------------------------------------------------------------- notes and checkpoints


def notes() -> dict[str, Any]:
    """Return signed notes, what spoils them, and verifier keys."""
    text = "tanbu.entry/v1\n" + ORIGIN + '\n{"kind":"example"}\n'
    one = SigningKey(seed("party one"))
    two = SigningKey(seed("party two"))
    line_one = line("exchange.cn-gd", 1, bytes(one.verify_key), one.sign(text.encode()).signature)
    line_two = line("owner.example", 1, bytes(two.verify_key), two.sign(text.encode()).signature)
    good = text + "\n" + line_one + line_two
    encoded = line_one.split()[2]
    malformed = {
        "no blank line": text + line_one,
        "no signature line": text + "\n",
        "blank line after the signatures": good + "\n",
        "no line feed at the end": good[:-1],
        "hyphen instead of em dash": good.replace("—", "-"),
        "two spaces": good.replace("— ", "—  "),
        "space at the end of a line": good[:-1] + " \n",
        "plus in a name": good.replace("exchange.cn-gd ", "exchange+cn-gd "),
        "no-break space in a name": good.replace("exchange.cn-gd ", "exchange\u00a0cn-gd "),
        "empty name": good.replace("exchange.cn-gd ", " "),
        "name of 256 bytes": good.replace("exchange.cn-gd ", "n" * 256 + " "),
        "base64 with unused bits set": good.replace(encoded, _with_unused_bits(encoded)),
        "base64 without padding": good.replace(encoded, encoded.rstrip("=")),
        "base64 with the other alphabet": good.replace(encoded, "-_" + encoded[2:]),
        "a key id and no signature": good.replace(encoded, b64(bytes(4))),
        "carriage return": good.replace("\n", "\r\n"),
        "tab in the text": good.replace("example", "exa\tmple"),
        "65 signature lines": text + "\n" + line_one * 65,
    }
    return {
        "good": {
            "note": good,
            "text": text,
            "vkeys": [
                vkey("exchange.cn-gd", 1, bytes(one.verify_key)),
                vkey("owner.example", 1, bytes(two.verify_key)),
            ],
        },
        "malformed": malformed,
        "not_trusted": {
            "another text": good.replace("example", "exemple", 1),
            "the lines of two keys changed about": text
            + "\n"
            + line("exchange.cn-gd", 1, bytes(one.verify_key), b64decode(line_two.split()[2])[4:]),
        },
    }


def checkpoints() -> dict[str, Any]:
    """Return a checkpoint with a line of each type, and the messages that they sign."""
    root = sha256(b"root").digest()
    text = f"{ORIGIN}\n20852163\n{b64(root)}\n"
    log = SigningKey(seed("log"))
    witness = SigningKey(seed("witness"))
    mldsa = MLDSA44PrivateKey.from_seed_bytes(seed("log mldsa44"))
    message_04 = f"cosignature/v1\ntime {TIME_S}\n".encode() + text.encode()
    message_06 = (
        b"subtree/v1\n\x00"
        + bytes([len(ORIGIN)])
        + ORIGIN.encode()
        + TIME_S.to_bytes(8, "big")
        + bytes([len(ORIGIN)])
        + ORIGIN.encode()
        + bytes(8)
        + (20852163).to_bytes(8, "big")
        + root
    )
    public_06 = mldsa.public_key().public_bytes_raw()
    time_bytes = TIME_S.to_bytes(8, "big")
    line_06 = _kept_mldsa_line(mldsa, message_06) or line(
        ORIGIN, 6, public_06, time_bytes + mldsa.sign(message_06)
    )
    lines = [
        line(ORIGIN, 1, bytes(log.verify_key), log.sign(text.encode()).signature),
        line_06,
        line(
            WITNESS, 4, bytes(witness.verify_key), time_bytes + witness.sign(message_04).signature
        ),
    ]
    return {
        "origin": ORIGIN,
        "size": 20852163,
        "root": root.hex(),
        "time_s": TIME_S,
        "text": text,
        "note": text + "\n" + "".join(lines),
        "vkeys": [
            vkey(ORIGIN, 1, bytes(log.verify_key)),
            vkey(ORIGIN, 6, public_06),
            vkey(WITNESS, 4, bytes(witness.verify_key)),
        ],
        "message_04": message_04.hex(),
        "message_06": message_06.hex(),
        "malformed_texts": {
            "extension line": text + "extension\n",
            "blank line": text + "\n",
            "two lines": f"{ORIGIN}\n20852163\n",
            "no line feed at the end": text[:-1],
            "upper case in the origin": text.replace("cn-gd", "CN-GD"),
            "slash at the end of the origin": text.replace("5f0c91ae", "5f0c91ae/"),
            "empty origin": text.replace(ORIGIN, ""),
            "origin of 201 bytes": text.replace(ORIGIN, "a" * 201),
            "leading zero": text.replace("20852163", "020852163"),
            "sign": text.replace("20852163", "+20852163"),
            "underscore": text.replace("20852163", "20_852_163"),
            "digits of another script": text.replace("20852163", "٢٠"),
            "size 2^63": text.replace("20852163", str(2**63)),
            "root of 31 bytes": f"{ORIGIN}\n1\n{b64(bytes(31))}\n",
            "root with unused bits set": text.replace(b64(root), _with_unused_bits(b64(root))),
            "size 0 and the root of another tree": f"{ORIGIN}\n0\n{b64(root)}\n",
        },
    }


def _kept_mldsa_line(key: MLDSA44PrivateKey, message: bytes) -> str | None:
    """Return the ML-DSA-44 line of the present file, if it still verifies."""
    path = VECTORS / "checkpoint.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text())["note"].splitlines(keepends=True)[5]
    try:
        key.public_key().verify(b64decode(kept.split()[2])[12:], message)
    except InvalidSignature:
        return None
    return str(kept)


# ---------------------------------------------------------------- trees


def trees() -> dict[str, Any]:
    """Return roots and proofs of trees whose leaf i is the record `leaf <i>`."""
    sizes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 255, 256, 257]
    tree = reference.SlowTree([reference.leaf_hash(b"leaf %d" % i) for i in range(max(sizes))])
    inclusion = [(0, 1), (0, 2), (1, 3), (2, 3), (4, 5), (6, 7), (5, 8), (12, 13), (0, 257)]
    inclusion.extend([(255, 256), (256, 257), (128, 255)])
    consistency = [(1, 2), (2, 3), (3, 4), (4, 5), (3, 7), (4, 7), (6, 7), (7, 8), (8, 13)]
    consistency.extend([(255, 256), (256, 257), (128, 255), (1, 257)])
    return {
        "leaves": "leaf i holds the bytes `leaf <i in decimal>`",
        "roots": {str(size): tree.root(size).hex() for size in sizes},
        "inclusion": [
            {"index": i, "size": n, "proof": [value.hex() for value in tree.path(i, n)]}
            for i, n in inclusion
        ],
        "consistency": [
            {"old": m, "new": n, "proof": [value.hex() for value in tree.proof(m, n)]}
            for m, n in consistency
        ],
    }


def tiles() -> dict[str, Any]:
    """Return paths, and the tiles and bundles of a log whose record i is `leaf <i>`."""
    size = 600
    records = [b"leaf %d" % i for i in range(size)]
    leaves = [reference.leaf_hash(record) for record in records]
    tree = reference.SlowTree(leaves)
    files = {}
    for index, width in ((0, 256), (1, 256), (2, 88)):
        start = index * 256
        place = f"{index:03}" + ("" if width == 256 else f".p/{width}")
        part = records[start : start + width]
        files[f"tile/0/{place}"] = b"".join(leaves[start : start + width])
        files[f"tile/entries/{place}"] = b"".join(len(r).to_bytes(2, "big") + r for r in part)
    files["tile/1/000.p/2"] = tree.mth(0, 256) + tree.mth(256, 512)
    return {
        "leaves": "record i holds the bytes `leaf <i in decimal>`",
        "size": size,
        "root": tree.root(size).hex(),
        "files_sha256": {path: sha256(data).hexdigest() for path, data in sorted(files.items())},
        "bad_paths": [
            "", "/tile/0/000", "tile/0/000/", "tile/0/00", "tile/0/0000", "tile/0/x000/001",
            "tile/0/001/234", "tile/0/x001/x234", "tile/0/x001/23", "tile/00/000", "tile/64/000",
            "tile/-1/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
            "tile/0/000.p/+1", "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1/", "tile/x/000",
            "tile/entries/000.p/256", "tile/Entries/000", "tile/data/000", "tile/0/x001/x234/067\n",
            "tile/0/٠٠٠", "tile/0/../000", "tile/0/" + "x001/" * 20 + "001",
        ],
    }  # fmt: skip


def proof_files() -> dict[str, Any]:
    """Return a proof file that holds, and bytes that are none."""
    tree = reference.SlowTree([reference.leaf_hash(b"leaf %d" % i) for i in range(13)])
    log = SigningKey(seed("log"))
    text = f"{ORIGIN}\n13\n{b64(tree.root(13))}\n"
    signed = line(ORIGIN, 1, bytes(log.verify_key), log.sign(text.encode()).signature)
    hashes = "".join(b64(value) + "\n" for value in tree.path(5, 13))
    checkpoint = text + "\n" + signed
    head = "c2sp.org/tlog-proof@v1\n"
    good = f"{head}index 5\n{hashes}\n{checkpoint}"
    return {
        "record": b"leaf 5".hex(),
        "index": 5,
        "vkey": vkey(ORIGIN, 1, bytes(log.verify_key)),
        "good": good,
        "good_with_extra": good.replace("index", f"extra {b64(b'extra')}\nindex", 1),
        "malformed": {
            "another version": good.replace("@v1", "@v2"),
            "no index": f"{head}\n{checkpoint}",
            "index with a leading zero": good.replace("index 5", "index 05"),
            "index with two spaces": good.replace("index 5", "index  5"),
            "index before extra": good.replace("index 5\n", "index 5\nextra AA==\n"),
            "extra twice": good.replace("index", "extra AA==\nextra AA==\nindex", 1),
            "extra with nothing": good.replace("index", "extra \nindex", 1),
            "extra with unused bits set": good.replace("index", "extra AB==\nindex", 1),
            "a hash of 31 bytes": good.replace("index 5\n", f"index 5\n{b64(bytes(31))}\n"),
            "64 hashes": f"{head}index 5\n" + (b64(bytes(32)) + "\n") * 64 + f"\n{checkpoint}",
            "no checkpoint": f"{head}index 5\n{hashes}\n",
            "carriage returns": good.replace("\n", "\r\n"),
        },
        "not_trusted": {
            "another index": good.replace("index 5", "index 4"),
            "a hash left out": good.replace(hashes, hashes[45:]),
            "a hash too many": good.replace(hashes, hashes + hashes[:45]),
            "two hashes exchanged": good.replace(hashes, hashes[45:90] + hashes[:45] + hashes[90:]),
        },
    }


def sum_trees() -> dict[str, Any]:
    """Return sum trees of 1 to 9 leaves, by the recursive definition."""

    def node(leaves: list[tuple[bytes, int, bytes]]) -> tuple[bytes, int]:
        if len(leaves) == 1:
            salt, amount, act = leaves[0]
            return sha256(b"\x00" + salt + amount.to_bytes(8, "big") + act).digest(), amount
        middle = reference.split(len(leaves))
        left, left_sum = node(leaves[:middle])
        right, right_sum = node(leaves[middle:])
        data = b"\x01" + left + left_sum.to_bytes(8, "big") + right + right_sum.to_bytes(8, "big")
        return sha256(data).digest(), left_sum + right_sum

    leaves = [
        (
            sha256(b"salt %d" % i).digest(),
            (i * i * 1234567) % 100_000,
            sha256(b"act %d" % i).digest(),
        )
        for i in range(9)
    ]
    return {
        "leaves": [
            {"salt": salt.hex(), "amount": amount, "act_sha256": act.hex()}
            for salt, amount, act in leaves
        ],
        "roots": [
            {"count": n, "root": node(leaves[:n])[0].hex(), "total": node(leaves[:n])[1]}
            for n in range(1, 10)
        ],
    }


def refusals() -> dict[str, Any]:
    """Return refusal notes."""
    one, two = (SigningKey(seed(f"operator {word}")) for word in ("one", "two"))
    return refusal_notes(ORIGIN, one, two, line, vkey)


FILES: dict[str, Callable[[], dict[str, Any]]] = {
    "ed25519.json": ed25519_cases,
    "note.json": notes,
    "checkpoint.json": checkpoints,
    "strict.json": strict_forms,
    "canonical.json": canonical_forms,
    "tree.json": trees,
    "tiles.json": tiles,
    "proof.json": proof_files,
    "sumtree.json": sum_trees,
    "seal.json": lambda: sealed_states(reference.SlowTree, reference.leaf_hash),
    "refusal.json": refusals,
}


def main(arguments: list[str]) -> int:
    """Write the files, or compare; return the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    VECTORS.mkdir(parents=True, exist_ok=True)
    status = 0
    for name, make in FILES.items():
        path = VECTORS / name
        text = json.dumps(make(), indent=1) + "\n"
        if path.exists() and path.read_text() == text:
            continue
        if arguments:
            print(f"{path.relative_to(ROOT)} is not what tools/make_vectors.py makes")
            status = 1
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
