"""`run.config`: what was set is read, and what is changed is sent."""

import copy
import json
import pickle

import pytest

from ai_manager import AIManager


class Unspeakable:
    """Nothing can be said of it."""

    def __getattr__(self, name):
        raise RuntimeError("no")

    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def test_settings_are_read_as_they_were_set(manager):
    with manager.run(config={"lr": 0.1, "optimiser": {"name": "adam", "betas": [0.9, 0.99]}}) as run:
        assert run.config == {"lr": 0.1, "optimiser": {"name": "adam", "betas": [0.9, 0.99]}}
        assert run.config["optimiser"]["betas"] == [0.9, 0.99]
        assert json.loads(json.dumps(run.config)) == dict(run.config)
        assert "lr" in run.config
        assert list(run.config) == ["lr", "optimiser"]


def test_what_is_changed_is_sent_merged_by_key(server, manager):
    with manager.run(config={"lr": 0.1, "optimiser": {"name": "adam", "decay": {"rate": 0.5}}}) as run:
        run.config["lr"] = 1e-3
        run.config.update({"seed": 1}, epochs=3)
        run.config |= {"late": True}
        run.config["optimiser"]["name"] = "sgd"
        run.config["optimiser"]["decay"]["rate"] = 0.1
        assert run.config.setdefault("lr", 9) == 1e-3
        assert run.config.setdefault("new", {"a": 1})["a"] == 1
        run.config["new"]["b"] = 2
        del run.config["optimiser"]["decay"]["rate"]
        run.update_config(best=0.9)
        seen = copy.deepcopy(run.config)
    expected = {"lr": 1e-3, "optimiser": {"name": "sgd", "decay": {}}, "seed": 1, "epochs": 3, "late": True}
    assert server.state.runs[1]["config"] == {**expected, "new": {"a": 1, "b": 2}, "best": 0.9}
    assert seen == server.state.runs[1]["config"]
    assert type(seen) is type(pickle.loads(pickle.dumps(run.config))["optimiser"]) is dict


def test_a_value_that_cannot_be_stored_loses_only_itself_and_is_named(server, manager, caplog):
    with manager.run() as run:
        run.config.update({"lr": 0.1, "model": {"depth": 3, "bad": "a\0b"}})
        run.config["model"]["worse"] = Unspeakable()
        run.config["model"]["width"] = 4
        run.config["bad"] = "\0"
        run.config.update(5)
        run.config.update(None)
    assert server.state.runs[1]["config"] == {"lr": 0.1, "model": {"depth": 3, "width": 4}, "config": 5}
    for name in ("model.bad", "model.worse", "config bad"):
        assert f"{name} is left out" in caplog.text


def test_a_setting_that_was_stored_stays(server, manager, caplog):
    with manager.run(config={"lr": 0.1}) as run:
        del run.config["lr"]
        assert run.config.pop("lr") == 0.1
        assert run.config.popitem() == ("lr", 0.1)
        run.config.clear()
        assert run.config == {"lr": 0.1}
    assert server.state.runs[1]["config"] == {"lr": 0.1}
    assert caplog.text.count("can be changed, and not removed") == 1


def test_settings_of_a_run_that_is_not_sent_are_read_all_the_same(server):
    for mode in ("offline", "disabled"):
        with AIManager("p", server.url, mode=mode).run(config={"lr": 0.1}) as run:
            run.config["seed"] = 1
            assert run.config == {"lr": 0.1, "seed": 1}


def test_settings_that_are_changed_after_the_end_raise_nothing(manager):
    with manager.run() as run:
        pass
    run.config["late"] = 1


@pytest.mark.slow
def test_a_real_server_has_the_settings_that_are_read(real_server, quick):
    manager = AIManager("live config", real_server.url, username="reader", password="a long password")
    with manager.run(config={"lr": 0.1, "model": {"depth": 3}}) as run:
        run.config["model"]["depth"] = 4
        run.config["lr"] = 1e-3
    assert manager.get_run(run.id).config == run.config == {"lr": 1e-3, "model": {"depth": 4}}
    with manager.run(id=run.id) as again:
        assert again.config["model"]["depth"] == 4
