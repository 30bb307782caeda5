"""Regions' regimes as data: one TOML file per region, a source beside every number (law 9).

    bytes → profile (parsed, checked) → values and source of a region's first rulebook

Pure: no files, no clock. The files lie beside the code as package data; the command line reads
them, and those that a city writes for itself (docs/guides/own-profile.md).
"""
