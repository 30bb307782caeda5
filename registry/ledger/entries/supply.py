"""Entries that bring credits into being: methodology, project, issuance, opening."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from registry.ledger.entries.common import (
    CLAIMS_MAX,
    ITEMS_MAX,
    AccountId,
    BatchId,
    Claim,
    Commit,
    Common,
    Date,
    Grams,
    Name,
    Part,
    PartyName,
    Positive,
    Sha256,
    Text,
    Year,
)

PARTS_MAX = 64
OPENING_PARTS_MAX = 1_000
SOURCE_ROWS_MAX = 500
UNIT_G_MAX = 1_000_000_000
SERIAL_TEXT_CHARS_MAX = 300


class Methodology(Common, frozen=True, kw_only=True, tag="methodology"):
    """A version of a methodology; its `class` decides which uses its credits may serve. Sent again

    with the same fields and `withdrawn` or an end date `to`, it is withdrawn or ended.
    """

    methodology: Name
    version: Name
    title: Text
    class_: Name = field(name="class")
    doc_sha256: Sha256
    from_: Date = field(name="from")
    to: Date | UnsetType = UNSET
    withdrawn: bool | UnsetType = UNSET


Claims = Annotated[tuple[Claim, ...], Meta(min_length=1, max_length=CLAIMS_MAX)]


class ProjectPart(Part, frozen=True, kw_only=True):
    """A disjoint sub-activity of a project with its own claims."""

    part: Name
    claims: Claims


Parts = Annotated[tuple[ProjectPart, ...], Meta(min_length=1, max_length=PARTS_MAX)]


class Project(Common, frozen=True, kw_only=True, tag="project"):
    """Registers a project (an institution's activity) or scenario (many people's acts); sent again

    with the same fields and a `status`, suspends, closes or resumes it.

    `claims`: the meters, plots, plants, lines or feeds whose reductions it claims; `applicant`: an
    agent (受托方) who applies for the owner and signs.
    """

    project: Name
    type: Literal["project", "scenario"]
    title: Text
    owner: PartyName
    methodology: Name
    methodology_version: Name
    claims: Claims
    not_in_ets: bool
    not_in_ccer: bool
    crediting_from: Date
    crediting_to: Date
    parts: Parts | UnsetType = UNSET
    applicant: PartyName | UnsetType = UNSET
    status: Literal["live", "suspended", "closed"] | UnsetType = UNSET


class NewProject(Part, frozen=True, kw_only=True):
    """The fields of a `Project` inside an issuance; two structs, because bases cannot be mixed."""

    project: Name
    type: Literal["project", "scenario"]
    title: Text
    owner: PartyName
    methodology: Name
    methodology_version: Name
    claims: Claims
    not_in_ets: bool
    not_in_ccer: bool
    crediting_from: Date
    crediting_to: Date
    parts: Parts | UnsetType = UNSET
    applicant: PartyName | UnsetType = UNSET
    status: Literal["live", "suspended", "closed"] | UnsetType = UNSET


class NewBatch(Part, frozen=True, kw_only=True):
    """A batch to be made: `count` serials of `unit_g` grams each, all to `account`."""

    batch: BatchId
    vintage: Year
    class_: Name = field(name="class")
    unit_g: Annotated[int, Meta(ge=1, le=UNIT_G_MAX)]
    count: Positive
    account: AccountId


class NewBuffer(Part, frozen=True, kw_only=True):
    """A batch whose serials all stay in the project's buffer."""

    batch: BatchId
    vintage: Year
    class_: Name = field(name="class")
    unit_g: Annotated[int, Meta(ge=1, le=UNIT_G_MAX)]
    count: Positive


class Issuance(Common, frozen=True, kw_only=True, tag="issuance"):
    """Creates batches for verified reductions of one part of a project in a monitoring period.

    `new_project` (dual review) registers the project in the same entry: both come to be or neither.
    `supersedes`: index of an issuance all of whose serials were cancelled as issued in error.
    `acts` commits to people's acts in milligrams; floored once, it gives `verified_g`.
    """

    project: Name | UnsetType = UNSET
    new_project: NewProject | UnsetType = UNSET
    part: Name
    from_: Date = field(name="from")
    to: Date
    verified_g: Grams
    report_sha256: Sha256
    batches: Annotated[tuple[NewBatch, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    buffer: (
        Annotated[tuple[NewBuffer, ...], Meta(min_length=1, max_length=ITEMS_MAX)] | UnsetType
    ) = UNSET
    acts: Commit | UnsetType = UNSET
    supersedes: Positive | UnsetType = UNSET


class OpeningPart(Part, frozen=True, kw_only=True):
    """Serials of an opening with one status; `account` stands exactly where they are free."""

    first: Positive
    last: Positive
    status: Literal["free", "buffer", "retired", "cancelled"]
    account: AccountId | UnsetType = UNSET
    date: Date | UnsetType = UNSET
    purpose: Text | UnsetType = UNSET


class OpeningSource(Part, frozen=True, kw_only=True):
    """Where the rows came from: kept as facts, proved by nobody."""

    registry: Text
    file_sha256: Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=16)]
    row_sha256: Annotated[tuple[Sha256, ...], Meta(min_length=1, max_length=SOURCE_ROWS_MAX)]
    serial_text: Annotated[
        tuple[Annotated[str, Meta(max_length=SERIAL_TEXT_CHARS_MAX)], ...],
        Meta(max_length=SOURCE_ROWS_MAX),
    ]
    dates: Annotated[tuple[Date, ...], Meta(max_length=SOURCE_ROWS_MAX)]
    serials_assigned: bool


class Opening(Common, frozen=True, kw_only=True, tag="opening"):
    """Takes over a batch from a book elsewhere: "taken over, not proved" wherever it is shown."""

    batch: BatchId
    count: Positive
    unit_g: Annotated[int, Meta(ge=1, le=UNIT_G_MAX)]
    vintage: Year
    parts: Annotated[tuple[OpeningPart, ...], Meta(min_length=1, max_length=OPENING_PARTS_MAX)]
    source: OpeningSource
    class_: Name | UnsetType = field(name="class", default=UNSET)
    source_project: Text | UnsetType = UNSET
