"""Which rows belong together: uses with their issuance, blocks of one issuance; nothing twice.

A *lot* is a set of rows that stand or fall together: an issuance with the uses of its credits, uses
whose issuance is not in the book, blocks of one issuance. Its *groups* become batches.
Refuses to know: columns, files, the log.

Rules
- an issuance of n with uses of m opens n: m as they ended, the rest in the buffer and free. Uses
  come off the free part first, so that free credits are never overstated
- a use whose issuance is not among the rows opens by itself, as it ended
- a row that cannot be taken takes its lot with it: else credits that the source calls retired
  would open as free
- what the rows leave open is not guessed: overlapping ranges, equal rows, several issuances that a
  use could be of, one a day off. With `draw = "earliest"` a mapping says that a source never names
  the issuance: uses then draw on those of their project between `since` and their own date, the
  earliest issuance first and for it the use with the earliest date, which places all uses if any
  order does
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import chain, pairwise

from msgspec import Struct

from registry.importing.forms import SerialForm
from registry.importing.mapping import Mapping, Status
from registry.importing.rows import Key, Left, Row, key_of
from registry.ledger.dates import day_of, format_day
from registry.ledger.quantities import format_tonnes


class Piece(Struct, frozen=True, gc=False):
    """`units` serials, in their order, that a row gives a status."""

    row: Row
    units: int
    status: Status
    text: str = ""
    """The source's serials of it; empty where the source has none."""


class Group(Struct, frozen=True, gc=False):
    """What becomes one batch, or several where it is long; `head` gives project, vintage, class.

    `issuance` is the row that made the credits, where the book has it.
    """

    head: Row
    pieces: tuple[Piece, ...]
    issuance: Row | None = None


class Lot(Struct, frozen=True, gc=False):
    """Groups that stand or fall together, and the key that all their rows have.

    `keyed`: no other batch may have that key; else serials alone tell the batches apart.
    """

    key: Key
    groups: tuple[Group, ...]
    keyed: bool = True


class Book(Struct, frozen=True):
    """All rows that were read: those with credits, and what is known of the uses that were left."""

    issuances: list[Row]
    uses: list[Row]
    blocks: list[Row]
    hints: list[tuple[Key, str]]
    """Per use that was left: its key as far as it could be read, and how to name it."""
    names: tuple[str, ...]
    from_one: frozenset[int]
    """The files whose serials are numbered from 1 within an issuance."""
    forms: dict[int, SerialForm]
    """The form of serials by file."""


def assemble(mapping: Mapping, book: Book) -> tuple[list[Lot], list[Left]]:
    """Put the rows together; each row is in exactly one lot, or left once."""
    return _Assembly(mapping, book).run()


class _Assembly:
    """The state of one assembly: rows by key, keys that are spoiled, what is done."""

    def __init__(self, mapping: Mapping, book: Book) -> None:
        self._mapping = mapping
        self._book = book
        self._key = key_of(mapping)
        self._lots: list[Lot] = []
        self._left: list[Left] = []
        self._issued: dict[Key, list[Row]] = defaultdict(list)
        self._used: dict[Key, list[Row]] = defaultdict(list)
        self._spoiled: dict[Key, str] = {}

    def run(self) -> tuple[list[Lot], list[Left]]:
        clashes = _clashes(chain(self._book.uses, self._book.blocks))
        clashes |= _clashes(self._book.issuances)
        self._sort(self._book.issuances, self._issued, clashes)
        self._sort(self._book.uses, self._used, clashes)
        self._spoil_by_hints()
        self._leave_near_ones()
        for key, issuances in self._issued.items():
            self._place(key, issuances, self._used.pop(key, []))
        for key, uses in self._used.items():
            self._open_uses(key, uses)
        self._open_blocks(clashes)
        self._lots.sort(key=lambda lot: (lot.groups[0].head.file, lot.groups[0].head.number))
        return self._lots, self._left

    def _leave(self, rows: Iterable[Row], reason: str) -> None:
        self._left += [Left(row.file, row.number, reason) for row in rows]

    def _name(self, row: Row) -> str:
        return f"row {row.number} of {self._book.names[row.file]}"

    def _tonnes(self, units: int) -> str:
        return format_tonnes(units * self._mapping.unit_g) + " t"

    def _sort(
        self,
        rows: list[Row],
        by_key: dict[Key, list[Row]],
        clashes: dict[tuple[int, int], Row],
    ) -> None:
        for row in rows:
            key = self._key(row)
            if (other := clashes.get((row.file, row.number))) is None:
                by_key[key].append(row)
                continue
            self._leave([row], f"its serials overlap those of {self._name(other)}")
            self._spoil(key, self._name(row))

    def _spoil(self, key: Key, name: str) -> None:
        """Let no credits of this key open: some of them belong to a row that is left."""
        self._spoiled.setdefault(key, f"{name} is left and may be of the same issuance")

    def _spoil_by_hints(self) -> None:
        vague: dict[Key, str] = {}
        for hint, name in self._book.hints:
            if None in hint:
                vague.setdefault(hint, name)
            else:
                self._spoil(hint, name)
        for hint, name in vague.items():
            for key in self._issued:
                if all(h is None or h == k for h, k in zip(hint, key, strict=True)):
                    self._spoil(key, name)

    def _leave_near_ones(self) -> None:
        """A use that names an issue date one day off an issuance may be of it, or may not."""
        if "issued" not in self._mapping.match:
            return
        at = self._mapping.match.index("issued")
        for key in [key for key in self._used if key not in self._issued]:
            if (day := day_of(str(key[at]))) is None:
                continue
            for date in (format_day(day - 1), format_day(day + 1)):
                near = (*key[:at], date, *key[at + 1 :])
                if near in self._issued:
                    uses = self._used.pop(key)
                    issuance = self._name(self._issued[near][0])
                    self._leave(uses, f"{issuance} was issued one day off: the same or another?")
                    self._spoil(near, self._name(uses[0]))
                    break

    def _place(self, key: Key, issuances: list[Row], uses: list[Row]) -> None:
        """Put issuances and the uses with the same key together."""
        rows = [*issuances, *uses]
        if (spoiled := self._spoiled.get(key)) is not None:
            self._leave(rows, spoiled)
        elif (double := _double(rows)) is not None:
            two = f"{self._name(double[0])} and {self._name(double[1])}"
            self._leave(rows, f"{two} are equal: one or two?")
        elif self._mapping.draw is not None:
            self._draw(key, issuances, uses)
        elif any(row.text for row in issuances):
            self._place_by_serial(key, issuances, uses)
        elif not uses:
            self._lots += [Lot(key, (self._group(row, []),)) for row in issuances]
        elif len(issuances) > 1:
            both = f"{self._name(issuances[0])} or of {self._name(issuances[1])}"
            self._leave(rows, f"uses such as {self._name(uses[0])} may be of {both}")
        else:
            self._place_on_one(key, issuances[0], uses)

    def _place_by_serial(self, key: Key, issuances: list[Row], uses: list[Row]) -> None:
        """Issuances have serials: each use is of the one whose range holds its own."""
        by_issuance: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for use in uses:
            holds = [row for row in issuances if use.text and _holds(row, use)]
            if len(holds) != 1:
                rows = [*issuances, *uses]
                self._leave(rows, f"{self._name(use)} has serials of no issuance beside it")
                return
            by_issuance[holds[0].file, holds[0].number].append(use)
        for row in issuances:
            mine = by_issuance[row.file, row.number]
            group = self._numbered_group(row, mine) if row.text else self._group(row, [])
            self._lots.append(Lot(key, (group,)))

    def _numbered_group(self, issuance: Row, uses: list[Row]) -> Group:
        """An issuance with serials: uses at their own places, free serials between them."""
        write = self._book.forms[issuance.file].write
        pieces: list[Piece] = []
        following = issuance.first

        def fill(stop: int) -> None:
            if following < stop:
                text = write(issuance.text, following, stop - 1)
                pieces.append(Piece(issuance, stop - following, "free", text))

        for use in _by_serial(uses):
            fill(use.first)
            pieces.append(_whole(use))
            following = use.last + 1
        fill(issuance.last + 1)
        return Group(issuance, tuple(pieces), issuance)

    def _place_on_one(self, key: Key, issuance: Row, uses: list[Row]) -> None:
        used = sum(row.units for row in uses)
        if used > issuance.units:
            self._leave(
                [issuance, *uses],
                f"{self._tonnes(used)} were used of {self._name(issuance)},"
                f" which issued {self._tonnes(issuance.units)}",
            )
            return
        beyond = [u for u in uses if u.file in self._book.from_one and u.last > issuance.units]
        if beyond:
            self._leave(
                [issuance, *uses],
                f"{self._name(beyond[0])} has serial {beyond[0].last},"
                f" but {self._name(issuance)} issued {issuance.units}",
            )
            return
        ended = [_whole(row) for row in _by_serial(uses)]
        self._lots.append(Lot(key, (self._group(issuance, ended),)))

    def _group(self, issuance: Row, ended: list[Piece]) -> Group:
        """An issuance with what ended of it; the rest is the buffer's, and free before that."""
        rest = issuance.units - sum(piece.units for piece in ended)
        buffer = min(issuance.buffer, rest)
        if rest > buffer:
            ended.append(Piece(issuance, rest - buffer, "free"))
        if buffer:
            ended.append(Piece(issuance, buffer, "buffer"))
        return Group(issuance, tuple(ended), issuance)

    def _draw(self, key: Key, issuances: list[Row], uses: list[Row]) -> None:
        """Let uses draw on the issuances of their dates; one that has none opens by itself."""
        issuances = sorted(issuances, key=lambda row: (row.issued, row.file, row.number))
        days = [row.issued for row in issuances]
        windows: list[tuple[int, int, Row]] = []
        for use in uses:
            low, high = bisect_left(days, use.since), bisect_right(days, use.date)
            if low < high:
                windows.append((low, high, use))
            else:
                self._open_uses(key, [use])
        joined = bytearray(len(issuances) + 1)  # 1: a use may be of this issuance or the one before
        for low, high, _ in windows:
            joined[low + 1 : high] = b"\1" * (high - low - 1)
        edges = [at for at in range(len(issuances) + 1) if not joined[at]]
        windows.sort(key=lambda w: w[0])
        following = 0
        for start, stop in pairwise(edges):
            first = following
            while following < len(windows) and windows[following][0] < stop:
                following += 1
            self._draw_joined(key, issuances, start, stop, windows[first:following])

    def _draw_joined(
        self, key: Key, issuances: list[Row], start: int, stop: int,
        windows: list[tuple[int, int, Row]],
    ) -> None:  # fmt: skip
        """`_draw` on issuances start ≤ i < stop, which their uses join."""
        waiting: list[tuple[str, int, int, int, int, Row]] = []
        pieces: list[list[Piece]] = [[] for _ in range(start, stop)]
        following = 0
        for at in range(start, stop):
            while following < len(windows) and windows[following][0] == at:
                _, high, use = windows[following]
                heappush(waiting, (use.date, use.file, use.number, high, use.units, use))
                following += 1
            room = issuances[at].units - issuances[at].buffer
            while waiting and room and waiting[0][3] > at:
                date, file, number, high, units, use = heappop(waiting)
                taken = min(units, room)
                pieces[at - start].append(Piece(use, taken, use.status))
                room -= taken
                if units > taken:
                    heappush(waiting, (date, file, number, high, units - taken, use))
            if waiting and waiting[0][3] <= at + 1:
                break
        rows = [*issuances[start:stop], *[use for _, _, use in windows]]
        if waiting:
            use = waiting[0][5]
            self._leave(
                rows,
                f"the issuances of {use.project} between {use.since or 'the first'} and {use.date}"
                f" are too small for {self._name(use)} and the other uses of those dates",
            )
            return
        groups = tuple(self._group(issuances[at], pieces[at - start]) for at in range(start, stop))
        self._lots.append(Lot(key, groups))

    def _open_uses(self, key: Key, uses: list[Row]) -> None:
        """Uses whose issuance is not among the rows: one batch per project, vintage, issue date."""
        batches: dict[tuple[str, int, str, str], list[Row]] = defaultdict(list)
        for row in uses:
            batches[row.project, row.vintage, row.issued, row.class_].append(row)
        for rows in batches.values():
            self._open(key, rows, keyed=True)

    def _open_blocks(self, clashes: dict[tuple[int, int], Row]) -> None:
        batches: dict[tuple[object, ...], list[Row]] = defaultdict(list)
        for row in self._book.blocks:
            if (other := clashes.get((row.file, row.number))) is not None:
                self._leave([row], f"its serials overlap those of {self._name(other)}")
                continue
            batch = (row.project, row.vintage, row.issued, row.class_, *row.together)
            batches[batch].append(row)
        for rows in batches.values():
            self._open(self._key(rows[0]), rows, keyed=not all(row.text for row in rows))

    def _open(self, key: Key, rows: list[Row], *, keyed: bool) -> None:
        """Rows that need no issuance: in the order of their serials, one group."""
        if (double := _double(rows)) is not None:
            self._leave(
                rows, f"{self._name(double[0])} and {self._name(double[1])} are equal: one or two?"
            )
            return
        pieces = [_whole(row) for row in _by_serial(rows)]
        self._lots.append(Lot(key, (Group(rows[0], tuple(pieces)),), keyed))


def _whole(row: Row) -> Piece:
    return Piece(row, row.units, row.status, row.text)


def _holds(issuance: Row, use: Row) -> bool:
    return (
        issuance.numbering == use.numbering
        and issuance.first <= use.first
        and use.last <= issuance.last
    )


def _by_serial(rows: list[Row]) -> list[Row]:
    """Rows with serials in the order of these, then the others in the order of the files."""
    return sorted(rows, key=lambda r: (not r.text, r.numbering, r.first, r.file, r.number))


def _double(rows: Sequence[Row]) -> tuple[Row, Row] | None:
    """Two rows of the same bytes, if there are any: one act or two, nobody can tell."""
    seen: dict[bytes, Row] = {}
    for row in rows:
        if (other := seen.setdefault(row.sha256, row)) is not row:
            return other, row
    return None


def _clashes(rows: Iterable[Row]) -> dict[tuple[int, int], Row]:
    """(file, number) of each row whose serials overlap another's in its numbering → the other."""
    numberings: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.text:
            numberings[row.numbering].append(row)
    found: dict[tuple[int, int], Row] = {}
    for ranges in numberings.values():
        ranges.sort(key=lambda row: row.first)
        widest = ranges[0]
        for row in ranges[1:]:
            if row.first <= widest.last:
                found.setdefault((widest.file, widest.number), row)
                found.setdefault((row.file, row.number), widest)
            if row.last > widest.last:
                widest = row
    return found
