"""The reference page of the profiles: each value of each region, its number, unit and source.

Read from the files that come with Tanbu, so that page and files cannot part.
"""

from __future__ import annotations

from registry.cli.profile import CHECK, load_profile, plain, shipped_names
from registry.ledger.rulebook import VALUES
from registry.profiles.profile import Grounds, Profile, Source
from tools.tables import table

HEAD = """# Profiles

What a region's log begins with, as data: `tanbu init --profile cn-sh`. Each is a TOML file in
`registry/profiles/`; [how to write your own](../guides/own-profile.md). What a value does:
[values of a rulebook](../spec/rulebook.md).

The numbers come from what is known of public texts. *Check* beside a number: check the official
text before relying on it; it was not read itself. **Open**: no public text is known; the registry
begins with the default that stands there, and the authority sets it before it signs. Nothing here
is legal advice.
"""


def profiles() -> str:
    """The whole page."""
    found = [load_profile(name) for name in shipped_names()]
    parts = [HEAD, *overview(found)]
    for profile in found:
        parts += ["", *one(profile)]
    return "\n".join(parts) + "\n"


def overview(found: list[Profile]) -> list[str]:
    """A line per region, and the values in which regions differ."""
    rows = [
        (
            f"[{p.name}](#{p.name})",
            p.region.value,
            p.title.zh,
            p.title.en,
            str(sum(1 for s in p.values.values() if s.source is not None)),
            str(sum(1 for s in p.values.values() if s.open is not None)),
        )
        for p in found
    ]
    return table(("profile", "region", "", "", "values with a source", "open"), rows)


def one(profile: Profile) -> list[str]:
    """The section of a region."""
    lines = [f"## {profile.name}", "", f"{profile.title.zh}. {profile.title.en}.", ""]
    rows = [
        ("region", profile.region.value, "", ground(profile, profile.region)),
        ("civil time", str(profile.offset_min.value), "min", ground(profile, profile.offset_min)),
    ]
    for name, setting in profile.values.items():
        why = ground(profile, setting)
        rows.append((f"`{name}`", escaped(plain(setting.value, "none")), VALUES[name].unit, why))
    lines += table(("value", "set to", "unit", "source"), rows)
    if profile.classes:
        described = [f"`{name}` {w.zh}, {w.en}" for name, w in profile.classes.items()]
        lines += ["", f"Classes: {'; '.join(described)}."]
    lines += ["", "Stated besides, and read by no rule:", ""]
    stated = [(s.says, ground(profile, s), s.carried) for s in profile.stated.values()]
    lines += table(("what", "source", "what carries it"), stated)
    return [*lines, "", "Sources:", "", *sources(profile)]


def ground(profile: Profile, grounds: Grounds) -> str:
    """Where a number is from, or that it is open and why the default is harmless."""
    note = f" ({grounds.note})" if grounds.note else ""
    if grounds.source is None:
        harmless = f" Default: {grounds.harmless}." if grounds.harmless else ""
        return f"**open**, {grounds.open}.{harmless}{note}"
    check = " *check*" if profile.sources[grounds.source].read == "reported" else ""
    return f"`{grounds.source}`: {grounds.where}{note}{check}"


def sources(profile: Profile) -> list[str]:
    """The list of a region's sources."""
    return [f"- `{name}` {cited(source)}" for name, source in profile.sources.items()]


def cited(source: Source) -> str:
    title = f"[{source.title}]({source.url})" if source.url else source.title
    check = f"; {CHECK[0]}" if source.read == "reported" else ""
    return f"{title}, {source.date}{check}"


def escaped(text: str) -> str:
    return text.replace("*", "\\*")
