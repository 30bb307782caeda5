"""A broken profile is refused with file, line and reason; a good one gives values and source.

Each case is one change to a small good profile: the text that goes, the text that comes, the line
that is said, and words of the reason.
"""

from __future__ import annotations

from hashlib import sha256

import pytest

from registry.chain.errors import Malformed
from registry.profiles.lines import line_of
from registry.profiles.profile import (
    PROFILE_BYTES_MAX,
    open_values,
    parse_profile,
    reported_values,
    rule_values,
    rulebook_fields,
)

GOOD = """\
profile = "my-city"

[title]
zh = "某市碳普惠"
en = "Some city"

[region]
value = "CN-999999"
source = "codes"
where = "its code"

[offset_min]
value = 480
source = "codes"
where = "civil time"

[sources.codes]
title = "A list of codes"
date = "2020-01"
read = "official"

[sources.rules]
title = "Rules of the city"
date = "2025-11-01"
read = "reported"
url = "https://city.example/rules"

[classes.forest]
zh = "林业"
en = "forestry"

[values.programs]
value = ["CITYCER"]
source = "rules"
where = "article 1"

[values.project_signed_by]
value = ["owner", "centre"]
source = "rules"
where = "article 2"

[values.scenario_signed_by]
value = ["centre", "exchange"]
source = "rules"
where = "article 2"

[values.issuance_signed_by]
value = ["centre", "verifier"]
source = "rules"
where = "article 3"

[values.scenario_issuance_signed_by]
value = ["centre", "exchange"]
source = "rules"
where = "article 3"

[values.issuance_organisations_min]
value = 2
source = "rules"
where = "article 3"

[values.offset_classes]
value = []
source = "rules"
where = "article 4: none"

[values.remediation_classes]
value = ["forest"]
source = "rules"
where = "article 5"

[values.event_classes]
value = ["*"]
source = "rules"
where = "article 5"

[values.voluntary_classes]
value = ["*"]
source = "rules"
where = "article 5"

[values.points_classes]
value = ["*"]
source = "rules"
where = "article 6"

[values.offset_cap_num]
value = 0
source = "rules"
where = "article 4"

[values.offset_cap_den]
value = 1
source = "rules"
where = "article 4"

[values.key_recovery_delay_ms]
value = 604_800_000
open = "not public: how long a recovery waits"
harmless = "seven days in which it can be revoked"

[stated.lots]
says = "Lots of trading."
open = "not public: lots"
carried = "whole serials"
"""


def line_with(text: str, wanted: str) -> int:
    """The number of the first line that begins with `wanted`."""
    return next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith(wanted))


def test_a_profile_gives_the_first_rulebook() -> None:
    profile = parse_profile(GOOD.encode(), "my.toml")
    assert rule_values(profile)["programs"] == ("CITYCER",)
    assert open_values(profile) == ("key_recovery_delay_ms",)
    assert "key_recovery_delay_ms" not in reported_values(profile)
    assert len(reported_values(profile)) == len(profile.values) - 1
    fields = rulebook_fields(profile, 1_767_196_800_000)
    assert (fields["version"], fields["effective_from_ms"]) == (1, 1_767_196_800_000)
    assert fields["source"] == {
        "title": "Tanbu profile my-city: Some city 某市碳普惠",
        "sha256": sha256(GOOD.encode()).hexdigest(),
    }


# taken out, put in, the line that is said begins with, words of the reason
BROKEN = [
    ('en = "Some city"', 'en = "Some city"\nfr = "Ville"', "fr", "unknown field `fr`"),
    ("[stated.lots]", "[stuff.lots]", "[stuff.lots]", "no profile has a key 'stuff'"),
    ('profile = "my-city"', 'profile = "My City"', "profile", "not a name such as cn-sh"),
    ('profile = "my-city"', "", "", "not a name such as cn-sh"),
    ("[title]", "[titel]", "[titel]", "no profile has a key 'titel'"),
    ('value = "CN-999999"', 'value = "China"', 'value = "China"', "region: "),
    ("value = 480", "value = 900", "value = 900", "<= 840"),
    ("value = 480", 'value = "480"', 'value = "480"', "Expected `int`, got `str`"),
    ('date = "2020-01"', 'date = "2020-13"', "date", "sources.codes: "),
    ('date = "2020-01"', "", "[sources.codes]", "missing required field `date`"),
    ('read = "official"', 'read = "heard"', "read", "Invalid enum value 'heard'"),
    ('url = "https', 'url = "ftp', "url", "sources.rules: "),
    ("value = 2\n", "value = 2.5\n", "value = 2.5", "got `float`"),
    ("value = 2\n", "value = true\n", "value = true", "got `bool`"),
    ("value = 2\n", 'value = "two"\n', "value = ", "must be of type integer"),
    ("value = 2\n", "value = -1\n", "value = -1", ">= 0"),
    ('where = "article 1"\n', "", "[values.programs]", "`where` stands exactly where"),
    (
        'source = "rules"\nwhere = "article 1"\n',
        "",
        "[values.programs]",
        "either `source` and `where`, or `open` and `harmless`",
    ),
    ('source = "rules"\nwhere = "article 1"', 'source = "law"\nwhere = "1"', 'source = "law"', "[sources] has no law"),
    ('where = "article 1"', 'where = "1"\nopen = "not public: x"', "[values.programs]", "either `source`"),
    ('where = "article 1"', 'where = "1"\nharmless = "x"', "[values.programs]", "`harmless` stands where"),
    ('harmless = "seven days in which it can be revoked"\n', "", "[values.key_recovery_delay_ms]", "`harmless` stands where"),
    ('open = "not public: how', 'open = "unknown: how', 'open = "unknown', '`open` begins with "not public: "'),
    ('open = "not public: lots"\n', "", "[stated.lots]", "either `source`"),
    ('carried = "whole serials"\n', "", "[stated.lots]", "missing required field `carried`"),
    ("[values.programs]", "[values.programms]", "[values.programms]", "no rule reads a value called programms"),
    ("[values.programs]", "[stated.programs]\nsays = 'x'\ncarried = 'x'", "value = ", "unknown field `value`"),
    ("[values.offset_cap_den]\nvalue = 1", "[values.offset_cap_den]\nvalue = 0", "value = 0", "must be above 0"),
    ('value = ["owner", "centre"]', 'value = ["owner", "center"]', 'value = ["owner", "center"]', "no role 'center'"),
    ('value = ["CITYCER"]', 'value = ["city-cer"]', 'value = ["city', "capital letters and digits"),
    ('value = ["CITYCER"]', 'value = ["CITYCER", "CITYCER"]', "value = ", "lists something twice"),
    ('value = ["forest"]', 'value = ["grass"]', 'value = ["grass"]', "[classes] does not describe 'grass'"),
    ('zh = "林业"', 'zh = ""', 'zh = ""', "classes.forest: "),
    ('zh = "某市碳普惠"', 'zh = "某市\\u202e碳普惠"', "[title]", "U+202E"),
    ('title = "A list', 'title == "A list', "title ==", "not TOML: "),
    ("[classes.forest]", "[title]", "[title]", "not TOML: "),
    ("[stated.lots]", '[sources.more]\ntitle = "x"\ndate = "2020"\nread = "official"\n\n[stated.lots]', "[sources.more]", "nothing names the source more"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("out", "put", "begins", "reason"), BROKEN, ids=lambda v: v[:30] if isinstance(v, str) else ""
)
def test_a_broken_profile_is_refused(out: str, put: str, begins: str, reason: str) -> None:
    assert out in GOOD
    broken = GOOD.replace(out, put, 1)
    with pytest.raises(Malformed) as caught:
        parse_profile(broken.encode(), "mine.toml")
    assert reason in caught.value.message
    file, _, line = caught.value.where.partition(", line ")
    assert file == "mine.toml"
    said = broken.split("\n")[int(line) - 1]
    assert said.startswith(begins), f"line {line}: {said}"


def test_a_value_that_every_rulebook_needs_is_missed() -> None:
    start = GOOD.index("[values.points_classes]")
    broken = GOOD[:start] + GOOD[GOOD.index("[values.offset_cap_num]") :]
    with pytest.raises(Malformed, match="lacks the value points_classes"):
        parse_profile(broken.encode(), "mine.toml")


def test_bytes_that_are_no_text_and_files_beyond_measure() -> None:
    with pytest.raises(Malformed) as caught:
        parse_profile(b'profile = "a"\n\xff', "mine.toml")
    assert caught.value.where == "mine.toml, line 2"
    with pytest.raises(Malformed, match="larger than"):
        parse_profile(b"#" * (PROFILE_BYTES_MAX + 1), "mine.toml")
    with pytest.raises(Malformed, match="not TOML"):
        parse_profile(b"a = " + b"[" * 5_000, "mine.toml")
    with pytest.raises(Malformed, match="table of at most"):
        parse_profile(("stated = 3\n" + GOOD[: GOOD.index("[stated")]).encode(), "mine.toml")


@pytest.mark.parametrize("text", ["", "profile = 1", "values.programs.value = 1", "[[values]]"])
def test_anything_that_is_no_profile_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_profile(text.encode(), "mine.toml")


LINES = """\
a = 1 # [b]
[b]
c = '''
d = 2
'''
d.e = 3
[b."f g"]
h = 1
[[i]]
j = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 1),
        (("b",), 2),
        (("b", "c"), 3),
        (("b", "d"), 6),
        (("b", "d", "e"), 6),
        (("b", "d", "x"), 6),
        (("b", "f g", "h"), 8),
        (("b", "nothing"), 2),
        (("i", "j"), 10),
        (("nothing", "c"), 1),
        ((), 1),
    ],
)
def test_the_line_of_a_path(path: tuple[str, ...], line: int) -> None:
    assert line_of(LINES, path) == line
