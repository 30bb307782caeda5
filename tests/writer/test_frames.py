"""Frames between API processes and the writer: what goes in comes out, whatever the pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.chain.errors import Broken
from registry.ports import Admitted, Committed, Refused
from registry.writer.frames import (
    FRAME_BYTES_MAX,
    Answer,
    FrameReader,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

ENTRIES = (
    Admitted(note=b"note", text_end=2, signatures=(b"s" * 64,), keys=(b"k" * 32,)),
    Admitted(note=b"other", text_end=3, signatures=(b"s", b"t"), keys=()),
)
OUTCOMES = (
    Committed(index=7, time_ms=8, leaf_hash=b"h" * 32, replayed=False),
    Refused("unknown_signer", {"signer": "a.b+00000000"}, size=9, time_ms=10),
    Committed(index=2, time_ms=3, leaf_hash=b"g" * 32, replayed=True),
    Refused("log_not_open", {}, size=0, time_ms=11),
)


def test_requests_and_answers_come_back_as_they_were() -> None:
    (payload,) = FrameReader().feed(encode_request(5, ENTRIES))
    assert decode_request(payload) == Request(5, ENTRIES)
    for outcomes in (OUTCOMES, OUTCOMES[:1], OUTCOMES[1:2], ()):
        (payload,) = FrameReader().feed(encode_answer(6, outcomes))
        assert decode_answer(payload) == Answer(6, outcomes)


@given(st.lists(st.integers(0, 300), max_size=20))
def test_frames_are_found_in_any_pieces(lengths: list[int]) -> None:
    stream = encode_request(1, ENTRIES) + encode_request(2, ()) + encode_answer(3, OUTCOMES)
    reader = FrameReader()
    payloads: list[bytes] = []
    at = 0
    for length in lengths:
        payloads += reader.feed(stream[at : at + length])
        at += length
    payloads += reader.feed(stream[at:])
    assert decode_request(payloads[0]) == Request(1, ENTRIES)
    assert decode_request(payloads[1]) == Request(2, ())
    assert decode_answer(payloads[2]) == Answer(3, OUTCOMES)
    assert len(payloads) == 3


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x01", b"\x92\x01\x02"])
def test_what_is_no_frame_of_ours_is_broken(payload: bytes) -> None:
    with pytest.raises(Broken):
        decode_request(payload)
    with pytest.raises(Broken):
        decode_answer(payload)


def test_an_answer_with_too_few_refusals_is_broken() -> None:
    with pytest.raises(Broken):
        decode_answer(b"\x93\x01\x91\xc0\x90")


def test_a_length_beyond_the_limit_is_broken() -> None:
    with pytest.raises(Broken):
        FrameReader().feed((FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
