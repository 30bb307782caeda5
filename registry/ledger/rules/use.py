"""Rules of order, event, obligation and retirement: final use, once and for one purpose."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType, structs

from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries import Event, Obligation, Order, Retirement
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.use import Beneficiary
from registry.ledger.quantities import cap_of
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rulebook import allows, integer, listed
from registry.ledger.rules import holdings, moving
from registry.ledger.rules.supply import check_dates
from registry.ledger.serials import Span

RETIREMENTS_MAX = 1_000
"""Most retirements for one order, event or obligation: bounds the size of its state value."""
Retired = tuple[v.Batch, Span]


def order(ctx: Context, entry: Order) -> Refusal | None:
    """Take in an order: signed by its issuer, or recorded by exchange and authority."""
    if entry.origin == "signed":
        if not (ctx.parties_with("court") or ctx.parties_with("authority")):
            return refuse("role_missing", kind="order", role="court")
    elif refusal := ctx.need_role("order", "exchange", "authority"):
        return refusal
    key = f"order/{entry.order}"
    if ctx.state.get(key, v.Order):
        return refuse("order_exists", order=entry.order)
    if refusal := check_dates(entry.date, UNSET):
        return refusal
    for position, obligor in enumerate(entry.obligors):
        if (obligor.commit is UNSET) == (obligor.firm is UNSET):
            return refuse("obligor_form", obligor=position)
    shares = [o.share_g for o in entry.obligors if o.share_g is not UNSET]
    if shares and (len(shares) != len(entry.obligors) or sum(shares) != entry.quantity_g):
        return refuse("shares_do_not_add_up", quantity_g=entry.quantity_g, sum_g=sum(shares))
    ctx.state.put(
        key,
        v.Order(
            issuer=entry.issuer,
            origin=entry.origin,
            number=entry.number,
            quantity_g=entry.quantity_g,
            effective_ms=entry.effective_ms,
            deadline_ms=entry.deadline_ms,
            obligors=entry.obligors,
            allowed=entry.allowed,
            by=ctx.courts() if entry.origin == "signed" else (),
            by_obligor_g=(0,) * len(shares),
            index=ctx.index,
        ),
    )
    return None


def event(ctx: Context, entry: Event) -> Refusal | None:
    """Plan an event, change the plan, or declare its final emissions."""
    if not ctx.signed_by(entry.organiser):
        return refuse("party_missing", party=entry.organiser)
    if entry.organiser not in ctx.parties_with("organiser"):
        return refuse("role_missing", kind="event", role="organiser")
    if refusal := check_dates(entry.from_, entry.to):
        return refusal
    key = f"event/{entry.event}"
    known = ctx.state.get(key, v.Event)
    if known and known.organiser != entry.organiser:
        return refuse("event_differs", event=entry.event, organiser=known.organiser)
    if known and known.status == "final":
        return refuse("event_final", event=entry.event)
    attested_g = sum(other.quantity_g for other in entry.other_offsets or ())
    if refusal := holdings.too_large(attested_g):
        return refusal
    retired_g = known.retired_g if known else 0
    if entry.status == "final" and (
        refusal := _check_covered(ctx, entry, {"retired": retired_g, "attested": attested_g})
    ):
        return refusal
    ctx.state.put(
        key,
        v.Event(
            organiser=entry.organiser,
            title=entry.title,
            declared_g=entry.declared_g,
            status=entry.status,
            index=ctx.index,
            retired_g=retired_g,
            retirements=known.retirements if known else (),
            attested_g=attested_g or UNSET,
            remarks=known.remarks if known else UNSET,
        ),
    )
    return None


def _check_covered(ctx: Context, entry: Event, cover_g: dict[str, int]) -> Refusal | None:
    """Where the rulebook says what must cover an event, it is not final before it is covered."""
    counted = set(listed(ctx.rules() or {}, "event_covered_by"))
    covered_g = sum(cover_g[word] for word in counted)
    if counted and covered_g < entry.declared_g:
        return refuse(
            "event_not_covered",
            event=entry.event,
            declared_g=entry.declared_g,
            covered_g=covered_g,
        )
    return None


def obligation(ctx: Context, entry: Obligation) -> Refusal | None:
    """Note a firm's obligation of a year and what credits may cover of it."""
    if refusal := ctx.need_role("obligation", "authority"):
        return refusal
    firm = ctx.state.get(f"party/{entry.obligated}", v.Party)
    if firm is None:
        return refuse("unknown_party", party=entry.obligated)
    key = f"obligation/{entry.obligated}/{entry.year}"
    if ctx.state.get(key, v.Obligation):
        return refuse("obligation_exists", obligated=entry.obligated, year=entry.year)
    book = ctx.state.get(f"rulebook/{v.number(entry.rulebook_version)}", v.Rulebook)
    if book is None:
        return refuse("unknown_rulebook", version=entry.rulebook_version)
    num = integer(book.values, "offset_cap_num")
    if refusal := holdings.too_large(entry.amount_g * num):
        return refusal
    ctx.state.put(
        key,
        v.Obligation(
            amount_g=entry.amount_g,
            cap_g=cap_of(entry.amount_g, num, integer(book.values, "offset_cap_den")),
            rulebook_version=entry.rulebook_version,
            index=ctx.index,
        ),
    )
    return None


def retirement(ctx: Context, entry: Retirement) -> Refusal | None:
    """Use serials for good. What they were used for counts them once."""
    account = ctx.state.get(f"account/{entry.account}", v.Account)
    if account is None:
        return refuse("unknown_account", account=entry.account)
    if refusal := moving.consent(ctx, entry.account, account, "retirement", entry.mandate):
        return refusal
    if refusal := _check_beneficiary(ctx, entry.beneficiary):
        return refusal
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    retired: list[tuple[str, Span]] = []
    batches: list[Retired] = []
    quantity_g = 0
    for item in entry.items:
        chosen = holdings.choose_exact(ctx.state, entry.account, item.batch, item.first, item.last)
        if isinstance(chosen, Refusal):
            return chosen
        holdings.take(ctx.state, entry.account, item.batch, chosen)
        span = chosen.spans[0]
        holdings.end(ctx.state, item.batch, span, "retired", entry.account, ctx.index)
        holdings.note_retired(ctx.state, entry.account, item.batch, span.count)
        holdings.restatus(ctx.state, item.batch, span.count, "free", "retired")
        quantity_g += chosen.quantity_g
        retired.append((item.batch, span))
        batches.append((chosen.batch, span))
    if refusal := holdings.too_large(quantity_g):
        return refusal
    if refusal := _serve(ctx, entry, rules, batches, quantity_g):
        return refusal
    write_retirement(
        ctx, retired, quantity_g, entry.purpose, entry.account, entry.ref, entry.beneficiary
    )
    return moving.use_mandate(ctx, entry.mandate, quantity_g)


def write_retirement(
    ctx: Context,
    retired: Sequence[tuple[str, Span]],
    quantity_g: int,
    purpose: str,
    account: str | UnsetType,
    ref: str | UnsetType,
    beneficiary: Beneficiary | UnsetType,
) -> None:
    """Write the retirement under its certificate number."""
    ctx.state.put(
        f"retirement/{certificate(ctx.log, ctx.index)}",
        v.Retirement(
            index=ctx.index,
            time_ms=ctx.time_ms,
            purpose=purpose,
            quantity_g=quantity_g,
            items=tuple((batch, span.first, span.last) for batch, span in retired),
            account=account,
            ref=ref,
            beneficiary=beneficiary,
        ),
    )


def certificate(log: v.Log, index: int) -> str:
    """The certificate number of a retirement: `<REGION>-R-<the origin's 8 hex>-<index>`."""
    return f"{log.region}-R-{log.origin[-8:]}-{index}"


def _serve(
    ctx: Context,
    entry: Retirement,
    rules: dict[str, RuleValue],
    batches: list[Retired],
    quantity_g: int,
) -> Refusal | None:
    """Count the retirement towards what it is for, within the rules of that purpose."""
    wanted = {"offset": "obligation", "remediation": "order", "event": "event"}.get(
        entry.purpose, "nothing"
    )
    if (entry.ref is UNSET) != (entry.purpose == "voluntary"):
        return refuse("ref_field", purpose=entry.purpose, wanted=wanted)
    if entry.obligor is not UNSET and entry.purpose != "remediation":
        return refuse("obligor_field")
    ref = "" if entry.ref is UNSET else entry.ref
    if entry.purpose == "offset":
        return _serve_obligation(ctx, entry, ref, batches, quantity_g)
    if refusal := _classes_serve(rules, entry.purpose, batches):
        return refusal
    if entry.purpose == "remediation":
        return _serve_order(ctx, entry, ref, batches, quantity_g)
    if entry.purpose == "event":
        return _serve_event(ctx, ref, quantity_g)
    return None


def _classes_serve(
    rules: dict[str, RuleValue], purpose: str, batches: list[Retired]
) -> Refusal | None:
    for batch, _ in batches:
        if not allows(rules, f"{purpose}_classes", batch.class_):
            return refuse("class_not_for_purpose", class_name=batch.class_, purpose=purpose)
    return None


def _serve_obligation(
    ctx: Context, entry: Retirement, ref: str, batches: list[Retired], quantity_g: int
) -> Refusal | None:
    """Under the rulebook that the obligation names, from an account of the obligated firm."""
    key = f"obligation/{ref}"
    found = ctx.state.get(key, v.Obligation)
    if found is None:
        return refuse("unknown_obligation", obligation=ref)
    obligated = ref.rpartition("/")[0]
    account = ctx.state.must(f"account/{entry.account}", v.Account)
    if account.owner != obligated:
        return refuse("not_obligated_account", account=entry.account, obligated=obligated)
    rules = ctx.state.must(f"rulebook/{v.number(found.rulebook_version)}", v.Rulebook).values
    if refusal := _classes_serve(rules, "offset", batches):
        return refusal
    for batch, _ in batches:
        if batch.vintage < integer(rules, "offset_vintage_first"):
            return refuse("vintage_not_allowed", vintage=batch.vintage, purpose="offset")
    retired_g = found.retired_g + quantity_g
    if retired_g > found.cap_g:
        return refuse("over_cap", obligation=ref, cap_g=found.cap_g, wanted_g=retired_g)
    if refusal := _room_for_one(ref, found.retirements):
        return refusal
    mine = certificate(ctx.log, ctx.index)
    ctx.state.put(
        key,
        structs.replace(found, retired_g=retired_g, retirements=(*found.retirements, mine)),
    )
    return None


def _serve_order(
    ctx: Context, entry: Retirement, ref: str, batches: list[Retired], quantity_g: int
) -> Refusal | None:
    """Fulfil an order, wholly or partly; never by one serial too many."""
    key = f"order/{ref}"
    found = ctx.state.get(key, v.Order)
    if found is None:
        return refuse("unknown_order", order=ref)
    if ctx.time_ms < found.effective_ms:
        return refuse("order_not_effective", order=ref, effective_ms=found.effective_ms)
    if found.state is not UNSET:
        return refuse("order_ended", order=ref, state=found.state)
    if refusal := _order_allows(ref, found, batches):
        return refusal
    shares = found.by_obligor_g
    missing_g = found.quantity_g - found.fulfilled_g
    if (entry.obligor is UNSET) == bool(shares):
        return refuse("obligor_field")
    if entry.obligor is not UNSET:
        if entry.obligor >= len(shares):
            return refuse("obligor_field")
        share_g = found.obligors[entry.obligor].share_g
        missing_g = (0 if share_g is UNSET else share_g) - shares[entry.obligor]
        shares = (
            *shares[: entry.obligor],
            shares[entry.obligor] + quantity_g,
            *shares[entry.obligor + 1 :],
        )
    surplus_g = quantity_g - missing_g
    if missing_g <= 0 or surplus_g >= min(batch.unit_g for batch, _ in batches):
        return refuse(
            "order_over_fulfilled", order=ref, missing_g=max(missing_g, 0), retired_g=quantity_g
        )
    if refusal := _room_for_one(ref, found.retirements):
        return refusal
    ctx.state.put(
        key,
        structs.replace(
            found,
            fulfilled_g=found.fulfilled_g + quantity_g,
            by_obligor_g=shares,
            retirements=(*found.retirements, certificate(ctx.log, ctx.index)),
        ),
    )
    return None


def _order_allows(ref: str, found: v.Order, batches: list[Retired]) -> Refusal | None:
    allowed = found.allowed
    if allowed is UNSET:
        return None
    for batch, _ in batches:
        if allowed.classes is not UNSET and batch.class_ not in allowed.classes:
            return refuse("not_allowed_by_order", order=ref, what="class", value=batch.class_)
        if allowed.programs is not UNSET and batch.program not in allowed.programs:
            return refuse("not_allowed_by_order", order=ref, what="program", value=batch.program)
        if allowed.vintages is not UNSET and batch.vintage not in allowed.vintages:
            return refuse("not_allowed_by_order", order=ref, what="vintage", value=batch.vintage)
    return None


def _serve_event(ctx: Context, ref: str, quantity_g: int) -> Refusal | None:
    key = f"event/{ref}"
    found = ctx.state.get(key, v.Event)
    if found is None:
        return refuse("unknown_event", event=ref)
    if refusal := _room_for_one(ref, found.retirements):
        return refusal
    retired_g = found.retired_g + quantity_g
    if refusal := holdings.too_large(retired_g):
        return refusal
    mine = certificate(ctx.log, ctx.index)
    ctx.state.put(
        key,
        structs.replace(found, retired_g=retired_g, retirements=(*found.retirements, mine)),
    )
    return None


def _room_for_one(ref: str, retirements: tuple[str, ...]) -> Refusal | None:
    if len(retirements) >= RETIREMENTS_MAX:
        return refuse("too_many_retirements", ref=ref, limit=RETIREMENTS_MAX)
    return None


def _check_beneficiary(ctx: Context, beneficiary: Beneficiary) -> Refusal | None:
    """Exactly one of the fields; what is of this log must be known to it."""
    named = [f for f in beneficiary.__struct_fields__ if getattr(beneficiary, f) is not UNSET]
    if len(named) != 1:
        return refuse("beneficiary_form")
    if beneficiary.party is not UNSET and not ctx.state.get(f"party/{beneficiary.party}", v.Party):
        return refuse("unknown_party", party=beneficiary.party)
    if beneficiary.project is not UNSET and not ctx.state.get(
        f"project/{beneficiary.project}", v.Project
    ):
        return refuse("unknown_project", project=beneficiary.project)
    if beneficiary.event is not UNSET and not ctx.state.get(f"event/{beneficiary.event}", v.Event):
        return refuse("unknown_event", event=beneficiary.event)
    return None
