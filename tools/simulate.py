"""Simulate a log from one seed: entries of all kinds, a clock, a disk and processes that fail.

    python -m tools.simulate --seed 7 --entries 20000
    python -m tools.simulate --seed 1 --seeds 20 --entries 50000 --json

The same seed does the same, in every process. A run that fails is made smaller, and the one command
that shows the failure again is printed. Exit 0: all runs hold; 1: one does not; 2: usage.

What runs is the real commit loop, writer, stage, rules and publisher; what they stand on is made
here (`tools.simulation`), signatures are stand-ins. What is checked stands in
`tools.simulation.auditor`, what goes wrong in `tools.simulation.faults`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from tools.simulation.auditor import Failure
from tools.simulation.faults import KINDS
from tools.simulation.run import Config, Result, Run
from tools.simulation.shrink import shrink

Simulate = Callable[[Config], Run]


def failure_of(config: Config, simulate: Simulate = Run) -> tuple[Failure, int, int] | None:
    """What a run fails by, the entries until then and the step; None if it holds."""
    run = simulate(config)
    try:
        run.play()
    except Failure as failure:
        return failure, run.result.entries, run.step_number
    return None


def command(config: Config) -> str:
    """The command that does this run again."""
    words = ["python -m tools.simulate", f"--seed {config.seed}", f"--entries {config.entries}"]
    if config.masked:
        words.append(f"--without {','.join(sorted(config.masked))}")
    if config.skipped:
        words.append(f"--skip {format_steps(config.skipped)}")
    return " ".join(words)


def format_steps(steps: Iterable[int]) -> str:
    """Numbers of steps with their runs joined: `3,7-12`."""
    ordered = sorted(steps)
    starts = [n for before, n in pairwise([-2, *ordered]) if n != before + 1]
    ends = [n for n, after in pairwise([*ordered, -2]) if after != n + 1]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def parse_steps(text: str) -> frozenset[int]:
    """What `format_steps` has written; ValueError if it is nothing of the kind."""
    steps: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        steps |= set(range(int(first), int(last or first) + 1))
    return frozenset(steps)


def simulate_all(configs: Sequence[Config], *, as_json: bool, smaller: bool) -> int:
    """Run one after the other; the exit code."""
    total, started = 0, time.process_time()
    for config in configs:
        run, began = Run(config), time.process_time()
        try:
            result = run.play()
        except Failure as failure:
            _tell_failure(config, run, failure, as_json=as_json, smaller=smaller)
            return 1
        seconds = time.process_time() - began
        total += result.entries
        if as_json:
            print(json.dumps(report(config, result, seconds), sort_keys=True), flush=True)
        else:
            print(sentence(config, result, seconds), flush=True)
    if len(configs) > 1 and not as_json:
        seconds = time.process_time() - started
        print(
            f"{len(configs)} seeds hold: {total:,} entries, "
            f"{total / seconds:,.0f} a second of processor time"
        )
    return 0


def report(config: Config, result: Result, seconds: float) -> dict[str, object]:
    """What a run came to, for machines."""
    return {
        "seed": config.seed,
        "entries": result.entries,
        "steps": result.steps,
        "size": result.size,
        "root": result.root,
        "state_root": result.state_root,
        "state_count": result.state_count,
        "starts": result.starts,
        "published": result.published,
        "accepted": dict(result.accepted),
        "refused": dict(result.refused),
        "repeated": result.replayed,
        "malformed": result.malformed,
        "faults": dict(result.faults),
        "cpu_s": round(seconds, 3),
        "entries_per_cpu_s": round(result.entries / seconds),
    }


def sentence(config: Config, result: Result, seconds: float) -> str:
    """What a run came to, for people."""
    faults: Counter[str] = result.faults
    return (
        f"seed {config.seed} holds: {result.entries:,} entries in {result.steps:,} rounds, "
        f"{result.size:,} in the log, {sum(result.refused.values()):,} refused, "
        f"{result.replayed:,} answered again; {faults.total():,} faults of {len(faults)} kinds, "
        f"{result.starts:,} starts, {result.published:,} checkpoints; "
        f"root {result.root[:16]}, state {result.state_root[:16]}; "
        f"{result.entries / seconds:,.0f} entries a second of processor time"
    )


def _tell_failure(
    config: Config, run: Run, failure: Failure, *, as_json: bool, smaller: bool
) -> None:
    found = config
    print(
        f"seed {config.seed} fails in step {run.step_number}, after {run.result.entries:,} "
        f"entries: {failure}",
        file=sys.stderr,
        flush=True,
    )
    if smaller:
        found = shrink(config, failure.check, failure_of)
        again = failure_of(found)
        if again is not None:
            failure = again[0]
    if as_json:
        told = {"seed": config.seed, "check": failure.check, "what": failure.what}
        print(json.dumps(told | {"command": command(found)}, sort_keys=True))
    else:
        print(f"{failure}\n{command(found)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.simulate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=1, help="decides everything (1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on (1)")
    parser.add_argument("--entries", type=int, default=20_000, help="entries per seed (20000)")
    parser.add_argument("--without", default="", metavar="FAULT,…", help=", ".join(KINDS))
    parser.add_argument("--skip", default="", metavar="STEPS", help="steps left out: 3,7-12")
    parser.add_argument("--no-shrink", action="store_true", help="tell a failure as it is")
    parser.add_argument("--json", action="store_true", help="one JSON object per seed")
    given = parser.parse_args(arguments)
    masked = frozenset(filter(None, given.without.split(",")))
    if unknown := masked - set(KINDS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    try:
        skipped = parse_steps(given.skip)
    except ValueError as error:
        parser.error(f"--skip: {error}")
    configs = [
        Config(seed, given.entries, masked, skipped)
        for seed in range(given.seed, given.seed + given.seeds)
    ]
    return simulate_all(configs, as_json=given.json, smaller=not given.no_shrink)


if __name__ == "__main__":
    sys.exit(main())
