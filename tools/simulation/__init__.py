"""A deterministic simulator of one log: its writer, disk, clock, publisher and clients.

One seed decides everything. What judges and commits is the real code (`registry.writer`); what it
stands on, store, tiles, clock and sockets' other end, is made here and fails when the dice say so.
"""
