"""Bytes only: strict parsing, signatures, Merkle tree, notes, checkpoints, tiles and proofs.

The lowest floor. Nothing here knows what a record means, and nothing
reads a clock, a file or the network.
"""
