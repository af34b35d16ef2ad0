"""Real training goes through every form of the store and comes back bit for bit."""

import numpy as np
import pytest
from sqlalchemy import func, select

from aimanager.store import SqlStore, tables
from aimanager.store.upkeep import doctor
from tests.store.curves import load, rows
from tests.store.factories import bits, log, open_database

RUNS = load()


@pytest.fixture
def store(database_url):
    database = open_database(database_url)
    yield SqlStore(database)
    database.engine.dispose()


def count(store, table):
    with store._database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def assert_same(store, run, groups):
    for column in (column for group in groups for column in group):
        series = store.series(run, column.name)
        assert bits(series.values) == bits(column.values), column.name
        assert series.steps.tolist() == column.steps.tolist()
        assert series.times.tolist() == column.times.tolist()


def in_requests(groups, size):
    """Rows as a client sends that collects so many of them."""
    waiting = {}
    for row in rows(groups):
        some = waiting.setdefault(row[0].name, [])
        some.append(row)
        if len(some) == size:
            yield joined(waiting.pop(row[0].name))
    yield from map(joined, waiting.values())


def joined(some):
    columns = []
    for same in zip(*some, strict=True):
        arrays = (np.concatenate([getattr(column, name) for column in same]) for name in ("values", "steps", "times"))
        columns.append(type(same[0])(same[0].name, *arrays))
    return columns


def test_there_is_what_makes_training_hard_to_keep():
    values = {name: np.concatenate([c.values for group in groups for c in group]) for name, groups in RUNS.items()}
    assert np.isnan(RUNS["attention, diverging"][0][0].values[-1])
    assert np.isinf(values["attention, diverging"]).any()
    assert np.isnan(values["convolutional, Adam, float16"]).any()
    assert {len(group[0].values) for group in RUNS["perceptron, SGD"]} == {8500, 34}
    assert sum(map(len, values.values())) > 70_000


@pytest.mark.parametrize("name", RUNS)
def test_curves_come_back_bit_for_bit_out_of_log_chunks_and_merged_chunks(store, name):
    groups = RUNS[name]
    requests = list(in_requests(groups, 20))
    for part in range(4):
        for request in requests[len(requests) * part // 4 : len(requests) * (part + 1) // 4]:
            log(store, 1, *request)
        if part == 3:
            assert_same(store, 1, groups)  # Some of it in the log, the rest in chunks.
        store.upkeep.sealer.seal(1)
    assert_same(store, 1, groups)
    axes = count(store, tables.metric_axis)
    store.finish(1)
    store.tidy()
    assert count(store, tables.metric_log) == 0
    assert count(store, tables.metric_axis) < axes
    assert_same(store, 1, groups)
    assert not list(doctor.check(store._database))


@pytest.mark.slow
def test_a_row_a_request_is_the_same_as_it_comes(store):
    groups = RUNS["convolutional, Adam, float16"]
    for number, row in enumerate(rows(groups)):
        log(store, 1, *row, writer="w", seq=number + 1)
        if number % 600 == 599:
            store.upkeep.sealer.tidy(1)
    assert_same(store, 1, groups)


def test_whole_curves_in_one_request_are_the_same(store):
    for run, groups in enumerate(RUNS.values(), 1):
        log(store, run, *(column for group in groups for column in group))
    for run, groups in enumerate(RUNS.values(), 1):
        assert_same(store, run, groups)
    for name, chart in ((c.name, store.chart(2, [c.name], 300)[0]) for c in RUNS["convolutional, AdamW, bfloat16"][0]):
        whole = store.series(2, name).values
        assert (np.nanmin(chart.min), np.nanmax(chart.max)) == (whole.min(), whole.max())
