"""Time stamps put together: authorities of the settings, certificates of `trust/`, the database."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry.bootstrap.data import DataDirectory, SystemClock, stamping
from registry.chain.errors import Malformed, NotTrusted, Unavailable
from registry.chain.note import parse_note
from registry.chain.stamp import PINNED_BYTES_MAX, Pinned, open_token, parse_pinned
from registry.net.stamping import HttpStampClient
from registry.ports import Stamped
from registry.service.stamping import Authority, Outcome, ask
from registry.settings import read_settings
from registry.store.database import open_for_reading, open_for_writing
from registry.store.stamps import SqlStampStore, read_stamps, stamped_note


@dataclass(frozen=True, slots=True)
class Judged:
    """A kept stamp, and why it does not hold or could not be checked."""

    stamped: Stamped
    fault: NotTrusted | Malformed | Unavailable | None


def read_authorities(data: DataDirectory) -> tuple[Authority, ...]:
    """The authorities that the settings name; Malformed if a URL is none."""
    settings = read_settings(data=data.root)
    return tuple(
        Authority(
            name,
            HttpStampClient(url, settings.stamp_timeout_s),
            partial(read_pinned, pinned_path(data, name)),
        )
        for name, url in sorted(settings.stamp_urls.items())
    )


def pinned_path(data: DataDirectory, name: str) -> Path:
    """Where the certificates of an authority are."""
    return data.trust / f"{name}.pem"


def read_pinned(path: Path) -> Pinned:
    """The certificates in a file; Unavailable if it cannot be read."""
    try:
        with path.open("rb") as file:
            pem = file.read(PINNED_BYTES_MAX + 1)
    except OSError as error:
        raise Unavailable(
            f"the authority's certificates cannot be read: {error.strerror}",
            where=str(path),
            todo="put the authority's root, and its own certificate, there as PEM",
        ) from error
    return parse_pinned(pem, str(path))


def ask_all(data: DataDirectory) -> Iterator[Outcome]:
    """Have each authority stamp the newest checkpoint now, beside the service or without it.

    Raises Unavailable if none is configured, or somebody asks already.
    """
    authorities = read_authorities(data)
    if not authorities:
        raise Unavailable(
            "no time-stamping authority is configured",
            where=str(data.config),
            todo="set stamp_urls, and put its certificates into trust/",
        )
    with stamping(data):
        engine = open_for_writing(data.database)
        with closing(SqlStampStore(engine)) as store:
            for authority in authorities:
                yield ask(authority, store, SystemClock().now_ms())
        engine.dispose()


def judge_all(data: DataDirectory, trust: Path | None = None) -> Iterator[Judged]:
    """Check every stamp that is kept, offline, by the certificates in `trust` (else the log's)."""
    directory = trust or data.trust
    engine = open_for_reading(data.database)
    with engine.connect() as connection:
        for stamped in read_stamps(connection):
            note = stamped_note(connection, stamped.size)
            yield Judged(stamped, _fault(stamped, note, directory / f"{stamped.authority}.pem"))
    engine.dispose()


def _fault(
    stamped: Stamped, note: bytes | None, pinned: Path
) -> NotTrusted | Malformed | Unavailable | None:
    if note is None:
        return NotTrusted("there is no checkpoint of this size")
    try:
        open_token(stamped.token, parse_note(note).text, read_pinned(pinned))
    except (NotTrusted, Malformed, Unavailable) as error:
        return error
    return None
