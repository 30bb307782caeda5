"""Verifying a refusal note: the operator's signed word that an entry arrived and was refused.

Source: docs/spec/formats.md, "Refusal note". Refuses to know: the network, the log, the rules.

Steps
1. Form: the bytes are a refusal note (else Malformed).
2. Trust: keys of the operator of this log are known, from trust or given (else Unavailable).
3. Signature: the line is good by one of them.
4. Entry, if its file is at hand: the note names the text of this entry.

    report = verify_refusal(note, operator_keys(parse_refusal(note).origin, trust, given))
"""

from collections.abc import Sequence
from hashlib import sha256

from msgspec import UNSET

from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import TYPE_ED25519, VerifierKey, parse_vkey
from registry.ledger.codec import parse_text
from registry.ledger.dates import DAY_MS, civil_date
from registry.ledger.entries import kind_of
from registry.ledger.refusal_note import SignedRefusal, open_refusal, parse_refusal
from registry.ledger.refusals import CATALOGUE, Reason
from registry.verify.report import Report, Sentence, Step
from registry.verify.trust import Trust

_TITLES = (
    Sentence("Form", "格式"),
    Sentence("Trust", "信任根"),
    Sentence("Signature", "签名"),
    Sentence("Entry", "条目"),
)


def operator_keys(origin: str, trust: Trust | None, given: Sequence[str] = ()) -> tuple[str, ...]:
    """The operator's verifier keys that trust names for a log, and those given for it.

    Raises Unavailable if there is none, Malformed if one that is given is no Ed25519 key.
    """
    held = () if trust is None else trust.of(origin).operator_keys
    for text in given:
        if parse_vkey(text).type != TYPE_ED25519:
            raise Malformed(f"{text[:60]!a} is not an Ed25519 key", where="operator key")
    keys = (*(() if held is UNSET else held), *given)
    if not keys:
        raise Unavailable(
            f"trust names no key of the operator of {origin}",
            todo="name one with --operator-key, from a source that you believe",
        )
    return tuple(dict.fromkeys(keys))


def verify_refusal(data: bytes, keys: Sequence[str], *, entry: bytes | None = None) -> Report:
    """What a refusal note proves to whoever knows that `keys` are the operator's of its log.

    `entry`: the entry's file, signed note or draft. Raises Malformed or NotTrusted, naming the
    step.
    """
    signed = _form(data)
    found = [Sentence(f"{len(data)} bytes", f"{len(data)} 字节")]
    found.append(Sentence(f"{len(keys)} keys of the operator", f"运营方密钥 {len(keys)} 个"))
    key = _open(signed, [parse_vkey(text) for text in keys])
    found.append(Sentence(signed.signer, signed.signer))
    kind = ""
    if entry is not None:
        kind = _fits(signed, entry)
        short = signed.said.text_sha256[:16]
        found.append(Sentence(f"{kind}, SHA-256 {short}…", f"{kind}，SHA-256 {short}…"))
    reason = next((r for r in CATALOGUE.values() if r.number == signed.said.number), None)
    steps = [
        Step(n, title, seen) for n, (title, seen) in enumerate(zip(_TITLES, found, strict=False), 1)
    ]
    return Report(
        about=f"refusal {signed.said.number} of {kind or 'an entry'}",
        origin=signed.origin,
        size=signed.said.size,
        root="",
        not_checked=_not_checked(signed, reason, known=entry is not None),
        steps=tuple(steps),
        statement=_statement(signed, key, reason, kind),
        facts={
            "number": signed.said.number,
            "name": reason.name if reason else "",
            "transient": bool(reason and reason.transient),
            "text_sha256": signed.said.text_sha256,
            "time_ms": signed.said.time_ms,
            "signed_by": signed.signer,
            "entry": kind,
        },
    )


def _form(data: bytes) -> SignedRefusal:
    try:
        return parse_refusal(data)
    except Malformed as error:
        raise Malformed(error.message, where="step 1, form") from error


def _open(signed: SignedRefusal, keys: Sequence[VerifierKey]) -> VerifierKey:
    try:
        return open_refusal(signed, keys)
    except (NotTrusted, Malformed) as error:
        raise NotTrusted(
            error.message,
            where="step 3, signature",
            todo="if the operator has a newer key that you believe in: --operator-key",
        ) from error


def _fits(signed: SignedRefusal, entry: bytes) -> str:
    """The kind of the entry that the note is about; NotTrusted if this entry is another one."""
    where = "step 4, entry"
    text = entry[: entry.rindex(b"\n\n") + 1] if b"\n\n" in entry else entry
    try:
        _, read = parse_text(text)
    except (Malformed, UnicodeDecodeError) as error:
        raise Malformed(f"the file is no entry: {error}", where=where) from error
    if sha256(text).hexdigest() != signed.said.text_sha256:
        raise NotTrusted("the note is about another entry than this file's", where=where)
    # Its origin may be another log's: this one has then refused it for that.
    return kind_of(read)


def _not_checked(
    signed: SignedRefusal, reason: Reason | None, *, known: bool
) -> tuple[Sentence, ...]:
    found = [
        Sentence(
            "Whether the key was in force then: that it is the operator's is your own trust.",
            "未核验该密钥当时是否有效：其属于运营方，系依您的信任根认定。",
        ),
        Sentence(
            f"Whether the log had {signed.said.size} records then, and the time: the operator"
            " states both.",
            f"未核验账本当时是否有 {signed.said.size} 条记录，也未核验时间：两者均为运营方自述。",
        ),
        Sentence(
            "Whether the rules refuse this entry: a replay of the log up to that size can tell.",
            "未核验依规则是否确应拒绝：须将账本重放至该规模方可判断。",
        ),
    ]
    if known:
        found.append(
            Sentence(
                "Whether the entry's own signatures are good.", "未核验条目自身的签名是否有效。"
            )
        )
    else:
        found.append(
            Sentence(
                "Which entry it was: the note names it by the SHA-256 of its text alone"
                " (--entry FILE shows it).",
                "未核验是哪一条目：凭证仅以条目文本的 SHA-256 指明（可用 --entry 文件核对）。",
            )
        )
    if reason is None:
        found.append(
            Sentence(
                f"What refusal {signed.said.number} means: this version does not know the number.",
                f"未核验第 {signed.said.number} 号拒绝的含义：本版本不认识该编号。",
            )
        )
    return tuple(found)


def _statement(
    signed: SignedRefusal, key: VerifierKey, reason: Reason | None, kind: str
) -> tuple[Sentence, ...]:
    said = signed.said
    moment = format_utc(said.time_ms)
    what = kind or "entry"
    found = [
        Sentence(
            f"{key.name} has signed that the {what} with the text SHA-256 {said.text_sha256}"
            f" reached the log {signed.origin} and was refused at {moment}, when the log had"
            f" {said.size} records.",
            f"{key.name} 签名确认：文本 SHA-256 为 {said.text_sha256} 的条目"
            + (f"（{kind}）" if kind else "")
            + f"已送达账本 {signed.origin}，并于 {moment} 被拒绝，当时账本有 {said.size} 条记录。",
        )
    ]
    if reason is not None:
        later = (
            Sentence("The same entry could pass later.", "同一条目日后仍可能通过。")
            if reason.transient
            else Sentence("The same entry will not pass later.", "同一条目日后也不会通过。")
        )
        found += [
            Sentence(
                f"Refusal {reason.number} {reason.name}: {reason.general('en')}.",
                f"第 {reason.number} 号拒绝 {reason.name}：{reason.general('zh')}。",
            ),
            later,
        ]
    return tuple(found)


def format_utc(time_ms: int) -> str:
    """An instant as `YYYY-MM-DDThh:mm:ss.mmmZ`."""
    second, ms = divmod(time_ms % DAY_MS, 1000)
    hour, minute = second // 3600, second // 60 % 60
    day = civil_date(time_ms, 0)
    return f"{day}T{hour:02}:{minute:02}:{second % 60:02}.{ms:03}Z"
