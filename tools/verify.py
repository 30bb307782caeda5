"""Check an evidence file of a Tanbu log offline: one file, Python 3.11 to 3.13 and PyNaCl.

    python verify.py evidence.json --trust trust [--opening FILE] [--lang zh]

A second opinion: it follows docs/spec/evidence.md and docs/spec/formats.md, shares no code with
the registry, and comes to its verdict at the same step. Exit codes: 0 good, 1 checked and bad,
2 not readable, 3 could not be checked.

One thing it cannot do: PyNaCl has no ML-DSA-44. Where trust has such a key, the line of it must be
there and of the right form; that it is good is not checked, and the verdict says so.

Reading order: numbers and texts, JSON and its shapes, keys and notes, the tree, trust, the file,
what a record stands on, who signed, who must have signed, words, the steps.
"""

import argparse
import json
import re
import sys
import unicodedata
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from hashlib import sha256
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

Entry = dict[str, Any]

EVIDENCE_BYTES_MAX = 33_554_432
RECORD_BYTES_MAX = 65_535
ENTRY_BYTES_MAX = 65_495
TRUST_BYTES_MAX = 1_000_000
TRUST_FILES_MAX = 1_000
OPENING_BYTES_MAX = 10_000
INT53_MAX = 2**53 - 1
INT63_MAX = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RULESETS = (1,)


class Bad(Exception):
    """Why a file is not good; `step` is 0 outside of the ten steps."""

    exit = 1
    word = "not trusted"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.step = 0


class NotTrusted(Bad):
    """Checked, and bad."""


class Malformed(Bad):
    """Not of the form."""

    exit = 2
    word = "malformed"


class Unavailable(Bad):
    """Could not be checked."""

    exit = 3
    word = "could not check"


# ---------------------------------------------------------------- numbers, base64, texts


def decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19 or (len(text) > 1 and text[:1] == b"0"):
        raise Malformed(f"not a plain decimal number: {text[:40]!a}")
    if (number := int(text)) > INT63_MAX:
        raise Malformed(f"a number above 2^63 - 1: {number}")
    return number


def unbase64(text: str) -> bytes:
    try:
        data = a2b_base64(text)
    except ValueError as error:
        raise Malformed(f"not base64: {text[:40]!a}") from error
    if b2a_base64(data, newline=False).decode() != text:
        raise Malformed(f"not base64 in its one form: {text[:40]!a}")
    return data


def check_text(text: str) -> None:
    """By the tables of Unicode 3.2: each code point assigned, no controls, formats or breaks."""
    category = unicodedata.ucd_3_2_0.category
    if any(category(c) in ("Cn", "Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in set(text)):
        raise Malformed(f"a text with a character that none has: {text[:40]!a}")
    if not unicodedata.is_normalized("NFC", text):
        raise Malformed(f"a text that is not in form NFC: {text[:40]!a}")


def tonnes(grams: int) -> str:
    whole, rest = divmod(grams, 1_000_000)
    return f"{whole:,}.{rest:06}".rstrip("0") if rest else f"{whole:,}"


# ---------------------------------------------------------------- JSON and its shapes


class Twice(list[tuple[str, Any]]):
    """The fields of an object that has one twice: it can be looked at, and is never canonical."""


class NoInteger:
    """A number that is no integer of the form."""


def _object(pairs: list[tuple[str, Any]]) -> object:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else Twice(pairs)


def _integer(text: str) -> object:
    return int(text) if len(text) <= 20 else NoInteger()


def _no_number(text: str) -> object:
    if text[-1].isdigit():
        return NoInteger()
    raise ValueError(f"{text} is no number of JSON")


_read = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_no_number, parse_constant=_no_number
).decode


def read_json(data: bytes) -> object:
    try:
        return _read(data.decode())
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def canonical(value: object) -> bytes:
    """The one spelling of a value; nothing if it has none."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError):
        return b""


def check_texts(value: object) -> None:
    """Each text that is a value may stand in what is signed."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            check_texts(item)


def is_canonical(data: bytes) -> bool:
    """Canonical JSON of any shape (formats, 2)."""

    def check(value: object, depth: int) -> bool:
        if isinstance(value, str):
            check_text(value)
            return True
        if isinstance(value, int):
            return 0 <= value <= INT53_MAX
        if isinstance(value, list) and not isinstance(value, Twice):
            return depth > 0 and all(check(item, depth - 1) for item in value)
        if isinstance(value, dict):
            keys = all(re.fullmatch("[a-z0-9_]+", key) for key in value)
            return keys and depth > 0 and all(check(item, depth - 1) for item in value.values())
        return False

    try:
        value = read_json(data)
        return check(value, 8) and canonical(value) == data
    except Malformed:
        return False


# A shape is words with blanks between: `field:type`, `field?:type` for one that may be absent.
# Types: a pattern, `lo..hi` (integer), `'lo..hi` (text by length), `a|b|c` (one of these words),
# `[type]lo..hi` (list by length), `bool`, `any`, or another shape.
PATTERNS = {
    "Sha": "[0-9a-f]{64}",
    "Date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "Uuid": "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "Party": r"(?=.{0,100}\Z)[a-z0-9-]+(\.[a-z0-9-]+)+",
    "AccountId": "a-[a-z2-7]{26}",
    "Holder": r"(?=.{0,100}\Z)(a-[a-z2-7]{26}|[a-z0-9-]+(\.[a-z0-9-]+)+)",
    "Signer": r"(a-[a-z2-7]{26}|[a-z0-9-]+(\.[a-z0-9-]+)+)\+[0-9a-f]{8}",
    "Batch": "[A-Z]{2}-[A-Z0-9]{1,6}-[A-Z0-9]{2,16}-[0-9]{4}-[0-9]{6}",
    "Region": "[A-Z]{2}-[A-Z0-9]{1,6}",
    "Name": "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
    "Ref": "[A-Za-z0-9][A-Za-z0-9._/-]{0,120}",
    "Venue": r"(?=.{0,100}\Z)(otc|[a-z0-9-]+(\.[a-z0-9-]+)+)",
    "Url": r"(?=.{0,500}\Z)https?://[!-~]+",
    "Code": "[0-9A-Z]{18}",
    "About": "[a-z_]+(/[A-Za-z0-9._:+-]{1,100}){1,2}",
}
_INT = f"0..{INT53_MAX}"
_POS = f"1..{INT53_MAX}"
_PROJECT = (
    "project:Name type:project|scenario title:'1..200 owner:Party methodology:Name"
    " methodology_version:Name claims:Claims not_in_ets:bool not_in_ccer:bool crediting_from:Date"
    " crediting_to:Date parts?:[ProjectPart]1..64 applicant?:Party status?:live|suspended|closed"
)
_BATCH = f"batch:Batch vintage:1990..2200 class:Name unit_g:1..1000000000 count:{_POS}"
_SEAL = f"size:{_POS} root:Sha count:{_POS} totals:Totals"
_SPAN = f"batch:Batch first:{_POS} last:{_POS}"
_INSTRUMENT = (
    "instrument_type:judgment|ruling|mediation|assistance_notice|decision|agreement"
    " number:'1..200 instrument_sha256:Sha"
)
LISTS = {
    "Claims": "['1..200]1..64",
    "Keys": "[EnrolledKey]1..16",
    "Spans": "[Span]1..256",
    "Items": "[Item]1..256",
    "Helds": "[Held]1..256",
    "Names": "[Name]1..64",
}
SHAPES = {
    "EnrolledKey": f"key:'10..2000 from_ms?:{_INT} until_ms?:{_INT}",
    "Founder": "party:Party title:'1..200",
    "LogKeys": "ed25519:'10..2000 mldsa44:'10..2000",
    "Continues": "origin:'1..200 checkpoint:'1..8000",
    "Source": "title:'1..200 sha256:Sha url?:Url",
    "AccountLimits": f"per_transfer_g?:{_POS} per_day_g?:{_POS}",
    "ProjectPart": "part:Name claims:Claims",
    "NewProject": _PROJECT,
    "NewBatch": f"{_BATCH} account:AccountId",
    "NewBuffer": _BATCH,
    "Commit": f"root:Sha count:{_POS} total:{_POS}",
    "OpeningPart": f"first:{_POS} last:{_POS} status:free|buffer|retired|cancelled"
    " account?:AccountId date?:Date purpose?:'1..200",
    "OpeningSource": "registry:'1..200 file_sha256:[Sha]1..16 row_sha256:[Sha]1..500"
    " serial_text:['0..300]0..500 dates:[Date]0..500 serials_assigned:bool",
    "MandateLimits": f"per_entry_g?:{_POS} total_g?:{_POS}",
    "Item": f"batch:Batch quantity_g?:{_POS} first?:{_POS} last?:{_POS}",
    "Span": _SPAN,
    "Held": f"{_SPAN} account?:AccountId",
    "Trade": f"venue:Venue trade_id:'1..100 price_fen_per_t?:{_INT}",
    "Firm": "name:'1..200 code?:Code",
    "Obligor": f"commit?:Sha firm?:Firm share_g?:{_POS}",
    "Allowed": "classes?:Names programs?:Names vintages?:[1990..2200]1..64",
    "OtherOffset": f"what:'1..200 quantity_g:{_POS} doc_sha256:Sha",
    "Beneficiary": "party?:Party project?:Name event?:Name firm?:Firm commit?:Sha",
    "Totals": " ".join(
        f"{name}_g:{_INT}"
        for name in ("free", "reserved", "pooled", "buffer", "retired", "cancelled")
    ),
    # Files around the entries.
    "ProvedRecord": "record:'0..400000 proof:['0..44]0..63",
    "Evidence": f"format:'0.. subject:{_INT} checkpoint:'0..400000 cosigners:['0..]0..60"
    " records:[ProvedRecord]1..4096 seals:[any]0.. tokens:[any]0.. policy?:'0..400000",
    "LogKey": f"key:'10..2000 from_size:{_INT} until_size?:{_INT}",
    "Trust": "format:'0.. origin:'0.. log_keys:[LogKey]1..64 authority_keys:['10..2000]1..64"
    " operator_keys?:['10..2000]1..64 policy?:['0..1000]1..1000",
    "ObligorOpening": "form:'0.. salt:Sha name:'1..500 id_number:'1..500",
}
COMMON = f"id:Uuid kind:'0.. not_after:{_INT} signers:[Signer]1..16 memo?:'1..200"
KINDS = {
    "genesis": f"region:Region offset_min:0..840 ruleset:{_POS} operator:Founder authority:Founder"
    " keys:Keys log_keys:LogKeys continues?:Continues",
    "rulebook": f"version:{_POS} effective_from_ms:{_INT} values:rules source:Source"
    f" ruleset?:{_POS}",
    "party": "party:Party title:'1..200 roles:[operator|authority|centre|verifier|exchange|owner"
    "|platform|points_operator|court|obligated|organiser|pledgee]0..12 keys:Keys",
    "key": f"holder:Holder action:add|revoke|recover|complete key:'10..2000 until_ms?:{_INT}",
    "logkey": f"ed25519:'10..2000 mldsa44:'10..2000 until_ms:{_INT}",
    "account": "account:AccountId type:institution|personal owner?:Party keys?:Keys"
    " accept:any|listed|signed listed?:[AccountId]0..256 receivers?:[AccountId]0..256"
    " limits?:AccountLimits need:1..2",
    "methodology": "methodology:Name version:Name title:'1..200 class:Name doc_sha256:Sha from:Date"
    " to?:Date withdrawn?:bool",
    "project": _PROJECT,
    "issuance": f"project?:Name new_project?:NewProject part:Name from:Date to:Date"
    f" verified_g:{_POS} report_sha256:Sha batches:[NewBatch]1..256 buffer?:[NewBuffer]1..256"
    f" acts?:Commit supersedes?:{_POS}",
    "opening": f"batch:Batch count:{_POS} unit_g:1..1000000000 vintage:1990..2200"
    " parts:[OpeningPart]1..1000 source:OpeningSource class?:Name source_project?:'1..200",
    "mandate": "agent:Party accounts:[AccountId]1..64 kinds:[transfer|retirement|conversion]1..3"
    f" until_ms:{_INT} limits?:MandateLimits replaces?:{_POS}",
    "transfer": "from:AccountId to:AccountId items:Items reason:trade|donation|internal|bundle"
    f" mandate?:{_POS} trade?:Trade",
    "points_scheme": "scheme:Name operator:Party title:'1..200 unit:'1..40 num:1..1000000000"
    " den:1..1000000 validity_days:1..36500 classes:Names"
    f" unbacked_at_start?:{_POS} used:to_credits|retire expired:retire|authority",
    "conversion": "scheme:Name direction:to_points|to_credits|cover account:AccountId items?:Items"
    f" points?:{_POS} commit?:Commit mandate?:{_POS}",
    "redemption": f"scheme:Name points:{_POS} commit:Commit",
    "order": f"order:Name issuer:'1..200 origin:signed|recorded {_INSTRUMENT} date:Date"
    f" effective_ms:{_INT} obligors:[Obligor]1..64 quantity_g:{_POS} deadline_ms?:{_INT}"
    " allowed?:Allowed",
    "event": f"event:Name organiser:Party title:'1..200 from:Date to:Date declared_g:{_POS}"
    " report_sha256:Sha status:plan|final other_offsets?:[OtherOffset]1..64",
    "obligation": f"obligated:Party year:1990..2200 amount_g:{_POS} rulebook_version:{_POS}",
    "retirement": "account:AccountId items:Spans purpose:offset|remediation|event|voluntary"
    f" beneficiary:Beneficiary ref?:Ref obligor?:{_INT} mandate?:{_POS}",
    "reservation": "from:AccountId to:AccountId items:Items reason:trade|donation|internal|bundle"
    f" expires_ms:{_INT} mandate?:{_POS} trade?:Trade",
    "settlement": f"reservation:{_POS} items?:Items",
    "release": f"reservation:{_POS}",
    "pledge": "account:AccountId items:Spans pledgee:Party",
    "unpledge": f"pledge:{_POS} items?:Spans",
    "freeze": f"issuer:'1..200 origin:signed|recorded {_INSTRUMENT} account?:AccountId"
    f" batch?:Batch items?:Spans until_ms?:{_INT}",
    "unfreeze": f"freeze:{_POS} origin:signed|recorded|lapsed instrument_sha256?:Sha",
    "execution": f"freeze:{_POS} origin:signed|recorded instrument_sha256:Sha account:AccountId"
    " items:Spans to?:AccountId retire?:bool",
    "order_change": "order:Name effect:reduce|raise|annul|close|suspend|resume"
    f" instrument_sha256:Sha quantity_g?:{_POS}",
    "cancellation": "project:Name reason:issued_in_error|reversal|conversion_out items?:Helds"
    " buffer_items?:Helds cover_items?:Helds external_id?:'1..200",
    "correction": f"of:{_POS} subject:About field:title|issuer|number value:'1..200",
    "notice": "about:About code:Name doc_sha256?:Sha evidence?:'1..40000",
    "swap": f"scheme:Name points:{_POS} to_scheme:Name to_points:{_POS} commit?:Commit",
    "expiry": f"scheme:Name lot:{_INT} points:{_POS} account?:AccountId",
    "seal": _SEAL,
    "end": f"reason:'1..200 successor?:'1..200 {_SEAL}",
}


def within(number: int, bounds: str) -> bool:
    low, _, high = bounds.partition("..")
    return int(low) <= number and (not high or number <= int(high))


def is_of(value: object, type: str) -> bool:
    """True if a value of JSON is of a type of the shapes above."""
    type = LISTS.get(type, type)  # noqa: A001  the word of the shapes
    if type in PATTERNS:
        return isinstance(value, str) and bool(re.fullmatch(PATTERNS[type], value))
    if type in SHAPES:
        return fits(value, SHAPES[type])
    if type == "any":
        return True
    if type == "bool":
        return isinstance(value, bool)
    if type == "rules":
        return _are_rules(value)
    if type.startswith("["):
        inner, _, bounds = type[1:].partition("]")
        if not isinstance(value, list) or isinstance(value, Twice):
            return False
        return within(len(value), bounds) and all(is_of(item, inner) for item in value)
    if type.startswith("'"):
        return isinstance(value, str) and within(len(value), type[1:])
    if ".." in type:
        return isinstance(value, int) and not isinstance(value, bool) and within(value, type)
    return isinstance(value, str) and value in type.split("|")


def _are_rules(value: object) -> bool:
    return isinstance(value, dict) and len(value) <= 200 and all(
        is_of(rule, _INT) or is_of(rule, "'1..100") or is_of(rule, "['1..100]0..64")
        for rule in value.values()
    )  # fmt: skip


@cache
def types_of(shape: str) -> dict[str, str]:
    return dict(word.split(":", 1) for word in shape.split())


def fits(value: object, shape: str) -> bool:
    """True if an object has the fields of the shape: all that must be there, and no others."""
    if not isinstance(value, dict | Twice):
        return False
    pairs = value if isinstance(value, Twice) else value.items()
    types = types_of(shape)
    seen = set()
    for name, item in pairs:
        wanted = types.get(name, types.get(f"{name}?"))
        if wanted is None or not is_of(item, wanted):
            return False
        seen.add(name)
    return all(name in seen for name in types if not name.endswith("?"))


def fields_of(value: object, shape: str, what: str) -> Entry:
    """The fields of an object of the shape, which may still have one twice."""
    if not isinstance(value, dict | Twice) or not fits(value, shape):
        raise Malformed(f"{what}: other fields, or of another type")
    return dict(value)


# ---------------------------------------------------------------- keys, signatures, notes

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
LOW_ORDER_Y = (0, 1, P - 1, Y8, P - Y8)
ED25519, COSIGNATURE, MLDSA44, OWN = 0x01, 0x04, 0x06, 0xFF
MLDSA44_BODY_BYTES = 2_428


def _y(encoded: bytes) -> int:
    return int.from_bytes(encoded, "little") & (2**255 - 1)


def signature_is_good(key: bytes, signature: bytes, message: bytes) -> bool:
    """Ed25519 (formats, 3): canonical A and R, none of low order, S < L, no cofactor."""
    for point in (key, signature[:32]):
        if _y(point) >= P or _y(point) in LOW_ORDER_Y:
            return False
    if int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def is_point(key: bytes) -> bool:
    """True if a public key could ever verify anything: Euler says whether x^2 is a square."""
    y = _y(key)
    if y >= P or y in LOW_ORDER_Y:
        return False
    return pow((y * y - 1) * (D * y * y + 1) % P, (P - 1) // 2, P) == 1


class VKey(NamedTuple):
    name: str
    id: str
    type: int
    public: bytes


def is_name(name: str) -> bool:
    return bool(re.fullmatch(r"[^\s+\x00-\x1f]+", name)) and len(name.encode()) <= 255


def parse_vkey(text: str) -> VKey:
    name, _, rest = text.partition("+")
    id_hex, _, encoded = rest.partition("+")
    data = unbase64(encoded)
    kind, public = data[0] if data else 0, data[1:]
    if kind in (ED25519, COSIGNATURE):
        right = len(public) == 32 and is_point(public)
    else:
        right = (kind == MLDSA44 and len(public) == 1312) or (
            kind == OWN and 0 < len(public) <= 1024
        )
    if not right or not is_name(name):
        raise Malformed(f"not a verifier key: {text[:60]!a}")
    if id_hex != sha256(name.encode() + b"\n" + data).digest()[:4].hex():
        raise Malformed(f"a verifier key without its own id: {text[:60]!a}")
    return VKey(name, id_hex, kind, public)


def short(vkey: str) -> str:
    return "+".join(vkey.split("+", 2)[:2])


class Line(NamedTuple):
    name: str
    id: str
    body: bytes

    @property
    def key(self) -> str:
        return f"{self.name}+{self.id}"


def parse_note(data: bytes, bytes_max: int, lines_max: int) -> tuple[bytes, list[Line]]:
    """The text of a signed note, and its lines (formats, 4)."""
    if len(data) > bytes_max:
        raise Malformed(f"a note of more than {bytes_max} bytes")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("a note that is not UTF-8") from error
    if re.search(rb"[\x00-\x09\x0b-\x1f]", data):
        raise Malformed("a note with a control character")
    divide = data.rfind(b"\n\n")
    if divide < 0 or divide + 2 == len(data) or not data.endswith(b"\n"):
        raise Malformed("a note without signature lines below a blank line")
    lines = data[divide + 2 : -1].decode().split("\n")
    if len(lines) > lines_max:
        raise Malformed(f"a note of more than {lines_max} signature lines")
    return data[: divide + 1], [_line(line) for line in lines]


def _line(line: str) -> Line:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    body = unbase64(encoded)
    if dash != "—" or not is_name(name) or not 4 < len(body) <= 4 + 4_096:
        raise Malformed(f"not a signature line: {line[:40]!a}")
    return Line(name, body[:4].hex(), body[4:])


# ---------------------------------------------------------------- the tree


def root_of(record: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root to which a proof leads (RFC 9162, 2.1.3.2); nothing if its length is wrong."""
    node, last, result = index, size - 1, sha256(b"\x00" + record).digest()
    for sibling in proof:
        if last == 0:
            return b""
        if node & 1 or node == last:
            result = sha256(b"\x01" + sibling + result).digest()
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            result = sha256(b"\x01" + result + sibling).digest()
        node, last = node >> 1, last >> 1
    return result if last == 0 else b""


class Head(NamedTuple):
    origin: str
    size: int
    root: bytes


def is_origin(text: str) -> bool:
    return len(text) <= 200 and bool(re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9.-]+)*", text))


def parse_head(text: bytes) -> Head:
    """A checkpoint's three lines (formats, 5)."""
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[3]:
        raise Malformed("a checkpoint is three lines")
    head = Head(lines[0].decode(), decimal(lines[1]), unbase64(lines[2].decode()))
    if not is_origin(head.origin) or len(head.root) != 32:
        raise Malformed("a checkpoint without an origin, or without a root of 32 bytes")
    if head.size == 0 and head.root != sha256().digest():
        raise Malformed("an empty tree with a root of its own")
    return head


# ---------------------------------------------------------------- trust


def parse_trust(files: Iterable[tuple[str, bytes]]) -> dict[str, Entry]:
    """What the trust files say, by origin (evidence, 2)."""
    logs: dict[str, Entry] = {}
    for name, data in files:
        try:
            trust = _trust_file(data)
        except Malformed as error:
            raise Malformed(f"{name}: {error}") from error
        if trust["origin"] in logs:
            raise Malformed(f"{name}: a second trust file for {trust['origin']}")
        logs[trust["origin"]] = trust
        if len(logs) > TRUST_FILES_MAX:
            raise Malformed(f"more than {TRUST_FILES_MAX} trust files")
    if not logs:
        raise Unavailable("there is no trust file; name a directory with --trust")
    return logs


def _trust_file(data: bytes) -> Entry:
    if len(data) > TRUST_BYTES_MAX:
        raise Malformed(f"a trust file of more than {TRUST_BYTES_MAX} bytes")
    value = fields_of(read_json(data), SHAPES["Trust"], "not a trust file")
    check_texts(value)
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if text.encode() != data or value["format"] != "tanbu.trust/v1":
        raise Malformed("a trust file that is not in its one form")
    keys = [parse_vkey(held["key"]) for held in value["log_keys"]]
    if not is_origin(value["origin"]) or len(set(keys)) != len(keys):
        raise Malformed("a trust file without an origin, or with one log key twice")
    for key, held in zip(keys, value["log_keys"], strict=True):
        if key.type not in (ED25519, MLDSA44) or key.name != value["origin"]:
            raise Malformed(f"{short(held['key'])} is not a log key of {value['origin']}")
        if held.get("until_size", INT63_MAX) <= held["from_size"]:
            raise Malformed(f"the sizes of {short(held['key'])} are none")
    for texts in (value["authority_keys"], value.get("operator_keys", [])):
        if len(set(texts)) != len(texts) or any(parse_vkey(t).type != ED25519 for t in texts):
            raise Malformed("an authority or operator key that is listed twice, or not Ed25519")
    return value


# ---------------------------------------------------------------- the file


@dataclass(frozen=True, slots=True)
class Record:
    index: int
    time_ms: int
    note: bytes
    data: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class File:
    """An evidence file whose form is right; nothing else of it is known."""

    size_bytes: int
    subject: int
    head: Head
    text: bytes
    lines: list[Line]
    cosigners: list[str]
    records: list[Record]
    brings_policy: bool


def parse_file(data: bytes) -> File:
    """The file, exactly of the form (evidence, 1)."""
    if len(data) > EVIDENCE_BYTES_MAX:
        raise Malformed(f"a file of more than {EVIDENCE_BYTES_MAX} bytes")
    if not data.isascii() or b"\\" in data or b"\x7f" in data:
        raise Malformed("not an evidence file: a character that none has")
    fields = fields_of(read_json(data), SHAPES["Evidence"], "not an evidence file")
    if fields["format"] != "tanbu.evidence/v1":
        raise Malformed("an evidence file of another form than tanbu.evidence/v1")
    if fields["seals"] or fields["tokens"]:
        raise Unavailable("the file holds seals or time stamps, which this program does not know")
    if canonical(fields) != data:
        raise Malformed("the file is not in canonical form")
    text, lines = parse_note(unbase64(fields["checkpoint"]), 262_144, 64)
    head = parse_head(text)
    ours = sorted(
        (line for line in lines if line.name == head.origin), key=lambda n: (len(n.body), n.id)
    )
    others = sorted((line for line in lines if line.name != head.origin), key=lambda n: n.key)
    if ours + others != lines or len({line.key for line in lines}) != len(lines):
        raise Malformed("the checkpoint's lines are not in their order, or two are of one key")
    if [line.key for line in others] != fields["cosigners"]:
        raise Malformed("cosigners are not those whose lines the checkpoint carries")
    records = [_record(held) for held in fields["records"]]
    if any(a.index >= b.index for a, b in pairwise(records)):
        raise Malformed("the records are not in ascending order")
    if all(record.index != fields["subject"] for record in records):
        raise Malformed("the record that the file is about is missing")
    unbase64(fields.get("policy", ""))
    brings = "policy" in fields
    return File(
        len(data), fields["subject"], head, text, ours, fields["cosigners"], records, brings
    )


def _record(held: Entry) -> Record:
    data = unbase64(held["record"])
    top, line_feed, note = data.partition(b"\n")
    numbers = top.split(b" ")
    if len(data) > RECORD_BYTES_MAX or not line_feed or len(numbers) != 2:
        raise Malformed("a record that does not begin with its index and time")
    proof = tuple(unbase64(text) for text in held["proof"])
    if any(len(value) != 32 for value in proof):
        raise Malformed("a hash that has not 32 bytes")
    return Record(decimal(numbers[0]), decimal(numbers[1]), note, data, proof)


class Signed(NamedTuple):
    """An entry with the text that its lines sign."""

    entry: Entry
    text: bytes
    origin: str
    bodies: list[bytes]


def parse_entry(note: bytes) -> Signed:
    """Three lines, the third canonical JSON of a known kind; a line per signer, in order."""
    text, lines = parse_note(note, ENTRY_BYTES_MAX, 16)
    parts = text.split(b"\n")
    if len(parts) != 4 or parts[0] != b"tanbu.entry/v1" or parts[3]:
        raise Malformed("an entry's text is not three lines")
    value = read_json(parts[2])
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise Malformed("no entry of a kind")
    entry = fields_of(value, f"{COMMON} {KINDS[kind]}", f"no entry of kind {kind}")
    if canonical(entry) != parts[2]:
        raise Malformed("the entry is not in canonical form")
    check_texts(entry)
    signers = entry["signers"]
    if any(a >= b for a, b in pairwise(signers)) or [line.key for line in lines] != signers:
        raise Malformed("the signature lines are not exactly those of signers, in their order")
    return Signed(entry, text, parts[1].decode(), [line.body for line in lines])


def states_unknown_kind(note: bytes) -> str:
    """The kind that canonical JSON in the place of an entry states, if it is not known here."""
    lines = note.split(b"\n", 3)
    if len(lines) < 4 or lines[0] != b"tanbu.entry/v1" or not is_canonical(lines[2]):
        return ""
    value = read_json(lines[2])
    kind = value.get("kind") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and kind not in KINDS else ""


# ---------------------------------------------------------------- what a record stands on

IN_FORCE = "rulebook/in-force"
AGAIN = ("account", "project", "methodology")
SERVED = {"remediation": "order", "event": "event", "offset": "obligation"}


def _n(index: int) -> str:
    return f"{index:016}"


def holder_name(holder: str) -> str:
    return f"party/{holder}" if "." in holder else f"account/{holder}"


def enrolled(entry: Entry) -> list[Entry]:
    """The keys that an entry puts in force."""
    if entry["kind"] == "key":
        return [entry] if entry["action"] in ("add", "complete") else []
    return list(entry.get("keys", ())) if entry["kind"] in ("genesis", "party", "account") else []


def proved(entry: Entry) -> dict[str, str]:
    """The keys that must sign the entry that names them."""
    if entry["kind"] == "key":
        named = [entry] if entry["action"] in ("add", "recover") else []
    else:
        named = enrolled(entry)
    return {short(key["key"]): key["key"] for key in named}


def batches_of(entry: Entry) -> list[str]:
    lists = {
        "cancellation": ("items", "buffer_items", "cover_items"),
        "issuance": ("batches", "buffer"),
    }.get(entry["kind"], ("items",))
    own = [entry["batch"]] if "batch" in entry and "items" not in entry else []
    return own + [item["batch"] for name in lists for item in entry.get(name, ())]


def stands_on(entry: Entry) -> Iterator[str]:
    """The names that an entry refers to (evidence, 4)."""
    own = proved(entry)
    for signer in entry["signers"]:
        if signer not in own:
            yield f"key/{signer}"
        yield holder_name(signer[:-9])
    yield from _refers(entry)
    if entry["kind"] not in ("issuance", "opening"):
        yield from (f"batch/{batch}" for batch in batches_of(entry))
    if "mandate" in entry:
        yield f"mandate/{_n(entry['mandate'])}"


def _refers(entry: Entry) -> Iterator[str]:
    kind = str(entry["kind"])
    # Fields that hold names, and what they name; absent ones are passed over.
    for field, family in REFERENCES.get(kind, ()):
        held = entry.get(field, ())
        for name in [held] if isinstance(held, str) else held:
            yield f"{family}/{name}"
    for field in ("freeze", "reservation", "pledge"):
        if kind in ANSWERS.get(field, ()):
            yield f"{field}/{_n(entry[field])}"
    match kind:
        case "retirement":
            if "ref" in entry and entry["purpose"] in SERVED:
                yield f"{SERVED[entry['purpose']]}/{entry['ref']}"
            if entry["purpose"] != "offset":
                yield IN_FORCE
            for family in ("party", "project", "event"):
                if family in entry["beneficiary"]:
                    yield f"{family}/{entry['beneficiary'][family]}"
        case "transfer" | "reservation":
            venue = entry.get("trade", {}).get("venue", "otc")
            if venue != "otc":
                yield f"party/{venue}"
        case "conversion" if entry["direction"] == "to_credits":
            return
        case "conversion" | "opening":
            yield IN_FORCE
        case "issuance":
            yield from _of_project(entry.get("new_project"), entry.get("project", ""))
            if "supersedes" in entry:
                yield f"issuance/{_n(entry['supersedes'])}"
        case "project":
            yield from _of_project(entry, "")
        case "methodology":
            yield f"methodology/{entry['methodology']}/{entry['version']}"
        case "mandate" if "replaces" in entry:
            yield f"mandate/{_n(entry['replaces'])}"
        case "obligation":
            yield f"rulebook/{_n(entry['rulebook_version'])}"
        case "key":
            yield holder_name(entry["holder"])
        case "cancellation":
            yield IN_FORCE
            for item in (*entry.get("items", ()), *entry.get("cover_items", ())):
                if "account" in item:
                    yield f"account/{item['account']}"
        case "correction" | "notice":
            about = entry["subject" if kind == "correction" else "about"]
            index = about.partition("/")[2].rpartition("-")[2]
            numbered = about.startswith("retirement/") and re.fullmatch("[0-9]+", index)
            yield f"retirement/{_n(int(index))}" if numbered else about
        case _:
            pass


def _of_project(fields: Entry | None, name: str) -> Iterator[str]:
    """What a project's own entry refers to, or an issuance for one that is there."""
    yield IN_FORCE
    yield f"project/{fields['project'] if fields else name}"
    if fields:
        yield f"party/{fields['owner']}"
        yield f"methodology/{fields['methodology']}/{fields['methodology_version']}"


REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "retirement": (("account", "account"),),
    "transfer": (("from", "account"), ("to", "account")),
    "reservation": (("from", "account"), ("to", "account")),
    "conversion": (("scheme", "scheme"), ("account", "account")),
    "redemption": (("scheme", "scheme"),),
    "obligation": (("obligated", "party"),),
    "mandate": (("agent", "party"), ("accounts", "account")),
    "account": (("account", "account"), ("owner", "party")),
    "order": (("order", "changes"),),
    "event": (("organiser", "party"),),
    "points_scheme": (("operator", "party"),),
    "pledge": (("account", "account"), ("pledgee", "party")),
    "freeze": (("account", "account"),),
    "execution": (("account", "account"), ("to", "account")),
    "order_change": (("order", "order"),),
    "cancellation": (("project", "project"),),
    "swap": (("scheme", "scheme"), ("to_scheme", "scheme")),
    "expiry": (("scheme", "scheme"), ("account", "account")),
}
ANSWERS = {
    "freeze": ("unfreeze", "execution"),
    "reservation": ("settlement", "release"),
    "pledge": ("unpledge",),
}


def makes(entry: Entry, index: int) -> Iterator[str]:
    """The names that an entry brings into being."""
    yield from (f"key/{short(held['key'])}" for held in enrolled(entry))
    match kind := str(entry["kind"]):
        case "genesis":
            yield from (f"party/{entry[who]['party']}" for who in ("operator", "authority"))
        case "party" | "account" | "project" | "order" | "event":
            yield f"{kind}/{entry[kind]}"
        case "rulebook":
            yield f"rulebook/{_n(entry['version'])}"
        case "methodology":
            yield f"methodology/{entry['methodology']}/{entry['version']}"
        case "issuance":
            yield f"issuance/{_n(index)}"
            if "new_project" in entry:
                yield f"project/{entry['new_project']['project']}"
            yield from (f"batch/{batch}" for batch in batches_of(entry))
        case "opening":
            yield f"batch/{entry['batch']}"
        case "mandate" | "reservation" | "pledge" | "freeze":
            yield f"{kind}/{_n(index)}"
        case "points_scheme":
            yield f"scheme/{entry['scheme']}"
        case "obligation":
            yield f"obligation/{entry['obligated']}/{entry['year']}"
        case "retirement" | "redemption" | "expiry":
            yield f"retirement/{_n(index)}"
        case "execution" if entry.get("retire"):
            yield f"retirement/{_n(index)}"
        case "order_change":
            yield f"changes/{entry['order']}"
        case _:
            pass


class Names:
    """Which records of a file make a name, and which of them a reference leads to."""

    def __init__(self, entries: dict[int, Entry], times: dict[int, int], subject: int) -> None:
        self._entries, self._times, self._subject = entries, times, subject
        self._made: dict[str, list[int]] = {}
        for index, entry in entries.items():
            for name in makes(entry, index):
                if name in self._made and name.partition("/")[0] not in (*AGAIN, "changes"):
                    raise NotTrusted(f"record {index}: {name} is made twice")
                self._made.setdefault(name, []).append(index)

    def find(self, name: str, index: int) -> list[int]:
        """The records to which a reference of the one at `index` leads."""
        if name == IN_FORCE:
            found = self._in_force(index)
        else:
            family, makers = name.partition("/")[0], self._made.get(name, [])
            if family == "changes":
                return makers
            later = bool(makers) and makers[0] > index and family != "event"
            newest = max(self._subject, index) if family in AGAIN else INT63_MAX
            found = [] if later else [maker for maker in makers if maker <= newest]
        if not found:
            raise NotTrusted(f"record {index}: the file lacks {name}, or it comes later")
        return found

    def _in_force(self, index: int) -> list[int]:
        return [
            n
            for n, entry in self._entries.items()
            if entry["kind"] == "rulebook"
            and n < index
            and entry["effective_from_ms"] <= self._times[index]
        ][-1:]

    def newest(self, name: str, index: int) -> Entry:
        """What the entry at `index` refers to, as it then stood."""
        found = self.find(name, index)
        return self._entries[max((n for n in found if n <= index), default=found[-1])]

    def closure(self) -> set[int]:
        """All that the subject stands on, with it and the genesis."""
        todo, found = [0, self._subject], set[int]()
        while todo:
            index = todo.pop()
            if index in found:
                continue
            found.add(index)
            if index not in self._entries:
                raise NotTrusted(f"record {index} is missing from the file")
            for name in stands_on(self._entries[index]):
                todo += self.find(name, index)
        return found


# ---------------------------------------------------------------- who signed


class Keys:
    """The keys that the records so far have enrolled (evidence, 5)."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[bytes, int, int]] = {}
        self._revoked: set[str] = set()
        self._public: set[bytes] = set()

    def open(self, record: Record, signed: Signed) -> list[str]:
        """The holders who have signed by a key that counts."""
        entry, where, holders = signed.entry, f"record {record.index}", list[str]()
        new = proved(entry)
        if missing := sorted(new.keys() - set(entry["signers"])):
            raise NotTrusted(f"{where}: it names new keys that did not sign: {missing}")
        for signer, body in zip(entry["signers"], signed.bodies, strict=True):
            if signer in self._held:
                public, from_ms, until_ms = self._held[signer]
                if signer in self._revoked or not from_ms <= record.time_ms < until_ms:
                    raise NotTrusted(f"{where}: the key {signer} was not in force")
                holders.append(signer[:-9])
            elif signer in new:
                public = self._public_of(new[signer], where, signer)
                if entry["kind"] == "genesis":
                    holders.append(signer[:-9])
            else:
                raise NotTrusted(f"{where}: no record before it enrols the key {signer}")
            if len(body) != 64 or not signature_is_good(public, body, signed.text):
                raise NotTrusted(f"{where}: the signature of {signer} is not good")
        self._take_in(entry, record.time_ms, where)
        return holders

    def _take_in(self, entry: Entry, time_ms: int, where: str) -> None:
        for held in enrolled(entry):
            signer = short(held["key"])
            public = self._once(self._public_of(held["key"], where, signer), where)
            # A key entry states no `from_ms`: its key is in force from the record on.
            span = held.get("from_ms", time_ms), held.get("until_ms", 2 * INT63_MAX)
            self._held[signer] = (public, *span)
            self._revoked.discard(signer)
        log_keys = {"genesis": entry.get("log_keys", {}), "logkey": entry}.get(entry["kind"], {})
        for name in ("ed25519", "mldsa44"):
            if name in log_keys:
                self._once(self._public_of(log_keys[name], where), where)
        if entry["kind"] == "key" and entry["action"] == "revoke":
            self._revoked.add(short(entry["key"]))

    def _public_of(self, text: str, where: str, signer: str = "") -> bytes:
        """The public key of a verifier key; of a party's or account's it is Ed25519."""
        try:
            key = parse_vkey(text)
        except Malformed as error:
            raise NotTrusted(f"{where}: {error}") from error
        if signer and (key.type != ED25519 or f"{key.name}+{key.id}" != signer):
            raise NotTrusted(f"{where}: the key of {signer} is of another type or name")
        return key.public

    def _once(self, public: bytes, where: str) -> bytes:
        if public in self._public:
            raise NotTrusted(f"{where}: a public key serves twice")
        self._public.add(public)
        return public


# ---------------------------------------------------------------- who must have signed

OPEN_ROLES = {"owner", "platform", "obligated", "organiser"}


class Powers:
    """What the records so far say of roles, accounts and the rest (evidence, 6)."""

    def __init__(self) -> None:
        self._roles: dict[str, list[str]] = {}
        self._named: dict[str, Entry] = {}
        self._courts: dict[str, set[str]] = {}
        self._rulebooks: list[Entry] = []
        self._authority = ""
        # Of the record being checked:
        self._where = ""
        self._time_ms = 0
        self._holders: list[str] = []

    def check(self, record: Record, entry: Entry, holders: list[str]) -> None:
        """NotTrusted unless those who must sign have; then the entry is known to later ones."""
        self._where, self._time_ms, self._holders = (
            f"record {record.index}",
            record.time_ms,
            holders,
        )
        kind = str(entry["kind"])
        for role in SIGNED_BY_ROLES.get(kind, ()):
            self._need_role(role)
        check = _CHECKS.get(kind)
        if check is not None:
            check(self, entry)
        for name in makes(entry, record.index):
            self._named[name] = entry.get("new_project", entry) if name[:8] == "project/" else entry
        match kind:
            case "genesis":
                self._authority = entry["authority"]["party"]
                self._roles[entry["operator"]["party"]] = ["operator"]
                self._roles[self._authority] = ["authority"]
            case "party":
                self._roles[entry["party"]] = entry["roles"]
            case "rulebook":
                self._rulebooks.append(entry)
            case "order" | "freeze":
                name = (
                    f"order/{entry['order']}" if kind == "order" else f"freeze/{_n(record.index)}"
                )
                self._courts[name] = self._hand(entry["origin"])
            case _:
                pass

    # What signers are needed for a kind; the order of the checks makes no difference.

    def of_genesis(self, entry: Entry) -> None:
        self._need(entry["operator"]["party"], entry["authority"]["party"])

    def of_party(self, entry: Entry) -> None:
        if set(entry["roles"]) - OPEN_ROLES:
            self._need_role("authority")

    def of_key(self, entry: Entry) -> None:
        holder = entry["holder"]
        if entry["action"] == "add" and f"account/{holder}" in self._named:
            self._need_owner(holder)
        elif entry["action"] in ("add", "revoke"):
            self._need(holder)
        else:
            self._need_role("operator")
            self._need_role("authority")

    def of_account(self, entry: Entry) -> None:
        known = self._named.get(f"account/{entry['account']}")
        if known is None:
            self._need_role("operator")
            if "owner" in entry:
                self._need(entry["owner"])
            return
        if self._kept(known, entry, "type", "owner") or "keys" in entry:
            raise self._bad("an account that is sent again says something else")
        self._need_owner(entry["account"])

    def of_methodology(self, entry: Entry) -> None:
        known = self._named.get(f"methodology/{entry['methodology']}/{entry['version']}")
        if known is not None and self._kept(known, entry, "class", "from", "doc_sha256"):
            raise self._bad("a methodology that is sent again says something else")

    def of_project(self, entry: Entry) -> None:
        known = self._named.get(f"project/{entry['project']}")
        if known is not None:
            fields = {word.split(":")[0].rstrip("?") for word in _PROJECT.split()}
            if self._kept(known, entry, *(fields - {"status", "title"})):
                raise self._bad("a project that is sent again says something else")
            self._need_role("centre")
            self._need_role("authority")
            return
        if "applicant" in entry:
            self._need(entry["applicant"])
        for role in self._listed(f"{entry['type']}_signed_by"):
            if role == "owner":
                self._need(entry["owner"])
            else:
                self._need_role(role)

    def of_issuance(self, entry: Entry) -> None:
        if "new_project" in entry:
            self.of_project(entry["new_project"])
            project = entry["new_project"]
        else:
            project = self._named[f"project/{entry['project']}"]
        prefix = "" if project["type"] == "project" else "scenario_"
        least = self._rule("issuance_organisations_min")
        least = least if isinstance(least, int) else 0
        roles = self._listed(f"{prefix}issuance_signed_by")
        self._need_organisations(roles, project["owner"], max(2, least))

    def of_cancellation(self, entry: Entry) -> None:
        owner = self._named[f"project/{entry['project']}"]["owner"]
        self._need_organisations(self._listed("cancellation_signed_by"), owner, 2)
        reserve = self._rule("reserve_account")
        for item in entry.get("cover_items", ()):
            if "account" in item and item["account"] != reserve:
                self._need_owner(item["account"])
        for item in entry.get("items", ()) if entry["reason"] == "conversion_out" else ():
            if "account" in item:
                self._need_owner(item["account"])

    def of_mandate(self, entry: Entry) -> None:
        accounts = list(entry["accounts"])
        if "replaces" in entry:
            earlier = self._named.get(f"mandate/{_n(entry['replaces'])}")
            if earlier is None:
                raise self._bad("the mandate that it replaces is none from before it")
            accounts += earlier["accounts"]
        for account in accounts:
            self._need_owner(account)

    def of_moving(self, entry: Entry) -> None:
        """Transfer and reservation; a reservation's receiver answers when it is settled."""
        self._need_consent(entry, entry["from"])
        if entry["kind"] == "transfer":
            self._need_receiver(entry)
        if venue := self._venue(entry):
            self._need_party_in(venue, "exchange")

    def of_settlement(self, entry: Entry) -> None:
        reserved = self._named[f"reservation/{_n(entry['reservation'])}"]
        self._need_settler(reserved)
        self._need_receiver(reserved)

    def of_release(self, entry: Entry) -> None:
        reserved = self._named[f"reservation/{_n(entry['reservation'])}"]
        if self._time_ms < reserved["expires_ms"]:
            self._need_settler(reserved)

    def of_pledge(self, entry: Entry) -> None:
        self._need_owner(entry["account"])
        self._need_party_in(entry["pledgee"], "pledgee")

    def of_unpledge(self, entry: Entry) -> None:
        self._need(self._named[f"pledge/{_n(entry['pledge'])}"]["pledgee"])

    def of_instrument(self, entry: Entry) -> None:
        """Order, freeze; execution, which answers a freeze."""
        by = f"freeze/{_n(entry['freeze'])}" if entry["kind"] == "execution" else ""
        self._need_court(entry["origin"], by)

    def of_unfreeze(self, entry: Entry) -> None:
        name = f"freeze/{_n(entry['freeze'])}"
        if entry["origin"] != "lapsed":
            self._need_court(entry["origin"], name)
        elif self._time_ms < self._named[name].get("until_ms", 2 * INT63_MAX):
            raise self._bad("the term of the freeze is not over")

    def of_order_change(self, entry: Entry) -> None:
        name = f"order/{entry['order']}"
        self._need_court(self._named[name]["origin"], name)

    def of_notice(self, entry: Entry) -> None:  # noqa: ARG002  all checks are called alike
        if not (self._with_role("operator") or self._with_role("authority")):
            raise self._bad("a notice is signed by neither operator nor authority")

    def of_retirement(self, entry: Entry) -> None:
        self._need_consent(entry, entry["account"])

    def of_conversion(self, entry: Entry) -> None:
        operator = self._named[f"scheme/{entry['scheme']}"]["operator"]
        self._need(operator)
        if entry["direction"] != "to_credits":
            self._need_consent(entry, entry["account"])
        elif self._named[f"account/{entry['account']}"].get("owner") != operator:
            raise self._bad(f"the account {entry['account']} is not {operator}'s")

    def of_points(self, entry: Entry) -> None:
        """Redemption, swap, expiry: the operators of the schemes."""
        for field in ("scheme", "to_scheme"):
            if field in entry:
                self._need(self._named[f"scheme/{entry[field]}"]["operator"])
        if entry["kind"] == "expiry" and "account" in entry:
            owner = self._named[f"account/{entry['account']}"].get("owner")
            if owner != self._authority:
                raise self._bad(f"the account {entry['account']} is not the authority's")

    def of_points_scheme(self, entry: Entry) -> None:
        self._need_party_in(entry["operator"], "points_operator")

    def of_event(self, entry: Entry) -> None:
        self._need_party_in(entry["organiser"], "organiser")

    # ---- the words that these are made of

    def _bad(self, what: str) -> NotTrusted:
        return NotTrusted(f"{self._where}: {what}")

    def _with_role(self, role: str) -> set[str]:
        return {h for h in self._holders if role in self._roles.get(h, ())}

    def _need_role(self, role: str) -> None:
        if not self._with_role(role):
            raise self._bad(f"no {role} has signed")

    def _need(self, *parties: str) -> None:
        for party in parties:
            if party not in self._holders:
                raise self._bad(f"{party} has not signed")

    def _need_party_in(self, party: str, role: str) -> None:
        self._need(party)
        if role not in self._roles.get(party, ()):
            raise self._bad(f"{party} is no {role}")

    def _need_owner(self, name: str) -> None:
        account = self._named[f"account/{name}"]
        if sum(h in (name, account.get("owner")) for h in self._holders) < account["need"]:
            raise self._bad(f"the owner of {name} has not signed")

    def _need_consent(self, entry: Entry, account: str) -> None:
        if "mandate" not in entry:
            self._need_owner(account)
            return
        given = self._named[f"mandate/{_n(entry['mandate'])}"]
        kind = "transfer" if entry["kind"] == "reservation" else entry["kind"]
        if account not in given["accounts"] or kind not in given["kinds"]:
            raise self._bad("the mandate does not cover it")
        if given["until_ms"] <= self._time_ms:
            raise self._bad("the mandate had ended")
        self._need(given["agent"])

    def _need_receiver(self, entry: Entry) -> None:
        account = self._named[f"account/{entry['to']}"]
        listed = account["accept"] == "listed" and entry["from"] in account.get("listed", ())
        if account["accept"] != "any" and not listed:
            self._need_owner(entry["to"])

    def _need_settler(self, reserved: Entry) -> None:
        if venue := self._venue(reserved):
            self._need(venue)
        else:
            self._need_owner(reserved["from"])

    def _venue(self, entry: Entry) -> str:
        venue: str = entry.get("trade", {}).get("venue", "otc")
        return "" if venue == "otc" else venue

    def _hand(self, origin: str) -> set[str]:
        """Whose instrument this record is: courts, or else authorities."""
        if origin == "recorded":
            return set()
        return self._with_role("court") or self._with_role("authority")

    def _need_court(self, origin: str, name: str) -> None:
        if origin == "recorded":
            self._need_role("exchange")
            self._need_role("authority")
        elif not self._hand(origin):
            raise self._bad("it is signed by neither court nor authority")
        hand = self._courts.get(name, set())
        if hand and hand.isdisjoint(self._holders):
            self._need_role("court")
            self._need_role("authority")

    def _need_organisations(self, roles: Iterable[str], owner: str, least: int) -> None:
        organisations: set[str] = set()
        for role in roles:
            signed = self._with_role(role) - {owner}
            if not signed:
                raise self._bad(f"no {role} that is not the owner has signed")
            organisations |= signed
        if len(organisations) < least:
            raise self._bad(f"{len(organisations)} organisations have signed instead of {least}")

    def _kept(self, known: Entry, entry: Entry, *fields: str) -> bool:
        """True if one of these fields is not what it was."""
        return any(known.get(field) != entry.get(field) for field in fields)

    def _rule(self, name: str) -> object:
        """A value of the rulebook in force; None if it has none of that name."""
        begun = [b for b in self._rulebooks if b["effective_from_ms"] <= self._time_ms]
        if not begun:
            raise self._bad("no rulebook in the file was in force")
        value: object = begun[-1]["values"].get(name)
        return value

    def _listed(self, name: str) -> list[str]:
        value = self._rule(name)
        return value if isinstance(value, list) else []


SIGNED_BY_ROLES = {
    "rulebook": ("authority", "operator"),
    "opening": ("authority", "operator"),
    "party": ("operator",),
    "logkey": ("operator", "authority"),
    "methodology": ("centre", "authority"),
    "obligation": ("authority",),
    "correction": ("operator", "authority"),
    "end": ("operator", "authority"),
    "seal": ("operator",),
    "redemption": ("platform",),
    "points_scheme": ("authority",),
}
_CHECKS: dict[str, Callable[[Powers, Entry], None]] = {
    "genesis": Powers.of_genesis,
    "party": Powers.of_party,
    "key": Powers.of_key,
    "account": Powers.of_account,
    "methodology": Powers.of_methodology,
    "project": Powers.of_project,
    "issuance": Powers.of_issuance,
    "cancellation": Powers.of_cancellation,
    "mandate": Powers.of_mandate,
    "transfer": Powers.of_moving,
    "reservation": Powers.of_moving,
    "settlement": Powers.of_settlement,
    "release": Powers.of_release,
    "pledge": Powers.of_pledge,
    "unpledge": Powers.of_unpledge,
    "order": Powers.of_instrument,
    "freeze": Powers.of_instrument,
    "execution": Powers.of_instrument,
    "unfreeze": Powers.of_unfreeze,
    "order_change": Powers.of_order_change,
    "notice": Powers.of_notice,
    "retirement": Powers.of_retirement,
    "conversion": Powers.of_conversion,
    "redemption": Powers.of_points,
    "swap": Powers.of_points,
    "expiry": Powers.of_points,
    "points_scheme": Powers.of_points_scheme,
    "event": Powers.of_event,
}


# ---------------------------------------------------------------- the steps


class Said(NamedTuple):
    """A sentence in both languages."""

    en: str
    zh: str


TITLES = (
    Said("Form", "格式"),
    Said("Trust", "信任根"),
    Said("Checkpoint", "检查点"),
    Said("Inclusion", "包含证明"),
    Said("Entries", "条目"),
    Said("Standing", "依据"),
    Said("Genesis", "创世"),
    Said("Signatures", "签名"),
    Said("Powers", "权限"),
    Said("Serials", "序号"),
)


class Judge:
    """One file under way; each step is a method, in their order, and says what it saw."""

    def __init__(self, data: bytes, trust: dict[str, Entry]) -> None:
        self._data, self._logs = data, trust
        self.steps: list[Said] = []
        self.unchecked_lines: list[str] = []
        self.signed: dict[int, Signed] = {}
        self.holders: dict[int, list[str]] = {}

    def run(self) -> None:
        """Take all steps; what one raises bears its number."""
        for number, step in enumerate(
            (
                self._form, self._trust, self._checkpoint, self._inclusion, self._entries,
                self._standing, self._genesis, self._signatures, self._powers, self._serials,
            ),
            1,
        ):  # fmt: skip
            try:
                self.steps.append(step())
            except Bad as error:
                error.step = number
                raise

    def _form(self) -> Said:
        self.file = file = parse_file(self._data)
        count = len(file.records)
        return Said(
            f"{file.size_bytes} bytes, {count} records", f"{file.size_bytes} 字节，{count} 条记录"
        )

    def _trust(self) -> Said:
        head = self.file.head
        log = self._logs.get(head.origin)
        if log is None:
            known = ", ".join(self._logs)
            raise Unavailable(f"the log {head.origin} is not among those of trust ({known})")
        if "policy" in log:
            raise Unavailable("trust asks for a witness policy, which this program cannot apply")
        counting = [
            held["key"]
            for held in log["log_keys"]
            if held["from_size"] <= head.size < held.get("until_size", 2 * INT63_MAX)
        ]
        self._log, self._log_keys = log, [parse_vkey(text) for text in counting]
        if all(key.type != ED25519 for key in self._log_keys):
            raise Unavailable(f"trust has no Ed25519 key of the log for the size {head.size}")
        return Said(head.origin, head.origin)

    def _checkpoint(self) -> Said:
        file = self.file
        counting = {f"{key.name}+{key.id}": key for key in self._log_keys}
        named = {short(held["key"]) for held in self._log["log_keys"]}
        counted = [line for line in file.lines if line.key in counting]
        self.uncounted = [line.key for line in file.lines if line.key not in {*counting, *named}]
        if not counted and self.uncounted:
            raise Unavailable(f"only keys that trust does not name have signed: {self.uncounted}")
        if not counted:
            raise NotTrusted("no key of the log that counts at this size has signed")
        if len(counting) != len(self._log_keys):
            raise Malformed("two log keys of trust have one name and id")
        for line in counted:
            self._check_line(line, counting[line.key])
        there = {counting[line.key].type for line in counted}
        if missing := {key.type for key in self._log_keys} - there:
            words = "ML-DSA-44" if MLDSA44 in missing else "Ed25519"
            raise NotTrusted(f"the checkpoint lacks the log's {words} line")
        good, left = len(counted) - len(self.unchecked_lines), len(self.unchecked_lines)
        return Said(
            f"size {file.head.size}, {good} signatures of the log good, {left} not checked",
            f"规模 {file.head.size}，账本签名核验 {good} 个，未核验 {left} 个",
        )

    def _check_line(self, line: Line, key: VKey) -> None:
        if key.type == MLDSA44:
            time_s = int.from_bytes(line.body[:8], "big")
            if len(line.body) != MLDSA44_BODY_BYTES or time_s > INT63_MAX:
                raise Malformed("an ML-DSA-44 line of another length, or of no time")
            self.unchecked_lines.append(line.key)
        elif len(line.body) != 64:
            raise Malformed("an Ed25519 signature has 64 bytes")
        elif not signature_is_good(key.public, line.body, self.file.text):
            raise NotTrusted(f"the signature of {line.key} is not good")

    def _inclusion(self) -> Said:
        head = self.file.head
        for record in self.file.records:
            where = f"record {record.index}"
            if record.index >= head.size:
                raise NotTrusted(f"{where}: the checkpoint covers {head.size} records")
            if root_of(record.data, record.index, head.size, record.proof) != head.root:
                raise NotTrusted(f"{where}: the proof does not lead to the root")
        count, root = len(self.file.records), head.root.hex()[:16]
        return Said(f"{count} records under root {root}…", f"{count} 条记录在根 {root}… 之下")

    def _entries(self) -> Said:
        last_ms = 0
        for record in self.file.records:
            where = f"record {record.index}"
            if record.time_ms < last_ms:
                raise NotTrusted(f"{where}: the time goes back")
            last_ms = record.time_ms
            try:
                signed = parse_entry(record.note)
            except Malformed as error:
                if kind := states_unknown_kind(record.note):
                    raise Unavailable(f"{where}: the kind {kind[:40]!a} is not known") from error
                raise NotTrusted(f"{where}: not an entry: {error}") from error
            if signed.origin != self.file.head.origin:
                raise NotTrusted(f"{where}: an entry for the log {signed.origin[:200]}")
            entry = signed.entry
            if (entry["kind"] == "genesis") != (record.index == 0):
                raise NotTrusted(f"{where}: a genesis is the record at index 0 and no other")
            named = entry["kind"] in ("genesis", "rulebook")
            if named and entry.get("ruleset", RULESETS[0]) not in RULESETS:
                raise Unavailable(f"{where}: the ruleset {entry['ruleset']} is not known")
            self.signed[record.index] = signed
        self.entries = {index: signed.entry for index, signed in self.signed.items()}
        self.times = {record.index: record.time_ms for record in self.file.records}
        kinds = sorted({entry["kind"] for entry in self.entries.values()})
        return Said(", ".join(kinds), "、".join(kinds))

    def _standing(self) -> Said:
        subject = self.file.subject
        self.names = Names(self.entries, self.times, subject)
        needed = self.names.closure()
        if extra := sorted(set(self.entries) - needed):
            raise NotTrusted(f"record {extra[0]}: nothing stands on it")
        others = len(needed) - 1
        return Said(
            f"record {subject} stands on {others} others, all here",
            f"第 {subject} 条记录依据的 {others} 条记录俱在",
        )

    def _genesis(self) -> Said:
        genesis = self.entries[0]
        for held in genesis["keys"]:
            signer = short(held["key"])
            of_authority = signer[:-9] == genesis["authority"]["party"]
            trusted = held["key"] in self._log["authority_keys"]
            if of_authority and trusted and signer in genesis["signers"]:
                return Said(signer, signer)
        raise NotTrusted("record 0: the genesis is not signed by an authority key of trust")

    def _signatures(self) -> Said:
        keys = Keys()
        for record in self.file.records:
            self.holders[record.index] = keys.open(record, self.signed[record.index])
        count = sum(len(signed.bodies) for signed in self.signed.values())
        return Said(f"{count} by enrolled keys", f"{count} 个，均出自已登记密钥")

    def _powers(self) -> Said:
        powers = Powers()
        for record in self.file.records:
            powers.check(record, self.entries[record.index], self.holders[record.index])
        signed = ", ".join(dict.fromkeys(self.holders[self.file.subject]))
        return Said(signed, signed)

    def _serials(self) -> Said:
        entry, where = self.entries[self.file.subject], f"record {self.file.subject}"
        items = entry["items"] if entry["kind"] in ("retirement", "execution", "pledge") else []
        for item in items:
            count = self.batch(item["batch"])["count"]
            if not 1 <= item["first"] <= item["last"] <= count:
                raise NotTrusted(f"{where}: {item['batch']} has the serials 1 to {count}")
        for one, other in pairwise(sorted((i["batch"], i["first"], i["last"]) for i in items)):
            if one[0] == other[0] and other[1] <= one[2]:
                raise NotTrusted(f"{where}: serial {other[1]} of {one[0]} is named twice")
        return Said(f"{len(items)} ranges", f"{len(items)} 段")

    def batch(self, name: str) -> Entry:
        """What made a batch that the subject names, as its maker says it."""
        maker = self.names.newest(f"batch/{name}", self.file.subject)
        made: list[Entry] = [maker, *maker.get("batches", ()), *maker.get("buffer", ())]
        return next(held for held in made if held.get("batch") == name)


# ---------------------------------------------------------------- words

PURPOSES = {
    "offset": Said("to meet the obligation", "用于履约抵销"),
    "remediation": Said("to fulfil the order", "用于履行替代性修复"),
    "event": Said("to neutralise the event", "用于活动碳中和"),
    "voluntary": Said("voluntarily", "自愿公益"),
}


def not_checked(judge: Judge) -> Iterator[Said]:
    """What the file does not prove: the verdict begins with it."""
    file = judge.file
    yield Said(
        f"Valid when logged; nothing is known of what came after size {file.head.size}.",
        f"仅证明入账时有效；规模 {file.head.size} 之后的情况未知。",
    )
    yield Said(
        "No replayer: whether the rules allowed it (balances, dates, caps) was not checked.",
        "无重放方联署：未核验是否符合规则（余额、期限、上限）。",
    )
    for line in judge.unchecked_lines:
        yield Said(
            f"The log's ML-DSA-44 signature {line} was not checked: this program has no"
            " ML-DSA-44. It is there; the log's Ed25519 signature was checked.",
            f"账本的 ML-DSA-44 签名 {line} 未经核验：本程序不支持该算法；其 Ed25519 签名已核验。",
        )
    if judge.uncounted:
        listed = ", ".join(judge.uncounted)
        yield Said(
            f"Lines under the log's name by keys that trust does not name: {listed}. They were not"
            " counted; the log may have changed its keys.",
            f"以账本名义、但信任根未列明的签名不予计入：{listed}。账本可能已更换密钥。",
        )
    if file.cosigners:
        listed = ", ".join(file.cosigners)
        yield Said(f"Cosignatures were not counted: {listed}.", f"联署不予计入：{listed}。")
    yield Said(
        "Not witnessed: that the log shows the same records to everybody was not checked.",
        "无见证方联署：未核验账本是否向所有人展示相同内容。",
    )
    yield Said("No time stamp: the time is the log's own.", "无可信时间戳：时间为账本自身记录。")
    if file.brings_policy:
        yield Said("The file brings a policy; it was not used.", "文件自带的策略未被采用。")
    for index, entry in judge.entries.items():
        if entry.get("origin") == "recorded":
            digest = entry.get("instrument_sha256", "?")
            yield Said(
                f"Record {index} ({entry['kind']}) was recorded by others from an instrument with"
                f" SHA-256 {digest}: its issuer's own signature was not"
                " checked.",
                f"第 {index} 条记录（{entry['kind']}）由他方依据文书录入，文书 SHA-256 为"
                f" {digest}：未核验出具机关自身的签名。",
            )
        if entry["kind"] == "opening":
            old = entry["source"]["registry"]
            yield Said(
                f"The batch {entry['batch']} is taken over from {old}, not proved.",
                f"批次 {entry['batch']} 接管自 {old}，未经证明。",
            )
    yield Said(
        "Documents that records name by SHA-256 were not read.",
        "记录中以 SHA-256 引用的文件未予查阅。",
    )


def when(judge: Judge, index: int) -> str:
    """A record time as civil time of the region; a year that no calendar has, as a number."""
    offset_min = judge.entries[0]["offset_min"]
    zone = timezone(timedelta(minutes=offset_min))
    try:
        at = EPOCH + timedelta(milliseconds=judge.times[index])
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S (%Z)}"
    except OverflowError:
        return f"{judge.times[index]} ms"


def statement(judge: Judge) -> Iterator[Said]:
    """What the file proves, in plain words."""
    index, head = judge.file.subject, judge.file.head
    entry = judge.entries[index]
    signed = ", ".join(dict.fromkeys(judge.holders[index] or entry["signers"]))
    yield Said(
        f"Record {index} of {head.origin}, of kind {entry['kind']}, was logged on"
        f" {when(judge, index)}, signed by {signed}.",
        f"账本 {head.origin} 第 {index} 条记录（{entry['kind']}）于 {when(judge, index)} 入账，"
        f"由 {signed} 签署。",
    )
    if entry["kind"] == "retirement":
        yield from _retirement(judge, entry)
    if entry["kind"] == "order":
        amount = tonnes(entry["quantity_g"])
        yield Said(
            f"{entry['issuer']} ordered {amount} t to be retired: {entry['number']},"
            f" {entry['date']}.",
            f"{entry['issuer']} 裁定注销 {amount} 吨：{entry['number']}，{entry['date']}。",
        )
        yield from _changes(judge, entry["order"], 0)


def _retirement(judge: Judge, entry: Entry) -> Iterator[Said]:
    index = judge.file.subject
    batches = {item["batch"]: judge.batch(item["batch"]) for item in entry["items"]}
    grams = sum(
        (i["last"] - i["first"] + 1) * batches[i["batch"]]["unit_g"] for i in entry["items"]
    )
    serials = "; ".join(f"{i['batch']}: {i['first']}–{i['last']}" for i in entry["items"])
    certificate = f"{judge.entries[0]['region']}-R-{judge.file.head.origin[-8:]}-{index}"
    held = entry["beneficiary"].items()
    favour = ", ".join(f"{k} {v['name'] if k == 'firm' else v}" for k, v in held) or "nobody named"
    purpose, served = PURPOSES[entry["purpose"]], ""
    if entry["purpose"] in SERVED and "ref" in entry:
        found = judge.names.newest(f"{SERVED[entry['purpose']]}/{entry['ref']}", index)
        served = f" {entry['ref']}"
        if found["kind"] == "order":
            amount = tonnes(found["quantity_g"])
            served += f", {found['number']} of {found['issuer']} ({found['date']}, {amount} t)"
    amount, day = tonnes(grams), when(judge, index)
    yield Said(
        f"{amount} t of CO2 equivalent, serials {serials}, were finally retired on {day}"
        f" {purpose.en}{served}, in favour of {favour}. Certificate {certificate}.",
        f"{amount} 吨二氧化碳当量（序号 {serials}）已于 {day} 最终注销，{purpose.zh}{served}，"
        f"受益方为 {favour}。证书号 {certificate}。",
    )
    yield Said(
        "Under the rules of this log these serials cannot be transferred or used again.",
        "依本账本规则，上述序号不得再次转让或使用。",
    )
    for name, batch in batches.items():
        maker = judge.names.find(f"batch/{name}", index)[0]
        signed = ", ".join(dict.fromkeys(judge.holders[maker]))
        yield Said(
            f"Batch {name} ({batch['vintage']}) is by record {maker}, signed by {signed}.",
            f"批次 {name}（{batch['vintage']}）出自第 {maker} 条记录，由 {signed} 签署。",
        )
    if entry["purpose"] == "remediation" and "ref" in entry:
        yield from _changes(judge, entry["ref"], grams)


def _changes(judge: Judge, order: str, grams: int) -> Iterator[Said]:
    """What became of an order, and how much of a retirement of so many grams no longer served."""
    left = []
    for index in judge.names.find(f"changes/{order}", judge.file.subject):
        entry = judge.entries[index]
        amount = f": {tonnes(entry['quantity_g'])} t" if "quantity_g" in entry else ""
        yield Said(
            f"The order {order} was changed by record {index} ({entry['effect']}{amount}) on"
            f" {when(judge, index)}.",
            f"裁决 {order} 由第 {index} 条记录变更（{entry['effect']}{amount}），"
            f"{when(judge, index)}。",
        )
        if index > judge.file.subject and entry["effect"] in ("reduce", "annul"):
            left.append(0 if entry["effect"] == "annul" else entry.get("quantity_g", 0))
    if grams and left:
        amount = tonnes(max(grams - min(left), 0))
        yield Said(
            f"At least {amount} t of it are therefore voluntary now; all of it stays retired.",
            f"因此其中至少 {amount} 吨现为自愿注销；注销仍然有效。",
        )


def open_obligor(judge: Judge, data: bytes) -> Said:
    """Who an obligor of the order is, by a private opening that fits."""
    line, end, rest = data.partition(b"\n")
    opening = fields_of(read_json(line), SHAPES["ObligorOpening"], "not an obligor's opening")
    if opening["form"] != "tanbu.opening/v1" or not end or rest or not is_canonical(line):
        raise Malformed("not the opening of an obligor")
    entry = judge.entries[judge.file.subject]
    if entry["kind"] == "retirement" and entry["purpose"] == "remediation" and "ref" in entry:
        entry = judge.names.newest(f"order/{entry['ref']}", judge.file.subject)
    if entry["kind"] != "order":
        raise Malformed("this record has no order whose obligor could be opened")
    words = ("tanbu.obligor/v1", opening["salt"], opening["name"], opening["id_number"])
    commit = sha256("\n".join(words).encode()).hexdigest()
    for number, obligor in enumerate(entry["obligors"]):
        if obligor.get("commit") == commit:
            return Said(
                f"The opening shown fits: obligor {number} of the order is {opening['name']}.",
                f"所示开示文件相符：裁决第 {number} 位义务人为 {opening['name']}。",
            )
    raise NotTrusted("the opening is that of no obligor of this order")


# ---------------------------------------------------------------- the command line


class Verdict(NamedTuple):
    """What of a good file was not checked, what each step saw, and what it proves."""

    not_checked: tuple[Said, ...]
    steps: tuple[Said, ...]
    statement: tuple[Said, ...]

    def lines(self, language: str) -> Iterator[str]:
        at = 1 if language == "zh" else 0
        yield ("Not checked:", "未核验：")[at]
        yield from (f"  - {said[at]}" for said in self.not_checked)
        yield ("Checked:", "已核验：")[at]
        for number, (title, found) in enumerate(zip(TITLES, self.steps, strict=True), 1):
            yield f"  {number}. {title[at]}: {found[at]}"
        yield ("It proves:", "所证明的内容：")[at]
        yield from (f"  {said[at]}" for said in self.statement)


def verify(data: bytes, trust: dict[str, Entry], opening: bytes | None = None) -> Verdict:
    """The verdict on a good file; one of the three kinds of Bad on any other."""
    judge = Judge(data, trust)
    judge.run()
    said = list(statement(judge))
    if opening is not None:
        said.append(open_obligor(judge, opening))
    return Verdict(tuple(not_checked(judge)), tuple(judge.steps), tuple(said))


def read(path: Path, bytes_max: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise Malformed(f"{path}: a file of more than {bytes_max} bytes")
    return data


def read_trust(directory: Path) -> dict[str, Entry]:
    if not directory.is_dir():
        raise Unavailable(f"{directory}: there is no such trust directory")
    found = sorted(directory.glob("*.json"))[: TRUST_FILES_MAX + 1]
    return parse_trust((str(path), read(path, TRUST_BYTES_MAX)) for path in found)


# A bug is no verdict on the file: "could not be checked", and never Python's own 1.
BUGS = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an evidence file of a Tanbu log offline.")
    parser.add_argument("file", type=Path, help="the evidence file")
    parser.add_argument("--trust", type=Path, required=True, help="your trust, a directory")
    parser.add_argument("--opening", type=Path, help="the private opening of an order's obligor")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="the verdict's language")
    given = parser.parse_args(argv)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        data = read(given.file, EVIDENCE_BYTES_MAX)
        trust = read_trust(given.trust)
        opening = read(given.opening, OPENING_BYTES_MAX) if given.opening else None
        print("\n".join(verify(data, trust, opening).lines(given.lang)))
    except Bad as error:
        step = f"step {error.step}, {TITLES[error.step - 1].en.lower()}: " if error.step else ""
        print(f"{error.word}: {step}{error}".encode("ascii", "replace").decode(), file=sys.stderr)
        return error.exit
    except OSError as error:
        print(f"unreadable: {error.filename}: {error.strerror}", file=sys.stderr)
        return Malformed.exit
    except BUGS as error:
        print(f"this should not happen: {type(error).__name__}: {error}", file=sys.stderr)
        return Unavailable.exit
    return 0


if __name__ == "__main__":
    sys.exit(main())
