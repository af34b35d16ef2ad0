"""Time series of metrics: one promise, an engine on SQL and a plain reference in memory."""

from .base import (
    Axis,
    Batch,
    Cell,
    Chart,
    Column,
    Condition,
    DamagedPoints,
    Head,
    History,
    MetricStore,
    OutOfTurn,
    Points,
    Rank,
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
    "Cell",
    "Chart",
    "Column",
    "Condition",
    "DamagedPoints",
    "Head",
    "History",
    "MemoryStore",
    "MetricStore",
    "OutOfTurn",
    "Points",
    "Rank",
    "Receipt",
    "RunDeleted",
    "Series",
    "SqlStore",
    "StoreUnavailable",
    "Summary",
    "Tail",
]
