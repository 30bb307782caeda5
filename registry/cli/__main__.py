"""`python -m registry.cli`: the command line where no script `tanbu` is installed."""

from registry.cli import main

main()
