"""The newest migration: which schema this code reads and writes.

Apart from the schema itself, so that who only reads needs no library for it.
"""

REVISION = "0003"
