"""The plan of an import: every row read is taken or left, and the totals agree; then the entries.

Refuses to know: where the bytes come from, who signs, whether the log accepts.

Rules
- files are read in the order projects, issuances, uses, blocks, and as given within each; batches
  are numbered per vintage in the order of their first rows, after those that the log has
- rows taken + rows left = rows read, file by file, or the import stops (Broken)
- grams by status are summed twice, over the rows taken and over the parts of the openings; they are
  equal, or the import stops

    plan = make_plan(mapping, sources, region="CN-GD", account="a-…")
    for draft in plan.drafts(): …
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from msgspec import Struct

from registry.chain.errors import Broken, Malformed
from registry.importing.earlier import Earlier
from registry.importing.forms import SerialForm, Unfit
from registry.importing.layout import Batch, Draft, Frame, cut, open_batch
from registry.importing.mapping import Blocks, Issuances, Mapping, Projects, Uses
from registry.importing.match import Book, Group, Lot, assemble
from registry.importing.read import (
    Header,
    Record,
    Source,
    Splitter,
    place,
    read_header,
    records,
)
from registry.importing.rows import Key, Left, Row, RowReader, read_project_row
from registry.ledger.entries import Opening

FILES_MAX = 16
"""As many files as one opening may name."""
ROWS_MAX = 1_000_000
"""Most rows of one import: a row takes up to a kilobyte of memory."""
BATCH_NUMBER_MAX = 999_999
STATUSES = ("free", "buffer", "retired", "cancelled")

_ORDER = (Projects, Issuances, Uses, Blocks)


@dataclass(frozen=True, slots=True)
class FileCount:
    """A file that was read: rows without the header, taken + left = read."""

    name: str
    table: str
    holds: str
    sha256: str
    read: int
    taken: int
    left: int


class Planned(Struct, frozen=True, gc=False):
    """A batch with its name; `known`: the log has it already, with every fact equal."""

    name: str
    batch: Batch
    known: bool


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do. `source_g`: grams by status over the rows that are taken."""

    mapping: Mapping
    files: tuple[FileCount, ...]
    batches: tuple[Planned, ...]
    left: tuple[Left, ...]
    source_g: dict[str, int]
    projects: dict[str, str]
    frame: Frame

    def drafts(self) -> Iterator[Draft]:
        """The openings that the log does not have yet, made one by one."""
        for planned in self.batches:
            if not planned.known:
                yield open_batch(planned.batch, planned.name, self.frame)

    def opened_g(self) -> dict[str, int]:
        """Grams by status over the parts of all openings, those in the log included."""
        opened = dict.fromkeys(STATUSES, 0)
        for planned in self.batches:
            for part in open_batch(planned.batch, planned.name, self.frame).parts:
                opened[part.status] += (part.last - part.first + 1) * self.mapping.unit_g
        return opened


def make_plan(
    mapping: Mapping,
    sources: Sequence[Source],
    *,
    region: str,
    account: str,
    opened: Iterable[Opening] = (),
) -> ImportPlan:
    """Read the files and plan the openings; Malformed if a file cannot be read as a whole.

    `opened`: the openings that the log holds. `account` holds the free serials.
    """
    reading = _Reading(mapping, sources)
    lots, left = assemble(mapping, reading.book())
    frame = Frame(mapping, reading.hashes, account)
    batches, lots, conflicts = _name_batches(mapping, lots, frame, region, Earlier(mapping, opened))
    left = [*reading.left, *left, *conflicts]
    left.sort(key=lambda row: (row.file, row.number))
    plan = ImportPlan(
        mapping=mapping,
        files=reading.count(lots, left),
        batches=tuple(batches),
        left=tuple(left),
        source_g=_source_g(mapping, lots),
        projects=reading.projects,
        frame=frame,
    )
    if plan.opened_g() != plan.source_g:
        raise Broken(f"the openings hold {plan.opened_g()}, the rows taken {plan.source_g}")
    return plan


class _Reading:
    """Reads all files once: rows, projects, what is left at sight, and the files' hashes."""

    def __init__(self, mapping: Mapping, sources: Sequence[Source]) -> None:
        if len(sources) > FILES_MAX:
            raise Malformed(f"more than {FILES_MAX} files", todo="import them in several runs")
        self._mapping = mapping
        found = [(read_header(source, mapping), source) for source in sources]
        # Projects first: their classes are wanted for the rows of the others.
        found.sort(key=lambda f: _ORDER.index(type(mapping.tables[f[0].table])))
        self.files = [(header, source.name) for header, source in found]
        self.left: list[Left] = []
        self.projects: dict[str, str] = {}
        self.hashes: tuple[str, ...] = ()
        self._classes: dict[str, str] = {}
        self._rows: dict[type, list[Row]] = {kind: [] for kind in _ORDER}
        self._hints: list[tuple[Key, str]] = []
        self._read: list[int] = []
        self._from_one: set[int] = set()
        self._forms: dict[int, SerialForm] = {}
        for at, (header, source) in enumerate(found):
            self._read_file(at, header, source)

    def _read_file(self, at: int, header: Header, source: Source) -> None:
        hasher = sha256()
        rows = records(source, hasher.update)
        splitter = Splitter(self._mapping.encoding, self._mapping.delimiter)
        next(rows)  # the header
        rows = self._limited(rows, source.name)
        if isinstance(self._mapping.tables[header.table], Projects):
            count = self._read_projects(at, header, source.name, rows, splitter)
        else:
            count = self._read_credits(at, header, source.name, rows, splitter)
        digest = hasher.hexdigest()
        if digest in self.hashes:
            twin = self.files[self.hashes.index(digest)][1]
            raise Malformed(f"the same bytes as {twin}", where=source.name, todo="give it once")
        self.hashes = (*self.hashes, digest)
        self._read.append(count)

    def _limited(self, rows: Iterator[Record], name: str) -> Iterator[Record]:
        """The records, as far as the limit of all files allows."""
        room = ROWS_MAX - sum(self._read)
        for record in rows:
            if record.number > room + 1:
                raise Malformed(
                    f"more than {ROWS_MAX} rows in all",
                    where=name,
                    todo="cut the book at issuances and import the pieces one by one",
                )
            yield record

    def _read_credits(
        self, at: int, header: Header, name: str, rows: Iterator[Record], splitter: Splitter
    ) -> int:
        reader = RowReader(self._mapping, header, name, at, self._classes)
        if reader.from_one:
            self._from_one.add(at)
        if reader.form is not None:
            self._forms[at] = reader.form
        kept, count = self._rows[reader.kind], 0
        for record in rows:
            count += 1
            fields = splitter.split(record, name)
            try:
                kept.append(reader.read(fields, record.number, record.data))
            except Unfit as unfit:
                self.left.append(Left(at, record.number, unfit.reason))
                if reader.kind is Uses:
                    self._hints.append((reader.hint(fields), f"row {record.number} of {name}"))
        return count

    def _read_projects(
        self, at: int, header: Header, name: str, rows: Iterator[Record], splitter: Splitter
    ) -> int:
        table = self._mapping.tables[header.table]
        if not isinstance(table, Projects):
            raise Broken("not a table of projects")
        wanted = [table.project, table.name, *([table.class_] if table.class_ else [])]
        columns = [place(header.columns, column, header.table, name) for column in wanted]
        count = 0
        for record in rows:
            count += 1
            fields = splitter.split(record, name)
            try:
                project, title, class_ = read_project_row(
                    self._mapping, columns, len(header.columns), fields
                )
                if project in self.projects:
                    raise Unfit(f"project {project} has been listed before")
            except Unfit as unfit:
                self.left.append(Left(at, record.number, unfit.reason))
                continue
            self.projects[project] = title
            if class_:
                self._classes[project] = class_
        return count

    def book(self) -> Book:
        """The rows that may be taken, for assembly."""
        return Book(
            issuances=self._rows[Issuances],
            uses=self._rows[Uses],
            blocks=self._rows[Blocks],
            hints=self._hints,
            names=tuple(name for _, name in self.files),
            from_one=frozenset(self._from_one),
            forms=self._forms,
        )

    def count(self, lots: list[Lot], left: list[Left]) -> tuple[FileCount, ...]:
        """Rows read, taken and left per file; Broken unless each row is one or the other, once."""
        not_taken = Counter(row.file for row in left)
        taken = Counter(row.file for lot in lots for row in lot_rows(lot))
        counts = []
        for at, (header, name) in enumerate(self.files):
            table = self._mapping.tables[header.table]
            if isinstance(table, Projects):
                taken[at] = self._read[at] - not_taken[at]
            if taken[at] + not_taken[at] != self._read[at]:
                raise Broken(
                    f"{taken[at]} rows taken and {not_taken[at]} left of {self._read[at]} read",
                    where=name,
                )
            counts.append(
                FileCount(
                    name=name,
                    table=header.table,
                    holds=str(table.__struct_config__.tag),
                    sha256=self.hashes[at],
                    read=self._read[at],
                    taken=taken[at],
                    left=not_taken[at],
                )
            )
        return tuple(counts)


def lot_rows(lot: Lot) -> Iterator[Row]:
    """All rows of a lot, each once; a use may draw on several issuances."""
    seen = set()
    for group in lot.groups:
        for row in (group.issuance, *(piece.row for piece in group.pieces)):
            if row is not None and (row.file, row.number) not in seen:
                seen.add((row.file, row.number))
                yield row


def _name_batches(
    mapping: Mapping, lots: list[Lot], frame: Frame, region: str, earlier: Earlier
) -> tuple[list[Planned], list[Lot], list[Left]]:
    """Name what is to be opened; what the log has keeps its name, what contradicts it is left."""
    cuts: list[list[tuple[Batch, str | None]]] = []
    explained: set[str] = set()
    for lot in lots:
        batches = [batch for group in lot.groups for batch in cut(group, mapping.unit_g)]
        known = [earlier.name_of(open_batch(batch, "", frame)) for batch in batches]
        explained.update(name for name in known if name is not None)
        cuts.append(list(zip(batches, known, strict=True)))
    planned: list[Planned] = []
    taken: list[Lot] = []
    left: list[Left] = []
    following: dict[int, int] = defaultdict(int)
    for lot, batches_known in zip(lots, cuts, strict=True):
        if any(known is None for _, known in batches_known):
            rest, refused = _beside_earlier(lot, earlier, explained)
            left += refused
            if rest is None:
                continue
            if rest is not lot:
                batches_known = [(b, None) for g in rest.groups for b in cut(g, mapping.unit_g)]
            taken.append(rest)
        else:
            taken.append(lot)
        for batch, name in batches_known:
            if name is None:
                year = batch.head.vintage
                following[year] = max(following[year], earlier.last_number(year)) + 1
                planned.append(
                    Planned(
                        _batch_name(region, mapping.program, year, following[year]),
                        batch,
                        known=False,
                    )
                )
            else:
                planned.append(Planned(name, batch, known=True))
    return planned, taken, left


def _beside_earlier(
    lot: Lot, earlier: Earlier, explained: set[str]
) -> tuple[Lot | None, list[Left]]:
    """What of a lot can be opened beside the batches of the log, and the rows that cannot."""
    if (reason := earlier.conflict(lot, lot_rows(lot), explained)) is None:
        return lot, []
    if lot.keyed:
        return None, [Left(row.file, row.number, reason) for row in lot_rows(lot)]
    (group,) = lot.groups
    pieces, left = [], []
    for piece in group.pieces:
        # None explained: what remains is cut anew, and must not repeat a batch that is there.
        reason = earlier.conflict_of_row(piece.row, set())
        if reason is None:
            pieces.append(piece)
        else:
            left.append(Left(piece.row.file, piece.row.number, reason))
    if not pieces:
        return None, left
    return Lot(lot.key, (Group(pieces[0].row, tuple(pieces)),), lot.keyed), left


def _batch_name(region: str, program: str, year: int, number: int) -> str:
    if number > BATCH_NUMBER_MAX:
        raise Malformed(
            f"more than {BATCH_NUMBER_MAX} batches of {program} {year}",
            todo="import under several programs",
        )
    return f"{region}-{program}-{year}-{number:06}"


def _source_g(mapping: Mapping, lots: list[Lot]) -> dict[str, int]:
    """Grams by status that the rows taken say, without looking at pieces or parts."""
    units = dict.fromkeys(STATUSES, 0)
    for lot in lots:
        issuances = {(i.file, i.number) for g in lot.groups if (i := g.issuance) is not None}
        issued = ended = buffer = 0
        for row in lot_rows(lot):
            if (row.file, row.number) in issuances:
                issued += row.units
                buffer += row.buffer
            else:
                units[row.status] += row.units
                ended += row.units
        if issuances:
            rest = issued - ended
            units["buffer"] += min(buffer, rest)
            units["free"] += rest - min(buffer, rest)
    return {status: count * mapping.unit_g for status, count in units.items()}
