"""The distinct values of an indexed column, at the price of one look into the index for each of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def distinct(
    connection: Connection, column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool], most: int | None = None
) -> list[Any]:
    """In their order, the first `most` of them. `where` with the column must be the beginning of an index: from each value the
    scan jumps to the next one, however many rows have it. DISTINCT reads all rows."""
    first = sa.select(column).where(*where).order_by(column).limit(1).scalar_subquery()
    found = sa.select(first.label("value")).cte("found", recursive=True)
    following = sa.select(column).where(*where, column > found.c.value).order_by(column).limit(1).scalar_subquery()
    found = found.union_all(sa.select(following).where(found.c.value.is_not(None)))
    return list(connection.scalars(sa.select(found.c.value).where(found.c.value.is_not(None)).limit(most)))
