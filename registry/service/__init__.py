"""Use cases: what the HTTP interface, the pages and the command line ask of a registry.

Floor 4. Reads go past the write model, straight to a snapshot; writes go to the one writer. What is
returned are frozen views, each with the size that it is as of; what cannot be returned is raised as
one of the four kinds of error, or stands as a refusal.

Refuses to know: HTTP, HTML, which database.

    with reader.snapshot() as snapshot:
        view = holdings.batch(snapshot, "CN-GD-PHCER-2018-000042")
"""
