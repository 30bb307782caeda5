"""`tanbu sample`: the sample book with progress, and what to try with it.

Refuses to know: what is played.
"""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from registry.cli.shell import Exit, current, emit, note, say, words
from registry.net.wire import Receipt
from registry.sample import plot
from registry.sample.offline import tanbu
from registry.sample.once import Check, check_all, verification
from registry.sample.perform import Played, perform
from registry.sample.script import Step

app = typer.Typer()

PORT = 8000
PORT_MAX = 65_535


@app.command()
def sample(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The data directory.")] = Path("var"),
    port: Annotated[int, typer.Option(help="TCP port.", min=1, max=PORT_MAX)] = PORT,
    once: Annotated[
        bool, typer.Option("--once", help="Verify, try a forged copy, audit, and stop.")
    ] = False,
) -> Exit:
    """Play the sample book (no legal effect).

    Makes keys and a log in DIR, starts the service on this machine and plays Guangdong in small
    over HTTP; then stays up until Ctrl-C. A second run opens the same book; an interrupted one
    goes on where it stopped. Everything in it says 样例 SAMPLE.

    \b
    Example:
      tanbu sample --data var --port 8000
    """
    result = Exit.GOOD

    def stay(played: Played) -> None:
        emit(_facts(played), words("Ctrl-C ends the service.", "按 Ctrl-C 结束服务。"))
        with suppress(KeyboardInterrupt):
            played.service.wait()

    def try_all(played: Played) -> None:
        nonlocal result
        checks = [_told(check) for check in check_all(played)]
        holds = all(check.holds for check in checks)
        result = Exit.GOOD if holds else Exit.BAD
        last = words("all holds", "全部成立") if holds else words("NOT all holds", "并非全部成立")
        emit({**_facts(played), "checks": [check._asdict() for check in checks]}, last)

    perform(data, port, _Printer(), try_all if once else stay)
    return result


class _Printer:
    """Tells what the sample does; with --json nothing but the result at the end is on stdout."""

    def __init__(self) -> None:
        self._replayed = 0

    def step(self, number: int, of: int, step: Step, receipt: Receipt) -> None:
        """A line per new entry; those that were there already are counted."""
        if receipt.replayed:
            self._replayed += 1
        else:
            what = words(step.en, step.zh)
            note(f"[{number:>2}/{of}] {what} · " + words("entry", "条目") + f" {receipt.index}")
        if number == of and self._replayed:
            n = self._replayed
            note(words(f"{n} of {of} entries were there already", f"{of} 条中已有 {n} 条在账"))

    def played(self, played: Played) -> None:
        """What to open and what to try."""
        if not current().as_json:
            say("\n".join(_what_to_try(played)))


def _what_to_try(played: Played) -> Iterator[str]:
    cast, url = played.cast, played.service.url
    yield ""
    yield words(
        f"样例 SAMPLE, no legal effect. The book {cast.origin} is open:",
        f"样例 SAMPLE，无法律效力。账本 {cast.origin} 已打开：",
    )
    for path, en, zh in (
        ("/", "overview", "总览"),
        (f"/orders/{plot.ORDER}", "the order and its fulfilment", "裁决及其履行"),
        (f"/retirements/{played.certificate('remediation')}", "its retirement", "对应的注销"),
        (f"/events/{plot.EVENT}", "the event", "活动"),
        (f"/schemes/{plot.COIN}", "the coins and what backs them", "碳币及其支撑"),
        (f"/accounts/{cast.account('firm')}", "an account", "账户"),
    ):
        yield f"  {url}{path}    {words(en, zh)}"
    for en, zh, arguments in (
        ("Verify the retirement offline:", "离线核验该注销：", verification(played)),
        (
            "Audit the whole log:",
            "审计整个账本：",
            ["audit", str(played.place.root), "--trust", str(played.place.trust)],
        ),
    ):
        yield words(en, zh)
        yield f"  {shlex.join([*tanbu(), *arguments])}"


def _told(check: Check) -> Check:
    mark = words("holds", "成立") if check.holds else words("DOES NOT HOLD", "不成立")
    note(f"{mark}: {words(check.en, check.zh)} · {check.seen}")
    return check


def _facts(played: Played) -> dict[str, object]:
    return {
        "origin": played.cast.origin,
        "url": played.service.url,
        "certificate": played.certificate("remediation"),
        "verify": [*tanbu(), *verification(played)],
        "entries": len(played.receipts) + 1,
    }
