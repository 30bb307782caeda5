"""The ceiling: how many signatures PyNaCl verifies per second on all cores, doing nothing else."""

import multiprocessing
import os
import time

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

MESSAGE_BYTES = 340
_BETWEEN_LOOKS_AT_THE_CLOCK = 500


def verify_ceiling_per_s(seconds: float, processes: int | None = None) -> float:
    """Verifications per second, summed over one process per core, each for `seconds`."""
    count = processes or os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        pool.map(_verify_for, [0.05] * count)  # start-up is not measured
        return sum(pool.map(_verify_for, [seconds] * count, chunksize=1))


def _verify_for(seconds: float) -> float:
    public_key, private_key = crypto_sign_seed_keypair(b"c" * 32)
    signed = crypto_sign(b"m" * MESSAGE_BYTES, private_key)
    done = 0
    start = time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        for _ in range(_BETWEEN_LOOKS_AT_THE_CLOCK):
            crypto_sign_open(signed, public_key)
        done += _BETWEEN_LOOKS_AT_THE_CLOCK
    return done / spent
