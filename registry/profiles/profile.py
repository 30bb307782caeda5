"""A region's profile: what its log begins with, and where each number of it comes from.

A TOML file: who it is for, the sources, the values of the first rulebook, and what public texts
state besides that no rule reads. How to write one: docs/guides/own-profile.md.

Refuses to know: where the file lies; what a rule does with a value (`registry.ledger.rulebook`).

Rules
- every value has either `source` (one of [sources]) and `where` in it, or `open`, a text that
  begins with "not public: ", and `harmless`: why the default that stands is
- a source is read as `official`, the text itself, or as `reported`: known from elsewhere, and the
  official text is to be checked before anyone relies on the number
- the values are those that rules read, of their type, and all that a rulebook needs; roles are
  roles, programs fit into the name of a batch, classes are described
- an unknown key, a wrong type, a missing source: Malformed with file, line and reason

    profile = parse_profile(data, "cn-sh.toml")
    rule_values(profile)["programs"]           # what the rulebook entry will hold
    rulebook_fields(profile, 1_767_196_800_000)   # … the entry's fields; its source: this file
"""

import re
import tomllib
from hashlib import sha256
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from registry.chain.errors import Malformed
from registry.chain.strict import check_text
from registry.ledger.entries import authority
from registry.ledger.entries.authority import RuleValue
from registry.ledger.entries.common import Name, Region, Text, Url
from registry.ledger.rulebook import ANY, VALUES, check_values, listed
from registry.profiles.lines import line_of

PROFILE_BYTES_MAX = 200_000
SAID_CHARS_MAX = 600
TABLE_MAX = 200
"""Most sources, values, classes or statements."""
NOT_PUBLIC = "not public: "
ROLES = frozenset(get_args(authority.Role))
GUIDE = "docs/guides/own-profile.md says what a profile holds"

Said = Annotated[str, Meta(min_length=1, max_length=SAID_CHARS_MAX)]
When = Annotated[str, Meta(pattern=r"^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?\Z")]


class Node(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of a profile."""


class Words(Node, frozen=True, kw_only=True):
    """The same in two languages."""

    zh: Text
    en: Text


class Source(Node, frozen=True, kw_only=True):
    """A text that numbers come from. `date`: when it was published or came into force, as known."""

    title: Said
    date: When
    read: Literal["official", "reported"]
    url: Url | None = None


class Grounds(Node, frozen=True, kw_only=True):
    """Why a number is what it is: a source and the place in it, or that none is public."""

    source: Name | None = None
    where: Said | None = None
    open: Said | None = None
    harmless: Said | None = None
    note: Said | None = None


class Setting(Grounds, frozen=True, kw_only=True):
    """A value of the rulebook."""

    value: RuleValue


class RegionSetting(Grounds, frozen=True, kw_only=True):
    """The region as genesis names it."""

    value: Region


class OffsetSetting(Grounds, frozen=True, kw_only=True):
    """The civil time of the region, in minutes ahead of UTC."""

    value: Annotated[int, Meta(ge=0, le=840)]


class Stated(Grounds, frozen=True, kw_only=True):
    """What a public text states, or leaves open, and no rule reads. `carried`: what holds it."""

    says: Said
    carried: Said


class Profile(Struct, frozen=True, kw_only=True):
    """A whole profile, checked. `sha256`: of the file."""

    name: str
    title: Words
    region: RegionSetting
    offset_min: OffsetSetting
    sources: dict[str, Source]
    classes: dict[str, Words]
    values: dict[str, Setting]
    stated: dict[str, Stated]
    sha256: str


def rule_values(profile: Profile) -> dict[str, RuleValue]:
    """The values of the region's first rulebook."""
    return {name: setting.value for name, setting in profile.values.items()}


def rulebook_source(profile: Profile) -> authority.Source:
    """What the rulebook entry names as its source: this file, which has the texts beside values."""
    title = f"Tanbu profile {profile.name}: {profile.title.en} {profile.title.zh}"
    return authority.Source(title=title[:200], sha256=profile.sha256)


def rulebook_fields(profile: Profile, effective_from_ms: int) -> dict[str, object]:
    """The fields of the region's first rulebook, in force from an instant in Unix ms."""
    return {
        "version": 1,
        "effective_from_ms": effective_from_ms,
        "values": rule_values(profile),
        "source": msgspec.to_builtins(rulebook_source(profile)),
    }


def open_values(profile: Profile) -> tuple[str, ...]:
    """The values that no public text sets: for the authority to set."""
    return tuple(name for name, setting in profile.values.items() if setting.open is not None)


def reported_values(profile: Profile) -> tuple[str, ...]:
    """The values whose official text is to be checked before anyone relies on them."""
    return tuple(
        name
        for name, setting in profile.values.items()
        if setting.source is not None and profile.sources[setting.source].read == "reported"
    )


def parse_profile(data: bytes, name: str) -> Profile:
    """Read and check a profile; Malformed with `name`, line and reason."""
    return _Reader(data, name).profile()


_T = TypeVar("_T")
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`\Z")
_FIELD = re.compile(r"field `([^`]+)`")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)\Z")
_PROFILE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PROGRAM = re.compile(r"[A-Z0-9]{2,16}")
_TABLES = ("title", "region", "offset_min", "sources", "classes", "values", "stated")


class _Reader:
    """One file on its way to a profile; knows its text, so that an error has its line."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.text = ""

    def profile(self) -> Profile:
        raw = self._toml()
        for key in raw:
            if key != "profile" and key not in _TABLES:
                raise self._fault((key,), f"no profile has a key {key!a}")
        name = raw.get("profile")
        if not isinstance(name, str) or not _PROFILE_NAME.fullmatch(name):
            raise self._fault(("profile",), "`profile` is not a name such as cn-sh")
        found = Profile(
            name=name,
            title=self._typed(raw, "title", Words),
            region=self._typed(raw, "region", RegionSetting),
            offset_min=self._typed(raw, "offset_min", OffsetSetting),
            sources=self._table(raw, "sources", Source),
            classes=self._table(raw, "classes", Words),
            values=self._table(raw, "values", Setting),
            stated=self._table(raw, "stated", Stated),
            sha256=sha256(self.data).hexdigest(),
        )
        self._check(found)
        return found

    def _toml(self) -> dict[str, Any]:
        if len(self.data) > PROFILE_BYTES_MAX:
            raise Malformed(f"larger than {PROFILE_BYTES_MAX} bytes", where=self.name)
        try:
            self.text = self.data.decode("utf-8")
            return tomllib.loads(self.text)
        except UnicodeDecodeError as error:
            line = self.data.count(b"\n", 0, error.start) + 1
            raise Malformed(
                "not UTF-8", where=f"{self.name}, line {line}", todo="save it as UTF-8"
            ) from error
        except (ValueError, RecursionError) as error:  # numbers, nesting beyond measure too
            reason = str(error)
            at = _AT_LINE.search(reason)
            where = f"{self.name}, line {at[1]}" if at else self.name
            raise Malformed(f"not TOML: {_AT_LINE.sub('', reason)}", where=where) from error

    def _table(self, raw: dict[str, Any], key: str, kind: type[_T]) -> dict[str, _T]:
        table = raw.get(key, {})
        if not isinstance(table, dict) or len(table) > TABLE_MAX:
            raise self._fault((key,), f"[{key}] is not a table of at most {TABLE_MAX}")
        return {inner: self._convert(table[inner], kind, (key, inner)) for inner in table}

    def _typed(self, raw: dict[str, Any], key: str, kind: type[_T]) -> _T:
        if key not in raw:
            raise self._fault((key,), f"the table [{key}] is missing")
        return self._convert(raw[key], kind, (key,))

    def _convert(self, raw: object, kind: type[_T], path: tuple[str, ...]) -> _T:
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            reason = str(error)
            place = _PLACE.search(reason)
            inner = re.sub(r"\[.*?\]", "", place["place"] if place else "").split(".")
            unknown = _FIELD.search(reason) if "unknown" in reason else None
            inner += [unknown[1]] if unknown else []
            reason = f"{'.'.join(path)}: {_PLACE.sub('', reason)}"
            raise self._fault((*path, *(key for key in inner if key)), reason) from error

    def _check(self, profile: Profile) -> None:
        """What the types cannot say; Malformed at the first thing that does not hold."""
        self._check_text(("title",), profile.title.zh, profile.title.en)
        self._check_grounds(profile, ("region",), profile.region)
        self._check_grounds(profile, ("offset_min",), profile.offset_min)
        for name, setting in profile.values.items():
            self._check_grounds(profile, ("values", name), setting)
        for name, stated in profile.stated.items():
            self._check_grounds(profile, ("stated", name), stated, default=False)
        grounds = (*profile.values.values(), *profile.stated.values())
        named = {g.source for g in (profile.region, profile.offset_min, *grounds)}
        for name in profile.sources:
            if name not in named:
                raise self._fault(("sources", name), f"nothing names the source {name}")
        values = rule_values(profile)
        if refusal := check_values(values):
            inside = ("value",) if refusal.name == "rulebook_value_type" else ()
            path = ("values", str(refusal.fields["value"]), *inside)
            raise self._fault(path, refusal.message())
        for name, value in values.items():
            self._check_list(profile, name, listed(values, name))
            if isinstance(value, str):
                self._check_text(("values", name, "value"), value)

    def _check_grounds(
        self, profile: Profile, path: tuple[str, ...], grounds: Grounds, *, default: bool = True
    ) -> None:
        """A source and the place in it, or open and why the default is harmless; never both."""
        shown = ".".join(path)
        if (grounds.source is None) == (grounds.open is None):
            raise self._fault(
                path, f"{shown} needs either `source` and `where`, or `open` and `harmless`"
            )
        if (grounds.where is None) != (grounds.source is None):
            raise self._fault(path, f"{shown}: `where` stands exactly where `source` does")
        if (grounds.harmless is not None) != (grounds.open is not None and default):
            raise self._fault(path, f"{shown}: `harmless` stands where a default is `open`")
        if grounds.source is not None and grounds.source not in profile.sources:
            raise self._fault((*path, "source"), f"{shown}: [sources] has no {grounds.source}")
        if grounds.open is not None and not grounds.open.startswith(NOT_PUBLIC):
            raise self._fault((*path, "open"), f'{shown}: `open` begins with "{NOT_PUBLIC}"')

    def _check_list(self, profile: Profile, name: str, words: tuple[str, ...]) -> None:
        """The words of a list are such as its rule can meet."""
        path = ("values", name, "value")
        if len(set(words)) != len(words):
            raise self._fault(path, f"{name} lists something twice")
        self._check_text(path, *words)
        for word in words:
            match VALUES[name].unit:
                case "role" if word not in ROLES:
                    reason = f"no role {word!a}"
                case "program" if not _PROGRAM.fullmatch(word):
                    reason = f"{word!a} is not 2 to 16 capital letters and digits"
                case "class" if word != ANY and word not in profile.classes:
                    reason = f"[classes] does not describe {word!a}"
                case _:
                    continue
            raise self._fault(path, f"{name}: {reason}")

    def _check_text(self, path: tuple[str, ...], *texts: str) -> None:
        """What goes into the log can be signed."""
        for text in texts:
            try:
                check_text(text)
            except Malformed as error:
                raise self._fault(path, error.message) from error

    def _fault(self, path: tuple[str, ...], reason: str) -> Malformed:
        where = f"{self.name}, line {line_of(self.text, path)}"
        return Malformed(reason, where=where, todo=GUIDE)
