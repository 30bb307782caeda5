"""What submitting answers, as JSON: written by the HTTP interface, read by its clients.

Source of `Problem`: RFC 9457 (application/problem+json), with the members that a registry needs.
"""

from msgspec import UNSET, Struct, UnsetType

from registry.service.proofs import Inclusion

FieldValue = str | int


class Submission(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a submission of several entries: signed notes as text."""

    entries: list[str]


class Receipt(Struct, frozen=True, kw_only=True):
    """The entry is in the log, durably. `replayed`: it already was, this is the first receipt.

    `inclusion`: its proof to a published checkpoint, where that was waited for and came in time.
    """

    index: int
    time_ms: int
    leaf_hash: str
    replayed: bool
    inclusion: Inclusion | UnsetType = UNSET


class Problem(Struct, frozen=True, kw_only=True):
    """What is wrong, and what to do. `name`, `number`, `fields`, `transient`: of a refusal.

    `transient`: the same entry could be accepted later. `where`: the place in what was sent.
    `refusal_note`: the operator's signed word that this entry arrived and was refused.
    """

    type: str
    title: str
    status: int
    detail: str
    name: str | UnsetType = UNSET
    number: int | UnsetType = UNSET
    fields: dict[str, FieldValue] | UnsetType = UNSET
    transient: bool | UnsetType = UNSET
    refusal_note: str | UnsetType = UNSET
    where: str | UnsetType = UNSET
    todo: str | UnsetType = UNSET


class Result(Struct, frozen=True, kw_only=True):
    """What became of one entry: exactly one of the fields stands."""

    committed: Receipt | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class Results(Struct, frozen=True):
    """One result per entry, in the order of the request."""

    results: list[Result]


class Acceptable(Struct, frozen=True, kw_only=True):
    """An entry that would be accepted now; `index` where it is in the log already."""

    index: int | UnsetType = UNSET


class CheckResult(Struct, frozen=True, kw_only=True):
    """What would become of one entry: exactly one of the fields stands."""

    acceptable: Acceptable | UnsetType = UNSET
    problem: Problem | UnsetType = UNSET


class CheckResults(Struct, frozen=True):
    """One result per entry, each as if those before it that are acceptable were committed."""

    results: list[CheckResult]
    size: int
