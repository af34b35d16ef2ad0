"""Time series of metrics: one promise, an engine on SQL and a plain reference in memory."""

from .base import (
    Axis,
    Batch,
    Chart,
    Column,
    DamagedPoints,
    Head,
    History,
    MetricStore,
    OutOfTurn,
    Points,
    Receipt,
    RunDeleted,
    Series,
    StoreUnavailable,
    Summary,
    Tail,
)
from .memory import MemoryStore
from .sql import SqlStore

__all__ = [
    "Axis",
    "Batch",
    "Chart",
    "Column",
    "DamagedPoints",
    "Head",
    "History",
    "MemoryStore",
    "MetricStore",
    "OutOfTurn",
    "Points",
    "Receipt",
    "RunDeleted",
    "Series",
    "SqlStore",
    "StoreUnavailable",
    "Summary",
    "Tail",
]
