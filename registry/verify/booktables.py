"""A book as tables for a spreadsheet or another book: holdings and retirements, whole grams.

Source: RFC 4180 for CSV. Refuses to know: where the state is kept, whether it is the log's.

Rules
- a table is a pure function of the state map: the same log has the same bytes at the same size
- rows stand in byte order of their state keys: account and batch, or certificate
- grams are whole; serials are inclusive pairs, `1-120 301-330`; indexes stand apart by a space
- `held_g` counts a serial once; it may be reserved, pledged and frozen at the same time
- a free serial may still be kept by a freeze of its account or batch: those have columns
- what was retired in another book before its opening has no certificate here, and no row
- nobody is named: of a beneficiary stands its kind alone

    for row in holdings(state): row.held_g
    data = as_csv(HOLDINGS, holdings(state))
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType, structs

from registry.chain.errors import Broken
from registry.ledger import serials
from registry.ledger import values as v
from registry.ledger.state import AFTER_KEYS, StateReader, decode_value, state_items
from registry.ledger.tables import table

V = TypeVar("V", bound=v.Value)


class Holding(Struct, frozen=True, kw_only=True):
    """What an account holds of a batch, and how much of it the account has retired."""

    account: str
    batch: str
    program: str
    vintage: int
    unit_g: int
    held_g: int
    free_g: int
    reserved_g: int
    pledged_g: int
    frozen_g: int
    retired_g: int
    free_serials: str
    bound_serials: str
    account_freezes: str
    batch_freezes: str


class Retired(Struct, frozen=True, kw_only=True):
    """A retirement. Without account and beneficiary it is of used points."""

    certificate: str
    index: int
    time_ms: int
    purpose: str
    ref: str
    account: str
    beneficiary: str
    quantity_g: int
    voluntary_g: int
    items: str


HOLDINGS = Holding.__struct_fields__
RETIREMENTS = Retired.__struct_fields__


def holdings(state: StateReader) -> Iterator[Holding]:
    """One row for each account and batch of which it holds or has retired something."""
    for rest, balance in _family(state, "balance/", v.Balance):
        account, _, name = rest.partition("/")
        batch = _must(state, f"batch/{name}", v.Batch)
        bound = () if isinstance(balance.bound, UnsetType) else balance.bound
        unit_g = batch.unit_g
        free = serials.count(balance.free)
        yield Holding(
            account=account,
            batch=name,
            program=batch.program,
            vintage=batch.vintage,
            unit_g=unit_g,
            held_g=(free + _count(bound)) * unit_g,
            free_g=free * unit_g,
            reserved_g=_count(b for b in bound if b.reservation is not UNSET) * unit_g,
            pledged_g=_count(b for b in bound if b.pledge is not UNSET) * unit_g,
            frozen_g=_count(b for b in bound if b.freezes) * unit_g,
            retired_g=balance.retired * unit_g,
            free_serials=_spans((s.first, s.last) for s in balance.free),
            bound_serials=_spans((b.first, b.last) for b in bound),
            account_freezes=_indexes(_must(state, f"account/{account}", v.Account).freezes),
            batch_freezes=_indexes(batch.freezes),
        )


def retirements(state: StateReader) -> Iterator[Retired]:
    """One row for each certificate."""
    for certificate, found in _family(state, "retirement/", v.Retirement):
        kinds: tuple[str, ...] = ()
        if not isinstance(found.beneficiary, UnsetType):
            kinds = tuple(k for k, x in structs.asdict(found.beneficiary).items() if x is not UNSET)
        yield Retired(
            certificate=certificate,
            index=found.index,
            time_ms=found.time_ms,
            purpose=found.purpose,
            ref=found.ref or "",
            account=found.account or "",
            beneficiary=" ".join(kinds),
            quantity_g=found.quantity_g,
            voluntary_g=found.voluntary_g or 0,
            items=" ".join(f"{batch}:{first}-{last}" for batch, first, last in found.items),
        )


def as_csv(columns: Iterable[str], rows: Iterable[Struct]) -> str:
    """Rows under the names of their columns."""
    return table(columns, map(structs.astuple, rows))


def _family(state: StateReader, prefix: str, kind: type[V]) -> Iterator[tuple[str, V]]:
    for key, data in state_items(state, prefix, prefix + AFTER_KEYS):
        yield key.removeprefix(prefix), _typed(key, data, kind)


def _must(state: StateReader, key: str, kind: type[V]) -> V:
    data = state.get_many((key,)).get(key)
    if data is None:
        raise Broken("the state names something that is not there", where=key)
    return _typed(key, data, kind)


def _typed(key: str, data: bytes, kind: type[V]) -> V:
    value = decode_value(key, data)
    if not isinstance(value, kind):
        raise Broken(f"a state value that is no {kind.__name__}", where=key)
    return value


def _count(bound: Iterable[v.Bound]) -> int:
    return sum(b.last - b.first + 1 for b in bound)


def _spans(pairs: Iterable[tuple[int, int]]) -> str:
    return " ".join(f"{first}-{last}" for first, last in pairs)


def _indexes(found: tuple[int, ...] | UnsetType) -> str:
    return " ".join(map(str, found or ()))
