"""`tanbu init`: a log is opened by two hands, the operator's and the authority's.

Refuses to know: the authority's private key; that never comes to this machine.
"""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from registry.bootstrap.data import DataDirectory, SystemClock
from registry.bootstrap.opening import Foundation, draft_genesis, make_log_keys, open_log
from registry.chain.checkpoint import check_origin
from registry.chain.errors import Malformed, Unavailable
from registry.chain.note import TYPE_ED25519, parse_vkey
from registry.chain.strict import check_text
from registry.cli import files, keys
from registry.cli.profile import draft_rulebook, load_profile, open_line
from registry.cli.shell import Exit, emit, words
from registry.ledger.codec import ENTRY_BYTES_MAX, parse_entry
from registry.ledger.dates import DAY_MS, civil_date
from registry.ledger.entries import Genesis
from registry.ledger.entries.authority import Founder
from registry.ledger.entries.common import PartyName, Region, Text
from registry.ledger.ids import UUID_RANDOM_BYTES, uuid7
from registry.ledger.signing import SigningKey, missing_signers
from registry.profiles.profile import Profile, open_values
from registry.settings import REFUSAL_KEY
from registry.signers.keyfile import new_key, write_key_file
from registry.signers.logkeys import ED25519_FILE, read_first_pair
from registry.verify.trust import file_name, format_trust, new_trust

app = typer.Typer()

ORIGIN_RANDOM_BYTES = 4
OFFSET_MIN = 480
DRAFT = "genesis.draft"
RULEBOOK_DRAFT = "rulebook.draft"
OPERATOR_KEY = "operator.key"
FORMS: tuple[tuple[str, object, str], ...] = (
    ("--region", Region, "CN-GD"),
    ("--operator", PartyName, "operator.cn-gd"),
    ("--operator-title", Text, "'Registry operator'"),
    ("--authority", PartyName, "authority.cn-gd"),
    ("--authority-title", Text, "'Ecology bureau'"),
)


@app.command()
def init(
    data: Annotated[Path, typer.Option(help="The data directory.")] = Path("var"),
    genesis: Annotated[
        Path | None, typer.Option(help="A complete genesis: opens the log with it.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Region, civil time and first rulebook of cn-sh or FILE.toml.")
    ] = "",
    region: Annotated[str, typer.Option(help="ISO 3166-2, such as CN-GD.")] = "",
    origin_prefix: Annotated[
        str, typer.Option(help="The log's name without its last part, such as cn-gd.example/log.")
    ] = "",
    operator: Annotated[str, typer.Option(help="Party name of the operator.")] = "",
    operator_title: Annotated[str, typer.Option(help="Its name for people.")] = "",
    operator_key: Annotated[
        Path | None, typer.Option(help="Its private key [default: made, DATA/keys/operator.key].")
    ] = None,
    authority: Annotated[str, typer.Option(help="Party name of the authority.")] = "",
    authority_title: Annotated[str, typer.Option(help="Its name for people.")] = "",
    authority_key: Annotated[
        str, typer.Option(help="Its verifier key; the private one stays with it.")
    ] = "",
    offset_min: Annotated[
        int, typer.Option(help="Civil time ahead of UTC, in minutes.", min=0, max=840)
    ] = OFFSET_MIN,
    days: Annotated[int, typer.Option(help="The draft is valid so long.", min=1, max=30)] = 14,
) -> Exit:
    """Draft a genesis, or open a log with a complete one.

    Three steps: the operator drafts; the authority signs the draft on its own machine, with its
    own key (tanbu entry sign); the operator opens. Keys of the log and for refusal notes are made.
    With --profile the first rulebook is drafted too; what the profile leaves open is said.

    \b
    Example:
      tanbu init --data var --profile cn-gd --origin-prefix cn-gd.example/log \\
        --operator operator.cn-gd --operator-title "Registry operator" \\
        --authority authority.cn-gd --authority-title "Ecology bureau" \\
        --authority-key authority.cn-gd+9b2e7a41+AX…
      tanbu entry sign genesis.draft --key authority.key      (at the authority)
      tanbu init --data var --genesis var/genesis.draft
    """
    place = DataDirectory(data)
    if genesis is not None:
        return _open(place, files.read(genesis, ENTRY_BYTES_MAX))
    regime, region, offset_min = _regime(profile, region, offset_min)
    given = {
        "--region": region,
        "--origin-prefix": origin_prefix,
        "--operator": operator,
        "--operator-title": operator_title,
        "--authority": authority,
        "--authority-title": authority_title,
        "--authority-key": authority_key,
    }
    _check_given(given)
    _check_new(place)
    _check_authority_key(authority_key, authority)
    origin = _origin(place, origin_prefix)
    mine = _operator_keys(place, operator, operator_key)
    foundation = Foundation(
        region=region,
        offset_min=offset_min,
        operator=Founder(party=operator, title=operator_title),
        authority=Founder(party=authority, title=authority_title),
        keys=(*(key.vkey for key in mine), authority_key),
        log_keys=make_log_keys(place, origin),
    )
    _write_drafts(place, foundation, mine, days, regime)
    return Exit.GOOD


def _write_drafts(
    place: DataDirectory,
    foundation: Foundation,
    mine: tuple[SigningKey, SigningKey],
    days: int,
    regime: Profile | None,
) -> None:
    """Write genesis and, of a profile, the first rulebook with the operator's signature.

    `mine`: the operator's key and the one that will sign refusal notes, which signs genesis alone.

    Genesis comes last: while it is not there, the same command may be given again.
    """
    origin = foundation.log_keys[0].partition("+")[0]
    now_ms = time.time_ns() // 1_000_000
    not_after = now_ms + days * DAY_MS
    if regime is not None:
        rules = draft_rulebook(
            regime,
            origin,
            entry_id=_new_id(now_ms),
            not_after=not_after,
            signers=(mine[0].signer, keys.signer_name(foundation.keys[-1])),
            keys=mine[:1],
        )
        files.replace(place.root / RULEBOOK_DRAFT, rules)
    draft = draft_genesis(
        origin,
        foundation,
        entry_id=_new_id(now_ms),
        not_after=not_after,
        signers=tuple(keys.signer_name(key) for key in foundation.keys),
        keys=mine,
    )
    files.write_new(place.root / DRAFT, draft)
    _show_draft(place, origin, draft, regime, not_after)


def _new_id(now_ms: int) -> str:
    return uuid7(now_ms, secrets.token_bytes(UUID_RANDOM_BYTES))


def _regime(profile: str, region: str, offset_min: int) -> tuple[Profile | None, str, int]:
    """The profile, if one is named, and region and civil time, which are then its own."""
    if not profile:
        return None, region, offset_min
    regime = load_profile(profile)
    if region not in ("", regime.region.value):
        raise Malformed(
            f"the profile {regime.name} is of {regime.region.value}, not of {region}",
            where="--region",
            todo="leave it out",
        )
    return regime, regime.region.value, regime.offset_min.value


def _check_given(given: Mapping[str, str]) -> None:
    """Malformed, with the option's name, if a draft lacks something or has it in no good form."""
    if missing := [name for name, value in given.items() if not value]:
        raise Malformed(
            f"a draft needs {', '.join(missing)}", todo="or open a complete one with --genesis FILE"
        )
    for option, kind, example in FORMS:
        _check_form(option, given[option], kind, example)


def _open(place: DataDirectory, note: bytes) -> Exit:
    """Open the log, and write the trust file that others will be given."""
    if missing := missing_signers(note):
        raise Malformed(
            f"the genesis lacks the signature of {', '.join(missing)}",
            todo="the authority adds it: tanbu entry sign",
        )
    entry = parse_entry(note).entry
    published = open_log(place, note, SystemClock())
    if not isinstance(entry, Genesis):
        raise Malformed("this entry is no genesis", where="kind")
    origin = entry.log_keys.ed25519.partition("+")[0]
    authority, operator = (
        [k.key for k in entry.keys if k.key.startswith(f"{founder.party}+")]
        for founder in (entry.authority, entry.operator)
    )
    log = (entry.log_keys.ed25519, entry.log_keys.mldsa44)
    trust = new_trust(origin, log, authority, operator)
    path = place.trust / file_name(origin)
    files.replace(path, format_trust(trust))
    emit(
        {"origin": origin, "size": published.size, "trust": str(path)},
        [
            words(f"the log {origin} is open", f"账本 {origin} 已开立"),
            words(f"  trust file for others: {path}", f"  供他人核验的信任根文件：{path}"),
            words(
                f"  next: tanbu serve --data {place.root}",
                f"  下一步：tanbu serve --data {place.root}",
            ),
        ],
    )
    return Exit.GOOD


def _check_form(option: str, text: str, kind: object, example: str) -> None:
    """Malformed before any key is made, if genesis could not hold the text."""
    try:
        check_text(msgspec.convert(text, kind))
    except (msgspec.ValidationError, Malformed) as error:
        why = error.message if isinstance(error, Malformed) else f"not of the form: {text[:60]!a}"
        raise Malformed(why, where=option, todo=f"such as {example}") from error


def _check_new(place: DataDirectory) -> None:
    for path in (place.database, place.root / DRAFT):
        if path.exists():
            raise Unavailable(
                "the data directory holds a log or a draft already",
                where=str(path),
                todo="choose another --data, or open the draft with --genesis",
            )


def _check_authority_key(text: str, authority: str) -> None:
    key = parse_vkey(text)
    if key.name != authority or key.type != TYPE_ED25519:
        raise Malformed(
            f"the verifier key is not an Ed25519 key of {authority}",
            where="--authority-key",
            todo="the authority makes it: tanbu key new",
        )


def _origin(place: DataDirectory, prefix: str) -> str:
    """The log's name: of the keys that an interrupted draft has made, else with new random hex."""
    if (place.keys / ED25519_FILE).exists():
        origin = read_first_pair(place.keys)[0].name
        if origin.rpartition("/")[0] == prefix:
            return origin
    return check_origin(f"{prefix}/{secrets.token_hex(ORIGIN_RANDOM_BYTES)}")


def _operator_keys(
    place: DataDirectory, operator: str, given: Path | None
) -> tuple[SigningKey, SigningKey]:
    """The operator's key, and the one by which the service will sign refusal notes."""
    if given is None:
        mine = _own_key(place.keys / OPERATOR_KEY, operator)
    else:
        mine = _checked_key(given, operator)
    return mine, _own_key(place.keys / REFUSAL_KEY, operator)


def _own_key(path: Path, operator: str) -> SigningKey:
    """A key of the operator's in the data directory, made unless it is there."""
    if not path.exists():
        write_key_file(path, new_key(operator))
    return _checked_key(path, operator)


def _checked_key(path: Path, operator: str) -> SigningKey:
    key = keys.read_signing_key(path)
    if key.holder != operator:
        raise Malformed(f"this is the key of {key.holder}, not of {operator}", where=str(path))
    return key


def _show_draft(
    place: DataDirectory, origin: str, draft: bytes, regime: Profile | None, not_after: int
) -> None:
    path = place.root / DRAFT
    missing = ", ".join(missing_signers(draft))
    shown = {"origin": origin, "draft": str(path), "missing": list(missing_signers(draft))}
    lines = [
        words(f"draft of {origin}: {path}", f"{origin} 的创世草稿：{path}"),
        words(
            f"  missing: {missing}; there: tanbu entry sign {DRAFT} --key authority.key",
            f"  缺少：{missing}；由其执行：tanbu entry sign {DRAFT} --key authority.key",
        ),
        words(
            f"  then here: tanbu init --data {place.root} --genesis {path}",
            f"  随后在此：tanbu init --data {place.root} --genesis {path}",
        ),
    ]
    if regime is not None:
        rules = str(place.root / RULEBOOK_DRAFT)
        day = civil_date(not_after, regime.offset_min.value)
        shown |= {"rulebook": rules, "open": list(open_values(regime))}
        lines += [
            words(
                f"rulebook of {regime.name}, in force from {day}: {rules}, to be signed there too",
                f"{regime.name} 的规则草稿，自 {day} 起生效：{rules}，同样由其签署",
            ),
            words(
                f"  when the service runs: tanbu submit {rules}",
                f"  服务运行后：tanbu submit {rules}",
            ),
            f"  {open_line(regime)}",
        ]
    emit(shown, lines)
