"""Taking in entries: parse, resolve keys, verify signatures, hand to the writer, wait.

This is the hot path (DESIGN §7): the writer gets what is well-formed and carries good signatures,
and judges it alone. A signer whose key is not in the log yet may be enrolled by an entry on its
way: then the entry goes on unverified, without keys, and the writer verifies it itself.

Rules
- one outcome per note, in order; a bad note does not hurt the others
- the key text under `<holder>+<key id>` never changes, so it is kept; whether the key is *in force*
  is not judged here
- a signature found bad is no verdict yet: the refusal comes from a dry run of `apply`, so that the
  first rule broken is the one that is named
- between entries of a large request others get their turn

    admission = Admission(reader, writer, clock_ms)
    (outcome,) = await admission.submit((note,))
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry.chain import ed25519
from registry.chain.errors import Malformed, NotTrusted
from registry.ledger import values as v
from registry.ledger.apply import public_key_of
from registry.ledger.codec import Parsed, parse_entry
from registry.ledger.refusals import refuse
from registry.ports import Admitted, Committed, ReadStore, Refused, WriterClient
from registry.service import dryrun
from registry.service.reading import find_many

REQUEST_ENTRIES_MAX = 1_000
TURN_ENTRIES = 50
"""After so many entries of one request others get their turn: 3 to 4 ms of verification."""
KEYS_MAX = 65_536
"""Public keys kept per process, about 230 bytes each."""

Outcome = Committed | Refused | Malformed


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A note that parsed, and where its outcome belongs."""

    position: int
    parsed: Parsed


class Admission:
    """One per API process; `clock_ms` is used for dry runs alone."""

    def __init__(
        self, reader: ReadStore, writer: WriterClient, clock_ms: Callable[[], int]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock_ms = clock_ms
        self._keys: dict[str, bytes] = {}

    async def submit(self, notes: Sequence[bytes]) -> list[Outcome]:
        """One outcome per note, in order; at most REQUEST_ENTRIES_MAX, which the caller checks.

        Raises Unavailable if the writer is gone, Overloaded if too much waits for it.
        """
        outcomes: list[Outcome | None] = [None] * len(notes)
        candidates = await self._parse(notes, outcomes)
        await self._resolve(candidates)
        admitted, positions = await self._verify(candidates, outcomes)
        if admitted:
            answers = await self._writer.submit(admitted)
            for position, answer in zip(positions, answers, strict=True):
                outcomes[position] = answer
        return [outcome for outcome in outcomes if outcome is not None]

    async def submit_one(self, note: bytes) -> Outcome:
        """The same for one note, without the means for many."""
        try:
            parsed = parse_entry(note)
        except Malformed as error:
            return error
        known = self._keys
        for signer in parsed.entry.signers:
            if signer not in known:
                await self._resolve((_Candidate(0, parsed),))
                break
        keys = self._verified_by(parsed)
        if isinstance(keys, str):
            return await self._refusal_of(parsed, keys)
        admitted = Admitted(note, len(parsed.text), parsed.signatures, keys)
        (outcome,) = await self._writer.submit((admitted,))
        return outcome

    async def alive(self) -> None:
        """Return if the writer answers; Unavailable otherwise."""
        await self._writer.submit(())

    async def _parse(
        self, notes: Sequence[bytes], outcomes: list[Outcome | None]
    ) -> list[_Candidate]:
        candidates = []
        for position, note in enumerate(notes, 1):
            try:
                candidates.append(_Candidate(position - 1, parse_entry(note)))
            except Malformed as error:
                outcomes[position - 1] = error
            if position % (4 * TURN_ENTRIES) == 0:
                await asyncio.sleep(0)
        return candidates

    async def _resolve(self, candidates: Sequence[_Candidate]) -> None:
        """Read the keys that are not known yet, in one question, beside the event loop."""
        keys = self._keys
        missing = {
            signer
            for candidate in candidates
            for signer in candidate.parsed.entry.signers
            if signer not in keys
        }
        if missing:
            found = await asyncio.to_thread(self._read_keys, sorted(missing))
            while keys and len(keys) + len(found) > KEYS_MAX:
                del keys[next(iter(keys))]  # the oldest; a key in use comes back with one read
            keys.update(found)

    def _read_keys(self, signers: list[str]) -> dict[str, bytes]:
        with self._reader.snapshot() as snapshot:
            found = find_many(snapshot, [f"key/{signer}" for signer in signers], v.Key)
        return {key[4:]: public_key_of(value.key) for key, value in found.items()}

    async def _verify(
        self, candidates: Sequence[_Candidate], outcomes: list[Outcome | None]
    ) -> tuple[list[Admitted], list[int]]:
        admitted: list[Admitted] = []
        positions: list[int] = []
        for count, candidate in enumerate(candidates, 1):
            parsed = candidate.parsed
            keys = self._verified_by(parsed)
            if isinstance(keys, str):
                outcomes[candidate.position] = await self._refusal_of(parsed, keys)
                continue
            admitted.append(Admitted(parsed.note, len(parsed.text), parsed.signatures, keys))
            positions.append(candidate.position)
            if count % TURN_ENTRIES == 0:
                await asyncio.sleep(0)
        return admitted, positions

    def _verified_by(self, parsed: Parsed) -> tuple[bytes, ...] | str:
        """The keys by which all signatures are good; none if a signer is not known yet.

        A signer's name, if its signature is bad.
        """
        known = self._keys
        found = []
        complete = True
        for signer, signature in zip(parsed.entry.signers, parsed.signatures, strict=True):
            key = known.get(signer)
            if key is None:
                complete = False
                continue
            try:
                ed25519.verify(key, signature, parsed.text)
            except (NotTrusted, Malformed):
                return signer
            found.append(key)
        return tuple(found) if complete else ()

    async def _refusal_of(self, parsed: Parsed, signer: str) -> Outcome:
        """Which rule an entry with a bad signature breaks first."""
        (verdict,), size = await asyncio.to_thread(self.check, (parsed.note,))
        if isinstance(verdict, Refused):
            return verdict
        bad = refuse("bad_signature", signer=signer)
        return Refused(bad.name, bad.fields, size, self._clock_ms())

    def check(self, notes: Sequence[bytes]) -> tuple[list[dryrun.Verdict], int]:
        """What would become of the notes, in this order, if they were submitted now; as of which

        size that is said.
        """
        with self._reader.snapshot() as snapshot:
            return dryrun.check(snapshot, notes, self._clock_ms()), snapshot.head.size
