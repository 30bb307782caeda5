"""What the log has taken over already, so that nothing is opened twice.

An import may be interrupted and begun again, or follow another one of the same registry. A batch
that an opening in the log already holds, equal in every fact, is there and is not opened again. A
lot that shares a row, serials or its key with any *other* opening is left: those credits, or some
of them, are in the log already. Of blocks, which stand by their serials alone, only the rows that
are there already are left.

Refuses to know: how openings are read from a log.

    earlier = Earlier(mapping, openings_in_the_log)
    earlier.name_of(draft)   -> "CN-GD-VCS-2020-000001", or None
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable

from registry.importing.forms import SerialForm, Unfit
from registry.importing.layout import Draft, identity
from registry.importing.mapping import Mapping, Projects, Serial
from registry.importing.match import Lot
from registry.importing.rows import Key, Row
from registry.ledger.entries import Opening


class Earlier:
    """The openings of a log, as far as they concern a mapping."""

    def __init__(self, mapping: Mapping, openings: Iterable[Opening]) -> None:
        """Openings of other registries count only for their batch numbers."""
        self._mapping = mapping
        self._names: dict[bytes, str] = {}
        self._rows: dict[str, str] = {}
        self._keys: dict[Key, list[str]] = defaultdict(list)
        self._ranges: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        self._numbers: dict[int, int] = defaultdict(int)
        forms = _serial_forms(mapping)
        for opening in openings:
            program, year, number = opening.batch.split("-")[2:]
            if program == mapping.program:
                self._numbers[int(year)] = max(self._numbers[int(year)], int(number))
            if opening.source.registry == mapping.registry:
                self._add(opening, forms)
        for ranges in self._ranges.values():
            ranges.sort()

    def _add(self, opening: Opening, forms: list[tuple[Serial, SerialForm]]) -> None:
        batch, source = opening.batch, opening.source
        self._names[identity(opening)] = batch
        self._rows.update(dict.fromkeys(source.row_sha256, batch))
        facts: dict[str, str | int] = {
            "project": opening.source_project or "",
            "vintage": opening.vintage,
            "issued": source.dates[0] if source.dates else "",
        }
        self._keys[tuple(facts[name] for name in self._mapping.match)].append(batch)
        for text in source.serial_text:
            for serial, form in forms:
                try:
                    found = form.read(text)
                except Unfit:
                    continue
                numbering = " ".join(found.fields[name] for name in serial.numbering) or " "
                self._ranges[numbering].append((found.first, found.last, batch))
                break

    def last_number(self, year: int) -> int:
        """The highest number of a batch of the program and year; 0 if there is none."""
        return self._numbers[year]

    def name_of(self, draft: Draft) -> str | None:
        """The batch in the log that was opened with the same facts."""
        return self._names.get(identity(draft)) if self._names else None

    def conflict_of_row(self, row: Row, explained: set[str]) -> str | None:
        """Why a row cannot be taken beside the log's batches, save the `explained` ones."""
        batch = self._rows.get(row.sha256.hex())
        if batch is not None and batch not in explained:
            return f"row {row.number} has been taken over as batch {batch}"
        if (batch := self._overlapped(row, explained)) is not None:
            return f"the serials of row {row.number} are in batch {batch} of the log"
        return None

    def conflict(self, lot: Lot, rows: Iterable[Row], explained: set[str]) -> str | None:
        """Why a lot cannot be opened as a whole beside the log's batches."""
        for row in rows:
            if (reason := self.conflict_of_row(row, explained)) is not None:
                return reason
        if lot.keyed:
            for batch in self._keys.get(lot.key[: len(self._mapping.match)], ()):
                if batch not in explained:
                    what = ", ".join(self._mapping.match)
                    return f"batch {batch} of the log was taken over with equal {what}"
        return None

    def _overlapped(self, row: Row, explained: set[str]) -> str | None:
        ranges = self._ranges.get(row.numbering) if row.text else None
        if not ranges:
            return None
        # Ranges of one numbering do not overlap, so their ends are sorted as their starts are.
        low = bisect_left(ranges, row.first, key=lambda r: r[1])
        high = bisect_right(ranges, row.last, key=lambda r: r[0])
        for _, _, batch in ranges[low:high]:
            if batch not in explained:
                return batch
        return None


def _serial_forms(mapping: Mapping) -> list[tuple[Serial, SerialForm]]:
    serials = [
        table.serial
        for table in mapping.tables.values()
        if not isinstance(table, Projects) and table.serial is not None
    ]
    return [(serial, SerialForm(serial.form)) for serial in serials]
