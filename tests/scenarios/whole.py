"""What a file of this directory has beyond the form: figures, samples only, totals, a proof.

Refuses to know: the other files; that a refusal is shown by no other is a test over all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.scenarios.play import Played
from tests.scenarios.said import Check, Said

INVENTED = ("样例", "SAMPLE")
OFFLINE = ("retirement", "conversion", "redemption")
"""Kinds of which one is proved in every scenario."""


def missing(text: str, played: Played, where: str) -> list[str]:
    """What the file lacks, each with place and what to do; nothing if it is whole."""
    lines = text.split("\n")
    faults = (*_figures(lines), *_names(lines), *_ending(played), *_shown(played, len(lines) - 1))
    return [f"{where}:{line}: {what}" for line, what in faults]


def _figures(lines: list[str]) -> Iterator[tuple[int, str]]:
    """A number of the head stands in the ledger too."""
    at = next(n for n, line in enumerate(lines, 1) if line.startswith("figures:"))
    head = next(n for n, line in enumerate(lines, 1) if line.startswith("region:"))
    body = "\n".join(lines[head:])
    for figure in re.findall(r"\d[\d,.]*\d|\d", lines[at - 1]):
        if figure not in body:
            yield (
                at,
                f"figures: {figure} does not stand in the ledger below; use it or leave it out",
            )


def _names(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Titles, courts, numbers and persons are visibly samples; a unit of points is a word."""
    for number, line in enumerate(lines, 1):
        for text in re.findall(r'"([^"]*)"', re.sub(r'unit "[^"]*"', "", line)):
            if not any(word in text for word in INVENTED):
                yield number, f'"{text}" might be somebody real; say 样例 or SAMPLE in it'


def _ending(played: Played) -> Iterator[tuple[int, str]]:
    """The last step asserts the totals per status, and not it alone."""
    steps = played.scenario.steps
    last = steps[-1]
    facts = {fact for fact, _, _ in last.facts} if isinstance(last, Check) else set[str]()
    if isinstance(last, Said) or last.subject != "total" or not facts > {"issued", "free"}:
        yield last.line, "the last statement before the proofs is: check total issued …, free …, …"
    if sum(isinstance(step, Check) for step in steps) < 2:
        yield last.line, "nothing but the total is checked; add: check account …"


def _shown(played: Played, end: int) -> Iterator[tuple[int, str]]:
    """A refusal, and a proof of what a stranger cares for."""
    if not played.refusals:
        yield end, "no entry is refused; show one that must be, with refused: <name> at its end"
    about = [report.about for report in played.proved[1:]]
    if any(word in text for text in about for word in OFFLINE):
        return
    what = f"no {', '.join(OFFLINE[:-1])} or {OFFLINE[-1]} is proved"
    proofs = played.scenario.proofs
    if proofs:
        what += f"; what is: {', '.join(about)}"
    yield (proofs[-1].line if proofs else end), f"{what}; add: evidence of [its name]"
