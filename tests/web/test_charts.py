"""Charts of many runs as the pages get them."""

import numpy as np
import pytest

from aimanager.wire import columnar


def unpacked(answer):
    """The head of a frame with arrays for references."""
    assert answer.mimetype == "application/vnd.ai-manager.chart"
    head, columns = columnar.unpack(answer.data)
    for chart in head["charts"]:
        for name, part in chart.items():
            if isinstance(part, list) and len(part) == 3 and part[0] in columnar.KINDS:
                chart[name] = columns.column(part, name)
    return head


@pytest.fixture
def charts(look):
    """`charts(alice, runs="1,2", name="loss")`."""

    def fetch(who, **query):
        return unpacked(look(who, "/app/charts", query_string=query))

    return fetch


def test_one_answer_has_the_charts_of_several_runs_and_metrics(charts, alice, make_run, make_points):
    one, two, empty = make_run(alice), make_run(alice), make_run(alice)
    make_points(alice, one, a=[1, 2], b=[3, 4])
    make_points(alice, two, b=[5, 6, 7], c=[8])
    head = charts(alice, runs=f"{two},{one},{two},{empty}", name=["b", "a", "b", "nothing"])
    assert head["last_ids"] == {str(two): 4, str(one): 4, str(empty): 0}
    assert [(chart["run_id"], chart["name"], chart["last"].tolist()) for chart in head["charts"]] == [
        (two, "b", [5, 6, 7]), (one, "b", [3, 4]), (one, "a", [1, 2]),
    ]  # fmt: skip


def test_a_run_without_the_metric_says_how_far_it_is(charts, alice, make_run, make_points):
    one, two = make_run(alice), make_run(alice)
    make_points(alice, one, a=[1])
    make_points(alice, two, b=[1, 2, 3])
    assert charts(alice, runs=f"{one},{two}", name="a")["last_ids"] == {str(one): 1, str(two): 3}


def test_a_metric_is_drawn_against_another_one_at_equal_steps(charts, alice, make_run, make_points):
    one, two = make_run(alice), make_run(alice)
    make_points(alice, one, loss=[5, 4, 3, 2], lr=[0.1, 0.3, 0.2], later=[1])
    make_points(alice, two, loss=[1])
    head = charts(alice, runs=f"{one},{two}", name=["loss", "later"], x="metric:lr")
    loss, later, missing = head["charts"]
    assert (loss["x_axis"], loss["exact"]) == ("metric:lr", True)
    assert (loss["x"].tolist(), loss["last"].tolist()) == ([0.1, 0.3, 0.2], [5, 4, 3])
    assert later["x"].tolist() == [0.1]
    assert (missing["run_id"], missing["error"]) == (two, "loss and lr have no step in common in this run")
    (zoomed,) = charts(alice, runs=f"{one}", name="loss", x="metric:lr", min=0.15, max=0.25)["charts"]
    assert zoomed["last"].tolist() == [3]


def test_twenty_spikes_in_twenty_runs_are_all_in_the_answer(charts, alice, make_run, make_points):
    random = np.random.default_rng(7)
    spikes = {}
    for _ in range(20):
        values = random.normal(size=5000)
        run = make_run(alice)
        step = int(random.integers(5000))
        values[step] = spikes[run] = 100.0 + run
        make_points(alice, run, loss=values.tolist())
    runs = ",".join(map(str, spikes))
    drawn = charts(alice, runs=runs, name="loss", points=600)["charts"]
    assert {chart["run_id"]: float(chart["max"].max()) for chart in drawn} == spikes
    assert all(len(chart["x"]) <= 600 and not chart["exact"] for chart in drawn)


def test_the_whole_request_is_refused_for_one_run_that_may_not_be_read(look, alice, bob, make_run, make_points):
    mine, public, foreign = make_run(bob), make_run(alice, public=True), make_run(alice)
    for owner, run in ((bob, mine), (alice, public), (alice, foreign)):
        make_points(owner, run, loss=[1])

    def status(who, *runs):
        return look(
            who, f"/app/charts?name=loss&runs={','.join(map(str, runs))}", headers={"Accept": "*/*"}
        ).status_code

    assert status(bob, mine, public) == 200
    assert status(bob, mine, foreign, public) == 403
    assert status(bob, mine, 99_999) == 404
    assert status(None, public) == 200
    api = {"Accept": "application/json", "Sec-Fetch-Mode": "same-origin"}
    assert look(None, f"/app/charts?name=loss&runs={public},{foreign}", headers=api).status_code == 401


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("name=a", "runs must be"),
        ("name=a&runs=1,x", "runs must be"),
        ("name=a&runs=" + ",".join(map(str, range(1, 102))), "runs must be at most 100"),
        ("runs=1", "name must be given"),
        ("runs=1&" + "&".join(f"name={i}" for i in range(51)), "name must be given once to 50 times"),
        ("runs=1&name=a&x=epoch", "x must be"),
        ("runs=1&name=a&min=low", "min must be a number"),
    ],
)
def test_what_cannot_be_drawn_is_said(look, alice, query, words):
    answer = look(alice, f"/app/charts?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert words in answer.text


@pytest.fixture
def group_charts(look):
    """`group_charts(alice, groups="1,2;3", name="loss")`."""

    def fetch(who, **query):
        return unpacked(look(who, "/app/charts/groups", query_string=query))

    return fetch


def test_groups_come_with_mean_band_range_and_count(group_charts, alice, make_run, make_points):
    one, two, three = (make_run(alice) for _ in range(3))
    make_points(alice, one, loss=[1, 2, 3], lr=[1])
    make_points(alice, two, loss=[3, 4])
    make_points(alice, three, loss=[7, "NaN"])
    head = group_charts(alice, groups=f"{one},{two};{three}", name=["loss", "lr", "nothing"])
    assert head["last_ids"] == {str(one): 4, str(two): 2, str(three): 2}
    pair, lr, alone = head["charts"]
    assert (pair["group"], pair["name"], pair["method"], pair["n"], pair["exact"]) == (0, "loss", "exact", 2, True)
    assert (lr["group"], lr["name"], lr["n"]) == (0, "lr", 1)
    assert pair["x"].tolist() == [0, 1, 2]
    assert pair["mean"].tolist() == [2, 3, 3]
    assert pair["low"].tolist() == pytest.approx([2 - 2**0.5, 3 - 2**0.5, 3])
    assert pair["high"].tolist() == pytest.approx([2 + 2**0.5, 3 + 2**0.5, 3])
    assert (pair["min"].tolist(), pair["max"].tolist()) == ([1, 2, 3], [3, 4, 3])
    assert pair["count"].tolist() == [2, 2, 1]
    assert alone["group"] == 1
    assert alone["mean"].tolist() == pytest.approx([7, np.nan], nan_ok=True)
    assert alone["bad"] == [{"x": 1, "value": "NaN"}]


def test_groups_by_time_are_interpolated_and_say_so(group_charts, alice, api, make_run):
    runs = [make_run(alice) for _ in range(2)]
    for number, run in enumerate(runs):
        column = {"values": [0, 10], "timestamps": [1e9 + number, 1e9 + 10 + 2 * number]}
        assert api(alice).post(f"/metrics/{run}/bulk", {"series": {"loss": column}}).status_code == 200
    (chart,) = group_charts(alice, groups=",".join(map(str, runs)), name="loss", x="relative")["charts"]
    assert chart["method"] == "interpolated"
    assert chart["x"].tolist() == [0, 10, 11]
    assert chart["mean"].tolist() == pytest.approx([0, (10 + 100 / 11) / 2, 10])
    assert chart["count"].tolist() == [2, 2, 1]


def test_a_group_is_refused_for_one_run_that_may_not_be_read(look, alice, bob, make_run):
    mine, foreign = make_run(bob), make_run(alice)
    headers = {"Accept": "*/*"}
    assert look(bob, f"/app/charts/groups?groups={mine}&name=a", headers=headers).status_code == 200
    assert look(bob, f"/app/charts/groups?groups={mine};{foreign}&name=a", headers=headers).status_code == 403


@pytest.mark.parametrize("groups", ["", "1;;2", "a", ";".join("1" * 51), ",".join(map(str, range(1, 502)))])
def test_groups_that_cannot_be_drawn_are_refused(look, alice, groups):
    answer = look(alice, "/app/charts/groups", query_string={"groups": groups, "name": "a"})
    assert answer.status_code == 400


def test_a_chart_is_exported_with_all_points_of_its_runs(look, alice, api, make_run):
    one, two = make_run(alice, name="=SUM(A1)"), make_run(alice, name='say "hi", you')
    for run in (one, two):
        column = {"values": [0.1, "NaN"], "steps": [5, 7], "timestamps": [1.7e9, 1.7e9 + 0.5]}
        assert (
            api(alice).post(f"/metrics/{run}/bulk", {"series": {"val/loss": column, "lr": column}}).status_code == 200
        )
    many = list(range(30_000))
    assert api(alice).post(f"/metrics/{two}/bulk", {"series": {"steps": {"values": many}}}).status_code == 200
    answer = look(alice, f"/app/charts.csv?runs={one},{two}&name=val/loss")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="val-loss.csv"'
    assert answer.text.splitlines() == [
        "run_id,run,metric,step,value,timestamp",
        f"{one},'=SUM(A1),val/loss,5,0.1,2023-11-14T22:13:20.000000",
        f"{one},'=SUM(A1),val/loss,7,NaN,2023-11-14T22:13:20.500000",
        f'{two},"say ""hi"", you",val/loss,5,0.1,2023-11-14T22:13:20.000000',
        f'{two},"say ""hi"", you",val/loss,7,NaN,2023-11-14T22:13:20.500000',
    ]
    several = look(alice, f"/app/charts.csv?runs={one},{two}&name=steps&name=nothing")
    assert several.headers["Content-Disposition"] == 'attachment; filename="charts.csv"'
    assert [int(float(line.split(",")[-2])) for line in several.text.splitlines()[1:]] == many


def test_the_export_is_refused_for_one_run_that_may_not_be_read(look, alice, bob, make_run):
    mine, foreign = make_run(bob), make_run(alice)
    assert look(bob, f"/app/charts.csv?runs={mine},{foreign}&name=a", headers={"Accept": "*/*"}).status_code == 403
