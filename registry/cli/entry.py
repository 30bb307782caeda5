"""`tanbu entry`: draft an entry, sign it until it is complete, check it.

A draft is a file with an entry's text and some of its signature lines; it goes from hand to hand,
each signer adds a line with a key that never leaves its machine.

Refuses to know: whether the log will accept the entry; that is asked of a service, on request.
"""

import secrets
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.chain.errors import Malformed
from registry.cli import files, keys, resolve
from registry.cli.drafts import draft, draft_text, read_fields, set_fields
from registry.cli.profile import load_profile, open_line
from registry.cli.remote import client, report
from registry.cli.shell import Exit, emit, note, words
from registry.ledger.codec import ENTRY_BYTES_MAX, parse_entry, parse_text
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import Common, kind_of
from registry.ledger.ids import ACCOUNT_RANDOM_BYTES, UUID_RANDOM_BYTES, account_id, uuid7
from registry.ledger.signing import missing_signers, sign_draft
from registry.net.wire import Problem
from registry.profiles.profile import rulebook_fields

app = typer.Typer()

DAYS_MAX = 30
"""How far ahead the rules let `not_after` lie."""
Fields = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="A field; items.0.first=1 reaches inside."),
]
Url = Annotated[str, typer.Option(metavar="URL", help="The registry's address.")]


@app.command()
def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="transfer, retirement, party, …")],
    signer: Annotated[
        list[str],
        typer.Option(metavar="KEY", help="A key file, a verifier key or NAME+ID. Repeat."),
    ],
    out: Annotated[Path, typer.Option(help="The draft to write; -: stdout.")] = files.STDIO,
    origin: Annotated[str, typer.Option(help="The log's name.")] = "",
    data: Annotated[Path | None, typer.Option(help="… or its data directory.")] = None,
    url: Url = "",
    file: Annotated[Path | None, typer.Option(help="Fields as TOML or JSON.")] = None,
    set_: Fields = None,
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="For a rulebook: its fields, of cn-sh or FILE.toml.")
    ] = "",
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BATCH=GRAMS",
            help="Of the account's free serials; asked of --url. Also BATCH=30t.",
        ),
    ] = None,
    days: Annotated[int, typer.Option(help="Valid for so many days.", min=1, max=DAYS_MAX)] = 7,
) -> Exit:
    """Draft an entry: the text that its signers sign.

    Fills in id, not_after and signers, and a name for a new account. The fields of each kind are
    in docs/reference/kinds. A rulebook of a profile is version 1 and in force from not_after on;
    --set version=2 and --set effective_from_ms=… say otherwise.

    \b
    Example:
      tanbu entry new retirement --url http://127.0.0.1:8000 --signer firm.key --out r.draft \\
        --set account=a-… --quantity CN-GD-PHCER-2025-000001=30t --set purpose=voluntary \\
        --set beneficiary.project=SAMPLE-FOREST
    """
    now_ms = time.time_ns() // 1_000_000
    not_after = now_ms + days * DAY_MS
    given = _of_profile(kind, profile, not_after) if profile else {}
    fields = set_fields(given | (read_fields(file) if file else {}), set_ or ())
    if profile:
        _check_source(profile, fields)
    if kind == "account" and "account" not in fields:
        fields["account"] = account_id(secrets.token_bytes(ACCOUNT_RANDOM_BYTES))
    if quantity:
        fields["items"] = resolve.items(url, str(fields.get("account", "")), quantity)
    common = {
        "id": uuid7(now_ms, secrets.token_bytes(UUID_RANDOM_BYTES)),
        "not_after": not_after,
        "signers": sorted(keys.signer_name(text) for text in signer),
    }
    entry = draft(kind, {**common, **fields})
    text = draft_text(resolve.origin(origin, data, url), entry)
    files.write_new(out, text)
    if out != files.STDIO:
        _show(out, entry, entry.signers)
    return Exit.GOOD


@app.command()
def sign(
    file: Annotated[Path, typer.Argument(metavar="DRAFT", help="A draft.")],
    key: Annotated[list[Path], typer.Option(help="A private key file (mode 0600). Repeat.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; default: in place of the draft.")
    ] = None,
) -> Exit:
    """Add signatures to a draft, and say who is still missing.

    Shows what is signed. Read it before you pass it on: a signature cannot be taken back.

    \b
    Example:
      tanbu entry sign genesis.draft --key authority.key
    """
    data = files.read(file, ENTRY_BYTES_MAX)
    signing = [keys.read_signing_key(path) for path in key]
    with files.naming(file):
        signed = sign_draft(data, signing)
    if out is None:
        files.replace(file, signed)
    else:
        files.write_new(out, signed)
    note(_text_of(signed).decode().rstrip("\n"))
    _show(out or file, _entry_of(signed), missing_signers(signed))
    return Exit.GOOD


@app.command()
def check(
    file: Annotated[list[Path], typer.Argument(metavar="ENTRY…", help="Drafts or notes.")],
    url: Url = "",
) -> Exit:
    """Check entries: their form here, and with --url what the log would say of them now.

    Without --url nothing but the form is checked: no signature, no rule. A draft that lacks
    signatures gives exit code 1.

    \b
    Example:
      tanbu entry check transfer.note --url http://127.0.0.1:8000
    """
    results = []
    worst = Exit.GOOD
    for path in file:
        data = files.read(path, ENTRY_BYTES_MAX)
        with files.naming(path):
            missing = missing_signers(data)
            if not missing:
                parse_entry(data)
            results.append((path, _entry_of(data), missing, data))
        worst = Exit.BAD if missing else worst
    if url and worst == Exit.GOOD:
        return _check_online(url, [(path, data) for path, _, _, data in results])
    emit(
        [_described(path, entry, missing) for path, entry, missing, _ in results],
        [_line(path, entry, missing) for path, entry, missing, _ in results],
    )
    if not url:
        note(
            words(
                "not checked: signatures and rules (give --url)", "未核对：签名与规则（请给 --url）"
            )
        )
    return worst


def _check_online(url: str, notes: list[tuple[Path, bytes]]) -> Exit:
    """What the log would say of complete notes now; nothing is written."""
    with client(url) as log:
        results = log.check([data for _, data in notes])
    worst = Exit.GOOD
    lines, found = [], []
    for (path, _), result in zip(notes, results, strict=True):
        if isinstance(result.problem, Problem):
            worst = max(worst, report(result.problem, str(path)))
            found.append({"file": str(path), "problem": msgspec.to_builtins(result.problem)})
        else:
            lines.append(f"{path}: " + words("would be accepted now", "目前可被接受"))
            found.append({"file": str(path), "acceptable": msgspec.to_builtins(result.acceptable)})
    emit(found, lines)
    return worst


def _of_profile(kind: str, name: str, effective_from_ms: int) -> dict[str, object]:
    """The fields that a profile gives a rulebook; what it leaves open is said."""
    if kind != "rulebook":
        raise Malformed("a profile makes a rulebook and nothing else", where="--profile")
    profile = load_profile(name)
    note(open_line(profile))
    return rulebook_fields(profile, effective_from_ms)


def _check_source(name: str, fields: dict[str, object]) -> None:
    """A rulebook whose source is the profile has the profile's values."""
    known = rulebook_fields(load_profile(name), 0)
    if fields["source"] == known["source"] and fields["values"] != known["values"]:
        raise Malformed(
            f"the values are not those of {name}, and the rulebook would name it as their source",
            where="--set values",
            todo="change a copy of the profile, or set source.title and source.sha256 too",
        )


def _text_of(data: bytes) -> bytes:
    """The text of a draft or note."""
    return data.rpartition(b"\n\n")[0] + b"\n" if b"\n\n" in data else data


def _entry_of(data: bytes) -> Common:
    return parse_text(_text_of(data))[1]


def _described(path: Path, entry: Common, missing: tuple[str, ...]) -> dict[str, object]:
    return {
        "file": str(path),
        "kind": kind_of(entry),
        "id": entry.id,
        "not_after": entry.not_after,
        "signers": list(entry.signers),
        "missing": list(missing),
        "complete": not missing,
    }


def _line(path: Path, entry: Common, missing: tuple[str, ...]) -> str:
    state = words("complete", "已齐备")
    if missing:
        state = words("missing: ", "缺少：") + ", ".join(missing)
    return f"{path}: {kind_of(entry)} {entry.id}, {state}"


def _show(path: Path, entry: Common, missing: tuple[str, ...]) -> None:
    emit(_described(path, entry, missing), _line(path, entry, missing))
