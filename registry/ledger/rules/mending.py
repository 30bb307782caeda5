"""Rules of cancellation, correction and notice: what went wrong is answered, never edited."""

from msgspec import UNSET, structs

from registry.ledger import segments, serials
from registry.ledger import values as v
from registry.ledger.context import Context
from registry.ledger.entries import Cancellation, Correction, Notice
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.mending import HeldItem
from registry.ledger.refusals import Refusal, refuse
from registry.ledger.rulebook import listed, text
from registry.ledger.rules import holdings, moving
from registry.ledger.rules.court import forget
from registry.ledger.serials import Span

ANSWERED_MAX = 1_000
"""Most separate ranges of a batch that were wrong and stay good."""
REMARKS_MAX = 256
"""Most corrections and notices about one thing."""
CORRECTED = {
    "title": (v.Party, v.Methodology, v.Scheme, v.Event),
    "issuer": (v.Order,),
    "number": (v.Order,),
}
"""Which state values have which descriptive field; a project's title stands in its fields."""
COMPENSATED = ("retired", "pooled")
"""Statuses of serials that stay good when they turn out wrong: others answer for them."""


def cancellation(ctx: Context, entry: Cancellation) -> Refusal | None:
    """Cancel serials of one project; what must stay good is made up for, or is a debt."""
    if (rules := ctx.rules()) is None:
        return refuse("no_rulebook")
    key = f"project/{entry.project}"
    project = ctx.state.get(key, v.Project)
    if project is None:
        return refuse("unknown_project", project=entry.project)
    if refusal := _signed(ctx, entry, rules, project):
        return refusal
    items = () if entry.items is UNSET else entry.items
    if not items and (entry.cover_items is UNSET or not project.debt_g):
        return refuse("nothing_to_cancel", project=entry.project)
    compensated_g = 0
    for item in items:
        done_g = _cancel(ctx, entry, item)
        if isinstance(done_g, Refusal):
            return done_g
        compensated_g += done_g
    drawn_g = _draw(ctx, entry, rules)
    if isinstance(drawn_g, Refusal):
        return drawn_g
    project = ctx.state.must(key, v.Project)
    owed_g = compensated_g + project.debt_g
    if drawn_g > owed_g:
        return refuse("covers_too_much", drawn_g=drawn_g, owed_g=owed_g)
    debt_g = owed_g - drawn_g
    if debt_g > project.debt_g and project.buffer_g:
        return refuse("buffer_not_used", project=entry.project, buffer_g=project.buffer_g)
    if refusal := holdings.too_large(debt_g):
        return refusal
    ctx.state.put(key, structs.replace(project, debt_g=debt_g))
    return None


def _signed(
    ctx: Context, entry: Cancellation, rules: dict[str, RuleValue], project: v.Project
) -> Refusal | None:
    """The rulebook's roles by two organisations or more; the owner's own credits, the owner too."""
    roles = listed(rules, "cancellation_signed_by")
    if not roles:
        return refuse("rulebook_value_missing", value="cancellation_signed_by")
    organisations: set[str] = set()
    for role in roles:
        signed = ctx.parties_with(role) - {project.fields.owner}
        if not signed:
            return refuse("role_missing", kind="cancellation", role=role)
        organisations |= signed
    if len(organisations) < 2:
        return refuse("too_few_organisations", signed=len(organisations), need=2)
    if entry.reason == "conversion_out" and entry.external_id is UNSET:
        return refuse("fields_exclude", fields="external_id (with conversion_out)")
    return None


def _cancel(ctx: Context, entry: Cancellation, item: HeldItem) -> int | Refusal:
    """Cancel one item; the grams of it that stay good and must be made up for."""
    batch = _batch_of(ctx, item, entry.project)
    if isinstance(batch, Refusal):
        return batch
    if refusal := _answered(ctx, item):
        return refusal
    if item.account is not UNSET:
        if entry.reason == "conversion_out" and (refusal := _may_leave(ctx, item.account, item)):
            return refusal
        refused = _cancel_held(ctx, item.account, item)
        if refused is None and entry.reason == "issued_in_error":
            _count_error(ctx, item)
        return refused or 0
    compensated_g, at = 0, item.first
    while at <= item.last:
        block = ctx.state.get(v.block_key(item.batch, at), v.Block)
        whole = block is not None and (block.last <= item.last or block.status == "buffer")
        if block is None or not whole or entry.reason == "conversion_out":
            return refuse("not_a_block", batch=item.batch, first=at, last=item.last)
        last = min(block.last, item.last)
        if block.status in COMPENSATED:
            if refusal := _note_answered(ctx, item.batch, Span(at, last)):
                return refusal
            compensated_g += (last - at + 1) * batch.unit_g
        elif block.status == "buffer":
            piece = structs.replace(item, first=at, last=last)
            if refusal := _cancel_buffer(ctx, entry.project, piece):
                return refusal
            if entry.reason == "issued_in_error":
                _count_error(ctx, piece)
        else:
            return refuse("account_field", batch=item.batch, first=at, status=block.status)
        at = last + 1
    return compensated_g


def _answered(ctx: Context, item: HeldItem) -> Refusal | None:
    """What others have answered for once is good, and is not made up for again."""
    known = ctx.state.get(f"answered/{item.batch}", v.Answered) or v.Answered(spans=())
    if any(span.first <= item.last and item.first <= span.last for span in known.spans):
        return refuse("answered_already", first=item.first, last=item.last, batch=item.batch)
    return None


def _note_answered(ctx: Context, batch: str, span: Span) -> Refusal | None:
    key = f"answered/{batch}"
    known = ctx.state.get(key, v.Answered) or v.Answered(spans=())
    spans, _, _ = serials.insert(known.spans, span)
    if len(spans) > ANSWERED_MAX:
        return refuse("too_many_changes", subject=f"batch/{batch}", limit=ANSWERED_MAX)
    ctx.state.put(key, v.Answered(spans=spans))
    return None


def _cancel_held(ctx: Context, account: str, item: HeldItem) -> Refusal | None:
    span = Span(item.first, item.last)
    pieces = segments.held(ctx.state, account, item.batch, span)
    if isinstance(pieces, Refusal):
        return pieces
    forget(ctx, item.batch, pieces)
    if refusal := segments.detach(ctx.state, account, item.batch, span):
        return refusal
    holdings.end(ctx.state, item.batch, span, "cancelled", None, ctx.index)
    holdings.restatus(ctx.state, item.batch, span.count, "free", "cancelled")
    return None


def _count_error(ctx: Context, item: HeldItem) -> None:
    """An issuance all of whose serials were cancelled as issued in error frees its period."""
    key = f"batch/{item.batch}"
    batch = ctx.state.must(key, v.Batch)
    in_error = (batch.in_error or 0) + item.last - item.first + 1
    ctx.state.put(key, structs.replace(batch, in_error=in_error))


def _draw(ctx: Context, entry: Cancellation, rules: dict[str, RuleValue]) -> int | Refusal:
    """Cancel buffer serials and covering credits in place of what stays good; their grams."""
    drawn_g = 0
    for item in () if entry.buffer_items is UNSET else entry.buffer_items:
        batch = _batch_of(ctx, item, entry.project)
        if isinstance(batch, Refusal):
            return batch
        if refusal := _cancel_buffer(ctx, entry.project, item):
            return refusal
        drawn_g += (item.last - item.first + 1) * batch.unit_g
    reserve = text(rules, "reserve_account")
    for item in () if entry.cover_items is UNSET else entry.cover_items:
        if item.account is UNSET:
            return refuse("account_field", batch=item.batch, first=item.first, status="free")
        if refusal := _may_give(ctx, item.account, reserve):
            return refusal
        chosen = holdings.choose_exact(ctx.state, item.account, item.batch, item.first, item.last)
        if isinstance(chosen, Refusal):
            return chosen
        if refusal := _cancel_held(ctx, item.account, item):
            return refusal
        drawn_g += chosen.quantity_g
    return drawn_g


def _cancel_buffer(ctx: Context, project_name: str, item: HeldItem) -> Refusal | None:
    """Buffer serials are taken from the low end of a buffer block; the project has fewer."""
    key = v.block_key(item.batch, item.first)
    block = ctx.state.get(key, v.Block)
    if block is None or block.status != "buffer" or not item.first <= item.last <= block.last:
        return refuse("not_a_block", batch=item.batch, first=item.first, last=item.last)
    span = Span(item.first, item.last)
    if item.last < block.last:
        ctx.state.put(v.block_key(item.batch, item.last + 1), block)
    holdings.end(ctx.state, item.batch, span, "cancelled", None, ctx.index)
    holdings.restatus(ctx.state, item.batch, span.count, "buffer", "cancelled")
    project = ctx.state.must(f"project/{project_name}", v.Project)
    grams = span.count * ctx.state.must(f"batch/{item.batch}", v.Batch).unit_g
    left = structs.replace(project, buffer_g=project.buffer_g - grams)
    ctx.state.put(f"project/{project_name}", left)
    return None


def _batch_of(ctx: Context, item: HeldItem, project: str) -> v.Batch | Refusal:
    batch = ctx.state.get(f"batch/{item.batch}", v.Batch)
    if batch is None:
        return refuse("unknown_batch", batch=item.batch)
    if batch.project != project:
        return refuse("other_project", batch=item.batch, project=project)
    if item.first > item.last:
        return refuse("serials_form", batch=item.batch)
    return batch


def _may_leave(ctx: Context, account_id: str, item: HeldItem) -> Refusal | None:
    """What its owner takes to another market must be free, as for a transfer.

    What was wrong or is reversed goes whatever binds it.
    """
    if refusal := _may_give(ctx, account_id, ""):
        return refusal
    chosen = holdings.choose_exact(ctx.state, account_id, item.batch, item.first, item.last)
    return chosen if isinstance(chosen, Refusal) else None


def _may_give(ctx: Context, account_id: str, reserve: str) -> Refusal | None:
    """The account is not frozen, and its owner signs; the reserve's owner need not."""
    account = ctx.state.get(f"account/{account_id}", v.Account)
    if account is None:
        return refuse("unknown_account", account=account_id)
    if account_id == reserve and account.freezes is UNSET:
        return None
    return moving.consent(ctx, account_id, account, "cancellation", UNSET)


def correction(ctx: Context, entry: Correction) -> Refusal | None:
    """Put a descriptive field right; operator and authority sign."""
    if refusal := ctx.need_role("correction", "operator", "authority"):
        return refusal
    found = _subject(ctx, entry.subject)
    if isinstance(found, Refusal):
        return found
    if getattr(found, "index", None) != entry.of:
        return refuse("not_of_that_entry", subject=entry.subject, index=entry.of)
    if isinstance(found, v.Project) and entry.field == "title":
        changed: v.Value = structs.replace(
            found, fields=structs.replace(found.fields, title=entry.value)
        )
    elif isinstance(found, CORRECTED.get(entry.field, ())):
        changed = structs.replace(found, **{entry.field: entry.value})
    else:
        return refuse("not_correctable", subject=entry.subject, field=entry.field)
    return _remark(ctx, entry.subject, changed)


def notice(ctx: Context, entry: Notice) -> Refusal | None:
    """Speak about a thing of the log; operator or authority signs."""
    if not (ctx.parties_with("operator") or ctx.parties_with("authority")):
        return refuse("role_missing", kind="notice", role="operator")
    found = _subject(ctx, entry.about)
    if isinstance(found, Refusal):
        return found
    return _remark(ctx, entry.about, found)


def _subject(ctx: Context, key: str) -> v.Remarked | Refusal:
    kind = v.FAMILIES.get(key.partition("/")[0])
    if kind is None or not issubclass(kind, v.Remarked):
        return refuse("unknown_subject", subject=key)
    found = ctx.state.get(key, kind)
    return found or refuse("unknown_subject", subject=key)


def _remark(ctx: Context, key: str, value: v.Value) -> Refusal | None:
    """A value lists the entries about it."""
    if not isinstance(value, v.Remarked):
        return refuse("unknown_subject", subject=key)
    remarks = (*(value.remarks or ()), ctx.index)
    if len(remarks) > REMARKS_MAX:
        return refuse("too_many_remarks", subject=key, limit=REMARKS_MAX)
    ctx.state.put(key, structs.replace(value, remarks=remarks))
    return None
