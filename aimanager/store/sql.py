"""The metric store in an SQL database, SQLite or PostgreSQL: what is kept where, and how it is read."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import case, func, select, update
from sqlalchemy.engine import Connection

from ..db import keyset, matching
from ..db.engine import Database
from ..db.prepared import Prepared, named, one_of
from .base import DamagedPoints, MetricStore, RunDeleted
from .chunks.frame import Line, concatenated
from .names import Names
from .read import against, group, many, page, spans, sparks, zoom
from .read.ranking import Ranking
from .read.reader import NOTHING, Reader
from .shapes import (
    MOST_OF_GROUP,
    PIECE,
    Axis,
    Batch,
    Bound,
    Branch,
    Cell,
    Chart,
    Clock,
    Condition,
    Floats,
    GroupChart,
    Head,
    History,
    Ints,
    Points,
    Rank,
    Receipt,
    Series,
    Size,
    Statistic,
    Summary,
    Tail,
    now,
)
from .statements import Statements
from .summary import RunningSummary
from .tables import DELETING, FINISHED, LIVE, metric_series, metric_stream
from .upkeep import branches
from .upkeep.rounds import Upkeep
from .upkeep.sizes import size_of
from .write.ingest import Ingest
from .write.request import stream_row

(_RUN,) = named("run")
_st, _s = metric_stream.c, metric_series.c


class _Stream(NamedTuple):
    next_id: int
    ordered: int
    first_ts: int | None
    gone: int
    rewound_id: int


_STREAM = Prepared(
    select(_st.next_id, _st.ordered, _st.first_ts, _st.gone, _st.rewound_id).where(
        _st.run_no == _RUN, _st.state < DELETING
    )
)
_HEADS = Prepared(
    select(_st.run_no, _st.next_id, _st.gone, _st.heard_at).where(
        one_of(_st.run_no, "runs"), _st.state < DELETING, _st.heard_at > 0
    )
)
_LENGTHS = Prepared(
    select(_s.run_no, _s.metric_id, _s.n)
    .where(one_of(_s.run_no, "runs"), one_of(_s.metric_id, "metrics"))
    .order_by(_s.run_no)
)
_AT_ONCE = 2_000_000  # Points of short series that are read together.
_STREAMS = Prepared(
    select(_st.run_no, _st.next_id, _st.first_ts).where(one_of(_st.run_no, "runs"), _st.state < DELETING)
)
_of_run = (_s.run_no == _RUN, one_of(_s.metric_id, "metrics"))
_PRESENT = Prepared(select(_s.metric_id).where(*_of_run))
_COUNT = Prepared(select(func.coalesce(func.sum(_s.n), 0)).where(*_of_run))
_seen = select(metric_series).join(metric_stream, (_st.run_no == _s.run_no) & (_st.state < DELETING))
_SUMMARIES = Prepared(_seen.where(one_of(_s.run_no, "runs")))
_SOME_SUMMARIES = Prepared(_seen.where(one_of(_s.run_no, "runs"), one_of(_s.metric_id, "metrics")))
_SeriesRow = namedtuple("_SeriesRow", metric_series.c.keys())  # type: ignore[misc]  # Named as RunningSummary wants it.
_NAMES = Prepared(_seen.with_only_columns(_s.metric_id).where(one_of(_s.run_no, "runs")).distinct())


class SqlStore(MetricStore):
    """Points are in a log at first and in chunks later; summaries are rows. Thread-safe; processes may share a database."""

    def __init__(self, database: Database, clock: Clock = now) -> None:
        self._database = database
        self._sql = Statements(database.engine.dialect)
        self._names = Names(self._sql)
        self.upkeep = Upkeep(database, self._sql, clock)
        self._ingest = Ingest(database, self._names, self._sql, clock, self.upkeep.sealer.note)
        self._ranking = Ranking(database, self._names)
        self.closed = False

    def append(self, run: int, project: int, batch: Batch) -> Receipt:
        if self.closed:
            raise RuntimeError("the store is closed")
        receipt = self._ingest.append(run, project, batch)
        return self.as_first_time(run, batch, receipt) if receipt.repeated else receipt

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One snapshot; what turns out to be damaged gets the name of its metric."""
        with self._database.reading() as connection:
            try:
                yield connection
            except DamagedPoints as damage:
                damage.name = self._names.of(connection, [damage.metric]).get(damage.metric)
                raise

    def _named(self, connection: Connection, run: int, metrics: Collection[int]) -> dict[int, str]:
        """The names of metrics that a run's points say they are of."""
        names = self._names.of(connection, metrics)
        for metric in metrics:
            if metric not in names:
                raise DamagedPoints(run, metric, 0, "a metric without a name")
        return names

    def points(self, run: int, name: str | None = None, skip: int = 0, limit: int = 1000) -> Points:
        with self._reading() as connection:
            stream = _stream(connection, run)
            metrics = None if name is None else set(self._names.find(connection, [name]).values())
            if stream is None or metrics == set():
                return listed({}, {}, 0, 0, 0)
            total = stream.next_id - 1 - stream.gone if metrics is None else _count(connection, run, metrics)
            reader = Reader(connection, run)
            if not stream.ordered:
                lines = reader.lines(metrics)
            else:
                # Place by time is place by id: only what the page is made of is read.
                if metrics is None:
                    first, last = skip + 1, skip + limit
                    if stream.gone:
                        first, last = spans.of_run(connection, run).ids(skip, limit)
                    lines = reader.lines(first=first, last=last)
                else:
                    lines = {metric: page.page(reader, metric, skip, limit) for metric in metrics}
                skip = 0
            return listed(lines, self._named(connection, run, lines), skip, limit, total)

    def series(self, run: int, name: str) -> Series | None:
        with self._reading() as connection:
            metrics = set(self._names.find(connection, [name]).values())
            stream = _stream(connection, run)
            if not metrics or stream is None:
                return None
            for line in Reader(connection, run).lines(metrics).values():
                line = line if stream.ordered else line.by_time()
                return Series(name, line.ids, line.steps, line.values, line.times)
            return None

    def history(self, run: int, name: str, rows: int = PIECE) -> History | None:
        with self._reading() as connection:
            stream = _stream(connection, run)
            metrics = set(self._names.find(connection, [name]).values())
            total = _count(connection, run, metrics)
        if stream is None or not total:
            return None
        if stream.ordered and total > rows:
            # What was there is first by id for good, and by id is by time.
            return History(name, total, lambda: self._pieces(run, name, total, rows, stream.rewound_id))
        series = self.series(run, name)
        return None if series is None else History(name, len(series.ids), lambda: iter([series]))

    def _pieces(self, run: int, name: str, total: int, rows: int, rewound_id: int) -> Iterator[Series]:
        """The first points of a metric by id, each piece in a snapshot of its own."""
        for skip in range(0, total, rows):
            with self._reading() as connection:
                stream = _stream(connection, run)
                if stream is None or stream.rewound_id != rewound_id:
                    raise RunDeleted(f"run {run} was deleted or rewound meanwhile")
                (metric,) = self._names.find(connection, [name]).values()
                line = page.page(Reader(connection, run), metric, skip, min(rows, total - skip))
            yield Series(name, line.ids, line.steps, line.values, line.times)

    def since(self, run: int, last_id: int, limit: int = 20_000) -> Tail:
        with self._reading() as connection:
            stream = _stream(connection, run)
            head = stream.next_id - 1 if stream else 0
            if head <= last_id or limit < 1:
                return Tail(min(last_id, head), [], head <= last_id)
            assert stream is not None  # noqa: S101 - else there is no id beyond it
            first = max(last_id, 0) + 1
            end = min(first + limit - 1, head)
            lines = Reader(connection, run).lines(first=first, last=end)
            if stream.gone and not lines:
                first = spans.of_run(connection, run).next(first, head)
                end = min(first + limit - 1, head)
                lines = Reader(connection, run).lines(first=first, last=end)
            names = self._named(connection, run, lines)
        series = [
            Series(names[metric], line.ids, line.steps, line.values, line.times) for metric, line in lines.items()
        ]
        return Tail(end, series, end == head, rewound=0 < last_id < stream.rewound_id)

    def summaries(self, runs: Sequence[int], names: Sequence[str] | None = None) -> dict[int, list[Summary]]:
        summaries: dict[int, list[Summary]] = {run: [] for run in runs}
        with self._reading() as connection:
            if names is None:
                rows = _SUMMARIES.rows(connection, runs=list(summaries))
            else:
                metrics = list(self._names.find(connection, names).values())
                rows = _SOME_SUMMARIES.rows(connection, runs=list(summaries), metrics=metrics)
            series: list[Any] = [_SeriesRow(*row) for row in rows]
            metric_names = self._names.of(connection, {row.metric_id for row in series})
        for row in series:
            summaries[row.run_no].append(RunningSummary.of(row).summary(metric_names[row.metric_id]))
        for of_run in summaries.values():
            # Sorted here: databases differ in the order of letters.
            of_run.sort(key=lambda summary: summary.name)
        return summaries

    def cells(self, runs: Sequence[int], names: Sequence[str] | None = None) -> dict[int, dict[str, Cell]]:
        return self._ranking.cells(runs, names)

    def order(self, connection: Connection, project: int, rank: Rank) -> keyset.Order:
        return self._ranking.order(connection, project, rank)

    def condition(self, connection: Connection, project: int, condition: Condition) -> matching.Condition:
        return self._ranking.condition(connection, project, condition)

    def names(self, runs: Sequence[int]) -> list[str]:
        with self._reading() as connection:
            ids = [number for (number,) in _NAMES.rows(connection, runs=list(runs))]
            return sorted(self._names.of(connection, ids).values())

    def names_of(self, project: int) -> list[str]:
        return self._ranking.names_of(project)

    def values_of(self, project: int, name: str, of: Statistic) -> tuple[Ints, Floats]:
        return self._ranking.values_of(project, name, of)

    def size_of(self, project: int) -> Size:
        with self._reading() as connection:
            return size_of(connection, project)

    def runs_having(self, project: int, names: Sequence[str], most: int) -> dict[str, int]:
        return self._ranking.runs_having(project, names, most)

    def heads(self, runs: Sequence[int]) -> dict[int, Head]:
        with self._reading() as connection:
            rows = _HEADS.rows(connection, runs=list(runs))
        return {run: Head(next_id - 1, next_id - 1 - gone, heard_at) for run, next_id, gone, heard_at in rows}

    def chart(
        self,
        run: int,
        names: Sequence[str],
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
    ) -> list[Chart]:
        with self._reading() as connection:
            ids = self._names.find(connection, names)
            stream = _stream(connection, run)
            if stream is None or not ids:
                return []
            reader = Reader(connection, run)
            tail = reader.tail(set(ids.values()))
            present = _present(connection, run, ids.values())
            charts = [
                zoom.chart(
                    reader, name, ids[name], tail.get(ids[name], NOTHING), x, points, lo, hi, stream.first_ts or 0
                )
                for name in dict.fromkeys(names)
                if ids.get(name) in present
            ]
        return [replace(chart, last_id=stream.next_id - 1) for chart in charts]

    def charts(
        self,
        runs: Sequence[int],
        names: Sequence[str],
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
    ) -> dict[int, list[Chart]]:
        """Runs whose metrics are short are read together, so many at a time; the others each by itself."""
        with self._reading() as connection:
            ids = self._names.find(connection, names)
            rows = _LENGTHS.rows(connection, runs=list(runs), metrics=list(ids.values()))
            streams = {run: stream for run, *stream in _STREAMS.rows(connection, runs=list(runs))}
            lengths = {run: max(n for _, _, n in of_run) for run, of_run in groupby(rows, itemgetter(0))}
            short = [run for run, n in lengths.items() if n <= zoom.READ * points and run in streams]
            charts: dict[int, list[Chart]] = {}
            at_once = max(1, _AT_ONCE // max([1, *(lengths[run] * len(ids) for run in short)]))
            for start in range(0, len(short), at_once):
                for run, lines in many.lines(connection, short[start : start + at_once], ids.values()):
                    next_id, first_ts = streams[run]
                    origin = (first_ts or 0) if x == "relative" else 0
                    charts[run] = [
                        replace(zoom.of_line(name, x, lines[ids[name]], points, lo, hi, origin), last_id=next_id - 1)
                        for name in dict.fromkeys(names)
                        if ids.get(name) in lines
                    ]
        return {run: charts[run] if run in charts else self.chart(run, names, points, x, lo, hi) for run in runs}

    def chart_against(
        self,
        run: int,
        names: Sequence[str],
        x_name: str,
        points: int = 1000,
        lo: Bound = None,
        hi: Bound = None,
    ) -> dict[str, Chart | None]:
        with self._reading() as connection:
            ids = self._names.find(connection, [*names, x_name])
            stream = _stream(connection, run)
            lines = {} if stream is None else Reader(connection, run).lines(set(ids.values()))
        drawn = {
            name: against.draw(name, f"metric:{x_name}", line, lines.get(ids.get(x_name, 0), NOTHING), points, lo, hi)
            for name in dict.fromkeys(names)
            if (line := lines.get(ids.get(name, 0)))
        }
        last_id = stream.next_id - 1 if stream else 0
        return {name: chart and replace(chart, last_id=last_id) for name, chart in drawn.items()}

    def group_chart(
        self,
        runs: Sequence[int],
        name: str,
        points: int = 1000,
        x: Axis = "step",
        lo: Bound = None,
        hi: Bound = None,
        most: int = MOST_OF_GROUP,
    ) -> GroupChart | None:
        with self._reading() as connection:
            metric = self._names.find(connection, [name]).get(name)
            if metric is None:
                return None
            streams = {run: stream for run, *stream in _STREAMS.rows(connection, runs=list(runs))}
            origins = {run: (first_ts or 0) if x == "relative" else 0 for run, (_, first_ts) in streams.items()}
            drawn = group.chart(connection, name, metric, origins, x, points, lo, hi, most)
        last_ids = {run: next_id - 1 for run, (next_id, _) in streams.items()}
        return None if drawn is None else replace(drawn, last_ids=last_ids)

    def sparks(self, metrics: Mapping[int, str], points: int = 60) -> dict[int, Floats]:
        with self._database.reading() as connection:
            ids = self._names.find(connection, set(metrics.values()))
            courses = sparks.sparks(
                connection, {run: ids[name] for run, name in metrics.items() if name in ids}, points
            )
        return {run: values for run, values in courses.items() if len(values)}

    def finish(self, run: int) -> None:
        self._set_state(run, FINISHED)
        self.upkeep.sealer.call(run)

    def resume(self, run: int) -> None:
        self._set_state(run, LIVE)

    def _set_state(self, run: int, state: int) -> None:
        """Set the state of a run that is not deleted, and of its series with it."""
        c = metric_stream.c
        with self._database.writing() as connection:
            connection.execute(self._sql.add_stream, [stream_row(run, state)])
            # The stream first, as every writer does, so that two of them never wait for each other.
            due = case((c.tail_rows < 1, 1), else_=c.tail_rows)  # What is not worth merging in a live run may be now.
            stream = update(metric_stream).where(c.run_no == run, c.state < DELETING)
            stream = stream.values(state=state, tail_rows=due)
            if connection.execute(stream).rowcount:
                s, live = metric_series.c, int(state == LIVE)
                series = update(metric_series).where(s.run_no == run, s.live != live)
                connection.execute(series.values(live=live))

    def delete(self, runs: Sequence[int], connection: Connection | None = None) -> None:
        if connection is not None:
            self.upkeep.removal.hide(connection, runs)
            return
        with self._database.writing() as transaction:
            self.upkeep.removal.hide(transaction, runs)
        self.wake()

    def branch(self, run: int, step: int | None) -> Branch | None:
        with self._reading() as connection:
            return branches.read(connection, run, step)

    def fork(self, source: Branch | None, run: int, connection: Connection, finished: bool = False) -> None:
        if source is not None:
            current = self._current(connection, source)
            branches.fork(self._sql, connection, current, run, FINISHED if finished else LIVE)

    def rewind(self, source: Branch | None, connection: Connection) -> None:
        if source is not None:
            branches.rewind(self._sql, connection, self._current(connection, source))

    def _current(self, connection: Connection, source: Any) -> branches.Branch:
        """The branch, read again if its run has changed since; the run is locked."""
        if branches.is_current(self._sql, connection, source):
            return source
        again = branches.read(connection, source.run, source.step)
        assert again is not None  # noqa: S101 - it is there, and locked
        return again

    def sweep(self) -> None:
        self.upkeep.sweep()

    def wake(self) -> None:
        self.upkeep.sealer.wake()

    def tidy(self, wait: float = 0.0) -> None:
        self.upkeep.tidy(wait)

    def close(self) -> None:
        self.closed = True
        self.upkeep.close()


def listed(lines: dict[int, Line], names: dict[int, str], skip: int, limit: int, total: int) -> Points:
    """A page out of lines, by (time, id)."""
    everything = concatenated(list(lines.values()))
    index = np.repeat(np.arange(len(lines), dtype=np.int32), [len(line.ids) for line in lines.values()])
    order = np.lexsort((everything.ids, everything.times))[skip : skip + limit]
    line = everything.take(order)
    return Points(
        names=[names[metric] for metric in lines],
        name_index=index[order],
        ids=line.ids,
        steps=line.steps,
        values=line.values,
        times=line.times,
        total=total,
    )


def _stream(connection: Connection, run: int) -> _Stream | None:
    """The run's row, None if readers see no such run."""
    row = _STREAM.first(connection, run=run)
    return None if row is None else _Stream(*row)


def _present(connection: Connection, run: int, metrics: Iterable[int]) -> set[int]:
    """Those metrics that have points in a run."""
    return {metric for (metric,) in _PRESENT.rows(connection, run=run, metrics=list(metrics))}


def _count(connection: Connection, run: int, metrics: Iterable[int]) -> int:
    return int(_COUNT.first(connection, run=run, metrics=list(metrics))[0])
