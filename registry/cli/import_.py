"""`tanbu import`: take over an existing book as openings, by a mapping.

Refuses to know: what the columns mean (the mapping says), and what may be opened (the log decides).
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from registry.chain.errors import Malformed, NotTrusted
from registry.cli import files, keys, takeover
from registry.cli.remote import DEFAULT_URL, UrlOption, client, report
from registry.cli.shell import Exit, emit, note, words
from registry.importing.mapping import Mapping as BookMapping
from registry.importing.mapping import parse_mapping
from registry.importing.plan import STATUSES, ImportPlan, make_plan
from registry.importing.read import Source
from registry.importing.report import row_lines, summary
from registry.importing.toml import MAPPING_BYTES_MAX
from registry.ledger.entries.common import AccountId, Region
from registry.ledger.quantities import format_tonnes

app = typer.Typer()

CHUNK_BYTES = 1 << 20
LEFT_SHOWN_MAX = 100
DRY_REGION = "XX-DRYRUN"
DRY_ACCOUNT = "a-" + "a" * 26
FORMS = {
    "account": "give the account that is to hold the free credits, a-… of 28 characters",
    "region": "write it as CN-GD",
}
STATUS_ZH = {"free": "可用", "buffer": "缓冲", "retired": "注销", "cancelled": "作废"}


MappingName = Annotated[
    str, typer.Argument(metavar="MAPPING", help="acr, art, isometric, verra, or a TOML file.")
]
Tables = Annotated[list[Path], typer.Argument(metavar="FILE…", help="The book's tables (CSV).")]
Custody = Annotated[
    str, typer.Option(metavar="ACCOUNT", help="The account that holds the free credits.")
]
Keys = Annotated[
    list[Path] | None,
    typer.Option(help="A private key file of the operator or the authority. Repeat."),
]
Drafts = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write drafts to be signed elsewhere; submit nothing."),
]
Signers = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="With --drafts: a signer whose key is elsewhere. Repeat."),
]
Rows = Annotated[
    Path | None,
    typer.Option(
        "--report", help="Write what became of every row, with names (JSON lines, mode 0600)."
    ),
]
InRegion = Annotated[str, typer.Option(help="With --dry-run: the region in the batches' names.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and report; needs no service and no key.")
]


@app.command("import")
def import_book(
    mapping: MappingName,
    file: Tables,
    url: UrlOption = DEFAULT_URL,
    account: Custody = "",
    key: Keys = None,
    drafts: Drafts = None,
    signer: Signers = None,
    rows: Rows = None,
    region: InRegion = DRY_REGION,
    dry_run: DryRun = False,
) -> Exit:
    """Take over an existing book as opening entries.

    Rows that cannot be taken are left and listed with the reason. What the log has already is
    recognised: after an interruption run the same command again. Begin with --dry-run.

    \b
    Example:
      tanbu import verra transactions.csv projects.csv --dry-run
      tanbu import verra transactions.csv projects.csv --account a-… \\
        --key operator.key --key authority.key
    """
    book = load_mapping(mapping)
    sources = [source_of(path) for path in file]
    if dry_run:
        held_by = account or DRY_ACCOUNT
        check_given(account=held_by, region=region)
        plan = make_plan(book, sources, region=region, account=held_by)
        write_rows(rows, plan, sources)
        show(plan, None, words("dry run: nothing was submitted", "试运行：未提交任何条目"))
        return Exit.GOOD
    check_given(account=account)
    signing = [keys.read_signing_key(path) for path in key or ()]
    others = [keys.signer_name(text) for text in signer or ()]
    if others and drafts is None:
        raise Malformed("who signs elsewhere signs drafts", where="--signer", todo="give --drafts")
    with client(url) as connection:
        log = takeover.RemoteLog(connection)
        scribe = takeover.scribe(log.origin, signing, others)
        log.check_account(account)
        plan = make_plan(book, sources, region=log.region, account=account, opened=log.openings())
        write_rows(rows, plan, sources)
        if drafts is not None:
            count = takeover.write_drafts(drafts, plan.drafts(), scribe)
            show(plan, None, words(f"{count} drafts in {drafts}", f"草稿 {count} 份，在 {drafts}"))
            return Exit.GOOD
        return submit(log, plan, scribe)


def submit(log: takeover.TakeoverLog, plan: ImportPlan, scribe: takeover.Scribe) -> Exit:
    """Submit a plan's openings, then compare the log's totals with the rows'."""
    total = sum(not planned.known for planned in plan.batches)
    for done in takeover.submit(log, plan.drafts(), scribe):
        note(words(f"{done.count} of {total} openings", f"接管条目 {done.count}／{total}"))
        if done.problem is not None:
            again = words(
                f"{done.count} openings are in the log; mend the cause and run the command again",
                f"已有 {done.count} 条接管条目入账；排除原因后请重新运行本命令",
            )
            code = report(done.problem, done.batch)
            note(again)
            return code
    log_g = takeover.log_grams(log, (planned.name for planned in plan.batches))
    show(plan, log_g, words("source = log", "来源 = 账本"))
    if log_g != plan.source_g:
        raise NotTrusted("the log's openings do not hold what the rows say", todo="tanbu audit")
    return Exit.GOOD


# --- input ---


def load_mapping(name: str) -> BookMapping:
    """A mapping that comes with Tanbu, by its name, or a file; Malformed if there is neither."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return parse_mapping(files.read(path, MAPPING_BYTES_MAX), name)
    shipped = resources.files("registry.importing.mappings")
    names = sorted(item.name[:-5] for item in shipped.iterdir() if item.name.endswith(".toml"))
    if name not in names:
        raise Malformed(
            f"no mapping {name[:60]!a}",
            where="MAPPING",
            todo=f"one of {', '.join(names)}, or a TOML file of your own",
        )
    return parse_mapping(shipped.joinpath(f"{name}.toml").read_bytes(), f"{name}.toml")


def source_of(path: Path) -> Source:
    """A file as chunks of bytes, read anew each time; OSError if it cannot be read."""
    with path.open("rb"):
        return Source(str(path), chunks_of(path))


def chunks_of(path: Path) -> Callable[[], Iterator[bytes]]:
    """The reader of a file's chunks."""

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    return chunks


class Given(msgspec.Struct, frozen=True):
    """What a user gives that will stand in the openings."""

    account: AccountId = DRY_ACCOUNT
    region: Region = DRY_REGION


def check_given(**given: str) -> None:
    """Malformed if an account or a region is not of the form that an opening wants."""
    for name, text in given.items():
        try:
            msgspec.convert({name: text}, Given)
        except msgspec.ValidationError as error:
            raise Malformed(
                f"not of the form: {text[:60]!a}", where=f"--{name}", todo=FORMS[name]
            ) from error


# --- output ---


def write_rows(path: Path | None, plan: ImportPlan, sources: Sequence[Source]) -> None:
    """Write the report of every row, one by one; it holds names, so nobody else may read it."""
    if path is None:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.PRIVATE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for line in row_lines(plan, sources):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def show(plan: ImportPlan, log_g: Mapping[str, int] | None, outcome: str) -> None:
    """Print the summary of an import; without a log, what its openings would hold."""
    found = summary(plan, None if log_g is None else dict(log_g))
    where = words("openings", "接管条目") if log_g is None else words("log", "账本")
    emit(
        found,
        [
            *file_lines(plan, found),
            *use_lines(found),
            *gram_lines(found, where),
            *left_lines(plan),
            outcome,
        ],
    )


def file_lines(plan: ImportPlan, found: Mapping[str, Any]) -> Iterator[str]:
    """Per file and altogether: rows taken + left = read; projects apart."""
    for file in plan.files:
        yield counted(f"{file.name} [{file.table}]", file.read, file.taken, file.left)
    total, projects = found["rows"], found["project_rows"]
    yield counted(words("rows", "数据行合计"), **total)
    if projects["read"]:
        name = words("project rows (names, no credits)", "项目行（仅名称，无减排量）")
        yield counted(name, **projects)
    batches = found["batches"]
    yield words(
        f"batches: {batches['new']} to open, {batches['already_in_log']} in the log already;"
        f" {batches['with_serials_assigned']} with serials assigned here, as the source has none",
        f"批次：待接管 {batches['new']}，账本中已有 {batches['already_in_log']}；"
        f"其中 {batches['with_serials_assigned']} 个来源无序号，由本次导入编号",
    )


def use_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What people should know of the retirements and cancellations that were taken."""
    alone, drawn = found["uses"]["without_issuance"], found["uses"]["drawn"]
    if alone:
        yield words(
            f"{alone} retirements or cancellations have no issuance among the rows: each stands in"
            " a batch that opens as it ended",
            f"{alone} 笔注销或作废在读入的行中没有对应签发：所在批次按其最终状态接管",
        )
    if drawn:
        yield words(
            f"{drawn} retirements or cancellations do not name their issuance: they were drawn on"
            " those of their dates, the earliest first",
            f"{drawn} 笔注销或作废未注明签发：按日期从最早的签发中扣减",
        )


def counted(name: str, read: int, taken: int, left: int) -> str:
    """Rows taken + left = read."""
    return words(
        f"{name}: {taken} taken + {left} left = {read} read",
        f"{name}：接管 {taken} + 未接管 {left} = 读入 {read}",
    )


def gram_lines(found: Mapping[str, Any], where: str) -> Iterator[str]:
    """Grams by status: in the source and in what was made of it."""
    yield words(f"grams by status: source, {where}", f"各状态克数：来源、{where}")
    for status in STATUSES:
        source_g, log_g = found["grams"][status]["source"], found["grams"][status]["log"]
        sign = "=" if source_g == log_g else "≠"
        name = words(status, STATUS_ZH[status])
        yield f"  {name:<9} {source_g:>20} {sign} {log_g:>20}  ({format_tonnes(source_g)} t)"


def left_lines(plan: ImportPlan) -> Iterator[str]:
    """The rows that are left, each with its reason."""
    for row in plan.left[:LEFT_SHOWN_MAX]:
        name = plan.files[row.file].name
        yield words(
            f"left: {name} row {row.number}: {row.reason}",
            f"未接管：{name} 第 {row.number} 行：{row.reason}",
        )
    if (more := len(plan.left) - LEFT_SHOWN_MAX) > 0:
        yield words(f"left: {more} more (--report FILE)", f"未接管：另有 {more} 行（见 --report）")
