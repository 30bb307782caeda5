"""Every refusal of the catalogue is reached: measured, not listed.

A name in a test's text proves nothing. Here the tests of this directory that mention a refusal not
seen yet are played, while the `apply` that `World` calls is watched: what it answers is what
counts. Around each refusal the root of the whole state map is taken, and has to stay.

One refusal cannot come from `apply` (`AT_THE_STAGE`): ids are the writer's, who keeps them for
ever. It is reached through the writer's stage, under the same watch.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest

from registry.chain.tlog import Frontier
from registry.ledger.apply import apply
from registry.ledger.codec import Parsed
from registry.ledger.refusals import CATALOGUE, Refusal
from registry.ledger.state import State, state_root
from registry.ports import Head, LogStore, NewRecord, Refused
from registry.writer.stage import stage
from tests.ledger import world as worlds
from tests.ledger.world import BATCH, FARM, STEEL, World
from tests.logs import admitted

AT_THE_STAGE = {"id_reused"}
HERE = Path(__file__)


class Watched:
    """`apply`, and what it refused; `disturbed` names refusals that changed the state's root."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.disturbed: set[str] = set()

    def __call__(self, state: State, parsed: Parsed, **around: Any) -> Refusal | None:
        before = map_of(state)
        refusal = apply(state, parsed, **around)
        if refusal is not None:
            self.names.add(refusal.name)
            if root_of(state) != state_root(before):
                self.disturbed.add(refusal.name)
        return refusal


def map_of(state: State) -> list[tuple[str, bytes]]:
    """The whole map as the next entry will find it: a draft left behind counts."""
    state.accept()
    return list(state.items())


def root_of(state: State) -> tuple[bytes, int]:
    """The root over that map, and its count."""
    return state_root(map_of(state))


def plays() -> Iterator[tuple[str, partial[None]]]:
    """Each test here that needs no more than its parameters: its text with them, and its call."""
    for path in sorted(HERE.parent.glob("test_*.py")):
        if path == HERE:
            continue
        module = import_module(f"{__package__}.{path.stem}")
        for name, test in sorted(inspect.getmembers(module, inspect.isfunction)):
            if name.startswith("test_") and test.__module__ == module.__name__:
                yield from calls(test)


def calls(test: Any) -> Iterator[tuple[str, partial[None]]]:
    """A test's calls, one for each set of parameters."""
    marks = [m for m in getattr(test, "pytestmark", ()) if m.name == "parametrize"]
    wanted = set(inspect.signature(test).parameters) - {"monkeypatch"}
    text = inspect.getsource(test)
    for rows in product(*(with_names(*mark.args[:2]) for mark in marks)):
        given = {name: value for row in rows for name, value in row.items()}
        if wanted == set(given):
            yield text + repr(given), partial(test, **given)


def with_names(names: str | Sequence[str], rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a parametrize mark by name; a row may stand in a `pytest.param`."""
    listed = [n.strip() for n in names.split(",")] if isinstance(names, str) else names
    for row in rows:
        if hasattr(row, "marks"):
            values = row.values
        else:
            values = row if len(listed) > 1 else (row,)
        yield dict(zip(listed, values, strict=True))


def play(call: partial[None]) -> None:
    """Run one test as pytest would; what it has patched is put back."""
    if "monkeypatch" not in inspect.signature(call.func).parameters:
        return call()
    with pytest.MonkeyPatch.context() as patch:
        return call(monkeypatch=patch)


def test_every_refusal_is_answered_by_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    monkeypatch.setattr(worlds, "apply", watched)
    missing = set(CATALOGUE) - AT_THE_STAGE
    for text, call in plays():
        if any(f'"{name}"' in text or f"'{name}'" in text for name in missing):
            play(call)
            missing -= watched.names
    assert sorted(missing) == [], "no entry reaches these"
    assert watched.disturbed == set()
    assert watched.names.isdisjoint(AT_THE_STAGE)


class OneRecord:
    """As much of a log as the stage reads: one record and its id."""

    def __init__(self, record: NewRecord) -> None:
        self.record = record

    def find_ids(self, id_keys: Sequence[bytes]) -> Mapping[bytes, int]:
        return {key: self.record.index for key in id_keys if key == self.record.id_key}

    def records(self, first: int, stop: int) -> Iterator[bytes]:
        assert (first, stop) == (self.record.index, self.record.index + 1)
        yield self.record.record


def test_an_id_with_another_text_is_refused_at_the_stage() -> None:
    world = World()
    first, second = (admitted(same_id(world, number)) for number in (1, 2))
    empty = Head(0, Frontier().root(), 0, 1, Frontier())
    nothing = cast("LogStore", OneRecord(NewRecord(0, b"", b"", b"", ())))
    taken = stage(empty, world.state, [first], world.time_ms, nothing)
    before = root_of(world.state)
    log = cast("LogStore", OneRecord(taken.records[0]))
    again = stage(taken.head, world.state, [second], world.time_ms, log)
    (refused,) = again.outcomes
    assert isinstance(refused, Refused)
    assert {refused.name} == AT_THE_STAGE
    assert (again.head, again.records, again.changes) == (taken.head, [], [])
    assert root_of(world.state) == before


def same_id(world: World, number: int) -> bytes:
    """A transfer of one serial, always under the same id."""
    world.serial = 1_000
    items = [{"batch": BATCH, "first": number, "last": number}]
    move: dict[str, Any] = {"from_": FARM, "to": STEEL, "reason": "internal", "items": items}
    return world.note("transfer", "owner.farm", **move)
