"""Pages of lists, the same for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from ..extensions import db

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some of a list; `total` is the length of the whole of it, None where counting costs too much, and `next_cursor`
    where the next page begins, None on the last page and in lists that are paged by number."""

    items: Sequence[Item]
    total: int | None
    next_cursor: str | None = None


def paged(query: sa.Select[Any], skip: int, limit: int) -> Page[Any]:
    """One page, by number, of the objects that an ordered query selects."""
    count = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    items = db.session.scalars(query.offset(skip).limit(limit)).all()
    is_whole = skip == 0 and len(items) < limit
    return Page(items, len(items) if is_whole else db.session.scalar(count) or 0)
