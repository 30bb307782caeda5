"""Slow second implementations, written from the specifications and from nothing of ours.

The vectors in tests/vectors/ are made with them, and the product is compared with them.

- `SlowTree`: RFC 6962 section 2.1, recursive, as the text has it
- `Point` and `verify`: Ed25519 by RFC 8032 section 5.1 with the rules of docs/spec/formats.md
"""

from __future__ import annotations

from hashlib import sha256, sha512


def leaf_hash(record: bytes) -> bytes:
    return sha256(b"\x00" + record).digest()


class SlowTree:
    """MTH, PATH and PROOF over given leaf hashes; MTH is remembered, so all pairs are quick."""

    def __init__(self, leaf_hashes: list[bytes]) -> None:
        self.leaves = leaf_hashes
        self._known: dict[tuple[int, int], bytes] = {}

    def mth(self, start: int, end: int) -> bytes:
        """MTH(D[start:end])."""
        if start == end:
            return sha256().digest()
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self._known:
            middle = start + split(end - start)
            both = self.mth(start, middle) + self.mth(middle, end)
            self._known[start, end] = sha256(b"\x01" + both).digest()
        return self._known[start, end]

    def root(self, size: int) -> bytes:
        return self.mth(0, size)

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        """PATH(index, D[0:size])."""
        return self._path(index, 0, size)

    def _path(self, m: int, start: int, end: int) -> tuple[bytes, ...]:
        if end - start == 1:
            return ()
        k = split(end - start)
        if m < k:
            return (*self._path(m, start, start + k), self.mth(start + k, end))
        return (*self._path(m - k, start + k, end), self.mth(start, start + k))

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """PROOF(old, D[0:new]), 0 < old <= new."""
        return self._subproof(old, 0, new, whole=True)

    def _subproof(self, m: int, start: int, end: int, *, whole: bool) -> tuple[bytes, ...]:
        if m == end - start:
            return () if whole else (self.mth(start, end),)
        k = split(end - start)
        if m <= k:
            left = self._subproof(m, start, start + k, whole=whole)
            return (*left, self.mth(start + k, end))
        right = self._subproof(m - k, start + k, end, whole=False)
        return (*right, self.mth(start, start + k))


def split(n: int) -> int:
    """The largest power of two below n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


# ---------------------------------------------------------------- Ed25519

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


class Point:
    """A point of edwards25519 in extended coordinates."""

    def __init__(self, x: int, y: int, z: int, t: int) -> None:
        self.x, self.y, self.z, self.t = x, y, z, t

    @classmethod
    def affine(cls, x: int, y: int) -> Point:
        return cls(x, y, 1, x * y % P)

    @classmethod
    def decode(cls, data: bytes) -> Point | None:
        """The point of an encoding; y is taken mod p, and x = -0 is taken as 0."""
        number = int.from_bytes(data, "little")
        y = (number & (2**255 - 1)) % P
        square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
        x = pow(square, (P + 3) // 8, P)
        if x * x % P != square:
            x = x * SQRT_M1 % P
        if x * x % P != square:
            return None
        if x & 1 != number >> 255:
            x = -x % P
        return cls.affine(x, y)

    def encode(self) -> bytes:
        inverse = pow(self.z, P - 2, P)
        x, y = self.x * inverse % P, self.y * inverse % P
        return (y | (x & 1) << 255).to_bytes(32, "little")

    def __add__(self, other: Point) -> Point:
        a = (self.y - self.x) * (other.y - other.x) % P
        b = (self.y + self.x) * (other.y + other.x) % P
        c = 2 * self.t * other.t * D % P
        d = 2 * self.z * other.z % P
        e, f, g, h = b - a, d - c, d + c, b + a
        return Point(e * f % P, g * h % P, f * g % P, e * h % P)

    def __rmul__(self, scalar: int) -> Point:
        result, power = NEUTRAL, self
        while scalar:
            if scalar & 1:
                result += power
            power += power
            scalar >>= 1
        return result

    def __neg__(self) -> Point:
        return Point(-self.x % P, self.y, self.z, -self.t % P)


NEUTRAL = Point.affine(0, 1)
_B = Point.decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
assert _B is not None
B = _B


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the strict rules accept the signature."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    point = decode_strict(public_key)
    if point is None or decode_strict(r) is None or s >= L:
        return False
    return (s * B + challenge(r, public_key, message) * -point).encode() == r


def decode_strict(data: bytes) -> Point | None:
    """The point, if its encoding is canonical and it is not of low order."""
    point = Point.decode(data)
    if point is None or point.encode() != data or (8 * point).encode() == NEUTRAL.encode():
        return None
    return point


def challenge(r: bytes, public_key: bytes, message: bytes) -> int:
    return int.from_bytes(sha512(r + public_key + message).digest(), "little") % L


def secret_scalar(seed: bytes) -> int:
    number = int.from_bytes(sha512(seed).digest()[:32], "little")
    return number & (2**254 - 8) | 2**254
