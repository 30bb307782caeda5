"""Two verifiers over every file of the tests: `tanbu verify`, and `tools/verify.py`, its twin.

They share no code and must come to one verdict, at one step. One difference is known: the twin has
no ML-DSA-44. Where tanbu finds that line forged, the twin must say what tanbu says without looking
at it, and name it as not checked.
"""

from __future__ import annotations

from typing import NamedTuple
from unittest.mock import patch

from registry.chain import mldsa
from registry.chain.errors import Malformed, NotTrusted, TanbuError, Unavailable
from registry.verify import verifier
from registry.verify.report import Report, exit_code
from registry.verify.trust import Trust, format_trust
from tools import verify as twin


class Outcome(NamedTuple):
    """The exit code, and the step that fails: 0 for a good file, and outside of the steps."""

    exit: int
    step: int


GOOD = Outcome(0, 0)
FORGED_LINE = "the ML-DSA-44 signature is not good"


def verify(data: bytes, trust: Trust, *, opening: bytes | None = None) -> Report:
    """What `tanbu verify` says or raises; fails where the twin judges otherwise."""
    report, error = _tanbu(data, trust, opening)
    outcome = _outcome(error)
    if error is not None and error.message == FORGED_LINE:
        with patch.object(mldsa, "verify", lambda *_: None):
            outcome = _outcome(_tanbu(data, trust, opening)[1])
    told = by_the_twin(data, trust, opening)
    if outcome != told:
        raise AssertionError(f"tanbu verify: {outcome}, the twin: {told}: {data[:300]!r}")
    if error is not None:
        raise error
    if report is None:
        raise AssertionError("neither a report nor an error")
    return report


def verdict(data: bytes, trust: Trust, opening: bytes | None = None) -> Outcome:
    """The verdict of both."""
    try:
        verify(data, trust, opening=opening)
    except TanbuError as error:
        return _outcome(error)
    return GOOD


def by_the_twin(data: bytes, trust: Trust, opening: bytes | None = None) -> Outcome:
    files = [(f"{n}.json", format_trust(log)) for n, log in enumerate(trust.logs)]
    try:
        said = twin.verify(data, twin.parse_trust(files) if files else {}, opening)
    except twin.Bad as error:
        return Outcome(error.exit, error.step)
    keys = [held.key for log in trust.logs for held in log.log_keys]
    named = any("ML-DSA-44" in sentence.en for sentence in said.not_checked)
    if named != any(len(key) > 1_000 for key in keys):
        raise AssertionError("an ML-DSA-44 line is said to be unchecked where there is one")
    return GOOD


def _tanbu(
    data: bytes, trust: Trust, opening: bytes | None
) -> tuple[Report | None, TanbuError | None]:
    try:
        return verifier.verify(data, trust, opening=opening), None
    except (Malformed, NotTrusted, Unavailable) as error:
        return None, error


def _outcome(error: TanbuError | None) -> Outcome:
    words = error.where.replace(",", "").replace(":", "").split() if error else []
    return Outcome(exit_code(error), int(words[1]) if words[:1] == ["step"] else 0)
