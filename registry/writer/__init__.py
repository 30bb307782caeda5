"""The one writer: it takes in what API processes have checked, commits, and publishes.

Floor 3. The loops own time and the order of effects; what is decided, `registry.ledger` decides.
"""
