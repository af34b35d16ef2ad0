from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from ..extensions import db

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some of a list, how long the whole of it is if that is known, and the cursor of what follows."""

    items: Sequence[Item]
    total: int | None
    following: str | None = None


def paged(query: sa.Select[Any], skip: int, limit: int) -> Page[Any]:
    """Run an ordered query for one page of objects, and count the rest."""
    count = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    items = db.session.scalars(query.offset(skip).limit(limit)).all()
    whole = skip == 0 and len(items) < limit
    return Page(items, len(items) if whole else db.session.scalar(count) or 0)
