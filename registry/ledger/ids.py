"""Ids that submitters make: UUIDv7 of entries, random names of accounts.

Sources: RFC 9562 section 5.7 (UUIDv7), RFC 4648 section 6 (base32, lower case, no padding).
Refuses to know: the clock and the source of randomness; the caller brings both.

    uuid7(1763700000000, urandom(10))      -> "019aa0…-7…"
    account_id(urandom(16))                -> "a-…", 26 characters after the dash
"""

from base64 import b32encode

from registry.chain.errors import Malformed

UUID_RANDOM_BYTES = 10
ACCOUNT_RANDOM_BYTES = 16


def uuid7(time_ms: int, random: bytes) -> str:
    """The UUIDv7 of an instant and 10 random bytes, lower case; 0 <= time_ms < 2^48."""
    if len(random) != UUID_RANDOM_BYTES or not 0 <= time_ms < 2**48:
        raise Malformed("a UUIDv7 is made of 48 bits of time and 10 random bytes")
    bits = int.from_bytes(random, "big")
    number = (
        time_ms << 80 | 0x7 << 76 | (bits >> 68 & 0xFFF) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    )
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def account_id(random: bytes) -> str:
    """The name of an account: `a-` and 16 random bytes in lower-case base32."""
    if len(random) != ACCOUNT_RANDOM_BYTES:
        raise Malformed("an account is named by 16 random bytes")
    return "a-" + b32encode(random).decode().rstrip("=").lower()
