"""Questions of one row that every request needs, at the price of the driver's own call, or of a memory.

Who holds this token, whose run is this: through a session each costs ten times what SQLite needs to answer. A lookup
is an ordinary select, compiled once; on SQLite it runs on a connection of its own outside any transaction, so that it
sees every commit that came before it. PostgreSQL's round trip hides the difference, and keeps the pool's care.

Under load even that call is expensive, as it releases the interpreter's lock. So on SQLite an answer is remembered until
a service writes anything, in whichever process: a logout holds at once, and a training loop asks once a second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import PoolProxiedConnection

from .generation import Generation
from .prepared import Prepared, in_sqlalchemys_words

Reader = Callable[[Any], Any] | None
REMEMBERED = 1.0  # Seconds: for a writer that was killed between its commit and saying so.
MOST = 10_000


class Lookups:
    """One-row selects on an engine."""

    def __init__(self, engine: Engine, generation: Generation | None = None) -> None:
        self._engine = engine
        self._generation = generation
        self._answers: dict[tuple[Any, ...], tuple[int, float, tuple[Any, ...]]] = {}
        self._driver_error = engine.dialect.loaded_dbapi.Error
        self._prepared: dict[sa.Select[Any], tuple[Prepared, list[Reader]]] = {}
        # Connections that nobody uses just now; as many are open as were ever used at once.
        self._spare: deque[PoolProxiedConnection] = deque()

    def first(self, statement: sa.Select[Any], **values: Any) -> tuple[Any, ...] | None:
        """The first row, None without one. The statement must be the same object each time."""
        if self._engine.dialect.name != "sqlite":
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as pooled:
                row = pooled.execute(statement, values).first()
                return None if row is None else tuple(row)
        prepared, readers = self._prepared.get(statement) or self._prepare(statement)
        try:
            connection = self._spare.pop()
        except IndexError:
            connection = self._engine.raw_connection()
        text, parameters = prepared.for_driver(self._engine.dialect, values)
        try:
            cells = connection.cursor().execute(text, parameters).fetchone()
        except self._driver_error as error:
            connection.invalidate(error)
            raise in_sqlalchemys_words(text, parameters, error, self._driver_error) from error
        self._spare.append(connection)
        if cells is None:
            return None
        return tuple(cell if read is None else read(cell) for cell, read in zip(cells, readers, strict=True))

    def recall(self, statement: sa.Select[Any], **values: Any) -> tuple[Any, ...] | None:
        """The same, remembered; for rows that only services write."""
        if self._generation is None:
            return self.first(statement, **values)
        # Read before asking: what is written meanwhile makes the answer an old one.
        generation, now = self._generation.read(), time.monotonic()
        key = (statement, *values.values())
        remembered = self._answers.get(key)
        if remembered and remembered[0] == generation and remembered[1] > now:
            return remembered[2]
        row = self.first(statement, **values)
        if row is not None:
            if len(self._answers) >= MOST:
                self._answers = {}
            self._answers[key] = generation, now + REMEMBERED, row
        return row

    def _prepare(self, statement: sa.Select[Any]) -> tuple[Prepared, list[Reader]]:
        dialect = self._engine.dialect
        readers: list[Reader] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
        ]
        self._prepared[statement] = Prepared(statement), readers
        return self._prepared[statement]
