"""Clients: of the HTTP interface, of a published log, and of the writer's socket.

Floor 5, the only home of httpx. Refuses to know: rules, pages, the command line.
"""
