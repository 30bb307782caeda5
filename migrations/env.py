"""How Alembic reaches the database: by the connection that `registry.store` hands it.

There is no alembic.ini and no offline mode: a step is one transaction on a real database.
"""

from alembic import context

from registry.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
