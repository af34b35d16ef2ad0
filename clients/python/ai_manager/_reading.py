"""What a server has, read back: runs with the summaries of their metrics, and whole histories."""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

from ai_manager import _frames
from ai_manager._columns import FRAME, MAGIC
from ai_manager._frames import Column, Times
from ai_manager._transport import Answer, Transport
from ai_manager.errors import ConfigurationError, ServerError, UnreachableError

PAGE = 5_000  # Runs in one answer.
PIECE = 1 << 20  # Bytes read in one go.
MOST_SAMPLES = 10_000
NAMES = 20  # In one address.


@dataclass(frozen=True)
class MetricSummary:
    """A metric of a run as it is now. `min`, `max` and `mean` are over finite values, None where there is none."""

    last: float
    min: float | None
    max: float | None
    mean: float | None
    points: int


@dataclass(frozen=True)
class RunRecord:
    """A run as the server had it when it was asked."""

    id: int
    project_id: int
    name: str
    status: str
    tags: list[str]
    config: dict[str, Any]
    notes: str
    created_at: datetime
    started_at: datetime
    ended_at: datetime | None
    metrics: dict[str, MetricSummary]
    fields: dict[str, Any] = field(repr=False)  # All that the server says of it.
    url: str
    _reader: Reader = field(repr=False, compare=False)

    @property
    def summary(self) -> dict[str, float | str]:
        """The last value of each metric, and over them the values that the script has set itself."""
        return {**{name: metric.last for name, metric in self.metrics.items()}, **self.fields.get("summary", {})}

    def history(self, name: str, x: str = "step", samples: int | None = None) -> History:
        """All points of a metric: see `Run.history`."""
        return self._reader.history(self.id, name, x, samples)


class Runs:
    """Runs of a project in their order. They are fetched when they are gone through, up to 5,000 by each request."""

    def __init__(
        self,
        reader: Reader,
        project_id: int,
        condition: str | None,
        sort: str | Sequence[str] | None,
        limit: int | None,
    ) -> None:
        keys = [sort] if isinstance(sort, str) else list(sort or ["created"])
        self._query: list[tuple[str, Any]] = [("project_id", project_id), ("summaries", 1)]
        self._query += [("sort", key) for key in keys]
        if condition:
            self._query.append(("filter", condition))
        self._reader, self._limit = reader, limit

    def __iter__(self) -> Iterator[RunRecord]:
        after: str | None = None
        left = self._limit
        while left is None or left > 0:
            query = [*self._query, ("limit", PAGE if left is None else min(left, PAGE))]
            if after:
                query.append(("after", after))
            with self._reader.transport.open("/runs/?" + urlencode(query)) as answer:
                page, after = answer.json(list), answer.header("X-Next-Cursor")
            for fields in page:
                yield self._reader.record(fields)
            if after is None:
                return
            left = None if left is None else left - len(page)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each run. Raises ConfigurationError without pandas."""
        return _frames.to_pandas(self.columns())

    def to_polars(self) -> Any:
        """A `polars.DataFrame` with a row for each run. Raises ConfigurationError without polars."""
        return _frames.to_polars(self.columns())

    def to_arrow(self) -> Any:
        """A `pyarrow.Table` with a row for each run. Raises ConfigurationError without pyarrow."""
        return _frames.to_arrow(self.columns())

    def columns(self) -> dict[str, list[Any]]:
        """A list for each column, of equal lengths: `config.lr`, `metrics.loss`, `metrics.loss.min`, `summary.verdict`."""
        return columns_of(self)


FIRST = ("id", "name", "status", "tags", "created_at", "started_at", "ended_at")


def columns_of(runs: Iterable[RunRecord]) -> dict[str, list[Any]]:
    """Runs as a list for each column, of equal lengths."""
    rows = [row_of(run) for run in runs]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names or FIRST}


def row_of(run: RunRecord) -> dict[str, Any]:
    """A run as cells, settings by their paths."""
    row = {name: getattr(run, name) for name in FIRST}
    row.update(_flat("config", run.config))
    row.update({f"summary.{name}": value for name, value in run.fields.get("summary", {}).items()})
    for name, metric in run.metrics.items():
        row[f"metrics.{name}"] = metric.last
        row.update({f"metrics.{name}.{part}": getattr(metric, part) for part in ("min", "max", "mean")})
    return row


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _flat(f"{prefix}.{name}", part)
    elif value != {}:
        yield prefix, value


class History:
    """The points of a metric of a run, in order of time: pairs of x and value when gone through.

    With samples there is a bucket for each, with its `last` value, and the `min` and `max` among its points, so that no spike is lost.
    """

    def __init__(self, name: str, x_axis: str, x: Any, total_points: int, columns: dict[str, Column]) -> None:
        self.name = name
        self.x_axis = x_axis
        self.x = x  # Steps; seconds; or values of another metric.
        self.values: Any = columns.get("value", columns.get("last"))
        self.total_points = total_points  # Of the metric, also when there are fewer samples.
        self.columns = columns

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self.x, self.values)

    def __repr__(self) -> str:
        return f"<History {self.name!r} over {self.x_axis}: {len(self)} of {self.total_points} points>"

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`. Raises ConfigurationError without pandas."""
        return _frames.to_pandas(self.columns)

    def to_polars(self) -> Any:
        """A `polars.DataFrame`. Raises ConfigurationError without polars."""
        return _frames.to_polars(self.columns)

    def to_arrow(self) -> Any:
        """A `pyarrow.Table`, whose columns are the numbers where they lie. Raises ConfigurationError without pyarrow."""
        return _frames.to_arrow(self.columns)


class Reader:
    """Asks one server as one user. Every method raises what `Transport.call` does."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def projects(self, name: str | None = None) -> Iterator[dict[str, Any]]:
        """The user's projects, newest first, or those of one name."""
        skip, size = 0, 100
        while True:
            query = {"skip": skip, "limit": size, **({} if name is None else {"name": name})}
            with self.transport.open("/projects/?" + urlencode(query)) as answer:
                page = answer.json(list)
            yield from page
            skip += len(page)
            if len(page) < size:
                return

    def project_id(self, name: str) -> int:
        """The number of the project of that name. Raises ConfigurationError when there is none."""
        for project in self.projects(name):
            return int(project["id"])
        raise ConfigurationError(f"there is no project {name!r} on {self.transport.url}")

    def run(self, run_id: int) -> RunRecord:
        """A run with the summaries of its metrics."""
        with self.transport.open(f"/runs/{run_id}") as answer:
            fields = answer.json(dict)
        with self.transport.open(f"/metrics/{run_id}/summary") as answer:
            return self.record({**fields, "metrics": answer.json(list)})

    def record(self, fields: dict[str, Any]) -> RunRecord:
        """The record that the server's own stands for."""
        try:
            return RunRecord(
                **{name: fields[name] for name in ("id", "project_id", "name", "status", "tags", "config", "notes")},
                **{name: _moment(fields[name]) for name in ("created_at", "started_at", "ended_at")},
                metrics={metric["name"]: _summary(metric) for metric in fields.get("metrics") or ()},
                fields=fields,
                url=f"{self.transport.url}/app/runs/{fields['id']}",
                _reader=self,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnreachableError(f"{self.transport.url} does not answer like an AI Manager") from error

    def history(self, run_id: int, name: str, x: str = "step", samples: int | None = None) -> History:
        """The points of a metric; with `samples` at most that many buckets of them."""
        if samples is not None:
            return self._sampled(run_id, name, x, samples)
        steps, values, times = self._points(run_id, name)
        columns: dict[str, Column] = {"step": steps, "value": values, "timestamp": Times(times)}
        if x == "step":
            return History(name, x, steps, len(values), columns)
        if x in ("time", "relative"):
            start = min(times, default=0) if x == "relative" else 0
            over = array("d", [(time - start) / 1e6 for time in times])
            x_axis = x
        else:
            x_axis = x[len("metric:") :] if x.startswith("metric:") else x
            other_steps, other_values, _ = self._points(run_id, x_axis)
            found = dict(zip(other_steps, other_values))
            over = array("d", [found.get(step, float("nan")) for step in steps])
        return History(name, x_axis, over, len(values), {x_axis: over, **columns})

    def _points(self, run_id: int, name: str) -> tuple[array[int], array[float], array[int]]:
        """Steps, values and times (microseconds) of all points of a metric, straight from the connection."""
        path = f"/metrics/{run_id}/history/{quote(name, safe='')}"
        with self.transport.open(path, FRAME) as answer:
            try:
                magic, size, _ = struct.unpack("<8sII", answer.read(16))
                if magic != MAGIC:
                    raise ValueError
                (series,) = json.loads(answer.read(size))["series"].values()
                references = sorted((place, name, kind, count) for name, (kind, place, count) in series.items())
                columns = {name: _numbers(answer, kind, count) for _, name, kind, count in references}
                return columns["steps"], columns["values"], columns["timestamps"]
            except (ValueError, KeyError, TypeError, struct.error) as error:
                raise UnreachableError(f"{self.transport.url} does not answer like an AI Manager") from error

    def _sampled(self, run_id: int, name: str, x: str, samples: int) -> History:
        if not 1 <= samples <= MOST_SAMPLES:
            raise ConfigurationError(f"samples is from 1 to {MOST_SAMPLES}; without it all points come")
        if x not in ("step", "time", "relative") and not x.startswith("metric:"):
            x = "metric:" + x
        chart = self.charts(run_id, [name], samples, x)
        if name not in chart:
            raise ServerError(404, f"run {run_id} has no metric {name!r}")
        return chart[name]

    def charts(self, run_id: int, names: Sequence[str], samples: int, x: str = "step") -> dict[str, History]:
        """Several metrics in one request, those that the run has."""
        query = [*(("name", name) for name in names), ("points", samples), ("x", x)]
        with self.transport.open(f"/metrics/{run_id}/chart?" + urlencode(query)) as answer:
            found = answer.json(dict)
        charts = found.get("charts", [found])
        return {chart["name"]: _bucketed(chart) for chart in charts if "error" not in chart}

    def last_step(self, run_id: int, names: Sequence[str]) -> int:
        """The greatest step of some metrics of a run; -1 without points."""
        parts = (names[at : at + NAMES] for at in range(0, len(names), NAMES))
        charts = (chart for part in parts for chart in self.charts(run_id, part, samples=1).values())
        return max((step for chart in charts for step in chart.x), default=-1)


def _bucketed(chart: dict[str, Any]) -> History:
    x_axis = chart["x_axis"]
    x_axis = x_axis[len("metric:") :] if x_axis.startswith("metric:") else x_axis
    x = array("q" if x_axis == "step" else "d", chart["x"])
    parts = ("last", "min", "max")
    buckets = {part: array("d", [float("nan") if v is None else v for v in chart[part]]) for part in parts}
    return History(chart["name"], x_axis, x, chart["total_points"], {x_axis: x, **buckets})


def _numbers(answer: Answer, kind: str, count: int) -> array[Any]:
    numbers: array[Any] = array({"i8": "q", "f8": "d"}[kind])
    left = 8 * count
    while left:
        piece = answer.read(min(left, PIECE))
        numbers.frombytes(piece)
        left -= len(piece)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _summary(fields: dict[str, Any]) -> MetricSummary:
    return MetricSummary(
        float(fields["current_value"]),  # NaN and the infinities are texts.
        fields["min_value"],
        fields["max_value"],
        fields["mean_value"],
        fields["total_points"],
    )


def _moment(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=timezone.utc)
