"""Makers of requests and databases for the store's tests."""

from pathlib import Path

import numpy as np
from sqlalchemy import ForeignKeyConstraint, MetaData
from sqlalchemy.engine import make_url

from aimanager.config import Settings
from aimanager.db.engine import Database
from aimanager.models.base import Base
from aimanager.store import Batch, Column, MetricStore, Receipt, tables
from aimanager.store.console_tables import console_stream

TABLES = (
    tables.metric_name,
    tables.metric_stream,
    tables.metric_unsettled,
    *tables.OF_RUNS,
)


def open_database(url: str, create: bool = True) -> Database:
    """A database with the store's tables; several may be opened on one URL, as processes do."""
    folder = Path(make_url(url).database or ".").parent
    database = Database.open(Settings(data_dir=folder, database_url=url))
    if create:
        with database.writing() as connection:
            Base.metadata.create_all(connection, tables=TABLES)
            # Without the runs, whose deletion takes its rows along.
            alone = console_stream.to_metadata(MetaData())
            alone.constraints -= {one for one in alone.constraints if isinstance(one, ForeignKeyConstraint)}
            alone.create(connection, checkfirst=True)
    return database


def column(name, values, steps=None, times=None) -> Column:
    given = [None if axis is None else np.array(axis, np.int64) for axis in (steps, times)]
    return Column(name, np.array(values, np.float64), *given)


def log(store: MetricStore, run: int, *columns: Column, writer=None, seq=None, fingerprint=None) -> Receipt:
    return store.append(run, 1, Batch(columns, writer, seq, fingerprint))


def bits(values) -> list[int]:
    """Floats as their bits, so that NaN equals itself and 0.0 does not equal -0.0."""
    return np.asarray(values, np.float64).view(np.int64).tolist()


def listed(store: MetricStore, run: int, **page) -> list[tuple]:
    """Points as (id, name, step, bits of the value, time)."""
    points = store.points(run, **page)
    names = [points.names[i] for i in points.name_index]
    columns = (points.ids.tolist(), names, points.steps.tolist(), bits(points.values), points.times.tolist())
    return list(zip(*columns, strict=True))
