"""Time stamps: what authorities have said of the time of checkpoints (RFC 3161)."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table, empty, and the triggers that keep it append-only."""
    op.create_table(
        "stamp",
        sa.Column("size", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("authority", sa.Text, primary_key=True),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER stamp_no_{verb.lower()} BEFORE {verb} ON stamp "
            "BEGIN SELECT RAISE(ABORT, 'stamp is append-only'); END"
        )
