"""Taking over an existing book: tables of another registry in, `opening` entries out (DESIGN §3).

Pure: no files, no clock, no network. What is read comes as chunks of bytes, what a source's columns
mean as a mapping (`mappings/*.toml`, data that a region adds without code), and what comes out is a
plan: batches to open, rows that are left with the reason, and totals that must agree.

    bytes → read (records) → rows (facts) → match (lots) → layout (batches, entries) → report
"""
