"""A refusal note checked offline: what is good, what is not, and what the verdict says of it."""

from __future__ import annotations

import pytest

from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.ledger.refusal_note import RefusalText, sign_refusal, text_sha256
from registry.ledger.refusals import CATALOGUE
from registry.verify.refusal import format_utc, operator_keys, verify_refusal
from registry.verify.trust import Trust, format_trust, new_trust, parse_log_trust
from tests.books import ORIGIN, T0, Book, party_key
from tests.verify.logs import log_trust

KEY = party_key("operator", 1)
ENTRY = Book().transfer("farm", "mill")


def made(number: int = 808, entry: bytes = ENTRY) -> bytes:
    said = RefusalText(number=number, size=7, text_sha256=text_sha256(entry), time_ms=T0 + 1_234)
    return sign_refusal(ORIGIN, said, KEY)


def test_the_verdict_begins_with_what_is_not_checked() -> None:
    report = verify_refusal(made(), [KEY.vkey], entry=ENTRY)
    assert [step.number for step in report.steps] == [1, 2, 3, 4]
    lines = report.lines("en")
    assert lines[0] == "Not checked:"
    said = "\n".join(lines)
    for words in ("key was in force", "had 7 records", "replay of the log", "own signatures"):
        assert words in said.partition("Checked:")[0]
    assert "refused at 2026-01-01T00:00:01.234Z" in said
    assert f"SHA-256 {text_sha256(ENTRY)}" in said
    assert (
        "Refusal 808 serials_frozen: the serials <first> to <last> of <batch> are frozen by the"
        " entry <freeze>." in said
    )
    assert "could pass later" in said
    chinese = "\n".join(report.lines("zh"))
    assert chinese.startswith("未核验：")
    assert (
        "第 808 号拒绝 serials_frozen：<batch> 的序号 <first> 至 <last> 已被条目 <freeze> 冻结。"
        in chinese
    )
    assert report.as_json()["facts"] == {
        "number": 808,
        "name": "serials_frozen",
        "transient": True,
        "text_sha256": text_sha256(ENTRY),
        "time_ms": T0 + 1_234,
        "signed_by": KEY.signer,
        "entry": "transfer",
    }


def test_without_the_entry_it_says_that_it_does_not_know_which() -> None:
    report = verify_refusal(made(), [KEY.vkey])
    assert len(report.steps) == 3
    assert any("Which entry it was" in s.en for s in report.not_checked)
    assert report.facts["entry"] == ""


def test_a_draft_of_the_entry_shows_it_as_well() -> None:
    draft = ENTRY[: ENTRY.rindex(b"\n\n") + 1]
    assert verify_refusal(made(), [KEY.vkey], entry=draft).facts["entry"] == "transfer"


@pytest.mark.parametrize("entry", [b"", b"\n\n", b"\xff\n\n", b"tanbu.entry/v1\n\xff\n{}\n"])
def test_a_file_that_is_no_entry_is_malformed(entry: bytes) -> None:
    with pytest.raises(Malformed, match="no entry") as caught:
        verify_refusal(made(), [KEY.vkey], entry=entry)
    assert caught.value.where == "step 4, entry"


def test_another_entry_is_not_trusted() -> None:
    with pytest.raises(NotTrusted, match="another entry"):
        verify_refusal(made(), [KEY.vkey], entry=Book().transfer("farm", "host"))


def test_forged_and_altered_notes_name_the_step() -> None:
    with pytest.raises(Malformed) as malformed:
        verify_refusal(made()[:-1], [KEY.vkey])
    assert malformed.value.where == "step 1, form"
    altered = made().replace(b'"size":7', b'"size":8')
    for data, keys in ((altered, [KEY.vkey]), (made(), [party_key("operator").vkey])):
        with pytest.raises(NotTrusted) as caught:
            verify_refusal(data, keys)
        assert caught.value.where == "step 3, signature"


def test_a_number_that_is_not_known_is_said() -> None:
    report = verify_refusal(made(99_999), [KEY.vkey])
    assert any("99999" in s.en and "99999" in s.zh for s in report.not_checked)
    assert (report.facts["name"], len(report.statement)) == ("", 1)


def test_every_refusal_can_be_said_without_its_fields() -> None:
    for reason in CATALOGUE.values():
        for language in ("en", "zh"):
            said = reason.general(language)
            assert "{" not in said, reason.name
            assert said


def test_trust_names_the_operators_keys_or_they_are_given() -> None:
    plain = Trust((log_trust(Book()),))
    with pytest.raises(Unavailable, match="no key of the operator"):
        operator_keys(ORIGIN, plain)
    with pytest.raises(Unavailable):
        operator_keys(ORIGIN, None)
    assert operator_keys(ORIGIN, plain, [KEY.vkey]) == (KEY.vkey,)
    held = new_trust(ORIGIN, Book().log_vkeys(), (party_key("authority").vkey,), (KEY.vkey,))
    assert parse_log_trust(format_trust(held)) == held
    assert operator_keys(ORIGIN, Trust((held,)), [KEY.vkey]) == (KEY.vkey,)
    with pytest.raises(Unavailable, match="not among those"):
        operator_keys("other.invalid/log/0badc0de", Trust((held,)))
    with pytest.raises(Malformed):
        operator_keys(ORIGIN, None, [Book().log_vkeys()[1]])


def test_trust_takes_an_operator_key_once_and_of_its_type() -> None:
    authority = (party_key("authority").vkey,)
    for keys in ((KEY.vkey, KEY.vkey), (Book().log_vkeys()[1],)):
        with pytest.raises(Malformed):
            new_trust(ORIGIN, Book().log_vkeys(), authority, keys)


def test_instants_are_written_in_utc() -> None:
    assert format_utc(0) == "1970-01-01T00:00:00.000Z"
    assert format_utc(T0 - 1) == "2025-12-31T23:59:59.999Z"
    assert format_utc(2**53 - 1).endswith("Z")
