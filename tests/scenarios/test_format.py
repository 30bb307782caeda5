"""The form of scenarios: the guide's example goes, what does not fit is named with its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from registry.chain.errors import Malformed
from registry.ledger import values as v
from registry.ledger.apply import apply
from registry.ledger.invariants import Violation
from registry.ledger.refusals import Refusal
from registry.ledger.rulebook import VALUES
from registry.ledger.state import State
from tests.scenarios import play as playing
from tests.scenarios.clauses import COMMON, GRAMMAR
from tests.scenarios.files import BY_DEFAULT, NAMES, served
from tests.scenarios.grammar import CHECKED, parse
from tests.scenarios.play import Played, Surprise, play
from tests.scenarios.whole import missing

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "scenarios.md"


def block(language: str, number: int = 0) -> str:
    """A code block of the guide."""
    found = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found[number])


EXAMPLE = block("ledger")


def go(text: str) -> Played:
    return play(parse(text, "it.ledger"), "it.ledger")


def test_the_example_of_the_guide_goes() -> None:
    done = go(EXAMPLE)
    assert done.refusals == ["insufficient"]
    assert [report.about for report in done.proved][1:] == ["record 14 (retirement)"]


def test_the_guide_says_every_kind_with_all_its_words() -> None:
    forms = dict[str, str]()
    kind = ""
    for line in block("text").split("\n"):
        kind = line.split(" ")[0] if line[:1].strip() else kind
        forms[kind] = forms.get(kind, "") + line + "\n"
    for kind, clauses in GRAMMAR.items():
        wanted = {word for word in clauses if word and word not in VALUES}
        said = set(re.findall(r"[a-z_]+", forms.get(kind, "")))
        assert wanted - said == set(), f"the guide does not say all words of {kind}"
    assert set(forms) - {""} == set(GRAMMAR)
    text = GUIDE.read_text(encoding="utf-8")
    assert all(f"`{word} " in text for word in COMMON)
    assert all(f"check {subject} " in text for subject in CHECKED)


def test_everything_is_the_same_in_every_run() -> None:
    one, two = go(EXAMPLE), go(EXAMPLE)
    assert one.records == two.records
    assert one.state_root == two.state_root


ENTRY = "2025-03-14 transfer 1 t of PHCER-2023-1 from farm to mill by farm"
FAULTS = [
    ("2025-03-14 trade 1 t", "there is no kind trade"),
    ("2025-02-30 release 5 by farm", "no date 2025-02-30"),
    ("14.3.2025 release 5 by farm", "a date is written 2025-12-31"),
    ("2025-03-01 release 5 by farm", "the time goes back"),
    ("2025-03-14 transfer 1 t of PHCER-2023-1 from farm to mill", "nobody signs"),
    ("2025-03-14 transfer from farm to mill by farm", "nothing stands after"),
    ("2025-03-14 transfer 1 t of PHCER-2023-1 from farm by farm", "lacks the clause to"),
    (ENTRY.replace("1 t", "1 lb"), "in t, kg, g or mg, not in lb"),
    (ENTRY.replace("1 t", "0.0000001 t"), "whole grams"),
    (ENTRY.replace("1 t", "0.0000000001 t"), "less than a milligram"),
    (ENTRY.replace("1 t", "1,00 t"), "not a word"),
    (ENTRY.replace("from farm", "from farm from farm"), "from is said twice"),
    (ENTRY.replace("to mill", "to mill mill"), "'mill' does not belong here (after to)"),
    (ENTRY + " refused: because", "refused: <name>"),
    (ENTRY + " refused: over_cap today", "refused: <name>"),
    (ENTRY.replace("by farm", "under [none] by farm"), "called [none]"),
    (ENTRY.replace("by farm", 'memo "" by farm'), "not such an entry"),
    (ENTRY.replace("by farm", 'memo "open by farm'), "not a word"),
    ("2025-03-14 [done] release 5 by farm refused: unknown_reservation", ""),
    ("2025-03-14 [Done] release 5 by farm", "not a word"),
    (ENTRY.replace("2025-03-14", "2025-03-14 [done]"), "a second entry is called [done]"),
    (ENTRY.replace("transfer 1 t", "pledge 900 t").replace("mill", "farm"), "hold that much"),
    ("2025-03-14 conversion coin from farm by farm", "to_points, to_credits or cover"),
    (ENTRY + "\t", "a tab"),
    (ENTRY + " ", "blanks at the end"),
    ("check weather sunny 1", "nothing is known of a weather"),
    ("check total free", "a word is wanted"),
    ("evidence of done", "an entry's name in […] is wanted"),
    ("evidence of [none]", "called [none]"),
    ("title: again", "title: stands twice"),
    ("2025-03-14 unpledge [done] items 15 t of PHCER-2023-1 by farm", "items are exact serials"),
    ("2025-03-14 unpledge [done] items PHCER-2023-1 #1-5 from farm by farm", "exact serials"),
    ("2025-03-14 cancellation woods reason reversal items 1 t of PHCER-2023-1 by centre",
     "nobody is said to hold the amount"),
    (ENTRY.replace("by farm", "by frm"), "no party frm above"),
    (ENTRY.replace("by farm", "by frm refused: over_cap"), "no party frm above"),
    (ENTRY.replace("by farm", "by farm/2"), "farm/2: farm has 1 key"),
    (ENTRY.replace("1 t", "#1\u201330"), "not a word: '#1\u201330 of"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "what"), FAULTS, ids=[fault[0][:40] for fault in FAULTS])
def test_what_does_not_fit_is_named_with_its_line(line: str, what: str) -> None:
    text = EXAMPLE + line + "\n"
    if not what:
        go(text)
        return
    with pytest.raises(Malformed) as found:
        go(text)
    assert what in found.value.message
    assert found.value.where == f"it.ledger:{text.count(chr(10))}"


TODOS = [
    (ENTRY.replace("to mill", "to mill because gift"), "the clauses of transfer are: from, to, "),
    (ENTRY.replace("to mill", "to under"), "a name that is a keyword of this kind cannot stand"),
    (ENTRY.replace("1 t", "1 lb"), ""),
    (ENTRY.replace("by farm", 'memo "gift", by farm'), "the clauses of transfer are: "),
    (ENTRY.replace("by farm", "under mill by farm"), ""),
    (ENTRY.replace("by farm", "by farm/2"), "give it more with: keys N"),
    (ENTRY.replace("by farm", "by frm"), "by names parties and personal accounts"),
]


@pytest.mark.parametrize(("line", "todo"), TODOS, ids=[todo[0][40:90] for todo in TODOS])
def test_what_to_do_is_said_where_it_is_known(line: str, todo: str) -> None:
    with pytest.raises(Malformed) as found:
        go(EXAMPLE + line + "\n")
    assert found.value.todo.startswith(todo)
    assert bool(found.value.todo) == bool(todo)


def test_the_region_is_that_of_the_genesis() -> None:
    text = EXAMPLE.replace("region: CN-GD", "region: CN-SD")
    with pytest.raises(
        Malformed, match="the genesis is of CN-GD, the head says region: CN-SD"
    ) as e:
        parse(text, "it.ledger")
    assert e.value.where == f"it.ledger:{line_of(text, ' genesis ')}"


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_the_example_of_the_guide_is_whole() -> None:
    assert missing(EXAMPLE, go(EXAMPLE), "it.ledger") == []


REFUSED = next(line + "\n" for line in EXAMPLE.split("\n") if "refused:" in line)
LACKS = [
    ("figures: 500 t", "figures: 99 people, 500 t", "figures:", "99 does not stand in the ledger"),
    ('"样例林场 SAMPLE farm"', '"林场"', " party farm", '"林场" might be somebody real; say 样例'),
    ("evidence of [done]\n", "", "check total", "no retirement, conversion or redemption is"),
    ("of [done]\n", "of [sale]\n", "evidence", "what is: record 12 (transfer); add: evidence of"),
    ("\ncheck total", "\ncheck traded trades 1\n# ", "check traded",
     "the last statement before the proofs is: check total"),
    (REFUSED, "", "", "no entry is refused; show one"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "at", "what"), LACKS, ids=[lack[3][:30] for lack in LACKS])
def test_what_a_file_lacks_is_named_with_its_line(old: str, new: str, at: str, what: str) -> None:
    text = EXAMPLE.replace("transfer 80 t", "[sale] transfer 80 t").replace(old, new)
    (fault,) = missing(text, go(text), "it.ledger")
    line = line_of(text, at) if at else text.count("\n")
    assert fault.startswith(f"it.ledger:{line}: ")
    assert what in fault


def test_a_name_selects_what_the_service_plays() -> None:
    assert served("") == BY_DEFAULT
    assert served("all") == NAMES
    assert served("shanghai") == ("shanghai",)
    with pytest.raises(LookupError, match="TANBU_SCENARIOS=shanghi: say all, or one of beijing"):
        served("shanghi")


@pytest.mark.parametrize("name", ["title", "row", "figures", "region"])
def test_the_head_is_whole(name: str) -> None:
    with pytest.raises(Malformed, match=f"no line {name}:"):
        parse(re.sub(rf"^{name}: .*$", "", EXAMPLE, flags=re.MULTILINE), "it.ledger")


def test_a_genesis_comes_first() -> None:
    for text in ("", "2025-03-01 release 5 by farm\n"):
        head = EXAMPLE.partition("\n\n")[0]
        with pytest.raises(Malformed, match="the first entry is a genesis"):
            parse(f"{head}\n{text}", "it.ledger")


def test_an_indented_line_needs_a_beginning() -> None:
    with pytest.raises(Malformed, match="begins at the left margin"):
        parse("  check total issued 0 t\n", "it.ledger")


SURPRISES = [
    (ENTRY + " refused: over_cap", "accepted, the file says otherwise"),
    (ENTRY.replace("by farm", "by mill"), "refused: owner_missing"),
    (ENTRY.replace("by farm", "by mill refused: over_cap"), "the owner of farm has not signed"),
    ("check total issued 500 t, free 470 t", "retired is 30 t, and is not named"),
    ("check total issued 501 t, free 470 t, retired 30 t", "issued is 500 t, not 501 t"),
    ("check order case-1 state annulled", "state is stands, not annulled"),
    ("check order case-2 missing 0 t", "there is no order/case-2"),
    ("check order case-1 lacks 0 t", "order has no lacks"),
    ("check traded turnover 4,800.01 CNY", "turnover is 4,800.00 CNY"),
    ("check count order 2", "order is 1, not 2"),
]


@pytest.mark.parametrize(("line", "what"), SURPRISES, ids=[s[0][:40] for s in SURPRISES])
def test_what_is_otherwise_than_the_file_says_is_found(line: str, what: str) -> None:
    text = EXAMPLE + line + "\n"
    with pytest.raises(Surprise, match=re.escape(what)) as found:
        go(text)
    assert str(found.value).startswith(f"it.ledger:{text.count(chr(10))}: ")


def test_a_broken_invariant_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [Violation("conservation", "batch/x", "does not add up")]
    monkeypatch.setattr(playing, "violations", lambda _: broken)
    with pytest.raises(Surprise, match="an invariant does not hold: batch/x"):
        go(EXAMPLE)


def test_a_refusal_that_changes_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:

    def careless(state: State, *args: Any, **kwargs: Any) -> Refusal | None:
        refusal = apply(state, *args, **kwargs)
        if refusal is not None:
            log = state.must(v.LOG, v.Log)
            state.put(v.LOG, structs.replace(log, ruleset=log.ruleset + 1))
            state.accept()
        return refusal

    monkeypatch.setattr(playing, "apply", careless)
    with pytest.raises(Surprise, match="but the state has changed"):
        go(EXAMPLE)
