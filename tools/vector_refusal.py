"""Refusal notes, good and spoilt, among the vectors; put together by hand, as all of them."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from nacl.signing import SigningKey

OPERATOR = "operator.cn-gd"
ENTRY_TEXT = "tanbu.entry/v1\ncn-gd.example/log/5f0c91ae\n" + '{"kind":"example"}\n'

Line = Callable[[str, int, bytes, bytes], str]
VerifierKeyText = Callable[[str, int, bytes], str]


def refusal_notes(
    origin: str, key: SigningKey, other: SigningKey, line: Line, vkey: VerifierKeyText
) -> dict[str, Any]:
    """Return a refusal note by `key`, notes of a bad form, and notes that are not trusted."""

    def signed(text: str, by: SigningKey = key, name: str = OPERATOR) -> str:
        signature = by.sign(text.encode()).signature
        return text + "\n" + line(name, 1, bytes(by.verify_key), signature)

    digest = sha256(ENTRY_TEXT.encode()).hexdigest()
    said = f'{{"number":503,"size":42,"text_sha256":"{digest}","time_ms":1763700000000}}'
    header = "tanbu.refusal/v1\n"
    text = f"{header}{origin}\n{said}\n"
    good = signed(text)
    of_other = signed(text, other)

    def spoilt(old: str, new: str) -> str:
        """Return a note that is rightly signed over a text that is not of the form."""
        if text.count(old) != 1:
            raise SystemExit(f"{old!r} does not stand once in the text")
        return signed(text.replace(old, new))

    return {
        "good": {
            "note": good,
            "text": text,
            "entry_text": ENTRY_TEXT,
            "vkey": vkey(OPERATOR, 1, bytes(key.verify_key)),
            "number": 503,
            "size": 42,
            "text_sha256": digest,
            "time_ms": 1_763_700_000_000,
        },
        "malformed": {
            **{name: spoilt(old, new) for name, (old, new) in _spoilt(origin, digest).items()},
            "a line more": signed(text + "and more\n"),
            "an empty line more": signed(text + "\n"),
            "a line less": signed(header + said + "\n"),
            "no signature line": text + "\n",
            "two signature lines": good + of_other.rpartition("\n\n")[2],
            "the same line twice": good + good.rpartition("\n\n")[2],
            "signature of 63 bytes": text
            + "\n"
            + line(OPERATOR, 1, bytes(key.verify_key), key.sign(text.encode()).signature[:63]),
            "a name that no party has": signed(text, key, "operator"),
            "no line feed at the end": good[:-1],
            "something after it": good + "x\n",
        },
        "not_trusted": {
            "another number": good.replace("503", "104"),
            "another size": good.replace('"size":42', '"size":43'),
            "another entry": good.replace(digest, sha256(b"another").hexdigest()),
            "another time": good.replace("1763700000000", "1763700000001"),
            "another origin": good.replace(origin, origin[:-8] + "00000000"),
            "another key of the name": of_other,
            "the key under another name": signed(text, key, "operator.other"),
            "signed as another text": text
            + "\n"
            + line(OPERATOR, 1, bytes(key.verify_key), key.sign(ENTRY_TEXT.encode()).signature),
        },
    }


def _spoilt(origin: str, digest: str) -> dict[str, tuple[str, str]]:
    """Return what is replaced in the text, and by what, so that it is not of the form."""
    return {
        "another version": ("refusal/v1", "refusal/v2"),
        "an entry's header": ("tanbu.refusal/v1", "tanbu.entry/v1"),
        "origin in capitals": (origin, origin.upper()),
        "blank in the JSON": ('"number":503', '"number": 503'),
        "keys out of order": ('"number":503,"size":42', '"size":42,"number":503'),
        "double key": ('"number":503', '"number":503,"number":503'),
        "a key more": ('"time_ms"', '"tag":1,"time_ms"'),
        "a key less": ('"size":42,', ""),
        "number 0": ('"number":503', '"number":0'),
        "number as text": ('"number":503', '"number":"503"'),
        "size below 0": ('"size":42', '"size":-42'),
        "size of 2^53": ('"size":42', '"size":9007199254740992'),
        "time with a fraction": ("1763700000000}", "1763700000000.0}"),
        "hash in capitals": (digest, digest.upper()),
        "hash too short": (digest, digest[:-2]),
    }
