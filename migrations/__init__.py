"""Alembic's steps of the schema: forward only (docs/adr/0006)."""
