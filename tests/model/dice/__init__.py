"""Random entries of all kinds, sound and unsound, with amounts near their limits.

A plain generator: it needs a `random.Random` (or whatever has its methods) and something to look at
the book through (`Book`), so that a state machine, a seeded test and a simulator can throw the same
dice. It imports neither Hypothesis nor pytest.

    dice = Dice(Random(7), book)
    for move in (*founding(dice), *(draw(dice) for _ in range(100))):
        dice_told = tell(dice, move, refused=book.submit(move))

The names that stand in moves (parties, accounts, keys) are those of `tests.ledger.world`.
"""

from collections.abc import Callable, Iterator

from tests.model.dice import authority, court, moving, points, supply
from tests.model.dice.core import Book, Dice, Move, Who, account_name, spoil, vkey

Throw = Callable[[Dice], Move]

THROWS: dict[str, Throw] = {
    "genesis": authority.genesis,
    "rulebook": authority.rulebook,
    "party": authority.party,
    "key": authority.key,
    "logkey": authority.logkey,
    "account": authority.account,
    "mandate": authority.mandate,
    "correction": authority.correction,
    "notice": authority.notice,
    "methodology": supply.methodology,
    "project": supply.project,
    "issuance": supply.issuance,
    "opening": supply.opening,
    "cancellation": supply.cancellation,
    "transfer": moving.transfer,
    "reservation": moving.reservation,
    "settlement": moving.settlement,
    "release": moving.release,
    "pledge": moving.pledge,
    "unpledge": moving.unpledge,
    "points_scheme": points.points_scheme,
    "conversion": points.conversion,
    "redemption": points.redemption,
    "swap": points.swap,
    "expiry": points.expiry,
    "order": court.order,
    "order_change": court.order_change,
    "freeze": court.freeze,
    "unfreeze": court.unfreeze,
    "execution": court.execution,
    "event": court.event,
    "obligation": court.obligation,
    "retirement": court.retirement,
    "seal": authority.seal,
    "end": authority.end,
}
"""A throw for every kind of entry."""
RARE = {
    "end": 0,
    "logkey": 4,
    "genesis": 1,
    "seal": 2,
    "rulebook": 3,
    "points_scheme": 3,
    "party": 3,
    "methodology": 4,
    "opening": 4,
}
OFTEN = {"transfer": 20, "retirement": 14, "conversion": 14, "issuance": 12, "redemption": 8}
WEIGHTS = [(RARE | OFTEN).get(kind, 6) for kind in THROWS]
SPOILED = 7
"""How many moves of a hundred get one thing wrong on purpose."""


def draw(dice: Dice, kind: str = "") -> Move:
    """The next move: of that kind, or of any."""
    if not kind:
        kind = dice.chance.choices(list(THROWS), WEIGHTS)[0]
    move = THROWS[kind](dice)
    return spoil(dice, move) if dice.odds(SPOILED) else move


def founding(dice: Dice) -> Iterator[Move]:
    """What makes the rest possible: rules, schemes, an event, an account of the authority."""
    rules = authority.rulebook(dice).fields
    values = authority.rule_values(dice)
    start = dice.book.time_ms
    rules |= {"version": 2, "effective_from_ms": start, "values": values, "ruleset": None}
    values.pop("points_ratio_num", None)
    values.pop("points_ratio_den", None)
    values["points_validity_days_max"] = 30
    yield Move("rulebook", (("operator.gd", 0), ("authority.gd", 0)), rules)
    for name in points.FOUNDED:
        fields = points.scheme_fields(dice, name) | {"unbacked_at_start": None}
        yield Move("points_scheme", (("points.mall", 0), ("authority.gd", 0)), fields)
    fields = court.event(dice).fields | {"event": "games", "organiser": "games.org"}
    fields |= {"from": "2025-08-07", "status": "plan", "other_offsets": None}
    yield Move("event", (("games.org", 0),), fields)
    account = {
        "account": account_name("authority"),
        "type": "institution",
        "owner": "authority.gd",
        "accept": "any",
        "need": 1,
    }
    yield Move("account", (("operator.gd", 0), ("authority.gd", 0)), account)


def tell(dice: Dice, move: Move, refused: str) -> None:
    """Remember what an accepted move made. Call it after the book has moved on."""
    if refused:
        return
    made = dice.book.index - 1
    fields = move.fields
    match move.kind:
        case "reservation" | "pledge" | "freeze" | "mandate" | "issuance":
            dice.note(move.kind, made)
        case "order" | "event" | "points_scheme":
            dice.note(move.kind, fields["scheme" if "scheme" in fields else move.kind])
        case "obligation":
            dice.note("obligation", f"{fields['obligated']}/{fields['year']}")
        case "methodology" | "project":
            dice.note(move.kind, {k: v for k, v in fields.items() if k != "memo"})
        case "conversion" if fields["direction"] == "to_points":
            dice.note("lot", (fields["scheme"], made))
        case "swap":
            dice.note("lot", (fields["to_scheme"], made))
        case "key":
            _tell_key(dice, fields, move.by)
        case "party" | "account":
            _tell_holder(dice, move)
        case _:
            pass
    if move.kind in ("retirement", "redemption", "expiry", "execution"):
        certificate = f"CN-GD-R-0123abcd-{made}"
        if dice.book.value(f"retirement/{certificate}"):
            dice.note("retirement", certificate)
    if move.kind == "issuance":
        _tell_issuance(dice, fields, made)
    if fields.get("reason") == "issued_in_error":
        for again in dice.made.get("issued", [])[-4:]:
            if _void(dice, again["supersedes"]):
                dice.note("voided", again)
    if move.kind == "opening":
        dice.batches.append(fields["batch"])


def _tell_issuance(dice: Dice, fields: dict[str, object], made: int) -> None:
    issued = dice.book.value(f"issuance/{made:016}")
    new = fields.get("new_project")
    if new:
        dice.note("project", new)
    for batch in issued["batches"]:
        dice.batches.append(batch)
        if dice.book.value(f"batch/{batch}")["buffer"]:
            dice.note("buffer", (batch, issued["project"]))
    again = {
        "project": issued["project"],
        "new_project": None,
        "part": fields["part"],
        "from": fields["from"],
        "to": fields["to"],
        "supersedes": made,
    }
    dice.note("issued", again)


def _void(dice: Dice, index: int) -> bool:
    """True if all that an issuance made was cancelled as issued in error."""
    names = dice.book.value(f"issuance/{index:016}")["batches"]
    made = [dice.book.value(f"batch/{name}") for name in names]
    return all(batch.get("in_error") == batch["count"] for batch in made)


def _tell_key(dice: Dice, fields: dict[str, object], by: tuple[Who, ...]) -> None:
    holder = str(fields["holder"])
    known = dice.keys.setdefault(holder, [0])
    number = dice.number_of(str(fields["key"]))
    if fields["action"] == "recover":
        dice.note("recovery", (holder, number))
        return
    if fields["action"] != "add":
        dice.made.pop("recovery", None)
    if fields["action"] == "complete":
        dice.keys[holder] = [number]
    elif fields["action"] == "add":
        known.append(number)
    elif number in known and len(known) > 1:
        known.remove(number)


def _tell_holder(dice: Dice, move: Move) -> None:
    fields = move.fields
    name = fields[move.kind]
    enrolled = [entry["key"] for entry in fields.get("keys") or ()]
    if enrolled:
        dice.keys[name] = [n for holder, n in move.by if holder == name]
    if move.kind == "account" and name not in dice.owners:
        dice.owners[name] = fields.get("owner") or name
        if fields.get("owner") == "authority.gd":
            dice.note("authority", name)


__all__ = [
    "THROWS",
    "Book",
    "Dice",
    "Move",
    "Who",
    "account_name",
    "draw",
    "founding",
    "tell",
    "vkey",
]
