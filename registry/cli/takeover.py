"""What `tanbu import` needs of a log: what it has taken over, and a way to hand it openings.

The plan of an import knows no log; this is the other side: the openings that a registry holds, the
entries of a plan made, signed with the keys at hand, and submitted a few at a time.

Refuses to know: mappings and tables.

Rules
- openings are submitted in the order of the plan; the first refusal stops the import, and what is
  in the log stays there: running the import again goes on behind it
- the totals of the log are summed over its openings as they stand there, read again at the end
"""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import msgspec

from registry.chain.errors import Malformed, Unavailable
from registry.cli import files
from registry.importing.layout import Draft
from registry.importing.plan import STATUSES
from registry.ledger.codec import format_text
from registry.ledger.dates import DAY_MS
from registry.ledger.entries import Opening
from registry.ledger.ids import UUID_RANDOM_BYTES, uuid7
from registry.ledger.signing import SigningKey, sign_draft
from registry.net.client import LogClient
from registry.net.wire import Problem

PAGE_ENTRIES = 100
AT_ONCE = 20
"""Openings of one submission: what a refusal in the middle leaves unsaid is soon asked again."""
VALID_DAYS = 7


class TakeoverLog(Protocol):
    """A log as an import sees it."""

    region: str
    origin: str

    def openings(self) -> Iterator[Opening]:
        """All openings in the log, in any order."""
        ...

    def check_account(self, account: str) -> None:
        """Unavailable if the account is not in the log."""
        ...

    def submit(self, notes: Sequence[bytes]) -> list[Problem | None]:
        """One outcome per note, in order: None if it is in the log."""
        ...


class RemoteLog:
    """A registry behind its HTTP interface."""

    def __init__(self, client: LogClient) -> None:
        self._client = client
        stats = client.get("/v1/stats")
        self.region = str(stats.get("region", ""))
        self.origin = str(stats.get("origin", ""))
        if not (self.region and self.origin):
            raise Unavailable("the log has no genesis yet", where=client.url, todo="tanbu init")

    def openings(self) -> Iterator[Opening]:
        """All openings, newest first; Unavailable if one cannot be read."""
        query: dict[str, str | int] = {"kind": "opening", "limit": PAGE_ENTRIES}
        while True:
            page = self._client.get("/v1/entries", query)
            for line in page["entries"]:
                try:
                    yield msgspec.convert(line["entry"], Opening)
                except msgspec.ValidationError as error:
                    raise Unavailable(
                        f"an opening that this release cannot read: {error}",
                        where=f"entry {line.get('index')}",
                    ) from error
            if not page.get("next"):
                return
            query["cursor"] = str(page["next"])

    def check_account(self, account: str) -> None:
        """Unavailable if the account is not in the log."""
        self._client.get(f"/v1/accounts/{quote(account, safe='')}")

    def submit(self, notes: Sequence[bytes]) -> list[Problem | None]:
        """One outcome per note, in order; Unavailable if it stays open."""
        return [
            result.problem if isinstance(result.problem, Problem) else None
            for result in self._client.submit(notes)
        ]


@dataclass(frozen=True, slots=True)
class Scribe:
    """Makes entries of drafts: with these signers, signed with the keys at hand."""

    origin: str
    keys: tuple[SigningKey, ...]
    signers: tuple[str, ...]

    def write(self, draft: Draft) -> bytes:
        """The draft of an entry: its text, and a line for every key at hand."""
        now_ms = time.time_ns() // 1_000_000
        entry = draft.entry(
            entry_id=uuid7(now_ms, secrets.token_bytes(UUID_RANDOM_BYTES)),
            not_after=now_ms + VALID_DAYS * DAY_MS,
            signers=self.signers,
        )
        text = format_text(self.origin, entry)
        return sign_draft(text, self.keys) if self.keys else text


def scribe(origin: str, keys: Sequence[SigningKey], others: Sequence[str]) -> Scribe:
    """A scribe for keys at hand and for signers elsewhere; Malformed without any."""
    signers = sorted({*(key.signer for key in keys), *others})
    if not signers:
        raise Malformed(
            "an opening is signed by operator and authority",
            where="--key",
            todo="give --key FILE for each key at hand, and --signer NAME+ID with --drafts",
        )
    return Scribe(origin, tuple(keys), tuple(signers))


@dataclass(frozen=True, slots=True)
class Submitted:
    """How far a submission came: `count` openings in the log, then perhaps a refusal."""

    count: int
    batch: str = ""
    problem: Problem | None = None


def submit(log: TakeoverLog, drafts: Iterable[Draft], scribe: Scribe) -> Iterator[Submitted]:
    """Submit openings a few at a time and say after each how far it came; ends at a refusal."""
    count = 0
    pending = iter(drafts)
    while group := list(islice(pending, AT_ONCE)):
        outcomes = log.submit([scribe.write(draft) for draft in group])
        # Each entry stands for itself: those behind a refused one may well be in the log.
        refused = [
            (draft.batch, problem)
            for draft, problem in zip(group, outcomes, strict=True)
            if problem is not None
        ]
        count += len(group) - len(refused)
        if refused:
            batch, problem = refused[0]
            yield Submitted(count, batch, problem)
            return
        yield Submitted(count)


def write_drafts(directory: Path, drafts: Iterable[Draft], scribe: Scribe) -> int:
    """Write each opening into its own file, named by its batch; how many there were."""
    count = 0
    for draft in drafts:
        files.write_new(directory / f"{draft.batch}.draft", scribe.write(draft))
        count += 1
    return count


def log_grams(log: TakeoverLog, batches: Iterable[str]) -> dict[str, int]:
    """Grams by status over the log's openings of these batches."""
    wanted = set(batches)
    grams = dict.fromkeys(STATUSES, 0)
    for opening in log.openings():
        if opening.batch in wanted:
            for part in opening.parts:
                grams[part.status] += (part.last - part.first + 1) * opening.unit_g
    return grams
