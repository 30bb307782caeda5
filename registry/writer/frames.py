"""What an API process and the writer say to each other over a socket pair.

A frame is its length as u32 big-endian and that many bytes of msgpack. An API process sends
requests, the writer answers each with as many outcomes, in order; a request's number comes back in
its answer, so that several may be under way. A request without entries asks whether the writer is
there. A frame of another form means that the two are not of one version: Broken.

Refuses to know: sockets, and what an entry means.

    sock.sendall(encode_request(1, entries))
    for payload in FrameReader().feed(sock.recv(65_536)):
        answer = decode_answer(payload)
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from registry.chain.errors import Broken
from registry.ports import Admitted, Committed, Refused

FRAME_BYTES_MAX = 96 * 1024 * 1024
"""More than the largest request may hold (1,000 entries of 64 KiB)."""
_LENGTH_BYTES = 4


class Request(Struct, frozen=True, array_like=True):
    """Entries to be committed, in this order, each for itself."""

    number: int
    entries: tuple[Admitted, ...]


class _Answer(Struct, frozen=True, array_like=True):
    """`outcomes` has None where an entry was refused; `refusals` are those, in order."""

    number: int
    outcomes: tuple[Committed | None, ...]
    refusals: tuple[Refused, ...]


class Answer(Struct, frozen=True):
    """One outcome per entry of the request of the same number."""

    number: int
    outcomes: tuple[Committed | Refused, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_answer = msgspec.msgpack.Decoder(_Answer).decode


def encode_request(number: int, entries: Sequence[Admitted]) -> bytes:
    """The frame of a request."""
    return _frame(_encode((number, entries)))


def decode_request(payload: bytes) -> Request:
    """The request that a frame holds; Broken if it holds none."""
    try:
        return _decode_request(payload)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error


def encode_answer(number: int, outcomes: Sequence[Committed | Refused]) -> bytes:
    """The frame of an answer."""
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    if not refusals:
        return _frame(_encode((number, outcomes, refusals)))
    committed = [None if isinstance(outcome, Refused) else outcome for outcome in outcomes]
    return _frame(_encode((number, committed, refusals)))


def decode_answer(payload: bytes) -> Answer:
    """The answer that a frame holds; Broken if it holds none."""
    try:
        answer = _decode_answer(payload)
    except msgspec.MsgspecError as error:
        raise _unreadable(error) from error
    refusals = iter(answer.refusals)
    try:
        outcomes = tuple([next(refusals) if found is None else found for found in answer.outcomes])
    except StopIteration as error:
        raise _unreadable(error) from error
    return Answer(answer.number, outcomes)


class FrameReader:
    """Puts frames together from the pieces in which a socket delivers them."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece; the payloads of the frames that it completes, in order."""
        buffer = self._buffer
        buffer += data
        payloads: list[bytes] = []
        at = 0
        while len(buffer) - at >= _LENGTH_BYTES:
            start = at + _LENGTH_BYTES
            length = int.from_bytes(buffer[at:start], "big")
            if length > FRAME_BYTES_MAX:
                raise Broken(f"a frame of {length} bytes between the processes of this service")
            if len(buffer) - start < length:
                break
            at = start + length
            payloads.append(bytes(buffer[start:at]))
        del buffer[:at]
        return payloads


def _frame(payload: bytes) -> bytes:
    if len(payload) > FRAME_BYTES_MAX:
        raise Broken(f"a frame of {len(payload)} bytes between the processes of this service")
    return len(payload).to_bytes(_LENGTH_BYTES, "big") + payload


def _unreadable(error: Exception) -> Broken:
    return Broken(
        f"the API process and the writer do not understand each other: {error}",
        todo="start both from the same version",
    )
