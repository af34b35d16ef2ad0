"""Time series of metrics: one promise, an engine on SQL and a plain reference in memory."""

from .base import DamagedConsole, DamagedPoints, MetricStore, OutOfTurn, RunDeleted, StoreUnavailable
from .shapes import (
    MOST_OF_GROUP,
    Axis,
    Batch,
    Cell,
    Chart,
    Column,
    Condition,
    GroupChart,
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
    "MOST_OF_GROUP",
    "Axis",
    "Batch",
    "Cell",
    "Chart",
    "Column",
    "Condition",
    "DamagedConsole",
    "DamagedPoints",
    "GroupChart",
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
