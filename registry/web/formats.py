"""Numbers, times and names as people read them; the exact value stays beside it.

No floating point: tonnes are cut from grams by integer arithmetic.
"""

from datetime import datetime, timedelta, timezone

from msgspec import Struct

from registry.ledger.quantities import format_tonnes

PAGES = {
    "batch": "/batches/",
    "project": "/projects/",
    "scheme": "/schemes/",
    "order": "/orders/",
    "event": "/events/",
    "obligation": "/obligations/",
    "retirement": "/retirements/",
}
"""Where things of a family are shown."""
SHORT_CHARS = 10


class Piece(Struct, frozen=True):
    """A part of a sentence: text, and where it leads, or grams, or a batch taken over."""

    text: str
    href: str = ""
    title: str = ""
    grams: int = -1
    batch: str = ""


def grams(amount: int) -> Piece:
    """An amount; the template shows tonnes, and grams beside."""
    return Piece(format_tonnes(amount), grams=amount)


def link(text: str, href: str, title: str = "") -> Piece:
    """A name that leads to its page."""
    return Piece(text, href=href, title=title)


def account(account_id: str) -> Piece:
    """An account by the beginning of its id, the whole one beside it."""
    return Piece(f"{account_id[:SHORT_CHARS]}…", href=f"/accounts/{account_id}", title=account_id)


def holder(name: str) -> Piece:
    """An account, a party, or the pool of a scheme."""
    if name.startswith("a-"):
        return account(name)
    if name.startswith("scheme:"):
        return Piece(name[7:], href=f"/schemes/{name[7:]}")
    return Piece(name)


def subject(key: str) -> Piece:
    """What a correction or notice is about: a state key, with the page that shows it."""
    family, _, name = key.partition("/")
    if family == "account":
        return account(name)
    if family in PAGES:
        return Piece(name, href=f"{PAGES[family]}{name}")
    if family in ("party", "methodology"):
        return Piece(name, href=f"/entries?{family}={name.partition('/')[0]}")
    return Piece(key)


def batch(name: str) -> Piece:
    """A batch; the template marks it if it was taken over."""
    return Piece(name, href=f"/batches/{name}", batch=name)


def number(amount: int) -> str:
    """With thousands separators."""
    return f"{amount:,}"


def yuan(fen: int) -> str:
    """An amount of fen as CNY with two decimals."""
    return f"{fen // 100:,}.{fen % 100:02}"


class Times:
    """Instants at the region's fixed offset, to the second."""

    def __init__(self, offset_min: int) -> None:
        self._zone = timezone(timedelta(minutes=offset_min))

    def show(self, time_ms: int) -> str:
        """`2026-01-01 08:00:00`; the milliseconds themselves, if no calendar reaches that far."""
        try:
            moment = datetime.fromtimestamp(time_ms // 1000, self._zone)
        except (OverflowError, ValueError, OSError):
            return str(time_ms)
        return f"{moment:%Y-%m-%d %H:%M:%S}"

    def machine(self, time_ms: int) -> str:
        """The same with its offset, for `<time datetime>`."""
        try:
            return datetime.fromtimestamp(time_ms // 1000, self._zone).isoformat()
        except (OverflowError, ValueError, OSError):
            return ""
