"""Both clocks of a machine, set by a test: loaded by every process that it starts (PYTHONPATH).

The file that TANBU_TEST_CLOCK names holds the time in ms, 8 bytes big-endian. Wall clock and steady
clock move together, as those of a machine that slept: so a service can be led through years.
"""

import mmap
import os
import time

_REAL_CLOCK_NS = time.clock_gettime_ns


def _set(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123 (loaded at every start: nothing more is imported)
        shown = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)

    def now_ns() -> int:
        return int.from_bytes(shown[:8], "big") * 1_000_000

    def clock_ns(clock: int) -> int:
        return now_ns() if clock == time.CLOCK_BOOTTIME else _REAL_CLOCK_NS(clock)

    time.time_ns = now_ns
    time.time = lambda: now_ns() / 1e9
    time.clock_gettime_ns = clock_ns


if "TANBU_TEST_CLOCK" in os.environ:
    _set(os.environ["TANBU_TEST_CLOCK"])
