"""The report of an import: what was read, taken and left, and grams by status, source = log.

Names and free text of the source stand here and never in the log.
Refuses to know: the language and the look; the CLI prints what this counts.

    summary(plan)["rows"]           -> {"read": 200, "taken": 187, "left": 13}
    for line in row_lines(plan, sources): …     one per row, with the mapping's `report` columns
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256

from registry.chain.errors import Malformed
from registry.importing.mapping import Projects
from registry.importing.plan import STATUSES, FileCount, ImportPlan
from registry.importing.read import Header, Source, Splitter, place, read_header, records

Json = dict[str, object]


def counts(files: Sequence[FileCount]) -> dict[str, int]:
    """Rows read, taken and left over some files."""
    return {
        "read": sum(file.read for file in files),
        "taken": sum(file.taken for file in files),
        "left": sum(file.left for file in files),
    }


def credit_files(plan: ImportPlan) -> list[FileCount]:
    """The files whose rows are credits."""
    return [file for file in plan.files if file.holds != "projects"]


def project_files(plan: ImportPlan) -> list[FileCount]:
    """The files whose rows are projects: read for names and classes, counted apart."""
    return [file for file in plan.files if file.holds == "projects"]


def summary(plan: ImportPlan, log_g: dict[str, int] | None = None) -> Json:
    """All counts of an import. `log_g`: grams by status as the log has them; without a log, those
    that the openings would make."""
    opened = plan.opened_g() if log_g is None else log_g
    known = sum(planned.known for planned in plan.batches)
    assigned = sum(
        any(not piece.text for piece in planned.batch.pieces) for planned in plan.batches
    )
    return {
        "mapping": plan.mapping.mapping,
        "registry": plan.mapping.registry,
        "files": [
            {
                "name": file.name,
                "table": file.table,
                "holds": file.holds,
                "sha256": file.sha256,
                "read": file.read,
                "taken": file.taken,
                "left": file.left,
            }
            for file in plan.files
        ],
        "rows": counts(credit_files(plan)),
        "project_rows": counts(project_files(plan)),
        "batches": {
            "new": len(plan.batches) - known,
            "already_in_log": known,
            "with_serials_assigned": assigned,
        },
        "uses": uses(plan),
        "grams": {
            status: {"source": plan.source_g[status], "log": opened.get(status, 0)}
            for status in STATUSES
        },
        "left": [
            {"file": plan.files[row.file].name, "row": row.number, "reason": row.reason}
            for row in plan.left
        ],
    }


def uses(plan: ImportPlan) -> dict[str, int]:
    """Rows of uses that were taken: all, those without an issuance row, and those whose issuance
    the mapping's `draw` chose."""
    files = {at for at, file in enumerate(plan.files) if file.holds == "uses"}
    found: dict[bool, set[tuple[int, int]]] = {False: set(), True: set()}
    for planned in plan.batches:
        issued = planned.batch.issuance is not None
        found[issued].update(
            (piece.row.file, piece.row.number)
            for piece in planned.batch.pieces
            if piece.row.file in files
        )
    return {
        "taken": len(found[False]) + len(found[True]),
        "without_issuance": len(found[False]),
        "drawn": len(found[True]) if plan.mapping.draw is not None else 0,
    }


def row_lines(plan: ImportPlan, sources: Sequence[Source]) -> Iterator[Json]:
    """Every row of every file: what became of it, and the columns kept for the report.

    `sources` are those of the plan, read once more; Malformed if one has changed since.
    """
    places = _places(plan)
    reasons = {(row.file, row.number): row.reason for row in plan.left}
    by_name = {source.name: source for source in sources}
    for at, file in enumerate(plan.files):
        hasher = sha256()
        source = by_name[file.name]
        header = read_header(source, plan.mapping)
        columns = _report_columns(plan, header, file.name)
        splitter = Splitter(plan.mapping.encoding, plan.mapping.delimiter)
        for record in records(source, hasher.update):
            if record.number == 1:
                continue
            fields = splitter.split(record, file.name)
            key = (at, record.number)
            line: Json = {
                "file": file.name,
                "row": record.number,
                "sha256": sha256(record.data).hexdigest(),
                "taken": key not in reasons,
            }
            if key in reasons:
                line["reason"] = reasons[key]
            if key in places:
                line["batches"] = places[key]
            cells = {name: fields[n] for name, n in columns if n < len(fields)}
            line["source"] = cells
            if (title := plan.projects.get(cells.get(columns[0][0], ""))) is not None:
                line["project_name"] = title
            yield line
        if hasher.hexdigest() != file.sha256:
            raise Malformed("the file changed meanwhile", where=file.name, todo="begin again")


def _places(plan: ImportPlan) -> dict[tuple[int, int], list[Json]]:
    """(file, row) → the serials that it became: batch, first, last, status."""
    places: dict[tuple[int, int], list[Json]] = defaultdict(list)
    for planned in plan.batches:
        following = 1
        for piece in planned.batch.pieces:
            last = following + piece.units - 1
            places[piece.row.file, piece.row.number].append(
                {
                    "batch": planned.name,
                    "first": following,
                    "last": last,
                    "status": piece.status,
                }
            )
            following = last + 1
    return places


def _report_columns(plan: ImportPlan, header: Header, name: str) -> list[tuple[str, int]]:
    table = plan.mapping.tables[header.table]
    wanted = [table.project, table.name] if isinstance(table, Projects) else [table.project]
    return [
        (column, place(header.columns, column, header.table, name))
        for column in dict.fromkeys((*wanted, *table.report))
    ]
