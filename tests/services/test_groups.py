"""Groups of runs say what plain sums over the runs say."""

import random
import statistics
from math import inf, isfinite, isnan, nan

import pytest

from aimanager.services import bulk
from aimanager.services.run_list import filters, groups, pages
from aimanager.services.run_list.columns import Column
from aimanager.services.run_list.filters import Filter
from aimanager.services.run_list.groups import Common, Spread
from aimanager.services.run_list.order import Order

LOSS = Column("metric", "loss")


@pytest.fixture
def project(alice, make_project):
    return make_project(alice)


@pytest.fixture
def grouped(app, project):
    """Group the project's runs: `grouped("config.lr", show=[...], q="adam")`."""

    def group(*keys, show=(LOSS,), q="", order=None, limit=100):
        with app.app_context():
            passing = pages.passing(project, filters.read(q) if q else Filter())
            by = groups.read_keys(keys)
            return groups.grouped(project, passing, by, list(show), order or Order(), limit)

    return group


@pytest.fixture
def runs(alice, project, make_run, make_points):
    """Some runs with what they have: id, config, tags and losses."""
    rng = random.Random(5)
    made = []
    for n in range(40):
        config = {"lr": rng.choice([0.1, 0.001])} if n % 7 else {}
        config |= {"optimizer": rng.choice(["adam", "sgd", True]), "seed": n}
        tags = rng.sample(["a", "b", "c"], n % 3)
        losses = [rng.random(), rng.choice([rng.random(), rng.random(), nan, inf])] if n % 5 else []
        run = make_run(alice, project, name=f"run {n % 4}", config=config, tags=tags)
        if losses:
            make_points(
                alice,
                run,
                loss=[value if isfinite(value) else "NaN" if isnan(value) else "Infinity" for value in losses],
            )
        made.append((run, config, tags, losses))
    return made


def spread(values):
    values = [value for value in values if isfinite(value)]
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else 0
    return Spread(len(values), *map(pytest.approx, (statistics.fmean(values), deviation, min(values), max(values))))


def plain(runs, labels_of, value_of):
    """The groups by their labels: ids and the spread of a value."""
    found = {}
    for run in runs:
        for labels in labels_of(run):
            found.setdefault(labels, []).append(run)
    return {
        labels: ([run[0] for run in reversed(members)], spread([value_of(run) for run in members if run[3]]))
        for labels, members in found.items()
    }


def as_dict(found):
    return {tuple(group.labels): (group.newest, group.summaries[0]) for group in found.groups}


def test_groups_by_one_key_and_by_two_are_what_plain_sums_say(grouped, runs):
    by_lr = grouped("config.lr")
    assert as_dict(by_lr) == plain(runs, lambda run: [(run[1].get("lr"),)], lambda run: run[3][-1])
    assert (by_lr.total, by_lr.runs) == (3, 40)
    two = grouped("config.optimizer", "config.lr", show=[Column("metric", "loss", "best")])
    said = {True: "true"}
    expected = plain(
        runs,
        lambda run: [(said.get(run[1]["optimizer"], run[1]["optimizer"]), run[1].get("lr"))],
        lambda run: min(filter(isfinite, run[3])),
    )
    assert as_dict(two) == expected


def test_a_run_is_in_the_group_of_each_of_its_tags(grouped, runs):
    expected = plain(runs, lambda run: [(tag,) for tag in run[2]] or [(None,)], lambda run: run[3][-1])
    assert as_dict(grouped("tags")) == expected
    both = plain(
        runs,
        lambda run: [(tag, run[1].get("lr")) for tag in run[2] or [None]],
        lambda run: run[3][-1],
    )
    assert as_dict(grouped("tags", "config.lr")) == both


def test_groups_are_of_the_runs_that_pass_the_filter_and_are_not_in_the_trash(app, alice, grouped, runs):
    with app.test_request_context():
        bulk.act(alice.principal, "trash", [runs[-1][0]])
    kept = [run for run in runs[:-1] if run[1]["optimizer"] == "adam"]
    found = grouped("config.lr", q="config.optimizer = adam")
    assert as_dict(found) == plain(kept, lambda run: [(run[1].get("lr"),)], lambda run: run[3][-1])
    assert grouped("config.lr", q="config.optimizer = none").groups == []


def test_a_config_column_has_the_common_value_or_how_many_there_are(grouped, alice, project, make_run):
    for optimizer, width, depth in (("adam", 1, 3), ("adam", 2, None), ("sgd", 4, None), ("sgd", 4, None)):
        make_run(alice, project, config={"optimizer": optimizer, "width": width, "depth": depth})
    show = [Column("config", name) for name in ("width", "depth", "optimizer")]
    summaries = {group.labels[0]: group.summaries for group in grouped("config.optimizer", show=show).groups}
    assert summaries == {
        "adam": [Common(None, 2), Common(None, 2), Common("adam", 1)],
        "sgd": [Common(4, 1), None, Common("sgd", 1)],
    }


def test_groups_come_in_the_order_of_the_sort(grouped, alice, project, make_run, make_points):
    for lr, loss in ((0.1, 5), (0.01, 1), (0.001, 3), (0.1, 7), (None, 2)):
        run = make_run(alice, project, config={"lr": lr}, tags=["t"] if lr else [])
        make_points(alice, run, loss=[loss])
    make_run(alice, project, config={"lr": 9})

    def labels(order):
        return [group.labels[0] for group in grouped("config.lr", order=order).groups]

    assert labels(Order("metric", "loss", "last", False)) == [0.01, None, 0.001, 0.1, 9]
    assert labels(Order("metric", "loss", "last", True)) == [0.1, 0.001, None, 0.01, 9]
    assert labels(Order("config", "lr", "last", False)) == [0.001, 0.01, 0.1, 9, None]
    assert labels(Order()) == [9, None, 0.1, 0.001, 0.01]
    assert [group.labels for group in grouped("tags", order=Order("fact", "tags")).groups] == [["t"], [None]]


def test_equal_groups_come_in_the_order_of_the_further_keys(grouped, alice, project, make_run, make_points):
    for lr, loss, acc in ((1, 5, 1), (2, 5, 3), (3, 5, 2), (4, 1, 0), (5, 5, None)):
        made = {"loss": [loss]} | ({"acc": [acc]} if acc is not None else {})
        make_points(alice, make_run(alice, project, config={"lr": lr}, tags=["ab"[lr % 2]]), **made)

    def labels(*keys):
        first, *others = keys
        order = Order(first.kind, first.name, first.of, first.descending, tuple(others))
        return [group.labels[0] for group in grouped("config.lr", order=order).groups]

    loss, acc = Order("metric", "loss", "last", True), Order("metric", "acc", "last", False)
    assert labels(loss, acc) == [1, 3, 2, 5, 4]
    assert labels(loss, Order("metric", "acc", "last", True)) == [2, 3, 1, 5, 4]
    assert labels(loss, Order("config", "lr", "last", True)) == [5, 3, 2, 1, 4]
    by_tag = grouped("config.lr", "tags", order=Order("fact", "tags", "last", False, (acc,)))
    assert [group.labels for group in by_tag.groups] == [[4, "a"], [2, "a"], [1, "b"], [3, "b"], [5, "b"]]


def test_states_and_names_group_runs_too(api, grouped, alice, runs):
    api(alice).put(f"/runs/{runs[0][0]}", {"status": "failed"})
    assert {group.labels[0]: group.runs for group in grouped("status").groups} == {"running": 39, "failed": 1}
    assert {group.labels[0]: group.runs for group in grouped("name").groups} == {f"run {n}": 10 for n in range(4)}


def test_a_group_names_its_newest_runs_and_only_the_first_groups_are_given(grouped, alice, project, make_run):
    for n in range(groups.DRAWN + 5):
        make_run(alice, project, config={"lr": 1, "n": n})
    (group,) = grouped("config.lr").groups
    assert group.runs == groups.DRAWN + 5
    assert group.newest == list(range(groups.DRAWN + 5, 5, -1))
    first = grouped("config.n", limit=3)
    assert (len(first.groups), first.total) == (3, groups.DRAWN + 5)


def test_only_what_can_group_runs_is_taken_from_an_address():
    keys = [
        "config.a.b",
        "nonsense",
        "tags",
        "metrics.loss",
        "tags",
        "config.",
        "created",
        "name",
        "status",
        "config.c",
    ]
    assert [key.key for key in groups.read_keys(keys)] == ["config.a.b", "tags", "name", "status"]
