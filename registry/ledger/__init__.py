"""What the bytes of the log mean: entry kinds, state, rules, refusals, replay (DESIGN §3, §4, §6).

Pure: no clock, no random, no files, no network, no logging. Given the same records and the same
ruleset number, every function here gives the same verdict on every machine, for ever (law 4).
"""
