"""The one composition root: a data directory, and the processes of `tanbu serve` (adr 0004).

Floor 7. Here clocks, files, sockets and processes are put together; nothing is decided here.

    supervisor    `tanbu serve`: binds the port, starts the others, ends them in order
    writer        the only one that commits
    publisher     signs, and writes tiles
    api           HTTP workers
"""
