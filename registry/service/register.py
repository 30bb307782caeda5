"""Views of projects, methodologies, parties, rulebooks and points schemes."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType, field

from registry.ledger import values as v
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.supply import NewProject
from registry.ports import Snapshot
from registry.service.reading import get, page_after, rows, scan

PAGE_MAX = 200
LOTS_MAX = 500
"""Most lots that the view of a scheme lists; the sums are of all."""

V = TypeVar("V", bound=v.Value)
Line = TypeVar("Line", bound=Struct)


class ProjectLine(Struct, frozen=True, kw_only=True):
    """A project or scenario in a list. `index`: the entry that registered it."""

    project: str
    type: str
    title: str
    owner: str
    methodology: str
    methodology_version: str
    crediting_from: str
    crediting_to: str
    status: str
    index: int


class ProjectList(Struct, frozen=True, kw_only=True):
    """Projects in order of their names."""

    size: int
    projects: tuple[ProjectLine, ...]
    next: str | UnsetType = UNSET


class IssuedPeriod(Struct, frozen=True, kw_only=True):
    """A monitoring period of a part for which reductions were issued, dates inclusive."""

    part: str
    from_: str = field(name="from")
    to: str
    index: int


class ProjectView(Struct, frozen=True, kw_only=True):
    """A project: what was registered, what was issued. `remainder_g`: too little for a serial.

    `status`: live, suspended or closed. `buffer_g`: what its buffer batches still hold; `debt_g`:
    what it owes for credits that stay good though they were wrong.
    """

    fields: NewProject
    status: str
    issued: tuple[IssuedPeriod, ...]
    remainder_g: int
    buffer_g: int
    debt_g: int
    index: int
    size: int
    changes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the entries that changed it."""
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class MethodologyLine(Struct, frozen=True, kw_only=True):
    """A version of a methodology. `index`: the entry that published it."""

    methodology: str
    version: str
    title: str
    class_: str = field(name="class")
    from_: str = field(name="from")
    withdrawn: bool
    index: int
    to: str | UnsetType = UNSET
    changes: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the entries that changed it."""
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class MethodologyList(Struct, frozen=True, kw_only=True):
    """Methodologies in order of name and version."""

    size: int
    methodologies: tuple[MethodologyLine, ...]
    next: str | UnsetType = UNSET


class KeyLine(Struct, frozen=True, kw_only=True):
    """A key and when it is in force. `index`: the entry that enrolled it, `revoked`: ended it."""

    key: str
    from_ms: int
    index: int
    until_ms: int | UnsetType = UNSET
    revoked: int | UnsetType = UNSET


class PartyLine(Struct, frozen=True, kw_only=True):
    """An organisation, its roles and all keys that it ever had."""

    party: str
    title: str
    roles: tuple[str, ...]
    keys: tuple[KeyLine, ...]
    index: int
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


class PartyList(Struct, frozen=True, kw_only=True):
    """Parties in order of their names."""

    size: int
    parties: tuple[PartyLine, ...]
    next: str | UnsetType = UNSET


class RulebookLine(Struct, frozen=True, kw_only=True):
    """A version of the region's policy data. `index`: the entry that holds it."""

    version: int
    effective_from_ms: int
    values: dict[str, RuleValue]
    index: int


class RulebookList(Struct, frozen=True, kw_only=True):
    """Every rulebook, oldest first."""

    size: int
    rulebooks: tuple[RulebookLine, ...]
    next: str | UnsetType = UNSET


class LotLine(Struct, frozen=True, kw_only=True):
    """Points in people's hands that expire together; made by the conversion at `index`."""

    expires_ms: int
    index: int
    in_hands: int


class SchemeView(Struct, frozen=True, kw_only=True):
    """A points scheme and what backs it. A point is `num` / `den` grams.

    Always: (in_hands + gathered - unbacked) × num + waiting + due ≤ pool_g × den.
    `points_backed_max`: how many points the pool could carry. `waiting`: burned points × num whose
    serials are still to be retired, because they did not cover a whole one yet; `due`: expired
    points × num whose serials are still to go to the authority, likewise. `unbacked`: points from
    before this log that nothing backs yet; `backed`: the pool carries all points, these too.
    """

    scheme: str
    operator: str
    title: str
    unit: str
    num: int
    den: int
    validity_days: int
    classes: tuple[str, ...]
    used: str
    expired: str
    in_hands: int
    gathered: int
    waiting: int
    due: int
    unbacked: int
    pool_g: int
    points_backed_max: int
    backed: bool
    lots: tuple[LotLine, ...]
    lots_more: bool
    index: int
    size: int
    remarks: tuple[int, ...] | UnsetType = UNSET
    """Indexes of the corrections and notices about it."""


def projects(snapshot: Snapshot, *, after: str = "", limit: int = PAGE_MAX) -> ProjectList:
    """Projects from behind the name `after` on."""
    lines, following = _page(snapshot, "project/", v.Project, _project_line, after, limit)
    return ProjectList(size=snapshot.head.size, projects=lines, next=following)


def project(snapshot: Snapshot, name: str) -> ProjectView:
    """A project; Absent if it is not registered."""
    found = get(snapshot, f"project/{name}", v.Project, f"project {name[:64]}")
    issued = tuple(
        IssuedPeriod(part=part, from_=first, to=last, index=index)
        for part, period in scan(snapshot, f"period/{name}/", v.Period)
        for first, last, index in period.issued
    )
    return ProjectView(
        fields=found.fields,
        status=found.fields.status or "live",
        issued=issued,
        remainder_g=found.remainder_g,
        buffer_g=found.buffer_g,
        debt_g=found.debt_g,
        changes=found.changes,
        remarks=found.remarks,
        index=found.index,
        size=snapshot.head.size,
    )


def methodologies(snapshot: Snapshot, *, after: str = "", limit: int = PAGE_MAX) -> MethodologyList:
    """Methodologies from behind `after` (`<name>/<version>`) on."""
    lines, following = _page(
        snapshot, "methodology/", v.Methodology, _methodology_line, after, limit
    )
    return MethodologyList(size=snapshot.head.size, methodologies=lines, next=following)


def parties(snapshot: Snapshot, *, after: str = "", limit: int = PAGE_MAX) -> PartyList:
    """Parties from behind the name `after` on."""

    def line(name: str, found: v.Party) -> PartyLine:
        return PartyLine(
            party=name,
            title=found.title,
            roles=found.roles,
            keys=tuple(keys(snapshot, name)),
            remarks=found.remarks,
            index=found.index,
        )

    lines, following = _page(snapshot, "party/", v.Party, line, after, limit)
    return PartyList(size=snapshot.head.size, parties=lines, next=following)


def keys(snapshot: Snapshot, holder: str) -> Iterator[KeyLine]:
    """All keys that a party or account ever had."""
    for _, key in scan(snapshot, f"key/{holder}+", v.Key):
        yield KeyLine(
            key=key.key,
            from_ms=key.from_ms,
            until_ms=key.until_ms,
            revoked=key.revoked,
            index=key.index,
        )


def rulebooks(snapshot: Snapshot, *, after: str = "", limit: int = PAGE_MAX) -> RulebookList:
    """Rulebooks from behind `after` (16 digits) on, oldest first."""
    lines, following = _page(snapshot, "rulebook/", v.Rulebook, _rulebook_line, after, limit)
    return RulebookList(size=snapshot.head.size, rulebooks=lines, next=following)


def scheme(snapshot: Snapshot, name: str) -> SchemeView:
    """A points scheme and its backing; Absent if there is none of this name."""
    found = get(snapshot, f"scheme/{name}", v.Scheme, f"points scheme {name[:64]}")
    lots = rows(snapshot, f"lot/{name}/", f"lot/{name}0", v.Lot, LOTS_MAX + 1)
    outstanding = (found.in_hands + found.gathered) * found.num + found.waiting
    outstanding += found.due or 0
    return SchemeView(
        scheme=name,
        operator=found.operator,
        title=found.title,
        unit=found.unit,
        num=found.num,
        den=found.den,
        validity_days=found.validity_days,
        classes=found.classes,
        used=found.used,
        expired=found.expired,
        in_hands=found.in_hands,
        gathered=found.gathered,
        waiting=found.waiting,
        due=found.due or 0,
        unbacked=found.unbacked or 0,
        remarks=found.remarks,
        pool_g=found.pool_g,
        points_backed_max=found.pool_g * found.den // found.num,
        backed=outstanding <= found.pool_g * found.den,
        lots=tuple(_lot_line(key, lot) for key, lot in lots[:LOTS_MAX]),
        lots_more=len(lots) > LOTS_MAX,
        index=found.index,
        size=snapshot.head.size,
    )


def _page(
    snapshot: Snapshot,
    prefix: str,
    kind: type[V],
    line: Callable[[str, V], Line],
    after: str,
    limit: int,
) -> tuple[tuple[Line, ...], str | UnsetType]:
    """A page of a family, and the place behind which the next one begins."""
    found = list(scan(snapshot, prefix, kind, after=page_after(after), limit=limit + 1))
    lines = tuple(line(name, value) for name, value in found[:limit])
    return lines, found[limit - 1][0] if len(found) > limit else UNSET


def _project_line(name: str, found: v.Project) -> ProjectLine:
    fields = found.fields
    return ProjectLine(
        project=name,
        type=fields.type,
        title=fields.title,
        owner=fields.owner,
        methodology=fields.methodology,
        methodology_version=fields.methodology_version,
        crediting_from=fields.crediting_from,
        crediting_to=fields.crediting_to,
        status=fields.status or "live",
        index=found.index,
    )


def _methodology_line(name: str, found: v.Methodology) -> MethodologyLine:
    methodology, _, version = name.partition("/")
    return MethodologyLine(
        methodology=methodology,
        version=version,
        title=found.title,
        class_=found.class_,
        from_=found.from_,
        to=found.to,
        withdrawn=found.withdrawn,
        changes=found.changes,
        remarks=found.remarks,
        index=found.index,
    )


def _rulebook_line(name: str, found: v.Rulebook) -> RulebookLine:
    return RulebookLine(
        version=int(name),
        effective_from_ms=found.effective_from_ms,
        values=found.values,
        index=found.index,
    )


def _lot_line(key: str, lot: v.Lot) -> LotLine:
    _, _, expires, index = key.split("/")
    return LotLine(expires_ms=int(expires), index=int(index), in_hands=lot.in_hands)
