"""What the address of a comparison asks for, with what is shown where it says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import g, request, url_for

from ..errors import Invalid
from ..services.compare import runs as compared_runs
from ..services.compare import values
from ..services.compare.runs import Compared
from ..services.compare.values import STATISTICS, Of, Values

MOST_AXES = 12  # Of parallel coordinates: as many can be told apart side by side.
FIRST_AXES = 5  # Config keys that are axes where the address names none.
MANY = 10  # Runs, above which lines are coloured by a value and not by the run.
LONGEST = 300
MOST_DIGITS = 18
OTHERS = "all-other-runs"  # Stands in an address for their ids.


def run_ids(text: str) -> list[int]:
    """The ids of `1,2,3`, each once. Raises Invalid."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS for word in words):
        raise Invalid.field("runs", "runs must be the ids of runs, separated by commas", source="query")
    return list(dict.fromkeys(map(int, words)))


@dataclass(frozen=True)
class Comparison:
    """The runs of the address, and how they are looked at. `asked` is how many runs it names."""

    runs: Sequence[Compared]
    asked: int

    @classmethod
    def of_request(cls) -> Comparison:
        ids = run_ids(request.args.get("runs", ""))
        return cls(compared_runs.find(g.principal, ids[: compared_runs.MOST]), len(ids))

    @cached_property
    def of(self) -> Of:
        chosen = request.args.get("of")
        return next((of for of in STATISTICS if of == chosen), "last")

    @cached_property
    def everything(self) -> bool:
        """Whether keys are shown that do not differ; a single run differs from nobody."""
        return request.args.get("all") == "1" or len(self.runs) < 2

    @cached_property
    def turned(self) -> bool:
        """Whether the table has a row for each run instead of a column."""
        return request.args.get("rows") == "runs"

    @cached_property
    def search(self) -> str:
        return request.args.get("keys", "").strip()[:LONGEST]

    @cached_property
    def base(self) -> int | None:
        """The run that the others are compared with: of two it is the first, unless the address says another or none."""
        chosen = request.args.get("base", "")
        if not chosen and len(self.runs) == 2:
            return self.runs[0].id
        return next((one.id for one in self.runs if str(one.id) == chosen), None)

    @cached_property
    def config(self) -> list[Values]:
        """The keys whose values differ."""
        of_keys = (values.of_config(self.runs, key) for key in values.config_keys(self.runs))
        return [of_key for of_key in of_keys if of_key.differs]

    @cached_property
    def metrics(self) -> list[str]:
        return values.metric_names(self.runs)

    @cached_property
    def main(self) -> list[str]:
        """The keys of the metrics that one looks at first."""
        return [f"metrics.{name}" for name in self.metrics[:2]]

    @cached_property
    def choices(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What can be drawn: groups of keys with their labels."""
        config = [(one.key, one.label) for one in self.config]
        metrics = [(f"metrics.{name}", name) for name in self.metrics]
        groups = [("Config", config), (f"Metrics ({self.of})", metrics), ("Run", [("duration", "duration")])]
        return [(label, keys) for label, keys in groups if keys]

    @cached_property
    def offered(self) -> set[str]:
        return {key for _, keys in self.choices for key, _ in keys}

    def read(self, key: str | None) -> Values | None:
        return values.read(self.runs, key[:LONGEST], self.of) if key else None

    @cached_property
    def axes(self) -> list[Values]:
        """Of the parallel coordinates: the chosen ones, else config keys that tell runs apart with the main metrics."""
        chosen = list(dict.fromkeys(request.args.getlist("axis")))[:MOST_AXES]
        if chosen:
            return [found for key in chosen if (found := self.read(key))]
        telling = [one for one in self.config if one.numeric or len(one.categories) < max(3, one.present)]
        metrics = [found for key in self.main if (found := self.read(key))]
        return [*telling[:FIRST_AXES], *metrics]

    @cached_property
    def axis_colour(self) -> Values | None:
        """None: lines have the colours of their runs."""
        key = request.args.get("axis_colour")
        if key is None and len(self.runs) > MANY and self.main:
            key = self.main[0]
        return self.read(key)

    @cached_property
    def x(self) -> Values:
        first = next((one for one in self.config if one.numeric), None) or next(iter(self.config), None)
        return self.read(request.args.get("plot_x")) or first or values.duration(self.runs)

    @cached_property
    def y(self) -> Values:
        main = self.read(self.main[0]) if self.main else None
        return self.read(request.args.get("plot_y")) or main or values.duration(self.runs)

    @cached_property
    def colour(self) -> Values | None:
        return self.read(request.args.get("plot_colour"))

    @cached_property
    def boxes(self) -> bool:
        """Whether x is read as categories: text always is, numbers are if the address says so."""
        return self.y.numeric and (not self.x.numeric or request.args.get("plot") == "box")

    @cached_property
    def metric(self) -> Values | None:
        """The metric for which keys may matter."""
        chosen = self.read(request.args.get("matter"))
        if chosen and chosen.key.startswith("metrics."):
            return chosen
        return self.read(self.main[0]) if self.main else None

    @cached_property
    def without(self) -> list[str]:
        """For each run the address of this comparison without it. One is made and changed: a hundred would take a while."""
        before, _, after = self.address(runs=OTHERS).partition(OTHERS)
        ids = [str(one.id) for one in self.runs]
        return [f"{before}{','.join(ids[:at] + ids[at + 1 :])}{after}" for at in range(len(ids))]

    def address(self, endpoint: str = "web.compare", **changes: Any) -> str:
        """An address with this one's query, some of it changed."""
        query: dict[str, Any] = request.args.to_dict(flat=False) | {"runs": ",".join(str(one.id) for one in self.runs)}
        return url_for(
            endpoint, **{name: value for name, value in (query | changes).items() if value not in (None, "")}
        )
