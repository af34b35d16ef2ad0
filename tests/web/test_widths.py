"""Columns of the table of runs are as wide as their heads and tags."""

import re


def widths(look, who, path: str) -> dict[str, int]:
    page = look(who, path).text
    return {key: int(width) for key, width in re.findall(r'<col data-col="([^"]+)" width="(\d+)"', page)}


def test_a_head_is_shown_whole_with_its_value_its_group_and_the_arrow(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    names = ["val/accuracy", "a_long_name_of_a_group/x", "val/x"]
    make_points(alice, make_run(alice, project), **{name: [1] for name in names})
    path = f"/app/projects/{project}?" + "&".join(f"show=metrics.{name}&show=metrics.{name}.best" for name in names)
    plain, in_order = widths(look, alice, path), widths(look, alice, f"{path}&sort=-metrics.val/accuracy")
    assert plain["metrics.val/accuracy.best"] >= 7 * len("accuracy best") + 24
    assert plain["metrics.a_long_name_of_a_group/x"] >= 7 * len("a_long_name_of_a_group/") + 24
    assert plain["metrics.val/x"] == 84
    assert in_order["metrics.val/accuracy"] == plain["metrics.val/accuracy"] + 16


def test_a_number_with_a_power_of_ten_is_shown_whole(look, alice, make_project, make_run, make_points):
    project = make_project(alice)
    make_points(alice, make_run(alice, project), x=[0.5], tiny=[-4.162e-12], huge=[-4.162e12])
    found = widths(look, alice, f"/app/projects/{project}?show=metrics.x&show=metrics.tiny&show=metrics.huge")
    assert found["metrics.x"] == 84
    assert found["metrics.tiny"] == found["metrics.huge"] == 116


def test_tags_are_as_wide_as_those_of_the_widest_row(look, alice, make_project, make_run):
    project = make_project(alice)
    path = f"/app/projects/{project}?show=tags"
    make_run(alice, project, tags=["one"])
    assert widths(look, alice, path)["tags"] == 84
    make_run(alice, project, tags=["baseline", "augmented"])
    assert 160 < widths(look, alice, path)["tags"] < 240
    make_run(alice, project, tags=[f"a tag of many letters {n}" for n in range(9)])
    assert widths(look, alice, path)["tags"] == 280
    assert widths(look, alice, f"{path}&width=tags:100")["tags"] == 100


def test_the_names_of_groups_leave_room_for_two_metrics_in_half_of_a_small_screen(look, alice, make_project, make_run):
    project = make_project(alice)
    config = {"model": {"name": "a-model-with-quite-a-long-name"}, "optimizer": "adam", "lr": 0.001}
    make_run(alice, project, config=config)
    page = look(alice, f"/app/projects/{project}?group=config.model.name&group=config.optimizer&group=config.lr").text
    assert int(re.search(r'<col data-col="name" width="(\d+)"', page)[1]) <= 648 - 128 - 2 * 172
    # A text speaks for itself, a number not; with all keys it is said at the pointer.
    row = re.search(r'<td class="who">(.*?)</td>', page, re.S)[1]
    assert re.findall(r">([^<]+)<", row) == [config["model"]["name"], "adam · lr 0.001 · 1 run"]
    assert f'title="model.name {config["model"]["name"]}, optimizer adam, lr 0.001"' in row
