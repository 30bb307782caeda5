"""The mappings that come with Tanbu: data, one TOML file per registry (docs/reference/mapping.md).

A package only so that the files are installed with the others.
"""
