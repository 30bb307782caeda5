"""The command line `tanbu`: talks to people and programs, decides nothing, remembers nothing.

One module per command or group of commands; `registry.cli.main` puts them together.
"""

from registry.cli.main import main

__all__ = ["main"]
