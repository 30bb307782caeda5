"""`tanbu submit FILE --mapping …`: an exchange's settlement file becomes entries, and results.

Rules
- all rows are read before anything is sent; while one is not of the form, nothing is sent
- all entries go in one request; one that is refused does not hold up the others
- the same file makes the same entries, so an unknown outcome is answered by running it again
- a trade that the log has under the same venue and id is `already_booked` if its terms are the
  same, and refused if they are not

Refuses to know: what the columns mean; the mapping says.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from importlib import resources
from pathlib import Path

from msgspec import structs

from registry.chain.errors import Malformed, TanbuError, Unavailable
from registry.chain.note import parse_note
from registry.cli import files, keys
from registry.cli.progress import progress
from registry.cli.shell import Exit, complain, current, emit, words
from registry.importing.forms import Unfit, date_form
from registry.importing.toml import MAPPING_BYTES_MAX
from registry.importing.trades.mapping import TradeMapping, parse_trade_mapping
from registry.importing.trades.plan import Desk, Fault, Plan, Trade, make_plan, unlike
from registry.importing.trades.results import Outcome, as_csv, as_json, counts
from registry.importing.trades.table import FILE_BYTES_MAX, read_lines
from registry.ledger.codec import parse_text
from registry.ledger.dates import civil_day, day_of
from registry.ledger.entries import Common, Genesis, Settlement
from registry.ledger.refusals import CATALOGUE, Refusal
from registry.ledger.signing import SigningKey, sign_draft
from registry.net.client import LogClient
from registry.net.wire import Acceptable, CheckResult, Problem, Receipt, Result

DEFAULT_MAPPING = "trades"
LINES_SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `day`: `YYYY-MM-DD`, stands for every row's own; empty: none."""

    file: Path
    mapping: str
    keys: tuple[Path, ...]
    results: Path | None = None
    day: str = ""
    dry_run: bool = False
    wait: str = "committed"


def settle(log: LogClient, wanted: Request) -> Exit:
    """Book a settlement file and write what became of each row."""
    mapping = load_mapping(wanted.mapping)
    signing = [keys.read_signing_key(path) for path in wanted.keys]
    if not signing:
        raise Malformed("who signs the trades?", where="--key", todo="give the exchange's key file")
    data = files.read(wanted.file, FILE_BYTES_MAX)
    lines = read_lines(str(wanted.file), data, mapping)
    desk = _desk(log, mapping, signing, _day(wanted.day))
    plan = make_plan(lines, mapping, desk)
    if not plan.faults:
        plan = structs.replace(plan, faults=_against_reservations(log, plan.trades))
    if plan.faults:
        return _show_faults(plan, str(wanted.file))
    outcomes = Clerk(log, desk, signing).run(plan.trades, wanted)
    head: dict[str, object] = {
        "file": str(wanted.file),
        "file_sha256": sha256(data).hexdigest(),
        "mapping": mapping.mapping,
        "origin": desk.origin,
        "dry_run": wanted.dry_run,
    }
    written = () if wanted.dry_run else _write(wanted, head, outcomes)
    return _show(head, outcomes, written)


def load_mapping(name: str) -> TradeMapping:
    """The mapping that comes with Tanbu, by its name, or a file."""
    if name == DEFAULT_MAPPING:
        shipped = resources.files("registry.importing.trades").joinpath("trades.toml")
        return parse_trade_mapping(shipped.read_bytes(), "trades.toml")
    return parse_trade_mapping(files.read(Path(name), MAPPING_BYTES_MAX), name)


def _day(text: str) -> int | None:
    if not text:
        return None
    try:
        return day_of(date_form("YYYY-MM-DD").day(text))
    except Unfit as error:
        raise Malformed(error.reason, where="--day", todo="write 2026-01-31") from error


def _desk(
    log: LogClient, mapping: TradeMapping, signing: Sequence[SigningKey], day: int | None
) -> Desk:
    """Where the entries are for: the log as its genesis says itself."""
    note = str(log.get("/v1/entries/0")["note"]).encode()
    origin, genesis = parse_text(parse_note(note).text)
    if not isinstance(genesis, Genesis):
        raise Unavailable("the log's first entry is no genesis", where=log.url)
    now_ms = time.time_ns() // 1_000_000
    return Desk(
        origin=origin,
        offset_min=genesis.offset_min,
        signers=tuple(sorted({key.signer for key in signing})),
        venue=mapping.venue or signing[0].holder,
        today=civil_day(now_ms, genesis.offset_min),
        day=day,
    )


def _entry_at(log: LogClient, index: int) -> Common | None:
    """The entry at an index; None if the log does not reach that far."""
    try:
        note = str(log.get(f"/v1/entries/{index}")["note"]).encode()
    except Unavailable as error:
        if "there is no entry" in error.message:
            return None
        raise
    return parse_text(parse_note(note).text)[1]


def _against_reservations(log: LogClient, trades: Sequence[Trade]) -> tuple[Fault, ...]:
    """Rows that say otherwise than the reservation that they settle."""
    faults = []
    settling = [t for t in trades if isinstance(t.entry, Settlement)]
    with progress(words("reservations", "预留")) as advance:
        for done, trade in enumerate(settling, 1):
            index = trade.entry.reservation if isinstance(trade.entry, Settlement) else 0
            found = _entry_at(log, index)
            other = ("kind",) if found is None else unlike(trade, found)
            if other == ("kind",):
                faults.append(Fault(trade.row, f"there is no reservation at index {index}"))
            elif other:
                what = ", ".join(other)
                faults.append(Fault(trade.row, f"reservation {index} has another {what}"))
            advance(done, len(settling))
    return tuple(faults)


# --- sending ---


class Clerk:
    """Signs the trades of a file, hands them over, and says what became of each."""

    def __init__(self, log: LogClient, desk: Desk, signing: Sequence[SigningKey]) -> None:
        self._log = log
        self._signing = signing
        self._zone = timezone(timedelta(minutes=desk.offset_min))

    def run(self, trades: Sequence[Trade], wanted: Request) -> list[Outcome]:
        """One outcome per trade, in order; Unavailable if it stays open what was booked."""
        with progress(words("signed", "已签署")) as advance:
            notes = []
            for done, trade in enumerate(trades, 1):
                notes.append(sign_draft(trade.text, self._signing))
                advance(done, len(trades))
        answers: list[Result | CheckResult] = []
        answers += self._log.check(notes) if wanted.dry_run else self._submit(notes, wanted)
        with progress(words("read back", "已核对")) as advance:
            outcomes = []
            for done, (trade, answer) in enumerate(zip(trades, answers, strict=True), 1):
                outcomes.append(self._outcome(trade, answer))
                advance(done, len(trades))
        return outcomes

    def _submit(self, notes: Sequence[bytes], wanted: Request) -> list[Result]:
        try:
            return self._log.submit(notes, wait=wanted.wait)
        except Unavailable as error:
            raise Unavailable(
                error.message,
                where=error.where,
                todo="some trades may be booked: run the same command on the same file again,"
                " none is booked twice",
            ) from error

    def _outcome(self, trade: Trade, answer: Result | CheckResult) -> Outcome:
        bare = Outcome(
            row=trade.row,
            row_sha256=trade.row_sha256,
            trade_id=trade.trade_id,
            entry_id=trade.entry.id,
            outcome="refused",
        )
        if isinstance(answer.problem, Problem):
            return self._of_problem(trade, bare, answer.problem)
        if isinstance(answer, Result) and isinstance(answer.committed, Receipt):
            receipt = answer.committed
            return structs.replace(
                bare,
                outcome="already_booked" if receipt.replayed else "booked",
                index=receipt.index,
                time=self._time(receipt.time_ms),
                time_ms=receipt.time_ms,
                leaf_hash=receipt.leaf_hash,
            )
        if isinstance(answer, CheckResult) and isinstance(answer.acceptable, Acceptable):
            index = answer.acceptable.index
            if isinstance(index, int):
                return structs.replace(bare, outcome="already_booked", index=index)
            return structs.replace(bare, outcome="acceptable")
        raise Unavailable("the registry answered neither a receipt nor a problem")

    def _of_problem(self, trade: Trade, bare: Outcome, problem: Problem) -> Outcome:
        en, zh = _sentence(problem, "en"), _sentence(problem, "zh")
        fields = problem.fields if isinstance(problem.fields, dict) else {}
        index = fields.get("index")
        if problem.name == "trade_exists" and isinstance(index, int):
            found = _entry_at(self._log, index)
            other = ("kind",) if found is None else unlike(trade, found)
            if not other:
                return self._known(bare, index)
            bare = structs.replace(bare, index=index)
            en = f"{en}, with another {', '.join(other)}"
            zh = f"{zh}，但以下内容不同：{'、'.join(other)}"
        return structs.replace(
            bare,
            number=problem.number if isinstance(problem.number, int) else None,
            name=problem.name if isinstance(problem.name, str) else "",
            en=en,
            zh=zh,
        )

    def _known(self, bare: Outcome, index: int) -> Outcome:
        """The receipt of the entry by which a trade is in the log already."""
        view = self._log.get(f"/v1/entries/{index}")
        return structs.replace(
            bare,
            outcome="already_booked",
            index=index,
            time=self._time(int(view["time_ms"])),
            time_ms=int(view["time_ms"]),
            leaf_hash=str(view["leaf_hash"]),
            entry_id=str(view["entry"]["id"]),
        )

    def _time(self, time_ms: int) -> str:
        return datetime.fromtimestamp(time_ms // 1000, self._zone).isoformat()


def _sentence(problem: Problem, language: str) -> str:
    """What is wrong in a language, where the catalogue has it."""
    if isinstance(problem.name, str) and problem.name in CATALOGUE:
        fields = problem.fields if isinstance(problem.fields, dict) else {}
        try:
            return Refusal(problem.name, fields).message(language)
        except KeyError:  # a registry of another version names other fields
            return problem.detail
    return problem.detail


# --- output ---


def _write(wanted: Request, head: dict[str, object], outcomes: Sequence[Outcome]) -> list[str]:
    """Write the results beside the file, in place of those of an earlier run."""
    base = wanted.results or wanted.file.with_name(f"{wanted.file.stem}.results")
    written = []
    for suffix, data in ((".csv", as_csv(outcomes)), (".json", as_json(head, outcomes))):
        path = base.with_name(base.name + suffix)
        try:
            files.replace(path, data)
        except OSError as error:
            raise _unwritten(path) from error
        written.append(str(path))
    return written


def _unwritten(path: Path) -> TanbuError:
    return Unavailable(
        "the trades were handed over, but the results cannot be written",
        where=str(path),
        todo="name another place with --results and run the same command again",
    )


def _show_faults(plan: Plan, name: str) -> Exit:
    """Rows that are not of the form; nothing was sent."""
    faults = plan.faults
    emit(
        {"faults": [{"row": f.row, "reason": f.reason} for f in faults], "sent": 0},
        [words(f"row {f.row}: {f.reason}", f"第 {f.row} 行：{f.reason}") for f in faults],
    )
    complain(
        words(
            f"{len(faults)} rows are not of the form; nothing was sent",
            f"{len(faults)} 行不符合格式；未提交任何内容",
        ),
        name,
        words("correct them and run the command again", "更正后重新运行本命令"),
    )
    return Exit.USAGE


def _show(head: dict[str, object], outcomes: Sequence[Outcome], written: Sequence[str]) -> Exit:
    found = counts(outcomes)
    refused = [outcome for outcome in outcomes if outcome.outcome == "refused"]
    lines = [
        words(f"row {o.row} {o.trade_id}: ", f"第 {o.row} 行 {o.trade_id}：")
        + (o.zh if current().language == "zh" else o.en)
        + (f" [{o.number} {o.name}]" if o.number else "")
        for o in refused[:LINES_SHOWN_MAX]
    ]
    if more := len(refused) - len(lines):
        lines.append(words(f"{more} more refused rows", f"另有 {more} 行被拒"))
    done = found["acceptable"] if head["dry_run"] else found["booked"]
    lines.append(
        words(
            f"{done} {'would be booked' if head['dry_run'] else 'booked'},"
            f" {found['already_booked']} already booked, {found['refused']} refused"
            f" = {len(outcomes)} rows",
            f"{'可入账' if head['dry_run'] else '已入账'} {done}，"
            f"此前已入账 {found['already_booked']}，被拒 {found['refused']}，共 {len(outcomes)} 行",
        )
    )
    lines += [words(f"results: {path}", f"结果：{path}") for path in written]
    rows = [structs.asdict(outcome) for outcome in outcomes]
    emit({**head, "counts": found, "rows": rows, "written": list(written)}, lines)
    return Exit.BAD if refused else Exit.GOOD
