"""The values that a rulebook holds: every number of a regime is one of these (law 9).

`VALUES` is the one list: name, type, unit, which rule reads it. A rulebook with a value that is not
here is refused, so that no value can be thought to have an effect that it does not have.
"""

from typing import Literal, NamedTuple

from registry.ledger.entries.authority import RuleValue
from registry.ledger.refusals import Refusal, refuse

ANY = "*"
"""In a list of classes: every class."""
COVERS = ("retired", "attested")
"""What may cover an event's emissions: credits retired for it here, offsets elsewhere."""


class RuleSpec(NamedTuple):
    """One value: `required` ones stand in every rulebook."""

    name: str
    type: Literal["integer", "text", "list"]
    unit: str
    required: bool
    read_by: str


# fmt: off
VALUES: dict[str, RuleSpec] = {
    spec.name: spec
    for spec in (
        RuleSpec("programs", "list", "program", True, "issuance, opening: programs whose credits may be made"),
        RuleSpec("project_signed_by", "list", "role", True, "project: who signs for an institution's project"),
        RuleSpec("scenario_signed_by", "list", "role", True, "project: who signs for a scenario"),
        RuleSpec("issuance_signed_by", "list", "role", True, "issuance of a project: who signs, the owner aside"),
        RuleSpec("scenario_issuance_signed_by", "list", "role", True, "issuance of a scenario: who signs"),
        RuleSpec("issuance_organisations_min", "integer", "organisations", True, "issuance: how many sign, at least 2 in effect"),
        RuleSpec("offset_classes", "list", "class", True, "retirement for offset"),
        RuleSpec("remediation_classes", "list", "class", True, "retirement for remediation"),
        RuleSpec("event_classes", "list", "class", True, "retirement for an event"),
        RuleSpec("voluntary_classes", "list", "class", True, "voluntary retirement"),
        RuleSpec("points_classes", "list", "class", True, "conversion to points"),
        RuleSpec("points_validity_days_max", "integer", "days", False, "points_scheme: longest validity of a point"),
        RuleSpec("points_ratio_num", "integer", "g", False, "points_scheme: a point is worth num ÷ den grams and nothing else"),
        RuleSpec("points_ratio_den", "integer", "points", False, "points_scheme: stands where points_ratio_num does"),
        RuleSpec("event_covered_by", "list", "retired, attested", False, "event: what must cover the declared emissions before it is final"),
        RuleSpec("offset_cap_num", "integer", "share", True, "obligation: cap = floor(amount × num ÷ den)"),
        RuleSpec("offset_cap_den", "integer", "share", True, "obligation: cap = floor(amount × num ÷ den)"),
        RuleSpec("offset_vintage_first", "integer", "year", False, "retirement for offset: earliest vintage"),
        RuleSpec("cancellation_signed_by", "list", "role", False, "cancellation: who signs, the owner aside; at least 2 organisations"),
        RuleSpec("reserve_account", "text", "account", False, "cancellation: the account whose credits cover a shortfall"),
        RuleSpec("receiver_delay_ms", "integer", "ms", False, "account: from when on a newly listed receiver is usable"),
        RuleSpec("key_recovery_delay_ms", "integer", "ms", True, "key: delay between recover and complete"),
    )
}
# fmt: on
_RATIO = ("points_ratio_num", "points_ratio_den")
_ABOVE_ZERO = ("offset_cap_den", "points_validity_days_max", *_RATIO)


def check_values(values: dict[str, RuleValue]) -> Refusal | None:
    """Refuse a rulebook whose values are unknown, missing, or of another type."""
    for name, value in values.items():
        spec = VALUES.get(name)
        if spec is None:
            return refuse("rulebook_value_unknown", value=name)
        if spec.type != _type_of(value):
            return refuse("rulebook_value_type", value=name, wanted=f"of type {spec.type}")
    for spec in VALUES.values():
        if spec.required and spec.name not in values:
            return refuse("rulebook_value_missing", value=spec.name)
    for name in _ABOVE_ZERO:
        if values.get(name) == 0:
            return refuse("rulebook_value_type", value=name, wanted="above 0")
    for name, other in (_RATIO, _RATIO[::-1]):
        if name in values and other not in values:
            return refuse("rulebook_value_missing", value=other)
    if not set(listed(values, "event_covered_by")) <= set(COVERS):
        return refuse("rulebook_value_type", value="event_covered_by", wanted=" or ".join(COVERS))
    return None


def integer(values: dict[str, RuleValue], name: str, default: int = 0) -> int:
    """An integer of a rulebook that `check_values` has accepted."""
    value = values.get(name, default)
    return value if isinstance(value, int) else default


def text(values: dict[str, RuleValue], name: str) -> str:
    """A text of a rulebook that `check_values` has accepted; empty if it is not there."""
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def listed(values: dict[str, RuleValue], name: str) -> tuple[str, ...]:
    """A list of a rulebook that `check_values` has accepted."""
    value = values.get(name, ())
    return value if isinstance(value, tuple) else ()


def allows(values: dict[str, RuleValue], name: str, word: str) -> bool:
    """True if the list `name` holds `word` or the any-sign."""
    words = listed(values, name)
    return word in words or ANY in words


def _type_of(value: RuleValue) -> str:
    if isinstance(value, int):
        return "integer"
    return "text" if isinstance(value, str) else "list"
