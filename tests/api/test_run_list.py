"""Runs of a project sorted, filtered and paged by cursor."""

import base64
import itertools
import json
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from aimanager.extensions import database, db
from aimanager.models import Run, RunConfig
from aimanager.models.base import now
from aimanager.services import metrics
from aimanager.services.run_list import order, search
from aimanager.services.run_list.filters import Filter
from aimanager.services.run_list.order import Cursor, Order, RunList


def names(answer):
    assert answer.status_code == 200, answer.json
    return [run["name"] for run in answer.json]


@pytest.fixture
def alices(api, alice, make_project):
    """`alices("sort=name")`: the names of a project's runs; `alices.project` is its number."""

    def ask(query="", status=200):
        answer = api(alice).get(f"/runs/?project_id={ask.project}&{query}")
        assert answer.status_code == status, answer.json
        return names(answer) if status == 200 else answer.json

    ask.project = make_project(alice)
    return ask


def test_runs_are_sorted_by_any_value_of_a_metric_and_those_without_come_last(
    api, alice, alices, make_run, make_points
):
    for name, points in {"a": [5, 3], "b": [1, 9], "c": [8, 2], "d": [1, "NaN"]}.items():
        run = make_run(alice, alices.project, name=name)
        make_points(alice, run, **{"val/loss": points})
        if name in "ab":
            api(alice).put(f"/runs/{run}", {"status": "completed"})
    make_run(alice, alices.project, name="e")
    assert alices("sort=metric:val/loss") == ["c", "a", "b", "e", "d"]
    assert alices("sort=metric:val/loss.last&order=desc") == ["b", "a", "c", "e", "d"]
    assert alices("sort=metric:val/loss.min") == ["d", "b", "c", "a", "e"]
    assert alices("sort=metric:val/loss.max&order=desc") == ["b", "c", "a", "d", "e"]
    assert alices("sort=metric:nobody has this") == ["e", "d", "c", "b", "a"]


def test_a_metric_whose_name_ends_like_a_value_is_named_in_quotes(alice, alices, make_run, make_points):
    for name, values in (("a", [1, 5]), ("b", [2, 3])):
        make_points(alice, make_run(alice, alices.project, name=name), **{"loss.min": values})
    assert alices('sort=metric:"loss.min"') == alices("sort=metric:loss.min.last") == ["b", "a"]
    assert alices('sort=metric:"loss.min".min') == ["a", "b"]
    assert alices('filter="loss.min" > 4') == ["a"]


def test_conditions_and_words_are_all_to_be_met(alice, alices, make_run, make_points):
    for name, acc in (("adam small", 0.5), ("adam large", 0.95), ("sgd", 0.97)):
        make_points(alice, make_run(alice, alices.project, name=name, tags=["Größe"]), **{"val/acc": [0.1, acc]})
    make_run(alice, alices.project, name="adam without a point")
    assert alices("filter=val/acc > 0.9") == ["sgd", "adam large"]
    assert alices("filter=ADAM val/acc>=.95") == ["adam large"]
    assert alices("filter=val/acc.min = 0.1 and val/acc < 0.96&sort=name") == ["adam large", "adam small"]
    assert alices('filter="adam l"') == ["adam large"]
    assert alices("filter=GRÖSSE sgd") == ["sgd"]
    assert alices("filter=running -") == []
    assert alices("filter=100%25 _") == []
    assert alices("filter=val/acc != 0.5&sort=metric:val/acc") == ["adam large", "sgd"]


def test_names_are_sorted_as_people_count(alice, alices, make_run):
    ordered = ["run", "run10", "run-9", "Run-10", "run-010", "run-1" + "0" * 150, "Épée", "épée 2"]
    for name in reversed(ordered):
        make_run(alice, alices.project, name=name)
    assert alices("sort=name") == ordered
    assert alices("sort=name&order=desc") == [
        "épée 2",
        "Épée",
        ordered[5],
        "Run-10",
        "run-010",
        "run-9",
        "run10",
        "run",
    ]


def test_search_matches_the_new_name_of_a_renamed_run(api, alice, alices, make_run):
    run = make_run(alice, alices.project, name="old", tags=["first"])
    api(alice).put(f"/runs/{run}", {"name": "new", "tags": ["second"]})
    assert alices("filter=old") == alices("filter=first") == []
    assert alices("filter=NEW second") == ["new"]


@pytest.fixture
def many(app, api, alice, alices, make_run, make_points, monkeypatch):
    """Runs with equal names, values and durations among them, read at one moment."""
    chance = random.Random(7)
    for n in range(23):
        config = {"lr": chance.choice([0.1, 1, "auto 9", "auto 10", [1]]), "net": {"width": chance.choice([8, 16])}}
        run = make_run(alice, alices.project, name=f"run {n % 5}", config=config if n % 4 else {}, tags=["t"] * (n % 3))
        if n % 6:
            make_points(alice, run, loss=[chance.choice([1, 2, 3, "NaN", "Infinity"])], acc=[chance.random()])
        if n % 2:
            status = chance.choice(["completed", "failed"])
            api(alice).put(f"/runs/{run}", {"status": status})
            with app.app_context(), database.writing() as connection:
                table = Run.__table__
                connection.execute(sa.update(table).where(table.c.id == run).values(lasted=n % 3 * 60_000_000))
    moment = now() + timedelta(minutes=1)
    monkeypatch.setattr("aimanager.services.run_list.pages.now", lambda: moment)
    return alices.project


SEVERAL = ["status,-metrics.loss.min,name", "-metrics.loss,config.lr", "config.lr,-config.net.width", "tags,duration", "-duration,-tags,name",
           "metrics.loss.max,-created,name", "config.none,status,-metrics.acc.mean"]  # fmt: skip
SORTS = ["created", "name", "tags", "duration", "status", "metric:loss", "metric:loss.min", "metric:none",
         "config:lr", "config:net.width", "config:none"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sort", SORTS + SEVERAL)
def test_pages_together_are_the_whole_list(api, alice, many, monkeypatch, sort):
    monkeypatch.setattr("aimanager.db.keyset.PROBED", 3)
    monkeypatch.setattr("aimanager.db.matching.FEW", 2)
    for direction, words in itertools.product(("asc", "desc"), ("", "acc > 0.3", "run 2", "not acc > 0.3 or run")):
        query = f"sort={sort}&order={direction}&filter={words}"
        answer = api(alice).get(f"/runs/?project_id={many}&{query}&limit=1000")
        ids = [run["id"] for run in answer.json]
        paged, after = [], ""
        while True:
            answer = api(alice).get(f"/runs/?project_id={many}&{query}&limit=4{after}")
            paged += [run["id"] for run in answer.json]
            if "X-Next-Cursor" not in answer.headers:
                break
            after = f"&after={answer.headers['X-Next-Cursor']}"
        assert paged == ids, query
        assert len(set(ids)) == len(ids)
        if not words:
            assert len(ids) == 23


def test_equal_runs_are_sorted_by_the_further_keys_then_newest_first(api, alice, alices, make_run, make_points):
    runs = [
        ("a", 1, 0.3),
        ("b", 2, 0.1),
        ("c", 1, 0.1),
        ("d", None, 0.2),
        ("e", 1, 0.1),
        ("f", 2, None),
        ("g", None, 0.1),
    ]
    for name, lr, loss in runs:
        run = make_run(alice, alices.project, name=name, config={} if lr is None else {"lr": lr})
        if loss is not None:
            make_points(alice, run, loss=[loss])
    assert alices("sort=config.lr&sort=metrics.loss") == ["e", "c", "a", "b", "f", "g", "d"]
    assert alices("sort=-config.lr,metrics.loss") == ["b", "f", "e", "c", "a", "g", "d"]
    assert alices("sort=config.lr,-metrics.loss,name") == ["a", "c", "e", "b", "f", "d", "g"]
    assert alices("sort=status,name&order=desc") == list("gfedcba")
    assert alices("sort=status,created") == list("abcdefg")
    paged, after = [], ""
    while True:
        path = f"/runs/?project_id={alices.project}&sort=config.lr,metrics.loss&limit=1{after}"
        answer = api(alice).get(path)
        paged += names(answer)
        if "X-Next-Cursor" not in answer.headers:
            break
        after = f"&after={answer.headers['X-Next-Cursor']}"
    assert paged == ["e", "c", "a", "b", "f", "g", "d"]


def test_a_mean_and_the_best_value_are_sorted_and_filtered_by(alice, alices, make_run, make_points):
    for name, loss, acc in (("a", [4, 2], [0.1, 0.9]), ("b", [1, 9], [0.5, 0.2]), ("c", [3, 1], [0.7, 0.7])):
        make_points(alice, make_run(alice, alices.project, name=name), loss=loss, acc=acc)
    assert alices("sort=metrics.loss.mean") == ["c", "a", "b"]
    assert alices("filter=loss.mean > 2.5") == ["b", "a"]
    assert alices("sort=metrics.acc.best&order=desc") == ["a", "c", "b"]
    assert alices("sort=-metrics.loss.best,name") == ["a", "b", "c"]
    assert alices("filter=acc.best > 0.6 and loss.best < 2") == ["c"]


def test_the_number_of_matching_runs_is_given_where_it_is_cheap(api, alice, many, monkeypatch):
    path = f"/runs/?project_id={many}&sort=name&limit=2"
    assert api(alice).get(path).headers["X-Total-Count"] == "23"
    total = api(alice).get(f"{path}&filter=acc > 0 run").headers["X-Total-Count"]
    assert total == str(len(api(alice).get(f"/runs/?project_id={many}&filter=acc > 0 run&limit=100").json))
    monkeypatch.setattr(search, "COUNTED", 5)
    assert "X-Total-Count" not in api(alice).get(f"{path}&filter=run").headers
    assert api(alice).get(f"/runs/?project_id={many}&filter=run&limit=23").headers["X-Total-Count"] == "23"


@pytest.mark.parametrize(
    ("query", "place", "expected"),
    [
        ("sort=colour", "sort", "sort must be one of created, name"),
        ("sort=metric:", "sort", "sort must be one of"),
        ("order=up", "order", "order"),
        ("filter=loss >", "filter", "expected a number after >, at letter 7"),
        ("filter=loss > much", "filter", "expected a number after >, at letter 7"),
        ("filter=loss > nan", "filter", "expected a number after >"),
        ("filter=< 3", "filter", "expected a name before <, at letter 1"),
        ("filter=" + "a>1 " * 21, "filter", "at most 20 words and conditions"),
        ("after=x", "after", "after must be a cursor"),
        ("after=", "after", "after must be a cursor"),
        ("after=%C3%A9", "after", "after must be a cursor"),
        ("sort=name&skip=3", "skip", "skip cannot be used"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_words(alices, query, place, expected):
    answer = alices(query.replace("> ", "%3E ").replace("+", "%2B"), status=400)
    assert answer["errors"][0]["loc"] == ["query", place]
    assert expected in answer["detail"]


def test_sorting_needs_a_project(api, alice):
    answer = api(alice).get("/runs/?sort=name")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["loc"] == ["query", "project_id"]


@pytest.mark.slow
def test_cursors_of_another_order_and_forged_ones_are_refused(api, alice, many):
    path = f"/runs/?project_id={many}&limit=2"
    cursor = api(alice).get(f"{path}&sort=name").headers["X-Next-Cursor"]
    for other in ("sort=name&order=desc", "sort=metric:loss", "sort=created"):
        assert api(alice).get(f"{path}&{other}&after={cursor}").status_code == 400
    odd = [None, True, [], {}, "a\0b", "0x1p0", "nan", 1, 2**70, -1.5, [0, "x"], [1, 2], [0, True], [2, 1], [[0], 1]]
    for sort in SORTS:
        check = order.checksum(RunList(many, order.read(sort, False), Filter()))
        for value, run, moment in itertools.product(odd, (1, -5, 2**70, "x", None), (1, 2**80, "x", 1.5)):
            text = json.dumps([check, [value], run, moment]).encode()
            cursor = base64.urlsafe_b64encode(text).decode().rstrip("=")
            assert api(alice).get(f"{path}&sort={sort}&after={cursor}").status_code in (200, 400), text


def test_a_list_by_cursor_is_open_to_those_who_may_see_the_project(api, alice, bob, alices, make_run):
    make_run(alice, alices.project)
    assert api(bob).get(f"/runs/?project_id={alices.project}&sort=name").status_code == 403
    assert api().get(f"/runs/?project_id={alices.project}&sort=name").status_code == 401
    assert api(alice).get("/runs/?project_id=999&sort=name").status_code == 404


def test_a_cursor_keeps_every_float():
    run_list = RunList(1, Order("metric", "loss"), Filter())
    for value in (0.1, -0.0, 5e-324, float("inf"), float("-inf"), 1.7976931348623157e308):
        cursor = order.read_cursor(run_list, order.write_cursor(run_list, Cursor(order.Place((value,), 1), 2)))
        assert cursor.place == ((value,), 1)


@pytest.fixture
def configured(api, alice, alices, make_run):
    """Runs with all kinds of values in their configs, named after them."""
    values = {
        "0.001": 0.001, "1": 1, "10": 10, "true": True, "false": False, "null": None, "adam 9": "adam 9",
        "adam 10": "adam 10", "Adam 9": "Adam 9", "text 1": "1", "list": [1, 2], "empty": {}, "nested": {"deep": 3},
    }  # fmt: skip
    for name, value in values.items():
        make_run(alice, alices.project, name=name, config={"x": value, "net": {"width": len(name)}})
    make_run(alice, alices.project, name="none")
    return alices


@pytest.mark.parametrize(
    ("condition", "passing"),
    [
        ("config.x = 0.001", ["0.001"]),
        ("config.x == 1", ["1"]),
        ("config.x < 10", ["1", "0.001"]),
        ("config.x >= 1", ["10", "1"]),
        ('config.x = "1"', ["text 1"]),
        ("config.x = true", ["true"]),
        ("config.x = null", []),
        ('config.x = "adam 9"', ["adam 9"]),
        ('config.x > "adam 9"', ["empty", "false", "adam 10", "true"]),
        ('config.x <= "adam 9"', ["list", "text 1", "Adam 9", "adam 9"]),
        ('config.x = "[1,2]"', ["list"]),
        ("config.x.deep = 3", ["nested"]),
        ('config."x" = 10', ["10"]),
        ("config.x != 1 and config.net.width < 4", ["10"]),
        ('config.x != "adam 9" config.net.width = 6', ["Adam 9", "text 1"]),
        ("config.x > 0 true", []),
        ("config.none = 1", []),
    ],
)
def test_a_condition_on_the_config_finds_runs_by_number_or_text(configured, condition, passing):
    assert sorted(configured("filter=" + condition.replace("=", "%3D"))) == sorted(passing)


def test_runs_are_sorted_by_a_config_key_numbers_first_and_texts_as_people_count(configured):
    without = ["none", "nested", "null"]
    texts = ["text 1", "list", "Adam 9", "adam 9", "adam 10", "false", "true", "empty"]
    assert configured("sort=config.x") == ["0.001", "1", "10", *texts, *without]
    assert configured("sort=config:x&order=desc") == [
        "empty", "true", "false", "adam 10", "adam 9", "Adam 9", "list", "text 1", "10", "1", "0.001", *without
    ]  # fmt: skip


def test_a_filter_matches_the_new_values_of_a_changed_config(api, alice, alices, make_run):
    run = make_run(alice, alices.project, name="a", config={"lr": 1, "seed": 3})
    api(alice).put(f"/runs/{run}", {"config": {"lr": 2}})
    assert alices("filter=config.lr %3D 1") == alices("filter=config.seed %3D 3") == []
    assert alices("filter=config.lr %3D 2") == ["a"]
    api(alice).put(f"/runs/{run}", {"name": "b"})
    assert alices("filter=config.lr %3D 2") == ["b"]


def test_a_deleted_run_leaves_nothing_of_its_config(app, api, alice, alices, make_run):
    run = make_run(alice, alices.project, config={"lr": 1})
    api(alice).delete(f"/runs/{run}")
    with app.app_context():
        assert db.session.scalars(sa.select(RunConfig.key)).all() == []


def test_a_stale_run_matches_a_filter_by_state(app, api, alice, alices, make_run):
    stale, _, ended = (make_run(alice, alices.project, name=name) for name in ("silent", "alive", "ended"))
    api(alice).put(f"/runs/{ended}", {"status": "failed"})
    with app.app_context():
        then = now() - timedelta(days=1)
        db.session.execute(sa.update(Run).where(Run.id == stale).values(started_at=then, alive_at=then))
        db.session.commit()
    assert alices("filter=status %3D stale") == alices("filter=stale") == alices("filter=STALE") == ["silent"]
    assert alices("filter=status %3D running") == alices("filter=running") == ["alive"]
    assert alices("filter=status != stale") == ["ended", "alive"]
    assert alices('filter=status != "running"') == ["ended", "silent"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status = done", "expected running, stale, completed, failed or killed after =, at letter 9"),
        ("a config.lr <", "expected a value after <, at letter 14"),
        ("config.lr = <", "expected a value after =, at letter 12"),
        ("config. = 3 x", None),
    ],
)
def test_a_faulty_condition_is_refused_with_its_place(alices, text, expected):
    answer = alices("filter=" + text.replace("=", "%3D"), status=400 if expected else 200)
    assert expected is None or expected in answer["detail"]


def test_a_cursor_of_another_list_is_refused(api, alice, alices, make_run, make_project):
    other = make_project(alice)
    for project in (alices.project, other):
        for n in range(3):
            make_run(alice, project, name=f"run {n}")
    path = f"/runs/?project_id={alices.project}&limit=1"
    cursor = api(alice).get(f"{path}&sort=name&filter=run").headers["X-Next-Cursor"]
    assert api(alice).get(f"{path}&sort=name&filter=run&after={cursor}").status_code == 200
    for query in (
        f"{path}&sort=name&after={cursor}",
        f"{path}&sort=name&filter=run 1&after={cursor}",
        f"{path}&sort=tags&filter=run&after={cursor}",
        f"/runs/?project_id={other}&limit=1&sort=name&filter=run&after={cursor}",
    ):
        answer = api(alice).get(query)
        assert answer.status_code == 400
        assert answer.json["errors"][0]["loc"] == ["query", "after"]


@pytest.mark.parametrize("at_once", [2, 250])
def test_a_list_of_runs_has_the_summaries_of_each(
    api, alice, make_project, make_run, make_points, monkeypatch, at_once
):
    monkeypatch.setattr(metrics, "RUNS_AT_ONCE", at_once)
    project = make_project(alice)
    runs = [make_run(alice, project) for _ in range(5)]
    for run in runs[:4]:
        make_points(alice, run, loss=[run, "NaN", 2], acc=[1])
    for query in ({}, {"sort": "-metrics.loss.max"}, {"sort": "created", "limit": 3}):
        query = {"project_id": project, "limit": 5000} | query
        plain = api(alice).get("/runs/", query_string=query)
        answer = api(alice).get("/runs/", query_string=query | {"summaries": 1})
        assert answer.headers["X-Total-Count"] == plain.headers["X-Total-Count"]
        assert ("X-Next-Cursor" in answer.headers) == ("X-Next-Cursor" in plain.headers)
        for listed, run in zip(answer.json, plain.json, strict=True):
            assert listed == run | {"metrics": api(alice).get(f"/metrics/{run['id']}/summary").json}


def test_an_empty_list_with_summaries_is_a_list(api, alice, make_project):
    answer = api(alice).get("/runs/", query_string={"project_id": make_project(alice), "summaries": 1, "sort": "name"})
    assert (answer.json, answer.headers["X-Total-Count"]) == ([], "0")
