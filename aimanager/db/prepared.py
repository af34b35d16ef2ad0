"""Selects that are made once, when their module is loaded, and compiled once.

On SQLite they run by the driver's own call inside the transaction that SQLAlchemy has begun: what SQLAlchemy adds to a
statement costs more there than the statement, and a chart asks seven. PostgreSQL's round trips hide it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from sqlalchemy import BigInteger, BindParameter, ColumnElement, Select, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

LEAST, MOST = -(2**63), 2**63 - 1  # Bounds that leave nothing out.


def named(*names: str) -> list[BindParameter[Any]]:
    """Parameters of these names."""
    return [bindparam(name) for name in names]


class Prepared:
    """A select whose parameters are made by `named` and `one_of`."""

    def __init__(self, select: Select[Any]) -> None:
        self._select = select
        self._compiled: tuple[str, list[str], dict[str, Any]] | None = None

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """All rows, as tuples; a value that is a list is for `one_of`."""
        return list(self.each(connection, **values))

    def each(self, connection: Connection, **values: Any) -> Iterator[Any]:
        """The same one by one, so that blobs need not all be there at once. For a loop, which drops each row."""
        if connection.dialect.name != "sqlite":
            yield from connection.execute(self._select, values)
            return
        text, parameters = self.for_driver(connection.dialect, values)
        driver: Any = connection.connection.driver_connection
        cursor = driver.cursor()
        try:
            yield from cursor.execute(text, parameters)
        except driver.Error as error:
            raise in_sqlalchemys_words(text, parameters, error, driver.Error) from error
        finally:
            cursor.close()  # One that is left open would keep the snapshot.

    def first(self, connection: Connection, **values: Any) -> Any:
        """The first row, None without one."""
        return next(iter(self.rows(connection, **values)), None)

    def for_driver(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The statement and its parameters as SQLite's driver takes them."""
        text, names, constants = self._compiled or self._compile(dialect)
        given = {**constants, **values}
        return text, [json.dumps(given[name]) if type(given[name]) is list else given[name] for name in names]

    def _compile(self, dialect: Dialect) -> tuple[str, list[str], dict[str, Any]]:
        compiled: Any = self._select.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._compiled = str(compiled), list(compiled.positiontup or ()), constants
        return self._compiled


def in_sqlalchemys_words(text: str, parameters: list[Any], error: Exception, base: type[Exception]) -> DBAPIError:
    """An error of the driver as SQLAlchemy would have raised it; `base` is the driver's own base of errors."""
    return cast(DBAPIError, DBAPIError.instance(text, parameters, error, base))


class one_of(FunctionElement[bool]):  # noqa: N801 - reads as the function it is
    """Whether a column of integers is one of a list; unlike IN it is one statement, however long the list."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[int], name: str) -> None:
        super().__init__(column, bindparam(name, type_=ARRAY(BigInteger)))


@compiles(one_of, "sqlite")
def _in_json(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"  # noqa: S608 - of compiled clauses


@compiles(one_of, "postgresql")
def _any(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({numbers})"
