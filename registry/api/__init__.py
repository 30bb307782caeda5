"""The HTTP interface: FastAPI routes, problems, OpenAPI, and the lean way in for entries.

Floor 6. It talks: it neither remembers nor decides (DESIGN §8).
"""
