"""Rules of methodology, project, issuance and opening: how credits come into being."""

from msgspec import UNSET, UnsetType, json, structs

from registry.ledger import dates
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries import Issuance, Methodology, Opening, Project
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.supply import NewBatch, NewBuffer, NewProject
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rulebook import integer, listed
from registry.ledger.rules import holdings
from registry.ledger.serials import Span

MG_PER_G = 1_000
ORGANISATIONS_MIN = 2
"""However low a rulebook goes, an issuance is signed by at least two organisations."""


def methodology(ctx: Context, entry: Methodology) -> Refusal | None:
    """Publish a version of a methodology."""
    if refusal := ctx.need_role("methodology", "centre", "authority"):
        return refusal
    key = f"methodology/{entry.methodology}/{entry.version}"
    known = ctx.state.get(key, v.Methodology)
    same = known and (known.title, known.class_, known.from_, known.doc_sha256) == (
        entry.title,
        entry.class_,
        entry.from_,
        entry.doc_sha256,
    )
    if known and (
        not same
        or known.withdrawn
        or (known.to, known.withdrawn)
        == (
            entry.to,
            entry.withdrawn is True,
        )
    ):
        return refuse("methodology_exists", methodology=entry.methodology, version=entry.version)
    if refusal := check_dates(entry.from_, entry.to):
        return refusal
    changes = ctx.changed(key, known) if known else UNSET
    if isinstance(changes, Refusal):
        return changes
    ctx.state.put(
        key,
        v.Methodology(
            title=entry.title,
            class_=entry.class_,
            from_=entry.from_,
            to=entry.to,
            doc_sha256=entry.doc_sha256,
            index=known.index if known else ctx.index,
            remarks=known.remarks if known else UNSET,
            changes=changes,
            withdrawn=entry.withdrawn is True,
        ),
    )
    return None


def project(ctx: Context, entry: Project) -> Refusal | None:
    """Register a project or scenario."""
    fields = NewProject(**{name: getattr(entry, name) for name in NewProject.__struct_fields__})
    return register_project(ctx, fields, "project")


def register_project(ctx: Context, fields: NewProject, kind: str) -> Refusal | None:
    """Register what `fields` say; the rulebook says who signs."""
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    if known := ctx.state.get(f"project/{fields.project}", v.Project):
        return _change_status(ctx, fields, known)
    owner = ctx.state.get(f"party/{fields.owner}", v.Party)
    if owner is None:
        return refuse("unknown_party", party=fields.owner)
    for outside, market in ((fields.not_in_ets, "ETS"), (fields.not_in_ccer, "CCER")):
        if not outside:
            return refuse("inside_other_market", market=market)
    if refusal := check_dates(fields.crediting_from, fields.crediting_to):
        return refusal
    found = valid_methodology(ctx, fields, ctx.today())
    if isinstance(found, Refusal):
        return found
    for role in listed(rules, f"{fields.type}_signed_by"):
        if role == "owner":
            if not ctx.signed_by(fields.owner):
                return refuse("party_missing", party=fields.owner)
        elif refusal := ctx.need_role(kind, role):
            return refusal
    if fields.applicant is not UNSET and not ctx.signed_by(fields.applicant):
        return refuse("party_missing", party=fields.applicant)
    if refusal := _hold_claims(ctx, fields):
        return refusal
    ctx.state.put(f"project/{fields.project}", v.Project(fields=fields, index=ctx.index))
    return None


def _change_status(ctx: Context, fields: NewProject, known: v.Project) -> Refusal | None:
    """Suspend, close or resume a project: centre and authority; what is closed stays closed."""
    title = known.fields.title  # a correction may have changed it
    same = structs.replace(fields, status=known.fields.status, title=title) == known.fields
    before = known.fields.status or "live"
    if not same or fields.status is UNSET or fields.status == before or before == "closed":
        return refuse("project_exists", project=fields.project)
    if refusal := ctx.need_role("project", "centre", "authority"):
        return refusal
    changes = ctx.changed(f"project/{fields.project}", known)
    if isinstance(changes, Refusal):
        return changes
    if fields.status == "closed":
        _let_go_of_claims(ctx, known.fields)
    changed = structs.replace(known.fields, status=fields.status)
    ctx.state.put(
        f"project/{fields.project}", structs.replace(known, fields=changed, changes=changes)
    )
    return None


def _let_go_of_claims(ctx: Context, fields: NewProject) -> None:
    """What is closed claims no more than it was issued for; from then on another project may."""
    name = fields.project
    names = ("default",) if fields.parts is UNSET else tuple(p.part for p in fields.parts)
    periods = [ctx.state.get(f"period/{name}/{part}", v.Period) for part in names]
    last = max((p[1] for period in periods if period for p in period.issued), default="")
    for claim in fields.claims:
        key = f"claim/{v.digest(claim)}"
        held = [h for h in ctx.state.must(key, v.Claim).held if h[0] != name]
        if last:
            held.append((name, fields.crediting_from, last))
        if held:
            ctx.state.put(key, v.Claim(held=tuple(held)))
        else:
            ctx.state.delete(key)


def valid_methodology(ctx: Context, fields: NewProject, date: str) -> v.Methodology | Refusal:
    """The methodology version of a project, if it may be used on a date."""
    name, version = fields.methodology, fields.methodology_version
    found = ctx.state.get(f"methodology/{name}/{version}", v.Methodology)
    if found is None:
        return refuse("unknown_methodology", methodology=name, version=version)
    ended = found.to is not UNSET and date > found.to
    if found.withdrawn or ended or date < found.from_:
        return refuse("methodology_not_valid", methodology=name, version=version, date=date)
    return found


def _hold_claims(ctx: Context, fields: NewProject) -> Refusal | None:
    """No two projects hold an equal claim for overlapping dates; the parts share out the claims."""
    if len(set(fields.claims)) != len(fields.claims):
        return refuse("listed_twice", what="claim")
    if fields.parts is not UNSET:
        names = [part.part for part in fields.parts]
        shared = [claim for part in fields.parts for claim in part.claims]
        if len(set(names)) != len(names) or sorted(shared) != sorted(fields.claims):
            return refuse("listed_twice", what="part or claim")
    for claim in fields.claims:
        key = f"claim/{v.digest(claim)}"
        held = ctx.state.get(key, v.Claim) or v.Claim(held=())
        for holder, first, last in held.held:
            if fields.crediting_from <= last and first <= fields.crediting_to:
                return refuse("claim_taken", project=holder)
        mine = (fields.project, fields.crediting_from, fields.crediting_to)
        ctx.state.put(key, v.Claim(held=(*held.held, mine)))
    return None


def issuance(ctx: Context, entry: Issuance) -> Refusal | None:
    """Create batches for verified reductions; with `new_project`, both come to be or neither."""
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    if (entry.project is UNSET) == (entry.new_project is UNSET):
        return refuse("fields_exclude", fields="project, new_project")
    if entry.new_project is not UNSET and (refusal := _register_new(ctx, entry.new_project)):
        return refusal
    name = entry.new_project.project if entry.new_project is not UNSET else str(entry.project)
    found = ctx.state.get(f"project/{name}", v.Project)
    if found is None:
        return refuse("unknown_project", project=name)
    if refusal := _signed_independently(ctx, found.fields, rules):
        return refusal
    if (found.fields.status or "live") != "live":
        return refuse("project_not_live", project=name, status=str(found.fields.status))
    if found.debt_g:
        return refuse("project_in_debt", project=name, debt_g=found.debt_g)
    if entry.supersedes is not UNSET and (refusal := _free_period(ctx, entry, name)):
        return refusal
    if refusal := _claim_period(ctx, entry, found.fields):
        return refusal
    if refusal := _check_acts(entry, found.fields):
        return refusal
    method = valid_methodology(ctx, found.fields, entry.to)
    if isinstance(method, Refusal):
        return method
    made_all: tuple[NewBatch | NewBuffer, ...] = (
        *entry.batches,
        *(() if entry.buffer is UNSET else entry.buffer),
    )
    for made in made_all:
        if made.class_ != method.class_:
            return refuse("class_not_of_methodology", class_name=made.class_, wanted=method.class_)
        if not entry.from_[:4] <= str(made.vintage) <= entry.to[:4]:
            return refuse("vintage_outside", vintage=made.vintage, first=entry.from_, last=entry.to)
    left_g = _remainder(found.remainder_g + entry.verified_g, made_all)
    if isinstance(left_g, Refusal):
        return left_g
    for made in made_all:
        if refusal := _issue(ctx, rules, made, name):
            return refusal
    buffer_g = sum(m.count * m.unit_g for m in made_all if isinstance(m, NewBuffer))
    ctx.state.put(
        f"project/{name}",
        structs.replace(found, remainder_g=left_g, buffer_g=found.buffer_g + buffer_g),
    )
    ctx.state.put(
        f"issuance/{v.number(ctx.index)}",
        v.Issued(project=name, part=entry.part, batches=tuple(m.batch for m in made_all)),
    )
    return None


def _register_new(ctx: Context, fields: NewProject) -> Refusal | None:
    """Dual review: the project is new with its first issuance."""
    if ctx.state.get(f"project/{fields.project}", v.Project):
        return refuse("project_exists", project=fields.project)
    return register_project(ctx, fields, "issuance")


def _free_period(ctx: Context, entry: Issuance, name: str) -> Refusal | None:
    """The period of an issuance whose every serial was cancelled as issued in error is free."""
    index = entry.supersedes
    old = ctx.state.get(f"issuance/{v.number(index)}", v.Issued) if index is not UNSET else None
    if old is None or old.project != name or old.part != entry.part or index is UNSET:
        return refuse("not_superseded", index=index or 0)
    for batch_name in old.batches:
        batch = ctx.state.must(f"batch/{batch_name}", v.Batch)
        if batch.in_error != batch.count:
            return refuse("not_superseded", index=index)
    key = f"period/{name}/{entry.part}"
    issued = ctx.state.must(key, v.Period).issued
    ctx.state.put(key, v.Period(issued=tuple(p for p in issued if p[2] != index)))
    return None


def _signed_independently(
    ctx: Context, fields: NewProject, rules: dict[str, RuleValue]
) -> Refusal | None:
    """The rulebook's roles, filled by at least two organisations, none of them the owner."""
    prefix = "" if fields.type == "project" else "scenario_"
    organisations: set[str] = set()
    for role in listed(rules, f"{prefix}issuance_signed_by"):
        signed = ctx.parties_with(role) - {fields.owner}
        if not signed:
            return refuse("role_missing", kind="issuance", role=role)
        organisations |= signed
    need = max(ORGANISATIONS_MIN, integer(rules, "issuance_organisations_min"))
    if len(organisations) < need:
        return refuse("too_few_organisations", signed=len(organisations), need=need)
    return None


def _claim_period(ctx: Context, entry: Issuance, fields: NewProject) -> Refusal | None:
    """Each date of one part of a project is issued for once."""
    parts = ("default",) if fields.parts is UNSET else tuple(p.part for p in fields.parts)
    if entry.part not in parts:
        return refuse("unknown_part", project=fields.project, part=entry.part)
    first, last = entry.from_, entry.to
    if refusal := check_dates(first, last):
        return refusal
    if first < fields.crediting_from or last > fields.crediting_to:
        return refuse(
            "outside_crediting",
            first=first,
            last=last,
            crediting_from=fields.crediting_from,
            crediting_to=fields.crediting_to,
        )
    if last >= ctx.today():
        return refuse("period_not_over", last=last, date=ctx.today())
    key = f"period/{fields.project}/{entry.part}"
    period = ctx.state.get(key, v.Period) or v.Period(issued=())
    for other_first, other_last, index in period.issued:
        if first <= other_last and other_first <= last:
            return refuse("period_taken", index=index, first=first, last=last)
    ctx.state.put(key, v.Period(issued=(*period.issued, (first, last, ctx.index))))
    return None


def _check_acts(entry: Issuance, fields: NewProject) -> Refusal | None:
    """A scenario commits to acts in milligrams; floored once, they are what is verified."""
    if (entry.acts is UNSET) == (fields.type == "scenario"):
        return refuse("acts_of_project")
    if entry.acts is not UNSET and entry.acts.total // MG_PER_G != entry.verified_g:
        return refuse("acts_do_not_match", total=entry.acts.total, verified_g=entry.verified_g)
    return None


def _remainder(available_g: int, made: tuple[NewBatch | NewBuffer, ...]) -> int | Refusal:
    """Grams that stay with the project: fewer than one serial of the smallest unit made."""
    issued_g = sum(m.count * m.unit_g for m in made)
    if refusal := holdings.too_large(max(issued_g, available_g)):
        return refusal
    if issued_g > available_g:
        return refuse("quantity_not_verified", issued_g=issued_g, available_g=available_g)
    unit_g = min(m.unit_g for m in made)
    left_g = available_g - issued_g
    if left_g >= unit_g:
        return refuse("remainder_too_large", left_g=left_g, unit_g=unit_g)
    return left_g


def _issue(
    ctx: Context, rules: dict[str, RuleValue], made: NewBatch | NewBuffer, project_name: str
) -> Refusal | None:
    """Write one new batch: all its serials free in an account, or all in the buffer."""
    refusal = _name_batch(ctx, rules, made.batch, made.vintage)
    if refusal:
        return refusal
    free = made.count if isinstance(made, NewBatch) else 0
    ctx.state.put(
        f"batch/{made.batch}",
        v.Batch(
            program=made.batch.split("-")[2],
            vintage=made.vintage,
            class_=made.class_,
            unit_g=made.unit_g,
            count=made.count,
            index=ctx.index,
            project=project_name,
            free=free,
            buffer=made.count - free,
        ),
    )
    whole = Span(1, made.count)
    if isinstance(made, NewBatch):
        if ctx.state.get(f"account/{made.account}", v.Account) is None:
            return refuse("unknown_account", account=made.account)
        return holdings.give(ctx.state, made.account, made.batch, [whole])
    ctx.state.put(
        v.block_key(made.batch, 1),
        v.Block(last=made.count, status="buffer", holder=UNSET, by=ctx.index),
    )
    return None


def opening(ctx: Context, entry: Opening) -> Refusal | None:
    """Take over a batch of a book elsewhere, as it stands there; nothing of it is proved."""
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    if refusal := ctx.need_role("opening", "operator", "authority"):
        return refusal
    if refusal := holdings.too_large(entry.count * entry.unit_g):
        return refusal
    if refusal := _name_batch(ctx, rules, entry.batch, entry.vintage):
        return refusal
    if refusal := _take_once(ctx, entry):
        return refusal
    counts = dict.fromkeys(("free", "buffer", "retired", "cancelled"), 0)
    following = 1
    for part in entry.parts:
        if part.first != following or part.last < part.first or part.last > entry.count:
            return refuse("parts_do_not_tile", count=entry.count, first=part.first)
        if (part.status == "free") == (part.account is UNSET):
            return refuse("part_account", first=part.first)
        following = part.last + 1
        span = Span(part.first, part.last)
        counts[part.status] += span.count
        if part.account is UNSET:
            holdings.end(ctx.state, entry.batch, span, part.status, None, ctx.index)
            continue
        if ctx.state.get(f"account/{part.account}", v.Account) is None:
            return refuse("unknown_account", account=part.account)
        if refusal := holdings.give(ctx.state, part.account, entry.batch, [span]):
            return refusal
    if following != entry.count + 1:
        return refuse("parts_do_not_tile", count=entry.count, first=following)
    ctx.state.put(
        f"batch/{entry.batch}",
        v.Batch(
            program=entry.batch.split("-")[2],
            vintage=entry.vintage,
            class_="" if entry.class_ is UNSET else entry.class_,
            unit_g=entry.unit_g,
            count=entry.count,
            index=ctx.index,
            project="",
            taken_over=True,
            free=counts["free"],
            buffer=counts["buffer"],
            retired=counts["retired"],
            cancelled=counts["cancelled"],
        ),
    )
    return None


def _take_once(ctx: Context, entry: Opening) -> Refusal | None:
    """The same rows in the same parts are the same credits, whatever batch they are opened as.

    A row by itself may stand in several openings: those of one issuance that was cut.
    """
    parts = [(part.first, part.last, part.status) for part in entry.parts]
    facts = json.encode((entry.source.registry, entry.source.row_sha256, parts)).decode()
    key = f"takeover/{v.digest(facts)}"
    if known := ctx.state.get(key, v.Takeover):
        return refuse("taken_over_already", index=known.index)
    ctx.state.put(key, v.Takeover(index=ctx.index))
    return None


def _name_batch(
    ctx: Context, rules: dict[str, RuleValue], batch: str, vintage: int
) -> Refusal | None:
    """A batch's name begins with the region, a program of the rulebook, and the vintage."""
    if ctx.state.get(f"batch/{batch}", v.Batch):
        return refuse("batch_exists", batch=batch)
    country, subdivision, program, year, _ = batch.split("-")
    region = f"{country}-{subdivision}"
    if region != ctx.log.region or program not in listed(rules, "programs") or year != str(vintage):
        return refuse("batch_name", batch=batch, region=ctx.log.region, vintage=vintage)
    return None


def check_dates(first: str, last: str | UnsetType) -> Refusal | None:
    """Refuse dates that the calendar does not have, or that are the wrong way round."""
    for date in (first, last):
        if date is not UNSET and dates.day_of(date) is None:
            return refuse("no_such_date", date=date)
    if last is not UNSET and first > last:
        return refuse("dates_reversed", first=first, last=last)
    return None
