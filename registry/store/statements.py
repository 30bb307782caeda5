"""Statements that run for every entry, compiled once: their text and tuples go to the driver.

Written with SQLAlchemy Core, so that the text is right for the database at hand; executed as text,
because Core's work per row costs more than the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    Engine,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from registry.chain.errors import Broken
from registry.store import schema

CHUNKS = (1, 4, 16, 64, 256)
"""How many keys one question asks for: few texts, so that each stays prepared."""

HEAD_NAMES = ("size", "root", "time_ms", "epoch")
"""What the head is known by when it is swapped."""
SWAP_HEAD = (
    *("new_size", "new_root", "new_time_ms", "new_frontier"),
    *(f"old_{name}" for name in HEAD_NAMES),
)

Texts = dict[int, str]
"""The text that asks for so many keys, by each of CHUNKS."""


@dataclass(frozen=True, slots=True)
class Statements:
    """Texts in the dialect of one database; the parameters stand in the columns' order."""

    swap_head: str
    insert_record: str
    insert_id: str
    insert_leaf: str
    insert_mention: str
    put_state: str
    delete_state: str
    insert_round: str
    empty_journal: str
    get_states: Texts
    find_ids: Texts


def statements_for(engine: Engine) -> Statements:
    """The statements as this engine's database understands them."""

    def text(statement: ClauseElement, order: Sequence[str] = ()) -> str:
        return _text(statement, engine, order)

    def asking(column: Column[Any], *wanted: Column[Any]) -> Texts:
        keys: list[BindParameter[Any]] = [bindparam(f"k{n}") for n in range(max(CHUNKS))]
        return {n: text(select(*wanted).where(column.in_(keys[:n]))) for n in CHUNKS}

    state, entry_id = schema.state.c, schema.entry_id.c
    return Statements(
        swap_head=text(_swap_head(), SWAP_HEAD),
        insert_record=text(_insert(schema.record)),
        insert_id=text(_insert(schema.entry_id)),
        insert_leaf=text(_insert(schema.leaf)),
        insert_mention=text(_insert(schema.mention)),
        put_state=text(_put_state()),
        delete_state=text(delete(schema.state).where(state.key == bindparam("key"))),
        insert_round=text(_insert(schema.journal)),
        empty_journal=text(delete(schema.journal)),
        get_states=asking(state.key, state.key, state.value),
        find_ids=asking(entry_id.id_key, entry_id.id_key, entry_id.idx),
    )


def ask(connection: Connection, texts: Texts, keys: Sequence[Any]) -> list[Any]:
    """The rows for `keys`, each once, in no order."""
    rows: list[Any] = []
    for at in range(0, len(keys), CHUNKS[-1]):
        chunk = tuple(keys[at : at + CHUNKS[-1]])
        size = next(n for n in CHUNKS if n >= len(chunk))
        # The last one again and again, to fill the text that is there.
        chunk += chunk[-1:] * (size - len(chunk))
        rows += connection.exec_driver_sql(texts[size], chunk).all()
    return rows


def _insert(table: Table) -> ClauseElement:
    return insert(table).values({column.name: bindparam(column.name) for column in table.columns})


def _put_state() -> ClauseElement:
    # The same words in PostgreSQL's dialect.
    put = sqlite.insert(schema.state).values(key=bindparam("key"), value=bindparam("value"))
    return put.on_conflict_do_update(index_elements=["key"], set_={"value": put.excluded.value})


def _swap_head() -> ClauseElement:
    """Replace the head if it is still the old one."""
    table = schema.head.c
    old = [getattr(table, name) == bindparam(f"old_{name}") for name in HEAD_NAMES]
    new: dict[str, BindParameter[Any]] = {
        name: bindparam(f"new_{name}") for name in ("size", "root", "time_ms", "frontier")
    }
    return update(schema.head).where(*old).values(new)


def _text(statement: ClauseElement, engine: Engine, order: Sequence[str]) -> str:
    """The statement's text; Broken if its parameters do not stand in a given `order`."""
    compiled = statement.compile(dialect=engine.dialect)
    if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
        raise Broken("this database's driver does not take parameters by position")
    if order and tuple(compiled.positiontup) != tuple(order):
        raise Broken(f"parameters in another order than is relied on: {compiled.positiontup}")
    return str(compiled)
