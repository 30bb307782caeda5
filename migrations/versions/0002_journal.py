"""The journal: what the newest commits still have to bring into the tables (adr 0016)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make it, empty: everything that an older version has committed is in the tables."""
    op.create_table(
        "journal",
        sa.Column("first", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("changes", sa.LargeBinary, nullable=False),
        sa.Column("ids", sa.LargeBinary, nullable=False),
        sa.Column("prefixes", sa.LargeBinary, nullable=False),
        sa.Column("subjects", sa.LargeBinary, nullable=False),
        sa.Column("subject_indexes", sa.LargeBinary, nullable=False),
    )
