"""Time stamps: what an authority says of the time at which a checkpoint was there (RFC 3161).

Source: RFC 3161, RFC 5816. The cryptography is rfc3161-client's and OpenSSL's.
Refuses to know: which authorities there are, where tokens are kept, today's time.

Rules
- the imprint is SHA-256 of the checkpoint's three lines: what the log signs, without signatures
- only the token (the signed part of an answer) is kept, in DER without a byte more; an answer whose
  status is not granted is no stamp
- whom to believe is a pinned file of PEM certificates: the self-issued ones are roots (at least
  one), at most one bears the purpose time stamping, and then only it may have signed, the rest are
  in between
- the certificates must have been valid at the token's own time, so that a stamp outlives them
- what a token proves: the checkpoint was there at its time, not that it was new then

    stamp = open_token(token, text, parse_pinned(pem))     -> Stamp(time_ms, …)
"""

from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from rfc3161_client import (
    TimeStampResponse,
    TimeStampTokenInfo,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from registry.chain.errors import Malformed, NotTrusted

TOKEN_BYTES_MAX = 32_768
PINNED_BYTES_MAX = 262_144
CERTIFICATES_MAX = 16
_SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_EPOCH_DAY = 719_163
"""1970-01-01 as `toordinal` counts."""
_GRANTED = bytes.fromhex("3003020100")
"""A status of 0 in DER."""
_FAULTS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    VerificationError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the libraries raise over bytes of others."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The certificates by which one authority is believed."""

    roots: tuple[x509.Certificate, ...]
    between: tuple[x509.Certificate, ...]
    signer: x509.Certificate | None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says; nothing of it is proved before `open_token`."""

    time_ms: int
    imprint: bytes
    policy: str
    serial: int


def imprint(text: bytes) -> bytes:
    """What is stamped: the hash of a checkpoint's text."""
    return sha256(text).digest()


def parse_pinned(pem: bytes, where: str = "") -> Pinned:
    """The certificates of a pinned file; Malformed if they cannot be what is believed."""
    if len(pem) > PINNED_BYTES_MAX:
        raise Malformed(f"certificates of more than {PINNED_BYTES_MAX} bytes", where=where)
    try:
        found = x509.load_pem_x509_certificates(pem)
        stamping = [c for c in found if _is_for_stamping(c)]
    except _FAULTS as error:
        raise Malformed(
            f"these are no certificates: {_words(error)}", where=where, todo="give them as PEM"
        ) from error
    roots = tuple(c for c in found if c.subject == c.issuer)
    if not roots or len(stamping) > 1 or len(found) > CERTIFICATES_MAX:
        raise Malformed(
            f"{len(found)} certificates, {len(roots)} of them self-issued, {len(stamping)} for "
            f"time stamps; there must be a self-issued one, at most one for time stamps, and at "
            f"most {CERTIFICATES_MAX}",
            where=where,
            todo="put the authority's root and its own certificate into the file",
        )
    between = tuple(c for c in found if c not in roots and c not in stamping)
    return Pinned(roots, between, stamping[0] if stamping else None)


def token_of(answer: bytes) -> bytes:
    """The token of an authority's answer; Malformed if it gives none."""
    response = _decoded(answer)
    if response.status != 0:
        said = "; ".join(response.status_string)[:200]
        raise Malformed(f"the authority has given no stamp: status {response.status} {said!a}")
    try:
        token = response.time_stamp_token()
    except _FAULTS as error:
        raise Malformed(f"the answer holds no token: {_words(error)}") from error
    read_token(token)
    return token


def read_token(token: bytes) -> Stamp:
    """What a token says, without a check of its signature; Malformed if it is none."""
    response = _wrapped(token)
    try:
        info = response.tst_info
        hashed = info.message_imprint
        if hashed.hash_algorithm != _SHA256:
            raise Malformed(f"the token is not over SHA-256: {hashed.hash_algorithm.dotted_string}")
        return Stamp(_time_ms(info), hashed.message, info.policy.dotted_string, info.serial_number)
    except _FAULTS as error:
        raise Malformed(f"not a time stamp: {_words(error)}") from error


def open_token(token: bytes, text: bytes, pinned: Pinned, *, nonce: int | None = None) -> Stamp:
    """What a token over `text` says, if one of the pinned certificates stands for it.

    `nonce`: of the request that it must answer. Raises Malformed, or NotTrusted with the reason.
    """
    stamp = read_token(token)
    if stamp.imprint != imprint(text):
        raise NotTrusted("the token is over another text")
    builder = VerifierBuilder(
        tsa_certificate=pinned.signer,
        intermediates=list(pinned.between),
        roots=list(pinned.roots),
        nonce=nonce,
    )
    try:
        builder.build().verify(_wrapped(token), imprint(text))
    except _FAULTS as error:
        raise NotTrusted(
            f"the token is not signed by the pinned authority, or its certificate was not valid at "
            f"the token's time: {_words(error)}"
        ) from error
    return stamp


def _time_ms(info: TimeStampTokenInfo) -> int:
    """Unix milliseconds of the token's time, which is in UTC by the format."""
    at = info.gen_time
    hours = (at.toordinal() - _EPOCH_DAY) * 24 + at.hour
    return ((hours * 60 + at.minute) * 60 + at.second) * 1_000 + at.microsecond // 1_000


def _wrapped(token: bytes) -> TimeStampResponse:
    """A token as an answer that grants it: the library reads whole answers."""
    if len(token) > TOKEN_BYTES_MAX:
        raise Malformed(f"a token of more than {TOKEN_BYTES_MAX} bytes")
    inner = _GRANTED + token
    length = len(inner)
    head = bytes([length]) if length < 0x80 else _long(length)
    response = _decoded(b"\x30" + head + inner)
    if response.as_bytes() != b"\x30" + head + inner:
        raise Malformed("the token is not in its one form")
    return response


def _long(length: int) -> bytes:
    data = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(data)]) + data


def _decoded(answer: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(answer)
    except _FAULTS as error:
        raise Malformed(f"not a time stamp: {_words(error)}") from error


def _is_for_stamping(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage.value


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
