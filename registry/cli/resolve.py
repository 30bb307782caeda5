"""What a draft needs from a log: its name, and which serials an account holds.

A retirement names exact serials, so that its signer signs them and nobody else picks. People say
a quantity; here it becomes serials, by best fit, before anything is signed.

Refuses to know: what the draft is for.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from registry.chain.checkpoint import check_origin, parse_checkpoint
from registry.chain.errors import Malformed, Unavailable
from registry.chain.note import LIMITS, parse_note
from registry.cli import files
from registry.cli.remote import client, pages
from registry.ledger.quantities import GRAMS_PER_TONNE, format_tonnes
from registry.ledger.serials import SPANS_TOUCHED_MAX, Span, best_fit

CHECKPOINT = Path("tiles", "checkpoint")
_is_quantity = re.compile(r"([0-9]{1,16})(\.[0-9]{1,6})?(g|kg|t)?").fullmatch
_UNITS_G = {"g": 1, "kg": 1_000, "t": GRAMS_PER_TONNE}


def origin(given: str, data: Path | None, url: str) -> str:
    """The name of the log, as given, or of a data directory's or a service's checkpoint."""
    if given:
        return check_origin(given)
    if data is not None:
        return _origin_of(files.read(data / CHECKPOINT, LIMITS.bytes_max))
    if url:
        with client(url) as log:
            return _origin_of(log.get_bytes("/checkpoint", bytes_max=LIMITS.bytes_max))
    raise Malformed(
        "which log is the entry for?", where="origin", todo="give --origin, --data or --url"
    )


def items(url: str, account: str, wanted: Sequence[str]) -> list[dict[str, object]]:
    """Exact serials for each `BATCH=QUANTITY`, of what the account holds free now, by best fit."""
    if not url or not account:
        raise Malformed(
            "a quantity is resolved from an account's holdings",
            where="--quantity",
            todo="give --url and --set account=…",
        )
    with client(url) as log:
        held = {
            str(line["batch"]): line
            for line in pages(log, f"/v1/accounts/{quote(account, safe='')}/balances", "balances")
        }
    found: list[dict[str, object]] = []
    for text in wanted:
        batch, equals, quantity = text.partition("=")
        if not equals:
            raise Malformed(f"not BATCH=QUANTITY: {text[:80]!a}", where="--quantity")
        if batch not in held:
            raise Unavailable(f"the account holds nothing of {batch}", where=account)
        line = held[batch]
        spans = tuple(Span(first, last) for first, last in line["serials"])
        found += [
            {"batch": batch, "first": span.first, "last": span.last}
            for span in pick(spans, grams_of(quantity), int(line["unit_g"]), batch)
        ]
    return found


def _origin_of(checkpoint: bytes) -> str:
    """The origin of a checkpoint, as it says itself: the log it names judges the entry anyway."""
    return parse_checkpoint(parse_note(checkpoint).text).origin


def pick(spans: tuple[Span, ...], quantity_g: int, unit_g: int, batch: str) -> list[Span]:
    """The serials of a quantity, by best fit; Malformed or Unavailable if it cannot be had."""
    count, odd_g = divmod(quantity_g, unit_g)
    if odd_g or not count:
        raise Malformed(
            f"{quantity_g} g are not a whole number of serials of {unit_g} g", where=batch
        )
    free = sum(span.count for span in spans)
    if free < count:
        raise Unavailable(
            f"the account holds {format_tonnes(free * unit_g)} t free,"
            f" {format_tonnes(quantity_g)} t are wanted",
            where=batch,
        )
    chosen = best_fit(spans, count)
    if chosen is None:
        raise Unavailable(
            f"this would name more than {SPANS_TOUCHED_MAX} separate ranges",
            where=batch,
            todo="take less at once",
        )
    return chosen


def grams_of(text: str) -> int:
    """Grams of `1200`, `1200g`, `12.5kg` or `30t`; no floating point; Malformed otherwise."""
    match = _is_quantity(text)
    unit_g = _UNITS_G[(match and match[3]) or "g"]
    if match is None:
        raise Malformed(f"not a quantity: {text[:40]!a}", todo="write 30t, 12.5kg or 1200g")
    decimals = (match[2] or ".")[1:]
    scale: int = 10 ** len(decimals)
    grams, odd = divmod(int(match[1] + decimals) * unit_g, scale)
    if odd:
        raise Malformed(f"less than a gram in {text[:40]!a}")
    return grams
