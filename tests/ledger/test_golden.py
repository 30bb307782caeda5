"""Golden logs: what a ruleset once accepted or refused, it accepts or refuses for ever (law 4)."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from registry.chain.tlog import Frontier, leaf_hash
from registry.ledger.apply import apply, verify_here
from registry.ledger.codec import parse_entry, parse_record
from registry.ledger.entries import KINDS, kind_of
from registry.ledger.rulesets import RULESETS
from registry.ledger.state import State, state_root
from tests.seals import replayed

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "ledger"
NUMBERS = sorted(RULESETS)


def golden(number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / f"ruleset-{number}.json").read_text("utf-8"))
    assert found["ruleset"] == number
    return found


def records_of(log: dict[str, Any]) -> list[bytes]:
    return [b64decode(record) for record in log["records"]]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_golden_log_comes_to_the_same_roots(number: int) -> None:
    log = golden(number)
    records = records_of(log)
    frontier = Frontier()
    for record in records:
        frontier.append(leaf_hash(record))
    assert (len(records), frontier.root().hex()) == (log["size"], log["log_root"])
    root, count = state_root(sorted(replayed(records).values.items()))
    assert (count, root.hex()) == (log["state_count"], log["state_root"])


@pytest.mark.parametrize("number", NUMBERS)
def test_what_a_ruleset_refused_it_refuses_with_the_same_words(number: int) -> None:
    log = golden(number)
    records = records_of(log)
    index = log["refused_at_index"]
    base = replayed(records[:index])
    for case in log["refused"]:
        refusal = apply(
            State(base),
            parse_entry(b64decode(case["note"])),
            index=index,
            time_ms=log["refused_at_ms"],
            verify=verify_here,
        )
        assert refusal is not None
        told = (refusal.number, refusal.name, refusal.fields)
        assert told == (case["number"], case["name"], case["fields"])


@pytest.mark.parametrize("number", NUMBERS)
def test_every_kind_is_in_the_golden_log(number: int) -> None:
    notes = [parse_record(record).note for record in records_of(golden(number))]
    assert {kind_of(parse_entry(note).entry) for note in notes} == set(KINDS)


@pytest.mark.parametrize("number", NUMBERS)
def test_another_log_comes_to_another_state(number: int) -> None:
    log = golden(number)
    root, _ = state_root(sorted(replayed(records_of(log)[:-1]).values.items()))
    assert root.hex() != log["state_root"]
