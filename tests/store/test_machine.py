"""Whatever happens to a run, the SQL engine answers like a plain list of points."""

import itertools
import math
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select

from aimanager.store import Column, OutOfTurn, RunDeleted, SqlStore, tables
from aimanager.store.chunks import layout
from aimanager.store.read import zoom
from aimanager.store.statements import Statements
from aimanager.store.upkeep import doctor, merge, seal
from aimanager.store.upkeep.removal import Removal
from tests.store.contract import ODD_FLOATS
from tests.store.factories import bits, listed, log, open_database
from tests.store.memory import MemoryStore

pytestmark = pytest.mark.slow

NAMES = ["loss", "train/accuracy", "Ünï ✓"]
RUN_NUMBERS = itertools.count(1)

values = st.floats(width=64) | st.floats(width=32) | st.sampled_from(ODD_FLOATS)
steps = st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1)
times = st.integers(0, 40) | st.integers(-(2**40), 2**55)


@st.composite
def axes(draw, rows):
    """Steps and times of a block: absent, counting up, or anything."""
    start = draw(st.integers(-5, 100))
    counting = np.arange(start, start + rows)
    step = draw(st.none() | st.just(counting) | st.lists(steps, min_size=rows, max_size=rows))
    when = draw(st.none() | st.just(counting * 7) | st.lists(times, min_size=rows, max_size=rows))
    return [None if axis is None else np.array(axis, np.int64) for axis in (step, when)]


@st.composite
def requests(draw):
    """From one point of one metric to a few blocks, some long enough to be tallied by numpy."""
    columns = []
    for _ in range(draw(st.integers(1, 3))):
        rows = draw(st.sampled_from([1, 1, 2, 3, 70]))
        shared = draw(axes(rows))
        for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)):
            few = draw(st.lists(values, min_size=min(rows, 5), max_size=min(rows, 5)))
            columns.append(Column(name, np.resize(np.array(few, np.float64), rows), *shared))
    return columns


class Machine(RuleBasedStateMachine):
    database = None  # Set by the test.

    def __init__(self):
        super().__init__()
        self.run, self.other = next(RUN_NUMBERS), next(RUN_NUMBERS)
        self.time = 1000
        self.model = MemoryStore(clock=lambda: self.time)
        self.reopen()
        self.seq, self.sent, self.deleted = 0, None, False
        self.parents = []
        for store in (self.store, self.model):
            log(store, self.other, Column("loss", np.array([1.0])))

    def both(self, *columns, **numbered):
        """One request to both; they must agree on what became of it."""
        outcomes = []
        for store in (self.store, self.model):
            try:
                receipt = log(store, self.run, *columns, **numbered)
                axis = [None if a is None else a.tolist() for a in (receipt.steps, receipt.times)]
                facts = (receipt.count, receipt.first_id, receipt.last_id, receipt.repeated)
                outcomes.append((*facts, *axis))
            except OutOfTurn as refused:
                outcomes.append((refused.reason, refused.expected))
            except RunDeleted:
                outcomes.append("deleted")
        assert outcomes[0] == outcomes[1]
        return outcomes[0]

    @rule(columns=requests())
    def add(self, columns):
        self.both(*columns)

    @rule(columns=requests(), mark=st.binary(min_size=16, max_size=16))
    def add_numbered(self, columns, mark):
        outcome = self.both(*columns, writer="w", seq=self.seq + 1, fingerprint=mark)
        if outcome != "deleted":
            self.seq, self.sent = self.seq + 1, (columns, mark)

    @precondition(lambda self: self.sent)
    @rule()
    def replay(self):
        columns, mark = self.sent
        outcome = self.both(*columns, writer="w", seq=self.seq, fingerprint=mark)
        assert outcome == "deleted" or outcome[3]

    @precondition(lambda self: self.sent)
    @rule(columns=requests(), back=st.integers(-3, 3))
    def send_out_of_turn(self, columns, back):
        if self.seq - back > 0 and back != -1:
            self.both(*columns, writer="w", seq=self.seq - back, fingerprint=b"other body......")

    @rule(step=st.none() | st.integers(-3, 100), late=st.none() | requests())
    def fork(self, step, late):
        """The history goes on in the fork; its parent stays as it was, also when points came after its branch was read."""
        if self.deleted or self.is_hidden():
            return
        parent, self.run = self.run, next(RUN_NUMBERS)
        branches = [store.branch(parent, step) for store in (self.store, self.model)]
        self.agree(branches)
        if late and branches[0]:
            for store in (self.store, self.model):
                log(store, parent, *late)
        with self.database.writing() as connection:
            self.store.fork(branches[0], self.run, connection)
        self.model.fork(branches[1], self.run)
        self.parents.append(parent)
        self.seq, self.sent = 0, None

    @rule(step=st.integers(-3, 100), work=st.sampled_from([None, "seal", "merge", "roll_up"]))
    def rewind(self, step, work):
        if self.deleted or self.is_hidden():
            return
        branches = [store.branch(self.run, step) for store in (self.store, self.model)]
        self.agree(branches)
        if work:  # Meanwhile the form of what is stored changes.
            getattr(self.store.upkeep.sealer, work)(self.run)
        with self.database.writing() as connection:
            self.store.rewind(branches[0], connection)
        self.model.rewind(branches[1])
        if self.sent:
            self.sent = None  # What it is answered depends on which of its points are left.

    def agree(self, branches):
        assert (branches[0] and branches[0].removed) == (branches[1] and branches[1].removed)

    def is_hidden(self):
        return self.model._runs.get(self.run) is not None and self.model._runs[self.run].deleted

    @rule(columns=requests())
    def add_from_another_process(self, columns):
        mine, self.store = self.store, SqlStore(self.database, clock=lambda: self.time)
        self.both(*columns)
        self.store = mine

    @rule(by=st.integers(-50, 1000))
    def pass_time(self, by):
        self.time += by

    @rule()
    def reopen(self):
        self.store = SqlStore(self.database, clock=lambda: self.time)

    @rule(work=st.sampled_from(["seal", "merge", "roll up", "everything", "as called"]))
    def tidy(self, work):
        """Change the form of what is stored, as any process may at any time."""
        sealer = SqlStore(self.database, clock=lambda: self.time).upkeep.sealer
        {
            "seal": sealer.seal,
            "merge": sealer.merge,
            "roll up": sealer.roll_up,
            "everything": sealer.tidy,
            "as called": lambda run: self.store.tidy(),
        }[work](self.run)

    @rule(method=st.sampled_from(["finish", "resume"]))
    def turn(self, method):
        getattr(self.store, method)(self.run)

    @precondition(lambda self: self.seq > 2)
    @rule(steps=st.none() | st.integers(0, 5))
    def delete(self, steps):
        """At once, or up to some step, where it is interrupted until `sweep` goes on."""
        self.model.delete([self.run])
        if steps is None:
            self.store.delete([self.run])
            self.store.sweep()
            self.deleted = True
            return
        self.store.delete([self.run])
        removal = Removal(self.database, Statements(self.database.engine.dialect), rows=5)
        for _ in range(steps):
            if not self.deleted:
                self.deleted = removal.step(self.run)

    @rule()
    def sweep(self):
        self.store.sweep()
        with self.database.reading() as connection:
            c = tables.metric_stream.c
            self.deleted = connection.scalar(select(c.state).where(c.run_no == self.run)) == tables.DELETED

    @rule(last_id=st.integers(0, 300), limit=st.integers(1, 100))
    def ask_since(self, last_id, limit):
        tails = [store.since(self.run, last_id, limit) for store in (self.store, self.model)]
        charts = [
            (
                tail.last_id,
                tail.complete,
                tail.rewound,
                sorted((s.name, s.ids.tolist(), bits(s.values), s.steps.tolist()) for s in tail.series),
            )
            for tail in tails
        ]
        assert charts[0] == charts[1]

    @rule(skip=st.integers(0, 100), limit=st.integers(1, 50), name=st.none() | st.sampled_from(NAMES))
    def ask_for_a_page(self, skip, limit, name):
        page = {"skip": skip, "limit": limit, "name": name}
        assert listed(self.store, self.run, **page) == listed(self.model, self.run, **page)

    @rule(points=st.integers(1, 30), x=st.sampled_from(["step", "time", "relative"]))
    def ask_for_charts(self, points, x):
        charts = [store.chart(self.run, NAMES, points, x) for store in (self.store, self.model)]
        fields = ("total", "exact", "start", "x", "min", "max", "last", "counts", "bad_x")
        described = [
            [[np.asarray(getattr(chart, field)).tobytes() for field in fields] for chart in of_store]
            for of_store in charts
        ]
        assert described[0] == described[1]

    @rule(
        points=st.integers(1, 30),
        x=st.sampled_from(["step", "time", "relative"]),
        bounds=st.tuples(st.integers(-5, 100), st.integers(-5, 100)) | st.none(),
    )
    def ask_for_charts_by_nodes(self, points, x, bounds):
        lo, hi = sorted(bounds) if bounds else (None, None)
        with patch.object(zoom, "READ", 0):
            charts = self.store.chart(self.run, NAMES, points, x, lo, hi)
        exact = self.model.chart(self.run, NAMES, 10**9, x, lo, hi)
        for chart, every in zip(charts, exact, strict=True):
            assert_chart_hides_nothing(chart, every, points)

    @invariant()
    def points_and_summaries_are_the_same(self):
        assert listed(self.store, self.run, limit=10**6) == listed(self.model, self.run, limit=10**6)
        assert self.store.heads([self.run]).keys() == self.model.heads([self.run]).keys()
        runs = [self.run, self.other]
        kept, recomputed = self.store.summaries(runs), self.model.summaries(runs)
        for run in runs:
            for one, other in zip(kept[run], recomputed[run], strict=True):
                assert_same_summary(one, other)

    def teardown(self):
        for parent in self.parents:
            assert listed(self.store, parent, limit=10**6) == listed(self.model, parent, limit=10**6)
            if self.store.heads([parent]):
                assert [str(fault) for fault in doctor.check(self.database, [parent])] == []
        assert [str(fault) for fault in doctor.check(self.database, [self.other])] == []
        with self.database.reading() as connection:
            rows = {
                table.name: connection.scalar(select(func.count()).where(table.c.run_no == self.run))
                for table in tables.OF_RUNS
            }
        if self.deleted:
            assert not any(rows.values()), rows
        elif self.store.heads([self.run]):
            assert [str(fault) for fault in doctor.check(self.database, [self.run])] == []


def assert_chart_hides_nothing(chart, every, points):
    """A chart beside the one that has every point as a bucket of its own."""
    assert (chart.total, chart.exact) == (every.total, every.total <= points)
    assert len(chart.x) <= points
    assert chart.counts.sum() == every.total
    end = 0
    for i, count in enumerate(chart.counts.tolist()):
        inside = slice(end, end := end + count)
        finite = every.last[inside][~np.isnan(every.last[inside])]
        assert (chart.start[i], chart.x[i]) == (every.x[inside][0], every.x[inside][-1])
        assert (chart.steps[i], chart.times[i]) == (every.steps[inside][-1], every.times[inside][-1])
        expected = [finite.min(), finite.max(), finite[-1]] if finite.size else [np.nan] * 3
        np.testing.assert_array_equal([chart.min[i], chart.max[i], chart.last[i]], expected)
    if not chart.exact:
        assert (chart.start[1:] > chart.x[:-1]).all()
    marks = set(zip(every.bad_x.tolist(), map(str, every.bad_values), strict=True))
    shown = list(zip(chart.bad_x.tolist(), map(str, chart.bad_values), strict=True))
    assert set(shown) <= marks
    assert {kind for _, kind in shown} == {kind for _, kind in marks}


def assert_same_summary(one, other):
    for field in ("name", "count", "bad", "last_step", "last_time", "last_id", "min", "max"):
        assert getattr(one, field) == getattr(other, field), field
    if math.isnan(other.last):
        assert math.isnan(one.last)
    else:
        assert bits([one.last]) == bits([other.last])
    if other.mean is None:
        assert one.mean is None
    else:
        # The sum has some 100 bits: what is lost is nothing beside the largest value.
        largest = max(abs(one.min), abs(one.max))
        assert math.isclose(one.mean, other.mean, rel_tol=1e-15, abs_tol=max(largest * 1e-25, 1e-323))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_engine_answers_like_a_plain_list_of_points(database_url, database_kind, monkeypatch, pytestconfig):
    # So small that a few requests make full chunks, deep trees and rollups.
    for name, size in {"CHUNK": 16, "NODE": 4, "ROLLUP": 3, "LARGE": 64}.items():
        monkeypatch.setattr(layout, name, size)
    small = [(merge, "_MANY", 3), (merge, "_MOST", 6)]
    small += [(seal, "TAIL_ROWS", 20), (seal, "_AT_ONCE", 4000), (seal, "_MANY_SETS", 3), (seal, "_FEW_ROWS", 4)]
    for module, name, size in small:
        monkeypatch.setattr(module, name, size)
    database = open_database(database_url)
    Machine.database = database
    few = (60 if database_kind == "sqlite" else 15) * (20 if pytestconfig.getoption("--thorough") else 1)
    plan = settings(
        max_examples=few,
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=plan)
    database.engine.dispose()
