"""What the routes of one process share, and what they may be told."""

from collections.abc import Callable
from dataclasses import dataclass

from registry.api.metrics import Metrics
from registry.ledger.signing import SigningKey
from registry.ports import ReadStore, SealStore, TileSource, WriterClient
from registry.service.admission import Admission
from registry.service.proofs import Prover
from registry.service.publication import PublicationWatch
from registry.service.refusing import RefusalNotes
from registry.service.seals import NoSeals, Sealed
from registry.service.totals import Totals


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`clock_ms`: Unix time. `alone`: started without asking anyone for the highest known size.

    `refusal_key` signs refusal notes; without it, `refusal_key_fault` says why there is none.
    """

    clock_ms: Callable[[], int]
    version: str = "0"
    alone: bool = False
    refusal_key: SigningKey | None = None
    refusal_key_fault: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases over one store, one writer and one place of tiles."""

    reader: ReadStore
    admission: Admission
    watch: PublicationWatch
    prover: Prover
    totals: Totals
    sealed: Sealed
    notes: RefusalNotes
    metrics: Metrics
    settings: ApiSettings

    @classmethod
    def over(
        cls,
        reader: ReadStore,
        writer: WriterClient,
        tiles: TileSource,
        settings: ApiSettings,
        seals: SealStore | None = None,
    ) -> "Services":
        """Put them together."""
        return cls(
            reader=reader,
            admission=Admission(reader, writer, settings.clock_ms),
            watch=PublicationWatch(reader),
            prover=Prover(reader, tiles),
            totals=Totals(reader),
            sealed=Sealed(reader, seals or NoSeals()),
            notes=RefusalNotes(
                reader, settings.clock_ms, settings.refusal_key, settings.refusal_key_fault
            ),
            metrics=Metrics(),
            settings=settings,
        )
