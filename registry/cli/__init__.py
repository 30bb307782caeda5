"""The command line `tanbu`: talks to people and programs, decides nothing, remembers nothing.

One module per command or group of commands; `registry.cli.edge` puts them together.
"""

from registry.cli.edge import main

__all__ = ["main"]
