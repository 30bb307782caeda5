"""Refusal notes: a refused entry is answered with the operator's signature (DESIGN §3).

A court whose freeze was refused can show that it arrived, when, and what it was told. An API
process signs, after the writer has answered; the writer knows nothing of it.

Rules
- what is well-formed and refused gets a note, transient refusals too; a malformed entry gets none,
  for nothing was judged; nor does a dry run, for nothing was submitted
- the key must be one of the log's operator, enrolled and in force: that is asked of the log every
  CHECK_S seconds at most. Without such a key refusals are answered without a note, and `fault` says
  why: nobody is refused an answer for want of a signature

Refuses to know: where the key is kept.
"""

import asyncio
from collections.abc import Callable

from registry.chain.errors import TanbuError
from registry.ledger import values as v
from registry.ledger.apply import in_force
from registry.ledger.refusal_note import RefusalText, sign_refusal, text_sha256
from registry.ledger.signing import SigningKey
from registry.ledger.state import StateReader, decode_value
from registry.ports import ReadStore, Refused

CHECK_S = 2.0
"""How long a revoked key may still sign."""
NO_KEY = "there is no key for them"


class RefusalNotes:
    """Signs notes by `key`; without one, `fault` says why there is none. One per API process."""

    def __init__(
        self,
        reader: ReadStore,
        clock_ms: Callable[[], int],
        key: SigningKey | None = None,
        fault: str = "",
    ) -> None:
        self._reader = reader
        self._clock_ms = clock_ms
        self._key = key
        self._fault = "" if key else fault or NO_KEY
        self._origin = ""
        self._checked_s: float | None = None

    async def sign(self, note: bytes, refused: Refused) -> str | None:
        """The note of an entry's refusal; None while there is no key that may sign it."""
        if self._key is None or await self.fault():
            return None
        said = RefusalText(
            number=refused.number,
            size=refused.size,
            text_sha256=text_sha256(note),
            time_ms=refused.time_ms,
        )
        return sign_refusal(self._origin, said, self._key).decode()

    async def state(self) -> str:
        """Who signs, or why nobody does: for /readyz."""
        fault = await self.fault()
        if fault or self._key is None:
            return f"none: {fault}"
        return f"signed by {self._key.signer}"

    async def fault(self) -> str:
        """Why no notes are signed; empty if they are."""
        if self._key is None:
            return self._fault
        now_s = asyncio.get_running_loop().time()
        if self._checked_s is None or now_s - self._checked_s > CHECK_S:
            self._origin, self._fault = await asyncio.to_thread(self._check, self._key)
            self._checked_s = now_s
        return self._fault

    def _check(self, key: SigningKey) -> tuple[str, str]:
        """The log's origin, and why the key may not sign for it. What the store says is no answer

        to the submitter, who has one already.
        """
        try:
            with self._reader.snapshot() as snapshot:
                return check_key(snapshot.state, key, self._clock_ms())
        except TanbuError as error:
            return "", error.message


def check_key(state: StateReader, key: SigningKey, now_ms: int) -> tuple[str, str]:
    """The log's origin, and why the key may not sign its refusal notes (empty: it may)."""
    name = f"key/{key.signer}"
    found = {at: decode_value(at, data) for at, data in state.get_many((v.LOG, name)).items()}
    log, held = found.get(v.LOG), found.get(name)
    if not isinstance(log, v.Log):
        return "", "the log has no genesis yet"
    if key.holder != log.operator:
        return log.origin, f"{key.signer} is no key of the operator {log.operator}"
    if not isinstance(held, v.Key) or held.key != key.vkey:
        return log.origin, f"the key {key.signer} is not enrolled in the log"
    if not in_force(held, now_ms):
        return log.origin, f"the key {key.signer} is not in force any more"
    return log.origin, ""
