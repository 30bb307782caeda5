"""`tanbu stamp`: time stamps of checkpoints, asked for and checked.

Refuses to know: how authorities are reached, what a token looks like.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from registry.bootstrap.data import DataDirectory
from registry.bootstrap.stamping import ask_all, judge_all
from registry.chain.errors import Unavailable
from registry.cli.shell import Exit, complain, emit, words
from registry.ports import Stamped

app = typer.Typer()

Data = Annotated[Path, typer.Option(metavar="DIR", envvar="TANBU_DATA", help="The data directory.")]


@app.command(name="ask")
def ask(data: Data = Path("var")) -> Exit:
    """Have the newest checkpoint stamped now, by each authority of the settings.

    The service may run; it asks by itself at the interval of the settings. Exit code 3 if an
    authority gave no stamp: nothing is lost, ask again.

    \b
    Example:
      tanbu stamp ask --data var
    """
    kept, missing = [], 0
    for outcome in ask_all(DataDirectory(data)):
        if outcome.fault is not None:
            missing += 1
            complain(str(outcome.fault), outcome.authority)
        elif outcome.stamped is not None:
            kept.append(outcome.stamped)
    emit({"stamps": [_row(s) for s in kept], "missing": missing}, _lines(kept))
    return Exit.UNCHECKED if missing else Exit.GOOD


@app.command(name="check")
def check(
    data: Data = Path("var"),
    trust: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where NAME.pem are [default: DATA/trust]."),
    ] = None,
) -> Exit:
    """Check every time stamp that is kept, offline, by pinned certificates.

    Exit code 1 if one does not hold, 3 if one could not be checked, or there is none.

    \b
    Example:
      tanbu stamp check --data var
    """
    good: list[Stamped] = []
    bad = unchecked = 0
    for judged in judge_all(DataDirectory(data), trust):
        if judged.fault is None:
            good.append(judged.stamped)
            continue
        complain(str(judged.fault), f"stamp {judged.stamped.size} {judged.stamped.authority}")
        if isinstance(judged.fault, Unavailable):
            unchecked += 1
        else:
            bad += 1
    emit({"stamps": [_row(s) for s in good], "bad": bad, "unchecked": unchecked}, _lines(good))
    if bad:
        return Exit.BAD
    return Exit.UNCHECKED if unchecked or not good else Exit.GOOD


def _row(stamped: Stamped) -> dict[str, object]:
    return {"authority": stamped.authority, "size": stamped.size, "time_ms": stamped.time_ms}


def _lines(stamps: list[Stamped]) -> str:
    if not stamps:
        return words("no time stamp", "没有时间戳")
    return "\n".join(_line(s) for s in stamps)


def _line(s: Stamped) -> str:
    time = datetime.fromtimestamp(s.time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return words(
        f"size {s.size}: there at {time}, says {s.authority}",
        f"规模 {s.size}：{s.authority} 证明其在 {time} 已存在",
    )
