"""Checking offline what a log says: evidence files, receipts, and the audit of a whole log.

For those who trust neither operator nor network: a court, an auditor, a peer region, years later.
What is read and spilled comes through ports; nothing here knows a database, a disk or a clock.
A function returns what it has checked, or raises one of the four kinds of error:

    Malformed      the bytes are not of the form                          exit 2
    NotTrusted     checked, and bad                                        exit 1
    Unavailable    could not be checked: no trust, no such rules, no tile  exit 3
    Broken         our bug or our disk                                     exit 1

Reading order: `trust`, `evidence` (the file), `standing` (what a record stands on), `powers` (who
may sign what), `verifier` (the numbered steps), `audit`.
"""
