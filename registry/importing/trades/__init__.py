"""An exchange's settlement file: rows of trades in, entries to sign out (DESIGN §8).

Pure, like the package above: a file's bytes and a mapping give a plan, the same for the same file,
so that a file submitted again is the same entries.

    bytes → table (lines) → plan (entries, faults) → [signed, submitted] → results (per row)
"""
