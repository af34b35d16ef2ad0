"""The one declarative base; models and the metric store's tables hang on its metadata."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, DateTime, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


# Ids are 64 bits everywhere; SQLite counts up only what it calls INTEGER, which is as wide.
Id = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Every table of the system, so that a run and its points are one backup and one migration history."""

    metadata = MetaData(naming_convention=NAMING)


class Json(TypeDecorator[Any]):
    """A JSON document kept as text: the same bytes on SQLite and PostgreSQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else orjson.loads(value)


def now() -> datetime:
    """The time as it is stored and answered: naive, UTC, microseconds."""
    return datetime.now(UTC).replace(tzinfo=None)


def as_created(context: Any) -> datetime:
    """The default of a second time stamp of a new row: its first one."""
    return context.get_current_parameters()["created_at"]


class Stamped:
    """When a row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(DateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(DateTime, default=as_created, onupdate=now)
