"""`tanbu profile`: the regimes of regions as data, those that come with Tanbu and one's own.

Refuses to know: what a profile must hold; that is `registry.profiles`.
"""

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from registry.chain.errors import Malformed
from registry.cli import files
from registry.cli.drafts import draft, draft_text
from registry.cli.shell import Exit, emit, words
from registry.ledger.entries.authority import RuleValue
from registry.ledger.rulebook import VALUES
from registry.ledger.signing import SigningKey, sign_draft
from registry.profiles.profile import (
    PROFILE_BYTES_MAX,
    Profile,
    Setting,
    open_values,
    parse_profile,
    reported_values,
    rulebook_fields,
)

app = typer.Typer()

CHECK = (
    "check the official text before relying on it",
    "引用前请核对官方文本",
)
ProfileName = Annotated[
    str, typer.Argument(metavar="NAME", help="cn-gd, cn-sh, … or a .toml file of your own.")
]


@app.command()
def names() -> Exit:
    """List the profiles that come with Tanbu.

    \b
    Example:
      tanbu profile names
    """
    found = [load_profile(name) for name in shipped_names()]
    emit(
        [{"profile": p.name, "region": p.region.value, "title": _title(p)} for p in found],
        [f"{p.name:<8} {p.region.value:<10} {_title(p)}" for p in found],
    )
    return Exit.GOOD


@app.command()
def show(
    name: ProfileName,
    toml: Annotated[bool, typer.Option("--toml", help="Print the file itself.")] = False,
) -> Exit:
    """Show a profile: each value, and its source or that none is public.

    A file of your own is checked by it: what is wrong is said with file, line and reason.

    \b
    Example:
      tanbu profile show cn-sh
      tanbu profile show cn-sh --toml > mine.toml
      tanbu profile show mine.toml --json
    """
    data, shown = read_profile(name)
    profile = parse_profile(data, shown)
    if toml:
        print(data.decode(), end="")
        return Exit.GOOD
    emit(_described(profile), _lines(profile))
    return Exit.GOOD


def load_profile(name: str) -> Profile:
    """A profile that comes with Tanbu, by its name, or a .toml file; Malformed if it is neither."""
    return parse_profile(*read_profile(name))


def read_profile(name: str) -> tuple[bytes, str]:
    """The bytes of a profile's file, and the file's name; Malformed if there is none."""
    path = Path(name)
    if path.suffix == ".toml":
        return files.read(path, PROFILE_BYTES_MAX), name
    known = shipped_names()
    if name not in known:
        raise Malformed(
            f"no profile {name[:60]!a}",
            where="profile",
            todo=f"one of {', '.join(known)}, or a .toml file of your own",
        )
    file = resources.files("registry.profiles").joinpath(f"{name}.toml")
    return file.read_bytes(), file.name


def shipped_names() -> list[str]:
    """The names of the profiles that come with Tanbu."""
    found = resources.files("registry.profiles").iterdir()
    return sorted(item.name[:-5] for item in found if item.name.endswith(".toml"))


def draft_rulebook(
    profile: Profile,
    origin: str,
    *,
    entry_id: str,
    not_after: int,
    signers: Iterable[str],
    keys: Iterable[SigningKey],
) -> bytes:
    """A draft of the region's first rulebook, signed by `keys`.

    In force from `not_after` (ms): before that it can be recorded, after it no more, so that it is
    never retroactive.
    """
    common = {"id": entry_id, "not_after": not_after, "signers": sorted(signers)}
    entry = draft("rulebook", {**common, **rulebook_fields(profile, not_after)})
    return sign_draft(draft_text(origin, entry), list(keys))


def open_line(profile: Profile) -> str:
    """What the authority has still to decide, in one line."""
    left = ", ".join(open_values(profile)) or words("nothing", "无")
    return words(f"open, a default stands: {left}", f"未公开、现为默认值：{left}")


def _title(profile: Profile) -> str:
    return words(profile.title.en, profile.title.zh)


def _described(profile: Profile) -> dict[str, object]:
    return {
        "profile": profile.name,
        "region": profile.region.value,
        "offset_min": profile.offset_min.value,
        "title": {"zh": profile.title.zh, "en": profile.title.en},
        "sha256": profile.sha256,
        "values": {name: _setting(profile, s) for name, s in profile.values.items()},
        "open": list(open_values(profile)),
        "check": list(reported_values(profile)),
    }


def _setting(profile: Profile, setting: Setting) -> dict[str, object]:
    shown: dict[str, object] = {"value": setting.value}
    if setting.source is None:
        return shown | {"open": setting.open, "harmless": setting.harmless}
    source = profile.sources[setting.source]
    return shown | {
        "source": source.title,
        "date": source.date,
        "url": source.url,
        "read": source.read,
        "where": setting.where,
        "note": setting.note,
    }


def _lines(profile: Profile) -> list[str]:
    lines = [f"{profile.name}: {profile.region.value} {_title(profile)}", ""]
    for name, setting in profile.values.items():
        lines.append(f"{name}: {plain(setting.value, words('none', '无'))} ({VALUES[name].unit})")
        if setting.source is None:
            lines.append(f"    {setting.open}")
            lines.append(f"    {setting.harmless}")
            continue
        source = profile.sources[setting.source]
        check = f" [{words(*CHECK)}]" if source.read == "reported" else ""
        lines.append(f"    {source.title}, {source.date}{check}")
        lines.append(f"    {setting.where}")
    return [*lines, "", open_line(profile)]


def plain(value: RuleValue, empty: str) -> str:
    """A value as people read it; `empty`: the word for a list of nothing."""
    if isinstance(value, tuple):
        return ", ".join(value) or empty
    return str(value)
