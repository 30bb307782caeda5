"""What an audit is given by the shell: workers, a scratch, and a database if there is one.

Protocols only; `registry.store` supplies them, tests bring their own.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from registry.ledger.replay import IdMemory
from registry.ports import Head, StateScratch
from registry.verify.bundle import BundleResult, BundleTask, check_bundle


class Crew(Protocol):
    """Checks bundles, on other cores if there are any."""

    def submit(self, task: BundleTask) -> Sequence[BundleResult]:
        """Hand a task over; results that have come meanwhile, in any order.

        Waits while too many are under way. Raises Broken if a worker has died.
        """
        ...

    def drain(self) -> Sequence[BundleResult]:
        """Wait for all that is under way."""
        ...


class HereCrew:
    """Checks each bundle at once, in the caller's own process."""

    def submit(self, task: BundleTask) -> Sequence[BundleResult]:
        """See `Crew`."""
        return (check_bundle(task),)

    def drain(self) -> Sequence[BundleResult]:
        """See `Crew`."""
        return ()


class AuditIds(IdMemory, Protocol):
    """Ids that can be listed at the end."""

    def items(self) -> Iterator[tuple[bytes, int]]:
        """All ids in byte order, each with the index of its last entry."""
        ...


class Memory(Protocol):
    """Where an audit keeps state and ids outside of its memory."""

    @property
    def state(self) -> StateScratch:
        """The state map."""
        ...

    @property
    def ids(self) -> AuditIds:
        """The ids in use."""
        ...


class StoredBook(Protocol):
    """The database of a data directory, to be compared with what its log says."""

    def records(self, first: int, stop: int) -> Sequence[tuple[bytes, bytes]]:
        """Records with the leaf hashes stored beside them; fewer if some are not there."""
        ...

    def id_items(self) -> Iterator[tuple[bytes, int]]:
        """The stored ids in byte order, each with its index."""
        ...

    def checkpoints(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """The first `limit` of the signed checkpoints of sizes above `after`, by size."""
        ...

    def still(self) -> AbstractContextManager[Head]:
        """The committed head; until the end of the context, all that is read is as of it."""
        ...

    def state_items(self) -> Iterator[tuple[str, bytes]]:
        """The stored state map in byte order of the keys."""
        ...
