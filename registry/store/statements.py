"""Statements that run for every entry, compiled once: their text and tuples go to the driver.

Written with SQLAlchemy Core, so that the text is right for the database at hand; executed as text,
because Core's work per row costs more than the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, Table, bindparam, delete, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from registry.chain.errors import Broken
from registry.store import schema

CHUNK = 256
"""How many keys one question asks for."""


@dataclass(frozen=True, slots=True)
class Statements:
    """Texts in the dialect of one database; the parameters stand in the columns' order."""

    insert_record: str
    insert_id: str
    insert_leaf: str
    insert_mention: str
    put_state: str
    delete_state: str
    get_states: str
    find_ids: str


def statements_for(engine: Engine) -> Statements:
    """The statements as this engine's database understands them."""

    def text(statement: ClauseElement) -> str:
        return _text(statement, engine)

    ids: list[BindParameter[Any]] = [bindparam(f"k{n}") for n in range(CHUNK)]
    return Statements(
        insert_record=text(_insert(schema.record)),
        insert_id=text(_insert(schema.entry_id)),
        insert_leaf=text(_insert(schema.leaf)),
        insert_mention=text(_insert(schema.mention)),
        put_state=text(_put_state()),
        delete_state=text(delete(schema.state).where(schema.state.c.key == bindparam("key"))),
        get_states=text(
            select(schema.state.c.key, schema.state.c.value).where(schema.state.c.key.in_(ids))
        ),
        find_ids=text(
            select(schema.entry_id.c.id_key, schema.entry_id.c.idx).where(
                schema.entry_id.c.id_key.in_(ids)
            )
        ),
    )


def ask(connection: Connection, text: str, keys: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The rows for `keys`, by a statement that takes CHUNK of them; in no order."""
    rows: list[tuple[Any, Any]] = []
    for at in range(0, len(keys), CHUNK):
        chunk = tuple(keys[at : at + CHUNK])
        # The last one again and again: the text stays the same, and so the prepared statement.
        filled = chunk + chunk[-1:] * (CHUNK - len(chunk))
        rows += [tuple(row) for row in connection.exec_driver_sql(text, filled)]
    return rows


def _insert(table: Table) -> ClauseElement:
    return insert(table).values({column.name: bindparam(column.name) for column in table.columns})


def _put_state() -> ClauseElement:
    # The same words in PostgreSQL's dialect.
    put = sqlite.insert(schema.state).values(key=bindparam("key"), value=bindparam("value"))
    return put.on_conflict_do_update(index_elements=["key"], set_={"value": put.excluded.value})


def _text(statement: ClauseElement, engine: Engine) -> str:
    compiled = statement.compile(dialect=engine.dialect)
    if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
        raise Broken("this database's driver does not take parameters by position")
    return str(compiled)
