"""Strict parsing of numbers, base64, hex and text, in one place.

Python's own converters are too kind for bytes that are signed and hashed: int("+1_0") is 10,
b64decode("AB==") equals b64decode("AA=="), fromhex skips blanks. Two texts for one value would be
two notes for one act. Here one value has one text, and any other is Malformed.

Sources: RFC 4648 section 4 (base64 alphabet, padding); Unicode 3.2 and UAX 15 (NFC).
Refuses to know: what the number, the bytes or the text is for.

Rules
- a decimal is 0, or digits without a leading zero; no sign, blank or underscore; at most `max`
- base64 and hex are accepted only if encoding the result gives the same text again
- text is NFC, every code point assigned in Unicode 3.2, none of Cc Cf Cs Co Zl Zp; the tables of
  Unicode 3.2 are the same in every Python, so the verdict is too (they have U+00AD as a dash and
  U+200B as a space, which pass; later tables call both format characters)

    parse_decimal("20852163")   -> 20852163
    parse_decimal("+1_0")       raises Malformed
"""

import unicodedata
from binascii import a2b_base64, b2a_base64

from registry.chain.errors import Malformed

MAX_INT = 2**53 - 1
"""Largest integer in canonical JSON: what every JSON reader holds exactly."""

MAX_INT64 = 2**63 - 1
"""Largest tree size, index and time."""

_REFUSED_CATEGORIES = frozenset({"Cn", "Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_category = unicodedata.ucd_3_2_0.category


def parse_decimal(text: str | bytes, *, max: int = MAX_INT64) -> int:
    """Return the number that `text` writes in plain decimal; Malformed if it is written otherwise.

    The length is checked before the conversion, whose cost is quadratic in it.
    """
    # isdigit() of str accepts digits of every script, hence isascii().
    if not (text.isascii() and text.isdigit()):
        raise Malformed(f"not a plain decimal number: {_shown(text)}")
    if len(text) > 1 and text[:1] in ("0", b"0"):
        raise Malformed(f"a number with a leading zero: {_shown(text)}")
    if len(text) > 20 or (number := int(text)) > max:
        raise Malformed(f"a number above {max}: {_shown(text)}")
    return number


def parse_base64(text: str | bytes) -> bytes:
    """Return the bytes of standard padded base64; Malformed unless they encode to `text` again."""
    try:
        data = a2b_base64(text)
    except ValueError as error:
        raise Malformed(f"not base64: {_shown(text)}") from error
    if b2a_base64(data, newline=False) != (text if isinstance(text, bytes) else text.encode()):
        raise Malformed(f"not standard base64 in its one form: {_shown(text)}")
    return data


def format_base64(data: bytes) -> str:
    """Return `data` as standard padded base64."""
    return b2a_base64(data, newline=False).decode("ascii")


def parse_hex(text: str, length: int) -> bytes:
    """Return the `length` bytes that `text` writes in lower-case hex; Malformed otherwise."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != length or data.hex() != text:
        raise Malformed(f"not {length} bytes in lower-case hex: {_shown(text)}")
    return data


def check_text(text: str) -> str:
    """Return `text` if every character of it may stand in what is signed; Malformed otherwise."""
    if text.isascii():
        if text.isprintable():  # in ASCII: none of Cc
            return text
        raise Malformed(f"text with a control character: {_shown(text)}")
    for character in text:
        if _category(character) in _REFUSED_CATEGORIES:
            raise Malformed(
                f"text with U+{ord(character):04X}, a control or format character or one that is"
                " not assigned in Unicode 3.2"
            )
    # By the tables of this Python: for code points of Unicode 3.2 they agree with the old ones, and
    # only here a quick check comes first (by the old ones, 64 kB of unsorted marks take a second).
    if not unicodedata.is_normalized("NFC", text):
        raise Malformed(f"text that is not in Unicode form NFC: {_shown(text)}")
    return text


def _shown(text: str | bytes) -> str:
    """Return the beginning of `text`, safe to print."""
    return ascii(text if len(text) <= 40 else text[:40])
