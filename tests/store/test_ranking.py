"""Runs in the order of a metric, whatever happens to them: the engine answers like a sorted list."""

import itertools
import math
import operator
from contextlib import nullcontext
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from aimanager.db import keyset, matching
from aimanager.store import Batch, Condition, Rank, SqlStore
from tests.store.factories import column, open_database
from tests.store.memory import MemoryStore

NAMES = ["loss", "accuracy", "nobody has this"]
OPERATORS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
NUMBERS = itertools.count(1)
# Few of them, so that many runs have the same value.
values = st.sampled_from([0.0, -0.0, 1.0, 1.0, 1.0, 2.5, -3.0, 1e308, math.inf, -math.inf, math.nan])
ranks = st.builds(Rank, st.sampled_from(NAMES), st.sampled_from(["last", "min", "max"]), st.booleans())
conditions = st.builds(
    Condition, st.sampled_from(NAMES), st.sampled_from(["last", "min", "max"]), st.sampled_from(list(OPERATORS)),
    values.filter(lambda value: not math.isnan(value)),
)  # fmt: skip


def put(store, run, project=1, **points):
    store.append(run, project, Batch(tuple(column(name, each) for name, each in points.items())))


def reading(store):
    return store._database.reading() if isinstance(store, SqlStore) else nullcontext()


def ranked(store, project, rank, after=None, limit=100, where=(), among=None):
    with reading(store) as connection:
        conditions = [store.condition(connection, project, one) for one in where]
        if among is not None:
            conditions.append(matching.Given(among))
        return keyset.first(store.order(connection, project, rank), conditions, after, limit)


def fulfilling(store, project, where, among=None):
    with reading(store) as connection:
        conditions = [store.condition(connection, project, one) for one in where]
        found = matching.matched(conditions if among is None else [*conditions, matching.Given(among)])
        return set(found.runs.tolist())


def pages(store, rank, limit, where=(), among=None, project=1):
    """All that comes, page by page."""
    places, after = [], None
    while page := ranked(store, project, rank, after, limit, where, among):
        assert len(page) <= limit
        places, after = places + page, page[-1]
    return places


def runs_of(places):
    return [place.run for place in places]


class Contract:
    def test_runs_come_in_the_order_of_a_value_finished_and_live(self, store):
        for run, (first, last) in enumerate([(5, 3), (1, 9), (8, 2)], 1):
            put(store, run, loss=[first, last])
        store.finish(2)
        assert runs_of(ranked(store, 1, Rank("loss"))) == [3, 1, 2]
        assert runs_of(ranked(store, 1, Rank("loss", "min"))) == [2, 3, 1]
        assert ranked(store, 1, Rank("loss", "max", descending=True)) == [(9, 2), (8, 3), (5, 1)]

    def test_equal_values_come_newest_first_both_ways_over_pages(self, store):
        for run in range(1, 12):
            put(store, run, loss=[7 if 3 <= run <= 9 else run])
            if run % 3:
                store.finish(run)
        for limit in range(1, 6):
            assert runs_of(pages(store, Rank("loss"), limit)) == [1, 2, 9, 8, 7, 6, 5, 4, 3, 10, 11]
            assert runs_of(pages(store, Rank("loss", descending=True), limit)) == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]

    def test_infinities_are_numbers_and_nan_is_none(self, store):
        for run, value in enumerate([math.inf, 0, -math.inf, math.nan], 1):
            put(store, run, loss=[value])
        assert runs_of(ranked(store, 1, Rank("loss"))) == [3, 2, 1]
        assert runs_of(ranked(store, 1, Rank("loss", "min"))) == [2]
        assert fulfilling(store, 1, [Condition("loss", "last", ">=", -math.inf)]) == {1, 2, 3}

    def test_conditions_are_all_to_be_met(self, store):
        for run in range(1, 9):
            put(store, run, loss=[run], accuracy=[10 - run])
            put(store, run, project=1, only_even=[1] * (1 - run % 2))
        where = [Condition("loss", "min", ">", 2), Condition("accuracy", "max", ">=", 4)]
        assert runs_of(ranked(store, 1, Rank("accuracy"), where=where)) == [6, 5, 4, 3]
        where.append(Condition("only_even", "last", "=", 1))
        assert fulfilling(store, 1, where) == {4, 6}
        assert fulfilling(store, 1, where, among=[1, 2, 6]) == {6}
        assert runs_of(ranked(store, 1, Rank("loss"), where=where, among=[1, 2, 6])) == [6]

    def test_other_projects_and_deleted_runs_are_left_out(self, store):
        put(store, 1, loss=[1])
        put(store, 2, project=2, loss=[2])
        put(store, 3, loss=[3])
        store.delete([3])
        assert runs_of(ranked(store, 1, Rank("loss"))) == [1]
        assert fulfilling(store, 1, [Condition("loss", "last", ">", 0)]) == {1}
        assert runs_of(ranked(store, 2, Rank("loss"))) == [2]

    def test_a_projects_metrics_are_found_and_the_runs_that_have_them_counted(self, store):
        for run in (1, 2, 3):
            put(store, run, loss=[1], **{f"only {run}": [1]})
        store.finish(2)
        put(store, 9, project=2, elsewhere=[1])
        assert store.names_of(1) == ["loss", "only 1", "only 2", "only 3"]
        assert store.names_of(3) == []
        assert store.runs_having(1, ["loss", "only 2", "nothing", "elsewhere"], 1000) == {
            "loss": 3, "only 2": 1, "nothing": 0, "elsewhere": 0,
        }  # fmt: skip
        assert store.runs_having(1, ["loss"], 2) == {"loss": 2}

    def test_the_values_of_all_runs_are_read_at_once(self, store):
        for run, values in enumerate([[1, 5, 3], [7], [float("nan")], [float("inf"), 2]], 1):
            put(store, run, loss=values)
        store.finish(2)
        put(store, 9, project=2, loss=[1])
        expected = {
            "last": {1: 3, 2: 7, 4: 2},
            "min": {1: 1, 2: 7, 4: 2},
            "max": {1: 5, 2: 7, 4: 2},
            "mean": {1: 3, 2: 7, 4: 2},
        }
        for of, values in expected.items():
            runs, found = store.values_of(1, "loss", of)
            assert dict(zip(runs.tolist(), found.tolist(), strict=True)) == values
        assert [len(part) for part in store.values_of(1, "nothing", "last")] == [0, 0]

    def test_cells_are_what_the_summaries_say(self, store):
        put(store, 1, loss=[3, 1, -0.0], accuracy=[math.nan])
        put(store, 2, accuracy=[math.inf])
        cells = store.cells([1, 2, 3])
        assert cells[1]["loss"] == (0, 0, 3, 4 / 3)
        assert math.copysign(1, cells[1]["loss"].last) == -1
        assert math.isnan(cells[1]["accuracy"].last)
        assert cells[1]["accuracy"][1:] == (None, None, None)
        assert cells[2] == {"accuracy": (math.inf, None, None, None)}
        assert cells[3] == {}
        assert store.cells([1, 2], ["loss"]) == {1: {"loss": (0, 0, 3, 4 / 3)}, 2: {}}


class TestMemoryStore(Contract):
    @pytest.fixture
    def store(self):
        return MemoryStore()


class TestSqlStore(Contract):
    @pytest.fixture
    def store(self, database_url):
        database = open_database(database_url)
        yield SqlStore(database)
        database.engine.dispose()


def test_a_run_is_hidden_before_its_rows_are_gone(database_url):
    database = open_database(database_url)
    store = SqlStore(database)
    for run in (1, 2):
        put(store, run, loss=[run])
    store.delete([2])
    assert runs_of(ranked(store, 1, Rank("loss"))) == [1]
    assert fulfilling(store, 1, [Condition("loss", "last", ">", 0)]) == {1}
    assert store.cells([1, 2]) == {1: {"loss": (1, 1, 1, 1)}, 2: {}}
    database.engine.dispose()


class Machine(RuleBasedStateMachine):
    database = None  # Set by the test.

    def __init__(self):
        super().__init__()
        self.runs = [next(NUMBERS) for _ in range(8)]
        self.project = self.runs[0]
        self.store, self.model = SqlStore(self.database), MemoryStore()
        self.hidden = set()

    @rule(
        of=st.data(),
        points=st.dictionaries(st.sampled_from(NAMES[:2]), st.lists(values, min_size=1, max_size=3), min_size=1),
    )
    def log(self, of, points):
        run = of.draw(st.sampled_from(self.runs))
        for store in (self.store, self.model):
            if run not in self.hidden:
                put(store, run, project=self.project + (run % 5 == 0), **points)

    @rule(which=st.integers(0, 7), method=st.sampled_from(["finish", "resume"]))
    def turn(self, which, method):
        getattr(self.store, method)(self.runs[which])

    @rule(which=st.integers(0, 7), swept=st.booleans())
    def delete(self, which, swept):
        self.hidden.add(self.runs[which])
        self.model.delete([self.runs[which]])
        self.store.delete([self.runs[which]])
        if swept:
            self.store.sweep()

    def expected(self, rank, where, among):
        summaries = self.model.summaries([run for run in self.runs if run % 5])
        values = {}
        for run, each in summaries.items():
            having = {one.name: one for one in each}
            if among is not None and run not in among:
                continue
            if all(self.fulfils(having.get(one.name), one) for one in where) and rank.name in having:
                values[run] = getattr(having[rank.name], rank.of)
        having = [(run, value) for run, value in values.items() if value is not None and not math.isnan(value)]
        newest_first = sorted(having, reverse=True)
        ordered = sorted(newest_first, key=lambda pair: pair[1], reverse=rank.descending)
        return [(value, run) for run, value in ordered]

    def fulfils(self, summary, one):
        value = getattr(summary, one.of) if summary else None
        return value is not None and not math.isnan(value) and OPERATORS[one.op](value, one.value)

    @rule(
        rank=ranks, where=st.lists(conditions, max_size=2), limit=st.integers(1, 9), among=st.none() | st.integers(0, 255),
        few=st.sampled_from([0, 2, 2000]), probed=st.sampled_from([0, 1, 500]), window=st.sampled_from([1, 20_000]),
    )  # fmt: skip
    def ask(self, rank, where, limit, among, few, probed, window):
        if among is not None:
            among = [run for bit, run in enumerate(self.runs) if among >> bit & 1]
        with patch.multiple(keyset, PROBED=probed, _WINDOW=window), patch.object(matching, "FEW", few):
            places = pages(self.store, rank, limit, where, among, self.project)
        assert places == self.expected(rank, where, among)
        if where:
            having = {run for one in NAMES[:2] for _, run in self.expected(Rank(one, "last"), where, among)}
            passing = fulfilling(self.store, self.project, where, among)
            assert having <= passing == fulfilling(self.model, self.project, where, among)

    @invariant()
    def cells_are_the_same(self):
        cells = [store.cells(self.runs) for store in (self.store, self.model)]
        shown = [repr({run: sorted(each.items()) for run, each in of_store.items()}) for of_store in cells]
        # The sign of a zero that is a minimum or maximum is nobody's.
        shown = [text.replace("=-0.0", "=0.0") for text in shown]
        assert shown[0] == shown[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_engine_ranks_like_a_sorted_list(database_url, database_kind):
    database = open_database(database_url)
    Machine.database = database
    plan = settings(
        max_examples=60 if database_kind == "sqlite" else 20,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=plan)
    database.engine.dispose()
