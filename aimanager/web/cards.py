"""The charts of a page: in which sections they stand, and as what runs are drawn in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any
from urllib.parse import quote

from flask import request, url_for

from ..models import Run
from ..models.run import COLOURS
from ..store.shapes import Summary
from .blueprint import web
from .template_filters import plain

WHOLE_CARDS = 24  # A screen of them, or two: the others are sent as data.
# The data of so many charts come with the page; of fewer where that were very many lines.
FIRST_CHARTS, FIRST_LINES = 12, 400
# As static/js/chart/loader.js asks for them: more where one or two charts share the width of the page.
BUCKETS, DETAIL_BUCKETS, FEWEST_BUCKETS = 600, 1500, 100
FIRST = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "eval": 1, "test": 2}
OF_THE_MACHINE = {"system", "sys", "gpu", "cpu"}
# Of the names of metrics, for Python and JavaScript alike; without regard to case.
OF_SYSTEM = f"^({'|'.join(sorted(OF_THE_MACHINE))})/"
_IS_OF_SYSTEM = re.compile(OF_SYSTEM, re.IGNORECASE)
NOT_OF_SYSTEM = f"^(?!({'|'.join(sorted(OF_THE_MACHINE))})/)"


@dataclass(frozen=True)
class Card:
    """A metric's chart; `whole`: it is sent complete, not as data."""

    name: str
    label: str  # What follows the section's name.
    whole: bool


@dataclass(frozen=True)
class Section:
    """Metrics whose names begin alike: `train` of `train/loss`."""

    name: str
    cards: list[Card]


def sections_of(names: Iterable[str]) -> list[Section]:
    """Sections by the part of the name before the last `/`, the most interesting first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        group, _, label = name.rpartition("/")
        groups.setdefault(group if label else "", []).append((name, label or name))
    sections, before = [], 0
    for group in sorted(groups, key=_place_of):
        metrics = groups[group]
        cards = [Card(name, label, before + n < WHOLE_CARDS) for n, (name, label) in enumerate(metrics)]
        sections.append(Section(group, cards))
        before += len(cards)
    return sections


def is_of_system(name: str) -> bool:
    """Whether a metric says how the machine does, not the training."""
    return _IS_OF_SYSTEM.match(name) is not None


def _place_of(group: str) -> tuple[int, str]:
    """Training first, what describes the machine last."""
    first = group.lower().partition("/")[0]
    return FIRST.get(first, 5 if first in OF_THE_MACHINE else 4 if not group else 3), group


def colour_of(run: Run) -> int:
    """One of twenty: ten hues, and the same ten dashed."""
    return run.id % COLOURS if run.colour is None else run.colour


def drawn_run(run: Run, state: str) -> dict[str, Any]:
    """A run as the charts' script takes it (DrawnRun in static/js/chart/line.js)."""
    url = url_for("web.run", run_id=run.id)
    return {"id": run.id, "name": run.name, "colour": colour_of(run), "state": state, "url": url}


@web.app_template_global()
def first_charts_url(
    sections: Sequence[Section], drawn_runs: Sequence[dict[str, Any]], own_axes: Mapping[str, str]
) -> str | None:
    """Where the data of the first charts are, as the page asks for them before its scripts are there; None for groups of
    runs and along another metric, which take longer than the scripts."""
    x = request.args.get("x", "step")
    cards = [card.name for section in sections for card in section.cards]
    names = cards if "x" in request.args else [name for name in cards if name not in own_axes]
    if not names or not drawn_runs or x.startswith("metric:") or any("members" in run for run in drawn_runs):
        return None
    buckets = DETAIL_BUCKETS if len(cards) < 3 else BUCKETS
    points = int(max(FEWEST_BUCKETS, buckets / sqrt(len(drawn_runs))) + 0.5)
    runs = ",".join(str(run_id) for run_id in sorted(run["id"] for run in drawn_runs))
    first = names[: max(1, min(FIRST_CHARTS, FIRST_LINES // len(drawn_runs)))]
    return url_for("web.charts_of_runs", runs=runs, x=x, points=points, name=first)


@web.app_template_global()
def later_charts(sections: Sequence[Section], summaries: Mapping[str, Summary] | None) -> list[dict[str, Any]]:
    """The charts after the first ones, as static/js/chart/later.js takes them."""
    found = []
    for section in sections:
        names = [card.name for card in section.cards if not card.whole]
        if not names:
            continue
        start = len(section.name) + 1 if section.name else 0
        charts: dict[str, Any] = {"section": section.name, "names": [name[start:] for name in names]}
        if summaries:
            charts["steps"] = [summaries[name].last_step for name in names]
            charts["lasts"] = [plain(summaries[name].last) for name in names]
        found.append(charts)
    return found


@web.app_template_filter("chart_id")
def chart_id(name: str) -> str:
    """An id for an element; a metric's name may hold anything. As idOf in static/js/chart/later.js."""
    return "chart-" + quote(name, safe="!'()*")
