"""Time series of metrics: one promise, an engine on SQL and a plain reference in memory."""

from .base import DamagedPoints, MetricStore, OutOfTurn, RunDeleted, StoreUnavailable
from .shapes import (
    Axis,
    Batch,
    Cell,
    Chart,
    Column,
    Condition,
    Head,
    History,
    Points,
    Rank,
    Receipt,
    Series,
    Summary,
    Tail,
)
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
