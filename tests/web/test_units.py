"""Metrics of the machine are shown with their unit, on the server as in the browser."""

import json
from pathlib import Path

import pytest

from aimanager.web.units import measured, title_of

TABLE = json.loads((Path(__file__).parents[1] / "wire" / "units.json").read_text())


@pytest.mark.parametrize(("name", "value", "text"), TABLE["values"])
def test_a_value_of_the_machine_is_written_with_its_unit(name, value, text):
    assert measured(value, name) == text


@pytest.mark.parametrize(("name", "title"), TABLE["titles"])
def test_a_metric_of_the_machine_has_a_title_in_words(name, title):
    assert title_of(name) == title


def test_the_machine_is_in_its_own_tab_with_units_and_not_among_the_charts(look, alice, make_run, make_points):
    run = make_run(alice)
    make_points(alice, run, **{"train/loss": [1.0], "system/memory_used_bytes": [2.5e9], "system/cpu_percent": [41.5]})
    charts, system = look(alice, f"/app/runs/{run}").text, look(alice, f"/app/runs/{run}?tab=system").text
    assert 'data-name="system/' not in charts
    assert "train/loss" in charts
    assert 'data-name="train/loss"' not in system
    assert ">Memory used</h3>" in system
    assert ">2.5 GB</data>" in system
    assert ">41.5 %</data>" in system
