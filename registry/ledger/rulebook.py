"""The values that a rulebook holds: every number of a regime is one of these (law 9).

`VALUES` is the one list: name, type, unit, which rule reads it. A rulebook with a value that is not
here is refused, so that no value can be thought to have an effect that it does not have.
"""

from typing import Literal, NamedTuple

from registry.ledger.entries.authority import RuleValue
from registry.ledger.refusals import Refusal, refuse

ANY = "*"
"""In a list of classes: every class."""


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
    if values["offset_cap_den"] == 0:
        return refuse("rulebook_value_type", value="offset_cap_den", wanted="above 0")
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
