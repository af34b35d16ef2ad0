"""Columns as tables of pandas, polars and Arrow, each imported when it is asked for."""

from __future__ import annotations

import importlib
import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Union

from ai_manager.errors import ConfigurationError


class Times:
    """A column of times, in microseconds since 1970."""

    def __init__(self, microseconds: array[int]) -> None:
        self.microseconds = microseconds


Column = Union[Times, "array[int]", "array[float]", Sequence[Any]]
Columns = Mapping[str, Column]


def to_arrow(columns: Columns) -> Any:
    """A `pyarrow.Table`; numbers stay where they lie in memory. Raises ConfigurationError without pyarrow."""
    arrow = _package("pyarrow", "to_arrow")

    def converted(column: Column) -> Any:
        if isinstance(column, Times):
            return _lying(arrow.timestamp("us", tz="UTC"), column.microseconds)
        if isinstance(column, array):
            return _lying(arrow.int64() if column.typecode == "q" else arrow.float64(), column)
        return arrow.array(uniform(column))

    def _lying(kind: Any, numbers: array[Any]) -> Any:
        return arrow.Array.from_buffers(kind, len(numbers), [None, arrow.py_buffer(numbers)])

    return arrow.table({name: converted(column) for name, column in columns.items()})


def to_pandas(columns: Columns) -> Any:
    """A `pandas.DataFrame`. Raises ConfigurationError without pandas."""
    pandas = _package("pandas", "to_pandas")
    numpy = importlib.import_module("numpy")  # pandas cannot be without it.

    def converted(column: Column) -> Any:
        if isinstance(column, Times):
            moments = numpy.frombuffer(column.microseconds, "i8").astype("M8[us]")
            return pandas.Series(moments).dt.tz_localize("UTC")
        if isinstance(column, array):
            return numpy.frombuffer(column, column.typecode).copy()
        return uniform(column)

    return pandas.DataFrame({name: converted(column) for name, column in columns.items()})


def to_polars(columns: Columns) -> Any:
    """A `polars.DataFrame`. Raises ConfigurationError without polars."""
    polars = _package("polars", "to_polars")

    def converted(column: Column) -> Any:
        if isinstance(column, Times):
            moments = polars.Series(column.microseconds.tolist(), dtype=polars.Int64)
            return moments.cast(polars.Datetime("us", "UTC"))
        if isinstance(column, array):
            return polars.Series(column.tolist(), dtype=polars.Int64 if column.typecode == "q" else polars.Float64)
        return polars.Series(uniform(column))

    return polars.DataFrame({name: converted(column) for name, column in columns.items()})


def uniform(column: Sequence[Any]) -> list[Any]:
    """Values of one type, None where there is none: whole and other numbers become floats, and what does not go together texts."""
    kinds = {type(value) for value in column if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in column]
    if kinds == {int} and not all(value is None or -(2**63) <= value < 2**63 for value in column):
        return [None if value is None else str(value) for value in column]
    if len(kinds) <= 1 and dict not in kinds and (list not in kinds or _are_words(column)):
        return list(column)
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in column]


def _are_words(column: Sequence[Any]) -> bool:
    return all(isinstance(word, str) for words in column if words is not None for word in words)


def _package(name: str, method: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(f"{method}() needs the package {name}: pip install {name}") from error
