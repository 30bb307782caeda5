"""The rules of ruleset 1, one module per family; each rule judges one kind of entry.

A rule reads and writes the state of its context and returns a refusal or None. What it wrote before
it refused is thrown away by `apply`. Rules compare; every number of a regime comes from a rulebook.
"""
